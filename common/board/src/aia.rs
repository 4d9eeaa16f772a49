//! The Advanced Interrupt Architecture: an APLIC that sends messages to an IMSIC.

use crate::Window;

/// An APLIC with a machine-level and a supervisor-level interrupt domain, and an IMSIC with an interrupt file
/// of each level for each hart (RISC-V Advanced Interrupt Architecture 1.0, chapters 3 and 4). The files of a
/// level lie side by side, one page each, and there are no guest files.
#[derive(Clone, Copy, Debug)]
pub struct Aia {
    /// Registers of the machine-level domain.
    pub machine_domain: Window,
    /// Registers of the supervisor-level domain.
    pub supervisor_domain: Window,
    /// The machine-level interrupt files, one page for each hart that the board can have.
    pub machine_files: Window,
    /// The supervisor-level interrupt files.
    pub supervisor_files: Window,
    /// The highest line number; lines count from 1.
    pub lines: u16,
    /// The highest identity of an interrupt file: a multiple of 64, minus one.
    pub identities: u16,
}

impl Aia {
    /// Size of an interrupt file's registers in bytes.
    pub const FILE_BYTES: u64 = 0x1000;

    /// Offset of `domaincfg`.
    pub const DOMAIN_CONFIGURATION: usize = 0;
    /// Offset of `mmsiaddrcfg`: the page of the first machine-level file.
    pub const MACHINE_ADDRESS: usize = 0x1bc0;
    /// Offset of `mmsiaddrcfgh`.
    pub const MACHINE_ADDRESS_HIGH: usize = 0x1bc4;
    /// Offset of `smsiaddrcfg`: the page of the first supervisor-level file.
    pub const SUPERVISOR_ADDRESS: usize = 0x1bc8;
    /// Offset of `smsiaddrcfgh`.
    pub const SUPERVISOR_ADDRESS_HIGH: usize = 0x1bcc;
    /// The place of the number of hart-index bits in `mmsiaddrcfgh`.
    pub const HART_INDEX_BITS_SHIFT: u32 = 12;
    /// Offset of `setipnum`.
    pub const SET_PENDING_NUMBER: usize = 0x1cdc;
    /// Offset of `clripnum`.
    pub const CLEAR_PENDING_NUMBER: usize = 0x1ddc;
    /// Offset of `setienum`.
    pub const SET_ENABLE_NUMBER: usize = 0x1edc;
    /// Offset of `clrienum`.
    pub const CLEAR_ENABLE_NUMBER: usize = 0x1fdc;

    /// Offset of a line's `sourcecfg`.
    pub const fn source_offset(line: u16) -> usize {
        4 * line as usize
    }

    /// Offset of a line's `target`.
    pub const fn target_offset(line: u16) -> usize {
        0x3000 + 4 * line as usize
    }

    /// The bits that the number of a hart takes in the address of a message.
    pub const fn hart_index_bits(&self) -> u32 {
        let files = self.supervisor_files.size / Self::FILE_BYTES;
        files.next_power_of_two().trailing_zeros()
    }

    /// The address of a hart's supervisor-level interrupt file.
    pub const fn supervisor_file(&self, hart: usize) -> u64 {
        self.supervisor_files.base + Self::FILE_BYTES * hart as u64
    }
}
