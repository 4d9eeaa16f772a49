//! Requests to and from other cores.

use super::{Core, NOTICES_PENDING, Slot};
use crate::arch;
use crate::board::BOARD;
use crate::console;
use crate::crash;
use crate::mail::{self, FENCE, state};
use crate::report;
use crate::shared;
use core::sync::atomic::Ordering::SeqCst;
use partita_abi::crash::Trace;
use partita_abi::health::State;
use partita_monitor_core::loader::Loader;

impl Core {
    /// Empties the mailbox.
    #[inline(never)]
    pub(super) fn take_mail(&mut self) {
        let mailbox = self.mailbox();
        let flags = mailbox.flags.swap(0, SeqCst);
        if flags & FENCE != 0 {
            self.answer_fences();
        }
        for (number, requests) in mailbox.requests.iter().enumerate() {
            // What comes for one whose budget is used up waits, told once, until it may run again: a flood
            // of it must not cost the others on this core.
            // To be stopped is not one of those: it comes once, and all its cores wait for it.
            if flags & 1 << number == 0 {
                continue;
            }
            if !self.schedule.is_exhausted(number) || requests.load(SeqCst) & mail::STOP != 0 {
                let requests = requests.swap(0, SeqCst);
                self.answer_requests(number, requests);
            }
        }
        if report::is_ending() {
            report::park(self);
        }
    }

    /// Does the fences that other cores wait for.
    #[inline]
    pub fn answer_fences(&self) {
        let mailbox = self.mailbox();
        let asked = mailbox.fences_asked.load(SeqCst);
        arch::fence_all();
        mailbox.fences_done.store(asked, SeqCst);
        let mut waiting = mailbox.waiting.swap(0, SeqCst);
        while waiting != 0 {
            arch::interrupt(waiting.trailing_zeros() as usize);
            waiting &= waiting - 1;
        }
    }

    #[cold]
    fn answer_start(&mut self, number: usize) {
        let Some(order) = self.mailbox().orders.get(number) else {
            return;
        };
        let address = order.address.load(SeqCst);
        let argument = order.argument.load(SeqCst);
        // It may have been stopped, with its partition, since it was asked to start.
        let asked = (state::START_PENDING, state::STARTED);
        let asked = order
            .state
            .compare_exchange(asked.0, asked.1, SeqCst, SeqCst);
        if asked.is_ok() {
            self.start_slot(number, address, argument);
        }
    }

    fn answer_requests(&mut self, number: usize, requests: u32) {
        if requests & mail::CONTROLLER != 0 {
            self.answer_controller(number);
        }
        if arch::platform::BOUNDS_DEVICES && requests & mail::DEVICE_EVENTS != 0 {
            arch::platform::tell_device_events(self);
        }
        if requests & mail::STOP != 0 {
            self.stop_slot(number);
            return;
        }
        if requests & mail::START != 0 {
            self.answer_start(number);
        }
        if requests & mail::SOFTWARE_INTERRUPT != 0 {
            self.show_software_interrupt(number);
            self.schedule.wake(number);
        }
        if requests & mail::LOAD != 0 {
            self.answer_load(number);
        }
        // One that is being loaded is told at its start: nothing may end its waiting until then.
        let is_there = |slot: &Slot| slot.loader.is_none();
        if requests & mail::NOTICE != 0 && self.slots.get(number).is_some_and(is_there) {
            self.interrupt_slot(number, NOTICES_PENDING);
        }
    }

    /// Begins to load a partition, or waits until it may be loaded again.
    #[cold]
    fn answer_load(&mut self, number: usize) {
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        slot.loader = Some(Loader::new(number == 0));
        let partition = slot.resident.partition;
        self.quiet_devices(partition);
        console::reset(partition);
        let shared = shared::of(partition);
        shared.set_state(State::Loading);
        crash::note(self, partition, Trace::Loading, 0, 0, 0);
        self.schedule.set_on(number, true);
        let not_before_ns = shared.reload_ns.load(SeqCst);
        if not_before_ns > self.now_ns() {
            let ticks = BOARD.ns_to_ticks(not_before_ns);
            self.schedule.wait(number, ticks);
        }
    }

    /// Asks the core of a partition's first virtual core to load it.
    pub fn request_load(&self, partition: usize) {
        let place = self.machine.partition(partition).place(0);
        self.post(usize::from(place.core), usize::from(place.slot), mail::LOAD);
    }

    /// Sends a request, and the interrupt if the core must see it now.
    #[inline]
    pub fn post(&self, core: usize, slot: usize, request: u32) {
        if mail::of(core).request(slot, request) {
            arch::interrupt(core);
        }
    }
}
