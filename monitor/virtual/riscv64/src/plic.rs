//! The filter in front of the platform-level interrupt controller.
//!
//! A partition shares the PLIC with others, so each access that the monitor mediates is judged here,
//! from the lines and contexts the partition owns, and turned into what may reach the hardware.
//! Register layout and behaviour: RISC-V PLIC specification 1.0.0, chapters 3 to 9.
//!
//! The stock Linux driver touches more than it owns when it starts: it writes priority 1 to every
//! source and clears or sets whole enable words. That is [`WriteEffect::Ignored`] in silence. Only what
//! no honest driver does is [`WriteEffect::Denied`].

/// The most interrupt lines a PLIC has, line 0 included, which does not exist (chapter 3).
pub const MAXIMUM_LINES: u32 = 1024;

/// The most contexts that can belong to a partition: two for each of 64 harts.
pub const MAXIMUM_CONTEXTS: u32 = 128;

/// The size of the register space in bytes (chapter 3).
pub const REGISTER_SPACE: u64 = 0x400_0000;

const PENDING: u64 = 0x1000;
const PENDING_END: u64 = 0x1080;
const ENABLE: u64 = 0x2000;
const ENABLE_STRIDE_SHIFT: u32 = 7;
const ENABLE_END: u64 = 0x1f_2000;
const CONTEXT: u64 = 0x20_0000;
const CONTEXT_STRIDE_SHIFT: u32 = 12;
const THRESHOLD: u64 = 0;
const CLAIM_COMPLETE: u64 = 4;

/// What reaches the hardware of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum WriteEffect {
    /// Write `value` to the register at `offset`.
    Write {
        /// Offset of the register in bytes, 4-byte aligned.
        offset: u64,
        /// The value, already masked and clamped.
        value: u32,
    },
    /// The partition sets the threshold of its `context`, which is not the accessing hart's. The monitor
    /// keeps it for that hart and writes it unless it hides the partition's interrupts there.
    Threshold {
        /// One of the partition's contexts.
        context: u32,
        /// The value written.
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
    /// The threshold that the monitor keeps for `context`, one of the partition's that is not the
    /// accessing hart's.
    Threshold {
        /// One of the partition's contexts.
        context: u32,
    },
    /// Zero.
    Zero,
}

/// What a partition owns of the PLIC.
#[derive(Clone, Debug)]
pub struct PlicFilter {
    lines: [u32; 32],
    contexts: [u64; 2],
    maximum_priority: u32,
}

impl PlicFilter {
    /// A filter for a partition that owns `lines` (bit *n* of word *w* is line 32 *w* + *n*; line 0 is
    /// left out) and may give its lines priorities up to `maximum_priority`. It owns no context yet.
    #[must_use]
    pub const fn new(mut lines: [u32; 32], maximum_priority: u32) -> Self {
        lines[0] &= !1;
        Self {
            lines,
            contexts: [0; 2],
            maximum_priority,
        }
    }

    /// Adds a context: the *S-mode* context of a hart of the partition, never an M-mode one. `false` if
    /// `context` is not below [`MAXIMUM_CONTEXTS`].
    #[must_use]
    pub fn add_context(&mut self, context: u32) -> bool {
        match self.contexts.get_mut(context as usize / 64) {
            Some(word) => {
                *word |= 1 << (context % 64);
                true
            }
            None => false,
        }
    }

    /// Whether the partition owns interrupt line `line`.
    #[inline]
    #[must_use]
    pub fn owns_line(&self, line: u32) -> bool {
        self.line_word(u64::from(line) / 32) >> (line % 32) & 1 != 0
    }

    /// Whether `context` is one of the partition's.
    #[inline]
    #[must_use]
    pub fn owns_context(&self, context: u32) -> bool {
        let word = self
            .contexts
            .get(context as usize / 64)
            .copied()
            .unwrap_or(0);
        word >> (context % 64) & 1 != 0
    }

    /// Judges a 4-byte write at `offset` by the hart whose S-mode context is `current`.
    #[inline]
    pub fn write(&self, current: u32, offset: u64, value: u32) -> WriteEffect {
        match Target::of(offset) {
            Target::Enable { context, word } => {
                if !self.owns_context(context) {
                    return WriteEffect::Denied;
                }
                // Foreign bits are zero in the hardware, so they can be written as zero.
                WriteEffect::Write {
                    offset,
                    value: value & self.line_word(word),
                }
            }
            Target::Priority { line } => {
                if !self.owns_line(line) {
                    return WriteEffect::Ignored;
                }
                WriteEffect::Write {
                    offset,
                    value: value.min(self.maximum_priority),
                }
            }
            Target::Threshold { context } if !self.owns_context(context) => WriteEffect::Denied,
            Target::Threshold { context } if context == current => {
                WriteEffect::Write { offset, value }
            }
            Target::Threshold { context } => WriteEffect::Threshold { context, value },
            Target::ClaimComplete { context } if !self.owns_context(context) => WriteEffect::Denied,
            // Chapter 9: a completion names the line. One that the partition does not own is a forgery
            // or a mistake; the PLIC itself would accept it for every line enabled in the context.
            Target::ClaimComplete { context } if context == current && self.owns_line(value) => {
                WriteEffect::Write { offset, value }
            }
            Target::ClaimComplete { .. } | Target::Pending { .. } => WriteEffect::Ignored,
            Target::Nothing => WriteEffect::Denied,
        }
    }

    /// Judges a 4-byte read at `offset` by the hart whose S-mode context is `current`.
    #[inline]
    pub fn read(&self, current: u32, offset: u64) -> ReadEffect {
        let all = u32::MAX;
        let mask = match Target::of(offset) {
            Target::Enable { context, word } if self.owns_context(context) => self.line_word(word),
            Target::Priority { line } if self.owns_line(line) => all,
            Target::Pending { word } => self.line_word(word),
            Target::Threshold { context } if self.owns_context(context) => {
                if context != current {
                    return ReadEffect::Threshold { context };
                }
                all
            }
            // A claim on behalf of another hart would take its interrupt.
            Target::ClaimComplete { context }
                if self.owns_context(context) && context == current =>
            {
                all
            }
            _ => 0,
        };
        if mask == 0 {
            ReadEffect::Zero
        } else {
            ReadEffect::Hardware { offset, mask }
        }
    }

    #[inline]
    fn line_word(&self, word: u64) -> u32 {
        self.lines.get(word as usize).copied().unwrap_or(0)
    }
}

/// The register at an offset.
#[derive(Clone, Copy)]
enum Target {
    Priority { line: u32 },
    Pending { word: u64 },
    Enable { context: u32, word: u64 },
    Threshold { context: u32 },
    ClaimComplete { context: u32 },
    Nothing,
}

impl Target {
    #[inline]
    const fn of(offset: u64) -> Self {
        if offset & 3 != 0 || offset >= REGISTER_SPACE {
            return Self::Nothing;
        }
        if offset >= CONTEXT {
            let context = ((offset - CONTEXT) >> CONTEXT_STRIDE_SHIFT) as u32;
            return match offset & ((1 << CONTEXT_STRIDE_SHIFT) - 1) {
                THRESHOLD => Self::Threshold { context },
                CLAIM_COMPLETE => Self::ClaimComplete { context },
                _ => Self::Nothing,
            };
        }
        if offset < PENDING {
            return Self::Priority {
                line: (offset / 4) as u32,
            };
        }
        if offset >= ENABLE && offset < ENABLE_END {
            let inside = offset - ENABLE;
            let word = (inside & ((1 << ENABLE_STRIDE_SHIFT) - 1)) / 4;
            return Self::Enable {
                context: (inside >> ENABLE_STRIDE_SHIFT) as u32,
                word,
            };
        }
        if offset < PENDING_END {
            return Self::Pending {
                word: (offset - PENDING) / 4,
            };
        }
        Self::Nothing
    }
}
