//! The forms in which memory can be reached (DDI 0487, chapters C6 and C7). `x0` has the address.

use super::super::instructions::Access;
use crate::ground::Ground;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The instruction.
    pub access: Access,
    /// Bytes of each general register that it moves, if the monitor stands in for that.
    pub emulated: Option<u8>,
    /// Whether only the newest processor has it.
    is_newer: bool,
}

impl Form {
    /// Whether the processor has it.
    pub const fn exists(&self, ground: &Ground) -> bool {
        !self.is_newer || ground.variant.processor().is_some()
    }

    /// Whether it accesses as user mode would.
    pub fn is_of_user(&self) -> bool {
        matches!(self.access.name, "ldtr" | "sttr")
    }
}

const fn form(name: &'static str, instruction: u32) -> Form {
    Form {
        access: Access { name, instruction },
        emulated: None,
        is_newer: false,
    }
}

const fn newer(name: &'static str, instruction: u32) -> Form {
    Form {
        is_newer: true,
        ..form(name, instruction)
    }
}

impl Form {
    const fn moves(self, bytes: u8) -> Self {
        Self {
            emulated: Some(bytes),
            ..self
        }
    }
}

/// All of them.
pub const fn all() -> [Form; COUNT] {
    ALL
}

const COUNT: usize = 49;

const ALL: [Form; COUNT] = [
    form("ldrh", 0x7940_0000).moves(2),
    form("ldrsb to 64 bits", 0x3980_0000).moves(1),
    form("ldrsb to 32 bits", 0x39c0_0000).moves(1),
    form("ldrsh", 0x7980_0000).moves(2),
    form("ldrsw", 0xb980_0000).moves(4),
    form("ldur", 0xf840_0000).moves(8),
    form("ldr, and add 8 to the base", 0xf840_8402).moves(8),
    form("ldr, with 0 added before", 0xf840_0c02).moves(8),
    form("ldr with a register", 0xf87f_6800).moves(8),
    form("ldp", 0xa940_0c02).moves(8),
    form("ldp of 4 bytes each", 0x2940_0c02).moves(4),
    form("ldp, and add 16", 0xa8c1_0c02).moves(8),
    form("ldpsw", 0x6940_0c02).moves(4),
    form("ldnp", 0xa840_0c02).moves(8),
    form("ldtr", 0xf840_0800).moves(8),
    form("ldar", 0xc8df_fc00).moves(8),
    form("ldxr", 0xc85f_7c00),
    form("ldaxr of 1 byte", 0x085f_fc00),
    form("ldxp", 0xc87f_0c02),
    form("ldr of 16 bytes", 0x3dc0_0000),
    form("ldr of 1 byte to a vector", 0x3d40_0000),
    form("ldp of 16 bytes each", 0xad40_0400),
    form("ld1", 0x4c40_7000),
    form("ld1 of one lane", 0x0d40_0000),
    form("ld4", 0x4c40_0000),
    form("strh", 0x7900_0002).moves(2),
    form("stur", 0xf800_0002).moves(8),
    form("str, and add 8 to the base", 0xf800_8402).moves(8),
    form("str, with 0 added before", 0xf800_0c02).moves(8),
    form("stp", 0xa900_0802).moves(8),
    form("stp, and add 16", 0xa881_0c02).moves(8),
    form("stnp", 0xa800_0c02).moves(8),
    form("sttr", 0xf800_0802).moves(8),
    form("stlr", 0xc89f_fc02).moves(8),
    form("str of 16 bytes", 0x3d80_0000),
    form("stp of 16 bytes each", 0xad00_0400),
    form("st1", 0x4c00_7000),
    form("st1 of one lane", 0x0d00_0000),
    form("st4", 0x4c00_0000),
    form("dc zva", 0xd50b_7420),
    newer("ldapr", 0xf8bf_c000).moves(8),
    newer("ldapur", 0xd940_0000).moves(8),
    newer("ldadd", 0xf822_0001),
    newer("ldclral", 0xf8e2_1001),
    newer("stadd", 0xf822_001f),
    newer("swp", 0xf822_8001),
    newer("cas", 0xc8a2_7c03),
    newer("casp", 0x4822_7c04),
    newer("stlur", 0xd900_0002).moves(8),
];
