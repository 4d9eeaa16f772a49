//! Performance counters: what the SBI specification promises, on registers that remember.

use partita_board::PerformanceCounters;
use partita_virtual_riscv64::counters::{
    COUNTERS, CounterRegisters, Counters, FIRMWARE_BASE, FIRMWARE_COUNT, firmware_event,
};
use partita_virtual_riscv64::sbi::{Registers, SbiError};
use proptest::prelude::*;
use std::collections::BTreeMap;

const PMU: u64 = 0x50_4d55;
const CYCLES: u64 = 1;
const INSTRUCTIONS: u64 = 2;
const NOT_MACHINE: u64 = 1 << 62;
const NOT_SUPERVISOR: u64 = 1 << 61;
const NOT_USER: u64 = 1 << 60;
const OVERFLOW: u64 = 1 << 63;
const CLEAR_VALUE: u64 = 1 << 1;
const AUTO_START: u64 = 1 << 2;
const FIRST_FIRMWARE: u64 = FIRMWARE_BASE as u64;

/// Counters 3 to 6, of which each can count two events.
const HARDWARE: PerformanceCounters = PerformanceCounters {
    counters: 0b111_1000,
    bits: 40,
    overflow: true,
    events: &[(CYCLES as u32, 0x11), (INSTRUCTIONS as u32, 0x22)],
};

/// A hart's registers. Counters that run can be let count.
#[derive(Default)]
struct Hart {
    selectors: BTreeMap<u32, u64>,
    values: BTreeMap<u32, u64>,
    running: u32,
}

impl Hart {
    /// Every counter that runs with a selector counts `times`.
    fn count(&mut self, times: u64) {
        for number in (0..32).filter(|number| self.running >> number & 1 != 0) {
            if self.selector(number) != 0 {
                *self.values.entry(number).or_default() += times;
            }
        }
    }

    fn is_clean(&self) -> bool {
        self.running == 0
            && self
                .selectors
                .values()
                .chain(self.values.values())
                .all(|v| *v == 0)
    }
}

impl CounterRegisters for Hart {
    fn selector(&self, counter: u32) -> u64 {
        self.selectors.get(&counter).copied().unwrap_or(0)
    }
    fn select(&mut self, counter: u32, selector: u64) {
        assert!(HARDWARE.counters >> counter & 1 != 0);
        self.selectors.insert(counter, selector);
    }
    fn value(&self, counter: u32) -> u64 {
        self.values.get(&counter).copied().unwrap_or(0)
    }
    fn set_value(&mut self, counter: u32, value: u64) {
        assert!(HARDWARE.counters >> counter & 1 != 0);
        self.values.insert(counter, value);
    }
    fn run(&mut self, counters: u32) {
        assert_eq!(counters & !HARDWARE.counters, 0);
        self.running = counters;
    }
}

/// One virtual core on one hart.
#[derive(Default)]
struct Core {
    counters: Counters,
    hart: Hart,
}

impl Core {
    fn call(&mut self, function: u64, arguments: &[u64]) -> Result<u64, SbiError> {
        let mut all = [0; 6];
        all[..arguments.len()].copy_from_slice(arguments);
        let registers = Registers {
            extension: PMU,
            function,
            arguments: all,
        };
        self.counters.answer(&registers, &HARDWARE, &mut self.hart)
    }
    fn configure(&mut self, set: (u64, u64), flags: u64, event: u64) -> Result<u64, SbiError> {
        self.call(2, &[set.0, set.1, flags, event, 0])
    }
    fn start(&mut self, set: (u64, u64), value: u64) -> Result<u64, SbiError> {
        self.call(3, &[set.0, set.1, 1, value])
    }
    fn stop(&mut self, set: (u64, u64), reset: bool) -> Result<u64, SbiError> {
        self.call(4, &[set.0, set.1, u64::from(reset)])
    }
    fn read(&mut self, counter: u64) -> Result<u64, SbiError> {
        self.call(5, &[counter])
    }
}

/// All hardware counters, and all firmware counters, as sets.
const ANY_HARDWARE: (u64, u64) = (3, 0b1111);
const ANY_FIRMWARE: (u64, u64) = (FIRST_FIRMWARE, (1 << FIRMWARE_COUNT) - 1);

fn firmware(event: usize) -> u64 {
    0xf_0000 | event as u64
}

#[test]
fn each_counter_says_what_it_is_and_the_fixed_ones_are_not_offered() {
    let mut core = Core::default();
    assert_eq!(core.call(0, &[]), Ok(u64::from(COUNTERS)));
    for number in 0..u64::from(COUNTERS) {
        let answer = core.call(1, &[number]);
        match number {
            3..=6 => assert_eq!(answer, Ok((0xc00 + number) | 39 << 12)),
            FIRST_FIRMWARE.. => assert_eq!(answer.unwrap() >> 63, 1),
            _ => assert_eq!(answer, Err(SbiError::InvalidParameter), "{number}"),
        }
    }
    for number in [u64::from(COUNTERS), 63, 64, 67, 1 << 32, u64::MAX] {
        assert_eq!(core.call(1, &[number]), Err(SbiError::InvalidParameter));
    }
    assert_eq!(core.call(7, &[0, 0, 0]), Err(SbiError::NotSupported));
    assert_eq!(core.call(u64::MAX, &[]), Err(SbiError::NotSupported));
}

#[test]
fn an_event_finds_a_free_counter_that_leaves_machine_mode_out() {
    let mut core = Core::default();
    assert_eq!(core.configure(ANY_HARDWARE, 0, CYCLES), Ok(3));
    assert_eq!(core.hart.selector(3), 0x11 | NOT_MACHINE);
    let flags = 1 << 5 | 1 << 3;
    assert_eq!(core.configure(ANY_HARDWARE, flags, INSTRUCTIONS), Ok(4));
    assert_eq!(core.hart.selector(4), 0x22 | NOT_MACHINE | NOT_USER);
    assert_eq!(core.configure((5, 1), 1 << 6, CYCLES), Ok(5));
    assert_eq!(core.hart.selector(5), 0x11 | NOT_MACHINE | NOT_SUPERVISOR);
    assert_eq!(core.hart.running, 0);
    assert_eq!(core.counters.readable(), 0b11_1000);
    // Counter 6 is the last free one; none is taken from what is configured.
    assert_eq!(core.configure(ANY_HARDWARE, 0, CYCLES), Ok(6));
    let none = core.configure(ANY_HARDWARE, 0, CYCLES);
    assert_eq!(none, Err(SbiError::NotSupported));
    // Unless a single one is named.
    assert_eq!(core.configure((4, 0b101), 1, CYCLES), Ok(4));
    assert_eq!(core.hart.selector(4), 0x11 | NOT_MACHINE);
}

#[test]
fn events_that_nothing_counts_are_not_supported() {
    let mut core = Core::default();
    for event in [
        0,
        3,
        10,
        0x1_0000,
        0x2_0000,
        0x3_0000,
        1 << 20 | CYCLES,
        1 << 32 | CYCLES,
        u64::MAX,
        firmware(firmware_event::MISALIGNED_LOAD),
        firmware(firmware_event::SFENCE_VMA_RECEIVED),
        firmware(firmware_event::HFENCE_GVMA_SENT),
        firmware(firmware_event::PLATFORM),
        firmware(firmware_event::SET_TIMER) | 1 << 20,
        firmware(256 + firmware_event::SET_TIMER),
    ] {
        for set in [ANY_HARDWARE, ANY_FIRMWARE, (0, 0)] {
            let answer = core.configure(set, 0, event);
            assert_eq!(answer, Err(SbiError::NotSupported), "{event:#x}");
        }
    }
    let wrong_kind = core.configure(ANY_FIRMWARE, 0, CYCLES);
    assert_eq!(wrong_kind, Err(SbiError::NotSupported));
    let timer = firmware(firmware_event::SET_TIMER);
    let wrong_kind = core.configure(ANY_HARDWARE, 0, timer);
    assert_eq!(wrong_kind, Err(SbiError::NotSupported));
    assert!(core.hart.is_clean());
}

#[test]
fn sets_with_counters_that_do_not_exist_are_refused_whole() {
    let mut core = Core::default();
    core.configure(ANY_HARDWARE, AUTO_START, CYCLES).unwrap();
    for set in [
        (0, 0b1111),
        (0, 1),
        (3, 0b1_1111),
        (31, 0b11),
        (u64::from(COUNTERS), 1),
        (FIRST_FIRMWARE, 1 << FIRMWARE_COUNT),
        (63, 0b10),
        (64, 1),
        (1 << 32, 1),
        (u64::MAX, 0b1111),
        (3, 1 << 61),
        (0, u64::MAX),
    ] {
        let invalid = Err(SbiError::InvalidParameter);
        assert_eq!(core.configure(set, 0, CYCLES), invalid, "{set:x?}");
        assert_eq!(core.start(set, 0), invalid, "{set:x?}");
        assert_eq!(core.stop(set, true), invalid, "{set:x?}");
    }
    assert_eq!(core.hart.running, 0b1000);
}

#[test]
fn reserved_flags_and_snapshots_are_refused() {
    let mut core = Core::default();
    for flags in [1 << 8, 1 << 63, u64::MAX] {
        let invalid = Err(SbiError::InvalidParameter);
        assert_eq!(core.configure(ANY_HARDWARE, flags, CYCLES), invalid);
        assert_eq!(core.call(3, &[3, 1, flags, 0]), invalid);
        assert_eq!(core.call(4, &[3, 1, flags]), invalid);
    }
    assert_eq!(core.call(3, &[3, 1, 2, 0]), Err(SbiError::NoSharedMemory));
    assert_eq!(core.call(4, &[3, 1, 2]), Err(SbiError::NoSharedMemory));
}

#[test]
fn a_counter_counts_from_its_start_to_its_stop() {
    let mut core = Core::default();
    let counter = core.configure(ANY_HARDWARE, 0, CYCLES).unwrap();
    let set = (counter, 1);
    core.hart.count(5);
    assert_eq!(core.start(set, 1000), Ok(0));
    core.hart.count(7);
    assert_eq!(core.start(set, 0), Err(SbiError::AlreadyStarted));
    assert_eq!(core.stop(set, false), Ok(0));
    core.hart.count(100);
    assert_eq!(core.hart.value(3), 1007);
    assert_eq!(core.stop(set, false), Err(SbiError::AlreadyStopped));
    // Without a value it goes on from where it was.
    assert_eq!(core.call(3, &[counter, 1, 0, 5]), Ok(0));
    core.hart.count(1);
    assert_eq!(core.hart.value(3), 1008);
    // Stopped with a reset it is free, and nothing is left of what it counted.
    assert_eq!(core.stop(set, true), Ok(0));
    assert!(core.hart.is_clean());
    assert_eq!(core.counters.readable(), 0);
    assert_eq!(core.start(set, 0), Err(SbiError::InvalidParameter));
}

#[test]
fn a_reset_of_all_counters_frees_those_that_are_stopped_too() {
    let mut core = Core::default();
    core.configure(ANY_HARDWARE, AUTO_START, CYCLES).unwrap();
    core.configure(ANY_HARDWARE, 0, INSTRUCTIONS).unwrap();
    assert_eq!(core.stop(ANY_HARDWARE, true), Err(SbiError::AlreadyStopped));
    assert!(core.hart.is_clean());
    assert_eq!(core.configure(ANY_HARDWARE, 0, CYCLES), Ok(3));
}

#[test]
fn starting_again_after_an_overflow_lets_it_interrupt_again() {
    let mut core = Core::default();
    core.configure(ANY_HARDWARE, AUTO_START | CLEAR_VALUE, CYCLES)
        .unwrap();
    core.hart.select(3, 0x11 | NOT_MACHINE | OVERFLOW);
    core.stop((3, 1), false).unwrap();
    core.start((3, 1), 7).unwrap();
    assert_eq!(core.hart.selector(3), 0x11 | NOT_MACHINE);
}

#[test]
fn firmware_counters_count_only_their_own_event_while_they_run() {
    let mut core = Core::default();
    let (timer, ipi) = (firmware_event::SET_TIMER, firmware_event::IPI_SENT);
    assert_eq!(
        core.configure(ANY_FIRMWARE, 0, firmware(timer)),
        Ok(FIRST_FIRMWARE)
    );
    let other = core
        .configure(ANY_FIRMWARE, AUTO_START, firmware(ipi))
        .unwrap();
    core.counters.count(timer);
    assert_eq!(core.read(FIRST_FIRMWARE), Ok(0));
    core.start((FIRST_FIRMWARE, 1), 40).unwrap();
    assert!(core.counters.counts_firmware());
    core.counters.count(timer);
    core.counters.count(timer);
    core.counters.count(ipi);
    core.counters.count(firmware_event::FENCE_I_SENT);
    assert_eq!(core.read(FIRST_FIRMWARE), Ok(42));
    assert_eq!(core.read(other), Ok(1));
    assert_eq!(core.call(6, &[other]), Ok(0));
    core.stop(ANY_FIRMWARE, false).unwrap_err();
    core.counters.count(timer);
    assert!(!core.counters.counts_firmware());
    assert_eq!(core.read(FIRST_FIRMWARE), Ok(42));
    for number in [0, 3, FIRST_FIRMWARE - 1, u64::from(COUNTERS), u64::MAX] {
        assert_eq!(core.read(number), Err(SbiError::InvalidParameter));
        assert_eq!(core.call(6, &[number]), Err(SbiError::InvalidParameter));
    }
    assert!(core.hart.is_clean());
}

#[test]
fn two_virtual_cores_take_turns_on_a_hart_and_each_counts_for_itself() {
    let mut first = Core::default();
    first.configure(ANY_HARDWARE, AUTO_START, CYCLES).unwrap();
    first.hart.count(10);
    first.counters.save(&mut first.hart);
    assert!(first.hart.is_clean(), "the other finds nothing");
    let mut second = Core {
        hart: std::mem::take(&mut first.hart),
        ..Core::default()
    };
    second.configure((4, 1), AUTO_START, INSTRUCTIONS).unwrap();
    second.start((4, 1), 0).unwrap_err();
    second.hart.count(1000);
    second.counters.save(&mut second.hart);
    let mut hart = std::mem::take(&mut second.hart);
    first.counters.restore(&mut hart);
    assert_eq!(hart.running, 0);
    first.counters.resume(&mut hart);
    hart.count(1);
    assert_eq!((hart.value(3), hart.value(4)), (11, 0));
}

proptest! {
    /// Whatever a partition asks for: only counters that exist run, only those that are configured can
    /// be read, and taking them off the hart leaves nothing.
    #[test]
    fn no_calls_make_a_counter_run_that_is_not_the_callers(
        calls in prop::collection::vec((0_u64..9, 0_u64..70, any::<u64>(), 0_u64..300, 0_usize..6), 0..40)
    ) {
        let mut core = Core::default();
        let events = [CYCLES, INSTRUCTIONS, firmware(5), firmware(6), 0, u64::MAX];
        for (function, base, mask, flags, event) in calls {
            let mask = if mask & 1 == 0 { mask >> 60 } else { mask };
            let _ = core.call(function, &[base, mask, flags, events[event]]);
            core.hart.count(1);
            core.counters.count(5);
            prop_assert_eq!(core.hart.running, core.counters.running());
            prop_assert_eq!(core.counters.running() & !core.counters.readable(), 0);
            for counter in 3..7 {
                let selected = core.hart.selector(counter) != 0;
                prop_assert_eq!(selected, core.counters.readable() >> counter & 1 != 0);
            }
        }
        core.counters.save(&mut core.hart);
        prop_assert!(core.hart.is_clean());
    }
}
