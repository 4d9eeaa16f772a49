//! The state of the plugin, and what happens at the instructions of interest.

use crate::architecture::{Architecture, Registers};
use crate::arguments::Arguments;
use crate::calls;
use crate::counters;
use crate::findings::{Counts, Findings};
use crate::instrument::Instrumenter;
use crate::latency::{Handler, Latencies};
use crate::qemu::{self, Buffer, Qemu, RawBlock};
use crate::stays::{Book, Entry};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The firmware's range.
pub const FIRMWARE: usize = 0;
static PROBE: OnceLock<Mutex<Probe>> = OnceLock::new();

/// The state of the plugin.
pub struct Probe {
    qemu: Qemu,
    instrumenter: Instrumenter,
    registers: Option<Registers>,
    buffer: Buffer,
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
pub fn install(id: u64, architecture: Architecture, arguments: Arguments) -> Result<(), String> {
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
        book: Book::new(arguments.linux),
        latencies: Latencies::new(arguments.step_ns, architecture.timer_rounds()),
        watches: BTreeMap::new(),
        first_user: None,
        profile_before: Vec::new(),
        series: Vec::new(),
        next: arguments.every.unwrap_or(u64::MAX),
        stop: u64::MAX,
        instrumenter: Instrumenter {
            architecture,
            arguments,
            time_reads: BTreeMap::new(),
        },
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

/// Instructions that a hart has executed, and the firmware's among them.
fn counts_of(cpu: u32) -> (u64, u64) {
    (counters::of_hart(cpu), counters::of_firmware(cpu))
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
        self.instrumenter.instrument(block, has_user);
    }

    /// A hart leaves the firmware.
    pub fn leave(&mut self, cpu: u32) {
        self.book.leave(cpu, counts_of(cpu));
    }

    /// A hart waits in the firmware.
    pub fn wait(&mut self, cpu: u32) {
        self.book.wait(cpu, counts_of(cpu), FIRMWARE);
    }

    /// A watched address is reached.
    pub fn watched(&mut self, index: usize) {
        if let Some((name, _)) = self.instrumenter.arguments.watches.get(index)
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
        if let Some(deadline) = registers.called_deadline(|register| qemu.read(register, buffer)) {
            latencies.set_timer(deadline);
        }
    }

    /// The real-time partition sets its timer by a general register.
    pub fn deadline(&mut self, general: usize) {
        let deadline = self.general(general);
        self.latencies.set_timer(deadline);
    }

    /// The firmware has just read the machine's time into a general register.
    pub fn time_read(&mut self, cpu: u32, general: usize) {
        let value = self.general(general);
        self.latencies.time_read(counters::of_hart(cpu), value);
    }

    /// The firmware sets its timer by a general register.
    pub fn timer_write(&mut self, cpu: u32, general: usize) {
        let value = self.general(general);
        self.latencies.timer_write(counters::of_hart(cpu), value);
    }

    /// The value of a general register; 0 of the one that is always zero.
    fn general(&mut self, number: usize) -> u64 {
        let found = self
            .registers
            .as_ref()
            .and_then(|registers| registers.general(number));
        found.map_or(0, |register| self.qemu.read(register, &mut self.buffer))
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
        self.registers = Registers::find(self.instrumenter.architecture, &self.qemu);
        if self.registers.is_none() {
            eprintln!("partita-bench-plugin: QEMU does not tell the registers that are needed");
        }
    }

    fn counts(&self) -> Counts {
        let ranges = counters::of_ranges(self.instrumenter.arguments.ranges.len() + 1);
        Counts {
            total: ranges.iter().sum(),
            ranges,
            for_linux: self.book.for_linux.0,
            for_linux_stays: self.book.for_linux.1,
        }
    }

    /// A hart enters the firmware.
    pub fn trap(&mut self, cpu: u32, way: usize) {
        self.tick();
        let (count, last) = (counters::of_hart(cpu), counters::last(cpu));
        let Self {
            qemu,
            instrumenter: Instrumenter { arguments, .. },
            registers: Some(registers),
            buffer,
            book,
            ..
        } = self
        else {
            return;
        };
        let trap = registers.trap(way, |register| qemu.read(register, buffer));
        let from = match (book.nothing_ran(cpu, count), arguments.linux) {
            (true, Some(linux)) => match arguments.range_of(trap.program_counter) {
                range if (1..arguments.ranges.len()).contains(&range) => range,
                // The address is not a physical one, and only Linux uses page tables.
                _ => linux,
            },
            _ => last,
        };
        let entry = Entry {
            cause: trap.cause,
            from,
            program_counter: trap.program_counter,
            value: trap.value,
            denied: trap.denied,
            count,
            firmware: counters::of_firmware(cpu),
        };
        book.enter(cpu, entry);
    }

    /// The real-time partition's trap handler begins.
    pub fn handler(&mut self, cpu: u32) {
        let count = counters::of_hart(cpu);
        let Self {
            qemu,
            instrumenter,
            registers: Some(registers),
            buffer,
            book,
            latencies,
            ..
        } = self
        else {
            return;
        };
        if !registers.may_be_timer(|register| qemu.read(register, buffer)) {
            return;
        }
        let Some(last) = book.last(cpu) else {
            return;
        };
        let other_ran = Some(last.from) == instrumenter.arguments.linux;
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
        let Self {
            qemu,
            registers: Some(registers),
            buffer,
            ..
        } = self
        else {
            return;
        };
        if self.first_user.is_some() || !registers.is_user(|register| qemu.read(register, buffer)) {
            return;
        }
        let counts = self.counts();
        if let Some(stop) = self.instrumenter.arguments.stop {
            self.stop = counts.total.saturating_add(stop);
        }
        if let Some(every) = self.instrumenter.arguments.every {
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
                .saturating_add(self.instrumenter.arguments.every.unwrap_or(u64::MAX));
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
        let names = self
            .instrumenter
            .arguments
            .ranges
            .iter()
            .map(|range| range.name.clone());
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
            stays: self.book.stays(&ranges, |cause| {
                self.instrumenter.architecture.name_of(cause)
            }),
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
        if let Err(error) = std::fs::write(&self.instrumenter.arguments.output, text) {
            let path = self.instrumenter.arguments.output.display();
            eprintln!("partita-bench-plugin: cannot write {path}: {error}");
        }
    }
}
