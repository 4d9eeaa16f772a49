//! What the audit has to know of an instruction: where it goes, and what it does to the stack. Everything else is
//! [`Effect::Other`].

mod aarch64;
mod riscv64;

/// What an instruction does. Registers are their numbers in the architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// To an address: a call if it links, else a jump.
    Jump { target: u64, links: bool },
    /// To a register's value plus an offset.
    JumpRegister { base: u32, offset: i64, links: bool },
    /// A register becomes an address near by.
    UpperAddress { register: u32, value: u64 },
    /// A register becomes this value.
    UpperImmediate { register: u32, value: i64 },
    /// A register becomes the sum of one and a number.
    AddImmediate { to: u32, from: u32, value: i64 },
    /// A register is added to the stack pointer, or subtracted from it.
    StackByRegister { register: u32, adds: bool },
    /// Something else that writes the stack pointer: it gets a new value.
    StackSet,
    /// Nothing of interest; the register that it may write.
    Other { writes: Option<u32> },
    /// Nothing of interest; it may write several registers.
    WritesSeveral,
}

/// What instructions are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// 64-bit RISC-V.
    Riscv64,
    /// 64-bit Arm.
    Aarch64,
}

impl Machine {
    /// The stack pointer.
    pub const fn stack_pointer(self) -> u32 {
        match self {
            Self::Riscv64 => riscv64::SP,
            Self::Aarch64 => aarch64::SP,
        }
    }

    /// The register to which a call returns.
    pub const fn return_address(self) -> u32 {
        match self {
            Self::Riscv64 => 1,
            Self::Aarch64 => 30,
        }
    }

    /// The register that is always zero, among those that instructions of interest can have.
    pub const fn zero(self) -> Option<u32> {
        match self {
            Self::Riscv64 => Some(0),
            Self::Aarch64 => None,
        }
    }

    /// Where the hardware enters for a trap of a partition.
    pub const fn trap_entry(self) -> &'static str {
        match self {
            Self::Riscv64 => "trap_entry",
            Self::Aarch64 => "monitor_vectors",
        }
    }

    /// Decodes the instruction at `address`. Returns its length too; `None` at the end of the code.
    pub fn decode(self, bytes: &[u8], address: u64) -> Option<(Effect, u64)> {
        match self {
            Self::Riscv64 => riscv64::decode(bytes, address),
            Self::Aarch64 => aarch64::decode(bytes, address),
        }
    }
}

/// A number of `bits` bits with a sign.
const fn sign_extend(value: u32, bits: u32) -> i64 {
    ((value << (32 - bits)) as i32 >> (32 - bits)) as i64
}
