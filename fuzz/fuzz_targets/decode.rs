//! The instruction decoder over all that an instruction can be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use partita_virtual_riscv64::decode::{Operation, decode, is_wfi};

fuzz_target!(|input: (u32, u64, u64)| {
    let (instruction, base, value) = input;
    let Some(access) = decode(instruction) else {
        return;
    };
    assert!(!is_wfi(instruction));
    assert!(matches!(access.width(), 1 | 2 | 4 | 8));
    let is_short = instruction & 0b11 != 0b11;
    assert_eq!(access.instruction_length(), if is_short { 2 } else { 4 });
    assert!(!is_short || instruction >> 16 == 0 || decode(instruction & 0xffff).is_some());
    assert!(access.base().index() < 32);
    assert!((-2048..2048).contains(&access.offset()));
    assert_eq!(
        access.effective_address(base),
        base.wrapping_add_signed(access.offset())
    );
    let bits = 8 * u32::from(access.width());
    let mask = u64::MAX >> (64 - bits);
    match access.operation() {
        Operation::Load { sign_extend, .. } => {
            let loaded = access.loaded(value);
            assert_eq!(loaded & mask, value & mask);
            let negative = sign_extend && value >> (bits - 1) & 1 != 0;
            assert_eq!(loaded & !mask, if negative { !mask } else { 0 });
        }
        Operation::Store { source } => {
            assert!(source.index() < 32);
            assert_eq!(access.stored(value), value & mask);
        }
    }
});
