//! The interrupt controller for Linux behind stage 2: what it does to the registers of all lines is judged by
//! [`partita_virtual_aarch64::gic`], and carried out here.
//!
//! Where several of them share a core, one has its private lines on it, and its lines interrupt it there
//! ([`SHOWN`]). Those of the others stay off until their virtual core is on the core.

use super::distributor::{self, CLEAR_ENABLE, SET_ENABLE, alone};
use super::{Kept, version};
use crate::arch::breakpoints::Breakpoints;
use crate::arch::register::complete_accesses;
use crate::board::BOARD;
use crate::cores::Core;
use crate::machine::PartitionView;
use crate::mail;
use crate::mmio::Registers;
use crate::shared;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use partita_abi::health::State as Life;
use partita_abi::{MAX_CORES, MAX_PARTITIONS, MAX_SHARING};
use partita_virtual_aarch64::gic::distributor::{Distributor, forwards};
use partita_virtual_aarch64::gic::redistributor::Redistributors;
use partita_virtual_aarch64::gic::software::Call;
use partita_virtual_aarch64::gic::{Access, ReadEffect, Version, WORDS, WriteEffect};

/// Which registers of the controller are accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The distributor.
    Distributor,
    /// The redistributors of the partition's virtual cores.
    Redistributors,
}

/// What a partition has set in the distributor, which is not the hardware's. Its size is a power of two, so that it is
/// found without a multiplication.
#[repr(align(256))]
struct State {
    control: AtomicU32,
    /// The lines that it has enabled; those of each core are elsewhere.
    enabled: [AtomicU32; WORDS],
}

static STATES: [State; MAX_PARTITIONS] = [const {
    State {
        control: AtomicU32::new(0),
        enabled: [const { AtomicU32::new(0) }; WORDS],
    }
}; MAX_PARTITIONS];

/// The partition whose private lines are on each core, or [`NOBODY`].
static SHOWN: [AtomicUsize; MAX_CORES] = [const { AtomicUsize::new(NOBODY) }; MAX_CORES];
const NOBODY: usize = usize::MAX;

/// Software interrupts for virtual cores that may not be on their core, as [`version::Calls`].
static CALLS: [[AtomicU64; MAX_SHARING]; MAX_CORES] =
    [const { [const { AtomicU64::new(0) }; MAX_SHARING] }; MAX_CORES];

/// Whether there are redistributors. Without, nothing of them is compiled.
const HAS_REDISTRIBUTORS: bool = matches!(version::VERSION, Version::Three);

fn state(partition: usize) -> &'static State {
    &STATES[partition % MAX_PARTITIONS]
}

fn shown(core: usize) -> &'static AtomicUsize {
    &SHOWN[core % MAX_CORES]
}

/// The part of the controller that a partition finds at an address, and the offset in it.
pub fn part(view: &PartitionView, address: u64) -> Option<(Part, u64)> {
    let gic = &BOARD.architecture.gic;
    let offset = address.wrapping_sub(gic.distributor.base);
    if view.arch.owned.cores() == 0 {
        return None;
    }
    if offset < gic.distributor.size {
        return Some((Part::Distributor, offset));
    }
    let base = version::redistributors_base()?;
    let offset = address.wrapping_sub(base);
    let all = Redistributors::new(&view.arch.owned, 0);
    (offset < all.register_space()).then_some((Part::Redistributors, offset))
}

/// The registers of a part, and where the caller's are in them.
fn registers(core: &Core, part: Part) -> (Registers, usize) {
    match part {
        Part::Distributor => (distributor::registers(), 0),
        Part::Redistributors => {
            let place = core.arch.gate.private();
            (place.registers, place.base & !(0x1_ffff))
        }
    }
}

/// Reads for the virtual core that is live. `None` is denied.
pub fn read(core: &mut Core, part: Part, access: Access) -> Option<u64> {
    let (_, slot, view) = core.running()?;
    let own = slot.resident.number as u32;
    let private = slot.arch.private.enabled;
    let owned = &view.arch.owned;
    let effect = match part {
        Part::Redistributors if HAS_REDISTRIBUTORS => Redistributors::new(owned, own).read(access),
        _ => {
            let control = state(view.index).control.load(SeqCst);
            Distributor::new(owned, version::VERSION, own).read(control, access)
        }
    };
    match effect {
        ReadEffect::Value(value) => Some(value),
        ReadEffect::Hardware { offset, size, view } => {
            let (registers, base) = registers(core, part);
            let offset = base.wrapping_add(offset as usize);
            let real = match size {
                1 => u64::from(registers.read_u8(offset)),
                2 => u64::from(registers.read_u16(offset)),
                4 => u64::from(registers.read_u32(offset)),
                _ => registers.read_u64(offset),
            };
            Some(owned.seen(view, real))
        }
        ReadEffect::Enabled { word: 0, lines } => Some(u64::from(private & lines)),
        ReadEffect::Enabled { word, lines } => {
            let enabled = state(view.index).enabled.get(word as usize);
            enabled.map(|enabled| u64::from(enabled.load(SeqCst) & lines))
        }
        ReadEffect::Denied => None,
    }
}

/// Writes for the virtual core that is live. Returns false if that is denied.
pub fn write(core: &mut Core, part: Part, access: Access, value: u64) -> bool {
    let Some((_, slot, view)) = core.running() else {
        return false;
    };
    let own = slot.resident.number as u32;
    let owned = &view.arch.owned;
    let effect = match part {
        Part::Redistributors if HAS_REDISTRIBUTORS => {
            Redistributors::new(owned, own).write(access, value)
        }
        _ => Distributor::new(owned, version::VERSION, own).write(access, value),
    };
    let (registers, base) = registers(core, part);
    let at = |offset: u64| base.wrapping_add(offset as usize);
    match effect {
        WriteEffect::Write { offset, value } => registers.write_u32(at(offset), value),
        WriteEffect::Bytes {
            offset,
            lanes,
            value,
        } => {
            let _alone = alone();
            for (lane, byte) in value.to_le_bytes().into_iter().enumerate() {
                if lanes.wrapping_shr(lane as u32) & 1 != 0 {
                    let place = at(offset).wrapping_add(lane);
                    let routed = version::routed_by(place);
                    routed.inspect(|line| hide_line(*line));
                    registers.write_u8(place, byte);
                    routed.inspect(|line| show_line(view, *line));
                }
            }
        }
        WriteEffect::Modify {
            offset,
            mask,
            value,
        } if part == Part::Distributor => distributor::modify(at(offset), mask, value),
        // Of private lines no other core has a bit.
        WriteEffect::Modify {
            offset,
            mask,
            value,
        } => {
            let before = registers.read_u32(at(offset));
            registers.write_u32(at(offset), before & !mask | value & mask);
        }
        WriteEffect::Enable { word: 0, lines, on } => enable_private(core, lines, on),
        WriteEffect::Enable { word, lines, on } => enable(view, word, lines, on),
        WriteEffect::Route { line, number } => {
            let _alone = alone();
            hide_line(line);
            version::route(line as usize, usize::from(view.place(number).core));
            show_line(view, line);
        }
        WriteEffect::Call(call) => send(core, view, call),
        WriteEffect::Control(control) => set_control(core, view, control),
        WriteEffect::Ignored => {}
        WriteEffect::Denied => return false,
    }
    true
}

fn is_forwarded(partition: usize) -> bool {
    forwards(version::VERSION, state(partition).control.load(SeqCst))
}

/// Of private lines, those that interrupt if they are enabled.
fn shown_private(partition: usize) -> u32 {
    if is_forwarded(partition) { !0 } else { 0 }
}

/// The virtual core that is live enables private lines of its, or disables them.
fn enable_private(core: &mut Core, lines: u32, on: bool) {
    let place = core.arch.gate.private();
    let Some((_, slot, view)) = core.running() else {
        return;
    };
    let enabled = &mut slot.arch.private.enabled;
    if on {
        *enabled |= lines;
        let lines = lines & shown_private(view.index);
        place.write(SET_ENABLE, lines);
    } else {
        *enabled &= !lines;
        place.write(CLEAR_ENABLE, lines);
    }
}

/// A partition enables lines, or disables them.
fn enable(view: &PartitionView, word: u32, lines: u32, on: bool) {
    let Some(enabled) = state(view.index).enabled.get(word as usize) else {
        return;
    };
    let _alone = alone();
    if on {
        enabled.fetch_or(lines, SeqCst);
    } else {
        enabled.fetch_and(!lines, SeqCst);
    }
    for_each(word, lines, |line| set_line(view, line, on));
}

/// Lets a line interrupt if it may, or not.
fn set_line(view: &PartitionView, line: u32, on: bool) {
    if on {
        show_line(view, line);
    } else {
        hide_line(line);
    }
}

/// Lets the enabled lines of a partition that go to one of these cores interrupt if they may, or not.
#[inline(never)]
fn set_lines(view: &PartitionView, cores: u32, on: bool) {
    // On the way to another Linux: words that the board has no lines of are left out.
    let words = usize::from(BOARD.architecture.gic.lines) / 32;
    let enabled = state(view.index).enabled.iter().take(words.wrapping_add(1));
    for (word, enabled) in enabled.enumerate() {
        for_each(word as u32, enabled.load(SeqCst), |line| {
            if version::targets(line as usize) & cores != 0 {
                set_line(view, line, on);
            }
        });
    }
}

fn for_each(word: u32, lines: u32, act: impl Fn(u32)) {
    let mut left = lines;
    while left != 0 {
        act(word.wrapping_mul(32).wrapping_add(left.trailing_zeros()));
        left &= left.wrapping_sub(1);
    }
}

fn hide_line(line: u32) {
    distributor::set_enabled(line, false);
}

/// Lets a line interrupt if its partition has enabled it, and is wherever it goes.
fn show_line(view: &PartitionView, line: u32) {
    let enabled = state(view.index).enabled.get(line as usize / 32);
    let is_enabled =
        enabled.is_some_and(|enabled| enabled.load(SeqCst).wrapping_shr(line % 32) & 1 != 0);
    let is_shown = || {
        let cores = version::targets(line as usize);
        let places = view.places.iter().take(view.virtual_cores);
        let elsewhere = places.fold(cores, |cores, place| {
            let is_here = shown(usize::from(place.core)).load(SeqCst) == view.index;
            cores & !u32::from(is_here).wrapping_shl(place.core.into())
        });
        cores != 0 && elsewhere == 0
    };
    if is_enabled && is_forwarded(view.index) && is_shown() {
        distributor::set_enabled(line, true);
    }
}

/// What a partition has in its control register changes.
#[cold]
fn set_control(core: &mut Core, view: &PartitionView, control: u32) {
    state(view.index).control.store(control, SeqCst);
    let is_on = is_forwarded(view.index);
    let _alone = alone();
    set_lines(view, !0, is_on);
    drop(_alone);
    for place in view.places.iter().take(view.virtual_cores) {
        core.post(
            usize::from(place.core),
            usize::from(place.slot),
            mail::CONTROLLER,
        );
    }
}

/// Raises software interrupts of a partition.
pub fn send(core: &Core, view: &PartitionView, call: Call) {
    let mut direct = 0;
    let mut left = call.cores;
    while left != 0 {
        let number = left.trailing_zeros();
        left &= left.wrapping_sub(1);
        let place = view.place(number);
        let (target, slot) = (usize::from(place.core), usize::from(place.slot));
        if view.arch.alone.wrapping_shr(number) & 1 != 0 {
            direct |= 1_u32.wrapping_shl(target as u32);
        } else if let Some(calls) = CALLS[target % MAX_CORES].get(slot) {
            calls.fetch_or(version::call(call.interrupt, core.id), SeqCst);
            core.post(target, slot, mail::SOFTWARE_INTERRUPT);
        }
    }
    if direct != 0 {
        // What the other core is to look at is written before.
        complete_accesses();
        version::send(call.interrupt, direct);
    }
}

impl Core {
    /// Takes the software interrupts that were sent to a virtual core.
    #[cold]
    pub fn take_calls(&mut self, number: usize) {
        let Some(calls) = CALLS[self.id % MAX_CORES].get(number) else {
            return;
        };
        let taken = calls.swap(0, SeqCst);
        let is_here = self.arch.private_of == number;
        let place = self.arch.gate.private();
        if is_here {
            version::set_calls(&place, taken);
        } else if let Some(slot) = self.slots.get_mut(number) {
            slot.arch.private.raise(taken);
        }
    }

    /// A partition has changed what its virtual core here has of private lines.
    #[cold]
    pub fn answer_controller(&mut self, number: usize) {
        if self.arch.private_of != number {
            return;
        }
        let place = self.arch.gate.private();
        if let Some(slot) = self.slots.get(number) {
            let partition = slot.resident.partition;
            let lines = slot.arch.private.enabled;
            let on = lines & shown_private(partition);
            place.write(CLEAR_ENABLE, lines & !on);
            place.write(SET_ENABLE, on);
        }
    }

    /// Another Linux comes to this core than the last one: each has private lines of its own.
    #[cold]
    #[inline(never)]
    pub fn change_guest(&mut self, chosen: usize) {
        let place = self.arch.gate.private();
        let before = core::mem::replace(&mut self.arch.private_of, chosen);
        if let Some(slot) = self.slots.get_mut(before) {
            slot.arch.private.keep(&place);
            slot.arch.breakpoints.keep();
        }
        let Some(slot) = self.slots.get(chosen) else {
            return;
        };
        let kept = slot.arch.kept;
        slot.arch.breakpoints.write();
        {
            let _alone = alone();
            let left = shown(self.id).swap(NOBODY, SeqCst);
            if left != NOBODY {
                set_lines(self.machine.partition(left), self.bit(), false);
            }
        }
        self.change_active(&kept);
        let Some(slot) = self.slots.get(chosen) else {
            return;
        };
        let view = self.machine.partition(slot.resident.partition);
        let _alone = alone();
        shown(self.id).store(view.index, SeqCst);
        slot.arch.private.write(&place, shown_private(view.index));
        set_lines(view, self.bit(), true);
    }

    /// Has the active priorities of the Linux that comes. What the monitor has to take first, it looks at anew as soon
    /// as that Linux is on the core.
    fn change_active(&mut self, kept: &Kept) {
        /// More than what can come meanwhile.
        const MOST: usize = 8;
        for round in 0..MOST {
            if self.arch.gate.change_active(kept) {
                if round != 0 {
                    crate::arch::interrupt(self.id);
                }
                return;
            }
            self.external_interrupt();
        }
    }

    /// A virtual core of a Linux behind stage 2 starts: it finds its lines as after reset.
    pub fn restart_guest(&mut self, number: usize) {
        let place = self.arch.gate.private();
        let is_here = self.arch.private_of == number;
        if let Some(calls) = CALLS[self.id % MAX_CORES].get(number) {
            calls.store(0, SeqCst);
        }
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        slot.arch.private = super::Private::RESET;
        slot.arch.breakpoints = Breakpoints::NONE;
        if is_here {
            slot.arch.private.write(&place, 0);
        }
        // Not when it turns its first core off and on.
        let partition = slot.resident.partition;
        if shared::of(partition).state() != Life::Running {
            let state = state(partition);
            state.control.store(0, SeqCst);
            for enabled in &state.enabled {
                enabled.store(0, SeqCst);
            }
        }
    }
}
