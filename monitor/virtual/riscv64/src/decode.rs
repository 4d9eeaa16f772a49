//! The decoder of the instructions with which a partition may access a mediated device.
//!
//! Plain integer loads and stores only, 32-bit (unprivileged specification 20191213, 2.6 and 5.3) and
//! compressed (C 2.0, chapter 16, and Zcb 1.0). Everything else, atomic, floating-point, vector and
//! cache-block instructions among them, has no meaning on a device register and decodes to `None`.

/// The number of an integer register, 0 to 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register(u8);

impl Register {
    /// The stack pointer, the base of the `SP`-relative compressed forms.
    pub const STACK_POINTER: Self = Self(2);

    /// The register in the low five bits of `field`.
    #[inline]
    #[must_use]
    pub const fn new(field: u32) -> Self {
        Self((field & 31) as u8)
    }

    /// The register in the low three bits of `field` of a compressed instruction: `x8` to `x15`.
    #[inline]
    const fn compressed(field: u32) -> Self {
        Self((field & 7) as u8 | 8)
    }

    /// The number, always below 32.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        (self.0 & 31) as usize
    }
}

/// What an access does with its register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Reads memory into a register; a load to `x0` still reads.
    Load {
        /// The register that receives the value.
        destination: Register,
        /// Whether the value is extended by its sign rather than by zeros.
        sign_extend: bool,
    },
    /// Writes the low bytes of a register to memory.
    Store {
        /// The register that holds the value.
        source: Register,
    },
}

/// One load or store.
///
/// It proves what the instruction *bits* ask for; whether this instruction caused the trap is checked
/// by comparing [`Access::effective_address`] with the faulting address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Load or store, and its register.
    pub operation: Operation,
    /// The width in bytes: 1, 2, 4 or 8.
    pub width: u8,
    /// The length of the instruction in bytes, 2 or 4: how far to move the program counter.
    pub instruction_length: u8,
    /// The register that holds the base address.
    pub base: Register,
    /// What is added to the base, −2048 to 2047.
    pub offset: i16,
}

impl Access {
    /// The address accessed, given the value of the base register.
    #[inline]
    #[must_use]
    pub const fn effective_address(&self, base: u64) -> u64 {
        base.wrapping_add(self.offset as i64 as u64)
    }

    /// The value a load leaves in its register, given the bytes read (the low ones of `raw`).
    #[inline]
    #[must_use]
    pub const fn loaded(&self, raw: u64) -> u64 {
        let unused = 64u32.wrapping_sub(self.width as u32 * 8) & 63;
        let top = raw << unused;
        match self.operation {
            Operation::Load {
                sign_extend: true, ..
            } => (top as i64 >> unused) as u64,
            _ => top >> unused,
        }
    }

    /// The bytes a store writes, given the value of its register.
    #[inline]
    #[must_use]
    pub const fn stored(&self, register: u64) -> u64 {
        let unused = 64u32.wrapping_sub(self.width as u32 * 8) & 63;
        register << unused >> unused
    }
}

/// Whether a 32-bit instruction is `WFI` (privileged specification 1.12, 3.3.3).
#[inline]
#[must_use]
pub const fn is_wfi(instruction: u32) -> bool {
    instruction == 0x1050_0073
}

/// Decodes a load or store; of a compressed instruction only the low 16 bits are looked at.
#[inline]
#[must_use]
pub const fn decode(instruction: u32) -> Option<Access> {
    const LOAD: u32 = 0b000_0011;
    const STORE: u32 = 0b010_0011;

    let function = field(instruction, 12, 3);
    match instruction & 0x7f {
        // 0b111 is reserved; LBU, LHU and LWU have the highest bit set.
        LOAD if function != 0b111 => Some(Access {
            operation: Operation::Load {
                destination: Register::new(instruction >> 7),
                sign_extend: function & 0b100 == 0,
            },
            width: 1 << (function & 0b11),
            instruction_length: 4,
            base: Register::new(instruction >> 15),
            offset: (instruction as i32 >> 20) as i16,
        }),
        STORE if function <= 0b011 => Some(Access {
            operation: Operation::Store {
                source: Register::new(instruction >> 20),
            },
            width: 1 << function,
            instruction_length: 4,
            base: Register::new(instruction >> 15),
            offset: ((instruction as i32 >> 25) << 5) as i16 | field(instruction, 7, 5) as i16,
        }),
        _ if instruction & 0b11 != 0b11 => decode_compressed(instruction),
        _ => None,
    }
}

/// `count` bits of `instruction` from bit `low`.
#[inline]
const fn field(instruction: u32, low: u32, count: u32) -> u32 {
    (instruction >> low) & ((1 << count) - 1)
}

/// The offset of `C.LW` and `C.SW`: bits 5:3, 2 and 6 (16.3).
#[inline]
const fn word_offset(instruction: u32) -> u32 {
    field(instruction, 10, 3) << 3 | field(instruction, 6, 1) << 2 | field(instruction, 5, 1) << 6
}

/// The offset of `C.LD` and `C.SD`: bits 5:3 and 7:6 (16.3).
#[inline]
const fn double_offset(instruction: u32) -> u32 {
    field(instruction, 10, 3) << 3 | field(instruction, 5, 2) << 6
}

/// A compressed load or store, by quadrant (bits 1:0) and function (bits 15:13).
#[inline]
const fn decode_compressed(instruction: u32) -> Option<Access> {
    let i = instruction;
    // In quadrant 0 both registers have three bits, in quadrant 2 the base is the stack pointer.
    let base = Register::compressed(i >> 7);
    let near = Register::compressed(i >> 2);
    let load = Operation::Load {
        destination: near,
        sign_extend: true,
    };
    let store = Operation::Store { source: near };
    let stack_load = Operation::Load {
        destination: Register::new(i >> 7),
        sign_extend: true,
    };
    let stack_store = Operation::Store {
        source: Register::new(i >> 2),
    };
    let stack = Register::STACK_POINTER;

    let (operation, width, base, offset) = match (i & 0b11, field(i, 13, 3)) {
        (0b00, 0b010) => (load, 4, base, word_offset(i)),
        (0b00, 0b011) => (load, 8, base, double_offset(i)),
        (0b00, 0b100) => return decode_zcb(i, base, near),
        (0b00, 0b110) => (store, 4, base, word_offset(i)),
        (0b00, 0b111) => (store, 8, base, double_offset(i)),
        // 16.3: C.LWSP and C.LDSP to x0 are reserved.
        (0b10, 0b010) if field(i, 7, 5) != 0 => {
            let offset = field(i, 12, 1) << 5 | field(i, 4, 3) << 2 | field(i, 2, 2) << 6;
            (stack_load, 4, stack, offset)
        }
        (0b10, 0b011) if field(i, 7, 5) != 0 => {
            let offset = field(i, 12, 1) << 5 | field(i, 5, 2) << 3 | field(i, 2, 3) << 6;
            (stack_load, 8, stack, offset)
        }
        (0b10, 0b110) => (
            stack_store,
            4,
            stack,
            field(i, 9, 4) << 2 | field(i, 7, 2) << 6,
        ),
        (0b10, 0b111) => (
            stack_store,
            8,
            stack,
            field(i, 10, 3) << 3 | field(i, 7, 3) << 6,
        ),
        _ => return None,
    };
    Some(Access {
        operation,
        width,
        instruction_length: 2,
        base,
        offset: offset as i16,
    })
}

/// The byte and half-word forms of Zcb, which share one function of quadrant 0.
#[inline]
const fn decode_zcb(instruction: u32, base: Register, near: Register) -> Option<Access> {
    // Bytes: offset bits 0 and 1 in instruction bits 6 and 5. Half-words: bit 5 is offset bit 1, and
    // bit 6 tells C.LH from C.LHU (and is reserved in C.SH).
    let byte_offset = field(instruction, 6, 1) | field(instruction, 5, 1) << 1;
    let half_offset = field(instruction, 5, 1) << 1;
    let selected = field(instruction, 6, 1) == 1;
    let load = Operation::Load {
        destination: near,
        sign_extend: false,
    };
    let store = Operation::Store { source: near };
    let (operation, width, offset) = match field(instruction, 10, 3) {
        0b000 => (load, 1, byte_offset),
        0b001 => (
            Operation::Load {
                destination: near,
                sign_extend: selected,
            },
            2,
            half_offset,
        ),
        0b010 => (store, 1, byte_offset),
        0b011 if !selected => (store, 2, half_offset),
        _ => return None,
    };
    Some(Access {
        operation,
        width,
        instruction_length: 2,
        base,
        offset: offset as i16,
    })
}
