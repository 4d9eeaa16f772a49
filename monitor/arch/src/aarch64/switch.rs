//! How a virtual core gets onto a core and off it: what is saved, what is restored.
//!
//! This is on the path from an interrupt to the real-time partition. What is rare stays out of line.

use crate::arch::controller::{Kept, software};
use crate::arch::floating_point;
use crate::arch::register::secure_configuration::SECURE_HYPERVISOR;
use crate::arch::register::{read, write};
use crate::arch::stage_2;
use crate::arch::translation;
use crate::cores::Core;
use partita_monitor_core::schedule::{NEVER, NOBODY};
use partita_virtual_aarch64::timer::Timer;

impl Core {
    /// Puts a virtual core into the state in which it starts at `address`.
    pub fn start_context(&mut self, number: usize, address: u64, argument: u64) {
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        translation::forget_instructions();
        let own_number = slot.resident.number as u64;
        let is_secure = slot.context.is_secure();
        let second = if is_secure { own_number } else { 0 };
        slot.context.start(address, (argument, second));
        slot.arch.kept = Kept::at_start(is_secure.then_some(slot.arch.interrupts));
        slot.arch.timer = Timer::RESET;
        slot.arch.called = false;
        slot.arch.floating_point = floating_point::State::ZERO;
        if is_secure {
            for interrupt in 0..software::STRIDE {
                let interrupt = slot.arch.interrupts.wrapping_add(interrupt);
                self.arch.gate.renew(interrupt);
            }
        } else {
            self.arch.gate.restart();
            stage_2::with_linux(
                &mut self.arch.hypervisor,
                crate::arch::boot::reset_hypervisor,
            );
        }
    }

    /// The timer of the live virtual core fired: told once, until it is set again.
    pub fn show_timer(&mut self) {
        if let Some(slot) = self.slots.get_mut(self.live) {
            slot.timer = NEVER;
            self.arch.gate.raise(slot.arch.interrupts);
        }
    }

    /// A line of the live virtual core is pending, or a notice.
    #[inline]
    pub fn show_interrupt(&self) {
        if let Some(slot) = self.slots.get(self.live)
            && slot.context.is_secure()
        {
            let interrupt = software::LINE - software::TIMER;
            self.arch
                .gate
                .raise(slot.arch.interrupts.wrapping_add(interrupt));
        }
    }

    /// The live virtual core has taken a line of its: the interrupt is gone, so what is left interrupts again.
    pub fn line_taken(&self, more: bool) {
        if more {
            self.show_interrupt();
        }
    }

    /// A virtual core gets a software interrupt.
    pub fn show_software_interrupt(&mut self, number: usize) {
        if let Some(slot) = self.slots.get(number)
            && slot.context.is_secure()
        {
            let interrupt = software::CALL - software::TIMER;
            self.arch
                .gate
                .raise(slot.arch.interrupts.wrapping_add(interrupt));
        }
    }

    /// Decides whether the serial port may interrupt this core.
    #[inline(always)]
    pub fn hide_console(&self, hide: bool) {
        self.arch.gate.hide_console(hide);
    }

    /// Answers a request of [`crate::mail::CONTROLLER`]: there is none here.
    #[expect(clippy::unused_self, reason = "other architectures have such requests")]
    pub const fn answer_controller(&self, _: usize) {}

    /// Drops whatever of a virtual core is on the core, without keeping it.
    pub fn forget(&mut self, number: usize) {
        if let Some(slot) = self.slots.get(number) {
            self.large.scalable.clear(&slot.context.switched);
        }
        if self.live == number {
            self.live = NOBODY;
            self.arch.gate.shut();
        }
        if self.arch.floats_of == number {
            // Nobody finds what it left there.
            self.arch.floats_of = NOBODY;
            floating_point::restore(&floating_point::State::ZERO);
        }
        if self.arch.secure_of == number {
            self.arch.secure_of = NOBODY;
        }
    }

    /// Takes the live virtual core off the core, if any.
    #[inline(always)]
    pub fn leave(&mut self) {
        let Some(slot) = self.slots.get_mut(self.live) else {
            return;
        };
        self.live = NOBODY;
        slot.context.save();
        self.arch.gate.close(&mut slot.arch.kept);
    }

    /// Brings a virtual core onto the core, which no other one is on.
    #[inline(always)]
    pub fn enter(&mut self, chosen: usize, now: u64) {
        let Some(slot) = self.slots.get_mut(chosen) else {
            return;
        };
        let configuration = slot.context.switched.configuration;
        let changes = stage_2::HERE && (read!("scr_el3") ^ configuration) & SECURE_HYPERVISOR != 0;
        slot.context.restore();
        self.arch.gate.open(&slot.arch.kept);
        if slot.timer <= now {
            slot.timer = NEVER;
            self.arch.gate.raise_live(slot.arch.interrupts);
        }
        let has_lines = slot.pending_lines != 0;
        let coprocessors = slot.context.switched.coprocessors;
        let without_floats = slot.context.switched.without_floats;
        let hides_console = slot.critical;
        let is_secure = slot.context.is_secure();
        let has_floats = self.arch.floats_of == chosen;
        let eager = slot.arch.eager;
        if changes {
            if configuration & SECURE_HYPERVISOR != 0 {
                self.arch.hypervisor.take(slot.arch.root.normal);
            } else {
                self.undo_exception();
                self.arch.hypervisor.give_back();
            }
        }
        self.live = chosen;
        if has_floats {
            write!("cptr_el3", coprocessors);
        } else {
            write!("cptr_el3", without_floats);
            if eager {
                self.take_floats(chosen);
            }
        }
        if has_lines {
            self.show_interrupt();
        }
        if is_secure && self.arch.secure_of != chosen {
            self.change_program(chosen);
        }
        if self.serves_console {
            self.hide_console(hides_console);
        }
    }

    /// Another program was on this core before: its translations and its interrupts are not this one's.
    #[cold]
    #[inline(never)]
    fn change_program(&mut self, chosen: usize) {
        if stage_2::HERE {
            self.undo_exception();
        }
        self.arch.secure_of = chosen;
        if let Some(slot) = self.slots.get(chosen) {
            if stage_2::HERE && slot.arch.root.secure != 0 {
                stage_2::select(slot.arch.root);
            }
            self.arch.gate.select(slot.arch.interrupts);
        }
        translation::forget_secure();
    }

    /// The program that was last on this core leaves nothing to answer at EL2.
    fn undo_exception(&mut self) {
        if let Some(slot) = self.slots.get_mut(self.arch.secure_of) {
            let lower = &mut slot.context.lower;
            stage_2::undo(&mut lower.status, &mut lower.program_counter);
        }
    }

    /// Brings the floating-point registers of the live virtual core onto the core. Returns whether it has any, and
    /// did not have them there.
    #[inline(never)]
    pub fn take_floats(&mut self, number: usize) -> bool {
        let before = self.arch.floats_of;
        if before == number || !self.slots.get(number).is_some_and(|slot| slot.arch.floats) {
            return false;
        }
        let scalable = &mut self.large.scalable;
        if let Some(slot) = self.slots.get_mut(before)
            && !scalable.save(&slot.context.switched)
        {
            floating_point::save(&mut slot.arch.floating_point);
        }
        self.arch.floats_of = number;
        if let Some(slot) = self.slots.get(number) {
            if !scalable.restore(&slot.context.switched) {
                floating_point::restore(&slot.arch.floating_point);
            }
            write!("cptr_el3", slot.context.switched.coprocessors);
        }
        true
    }
}
