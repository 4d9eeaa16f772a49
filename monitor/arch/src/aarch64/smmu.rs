//! The board's SMMUv3 (IHI 0070): devices reach the RAM of their partition, by tables of their own, and nothing else.
//!
//! All that it reads and writes is in memory that partitions do not reach, at the end of that for stage 2
//! ([`Area`]). Whatever has no owner is denied from before the first partition starts, and so are the devices of a
//! partition while it is not there.

use crate::arch::controller::Controller;
use crate::arch::register::complete_accesses;
use crate::arch::translation;
use crate::board::BOARD;
use crate::cores::Core;
use crate::health;
use crate::mmio::Registers;
use crate::report;
use core::ptr::addr_of_mut;
use partita_abi::health::Kind as Event;
use partita_abi::table::{RegionKind, Streams, SystemTable};
use partita_board::Window;
use partita_virtual_aarch64::smmu::{
    self, AREA_BYTES, Area, DENY, FORGET, FORMAT, Place, QUEUE_BITS, TRANSLATE,
};
use partita_virtual_aarch64::stage_2::{CONTROL, Kind, Range, Tables};
use spin::mutex::TicketMutex;

/// Registers (6.3), and what is written to them.
mod register {
    pub const FEATURES_0: usize = 0x00;
    pub const FEATURES_1: usize = 0x04;
    pub const CONTROL: usize = 0x20;
    pub const CONTROL_DONE: usize = 0x24;
    pub const ENABLE: u32 = 1 << 0;
    pub const ENABLE_EVENTS: u32 = 1 << 2;
    pub const ENABLE_COMMANDS: u32 = 1 << 3;
    /// Tables and queues are in write-back inner-shareable memory.
    pub const MEMORY: usize = 0x28;
    pub const WRITE_BACK: u32 = 3 << 10 | 1 << 8 | 1 << 6 | 3 << 4 | 1 << 2 | 1;
    /// What becomes of accesses while the unit is off.
    pub const BYPASS: usize = 0x44;
    pub const UPDATE: u32 = 1 << 31;
    pub const ABORT: u32 = 1 << 20;
    pub const INTERRUPTS: usize = 0x50;
    pub const EVENT_INTERRUPT: u32 = 1 << 2;
    pub const STREAMS: usize = 0x80;
    pub const STREAMS_FORMAT: usize = 0x88;
    pub const COMMANDS: usize = 0x90;
    pub const COMMANDS_PRODUCED: usize = 0x98;
    pub const COMMANDS_CONSUMED: usize = 0x9c;
    pub const EVENTS: usize = 0xa0;
    pub const EVENTS_PRODUCED: usize = 0x1_00a8;
    pub const EVENTS_CONSUMED: usize = 0x1_00ac;
    /// In both registers of the event queue: it was full.
    pub const OVERFLOW: u32 = 1 << 31;
}

/// How often a register is looked at that changes within a few clocks.
const PATIENCE: usize = 100_000;

/// How often events are looked at in a partition's life. What comes then is denied in silence: it must not cost others
/// time for ever.
const MOST_LOOKS: u32 = 64;

/// What was told of events.
struct State {
    /// The last one, which is told once.
    last: Option<smmu::Event>,
    /// How often there was a look in this life of the partition.
    looks: u32,
}

/// Whoever has it drives the unit. Held for a bounded time: no lock is taken inside.
static STATE: TicketMutex<State> = TicketMutex::new(State {
    last: None,
    looks: 0,
});

fn registers() -> Registers {
    let window = BOARD
        .architecture
        .iommu
        .map_or(NOTHING, |iommu| iommu.window);
    // SAFETY: the board's own unit, or no register at all.
    unsafe { Registers::new(window) }
}

const NOTHING: Window = Window { base: 0, size: 0 };

/// What it reads and writes: the end of what is kept for stage 2. Nobody else uses it.
fn area() -> *mut Area {
    let memory = BOARD.architecture.stage_2;
    memory
        .base
        .wrapping_add(memory.size)
        .wrapping_sub(AREA_BYTES) as *mut Area
}

/// Waits until a register has a value, in the bits of a mask.
fn wait(offset: usize, mask: u32, value: u32) {
    for _ in 0..PATIENCE {
        if registers().read_u32(offset) & mask == value {
            return;
        }
    }
    report::fatal("the IOMMU does not answer");
}

/// Prepares it before any partition runs, if the system has devices that it keeps apart: it denies everything.
pub fn bound(table: &SystemTable<'_>) {
    let Some(iommu) = BOARD.architecture.iommu else {
        return;
    };
    let Some(streams) = table.streams.first() else {
        return;
    };
    // SAFETY: the boot core, before partitions run; the board's unit, and RAM of the normal world that is the monitor's.
    unsafe {
        translation::map_device(iommu.window);
        translation::map_normal_ram(BOARD.architecture.stage_2);
    }
    let registers = registers();
    let features = [register::FEATURES_0, register::FEATURES_1].map(|at| registers.read_u32(at));
    if !smmu::suffices(features[0], features[1]) {
        report::fatal("the system needs an IOMMU with stage 2");
    }
    registers.write_u32(register::BYPASS, register::UPDATE | register::ABORT);
    wait(register::BYPASS, register::UPDATE, 0);
    registers.write_u32(register::CONTROL, 0);
    wait(register::CONTROL_DONE, !0, 0);
    // SAFETY: the boot core alone, and the unit is off; zero is an area.
    let filled = unsafe {
        area().write_bytes(0, 1);
        fill(&mut *area(), table, streams)
    };
    if filled.is_none() {
        report::fatal("devices need more tables than there are");
    }
    complete_accesses();
    registers.write_u32(register::MEMORY, register::WRITE_BACK);
    let area = area();
    // SAFETY: only addresses are taken, within the area.
    let (streams, commands, events) = unsafe {
        (
            addr_of_mut!((*area).descriptors) as u64,
            addr_of_mut!((*area).commands) as u64,
            addr_of_mut!((*area).events) as u64,
        )
    };
    registers.write_u64(register::STREAMS, streams);
    registers.write_u32(register::STREAMS_FORMAT, FORMAT);
    registers.write_u64(register::COMMANDS, commands | u64::from(QUEUE_BITS));
    registers.write_u64(register::EVENTS, events | u64::from(QUEUE_BITS));
    for queue in [
        register::COMMANDS_PRODUCED,
        register::COMMANDS_CONSUMED,
        register::EVENTS_PRODUCED,
        register::EVENTS_CONSUMED,
    ] {
        registers.write_u32(queue, 0);
    }
    registers.write_u32(register::CONTROL, register::ENABLE_COMMANDS);
    wait(register::CONTROL_DONE, !0, register::ENABLE_COMMANDS);
    forget();
    let all = register::ENABLE_COMMANDS | register::ENABLE_EVENTS | register::ENABLE;
    registers.write_u32(register::CONTROL, all);
    wait(register::CONTROL_DONE, !0, all);
    registers.write_u32(register::INTERRUPTS, register::EVENT_INTERRUPT);
}

/// Makes the entry of these streams, and the tables by which they reach their partition's RAM.
fn fill(area: &mut Area, table: &SystemTable<'_>, streams: &Streams) -> Option<()> {
    let owner = table.partitions.get(usize::from(streams.partition))?;
    let mut tables = Tables::new(&mut area.tables, 0);
    let root = tables.begin().ok()?;
    let regions = table.regions_of(owner).iter();
    for region in regions.filter(|region| region.kind == RegionKind::Ram as u8) {
        let range = Range {
            base: region.base,
            output: region.base,
            size: region.size,
            rights: region.rights,
            kind: Kind::Memory,
        };
        tables.open(root, range).ok()?;
    }
    // The number is that of nobody's translations: the unit has no others.
    let entry = smmu::entry(tables.address(root), CONTROL);
    area.fill(streams, entry).then_some(())
}

/// Has the unit forget what it keeps, and waits until accesses that it let pass before are complete.
fn forget() {
    complete_accesses();
    let place = Place::of(registers().read_u32(register::COMMANDS_PRODUCED));
    let place = place.after(FORGET.len() as u32).register();
    registers().write_u32(register::COMMANDS_PRODUCED, place);
    wait(register::COMMANDS_CONSUMED, Place::MASK, place);
}

/// Whether the devices are this partition's.
fn owns(core: &Core, partition: usize) -> bool {
    let streams = core.machine.table.streams.first();
    streams.is_some_and(|streams| usize::from(streams.partition) == partition)
}

/// Writes the first word of all entries.
fn set(word: u64) {
    for number in 0..Streams::UNIT as usize {
        // SAFETY: a word of the area, by which the rest of the entry, which does not change, holds or not.
        unsafe { addr_of_mut!((*area()).entries[number][0]).write_volatile(word) };
    }
    forget();
}

/// Denies everything to the devices of a partition that stops. When this returns, they write nothing any more.
pub fn hold(core: &Core, partition: usize) {
    let Some(iommu) = BOARD.architecture.iommu.filter(|_| owns(core, partition)) else {
        return;
    };
    let mut state = STATE.lock();
    set(DENY);
    // What they did is not for the next life.
    let produced = registers().read_u32(register::EVENTS_PRODUCED);
    registers().write_u32(register::EVENTS_CONSUMED, produced);
    state.last = None;
    state.looks = 0;
    Controller.close_mediated(core.id, iommu.event_line);
}

/// Lets the devices of a partition that starts reach its memory.
pub fn release(core: &Core, partition: usize) {
    let Some(iommu) = BOARD.architecture.iommu.filter(|_| owns(core, partition)) else {
        return;
    };
    let _state = STATE.lock();
    set(TRANSLATE);
    let place = core.machine.partition(partition).place(0);
    Controller.open_pulsed(usize::from(place.core), iommu.event_line);
}

/// Tells of something that devices were denied. What is left interrupts again.
pub fn tell(core: &mut Core) {
    let (Some(iommu), Some(streams)) =
        (BOARD.architecture.iommu, core.machine.table.streams.first())
    else {
        return;
    };
    let mut state = STATE.lock();
    if state.looks >= MOST_LOOKS {
        return;
    }
    state.looks = state.looks.wrapping_add(1);
    let last = state.last;
    let (event, is_empty) = look(last, streams);
    state.last = if is_empty { None } else { event.or(last) };
    drop(state);
    Controller.reopen(iommu.event_line, !is_empty);
    if let Some(event) = event {
        let cause = Event::CAUSE_DEVICE | u32::from(event.number);
        let (owner, stream) = (usize::from(streams.partition), u64::from(event.stream));
        health::raise(
            core,
            owner,
            Event::AccessFault,
            cause,
            event.address,
            stream,
        );
    }
}

/// Reads the queue up to something of these streams that is not the last event again. Whether there is nothing more, too.
fn look(last: Option<smmu::Event>, streams: &Streams) -> (Option<smmu::Event>, bool) {
    for _ in 0..1 << QUEUE_BITS {
        let produced = registers().read_u32(register::EVENTS_PRODUCED);
        let place = Place::of(registers().read_u32(register::EVENTS_CONSUMED));
        if Place::of(produced) == place {
            return (None, true);
        }
        // SAFETY: a place in the queue, which the unit has filled and does not use until it is told to.
        let record = unsafe { addr_of_mut!((*area()).events[place.index()]).read_volatile() };
        let consumed = place.after(1).register() | produced & register::OVERFLOW;
        registers().write_u32(register::EVENTS_CONSUMED, consumed);
        let event = smmu::Event::read(record);
        let is_owned = (streams.first..streams.end()).contains(&event.stream);
        if is_owned && !last.is_some_and(|last| event.repeats(&last)) {
            return (Some(event), false);
        }
    }
    (None, false)
}
