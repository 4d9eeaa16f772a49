//! What is counted where: the calls from QEMU.

use crate::arguments::Arguments;
use crate::counters;
use crate::findings::{Counts, Findings};
use crate::instruction::{self, Kind};
use crate::latency::{Handler, Latencies};
use crate::qemu::{self, Block, Buffer, Instruction, Qemu, RawBlock, Register};
use crate::stays::{Book, CALL, Cause, Entry, INTERRUPT};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The firmware's range.
const FIRMWARE: usize = 0;
/// Where firmware begins on `virt`: the start of RAM.
const RAM: u64 = 0x8000_0000;
/// How much RAM may there be.
const MOST_RAM: u64 = 1 << 33;
/// Above this no user program's address lies, whichever page tables are used (Sv39).
const USER_END: u64 = 1 << 38;
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
        latencies: Latencies::default(),
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
    probe.qemu.on_start(id, starts);
    probe.qemu.on_translation(id, translated);
    probe.qemu.on_end(id, ends);
    Ok(())
}

fn with(action: impl FnOnce(&mut Probe)) {
    if let Some(probe) = PROBE.get() {
        let mut probe: MutexGuard<'_, Probe> = probe.lock().unwrap_or_else(PoisonError::into_inner);
        action(&mut probe);
    }
}

extern "C" fn starts(_id: u64, _cpu: u32) {
    with(Probe::find_registers);
}

extern "C" fn translated(_id: u64, block: *mut RawBlock) {
    with(|probe| {
        let Probe {
            qemu,
            arguments,
            ram,
            first_user,
            ..
        } = probe;
        // SAFETY: QEMU gave the block to this very call.
        let block = unsafe { qemu.block(block) };
        instrument(block, arguments, ram, first_user.is_some());
    });
}

extern "C" fn ends(_cpu: u32, _data: *mut c_void) {
    with(|probe| probe.write());
}

/// A range and a number of instructions in one value.
const fn packed(range: usize, count: usize) -> usize {
    range << 32 | count
}

extern "C" fn executes(cpu: u32, data: *mut c_void) {
    let data = data as usize;
    counters::count(cpu, data >> 32, (data & 0xffff_ffff) as u64);
}

extern "C" fn firmware_executes(cpu: u32, data: *mut c_void) {
    counters::count_firmware(cpu, data as usize);
}

extern "C" fn trap(cpu: u32, _data: *mut c_void) {
    with(|probe| probe.trap(cpu));
}

extern "C" fn machine_return(cpu: u32, _data: *mut c_void) {
    with(|probe| {
        let count = counters::of_hart(cpu);
        probe.book.leave(cpu, count);
    });
}

extern "C" fn wait(cpu: u32, _data: *mut c_void) {
    with(|probe| {
        let (count, nobody) = (counters::of_hart(cpu), FIRMWARE);
        probe.book.wait(cpu, count, nobody);
    });
}

extern "C" fn supervisor_return(_cpu: u32, _data: *mut c_void) {
    with(Probe::tick);
}

extern "C" fn watched(_cpu: u32, data: *mut c_void) {
    with(|probe| {
        let counts = probe.counts();
        if let Some((name, _)) = probe.arguments.watches.get(data as usize) {
            probe.watches.entry(name.clone()).or_insert(counts);
        }
    });
}

extern "C" fn user(_cpu: u32, _data: *mut c_void) {
    with(Probe::user);
}

extern "C" fn call(_cpu: u32, _data: *mut c_void) {
    with(|probe| {
        let Probe {
            qemu,
            registers: Some(registers),
            buffer,
            latencies,
            ..
        } = probe
        else {
            return;
        };
        if qemu.read(registers.extension, buffer) == SBI_TIME {
            latencies.set_timer(qemu.read(registers.argument, buffer));
        }
    });
}

extern "C" fn handler(cpu: u32, _data: *mut c_void) {
    with(|probe| probe.handler(cpu));
}

extern "C" fn accesses(cpu: u32, info: u32, address: u64, _data: *mut c_void) {
    with(|probe| {
        if let Some((value, is_store)) = probe.qemu.access(info) {
            let count = counters::of_hart(cpu);
            probe.latencies.access(count, address, value, is_store);
        }
    });
}

/// Puts counters and calls into a block. Calls come before the count of the same instruction, so
/// that they see how many were executed before it.
fn instrument(block: Block<'_>, arguments: &Arguments, ram: &mut Option<u64>, has_user: bool) {
    let mut block_range = None;
    let mut block_count = 0;
    for instruction in block.instructions() {
        let address = physical(instruction, ram);
        let range = arguments.range_of(address);
        let first = block_range.is_none();
        block_range = block_range.or(Some(range));
        let is_user = instruction.address() != address && instruction.address() < USER_END;
        if first && !has_user && is_user && Some(range) == arguments.linux {
            instruction.call(user, 0);
        }
        for (index, _) in arguments
            .watches
            .iter()
            .enumerate()
            .filter(|(_, (_, at))| *at == address)
        {
            instruction.call(watched, index);
        }
        let kind = instruction::kind(instruction.encoding());
        if range == FIRMWARE {
            in_firmware(instruction, kind, address, arguments);
        } else {
            outside(instruction, kind, (range, address), arguments);
        }
        if range == FIRMWARE {
            instruction.count(
                firmware_executes,
                (address - arguments.ranges[FIRMWARE].start) as usize,
            );
        } else if arguments.exact {
            instruction.count(executes, packed(range, 1));
        } else {
            block_count += 1;
        }
    }
    if let Some(range) = block_range.filter(|_| block_count != 0) {
        block.count(executes, packed(range, block_count));
    }
}

fn in_firmware(instruction: Instruction<'_>, kind: Kind, address: u64, arguments: &Arguments) {
    let Some(entry) = arguments.trap_entry else {
        return;
    };
    if address == entry {
        instruction.call(trap, 0);
    }
    match kind {
        Kind::MachineReturn => instruction.call(machine_return, 0),
        Kind::Wait => instruction.call(wait, 0),
        _ => {}
    }
    if kind == Kind::Access && arguments.real_time.is_some() {
        instruction.call_at_access(accesses);
    }
}

fn outside(
    instruction: Instruction<'_>,
    kind: Kind,
    (range, address): (usize, u64),
    arguments: &Arguments,
) {
    match (kind, arguments.real_time) {
        (_, Some((_, vector))) if address == vector => instruction.call(handler, 0),
        (Kind::Call, Some((real_time, _))) if range == real_time => instruction.call(call, 0),
        (Kind::SupervisorReturn, _) => instruction.call(supervisor_return, 0),
        _ => {}
    }
}

/// The physical address of an instruction; the virtual one for what is not in RAM.
fn physical(instruction: Instruction<'_>, ram: &mut Option<u64>) -> u64 {
    let (address, host) = (instruction.address(), instruction.host_address());
    if address == RAM && ram.is_none() && host != 0 {
        *ram = Some(host);
    }
    match ram.map(|ram| host.wrapping_sub(ram)) {
        Some(offset) if host != 0 && offset < MOST_RAM => RAM + offset,
        _ => address,
    }
}

impl Probe {
    fn find_registers(&mut self) {
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

    fn trap(&mut self, cpu: u32) {
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

    fn handler(&mut self, cpu: u32) {
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

    fn user(&mut self) {
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
    fn tick(&mut self) {
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

    fn write(&mut self) {
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
