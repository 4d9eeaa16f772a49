//! RISC-V unprivileged specification, chapters RV32I, RV64I and "C" (instruction formats, control transfer).

use super::{Effect, sign_extend};

/// The stack pointer's number.
pub const SP: u32 = 2;

/// Decodes the instruction at `address`. Returns its length too; `None` at the end of the code.
pub fn decode(bytes: &[u8], address: u64) -> Option<(Effect, u64)> {
    let low = u32::from(u16::from_le_bytes([*bytes.first()?, *bytes.get(1)?]));
    if low & 3 != 3 {
        return Some((compressed(low, address), 2));
    }
    let high = u32::from(u16::from_le_bytes([*bytes.get(2)?, *bytes.get(3)?]));
    Some((full(high << 16 | low, address), 4))
}

fn full(word: u32, address: u64) -> Effect {
    let (rd, rs1, rs2) = (word >> 7 & 31, word >> 15 & 31, word >> 20 & 31);
    match word & 0x7f {
        0x6f => {
            let offset = (word >> 31) << 20
                | (word >> 12 & 0xff) << 12
                | (word >> 20 & 1) << 11
                | (word >> 21 & 0x3ff) << 1;
            Effect::Jump {
                target: address.wrapping_add_signed(sign_extend(offset, 21)),
                links: rd != 0,
            }
        }
        0x67 => Effect::JumpRegister {
            base: rs1,
            offset: sign_extend(word >> 20, 12),
            links: rd != 0,
        },
        0x63 => {
            let offset = (word >> 31) << 12
                | (word >> 7 & 1) << 11
                | (word >> 25 & 0x3f) << 5
                | (word >> 8 & 0xf) << 1;
            Effect::Jump {
                target: address.wrapping_add_signed(sign_extend(offset, 13)),
                links: false,
            }
        }
        0x17 => Effect::UpperAddress {
            register: rd,
            value: address.wrapping_add_signed(i64::from((word & 0xffff_f000) as i32)),
        },
        0x37 => Effect::UpperImmediate {
            register: rd,
            value: i64::from((word & 0xffff_f000) as i32),
        },
        // addi, addiw
        0x13 | 0x1b if word >> 12 & 7 == 0 => Effect::AddImmediate {
            to: rd,
            from: rs1,
            value: sign_extend(word >> 20, 12),
        },
        0x33 if rd == SP && rs1 == SP && word >> 12 & 7 == 0 => Effect::StackByRegister {
            register: rs2,
            adds: word >> 25 == 0,
        },
        // Stores write memory only; all others may write `rd`.
        0x23 | 0x27 => Effect::Other { writes: None },
        _ => writes(rd),
    }
}

fn writes(register: u32) -> Effect {
    if register == SP {
        Effect::StackSet
    } else {
        Effect::Other {
            writes: (register != 0).then_some(register),
        }
    }
}

fn compressed(half: u32, address: u64) -> Effect {
    let (quadrant, function, rd) = (half & 3, half >> 13, half >> 7 & 31);
    let six_bits = sign_extend((half >> 12 & 1) << 5 | half >> 2 & 31, 6);
    match (quadrant, function) {
        (1, 0) | (1, 1) => Effect::AddImmediate {
            to: rd,
            from: rd,
            value: six_bits,
        },
        (1, 2) => Effect::AddImmediate {
            to: rd,
            from: 0,
            value: six_bits,
        },
        (1, 3) if rd == SP => {
            let value = (half >> 12 & 1) << 9
                | (half >> 3 & 3) << 7
                | (half >> 5 & 1) << 6
                | (half >> 2 & 1) << 5
                | (half >> 6 & 1) << 4;
            Effect::AddImmediate {
                to: SP,
                from: SP,
                value: sign_extend(value, 10),
            }
        }
        (1, 3) => Effect::UpperImmediate {
            register: rd,
            value: six_bits << 12,
        },
        (1, 5) => {
            let offset = (half >> 12 & 1) << 11
                | (half >> 8 & 1) << 10
                | (half >> 9 & 3) << 8
                | (half >> 6 & 1) << 7
                | (half >> 7 & 1) << 6
                | (half >> 2 & 1) << 5
                | (half >> 11 & 1) << 4
                | (half >> 3 & 7) << 1;
            Effect::Jump {
                target: address.wrapping_add_signed(sign_extend(offset, 12)),
                links: false,
            }
        }
        (1, 6 | 7) => {
            let offset = (half >> 12 & 1) << 8
                | (half >> 5 & 3) << 6
                | (half >> 2 & 1) << 5
                | (half >> 10 & 3) << 3
                | (half >> 3 & 3) << 1;
            Effect::Jump {
                target: address.wrapping_add_signed(sign_extend(offset, 9)),
                links: false,
            }
        }
        // c.jr, c.jalr; with a second register they are c.mv and c.add.
        (2, 4) if half >> 2 & 31 == 0 && rd != 0 => Effect::JumpRegister {
            base: rd,
            offset: 0,
            links: half >> 12 & 1 == 1,
        },
        (2, 4) if rd == SP && half >> 12 & 1 == 1 => Effect::StackByRegister {
            register: half >> 2 & 31,
            adds: true,
        },
        (2, 0..=4) => writes(rd),
        (0, 0..=3) => Effect::Other {
            writes: Some(8 + (half >> 2 & 7)),
        },
        (1, 4) => Effect::Other {
            writes: Some(8 + (half >> 7 & 7)),
        },
        _ => Effect::Other { writes: None },
    }
}

#[cfg(test)]
mod tests {
    use super::{Effect, decode};

    fn at(word: u32) -> Effect {
        decode(&word.to_le_bytes(), 0x8000_0000).unwrap().0
    }

    // The words are what GNU `as` made of the text beside them.
    #[test]
    fn control_transfers_lead_where_the_assembler_meant() {
        let jump = |target, links| Effect::Jump { target, links };
        assert_eq!(at(0x0100_00ef), jump(0x8000_0010, true)); // jal ra, .+16
        assert_eq!(at(0xff1f_f06f), jump(0x7fff_fff0, false)); // j .-16
        assert_eq!(at(0xfe00_08e3), jump(0x7fff_fff0, false)); // beqz zero, .-16
        assert_eq!(at(0xb7fd), jump(0x7fff_ffee, false)); // c.j .-18
        let register = |base, offset, links| Effect::JumpRegister {
            base,
            offset,
            links,
        };
        assert_eq!(at(0x0100_80e7), register(1, 16, true)); // jalr 16(ra)
        assert_eq!(at(0x8082), register(1, 0, false)); // ret
        assert_eq!(at(0x9502), register(10, 0, true)); // c.jalr a0
    }

    #[test]
    fn the_stack_pointer_is_followed() {
        let add = |value| Effect::AddImmediate {
            to: 2,
            from: 2,
            value,
        };
        assert_eq!(at(0x7139), add(-64)); // c.addi16sp sp, -64
        assert_eq!(at(0x1141), add(-16)); // c.addi sp, -16
        assert_eq!(at(0x8101_0113), add(-2032)); // addi sp, sp, -2032
        let by = |adds| Effect::StackByRegister { register: 5, adds };
        assert_eq!(at(0x4051_0133), by(false)); // sub sp, sp, t0
        assert_eq!(at(0x9116), by(true)); // c.add sp, t0
        assert_eq!(at(0x0200_3103), Effect::StackSet); // ld sp, 32(zero)
    }
}
