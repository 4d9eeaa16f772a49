//! The few instructions that matter here, by their encoding (RISC-V unprivileged and privileged
//! specifications, instruction listings).

/// What an instruction is to the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ecall`.
    Call,
    /// `mret`.
    MachineReturn,
    /// `sret`.
    SupervisorReturn,
    /// `wfi`.
    Wait,
    /// A load or a store of 64 bits.
    Access,
    /// Anything else.
    Other,
}

/// What the instruction with this encoding is.
pub const fn kind(encoding: u32) -> Kind {
    match encoding {
        0x0000_0073 => return Kind::Call,
        0x3020_0073 => return Kind::MachineReturn,
        0x1020_0073 => return Kind::SupervisorReturn,
        0x1050_0073 => return Kind::Wait,
        _ => {}
    }
    let wide = matches!(encoding & 0x707f, 0x3003 | 0x3023);
    // c.ld and c.sd; c.ldsp and c.sdsp reach the stack only.
    let compressed = matches!(encoding & 0xe003, 0x6000 | 0xe000);
    if wide || compressed {
        Kind::Access
    } else {
        Kind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, kind};

    #[test]
    fn instructions_are_told_by_their_encoding() {
        assert_eq!(kind(0x0000_0073), Kind::Call);
        assert_eq!(kind(0x3020_0073), Kind::MachineReturn);
        assert_eq!(kind(0x0005_b503), Kind::Access, "ld a0, 0(a1)");
        assert_eq!(kind(0x00a5_b023), Kind::Access, "sd a0, 0(a1)");
        assert_eq!(kind(0x6188), Kind::Access, "c.ld a0, 0(a1)");
        assert_eq!(kind(0xe188), Kind::Access, "c.sd a0, 0(a1)");
        assert_eq!(kind(0x0000_0013), Kind::Other, "nop");
    }
}
