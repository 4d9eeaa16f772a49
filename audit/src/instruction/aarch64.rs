//! Arm Architecture Reference Manual DDI 0487, C4.1 (encodings of A64).

use super::{Effect, sign_extend};

/// The stack pointer's number; where an instruction has no use of it, that of the register that is always zero.
pub const SP: u32 = 31;

/// Decodes the instruction at `address`.
pub fn decode(bytes: &[u8], address: u64) -> Option<(Effect, u64)> {
    let word = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    Some((effect(word, address), 4))
}

fn effect(word: u32, address: u64) -> Effect {
    let (rd, rn, rm) = (word & 31, word >> 5 & 31, word >> 16 & 31);
    let jump = |offset: i64, links| Effect::Jump {
        target: address.wrapping_add_signed(offset * 4),
        links,
    };
    // `b`, `bl`.
    if word & 0x7c00_0000 == 0x1400_0000 {
        return jump(sign_extend(word & 0x3ff_ffff, 26), word >> 31 == 1);
    }
    // `b.cond`, `cbz`, `cbnz`.
    if word & 0xff00_0000 == 0x5400_0000 || word & 0x7e00_0000 == 0x3400_0000 {
        return jump(sign_extend(word >> 5 & 0x7_ffff, 19), false);
    }
    // `tbz`, `tbnz`.
    if word & 0x7e00_0000 == 0x3600_0000 {
        return jump(sign_extend(word >> 5 & 0x3fff, 14), false);
    }
    // `br`, `blr`, `ret`.
    if word & 0xff9f_fc1f == 0xd61f_0000 && word >> 21 & 3 != 3 {
        return Effect::JumpRegister {
            base: rn,
            offset: 0,
            links: word >> 21 & 3 == 1,
        };
    }
    // `adr`, `adrp`.
    if word & 0x1f00_0000 == 0x1000_0000 {
        let offset = sign_extend((word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3, 21);
        let value = if word >> 31 == 1 {
            (address & !0xfff).wrapping_add_signed(offset << 12)
        } else {
            address.wrapping_add_signed(offset)
        };
        return Effect::UpperAddress {
            register: rd,
            value,
        };
    }
    // `add`, `sub` of a number, 64 bits, without flags: 31 is the stack pointer.
    if word & 0xbf80_0000 == 0x9100_0000 {
        let number = i64::from(word >> 10 & 0xfff) << ((word >> 22 & 1) * 12);
        return Effect::AddImmediate {
            to: rd,
            from: rn,
            value: if word >> 30 & 1 == 1 { -number } else { number },
        };
    }
    // The same of an extended register.
    if word & 0xbfe0_0000 == 0x8b20_0000 && rd == SP {
        return if rn == SP {
            Effect::StackByRegister {
                register: rm,
                adds: word >> 30 & 1 == 0,
            }
        } else {
            Effect::StackSet
        };
    }
    // `and`, `orr`, `eor` of a number: 31 is the stack pointer, for all but `ands`.
    if word & 0x1f80_0000 == 0x1200_0000 && rd == SP && word >> 29 & 3 != 3 {
        return Effect::StackSet;
    }
    // `movz`.
    if word & 0x7f80_0000 == 0x5280_0000 {
        return Effect::UpperImmediate {
            register: rd,
            value: i64::from(word >> 5 & 0xffff) << ((word >> 21 & 3) * 16),
        };
    }
    loads_and_stores(word, rd, rn)
}

fn loads_and_stores(word: u32, rd: u32, rn: u32) -> Effect {
    // Pairs. With a change of the base before (3) or after (1).
    if word & 0x3a00_0000 == 0x2800_0000 {
        let is_vector = word >> 26 & 1 == 1;
        let scale = match (is_vector, word >> 30) {
            (true, size) => 2 + size,
            (false, size) => 2 + (size >> 1),
        };
        let changes = word >> 23 & 1 == 1;
        if changes && rn == SP {
            return Effect::AddImmediate {
                to: SP,
                from: SP,
                value: sign_extend(word >> 15 & 0x7f, 7) << scale,
            };
        }
        let is_load = word >> 22 & 1 == 1;
        return if is_load || changes {
            Effect::WritesSeveral
        } else {
            Effect::Other { writes: None }
        };
    }
    // One register, with a change of the base before (3) or after (1).
    if word & 0x3b20_0400 == 0x3800_0400 {
        return if rn == SP {
            Effect::AddImmediate {
                to: SP,
                from: SP,
                value: sign_extend(word >> 12 & 0x1ff, 9),
            }
        } else {
            Effect::WritesSeveral
        };
    }
    writes(rd)
}

/// The register that an instruction may write. 31 is the register that is always zero here.
const fn writes(register: u32) -> Effect {
    Effect::Other {
        writes: if register == SP { None } else { Some(register) },
    }
}

#[cfg(test)]
mod tests {
    use super::{Effect, SP, decode};

    fn at(word: u32) -> Effect {
        decode(&word.to_le_bytes(), 0x1_0010).unwrap().0
    }

    // The words are what GNU `as` made of the text beside them.
    #[test]
    fn control_transfers_lead_where_the_assembler_meant() {
        let jump = |target, links| Effect::Jump { target, links };
        assert_eq!(at(0x9400_0004), jump(0x1_0020, true)); // bl .+16
        assert_eq!(at(0x17ff_fffc), jump(0x1_0000, false)); // b .-16
        assert_eq!(at(0x54ff_ff81), jump(0x1_0000, false)); // b.ne .-16
        assert_eq!(at(0xb400_0103), jump(0x1_0030, false)); // cbz x3, .+32
        assert_eq!(at(0x3727_ffc3), jump(0x1_0008, false)); // tbnz w3, #4, .-8
        let register = |base, links| Effect::JumpRegister {
            base,
            offset: 0,
            links,
        };
        assert_eq!(at(0xd65f_03c0), register(30, false)); // ret
        assert_eq!(at(0xd63f_0100), register(8, true)); // blr x8
        assert_eq!(at(0xd61f_0120), register(9, false)); // br x9
    }

    #[test]
    fn the_stack_pointer_is_followed() {
        let add = |value| Effect::AddImmediate {
            to: SP,
            from: SP,
            value,
        };
        let by = |adds| Effect::StackByRegister { register: 9, adds };
        assert_eq!(at(0xa9ba_7bfd), add(-96)); // stp x29, x30, [sp, #-96]!
        assert_eq!(at(0xa8c6_7bfd), add(96)); // ldp x29, x30, [sp], #96
        assert_eq!(at(0xf81f_0ff3), add(-16)); // str x19, [sp, #-16]!
        assert_eq!(at(0xd140_13ff), add(-0x4000)); // sub sp, sp, #4, lsl #12
        assert_eq!(at(0xd108_c3ff), add(-0x230)); // sub sp, sp, #0x230
        assert_eq!(at(0x9108_c3ff), add(0x230)); // add sp, sp, #0x230
        assert_eq!(at(0xcb29_63ff), by(false)); // sub sp, sp, x9
        assert_eq!(at(0x927c_ed3f), Effect::StackSet); // and sp, x9, #-16
        let set = Effect::AddImmediate {
            to: SP,
            from: 0,
            value: 0,
        };
        assert_eq!(at(0x9100_001f), set); // mov sp, x0
        let nothing = Effect::Other { writes: None };
        assert_eq!(at(0xa901_07e0), nothing); // stp x0, x1, [sp, #16]
        assert_eq!(at(0xf100_103f), nothing); // cmp x1, #4
    }

    #[test]
    fn values_are_followed() {
        let near = Effect::UpperAddress {
            register: 1,
            value: 0x1_0000,
        };
        assert_eq!(at(0x9000_0001), near); // adrp x1, .
        let number = Effect::UpperImmediate {
            register: 9,
            value: 0x1234,
        };
        assert_eq!(at(0x5282_4689), number); // mov w9, #0x1234
        assert_eq!(at(0xa941_0440), Effect::WritesSeveral); // ldp x0, x1, [x2, #16]
        assert_eq!(at(0xf840_8440), Effect::WritesSeveral); // ldr x0, [x2], #8
        assert_eq!(at(0xaa01_03e0), Effect::Other { writes: Some(0) }); // mov x0, x1
    }
}
