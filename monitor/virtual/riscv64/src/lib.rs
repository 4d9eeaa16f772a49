//! The virtual RISC-V hardware a partition sees: page-table walk, decoder, SBI, PLIC filter, UART
