//! The secure timer of a program against a model that is written by the specification's formulas.

use partita_virtual_aarch64::timer::{Access, Register, Timer};
use proptest::prelude::*;

/// `MRS x5, CNTPS_CTL_EL1` and `MSR CNTPS_TVAL_EL1, x31`, as QEMU and cores report them.
#[test]
fn a_syndrome_names_the_register() {
    let iss = |op0: u64, op1: u64, crn: u64, crm: u64, op2: u64, general: u64, is_read: u64| {
        0x18 << 26
            | 1 << 25
            | op0 << 20
            | op2 << 17
            | op1 << 14
            | crn << 10
            | general << 5
            | crm << 1
            | is_read
    };
    let access = Access::of(iss(3, 7, 14, 2, 1, 5, 1));
    assert_eq!(access.timer(), Some(Register::Control));
    assert_eq!((access.general, access.is_read), (5, true));
    let access = Access::of(iss(3, 7, 14, 2, 0, 31, 0));
    assert_eq!(access.timer(), Some(Register::Value));
    assert_eq!((access.general, access.is_read), (31, false));
    let access = Access::of(iss(3, 7, 14, 2, 2, 0, 0));
    assert_eq!(access.timer(), Some(Register::Compare));
    // `CNTP_CTL_EL0` stands for the secure one.
    let access = Access::of(iss(3, 3, 14, 2, 1, 0, 0));
    assert_eq!(access.timer(), Some(Register::Control));
    // `CNTV_CTL_EL0`, and registers of other names with the same last digits.
    assert_eq!(Access::of(iss(3, 3, 14, 3, 1, 0, 0)).timer(), None);
    assert_eq!(Access::of(iss(3, 4, 14, 2, 1, 0, 0)).timer(), None);
    assert_eq!(Access::of(iss(3, 5, 14, 2, 1, 0, 0)).timer(), None);
    assert_eq!(Access::of(iss(3, 7, 14, 3, 1, 0, 0)).timer(), None);
}

#[test]
fn a_timer_is_off_after_reset() {
    assert_eq!(Timer::RESET.deadline(), None);
    assert_eq!(Timer::RESET.read(Register::Control, 5), 0);
}

#[test]
fn a_masked_timer_tells_its_status_and_does_not_interrupt() {
    let mut timer = Timer::RESET;
    timer.write(Register::Compare, 100, 0);
    timer.write(Register::Control, 3, 0);
    assert_eq!(timer.deadline(), None);
    assert_eq!(timer.read(Register::Control, 99), 3);
    assert_eq!(timer.read(Register::Control, 100), 7);
}

#[derive(Debug, Clone)]
enum Step {
    Write(u8, u64),
    Read(u8),
    Wait(u32),
}

const fn register(number: u8) -> Register {
    match number {
        0 => Register::Value,
        1 => Register::Control,
        _ => Register::Compare,
    }
}

proptest! {
    /// DDI 0487, D12.2.4: `TimerConditionMet = (counter - compare) >= 0`, `TimerValue = (compare - counter)[31:0]`,
    /// `compare = SignExtend(TimerValue[31:0]) + counter`.
    #[test]
    fn it_does_what_the_formulas_say(steps in prop::collection::vec(prop_oneof![
        (0u8..3, any::<u64>()).prop_map(|(r, v)| Step::Write(r, v)),
        (0u8..3, 0u64..5000).prop_map(|(r, v)| Step::Write(r, v)),
        (0u8..3).prop_map(Step::Read),
        any::<u32>().prop_map(Step::Wait),
    ], 1..60)) {
        let mut timer = Timer::RESET;
        let (mut now, mut compare, mut control) = (1000_u64, 0_u64, 0_u64);
        for step in steps {
            match step {
                Step::Wait(ticks) => now += u64::from(ticks),
                Step::Write(number, value) => {
                    timer.write(register(number), value, now);
                    match number {
                        0 => compare = (i128::from(now) + i128::from(value as i32)) as u64,
                        1 => control = value & 3,
                        _ => compare = value,
                    }
                }
                Step::Read(number) => {
                    let met = now >= compare && control & 1 == 1;
                    let expected = match number {
                        0 => compare.wrapping_sub(now) & 0xffff_ffff,
                        1 => control + if met { 4 } else { 0 },
                        _ => compare,
                    };
                    prop_assert_eq!(timer.read(register(number), now), expected);
                }
            }
            let expected = (control == 1).then_some(compare);
            prop_assert_eq!(timer.deadline(), expected);
        }
    }
}
