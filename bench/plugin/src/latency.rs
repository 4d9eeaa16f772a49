//! From the moment the real-time partition's timer falls due to its handler's first instruction.
//!
//! The partition tells its deadline by the SBI's `set_timer`, or by the register of its secure timer. While another
//! partition runs, the monitor has its own timer's compare register at that deadline. On Arm, QEMU's interrupt comes
//! when the time is the deadline. On RISC-V QEMU notes when the register was written and lets the interrupt come (deadline − time) steps later, where it takes `time` as whole
//! steps but the moment of the write exactly: so the interrupt comes up to a step after the deadline, by
//! an amount that follows from the moment of the write. It is left out of the first of the two counts.

use crate::clock::Clock;
use crate::findings::Latency;
use crate::histogram::Histogram;
use std::collections::VecDeque;

/// Offset in the CLINT of the compare registers, of the time, and its place on every board measured (SiFive's CLINT;
/// QEMU's `hw/riscv/virt.c` and others).
const COMPARE: std::ops::Range<u64> = 0x0200_4000..0x0200_bff8;
const TIME: u64 = 0x0200_bff8;

/// How many deadlines of the machine timer are remembered.
const REMEMBERED: usize = 4;

/// Latencies of one hart.
#[derive(Clone, Debug)]
pub struct Latencies {
    clock: Clock,
    /// Whether QEMU's timer is late by what the present was rounded down when it was written.
    rounds: bool,
    /// The partition's deadline in steps.
    deadline: Option<u64>,
    /// The latest deadlines of the machine timer in steps, and when they were written, in nanoseconds:
    /// when the handler begins, the monitor has already written one for what comes next.
    machine: VecDeque<(u64, i64)>,
    other_ran: Histogram,
    from_deadline: Histogram,
    otherwise: Histogram,
    unknown: u64,
    longest: [u64; 3],
}

/// What is known when the handler begins.
#[derive(Clone, Copy, Debug)]
pub struct Handler {
    /// Instructions before its first one.
    pub count: u64,
    /// Whether another partition ran when the firmware was last entered.
    pub other_ran: bool,
    /// What to keep of the longest.
    pub context: [u64; 3],
}

impl Latencies {
    /// None yet, of a machine whose time has steps of so many nanoseconds.
    pub fn new(step_ns: i64, rounds: bool) -> Self {
        Self {
            rounds,
            clock: Clock::new(step_ns),
            deadline: None,
            machine: VecDeque::new(),
            other_ran: Histogram::default(),
            from_deadline: Histogram::default(),
            otherwise: Histogram::default(),
            unknown: 0,
            longest: [0; 3],
        }
    }

    /// The firmware accessed 64 bits of memory with its instruction number `count`.
    pub fn access(&mut self, count: u64, address: u64, value: u64, is_store: bool) {
        if address == TIME && !is_store {
            self.time_read(count, value);
        } else if COMPARE.contains(&address) && is_store {
            self.timer_write(count, value);
        }
    }

    /// The firmware read the machine's time, in steps, with its instruction number `count`.
    pub fn time_read(&mut self, count: u64, value: u64) {
        self.clock.reading(count, value);
    }

    /// The firmware set its timer to this step with its instruction number `count`.
    pub fn timer_write(&mut self, count: u64, value: u64) {
        if self.machine.len() == REMEMBERED {
            self.machine.pop_front();
        }
        self.machine
            .extend(self.clock.time_ns(count).map(|time| (value, time)));
    }

    /// The partition set its timer.
    pub fn set_timer(&mut self, deadline: u64) {
        self.deadline = Some(deadline);
    }

    /// The partition's trap handler begins, because of its timer.
    pub fn handler(&mut self, handler: Handler, counts: bool) {
        let Some(deadline) = self.deadline.take() else {
            return;
        };
        if !counts {
            return;
        }
        let Some(now) = self.clock.time_ns(handler.count) else {
            self.unknown += 1;
            return;
        };
        let step_ns = self.clock.step_ns;
        let due = (deadline as i64).saturating_mul(step_ns);
        if now + step_ns < due {
            // Another interrupt, before the timer's.
            self.deadline = Some(deadline);
            return;
        }
        if !handler.other_ran {
            self.otherwise.add(now - due);
            return;
        }
        let armed = self
            .machine
            .iter()
            .rev()
            .find(|(compare, _)| *compare == deadline);
        let interrupt = match armed {
            Some((_, written)) if self.rounds && *written < due => {
                due + written.rem_euclid(step_ns)
            }
            _ => due,
        };
        let latency = now - interrupt;
        if self.other_ran.max().is_none_or(|max| latency > max) {
            self.longest = handler.context;
        }
        self.other_ran.add(latency);
        self.from_deadline.add(now - due);
    }

    /// The findings.
    pub fn findings(&self) -> Latency {
        Latency {
            other_ran: self.other_ran.lengths(),
            from_deadline: self.from_deadline.lengths(),
            otherwise: self.otherwise.lengths(),
            unknown: self.unknown,
            clock_restarts: self.clock.restarts,
            longest: self.longest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Handler, Latencies, TIME};

    /// A machine whose time is its instruction count.
    fn exact() -> Latencies {
        let mut latencies = Latencies::new(100, true);
        (0..200).for_each(|count| latencies.access(count, TIME, count / 100, false));
        latencies
    }

    fn handler(count: u64, other_ran: bool) -> Handler {
        Handler {
            count,
            other_ran,
            context: [0; 3],
        }
    }

    #[test]
    fn latency_counts_from_the_interrupt_and_not_from_the_deadline() {
        let mut latencies = exact();
        latencies.set_timer(100);
        latencies.access(5_030, 0x0200_4000, 100, true);
        latencies.handler(handler(10_330, true), true);
        let findings = latencies.findings();
        assert_eq!(findings.other_ran.max, 300);
        assert_eq!(findings.from_deadline.max, 330);
    }

    #[test]
    fn a_timer_that_was_written_late_counts_from_the_deadline() {
        let mut latencies = exact();
        latencies.set_timer(100);
        latencies.access(10_500, 0x0200_4000, 100, true);
        latencies.handler(handler(10_800, true), true);
        assert_eq!(latencies.findings().other_ran.max, 800);
    }

    #[test]
    fn another_interrupt_before_the_deadline_is_none_of_the_timer() {
        let mut latencies = exact();
        latencies.set_timer(100);
        latencies.handler(handler(9_000, true), true);
        latencies.handler(handler(10_250, true), true);
        let findings = latencies.findings();
        assert_eq!((findings.other_ran.count, findings.other_ran.max), (1, 250));
    }

    #[test]
    fn a_timer_that_does_not_round_interrupts_at_the_deadline() {
        let mut latencies = Latencies::new(16, false);
        (0..200).for_each(|count| latencies.time_read(count, count / 16));
        latencies.set_timer(100);
        latencies.timer_write(1_003, 100);
        latencies.handler(handler(1_900, true), true);
        assert_eq!(latencies.findings().other_ran.max, 300);
    }

    #[test]
    fn an_interrupt_of_the_partition_itself_is_counted_apart() {
        let mut latencies = exact();
        latencies.set_timer(100);
        latencies.handler(handler(10_020, false), true);
        let findings = latencies.findings();
        assert_eq!((findings.other_ran.count, findings.otherwise.max), (0, 20));
    }
}
