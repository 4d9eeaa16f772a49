//! Loading, starting and stopping the virtual cores of this core.

use super::{Core, NOTICES_PENDING};
use crate::arch;
use crate::arch::controller::Controller;
use crate::crash;
use crate::health;
use crate::loading;
use crate::mail::{self, state};
use crate::mmio::Registers;
use crate::shared;
use core::sync::atomic::Ordering::SeqCst;
use partita_abi::crash::Trace;
use partita_abi::health::{Kind, State};
use partita_abi::table::{Route, WatchdogStart};
use partita_board::Window;
use partita_monitor_core::schedule::NEVER;

impl Core {
    /// Prepares a virtual core to run from `address`.
    pub(super) fn start_slot(&mut self, number: usize, address: u64, argument: u64) {
        self.forget(number);
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        slot.timer = NEVER;
        slot.suspended = false;
        self.start_context(number, address, argument);
        self.schedule.set_on(number, true);
    }

    /// Stops the virtual core that made a call, by its own wish.
    pub fn stop_running(&mut self) {
        let live = self.live;
        self.forget(live);
        self.schedule.set_on(live, false);
        self.set_state(live, state::STOPPED);
    }

    pub(super) fn stop_slot(&mut self, number: usize) {
        self.forget(number);
        self.schedule.set_on(number, false);
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        slot.loader = None;
        slot.pending_lines = 0;
        slot.claimed_lines = 0;
        slot.held_lines = 0;
        slot.storm.renew();
        let partition = slot.resident.partition;
        self.set_state(number, state::STOPPED);
        if let Some(state) = shared::of(partition).one_stopped() {
            self.quiet_devices(partition);
            // What its cores asked of one that had stopped already is not for the next life.
            let view = self.machine.partition(partition);
            for place in view.places.iter().take(view.virtual_cores) {
                mail::of(usize::from(place.core)).drop_requests(usize::from(place.slot));
            }
            if state != State::Loading {
                crash::note(self, partition, Trace::Stopped, state as u8, 0, 0);
            }
            shared::of(partition).end_stop(state);
            if state == State::Loading {
                self.request_load(partition);
            }
        }
    }

    /// Makes a partition's devices harmless: first its lines are silenced, then each device is reset as
    /// its board says.
    pub(super) fn quiet_devices(&self, partition: usize) {
        self.silence_lines(partition);
        arch::platform::hold_devices(self, partition);
        let Some(entry) = self.machine.table.partitions.get(partition) else {
            return;
        };
        let resets = self.machine.table.device_resets_of(entry);
        if resets.is_empty() {
            return;
        }
        let _reach = arch::reach_devices();
        for reset in resets {
            let window = Window {
                base: reset.address,
                size: u64::from(reset.width),
            };
            // SAFETY: a register of a device that the partition owns (the table was checked), and the
            // partition does not run.
            let register = unsafe { Registers::new(window) };
            if reset.width == 1 {
                register.write_u8(0, reset.value as u8);
            } else {
                register.write_u32(0, reset.value);
            }
        }
    }

    /// Silences all lines of a partition, whatever it left them in.
    pub(super) fn silence_lines(&self, partition: usize) {
        let Some(entry) = self.machine.table.partitions.get(partition) else {
            return;
        };
        let view = self.machine.partition(partition);
        for line in self.machine.table.lines_of(entry) {
            if line.route == Route::Direct as u8 {
                for place in view.places.iter().take(view.virtual_cores) {
                    Controller.close_direct(usize::from(place.core), line.line);
                }
            } else {
                let core = view.place(u32::from(line.target)).core;
                Controller.close_mediated(usize::from(core), line.line);
            }
        }
    }

    /// Loads a partition as long as nothing is pending on this core.
    pub(super) fn load(&mut self, number: usize) {
        self.clear();
        self.mailbox().running.store(number, SeqCst);
        arch::shut_out();
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
            Err(corrupt) => {
                self.schedule.set_on(number, false);
                shared::of(partition).set_state(State::Failed);
                // Told first: the event may end the run.
                loading::tell_corrupt(self, partition, corrupt);
                health::raise(self, partition, Kind::ImageCorrupt, 0, corrupt.source, 0);
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
        self.start_slot(number, entry.entry, entry.device_tree);
        self.set_state(number, state::STARTED);
        if health::has_notices(partition) {
            self.interrupt_slot(number, NOTICES_PENDING);
        }
        let shared = shared::of(partition);
        shared.watchdog.disarm();
        if entry.watchdog_start == WatchdogStart::Boot as u8 {
            self.start_watchdog(partition, 0);
        }
        shared.set_state(State::Running);
        arch::platform::release_devices(self, partition);
        // Not before: what comes now is for this life.
        let mediated = machine.table.lines_of(entry).iter();
        for line in mediated.filter(|line| line.route == Route::Mediated as u8) {
            let core = view.place(u32::from(line.target)).core;
            Controller.open_mediated(usize::from(core), line.line);
        }
        let boots = shared.boots.fetch_add(1, SeqCst);
        crash::note(
            self,
            partition,
            Trace::Started,
            0,
            boots.wrapping_add(1),
            entry.entry,
        );
        if boots == 0 {
            // At its first start only: a partition must not win time by restarting itself.
            self.schedule.refill(number);
        }
        let _first =
            shared
                .first_entry_ns
                .compare_exchange(0, self.now_ns().max(1), SeqCst, SeqCst);
    }

    /// At the first start, each partition follows when the more critical one before it is up.
    pub(super) fn start_next(&self, partition: usize) {
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
}
