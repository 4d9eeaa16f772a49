//! One core: who lives on it, and who is live.
//!
//! The parts: [`switch`] decides who runs, [`interrupts`] answers the monitor's own interrupts, [`requests`]
//! those of other cores, [`life`] loads, starts and stops. [`attention`] is what has a time of its own:
//! watchdogs, held interrupts, the end of the run. [`calls`] is what partitions ask for. How a virtual core gets onto
//! and off the core is the architecture's: it adds methods of these names to [`Core`]:
//!
//! - `settle_slot`: prepares a virtual core that lives here, once, and `settled` after the last one;
//! - `enter`, `leave`: brings a virtual core onto the core, takes it off; `forget`: drops it without keeping it;
//! - `enter_to_show`: brings one onto it that does not run, so that lines reach it;
//! - `start_context`: the state in which a virtual core starts;
//! - `show_timer`, `show_interrupt`: the live virtual core's timer fired, or a line of its is pending;
//! - `line_taken`: the live virtual core has taken one of its pending lines;
//! - `wait_running`, `wake_live`: whether it has something to wait for, whether that has come;
//! - `sleep`: waits for the monitor's interrupts and the live virtual core's;
//! - `answer_interrupts`: the monitor's own that are pending.

mod attention;
pub mod calls;
mod interrupts;
mod life;
mod requests;
mod switch;

use crate::arch;
use crate::arch::context::Context;
use crate::arch::platform::Features;
use crate::board::BOARD;
use crate::machine::{Machine, PartitionView, Resident};
use crate::mail::{self, Mailbox};
use core::cell::UnsafeCell;
use core::sync::atomic::Ordering::SeqCst;
use partita_abi::{MAX_CORES, MAX_SHARING};
use partita_monitor_core::histogram::Histogram;
use partita_monitor_core::loader::Loader;
use partita_monitor_core::schedule::{Budget, NEVER, NOBODY, Schedule};
use partita_monitor_core::storm::StormGuard;

/// What a core knows of the virtual core in one of its slots.
#[repr(C)]
pub struct Slot {
    /// Its registers.
    pub context: Context,
    /// Who it is.
    pub resident: Resident,
    /// Its partition is being loaded here.
    pub loader: Option<Loader>,
    /// Its mediated lines that are pending, one bit each, and [`NOTICES_PENDING`].
    pub pending_lines: u64,
    /// Its mediated lines that it has claimed.
    pub claimed_lines: u64,
    /// Its mediated lines that came too often, and wait.
    held_lines: u64,
    /// How often its lines may come.
    storm: StormGuard,
    /// When its timer fires, or fired, if the monitor keeps it; else never.
    pub timer: u64,
    /// Whether its `wfi` traps.
    pub wfi_traps: bool,
    /// It waits in a suspend call, and says so to whoever asks.
    pub suspended: bool,
    /// Whether it is more critical than QM and shares the core, so that the serial port must wait.
    pub critical: bool,
    /// Whether lines reach it without the monitor.
    pub direct_lines: bool,
    /// What else the architecture keeps of it.
    pub arch: arch::cores::SlotState,
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
            resident: UNSETTLED,
            loader: None,
            pending_lines: 0,
            claimed_lines: 0,
            held_lines: 0,
            storm: StormGuard::new(0, 0),
            timer: NEVER,
            wfi_traps: false,
            suspended: false,
            critical: false,
            direct_lines: false,
            arch: arch::cores::SlotState::new(),
        }
    }
}

/// A core's own state. Only that core touches it, one trap at a time. What every switch uses comes
/// first, where one instruction reaches it.
#[repr(C)]
pub struct Core {
    /// Its number.
    pub id: usize,
    /// The machine.
    pub machine: &'static Machine,
    /// What the core can do.
    pub features: Features,
    /// Whether it serves the serial port.
    pub serves_console: bool,
    /// Machine time from which on [`Core::attend`] has something to do, in ticks.
    attention: u64,
    /// What others ask of it.
    mailbox: &'static Mailbox,
    /// Who runs when.
    pub schedule: Schedule,
    /// The slot whose registers are on the core, or [`NOBODY`].
    pub live: usize,
    /// Its own clock and timer.
    pub timer: arch::timer::CoreTimer,
    /// What else the architecture keeps of it.
    pub arch: arch::cores::CoreState,
    /// The virtual cores that live here, most critical first.
    pub slots: [Slot; MAX_SHARING],
    /// Machine time at which this core ends the run, in ticks.
    end_ticks: u64,
    /// Lengths of switches in instructions.
    pub switch_lengths: Histogram,
    /// What else the architecture keeps of it that is large.
    pub large: arch::cores::LargeState,
}

/// A place for a core's state.
pub struct Cell(UnsafeCell<core::mem::MaybeUninit<Core>>);

// SAFETY: each cell is used by the core of its index alone (`Core::create`, then through the trap
// vector), except at the end of a run, when the other cores have parked for good (`report`).
unsafe impl Sync for Cell {}

static CORES: [Cell; MAX_CORES] =
    [const { Cell(UnsafeCell::new(core::mem::MaybeUninit::uninit())) }; MAX_CORES];

/// A core's state, after it has parked.
///
/// # Safety
/// The core has been created and has parked for good.
pub unsafe fn parked(core: usize) -> &'static Core {
    // SAFETY: the caller's promise: initialised, and no longer written.
    unsafe { (*CORES[core % MAX_CORES].0.get()).assume_init_ref() }
}

impl Core {
    /// Makes the state of the core that calls this, once.
    ///
    /// # Safety
    /// Called once on each core, with its own number.
    #[expect(
        clippy::mut_from_ref,
        reason = "it is made in the core's own cell, not from the machine"
    )]
    pub unsafe fn create(id: usize, machine: &'static Machine) -> &'static mut Self {
        let place = CORES[id % MAX_CORES].0.get();
        // SAFETY: only this core uses this cell, and this is the first use. Every field is written,
        // one by one: a whole `Core` would not fit on the stack.
        let core = unsafe {
            let core = (*place).as_mut_ptr();
            (&raw mut (*core).id).write(id);
            (&raw mut (*core).machine).write(machine);
            (&raw mut (*core).features).write(machine.features);
            (&raw mut (*core).serves_console).write(machine.console_core == id);
            let ends_the_run = id == machine.first_core;
            let end_ticks = if ends_the_run {
                machine.end_ticks
            } else {
                NEVER
            };
            (&raw mut (*core).end_ticks).write(end_ticks);
            (&raw mut (*core).attention).write(end_ticks);
            (&raw mut (*core).mailbox).write(mail::of(id));
            (&raw mut (*core).schedule).write(Schedule::new());
            for slot in 0..MAX_SHARING {
                (&raw mut (*core).slots[slot]).write(Slot::new());
            }
            (&raw mut (*core).live).write(NOBODY);
            (&raw mut (*core).timer).write(arch::timer::CoreTimer::new(id));
            (&raw mut (*core).arch).write(arch::cores::CoreState::new(id));
            arch::cores::LargeState::write(&raw mut (*core).large);
            (&raw mut (*core).switch_lengths).write(Histogram::new());
            &mut *core
        };
        core.settle();
        core
    }

    /// Brings in the virtual cores that live here.
    fn settle(&mut self) {
        let machine = self.machine;
        let residents = machine.residents[self.id % MAX_CORES];
        let present = || residents.iter().map_while(Option::as_ref);
        let count = present().count();
        let me = core::ptr::from_mut(self);
        for (number, resident) in present().enumerate() {
            let Some(entry) = machine.table.partitions.get(resident.partition) else {
                continue;
            };
            let budget = (entry.period_ns != 0).then(|| Budget {
                ticks: BOARD.ns_to_ticks(entry.budget_ns).max(1),
                period: BOARD.ns_to_ticks(entry.period_ns).max(1),
            });
            self.schedule.add(budget, self.timer.now());
            let slot = &mut self.slots[number];
            slot.resident = *resident;
            // Whoever has a core to itself without a bound may keep it while it waits.
            slot.wfi_traps = number + 1 < count || budget.is_some();
            let view = machine.partition(resident.partition);
            slot.context.view = Some(view);
            slot.storm = StormGuard::new(
                entry.storm_limit,
                BOARD.ns_to_ticks(entry.storm_within_ns).max(1),
            );
            slot.critical = view.criticality != 0 && count > 1;
            slot.context.core = me;
            slot.direct_lines = !view.is_program && view.arch.has_lines();
            self.settle_slot(number, &residents);
        }
        self.settled();
    }

    /// Its bit in a set of cores.
    #[allow(dead_code, reason = "used where cores wait for fences of each other")]
    #[inline]
    pub const fn bit(&self) -> u32 {
        1_u32.wrapping_shl(self.id as u32)
    }

    /// The mailbox of this core.
    #[inline(always)]
    pub const fn mailbox(&self) -> &'static Mailbox {
        self.mailbox
    }

    /// Machine time in ticks.
    #[inline(always)]
    pub fn now(&self) -> u64 {
        self.timer.now()
    }

    /// Machine time in nanoseconds.
    pub fn now_ns(&self) -> u64 {
        arch::timer::now_ns()
    }

    /// The slot that runs and its partition. Only in a trap from a partition.
    #[inline]
    pub fn running(&mut self) -> Option<(usize, &mut Slot, &'static PartitionView)> {
        let number = self.live;
        let slot = self.slots.get_mut(number)?;
        let view = slot.context.view?;
        Some((number, slot, view))
    }

    /// Whether there is something else to look at than who runs: see [`Core::attend`].
    #[inline(always)]
    pub fn needs_attention(&self) -> bool {
        self.now() >= self.attention
    }

    /// The context of the virtual core that is live, to go back to it.
    #[inline(always)]
    pub fn resume(&mut self) -> *const Context {
        match self.slots.get(self.live) {
            Some(slot) => &raw const slot.context,
            None => self.reschedule(arch::instructions()),
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
