//! Crash records ([`partita_abi::crash`]): what a partition was doing when the monitor took it down.

use crate::arch;
use crate::console;
use crate::cores::Core;
use crate::shared;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use partita_abi::MAX_PARTITIONS;
use partita_abi::crash::{Record, SLOT_BYTES, Trace, TraceEntry, flags};
use partita_abi::health::{Action, Kind};
use partita_abi::status::Event;
use partita_abi::table::SystemTable;
use partita_monitor_core::console::CrashRecords;
use partita_monitor_core::crash::{is_kept, is_told, survives};
use partita_monitor_core::events::describe;
use partita_monitor_core::text::Text;
use partita_monitor_core::trace::TraceLog;
use spin::mutex::{TicketMutex, ticket::TicketMutexGuard};
use zerocopy::FromZeros as _;

/// Records of one partition that are told on the console; the latest one is kept in any case.
const MOST_TOLD: u32 = 8;

/// Where the records are, once they are known to be there. Held for a bounded time; inside, only
/// [`TRACE`] is taken.
static BASE: TicketMutex<u64> = TicketMutex::new(0);
/// What was done for each partition. Held for a bounded time: no lock is taken inside.
static TRACE: TicketMutex<TraceLog> = TicketMutex::new(TraceLog::new());
/// How many records of each partition were told, or would have been.
static TOLD: [AtomicU32; MAX_PARTITIONS] = [const { AtomicU32::new(0) }; MAX_PARTITIONS];
/// The partitions whose record nobody was told, one bit each.
static UNTOLD: AtomicU32 = AtomicU32::new(0);

#[inline(never)]
fn base() -> TicketMutexGuard<'static, u64> {
    BASE.lock()
}

/// The record of a partition, which may hold anything until it was looked at ([`open`]), behind the lock
/// on `base`. `None` if there is no place for it.
fn record(base: &mut u64, partition: usize) -> Option<&mut Record> {
    if *base == 0 || partition >= MAX_PARTITIONS {
        return None;
    }
    let place = (*base as usize).wrapping_add(partition.wrapping_mul(SLOT_BYTES));
    // SAFETY: the memory behind the store is RAM of the monitor that nothing else uses and no partition
    // reaches (`check` in monitor/core), whole pages, with places of `SLOT_BYTES` for a record each; any
    // bytes are a record. Whoever has `base`, which only the lock gives, has the only reference.
    Some(unsafe { &mut *(place as *mut Record) })
}

/// The records, as the console reads them.
pub struct Records;

impl CrashRecords for Records {
    #[inline(never)]
    fn copy(&self, partition: usize, offset: usize, to: &mut [u8]) -> usize {
        let mut base = base();
        // Whatever was not a record has lost its magic (`open`).
        let found = record(&mut base, partition).filter(|record| record.has_magic());
        let bytes = found.and_then(|record| record.used().get(offset..));
        let bytes = bytes.unwrap_or_default();
        to.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        bytes.len()
    }
}

/// Looks at what memory holds when the board starts, and says what is left from before.
#[inline(never)]
pub fn open(table: &SystemTable<'_>, now_ns: u64) {
    *base() = table.header.crash_base;
    for partition in 0..MAX_PARTITIONS {
        let mut base = base();
        if let Some(record) = record(&mut base, partition)
            && survives(record)
        {
            UNTOLD.fetch_or(1 << partition, SeqCst);
            let mut line = Text::<200>::new();
            line.text("crash record from before: ");
            describe(&mut line, record.partition.letters(), &record.event);
            console::boot_line(now_ns, line.as_bytes());
        }
    }
}

/// Has all records told that nobody was told.
pub fn tell_all() {
    let untold = UNTOLD.load(SeqCst);
    for partition in (0..MAX_PARTITIONS).filter(|partition| untold >> partition & 1 != 0) {
        console::tell_crash(partition);
    }
}

/// Keeps in mind something rare that was done for a partition.
#[cold]
#[inline(never)]
pub fn note(core: &Core, partition: usize, what: Trace, detail: u8, more: u32, value: u64) {
    let entry = TraceEntry {
        time_ns: core.now_ns(),
        value,
        more,
        what: what as u8,
        detail,
        core: core.id as u8,
        repeats: 0,
    };
    TRACE.lock().note(partition, entry);
}

/// Records what the partition of an event was doing, if what follows it is worth that. Called before
/// its virtual cores are stopped.
#[cold]
#[inline(never)]
pub fn capture(core: &Core, event: &Event, kind: Kind, action: Action) {
    let partition = usize::from(event.partition);
    note(
        core,
        partition,
        Trace::Event,
        event.kind,
        event.cause,
        event.address,
    );
    // Asked before the record is locked, which the console takes inside its own lock.
    let is_being_told = console::is_telling_crash(partition);
    {
        let mut base = base();
        let kept = |found: &&mut Record| is_kept(kind, action, found, is_being_told);
        let Some(record) = record(&mut base, partition).filter(kept) else {
            return;
        };
        // What the place held before is not the partition's; and it is no record until it is whole.
        record.zero();
        record.action = action as u8;
        fill(core, event, record);
        record.seal();
    }
    if is_told(kind, action) && TOLD[partition % MAX_PARTITIONS].fetch_add(1, SeqCst) < MOST_TOLD {
        UNTOLD.fetch_and(!(1 << partition), SeqCst);
        console::tell_crash(partition);
    } else {
        UNTOLD.fetch_or(1 << partition, SeqCst);
    }
}

fn fill(core: &Core, event: &Event, record: &mut Record) {
    let partition = usize::from(event.partition);
    if let Some(entry) = core.machine.table.partitions.get(partition) {
        record.partition = entry.name;
    }
    record.event = *event;
    record.boots = shared::of(partition).boots.load(SeqCst);
    record.trace_entries = TRACE.lock().copy(partition, &mut record.trace) as u8;
    let mut slots = core.slots.iter().enumerate();
    let found =
        slots.find(|(_, slot)| slot.context.view.is_some() && slot.resident.partition == partition);
    if let Some((number, slot)) = found
        && event.kind != Kind::ImageCorrupt as u8
    {
        let is_live = number == core.live;
        record.virtual_core = slot.resident.number as u64;
        record.flags = flags::REGISTERS;
        slot.context.record(is_live, record);
        if is_live && record.action != Action::Log as u8 {
            record.stack_words = arch::stack::read(slot, record) as u8;
        }
    }
}
