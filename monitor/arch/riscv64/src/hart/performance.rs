//! Whose performance counters are on the hart.
//!
//! What a partition may do with its counters is decided in `partita_virtual_riscv64::counters`. The counters
//! of one virtual core are on the hart until another one that counts is entered. In between they
//! stand still, and nobody else can read them. Where nobody counts this costs nothing.

use super::Hart;
use crate::board::BOARD;
use crate::csr::{self, interrupt};
use crate::performance::{Registers, hide, show};
use partita_monitor_core::schedule::NOBODY;
use partita_virtual_riscv64::counters::Counters;
use partita_virtual_riscv64::sbi::{Registers as CallRegisters, SbiError};

impl Hart {
    /// Answers a call about the counters of the virtual core that runs.
    #[inline(never)]
    pub fn performance(&mut self, call: &CallRegisters) -> Result<u64, SbiError> {
        let (number, hardware) = (self.live, &BOARD.architecture.performance);
        if hardware.counters != 0 {
            self.bring_counters(number);
        }
        let Some(slot) = self.slots.get_mut(number) else {
            return Err(SbiError::NotSupported);
        };
        let answer = slot.counters.answer(call, hardware, &mut Registers);
        slot.context.allow_quick(!slot.counters.counts_firmware());
        show(slot.counters.readable());
        self.note_counters();
        answer
    }

    /// Whoever is entered next has to look at the counters if anybody has some.
    fn note_counters(&mut self) {
        let owner = self.slots.get(self.counters_on);
        if owner.is_some_and(|slot| slot.counters.readable() == 0) {
            self.counters_on = NOBODY;
        }
        let mut slots = self.slots.iter();
        self.counters_used = slots.any(|slot| slot.counters.readable() != 0);
        self.note_undisturbed();
    }

    /// Makes the counters right for a virtual core that is being entered.
    #[inline(never)]
    pub(super) fn switch_counters(&mut self, chosen: usize) {
        hide();
        // An interrupt that the counters have raised is left pending on the hart by whoever was here.
        let pending = csr::read!("mip") & interrupt::COUNTER_OVERFLOW;
        if let Some(owner) = self.slots.get_mut(self.counters_on) {
            owner.context.supervisor.pending |= pending;
        }
        let Some(slot) = self.slots.get(chosen) else {
            return;
        };
        if slot.counters.readable() != 0 {
            self.bring_counters(chosen);
        }
    }

    /// Brings the counters of a virtual core onto the hart and lets them run.
    fn bring_counters(&mut self, number: usize) {
        if self.counters_on != number {
            if let Some(other) = self.slots.get_mut(self.counters_on) {
                other.counters.save(&mut Registers);
            }
            self.counters_on = number;
            if let Some(slot) = self.slots.get(number) {
                slot.counters.restore(&mut Registers);
            }
        }
        if let Some(slot) = self.slots.get(number) {
            slot.counters.resume(&mut Registers);
            show(slot.counters.readable());
        }
    }

    /// A virtual core that starts anew has no counters.
    pub(super) fn forget_counters(&mut self, number: usize) {
        if self.counters_on == number {
            hide();
        }
        if let Some(slot) = self.slots.get_mut(number) {
            if self.counters_on == number {
                slot.counters.save(&mut Registers);
                self.counters_on = NOBODY;
            }
            slot.counters = Counters::new();
            slot.context.allow_quick(true);
        }
        self.note_counters();
    }

    /// Counts an event of the firmware for a virtual core of this hart that wants to know.
    #[inline]
    pub fn count(&mut self, number: usize, event: usize) {
        if let Some(slot) = self.slots.get_mut(number)
            && slot.counters.counts_firmware()
        {
            slot.counters.count(event);
        }
    }
}
