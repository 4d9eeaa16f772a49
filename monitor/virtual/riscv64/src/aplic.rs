//! The filter in front of an APLIC's supervisor-level interrupt domain.
//!
//! The domain has the sources of every Linux of the system, and each source may send its message to any
//! supervisor-level interrupt file. So the monitor mediates all of it, and each access is judged here from
//! the lines and harts that the partition owns. Register layout and behaviour: RISC-V Advanced Interrupt
//! Architecture 1.0, chapter 4, in the mode that forwards interrupts by messages.
//!
//! The stock Linux driver touches more than it owns when it starts: it clears the enable bits and writes the
//! configuration and a first target of every source. That is [`WriteEffect::Ignored`] in silence. Only what
//! no honest driver does is [`WriteEffect::Denied`].

/// The size of a domain's registers without interrupt delivery control, in bytes (4.5).
pub const REGISTER_SPACE: u64 = 0x4000;

const DOMAIN_CONFIGURATION: u64 = 0x0000;
const SOURCE_CONFIGURATION: u64 = 0x0004;
const SOURCE_CONFIGURATION_END: u64 = 0x1000;
const SET_PENDING: u64 = 0x1c00;
const SET_PENDING_NUMBER: u64 = 0x1cdc;
const CLEAR_PENDING: u64 = 0x1d00;
const CLEAR_PENDING_NUMBER: u64 = 0x1ddc;
const SET_ENABLE: u64 = 0x1e00;
const SET_ENABLE_NUMBER: u64 = 0x1edc;
const CLEAR_ENABLE: u64 = 0x1f00;
const CLEAR_ENABLE_NUMBER: u64 = 0x1fdc;
const WORDS_BYTES: u64 = 0x80;
const SET_PENDING_NUMBER_LITTLE: u64 = 0x2000;
const SET_PENDING_NUMBER_BIG: u64 = 0x2004;
const TARGET: u64 = 0x3004;

/// `sourcecfg`: the source mode. The delegation bit is left out: there is no domain below (4.5.2).
const SOURCE_MODE: u32 = 0b111;
/// `target`: the place of the hart index, of the guest index, and of the identity (4.5.16).
const HART_INDEX_SHIFT: u32 = 18;
const GUEST_INDEX: u32 = 0x3f << 12;
const IDENTITY: u32 = 0x7ff;
/// `target` as the stock driver writes it to every source at first: identity 1 on hart 0.
const FIRST_TARGET: u32 = 1;

/// What reaches the hardware of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum WriteEffect {
    /// Write `value` to the register at `offset`.
    Write {
        /// Offset of the register in bytes, 4-byte aligned.
        offset: u64,
        /// The value, already masked.
        value: u32,
    },
    /// Nothing, and nothing to report.
    Ignored,
    /// Nothing, and a health event.
    Denied,
}

/// What a read returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum ReadEffect {
    /// The register at `offset`, and only the bits in `mask` of it.
    Hardware {
        /// Offset of the register in bytes, 4-byte aligned.
        offset: u64,
        /// The bits the partition may see.
        mask: u32,
    },
    /// Zero.
    Zero,
}

/// What a partition owns of the domain.
#[derive(Clone, Debug)]
pub struct AplicFilter {
    lines: [u32; 32],
    /// The harts whose interrupt files it has, one bit each.
    harts: u64,
    /// The highest identity of an interrupt file.
    identities: u16,
}

impl AplicFilter {
    /// A filter for a partition that owns `lines` (bit *n* of word *w* is line 32 *w* + *n*; line 0 is left
    /// out), which may send messages with identities up to `identities`. It owns no hart yet.
    #[must_use]
    pub const fn new(mut lines: [u32; 32], identities: u16) -> Self {
        lines[0] &= !1;
        Self {
            lines,
            harts: 0,
            identities,
        }
    }

    /// Adds a hart of the partition. `false` if the number is not below 64.
    #[must_use]
    pub const fn add_hart(&mut self, hart: u32) -> bool {
        match 1_u64.checked_shl(hart) {
            Some(bit) => {
                self.harts |= bit;
                true
            }
            None => false,
        }
    }

    /// Whether the partition owns interrupt line `line`.
    #[must_use]
    pub fn owns_line(&self, line: u32) -> bool {
        self.line_word(u64::from(line) / 32) >> (line % 32) & 1 != 0
    }

    fn owns_hart(&self, hart: u32) -> bool {
        self.harts.checked_shr(hart).unwrap_or(0) & 1 != 0
    }

    /// Judges a 4-byte write at `offset`.
    pub fn write(&self, offset: u64, value: u32) -> WriteEffect {
        let pass = |value| WriteEffect::Write { offset, value };
        match Register::of(offset) {
            // How the domain delivers is the monitor's choice.
            Register::DomainConfiguration => WriteEffect::Ignored,
            Register::SourceConfiguration { line } if self.owns_line(line) => {
                match value & SOURCE_MODE {
                    2 | 3 => WriteEffect::Ignored,
                    mode => pass(mode),
                }
            }
            Register::Target { line } if self.owns_line(line) => self.target(offset, value),
            Register::SourceConfiguration { line } | Register::Target { line } if line != 0 => {
                WriteEffect::Ignored
            }
            Register::Word { word } => match value & self.line_word(word) {
                0 => WriteEffect::Ignored,
                own => pass(own),
            },
            Register::Number if self.owns_line(value) => pass(value),
            Register::NumberBig if self.owns_line(value.swap_bytes()) => pass(value),
            _ => WriteEffect::Denied,
        }
    }

    /// A message goes to an interrupt file that the partition has, or nowhere.
    fn target(&self, offset: u64, value: u32) -> WriteEffect {
        let identity = value & IDENTITY;
        let sound = self.owns_hart(value >> HART_INDEX_SHIFT)
            && value & GUEST_INDEX == 0
            && identity <= u32::from(self.identities);
        if sound {
            let value = value & !(GUEST_INDEX | 1 << 11);
            WriteEffect::Write { offset, value }
        } else if value == FIRST_TARGET {
            WriteEffect::Ignored
        } else {
            WriteEffect::Denied
        }
    }

    /// Judges a 4-byte read at `offset`.
    pub fn read(&self, offset: u64) -> ReadEffect {
        let mask = match Register::of(offset) {
            Register::DomainConfiguration => u32::MAX,
            Register::SourceConfiguration { line } | Register::Target { line }
                if self.owns_line(line) =>
            {
                u32::MAX
            }
            Register::Word { word } => self.line_word(word),
            _ => 0,
        };
        if mask == 0 {
            ReadEffect::Zero
        } else {
            ReadEffect::Hardware { offset, mask }
        }
    }

    fn line_word(&self, word: u64) -> u32 {
        self.lines.get(word as usize).copied().unwrap_or(0)
    }
}

/// The register at an offset.
#[derive(Clone, Copy)]
enum Register {
    DomainConfiguration,
    SourceConfiguration {
        line: u32,
    },
    /// Pending or enable bits of 32 lines.
    Word {
        word: u64,
    },
    /// The number of the line whose pending or enable bit is to be set or cleared.
    Number,
    /// The same, with its bytes swapped.
    NumberBig,
    Target {
        line: u32,
    },
    /// None, or one that no partition has: the addresses of messages, and sending one without a line.
    Nothing,
}

impl Register {
    const fn of(offset: u64) -> Self {
        if offset & 3 != 0 || offset >= REGISTER_SPACE {
            return Self::Nothing;
        }
        match offset {
            DOMAIN_CONFIGURATION => Self::DomainConfiguration,
            SOURCE_CONFIGURATION..SOURCE_CONFIGURATION_END => Self::SourceConfiguration {
                line: (offset / 4) as u32,
            },
            TARGET..REGISTER_SPACE => Self::Target {
                line: ((offset - TARGET) / 4 + 1) as u32,
            },
            SET_PENDING_NUMBER
            | CLEAR_PENDING_NUMBER
            | SET_ENABLE_NUMBER
            | CLEAR_ENABLE_NUMBER
            | SET_PENDING_NUMBER_LITTLE => Self::Number,
            SET_PENDING_NUMBER_BIG => Self::NumberBig,
            _ => match offset & !(WORDS_BYTES - 1) {
                SET_PENDING | CLEAR_PENDING | SET_ENABLE | CLEAR_ENABLE => Self::Word {
                    word: offset % WORDS_BYTES / 4,
                },
                _ => Self::Nothing,
            },
        }
    }
}
