//! Systems booted in QEMU and judged from outside
