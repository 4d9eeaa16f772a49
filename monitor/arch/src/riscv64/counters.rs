//! Whose performance counters are on the hart.
//!
//! What a partition may do with its counters is decided in `partita_virtual_riscv64::counters`. The counters
//! of one virtual core are on the hart until another one that counts is entered. In between they
//! stand still, and nobody else can read them. Where nobody counts this costs nothing.

use crate::arch::csr::{self, interrupt};
use crate::arch::performance::{Registers, hide, show};
use crate::board::BOARD;
use crate::cores::Core;
use partita_monitor_core::schedule::NOBODY;
use partita_virtual_riscv64::counters::Counters;
use partita_virtual_riscv64::sbi::{Registers as CallRegisters, SbiError};

impl Core {
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
        let answer = slot.arch.counters.answer(call, hardware, &mut Registers);
        slot.context
            .allow_quick(!slot.arch.counters.counts_firmware());
        show(slot.arch.counters.readable());
        self.note_counters();
        answer
    }

    /// Whoever is entered next has to look at the counters if anybody has some.
    fn note_counters(&mut self) {
        let owner = self.slots.get(self.arch.counters_on);
        if owner.is_some_and(|slot| slot.arch.counters.readable() == 0) {
            self.arch.counters_on = NOBODY;
        }
        let mut slots = self.slots.iter();
        self.arch.counters_used = slots.any(|slot| slot.arch.counters.readable() != 0);
        self.note_undisturbed();
    }

    /// Makes the counters right for a virtual core that is being entered.
    #[inline(never)]
    pub fn switch_counters(&mut self, chosen: usize) {
        hide();
        // An interrupt that the counters have raised is left pending on the hart by whoever was here.
        let pending = csr::read!("mip") & interrupt::COUNTER_OVERFLOW;
        if let Some(owner) = self.slots.get_mut(self.arch.counters_on) {
            owner.context.supervisor.pending |= pending;
        }
        let Some(slot) = self.slots.get(chosen) else {
            return;
        };
        if slot.arch.counters.readable() != 0 {
            self.bring_counters(chosen);
        }
    }

    /// Brings the counters of a virtual core onto the hart and lets them run.
    fn bring_counters(&mut self, number: usize) {
        if self.arch.counters_on != number {
            if let Some(other) = self.slots.get_mut(self.arch.counters_on) {
                other.arch.counters.save(&mut Registers);
            }
            self.arch.counters_on = number;
            if let Some(slot) = self.slots.get(number) {
                slot.arch.counters.restore(&mut Registers);
            }
        }
        if let Some(slot) = self.slots.get(number) {
            slot.arch.counters.resume(&mut Registers);
            show(slot.arch.counters.readable());
        }
    }

    /// A virtual core that starts anew has no counters.
    pub fn forget_counters(&mut self, number: usize) {
        if self.arch.counters_on == number {
            hide();
        }
        if let Some(slot) = self.slots.get_mut(number) {
            if self.arch.counters_on == number {
                slot.arch.counters.save(&mut Registers);
                self.arch.counters_on = NOBODY;
            }
            slot.arch.counters = Counters::new();
            slot.context.allow_quick(true);
        }
        self.note_counters();
    }

    /// Counts an event of the firmware for a virtual core of this hart that wants to know.
    #[inline]
    pub fn count(&mut self, number: usize, event: usize) {
        if let Some(slot) = self.slots.get_mut(number)
            && slot.arch.counters.counts_firmware()
        {
            slot.arch.counters.count(event);
        }
    }
}
