//! One hart: who lives on it, who is live, and the way from one to another.

use crate::console;
use crate::context::Context;
use crate::csr::{self, interrupt, status};
use crate::floating_point;
use crate::health;
use crate::loading;
use crate::machine::{Features, Machine, PartitionView, Resident};
use crate::mail::{self, FENCE, Mailbox, state};
use crate::mmio::Register;
use crate::pmp;
use crate::report;
use crate::shared::{self, Afterwards};
use crate::vector;
use core::arch::asm;
use core::cell::UnsafeCell;
use core::ptr::null;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use partita_abi::health::{Kind, State};
use partita_abi::table::{RegionKind, Route};
use partita_abi::{MAX_CORES, MAX_SHARING};
use partita_board::Plic as Layout;
use partita_monitor_core::histogram::Histogram;
use partita_monitor_core::loader::Loader;
use partita_monitor_core::schedule::{Activity, Budget, NEVER, NOBODY, Schedule};

/// What a hart knows of the virtual core in one of its slots.
#[repr(C)]
pub struct Slot {
    /// Its registers.
    pub context: Context,
    /// Who it is.
    pub resident: Resident,
    /// Its partition is being loaded here.
    loader: Option<Loader>,
    /// Its mediated lines that are pending, one bit each.
    pub pending_lines: u32,
    /// Its mediated lines that it has claimed.
    pub claimed_lines: u32,
    /// Without `stimecmp`: when its timer fires, or fired.
    pub timer: u64,
    /// The threshold of the hart's supervisor context while this virtual core is not live.
    threshold: u32,
    /// Whether lines reach it without the monitor.
    direct_lines: bool,
    /// Whether its `wfi` traps.
    wfi_traps: bool,
    /// It waits in a suspend call, and says so to whoever asks.
    pub suspended: bool,
    /// Whether it may use floating point.
    uses_floating_point: bool,
    /// Whether it is more critical than QM and shares the hart, so that the serial port must wait.
    critical: bool,
    /// Its floating-point registers, while they are not on the hart.
    floating_point: floating_point::State,
}

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
            timer: NEVER,
            threshold: 0,
            direct_lines: false,
            wfi_traps: false,
            suspended: false,
            uses_floating_point: false,
            critical: false,
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
    /// The highest priority of the interrupt controller, which hides all lines as a threshold.
    hides_all: u32,
    /// Machine time at which this hart ends the run, in ticks.
    end_ticks: u64,
    /// Who runs when.
    pub schedule: Schedule,
    /// The slot whose registers are on the hart, or [`NOBODY`].
    pub live: usize,
    /// The slot whose floating-point registers are on the hart, or [`NOBODY`].
    floating_point_owner: usize,
    /// Machine time.
    time: Register<u64>,
    /// When the machine timer interrupts.
    deadline: Register<u64>,
    /// The threshold of the hart's supervisor context in the interrupt controller.
    supervisor_threshold: Register<u32>,
    /// The threshold of the hart's machine context.
    machine_threshold: Register<u32>,
    /// The virtual cores that live here, most critical first.
    pub slots: [Slot; MAX_SHARING],
    /// Lengths of switches in counts of `minstret`.
    pub switch_lengths: Histogram,
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
        let (supervisor, own) = (Layout::supervisor_context(id), Layout::machine_context(id));
        let (Some((time, deadline)), Some(supervisor_threshold), Some(machine_threshold)) = (
            machine.aclint.timer_of(id),
            machine.plic.threshold_register(supervisor),
            machine.plic.threshold_register(own),
        ) else {
            report::fatal("the board has no registers for this hart")
        };
        // SAFETY: only this hart uses this cell, and this is the first use. Every field is written,
        // one by one: a whole `Hart` would not fit on the stack.
        let hart = unsafe {
            let hart = (*place).as_mut_ptr();
            (&raw mut (*hart).id).write(id);
            (&raw mut (*hart).machine).write(machine);
            (&raw mut (*hart).features).write(machine.features);
            (&raw mut (*hart).serves_console).write(machine.console_hart == id);
            (&raw mut (*hart).hides_all).write(machine.board.plic.max_priority);
            let end_ticks = if id == 0 { machine.end_ticks } else { NEVER };
            (&raw mut (*hart).end_ticks).write(end_ticks);
            (&raw mut (*hart).schedule).write(Schedule::new());
            for slot in 0..MAX_SHARING {
                (&raw mut (*hart).slots[slot]).write(Slot::new());
            }
            (&raw mut (*hart).live).write(NOBODY);
            (&raw mut (*hart).floating_point_owner).write(NOBODY);
            (&raw mut (*hart).time).write(time);
            (&raw mut (*hart).deadline).write(deadline);
            (&raw mut (*hart).supervisor_threshold).write(supervisor_threshold);
            (&raw mut (*hart).machine_threshold).write(machine_threshold);
            (&raw mut (*hart).switch_lengths).write(Histogram::new());
            &mut *hart
        };
        if hart.serves_console {
            hart.machine_threshold.write(0);
        }
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
                ticks: machine.board.ns_to_ticks(entry.budget_ns).max(1),
                period: machine.board.ns_to_ticks(entry.period_ns).max(1),
            });
            self.schedule.add(budget, machine.aclint.now());
            let slot = &mut self.slots[number];
            slot.resident = *resident;
            // Whoever has a hart to itself without a bound may keep it while it waits.
            slot.wfi_traps = number + 1 < count || budget.is_some();
            let view = machine.partition(resident.partition);
            slot.context.view = Some(view);
            slot.uses_floating_point = view.floating_point;
            slot.critical = view.criticality != 0 && count > 1;
            slot.direct_lines = machine
                .table
                .regions_of(entry)
                .iter()
                .any(|region| region.kind == RegionKind::InterruptController as u8);
            slot.context.hart = me;
            slot.context.stack = vector::stack_top(self.id);
            slot.context.configure(slot.wfi_traps, &machine.features);
            if let Some((first, entries)) = protections(resident) {
                let end = first + entries.len();
                let exclusive = residents
                    .iter()
                    .flatten()
                    .filter(|other| other.virtual_core != resident.virtual_core)
                    .filter_map(&protections)
                    .all(|(other, others)| end <= other || other + others.len() <= first);
                match pmp::Plan::new(entries, first, exclusive) {
                    Some(plan) => {
                        plan.install(first, entries.len());
                        slot.context.protection = plan;
                    }
                    None => report::fatal("a protection entry does not fit the hardware"),
                }
            }
        }
    }

    /// The mailbox of this hart.
    #[inline]
    pub fn mailbox(&self) -> &'static Mailbox {
        mail::of(self.id)
    }

    /// Machine time in ticks.
    #[inline(always)]
    pub fn now(&self) -> u64 {
        self.time.read()
    }

    /// Machine time in nanoseconds.
    pub fn now_ns(&self) -> u64 {
        self.machine.board.ticks_to_ns(self.now())
    }

    /// The slot that runs and its partition. Only in a trap from a partition.
    #[inline]
    pub fn running(&mut self) -> Option<(usize, &mut Slot, &'static PartitionView)> {
        let number = self.live;
        let slot = self.slots.get_mut(number)?;
        let view = slot.context.view?;
        Some((number, slot, view))
    }

    /// Whether the run is to end now, by this hart.
    #[inline(always)]
    pub fn is_over(&self) -> bool {
        self.now() >= self.end_ticks
    }

    /// The context of the virtual core that is live, to go back to it.
    #[inline(always)]
    pub fn resume(&mut self) -> *const Context {
        match self.slots.get(self.live) {
            Some(slot) => &raw const slot.context,
            None => self.reschedule(csr::read!("minstret")),
        }
    }

    /// Decides who runs and returns the context to enter. `started` is `minstret` at the trap.
    #[inline(always)]
    pub fn reschedule(&mut self, started: u64) -> *const Context {
        let mut started = started;
        loop {
            let context = self.turn(started);
            if !context.is_null() {
                return context;
            }
            started = csr::read!("minstret");
        }
    }

    /// Decides once. Returns null if it has to be decided again: because something came in meanwhile,
    /// or because there was nobody to enter. This is the path from an interrupt to the real-time
    /// partition, so what is rare stays out of line.
    #[inline(never)]
    fn turn(&mut self, started: u64) -> *const Context {
        let mailbox = self.mailbox();
        if mailbox.has_mail() {
            self.take_mail();
        }
        let now = self.now();
        if self.schedule.charge(now) {
            self.note_overrun();
        }
        let decision = self.schedule.choose(now);
        let chosen = decision.run;
        match self.slots.get(chosen) {
            Some(slot) if slot.loader.is_none() => {
                if slot.suspended {
                    self.end_suspend(chosen);
                }
            }
            _ => {
                self.set_timer(decision.until, now);
                self.run_nobody(chosen);
                return null();
            }
        }
        if self.live == chosen {
            self.set_timer(decision.until, now);
            if mailbox.running.load(Relaxed) != chosen {
                self.publish(mailbox, chosen);
            }
            return self
                .slots
                .get(chosen)
                .map_or(null(), |slot| &raw const slot.context);
        }
        self.leave();
        self.enter(chosen, now);
        self.set_timer(decision.until, now);
        self.publish(mailbox, chosen);
        if mailbox.has_mail() {
            return null();
        }
        let Some(slot) = self.slots.get(chosen) else {
            return null();
        };
        let context = &raw const slot.context;
        if !slot.critical && console::needs_service() {
            console::serve(self);
        }
        // A run of 2^32 counts is not a switch.
        let length = csr::read!("minstret").wrapping_sub(started);
        self.switch_lengths.add(length as u32);
        context
    }

    /// A virtual core goes on after a suspend call.
    #[cold]
    #[inline(never)]
    fn end_suspend(&mut self, number: usize) {
        if let Some(slot) = self.slots.get_mut(number) {
            slot.suspended = false;
        }
        self.set_state(number, state::STARTED);
    }

    /// Changes the state of a virtual core that the partition can ask for.
    pub fn set_state(&self, number: usize, state: u8) {
        if let Some(order) = self.mailbox().orders.get(number) {
            order.state.store(state, SeqCst);
        }
    }

    /// Says who runs. From here on other harts interrupt this one for it, and until here they did not,
    /// so all that they may have asked to be fenced is fenced now.
    #[inline(always)]
    fn publish(&self, mailbox: &Mailbox, chosen: usize) {
        mailbox.running.store(chosen, SeqCst);
        pmp::fence();
        instruction_fence();
    }

    /// Charges the running slot for its time, at the end of a run.
    pub fn settle_accounts(&mut self) {
        let _overrun = self.schedule.charge(self.now());
    }

    #[cold]
    #[inline(never)]
    fn note_overrun(&mut self) {
        let Some(slot) = self.slots.get(self.schedule.running()) else {
            return;
        };
        // Loading counts against the budget, but it is no fault of the partition's.
        if slot.loader.is_none() {
            let partition = slot.resident.partition;
            health::record(self, partition, Kind::BudgetOverrun, 0, 0, 0);
        }
    }

    /// There is no partition to enter now: load one, or sleep.
    #[cold]
    #[inline(never)]
    fn run_nobody(&mut self, chosen: usize) {
        if chosen == NOBODY {
            self.idle();
        } else {
            self.load(chosen);
        }
    }

    #[inline]
    fn set_timer(&self, until: u64, now: u64) {
        let mut deadline = until.min(self.end_ticks);
        if !self.features.stimecmp
            && let Some(slot) = self.slots.get(self.live)
            && slot.timer > now
        {
            deadline = deadline.min(slot.timer);
        }
        self.deadline.write(deadline);
    }

    /// Takes the live virtual core off the hart, if any, and all partitions' access with it.
    #[inline(always)]
    fn leave(&mut self) {
        let Some(slot) = self.slots.get_mut(self.live) else {
            return;
        };
        self.live = NOBODY;
        slot.context.save(&self.features);
        pmp::deactivate();
        if slot.direct_lines {
            pmp::fence();
            slot.threshold = self.supervisor_threshold.read();
            self.supervisor_threshold.write(self.hides_all);
        }
        // One that may use floating point keeps its registers on the hart until another needs them,
        // whatever `FS` says now: Linux turns it off in the kernel over its users' live registers.
        let used = slot.context.supervisor.status & (status::FS | status::VS) != 0;
        if used && !slot.uses_floating_point {
            self.broke_its_word();
        }
    }

    /// The virtual core that was just left declares no floating point, and used it.
    #[cold]
    #[inline(never)]
    fn broke_its_word(&mut self) {
        let Some(slot) = self.slots.iter_mut().find(|slot| {
            let used = slot.context.supervisor.status & (status::FS | status::VS) != 0;
            used && !slot.uses_floating_point
        }) else {
            return;
        };
        let counter = slot.context.supervisor.program_counter;
        slot.context.supervisor.status &= !(status::FS | status::VS);
        let partition = slot.resident.partition;
        health::fail(self, partition, Kind::FloatingPoint, 0, 0, counter);
    }

    /// Brings a virtual core onto the hart, which no other one is on.
    #[inline(always)]
    fn enter(&mut self, chosen: usize, now: u64) {
        let Some(slot) = self.slots.get(chosen) else {
            return;
        };
        // Who has no floating point must not find another's registers, unless that other one is less
        // critical: a partition is trusted to keep its word towards those that it could stop anyway.
        let owner = self.floating_point_owner;
        let other =
            owner != chosen && (slot.uses_floating_point || owner != NOBODY && chosen > owner);
        if other {
            self.switch_floating_point(chosen);
        }
        let Some(slot) = self.slots.get_mut(chosen) else {
            return;
        };
        if slot.direct_lines {
            self.supervisor_threshold.write(slot.threshold);
        }
        let external = slot.pending_lines != 0;
        slot.context
            .restore(&self.features, slot.timer <= now, external);
        if self.serves_console {
            // The serial port does not interrupt what is more critical than QM.
            self.machine_threshold
                .write(if slot.critical { console::PRIORITY } else { 0 });
        }
        self.live = chosen;
    }

    /// Makes the floating-point registers right for a virtual core.
    #[inline(never)]
    fn switch_floating_point(&mut self, chosen: usize) {
        if let Some(owner) = self.slots.get_mut(self.floating_point_owner) {
            floating_point::save(&mut owner.floating_point);
        }
        self.floating_point_owner = NOBODY;
        let Some(slot) = self.slots.get(chosen) else {
            return;
        };
        if slot.uses_floating_point {
            floating_point::restore(&slot.floating_point);
            self.floating_point_owner = chosen;
        } else {
            floating_point::restore(&floating_point::State::ZERO);
        }
    }

    /// Sleeps until an interrupt is pending, and answers it.
    fn idle(&mut self) {
        let mailbox = self.mailbox();
        mailbox.running.store(mail::IDLE, SeqCst);
        if self.serves_console {
            self.machine_threshold.write(0);
            console::serve(self);
        }
        if mailbox.has_mail() {
            return;
        }
        wait_for_interrupt();
        self.answer_interrupts();
        if self.serves_console && self.slots.get(self.live).is_some_and(|slot| slot.critical) {
            self.machine_threshold.write(console::PRIORITY);
        }
    }

    /// Answers the machine interrupts that are pending. The machine timer needs no answer: whoever
    /// calls this decides anew.
    pub fn answer_interrupts(&mut self) {
        let pending = csr::read!("mip");
        if pending & interrupt::MACHINE_SOFTWARE != 0 {
            self.machine.aclint.clear_interrupt(self.id);
        }
        if pending & interrupt::MACHINE_EXTERNAL != 0 {
            self.external_interrupt();
        }
        if self.now() >= self.end_ticks {
            report::finish(self);
        }
    }

    /// Takes the lines that are pending for the monitor on this hart, a bounded number of them.
    #[inline(never)]
    pub fn external_interrupt(&mut self) {
        let context = Layout::machine_context(self.id);
        for _ in 0..4 {
            let line = self.machine.plic.claim(context);
            if line == 0 {
                return;
            }
            if line == u32::from(self.machine.board.uart.line) {
                console::serve_interrupt(self);
                self.machine.plic.complete(context, line);
                return;
            }
            let owner = self.machine.mediated.get(line as usize).copied().flatten();
            // Completed first and masked after: a completion of a line that is not enabled is
            // ignored (PLIC specification, chapter 9).
            self.machine.plic.complete(context, line);
            {
                let _lifted = pmp::lift();
                self.machine.plic.set_enabled(context, line as u16, false);
            }
            if let Some(owner) = owner
                && let Some(slot) = self.slots.get_mut(usize::from(owner.slot))
            {
                slot.pending_lines |= 1 << (owner.bit % 32);
                if self.live == usize::from(owner.slot) {
                    csr::set!("mip", interrupt::SUPERVISOR_EXTERNAL);
                }
                self.schedule.wake(usize::from(owner.slot));
            }
        }
    }

    /// Empties the mailbox.
    #[inline(never)]
    fn take_mail(&mut self) {
        let mailbox = self.mailbox();
        let flags = mailbox.flags.swap(0, SeqCst);
        if flags & FENCE != 0 {
            self.answer_fences();
        }
        for (number, requests) in mailbox.requests.iter().enumerate() {
            if flags & 1 << number != 0 {
                let requests = requests.swap(0, SeqCst);
                self.answer_requests(number, requests);
            }
        }
        if report::is_ending() {
            report::park(self);
        }
    }

    /// Does the fences that other harts wait for.
    #[inline]
    pub fn answer_fences(&self) {
        let mailbox = self.mailbox();
        let asked = mailbox.fences_asked.load(SeqCst);
        pmp::fence();
        instruction_fence();
        mailbox.fences_done.store(asked, SeqCst);
        let mut waiting = mailbox.waiting.swap(0, SeqCst);
        while waiting != 0 {
            self.machine
                .aclint
                .interrupt(waiting.trailing_zeros() as usize);
            waiting &= waiting - 1;
        }
    }

    #[cold]
    fn answer_start(&mut self, number: usize) {
        let Some(order) = self.mailbox().orders.get(number) else {
            return;
        };
        let (address, argument) = (order.address.load(SeqCst), order.argument.load(SeqCst));
        self.start_slot(number, address, argument);
        order.state.store(state::STARTED, SeqCst);
    }

    fn answer_requests(&mut self, number: usize, requests: u32) {
        if requests & mail::SOFTWARE_INTERRUPT != 0 {
            if self.live == number {
                csr::set!("mip", interrupt::SUPERVISOR_SOFTWARE);
            } else if let Some(slot) = self.slots.get_mut(number) {
                slot.context.supervisor.software_pending = true;
            }
            self.schedule.wake(number);
        }
        if requests & mail::THRESHOLD != 0 {
            let threshold = self.mailbox().threshold.load(SeqCst);
            if self.live == number {
                let _lifted = pmp::lift();
                self.supervisor_threshold.write(threshold);
            } else if let Some(slot) = self.slots.get_mut(number) {
                slot.threshold = threshold;
            }
        }
        if requests & mail::STOP != 0 {
            self.stop_slot(number);
        } else if requests & mail::START != 0 {
            self.answer_start(number);
        }
        if requests & mail::LOAD != 0
            && let Some(slot) = self.slots.get_mut(number)
        {
            slot.loader = Some(Loader::new(number == 0));
            let partition = slot.resident.partition;
            self.silence_lines(partition);
            console::reset(partition);
            shared::of(partition).set_state(State::Loading);
            self.schedule.set_on(number, true);
        }
    }

    /// Prepares a virtual core to run from `address`.
    fn start_slot(&mut self, number: usize, address: u64, argument: u64) {
        self.forget(number);
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        let view = self.machine.partition(slot.resident.partition);
        slot.context.start(
            address,
            slot.resident.number as u64,
            argument,
            slot.wfi_traps,
            view.floating_point,
        );
        slot.timer = NEVER;
        slot.threshold = 0;
        slot.suspended = false;
        slot.floating_point = floating_point::State::ZERO;
        self.schedule.start(number);
    }

    /// Drops whatever of a virtual core is on the hart, without keeping it.
    fn forget(&mut self, number: usize) {
        if self.live == number {
            self.live = NOBODY;
            if self.features.stimecmp {
                csr::write!("0x14d", NEVER);
            }
            if self.slots.get(number).is_some_and(|slot| slot.direct_lines) {
                pmp::deactivate();
                pmp::fence();
                let hidden = self.hides_all;
                self.supervisor_threshold.write(hidden);
            }
        }
        if self.floating_point_owner == number {
            self.floating_point_owner = NOBODY;
        }
    }

    /// Stops the virtual core that made a call, by its own wish.
    pub fn stop_running(&mut self) {
        let live = self.live;
        self.forget(live);
        self.schedule.set_on(live, false);
        self.set_state(live, state::STOPPED);
    }

    fn stop_slot(&mut self, number: usize) {
        self.forget(number);
        self.schedule.set_on(number, false);
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        slot.loader = None;
        slot.pending_lines = 0;
        slot.claimed_lines = 0;
        let partition = slot.resident.partition;
        self.set_state(number, state::STOPPED);
        match shared::of(partition).one_stopped() {
            None => {}
            Some(Afterwards::Reload) => self.request_load(partition),
            Some(Afterwards::Stopped) => {
                self.silence_lines(partition);
                shared::of(partition).set_state(State::Stopped);
            }
            Some(Afterwards::Failed) => {
                self.silence_lines(partition);
                shared::of(partition).set_state(State::Failed);
            }
        }
    }

    /// Asks the hart of a partition's first virtual core to load it.
    pub fn request_load(&self, partition: usize) {
        let place = self.machine.partition(partition).place(0);
        self.post(usize::from(place.hart), usize::from(place.slot), mail::LOAD);
    }

    /// Sends a request, and the interrupt if the hart must see it now.
    #[inline]
    pub fn post(&self, hart: usize, slot: usize, request: u32) {
        if mail::of(hart).request(slot, request) {
            self.machine.aclint.interrupt(hart);
        }
    }

    /// Disables all lines of a partition in every context.
    fn silence_lines(&self, partition: usize) {
        let Some(entry) = self.machine.table.partitions.get(partition) else {
            return;
        };
        let _lifted = pmp::lift();
        for line in self.machine.table.lines_of(entry) {
            for context in 0..2 * self.machine.harts {
                self.machine.plic.set_enabled(context, line.line, false);
            }
        }
    }

    /// Loads a partition as long as nothing is pending on this hart.
    fn load(&mut self, number: usize) {
        self.leave();
        self.mailbox().running.store(number, SeqCst);
        pmp::deactivate();
        pmp::fence();
        if self.mailbox().has_mail() {
            return;
        }
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        let Some(loader) = slot.loader.as_mut() else {
            return;
        };
        let partition = slot.resident.partition;
        let Some(end) = loading::until_interrupt(self.machine, partition, loader) else {
            self.answer_interrupts();
            return;
        };
        slot.loader = None;
        // The time that loading took is charged before the partition starts with a full budget.
        self.settle_accounts();
        match end {
            Ok(()) => self.start_loaded(number, partition),
            Err(source) => {
                self.schedule.set_on(number, false);
                shared::of(partition).set_state(State::Failed);
                health::record(self, partition, Kind::ImageCorrupt, 0, source, 0);
            }
        }
        self.start_next(partition);
    }

    /// Starts the first virtual core of a partition that has just been loaded.
    fn start_loaded(&mut self, number: usize, partition: usize) {
        let machine = self.machine;
        let Some(entry) = machine.table.partitions.get(partition) else {
            return;
        };
        let view = machine.partition(partition);
        let mediated = machine.table.lines_of(entry).iter();
        for line in mediated.filter(|line| line.route == Route::Mediated as u8) {
            let hart = view.place(u32::from(line.target)).hart;
            machine.plic.set_priority(line.line, self.hides_all);
            let context = Layout::machine_context(usize::from(hart));
            machine.plic.set_enabled(context, line.line, true);
        }
        self.start_slot(number, entry.entry, entry.device_tree);
        self.set_state(number, state::STARTED);
        let shared = shared::of(partition);
        shared.set_state(State::Running);
        shared.boots.fetch_add(1, SeqCst);
        let _first =
            shared
                .first_entry_ns
                .compare_exchange(0, self.now_ns().max(1), SeqCst, SeqCst);
    }

    /// At the first start, each partition follows when the more critical one before it is up.
    fn start_next(&self, partition: usize) {
        let started = shared::STARTED.load(SeqCst);
        if self.machine.start_order.get(started) == Some(&partition) {
            shared::STARTED.store(started + 1, SeqCst);
            if started + 1 < self.machine.table.partitions.len()
                && let Some(next) = self.machine.start_order.get(started + 1)
            {
                self.request_load(*next);
            }
        }
    }

    /// The running virtual core has nothing to do until an interrupt. Returns false if one is pending,
    /// so that there is nothing to wait for.
    #[inline]
    pub fn wait_running(&mut self) -> bool {
        let enabled = csr::read!("mie") & interrupt::SUPERVISOR;
        if csr::read!("mip") & enabled != 0 {
            return false;
        }
        let deadline = if enabled & interrupt::SUPERVISOR_TIMER == 0 {
            NEVER
        } else if self.features.stimecmp {
            csr::read!("0x14d")
        } else {
            self.slots.get(self.live).map_or(NEVER, |slot| slot.timer)
        };
        self.schedule.wait(self.live, deadline);
        self.schedule.activity(self.live) == Activity::Waiting
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
