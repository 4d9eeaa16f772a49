//! The monitor's RISC-V mechanism: traps, context switch, PMP, PLIC and timer access
