//! The performance counters of one virtual core, as the SBI's PMU extension offers them (SBI 2.0, 11).
//!
//! Counter *n* below 32 is the hart's `mhpmcounter`*n*; those from [`FIRMWARE_BASE`] on count what the
//! monitor does. `cycle` and `instret` are not among them: they count for everybody, and what a
//! partition counts here is its own. A hardware counter runs only while its virtual core is on the
//! hart, and where the hart can tell (Sscofpmf) not while the monitor works.
//!
//! The registers are behind [`CounterRegisters`], so that all of this runs on the host.

use crate::sbi::{CounterSet, Registers, SbiError};
use partita_board::PerformanceCounters;
use sbi_spec::pmu::flags::{CounterCfgFlags, CounterStartFlags, CounterStopFlags};
use sbi_spec::pmu::{self, event_type};

pub use sbi_spec::pmu::firmware_event;

/// The lowest and one above the highest `mhpmcounter` that is offered.
pub const HARDWARE: core::ops::Range<u32> = 3..11;
/// The number of the first counter of firmware events.
pub const FIRMWARE_BASE: u32 = 32;
/// How many counters of firmware events there are.
pub const FIRMWARE_COUNT: u32 = 8;
/// One above the highest counter number. Not every number below it is a counter.
pub const COUNTERS: u32 = FIRMWARE_BASE + FIRMWARE_COUNT;

const HARDWARE_BITS: u64 = (1 << HARDWARE.end) - (1 << HARDWARE.start);
const FIRMWARE_BITS: u64 = (1 << COUNTERS) - (1 << FIRMWARE_BASE);
/// The user-level register of `mhpmcounter`0 (privileged specification, table 2.2).
const CYCLE: u64 = 0xc00;
/// In an answer about a counter: it is one of firmware events.
const IS_FIRMWARE: u64 = 1 << 63;

/// Bits of `mhpmevent` (Sscofpmf 1.0, 2).
mod select {
    /// The counter has overflowed; while set, it raises no further interrupt.
    pub const OVERFLOW: u64 = 1 << 63;
    /// Does not count in machine mode.
    pub const NOT_MACHINE: u64 = 1 << 62;
    /// Does not count in supervisor mode.
    pub const NOT_SUPERVISOR: u64 = 1 << 61;
    /// Does not count in user mode.
    pub const NOT_USER: u64 = 1 << 60;
}

/// All counters that a virtual core has.
const fn valid(hardware: &PerformanceCounters) -> u64 {
    hardware.counters as u64 & HARDWARE_BITS | FIRMWARE_BITS
}

/// The counter registers of the hart. A counter's number is one of [`HARDWARE`].
pub trait CounterRegisters {
    /// Reads `mhpmevent`.
    fn selector(&self, counter: u32) -> u64;
    /// Writes `mhpmevent`.
    fn select(&mut self, counter: u32, selector: u64);
    /// Reads `mhpmcounter`.
    fn value(&self, counter: u32) -> u64;
    /// Writes `mhpmcounter`.
    fn set_value(&mut self, counter: u32, value: u64);
    /// Lets these of the hart's counters run, one bit each, and no other one of [`HARDWARE`].
    fn run(&mut self, counters: u32);
}

/// The counters of one virtual core.
#[derive(Clone, Copy, Debug)]
pub struct Counters {
    /// Those that have an event, one bit each.
    configured: u64,
    /// Those of them that run.
    started: u64,
    /// Of each hardware counter while it is not on the hart.
    selectors: [u64; HARDWARE.end as usize - HARDWARE.start as usize],
    /// Of each hardware counter while it is not on the hart.
    values: [u64; HARDWARE.end as usize - HARDWARE.start as usize],
    firmware_events: [u8; FIRMWARE_COUNT as usize],
    firmware_values: [u64; FIRMWARE_COUNT as usize],
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

/// The counters of `bits`, lowest first: at most 64 steps.
fn each(mut bits: u64) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        let number = (bits != 0).then(|| bits.trailing_zeros());
        bits &= bits.wrapping_sub(1);
        number
    })
}

impl Counters {
    /// None is configured.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            configured: 0,
            started: 0,
            selectors: [0; 8],
            values: [0; 8],
            firmware_events: [0; 8],
            firmware_values: [0; 8],
        }
    }

    /// The hardware counters that have an event: those that the partition may read.
    #[inline]
    #[must_use]
    pub const fn readable(&self) -> u32 {
        (self.configured & HARDWARE_BITS) as u32
    }

    /// The hardware counters that run while the virtual core does.
    #[inline]
    #[must_use]
    pub const fn running(&self) -> u32 {
        (self.started & HARDWARE_BITS) as u32
    }

    /// Whether firmware events are counted, so that calls must not take a shorter way.
    #[inline]
    #[must_use]
    pub const fn counts_firmware(&self) -> bool {
        self.started & FIRMWARE_BITS != 0
    }

    /// Answers a call of the partition. There is no snapshot memory: calls that need it say so.
    ///
    /// # Errors
    /// As the functions below, and [`SbiError::NotSupported`] if there is no such function.
    pub fn answer(
        &mut self,
        call: &Registers,
        hardware: &PerformanceCounters,
        registers: &mut impl CounterRegisters,
    ) -> Result<u64, SbiError> {
        let [number, mask, flags, argument, ..] = call.arguments;
        let set = CounterSet::new(number, mask);
        let flags = flags as usize;
        match call.function as usize {
            pmu::NUM_COUNTERS => Ok(u64::from(COUNTERS)),
            pmu::COUNTER_GET_INFO => self.describe(number, hardware),
            pmu::COUNTER_CONFIG_MATCHING => {
                let flags = CounterCfgFlags::from_bits(flags).ok_or(SbiError::InvalidParameter)?;
                self.configure(set, flags, argument, hardware, registers)
            }
            pmu::COUNTER_START => {
                let flags =
                    CounterStartFlags::from_bits(flags).ok_or(SbiError::InvalidParameter)?;
                if flags.contains(CounterStartFlags::INIT_SNAPSHOT) {
                    return Err(SbiError::NoSharedMemory);
                }
                let is_given = flags.contains(CounterStartFlags::INIT_VALUE);
                let value = is_given.then_some(argument);
                self.start(set, value, hardware, registers)
            }
            pmu::COUNTER_STOP => {
                let flags = CounterStopFlags::from_bits(flags).ok_or(SbiError::InvalidParameter)?;
                if flags.contains(CounterStopFlags::TAKE_SNAPSHOT) {
                    return Err(SbiError::NoSharedMemory);
                }
                let reset = flags.contains(CounterStopFlags::RESET);
                self.stop(set, reset, hardware, registers)
            }
            pmu::COUNTER_FW_READ => self.read_firmware(number),
            // 11.12: the upper half of a counter is 0 where the lower one has all 64 bits.
            pmu::COUNTER_FW_READ_HI => self.read_firmware(number).map(|_| 0),
            _ => Err(SbiError::NotSupported),
        }
    }

    /// What kind of counter this is (11.7).
    ///
    /// # Errors
    /// [`SbiError::InvalidParameter`] if there is no such counter.
    pub const fn describe(
        &self,
        number: u64,
        hardware: &PerformanceCounters,
    ) -> Result<u64, SbiError> {
        if number >= COUNTERS as u64 || valid(hardware) >> number & 1 == 0 {
            Err(SbiError::InvalidParameter)
        } else if number >= FIRMWARE_BASE as u64 {
            Ok(IS_FIRMWARE | 63 << 12)
        } else {
            Ok((CYCLE + number) | (hardware.bits as u64).wrapping_sub(1) << 12)
        }
    }

    /// Finds a counter of `set` for an event, and configures it (11.8). A counter that has an event keeps
    /// it until it is stopped with a reset, so that none is taken from whoever has stopped it for a while.
    ///
    /// # Errors
    /// [`SbiError::InvalidParameter`] if the set has a counter that does not exist,
    /// [`SbiError::NotSupported`] if none of the set can count the event.
    fn configure(
        &mut self,
        set: CounterSet,
        flags: CounterCfgFlags,
        event: u64,
        hardware: &PerformanceCounters,
        registers: &mut impl CounterRegisters,
    ) -> Result<u64, SbiError> {
        let wanted = self.members(set, hardware)?;
        let mut free = wanted & !self.configured;
        if flags.contains(CounterCfgFlags::SKIP_MATCH) {
            // The first of the set, whatever it does now.
            free = wanted & wanted.wrapping_neg();
        }
        let (kind, code) = (event >> 16, event & 0xffff);
        let is_firmware = kind == event_type::FIRMWARE as u64;
        free &= if is_firmware {
            FIRMWARE_BITS
        } else {
            HARDWARE_BITS
        };
        let selector = if is_firmware {
            counted(code).then_some(code)
        } else {
            let mut events = hardware.events.iter();
            events
                .find(|(number, _)| u64::from(*number) == event)
                .map(|(_, selector)| *selector)
        };
        let (Some(mut selector), Some(counter)) = (selector, each(free).next()) else {
            return Err(SbiError::NotSupported);
        };
        let bit = 1 << counter;
        if is_firmware {
            if let Some(place) = self.firmware_events.get_mut(firmware_index(counter)) {
                *place = code as u8;
            }
        } else {
            if hardware.overflow {
                selector |= select::NOT_MACHINE;
                if flags.contains(CounterCfgFlags::SET_SINH) {
                    selector |= select::NOT_SUPERVISOR;
                }
                if flags.contains(CounterCfgFlags::SET_UINH) {
                    selector |= select::NOT_USER;
                }
            }
            self.stop_one(counter, registers);
            registers.select(counter, 0);
            registers.select(counter, selector);
        }
        self.started &= !bit;
        self.configured |= bit;
        if flags.contains(CounterCfgFlags::CLEAR_VALUE) {
            self.set_one(counter, 0, registers);
        }
        if flags.contains(CounterCfgFlags::AUTO_START) {
            self.start_one(counter, registers);
        }
        Ok(u64::from(counter))
    }

    /// Starts counters, from `value` if there is one (11.9).
    ///
    /// # Errors
    /// [`SbiError::InvalidParameter`] if one of the set does not exist or has no event; then none is
    /// started. [`SbiError::AlreadyStarted`] if one runs; the others are started.
    fn start(
        &mut self,
        set: CounterSet,
        value: Option<u64>,
        hardware: &PerformanceCounters,
        registers: &mut impl CounterRegisters,
    ) -> Result<u64, SbiError> {
        let wanted = self.members(set, hardware)?;
        if wanted & !self.configured != 0 {
            return Err(SbiError::InvalidParameter);
        }
        let running = wanted & self.started;
        for counter in each(wanted & !running) {
            if let Some(value) = value {
                self.set_one(counter, value, registers);
            }
            self.start_one(counter, registers);
        }
        if running == 0 {
            Ok(0)
        } else {
            Err(SbiError::AlreadyStarted)
        }
    }

    /// Stops counters, and takes their events from them with `reset` (11.10).
    ///
    /// # Errors
    /// [`SbiError::InvalidParameter`] if one of the set does not exist; then nothing is done.
    /// [`SbiError::AlreadyStopped`] if one does not run; the others are stopped, and all are reset.
    fn stop(
        &mut self,
        set: CounterSet,
        reset: bool,
        hardware: &PerformanceCounters,
        registers: &mut impl CounterRegisters,
    ) -> Result<u64, SbiError> {
        let wanted = self.members(set, hardware)?;
        let stopped = wanted & !self.started;
        for counter in each(wanted & self.configured) {
            self.stop_one(counter, registers);
            if reset {
                self.configured &= !(1 << counter);
                if counter < FIRMWARE_BASE {
                    // What it counted is nobody else's to read.
                    registers.select(counter, 0);
                    registers.set_value(counter, 0);
                }
            }
        }
        if stopped == 0 {
            Ok(0)
        } else {
            Err(SbiError::AlreadyStopped)
        }
    }

    /// Reads a counter of firmware events (11.11).
    ///
    /// # Errors
    /// [`SbiError::InvalidParameter`] if it is not one.
    fn read_firmware(&self, number: u64) -> Result<u64, SbiError> {
        let index = number.checked_sub(u64::from(FIRMWARE_BASE));
        index
            .and_then(|index| self.firmware_values.get(usize::try_from(index).ok()?))
            .copied()
            .ok_or(SbiError::InvalidParameter)
    }

    /// A firmware event has happened.
    pub fn count(&mut self, event: usize) {
        for counter in each(self.started & FIRMWARE_BITS) {
            let index = firmware_index(counter);
            if self.firmware_events.get(index).copied().map(usize::from) == Some(event)
                && let Some(value) = self.firmware_values.get_mut(index)
            {
                *value = value.wrapping_add(1);
            }
        }
    }

    /// Takes the counters off the hart, which has none of this virtual core's afterwards.
    pub fn save(&mut self, registers: &mut impl CounterRegisters) {
        registers.run(0);
        for counter in each(self.configured & HARDWARE_BITS) {
            let index = hardware_index(counter);
            if let (Some(selector), Some(value)) =
                (self.selectors.get_mut(index), self.values.get_mut(index))
            {
                // The hart marks an overflow in the selector.
                *selector = registers.selector(counter);
                *value = registers.value(counter);
            }
            registers.select(counter, 0);
            registers.set_value(counter, 0);
        }
    }

    /// Puts the counters onto the hart, which has nobody's; none runs yet.
    pub fn restore(&self, registers: &mut impl CounterRegisters) {
        for counter in each(self.configured & HARDWARE_BITS) {
            let index = hardware_index(counter);
            if let (Some(selector), Some(value)) =
                (self.selectors.get(index), self.values.get(index))
            {
                registers.select(counter, *selector);
                registers.set_value(counter, *value);
            }
        }
    }

    /// Lets those counters run, on the hart, that are started.
    pub fn resume(&self, registers: &mut impl CounterRegisters) {
        registers.run(self.running());
    }

    fn members(&self, set: CounterSet, hardware: &PerformanceCounters) -> Result<u64, SbiError> {
        let members = set.bits().ok_or(SbiError::InvalidParameter)?;
        if members & !valid(hardware) == 0 {
            Ok(members)
        } else {
            Err(SbiError::InvalidParameter)
        }
    }

    fn set_one(&mut self, counter: u32, value: u64, registers: &mut impl CounterRegisters) {
        if counter < FIRMWARE_BASE {
            registers.set_value(counter, value);
        } else if let Some(place) = self.firmware_values.get_mut(firmware_index(counter)) {
            *place = value;
        }
    }

    fn start_one(&mut self, counter: u32, registers: &mut impl CounterRegisters) {
        self.started |= 1 << counter;
        if counter < FIRMWARE_BASE {
            let selector = registers.selector(counter);
            registers.select(counter, selector & !select::OVERFLOW);
            registers.run(self.running());
        }
    }

    fn stop_one(&mut self, counter: u32, registers: &mut impl CounterRegisters) {
        self.started &= !(1 << counter);
        if counter < FIRMWARE_BASE {
            registers.run(self.running());
        }
    }
}

const fn hardware_index(counter: u32) -> usize {
    counter.wrapping_sub(HARDWARE.start) as usize
}

const fn firmware_index(counter: u32) -> usize {
    counter.wrapping_sub(FIRMWARE_BASE) as usize
}

/// Whether the monitor counts a firmware event (11.5). It sees no misaligned access, a fence of another
/// hart does not tell who asked for it, and there is no hypervisor.
const fn counted(code: u64) -> bool {
    matches!(
        code as usize,
        firmware_event::ACCESS_LOAD
            | firmware_event::ACCESS_STORE
            | firmware_event::ILLEGAL_INSN
            | firmware_event::SET_TIMER
            | firmware_event::IPI_SENT
            | firmware_event::IPI_RECEIVED
            | firmware_event::FENCE_I_SENT
            | firmware_event::SFENCE_VMA_SENT
            | firmware_event::SFENCE_VMA_ASID_SENT
    )
}
