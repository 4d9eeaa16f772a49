//! Runs a system image in QEMU, splits its consoles, collects its report
