//! The state of the plugin, and what happens at the instructions of interest.

use crate::arguments::Arguments;
use crate::calls;
use crate::counters;
use crate::findings::{Counts, Findings};
use crate::instrument::instrument;
use crate::latency::{Handler, Latencies};
use crate::qemu::{self, Buffer, Qemu, RawBlock, Register};
use crate::stays::{Book, CALL, Cause, Entry, INTERRUPT};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The firmware's range.
pub const FIRMWARE: usize = 0;
/// SBI: the extension that sets timers.
const SBI_TIME: u64 = 0x5449_4d45;
/// `scause` of the timer interrupt.
const SUPERVISOR_TIMER: u64 = INTERRUPT | 5;

static PROBE: OnceLock<Mutex<Probe>> = OnceLock::new();

struct Registers {
    cause: Register,
    program_counter: Register,
    value: Register,
    supervisor_cause: Register,
    argument: Register,
    function: Register,
    extension: Register,
}

impl Registers {
    fn find(qemu: &Qemu) -> Option<Self> {
        let find = |name| qemu.register(name);
        Some(Self {
            cause: find("mcause")?,
            program_counter: find("mepc")?,
            value: find("mtval")?,
            supervisor_cause: find("scause")?,
            argument: find("a0")?,
            function: find("a6")?,
            extension: find("a7")?,
        })
    }
}

/// The state of the plugin.
pub struct Probe {
    qemu: Qemu,
    arguments: Arguments,
    registers: Option<Registers>,
    buffer: Buffer,
    /// Where QEMU has the first byte of RAM.
    ram: Option<u64>,
    book: Book,
    latencies: Latencies,
    watches: BTreeMap<String, Counts>,
    first_user: Option<Counts>,
    profile_before: Vec<(u64, u64)>,
    series: Vec<Counts>,
    next: u64,
    stop: u64,
}

/// Starts the plugin.
///
/// # Errors
/// A message for a person.
pub fn install(id: u64, arguments: Arguments) -> Result<(), String> {
    let qemu = Qemu::find().map_err(|name| {
        format!("this QEMU has no {name}; QEMU 9.1 or newer with plugins is needed")
    })?;
    let firmware = &arguments.ranges[FIRMWARE];
    if arguments.trap_entry.is_some() {
        counters::profile(firmware.end - firmware.start);
    }
    let probe = Probe {
        buffer: qemu.buffer(),
        qemu,
        registers: None,
        ram: None,
        book: Book::new(arguments.linux),
        latencies: Latencies::new(arguments.step_ns),
        watches: BTreeMap::new(),
        first_user: None,
        profile_before: Vec::new(),
        series: Vec::new(),
        next: arguments.every.unwrap_or(u64::MAX),
        stop: u64::MAX,
        arguments,
    };
    let probe = PROBE.get_or_init(|| Mutex::new(probe));
    let probe = probe.lock().unwrap_or_else(PoisonError::into_inner);
    probe.qemu.on_start(id, calls::starts);
    probe.qemu.on_translation(id, calls::translated);
    probe.qemu.on_end(id, calls::ends);
    Ok(())
}

/// Does something with the probe, if there is one.
pub fn with(action: impl FnOnce(&mut Probe)) {
    if let Some(probe) = PROBE.get() {
        let mut probe: MutexGuard<'_, Probe> = probe.lock().unwrap_or_else(PoisonError::into_inner);
        action(&mut probe);
    }
}

impl Probe {
    /// A block was translated.
    ///
    /// # Safety
    /// QEMU gave the block to the call in which this runs.
    pub unsafe fn translated(&mut self, block: *mut RawBlock) {
        // SAFETY: the caller's promise.
        let block = unsafe { self.qemu.block(block) };
        let has_user = self.first_user.is_some();
        instrument(block, &self.arguments, &mut self.ram, has_user);
    }

    /// A hart leaves the firmware.
    pub fn leave(&mut self, cpu: u32) {
        self.book.leave(cpu, counters::of_hart(cpu));
    }

    /// A hart waits in the firmware.
    pub fn wait(&mut self, cpu: u32) {
        self.book.wait(cpu, counters::of_hart(cpu), FIRMWARE);
    }

    /// A watched address is reached.
    pub fn watched(&mut self, index: usize) {
        if let Some((name, _)) = self.arguments.watches.get(index)
            && !self.watches.contains_key(name)
        {
            self.watches.insert(name.clone(), self.counts());
        }
    }

    /// The real-time partition calls the firmware.
    pub fn call(&mut self) {
        let Self {
            qemu,
            registers: Some(registers),
            buffer,
            latencies,
            ..
        } = self
        else {
            return;
        };
        if qemu.read(registers.extension, buffer) == SBI_TIME {
            latencies.set_timer(qemu.read(registers.argument, buffer));
        }
    }

    /// The firmware accessed memory.
    pub fn access(&mut self, cpu: u32, info: u32, address: u64) {
        if let Some((value, is_store)) = self.qemu.access(info) {
            self.latencies
                .access(counters::of_hart(cpu), address, value, is_store);
        }
    }

    /// A virtual CPU starts: its registers are known.
    pub fn find_registers(&mut self) {
        if self.registers.is_some() {
            return;
        }
        self.registers = Registers::find(&self.qemu);
        if self.registers.is_none() {
            eprintln!("partita-bench-plugin: QEMU does not tell the registers that are needed");
        }
    }

    fn counts(&self) -> Counts {
        let ranges = counters::of_ranges(self.arguments.ranges.len() + 1);
        Counts {
            total: ranges.iter().sum(),
            ranges,
            for_linux: self.book.for_linux.0,
            for_linux_stays: self.book.for_linux.1,
        }
    }

    /// A hart enters the firmware.
    pub fn trap(&mut self, cpu: u32) {
        self.tick();
        let (count, last) = (counters::of_hart(cpu), counters::last(cpu));
        let Self {
            qemu,
            arguments,
            registers: Some(registers),
            buffer,
            book,
            ..
        } = self
        else {
            return;
        };
        let mut read = |register| qemu.read(register, buffer);
        let number = read(registers.cause);
        let call = match number {
            CALL => (read(registers.extension), read(registers.function)),
            _ => (0, 0),
        };
        let program_counter = read(registers.program_counter);
        let from = match (book.nothing_ran(cpu, count), arguments.linux) {
            (true, Some(linux)) => match arguments.range_of(program_counter) {
                range if (1..arguments.ranges.len()).contains(&range) => range,
                // The address is not a physical one, and only Linux uses page tables.
                _ => linux,
            },
            _ => last,
        };
        let entry = Entry {
            cause: Cause { number, call },
            from,
            program_counter,
            value: read(registers.value),
            count,
        };
        book.enter(cpu, entry);
    }

    /// The real-time partition's trap handler begins.
    pub fn handler(&mut self, cpu: u32) {
        let count = counters::of_hart(cpu);
        let Self {
            qemu,
            registers: Some(registers),
            buffer,
            book,
            latencies,
            ..
        } = self
        else {
            return;
        };
        if qemu.read(registers.supervisor_cause, buffer) != SUPERVISOR_TIMER {
            return;
        }
        let Some(last) = book.last(cpu) else {
            return;
        };
        let other_ran = Some(last.from) == self.arguments.linux;
        let context = [last.program_counter, last.cause.number, count];
        latencies.handler(
            Handler {
                count,
                other_ran,
                context,
            },
            book.after_init,
        );
    }

    /// Linux's first user instruction is executed, or a later one.
    pub fn user(&mut self) {
        if self.first_user.is_some() {
            return;
        }
        let counts = self.counts();
        if let Some(stop) = self.arguments.stop {
            self.stop = counts.total.saturating_add(stop);
        }
        if let Some(every) = self.arguments.every {
            self.next = counts.total.saturating_add(every);
        }
        self.first_user = Some(counts);
        self.book.after_init = true;
        self.profile_before = counters::executed();
        self.tick();
    }

    /// Looks whether something is to be noted at this count of instructions.
    pub fn tick(&mut self) {
        let total = counters::total();
        if total >= self.next {
            self.series.push(self.counts());
            self.next = self
                .next
                .saturating_add(self.arguments.every.unwrap_or(u64::MAX));
        }
        if total >= self.stop {
            self.write();
            qemu::end_process();
        }
    }

    /// Writes all findings.
    pub fn write(&mut self) {
        for cpu in 0..counters::MAX_HARTS as u32 {
            let to = counters::last(cpu);
            self.book.settle(cpu, to);
        }
        let names = self.arguments.ranges.iter().map(|range| range.name.clone());
        let ranges: Vec<String> = names.chain(["elsewhere".to_owned()]).collect();
        let before: BTreeMap<u64, u64> = self.profile_before.iter().copied().collect();
        let after = counters::executed()
            .into_iter()
            .map(|(offset, count)| (offset, count - before.get(&offset).copied().unwrap_or(0)));
        let findings = Findings {
            watches: self.watches.clone(),
            first_user: self.first_user.clone(),
            series: self.series.clone(),
            end: self.counts(),
            stays: self.book.stays(&ranges),
            pages: self.book.pages(),
            latency: self.latencies.findings(),
            profile_before: self.profile_before.clone(),
            profile_after: after.collect(),
            ranges,
        };
        let text = match serde_json::to_vec_pretty(&findings) {
            Ok(text) => text,
            Err(error) => return eprintln!("partita-bench-plugin: {error}"),
        };
        if let Err(error) = std::fs::write(&self.arguments.output, text) {
            let path = self.arguments.output.display();
            eprintln!("partita-bench-plugin: cannot write {path}: {error}");
        }
    }
}
