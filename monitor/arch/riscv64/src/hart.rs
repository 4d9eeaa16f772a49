//! One hart: who lives on it, and who is live.
//!
//! The parts: [`switch`] brings one virtual core onto the hart after another, [`interrupts`] answers
//! machine mode's own, [`requests`] those of other harts, [`life`] loads, starts and stops, and
//! [`performance`] moves counters. [`attention`] is what has a time of its own: watchdogs, held interrupts, the
//! end of the run.

mod attention;
mod interrupts;
mod life;
mod performance;
mod requests;
mod switch;

use crate::board::BOARD;
use crate::context::Context;
use crate::controller::{Gate, Kept};
use crate::csr::{self, status};
use crate::floating_point;
use crate::machine::{Features, Machine, PartitionView, Resident};
use crate::mail::{self, Mailbox};
use crate::mmio::Register;
use crate::pmp;
use crate::report;
use crate::timer::Aclint;
use crate::vector;
use crate::vector_registers;
use core::arch::asm;
use core::cell::UnsafeCell;
use core::sync::atomic::Ordering::SeqCst;
use partita_abi::table::RegionKind;
use partita_abi::{MAX_CORES, MAX_SHARING};
use partita_monitor_core::histogram::Histogram;
use partita_monitor_core::loader::Loader;
use partita_monitor_core::ownership::Ownership;
use partita_monitor_core::schedule::{Budget, NEVER, NOBODY, Schedule};
use partita_monitor_core::storm::StormGuard;
use partita_virtual_riscv64::counters::Counters;

/// What a hart knows of the virtual core in one of its slots.
#[repr(C)]
pub struct Slot {
    /// Its registers.
    pub context: Context,
    /// Who it is.
    pub resident: Resident,
    /// Its partition is being loaded here.
    loader: Option<Loader>,
    /// Its mediated lines that are pending, one bit each, and [`NOTICES_PENDING`].
    pub pending_lines: u64,
    /// Its mediated lines that it has claimed.
    pub claimed_lines: u64,
    /// Its mediated lines that came too often, and wait.
    held_lines: u64,
    /// How often its lines may come.
    storm: StormGuard,
    /// Denied accesses of its, one after another, at the instruction that was injected last.
    pub repeated_faults: u16,
    /// Without `stimecmp`: when its timer fires, or fired.
    pub timer: u64,
    /// What it has of the interrupt controller while it is not live.
    kept: Kept,
    /// Whether lines reach it without the monitor.
    direct_lines: bool,
    /// Whether its `wfi` traps.
    pub wfi_traps: bool,
    /// It waits in a suspend call, and says so to whoever asks.
    pub suspended: bool,
    /// Bits of `mstatus` that it has promised to leave off: `FS`, `VS`.
    forbidden: u64,
    /// Whether it is more critical than QM and shares the hart, so that the serial port must wait.
    critical: bool,
    /// Its floating-point registers, while they are not on the hart.
    floating_point: floating_point::State,
    /// Its performance counters.
    counters: Counters,
}

/// In [`Slot::pending_lines`]: there are health events of others to take.
pub const NOTICES_PENDING: u64 = 1 << 63;

const UNSETTLED: Resident = Resident {
    partition: 0,
    number: 0,
    virtual_core: 0,
};

impl Slot {
    const fn new() -> Self {
        Self {
            context: Context::new(),
            floating_point: floating_point::State::ZERO,
            resident: UNSETTLED,
            loader: None,
            pending_lines: 0,
            claimed_lines: 0,
            held_lines: 0,
            storm: StormGuard::new(0, 0),
            repeated_faults: 0,
            timer: NEVER,
            kept: Kept::RESET,
            direct_lines: false,
            wfi_traps: false,
            suspended: false,
            forbidden: 0,
            critical: false,
            counters: Counters::new(),
        }
    }
}

/// A hart's own state. Only that hart touches it, one trap at a time. What every switch uses comes
/// first, where one instruction reaches it.
#[repr(C)]
pub struct Hart {
    /// Its number.
    pub id: usize,
    /// The machine.
    pub machine: &'static Machine,
    /// What the hart can do.
    features: Features,
    /// Whether it serves the serial port.
    serves_console: bool,
    /// Machine time from which on [`Hart::attend`] has something to do, in ticks.
    attention: u64,
    /// What others ask of it.
    mailbox: &'static Mailbox,
    /// Who runs when.
    pub schedule: Schedule,
    /// The slot whose registers are on the hart, or [`NOBODY`].
    pub live: usize,
    /// The slots that can be entered with floating-point and vector registers, and counters, as they are,
    /// one bit each.
    undisturbed: u8,
    /// Whose floating-point registers are on the hart.
    floating_point: Ownership,
    /// Whose vector registers are on the hart.
    vectors: Ownership,
    /// The slot whose performance counters are on the hart, or [`NOBODY`].
    counters_on: usize,
    /// Whether any slot uses hardware counters.
    counters_used: bool,
    /// Machine time.
    time: Register<u64>,
    /// When the machine timer interrupts.
    deadline: Register<u64>,
    /// The hart's side of the interrupt controller.
    gate: Gate,
    /// The virtual cores that live here, most critical first.
    pub slots: [Slot; MAX_SHARING],
    /// Machine time at which this hart ends the run, in ticks.
    end_ticks: u64,
    /// Lengths of switches in counts of `minstret`.
    pub switch_lengths: Histogram,
    /// The slots' vector registers, while they are not on the hart.
    vector_registers: [vector_registers::State; MAX_SHARING],
}

/// A place for a hart's state.
pub struct Cell(UnsafeCell<core::mem::MaybeUninit<Hart>>);

// SAFETY: each cell is used by the hart of its index alone (`Hart::create`, then through the trap
// vector), except at the end of a run, when the other harts have parked for good (`report`).
unsafe impl Sync for Cell {}

static HARTS: [Cell; MAX_CORES] =
    [const { Cell(UnsafeCell::new(core::mem::MaybeUninit::uninit())) }; MAX_CORES];

/// A hart's state, after it has parked.
///
/// # Safety
/// The hart has been created and has parked for good.
pub unsafe fn parked(hart: usize) -> &'static Hart {
    // SAFETY: the caller's promise: initialised, and no longer written.
    unsafe { (*HARTS[hart % MAX_CORES].0.get()).assume_init_ref() }
}

impl Hart {
    /// Makes the state of the hart that calls this, once.
    ///
    /// # Safety
    /// Called once on each hart, with its own number.
    #[expect(
        clippy::mut_from_ref,
        reason = "it is made in the hart's own cell, not from the machine"
    )]
    pub unsafe fn create(id: usize, machine: &'static Machine) -> &'static mut Self {
        let place = HARTS[id % MAX_CORES].0.get();
        let Some((time, deadline)) = Aclint.timer_of(id) else {
            report::fatal("the board has no registers for this hart")
        };
        let gate = Gate::new(id);
        // SAFETY: only this hart uses this cell, and this is the first use. Every field is written,
        // one by one: a whole `Hart` would not fit on the stack.
        let hart = unsafe {
            let hart = (*place).as_mut_ptr();
            (&raw mut (*hart).id).write(id);
            (&raw mut (*hart).machine).write(machine);
            (&raw mut (*hart).features).write(machine.features);
            (&raw mut (*hart).serves_console).write(machine.console_hart == id);
            let ends_the_run = id == machine.first_hart;
            let end_ticks = if ends_the_run {
                machine.end_ticks
            } else {
                NEVER
            };
            (&raw mut (*hart).end_ticks).write(end_ticks);
            (&raw mut (*hart).attention).write(end_ticks);
            (&raw mut (*hart).mailbox).write(mail::of(id));
            (&raw mut (*hart).schedule).write(Schedule::new());
            for slot in 0..MAX_SHARING {
                (&raw mut (*hart).slots[slot]).write(Slot::new());
                (&raw mut (*hart).vector_registers[slot]).write(vector_registers::State::new());
            }
            (&raw mut (*hart).live).write(NOBODY);
            (&raw mut (*hart).undisturbed).write(0);
            (&raw mut (*hart).floating_point).write(Ownership::new());
            (&raw mut (*hart).vectors).write(Ownership::new());
            (&raw mut (*hart).counters_on).write(NOBODY);
            (&raw mut (*hart).counters_used).write(false);
            (&raw mut (*hart).time).write(time);
            (&raw mut (*hart).deadline).write(deadline);
            (&raw mut (*hart).gate).write(gate);
            (&raw mut (*hart).switch_lengths).write(Histogram::new());
            &mut *hart
        };
        hart.settle();
        hart
    }

    /// Brings in the virtual cores that live here.
    fn settle(&mut self) {
        let machine = self.machine;
        let residents = machine.residents[self.id % MAX_CORES];
        let count = residents.iter().flatten().count();
        let protections = |resident: &Resident| {
            machine
                .table
                .virtual_cores
                .get(resident.virtual_core)
                .map(|core| {
                    (
                        usize::from(core.protection_slot),
                        machine.table.protections_of(core),
                    )
                })
        };
        let me = core::ptr::from_mut(self);
        for (number, resident) in residents.iter().flatten().enumerate() {
            let Some(entry) = machine.table.partitions.get(resident.partition) else {
                continue;
            };
            let budget = (entry.period_ns != 0).then(|| Budget {
                ticks: BOARD.ns_to_ticks(entry.budget_ns).max(1),
                period: BOARD.ns_to_ticks(entry.period_ns).max(1),
            });
            self.schedule.add(budget, Aclint.now());
            let slot = &mut self.slots[number];
            slot.resident = *resident;
            // Whoever has a hart to itself without a bound may keep it while it waits.
            slot.wfi_traps = number + 1 < count || budget.is_some();
            let view = machine.partition(resident.partition);
            slot.context.view = Some(view);
            slot.storm = StormGuard::new(
                entry.storm_limit,
                BOARD.ns_to_ticks(entry.storm_within_ns).max(1),
            );
            if view.floating_point {
                self.floating_point.add_user(number);
            } else {
                slot.forbidden |= status::FS;
            }
            if view.vectors {
                check_vectors();
                self.vectors.add_user(number);
            } else {
                slot.forbidden |= status::VS;
            }
            slot.critical = view.criticality != 0 && count > 1;
            slot.direct_lines = machine
                .table
                .regions_of(entry)
                .iter()
                .any(|region| region.kind == RegionKind::InterruptController as u8);
            slot.context.hart = me;
            slot.context.stack = vector::stack_top(self.id);
            // A trapped `wfi` is an illegal instruction. Others are an event where they are no part of how
            // the partition works: Linux finds out by them what the hart can do.
            let takes_illegal = slot.wfi_traps || view.is_program;
            slot.context.configure(takes_illegal, &machine.features);
            if let Some((first, entries)) = protections(resident) {
                let end = first + entries.len();
                let exclusive = residents
                    .iter()
                    .flatten()
                    .filter(|other| other.virtual_core != resident.virtual_core)
                    .filter_map(&protections)
                    .all(|(other, others)| {
                        end <= other || other.saturating_add(others.len()) <= first
                    });
                match pmp::Plan::new(entries, first, exclusive) {
                    Some(plan) => {
                        plan.install(first, entries.len());
                        slot.context.protection = plan;
                    }
                    None => report::fatal("a protection entry does not fit the hardware"),
                }
            }
        }
        self.note_undisturbed();
    }

    /// Its bit in a set of harts.
    #[inline]
    pub const fn bit(&self) -> u32 {
        1_u32.wrapping_shl(self.id as u32)
    }

    /// The mailbox of this hart.
    #[inline(always)]
    pub const fn mailbox(&self) -> &'static Mailbox {
        self.mailbox
    }

    /// Machine time in ticks.
    #[inline(always)]
    pub fn now(&self) -> u64 {
        self.time.read()
    }

    /// Machine time in nanoseconds.
    pub fn now_ns(&self) -> u64 {
        Aclint.now_ns()
    }

    /// The slot that runs and its partition. Only in a trap from a partition.
    #[inline]
    pub fn running(&mut self) -> Option<(usize, &mut Slot, &'static PartitionView)> {
        let number = self.live;
        let slot = self.slots.get_mut(number)?;
        let view = slot.context.view?;
        Some((number, slot, view))
    }

    /// Whether there is something else to look at than who runs: see [`Hart::attend`].
    #[inline(always)]
    pub fn needs_attention(&self) -> bool {
        self.now() >= self.attention
    }

    /// The context of the virtual core that is live, to go back to it.
    #[inline(always)]
    pub fn resume(&mut self) -> *const Context {
        match self.slots.get(self.live) {
            Some(slot) => &raw const slot.context,
            None => self.reschedule(csr::read!("minstret")),
        }
    }

    /// Changes the state of a virtual core that the partition can ask for.
    pub fn set_state(&self, number: usize, state: u8) {
        if let Some(order) = self.mailbox().orders.get(number) {
            order.state.store(state, SeqCst);
        }
    }

    /// Charges the running slot for its time, at the end of a run.
    #[cold]
    #[inline(never)]
    pub fn settle_accounts(&mut self) {
        let _overrun = self.schedule.charge(self.now());
    }
}

/// A partition with vectors lives on this hart, which has to have them, of a width that can be saved.
fn check_vectors() {
    match vector_registers::width() {
        0 => report::fatal("a partition that uses vectors has a hart without them"),
        1..=vector_registers::MOST_BYTES => {}
        _ => {
            report::fatal("the vector registers of a hart are wider than the monitor has room for")
        }
    }
}

/// Makes changed instructions visible to this hart (unprivileged specification, Zifencei).
#[inline]
pub fn instruction_fence() {
    // SAFETY: a fence only orders.
    unsafe { asm!("fence.i", options(nostack, preserves_flags)) };
}

/// Sleeps until a machine interrupt is pending, whether or not it would be taken.
#[inline]
pub fn wait_for_interrupt() {
    // SAFETY: the hart goes on at any pending interrupt that is enabled in `mie`.
    unsafe { asm!("wfi", options(nomem, nostack, preserves_flags)) };
}
