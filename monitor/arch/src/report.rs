//! The end of a run: the status block, and the end of the machine. Also the end of a monitor that
//! found a mistake of its own.

use crate::arch;
use crate::board::BOARD;
use crate::console;
use crate::cores::{self, Core};
use crate::crash;
use crate::health;
use crate::mail;
use crate::mmio::Registers;
use crate::serial::Port;
use crate::shared;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use partita_abi::health::{Kind, State};
use partita_abi::status::{Core as CoreStatus, Event, Header, Partition};
use partita_board::Write;
use partita_monitor_core::text::Text;
use zerocopy::IntoBytes;

static ENDING: AtomicBool = AtomicBool::new(false);
/// How long the serial port is given for what it has taken: 8 bytes at 115200 baud are 0.7 ms.
const LAST_BYTES_NS: u64 = 1_000_000;

static PARKED: AtomicUsize = AtomicUsize::new(0);

/// Whether the run is ending, so that every core has to park.
#[inline]
pub fn is_ending() -> bool {
    ENDING.load(SeqCst)
}

/// Parks the core for good.
pub fn park(core: &mut Core) -> ! {
    core.settle_accounts();
    PARKED.fetch_add(1, SeqCst);
    arch::halt()
}

/// Ends the run: parks the other cores, prints the status block, ends the machine.
pub fn finish(core: &mut Core) -> ! {
    stop_everything(core);
    crash::tell_all();
    print_status(core, 0);
    end_machine(BOARD.finisher.pass)
}

/// Ends the run because of a health event, which has been told: nobody runs any more.
pub fn stop_system(core: &mut Core, partition: usize, kind: Kind) -> ! {
    stop_everything(core);
    for other in shared::PARTITIONS.iter() {
        if matches!(other.state(), State::Running | State::Loading) {
            other.set_state(State::Stopped);
        }
    }
    shared::of(partition).set_state(State::Failed);
    console::monitor_line(core, b"the system stops");
    crash::tell_all();
    print_status(core, Header::stopped_by(partition, kind));
    end_machine(BOARD.finisher.pass)
}

/// Resets the board because of a health event, which has been told.
pub fn reset_system(core: &mut Core) -> ! {
    stop_everything(core);
    console::monitor_line(core, b"the board is reset");
    console::flush_all();
    end_machine(BOARD.finisher.reset)
}

/// Parks the other cores, for good.
fn stop_everything(core: &mut Core) {
    if ENDING.swap(true, SeqCst) {
        park(core);
    }
    let machine = core.machine;
    core.settle_accounts();
    for other in (machine.first_core..machine.cores).filter(|other| *other != core.id) {
        mail::of(other).flags.fetch_or(mail::END, SeqCst);
        arch::interrupt(other);
    }
    // The others park at their next trap. None stays away longer than a load step takes.
    let deadline = core.now().saturating_add(BOARD.ns_to_ticks(100_000_000));
    let others = machine
        .cores
        .saturating_sub(machine.first_core)
        .saturating_sub(1);
    while PARKED.load(SeqCst) < others && core.now() < deadline {
        let soon = core.now().saturating_add(BOARD.ns_to_ticks(10_000));
        core.timer.sleep_until(soon);
    }
}

fn print_status(core: &Core, stopped_by: u32) {
    let machine = core.machine;
    let layout = arch::vector::layout();
    let log = health::LOG.lock();
    let now_ns = core.now_ns();
    let header = Header {
        magic: Header::MAGIC,
        version: Header::VERSION,
        partitions: machine.table.partitions.len() as u32,
        cores: machine.cores as u32,
        events: log.kept() as u32,
        events_lost: log.lost() as u32,
        text_bytes: layout.text_used as u32,
        data_bytes: layout.data_used as u32,
        stopped_by,
        virtual_ns: now_ns,
    };
    let entries = [
        (machine.table.partitions.len(), size_of::<Partition>()),
        (machine.cores, size_of::<CoreStatus>()),
        (log.kept() as usize, size_of::<Event>()),
    ];
    let lengths = entries.map(|(count, bytes)| count.wrapping_mul(bytes));
    let length = lengths
        .iter()
        .fold(size_of::<Header>(), |sum, length| sum.wrapping_add(*length));
    console::last_words(now_ns, length, |block| {
        block.put(header.as_bytes());
        for index in 0..machine.table.partitions.len() {
            let mut status = partition_status(core, index, log.of_partition(index));
            (status.first_output_ns, status.console_dropped) = block.of_partition(index);
            block.put(status.as_bytes());
        }
        for number in 0..machine.cores {
            block.put(core_status(core, number).as_bytes());
        }
        for event in log.iter() {
            block.put(event.as_bytes());
        }
    });
}

/// What is known of a partition without the console.
fn partition_status(core: &Core, index: usize, events_total: u32) -> Partition {
    let machine = core.machine;
    let shared = shared::of(index);
    let view = machine.partition(index);
    let mut used = 0_u64;
    for place in view.places.iter().take(view.virtual_cores) {
        let home = usize::from(place.core);
        let there = with_core(core, home, |home| {
            home.schedule.used(usize::from(place.slot))
        });
        used = there.saturating_add(used);
    }
    Partition {
        state: shared.state() as u8,
        boots: shared.boots.load(SeqCst),
        first_entry_ns: shared.first_entry_ns.load(SeqCst),
        deadlines_met: shared.deadlines_met.load(SeqCst),
        deadlines_missed: shared.deadlines_missed.load(SeqCst),
        worst_wakeup_ns: shared.worst_wakeup_ns.load(SeqCst),
        cpu_ns: BOARD.ticks_to_ns(used),
        events_total,
        ..Partition::default()
    }
}

fn core_status(this: &Core, core: usize) -> CoreStatus {
    if core < this.machine.first_core {
        return CoreStatus::default();
    }
    with_core(this, core, |core| CoreStatus {
        switches: core.switch_lengths.count(),
        switch_p50: core.switch_lengths.median(),
        switch_max: core.switch_lengths.max(),
        idle_ns: BOARD.ticks_to_ns(core.schedule.idle()),
    })
}

fn with_core<T>(this: &Core, core: usize, read: impl FnOnce(&Core) -> T) -> T {
    if core == this.id {
        return read(this);
    }
    // SAFETY: every core of the machine has been created before partitions ran, and all others have
    // parked (`finish`); one that did not in time can at worst show a torn count.
    read(unsafe { cores::parked(core) })
}

fn end_machine(writes: &[Write]) -> ! {
    let sent = arch::timer::now().saturating_add(BOARD.ns_to_ticks(LAST_BYTES_NS));
    while arch::timer::now() < sent {}
    arch::silence();
    // SAFETY: the board's own finisher.
    let finisher = unsafe { Registers::new(BOARD.finisher.window) };
    for write in writes {
        finisher.write_u32(write.offset as usize, write.value);
    }
    arch::halt()
}

/// Ends the machine because the system cannot be started or the monitor cannot go on.
pub fn fatal(reason: &str) -> ! {
    let mut line = Text::<200>::new();
    line.text("stopped: ").text(reason);
    fatal_line(line.as_bytes())
}

/// Ends the machine because of a trap in the monitor itself.
pub fn fatal_trap(cause: u64, counter: u64, value: u64) -> ! {
    let mut line = Text::<200>::new();
    line.text("stopped: a trap in the monitor itself, cause ")
        .decimal(cause)
        .text(" pc ")
        .hex(counter)
        .text(" value ")
        .hex(value)
        .text(" core ")
        .decimal(arch::core_number());
    fatal_line(line.as_bytes())
}

fn fatal_line(line: &[u8]) -> ! {
    ENDING.store(true, SeqCst);
    // SAFETY: this core does nothing else any more.
    unsafe { console::dying_line(&mut Port::new(), line) };
    end_machine(BOARD.finisher.fail)
}

/// Ends the machine with a line that says why the system was not started.
pub fn refuse(line: &Text<200>) -> ! {
    fatal_line(line.as_bytes())
}
