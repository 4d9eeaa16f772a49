//! Performance counters: whatever a partition asks for, only its own counters run, and they leave nothing.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use partita_board::PerformanceCounters;
use partita_virtual_riscv64::counters::{CounterRegisters, Counters, FIRMWARE_BASE, HARDWARE};
use partita_virtual_riscv64::sbi::Registers;

#[derive(Arbitrary, Debug)]
enum Step {
    /// A call: the function, where the set begins, its mask, flags, event or value.
    Call(u8, u8, u64, u16, u64),
    /// A call about a likely event.
    Likely(u8, u8, u8, u16, u8),
    /// A firmware event.
    Count(u8),
    /// Another virtual core has the hart in between.
    Leave,
}

const BOARD: PerformanceCounters = PerformanceCounters {
    counters: 0xffff_fff8,
    bits: 64,
    overflow: true,
    events: &[(1, 1), (2, 2), (0x1_0019, 7)],
};

#[derive(Default)]
struct Hart {
    selectors: [u64; 32],
    values: [u64; 32],
    running: u32,
}

impl Hart {
    fn is_clean(&self) -> bool {
        self.running == 0 && self.selectors == [0; 32] && self.values == [0; 32]
    }
}

fn is_offered(counter: u32) -> bool {
    HARDWARE.contains(&counter)
}

impl CounterRegisters for Hart {
    fn selector(&self, counter: u32) -> u64 {
        assert!(is_offered(counter));
        self.selectors[counter as usize]
    }
    fn select(&mut self, counter: u32, selector: u64) {
        assert!(is_offered(counter));
        // Machine mode is never counted.
        assert!(selector == 0 || selector >> 62 & 1 == 1);
        self.selectors[counter as usize] = selector;
    }
    fn value(&self, counter: u32) -> u64 {
        assert!(is_offered(counter));
        self.values[counter as usize]
    }
    fn set_value(&mut self, counter: u32, value: u64) {
        assert!(is_offered(counter));
        self.values[counter as usize] = value;
    }
    fn run(&mut self, counters: u32) {
        self.running = counters;
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let (mut counters, mut hart) = (Counters::new(), Hart::default());
    for step in steps {
        let (function, arguments) = match step {
            Step::Call(function, base, mask, flags, more) => {
                (function, [base.into(), mask, flags.into(), more, 0, 0])
            }
            Step::Likely(function, base, mask, flags, event) => {
                let events = [1, 2, 0x1_0019, 0xf_0005, 0xf_0006, 0xf_0002];
                let event = events[usize::from(event) % events.len()];
                let base = if base & 1 == 0 { 3 } else { FIRMWARE_BASE };
                (
                    function % 9,
                    [base.into(), mask.into(), (flags & 0xff).into(), event, 0, 0],
                )
            }
            Step::Count(event) => {
                counters.count(event.into());
                continue;
            }
            Step::Leave => {
                let (readable, running) = (counters.readable(), counters.running());
                counters.save(&mut hart);
                assert!(hart.is_clean());
                counters.restore(&mut hart);
                counters.resume(&mut hart);
                assert_eq!((readable, running), (counters.readable(), hart.running));
                continue;
            }
        };
        let registers = Registers {
            extension: 0x50_4d55,
            function: function.into(),
            arguments,
        };
        let answer = counters.answer(&registers, &BOARD, &mut hart);
        assert!(answer.is_ok() || answer.is_err_and(|error| (error.code() as i64) < 0));
        assert_eq!(hart.running, counters.running());
        assert_eq!(counters.running() & !counters.readable(), 0);
        for (number, selector) in hart.selectors.iter().enumerate() {
            assert_eq!(*selector != 0, counters.readable() >> number & 1 == 1);
        }
    }
});
