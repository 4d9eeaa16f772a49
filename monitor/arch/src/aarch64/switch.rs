//! How a virtual core gets onto a core and off it: what is saved, what is restored.
//!
//! This is on the path from an interrupt to the real-time partition. What is rare stays out of line.

use crate::arch::context::Shape;
use crate::arch::controller::{Kept, Virtual, software, virtual_interface};
use crate::arch::floating_point;
use crate::arch::register::secure_configuration::SECURE_HYPERVISOR;
use crate::arch::register::{read, write};
use crate::arch::secure_hypervisor;
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
        let shape = slot.context.shape;
        let second = if shape.is_program() { own_number } else { 0 };
        slot.context.start(address, (argument, second));
        let secure = shape == Shape::Secure;
        slot.arch.kept = Kept::at_start(secure.then_some(slot.arch.interrupts));
        slot.arch.interface = Virtual::RESET;
        slot.arch.raised = 0;
        slot.arch.timer = Timer::RESET;
        slot.arch.floating_point = floating_point::State::ZERO;
        match shape {
            Shape::Secure => {
                for interrupt in 0..software::STRIDE {
                    let interrupt = slot.arch.interrupts.wrapping_add(interrupt);
                    self.arch.gate.renew(interrupt);
                }
            }
            Shape::Hypervisor => {
                self.arch.gate.restart();
                secure_hypervisor::with_linux(
                    &mut self.arch.hypervisor,
                    crate::arch::boot::reset_hypervisor,
                );
            }
            Shape::Program => slot.arch.hypervisor.forget_translations(),
            Shape::Guest => {
                slot.arch.hypervisor.forget_translations();
                self.restart_guest(number);
            }
        }
    }

    /// Raises an interrupt of a program.
    #[inline]
    fn raise(&mut self, number: usize, interrupt: u32) {
        let is_live = self.live == number;
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        match slot.context.shape {
            Shape::Secure => self.arch.gate.raise(interrupt),
            Shape::Program if is_live => virtual_interface::raise(interrupt),
            Shape::Program => slot.arch.raised |= 1_u32.wrapping_shl(interrupt),
            Shape::Hypervisor | Shape::Guest => {}
        }
    }

    /// Takes back an interrupt of a program.
    pub fn withdraw(&mut self, number: usize, interrupt: u32) {
        let is_live = self.live == number;
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        match slot.context.shape {
            Shape::Secure => self.arch.gate.withdraw(interrupt),
            Shape::Program if is_live => virtual_interface::withdraw(interrupt),
            Shape::Program => slot.arch.raised &= !1_u32.wrapping_shl(interrupt),
            Shape::Hypervisor | Shape::Guest => {}
        }
    }

    /// The timer of the live virtual core fired: told once, until it is set again.
    pub fn show_timer(&mut self) {
        let live = self.live;
        if let Some(slot) = self.slots.get_mut(live) {
            slot.timer = NEVER;
            let interrupt = slot.arch.interrupts;
            self.raise(live, interrupt);
        }
    }

    /// A line of the live virtual core is pending, or a notice.
    #[inline]
    pub fn show_interrupt(&mut self) {
        let live = self.live;
        if let Some(slot) = self.slots.get(live) {
            let interrupt = software::LINE - software::TIMER;
            self.raise(live, slot.arch.interrupts.wrapping_add(interrupt));
        }
    }

    /// The live virtual core has taken a line of its: the interrupt is gone, so what is left interrupts again.
    pub fn line_taken(&mut self, more: bool) {
        if more {
            self.show_interrupt();
        }
    }

    /// A virtual core gets a software interrupt.
    pub fn show_software_interrupt(&mut self, number: usize) {
        let Some(slot) = self.slots.get(number) else {
            return;
        };
        if slot.context.shape == Shape::Guest {
            self.take_calls(number);
        } else {
            let interrupt = software::CALL - software::TIMER;
            self.raise(number, slot.arch.interrupts.wrapping_add(interrupt));
        }
    }

    /// Decides whether the serial port may interrupt this core.
    #[inline(always)]
    pub fn hide_console(&self, hide: bool) {
        self.arch.gate.hide_console(hide);
    }

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
        if self.arch.interface_of == number {
            self.arch.interface_of = NOBODY;
        }
        if self.arch.private_of == number {
            self.arch.private_of = NOBODY;
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
        let shape = slot.context.shape;
        if shape.has_stage_2() {
            // An exception of its at EL2 may not have been answered yet.
            let lower = &mut slot.context.lower;
            stage_2::undo(&mut lower.status, &mut lower.program_counter);
        }
        self.arch.gate.close(&mut slot.arch.kept, shape);
    }

    /// Brings a virtual core onto the core, which no other one is on.
    #[inline(always)]
    pub fn enter(&mut self, chosen: usize, now: u64) {
        let Some(slot) = self.slots.get_mut(chosen) else {
            return;
        };
        let configuration = slot.context.switched.configuration;
        let changes =
            secure_hypervisor::HERE && (read!("scr_el3") ^ configuration) & SECURE_HYPERVISOR != 0;
        let shape = slot.context.shape;
        slot.context.restore();
        self.arch.gate.open(&slot.arch.kept, shape);
        let fired = slot.timer <= now;
        if fired {
            slot.timer = NEVER;
        }
        if fired && shape == Shape::Secure {
            self.arch.gate.raise_live(slot.arch.interrupts);
        }
        let has_lines = slot.pending_lines != 0;
        let coprocessors = slot.context.switched.coprocessors;
        let without_floats = slot.context.switched.without_floats;
        let hides_console = slot.critical;
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
        if shape.has_stage_2() {
            self.enter_stage_2(chosen, shape, fired);
        }
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
        if shape == Shape::Secure && self.arch.secure_of != chosen {
            self.change_program(chosen);
        }
        if self.serves_console {
            self.hide_console(hides_console);
        }
    }

    /// Brings a Linux onto the core that does not run, so that lines reach it without the monitor.
    #[cold]
    #[inline(never)]
    pub fn enter_to_show(&mut self, number: usize) {
        let now = self.now();
        let is_linux = |shape: Shape| !shape.is_program();
        if self
            .slots
            .get(number)
            .is_some_and(|slot| is_linux(slot.context.shape))
        {
            self.enter(number, now);
        }
    }

    /// Puts onto the core what only virtual cores behind stage 2 have. `fired`: its timer has.
    #[inline(always)]
    fn enter_stage_2(&mut self, chosen: usize, shape: Shape, fired: bool) {
        let Some(slot) = self.slots.get_mut(chosen) else {
            return;
        };
        slot.arch.hypervisor.write();
        if shape == Shape::Guest {
            if self.arch.private_of != chosen {
                self.change_guest(chosen);
            }
            return;
        }
        let interrupts = slot.arch.interrupts;
        let raised = core::mem::take(&mut slot.arch.raised);
        if self.arch.interface_of != chosen {
            self.change_interface(chosen);
        }
        if fired {
            virtual_interface::raise(interrupts);
        }
        if raised != 0 {
            raise_all(raised);
        }
    }

    /// Another program's virtual interface was on this core.
    #[cold]
    #[inline(never)]
    fn change_interface(&mut self, chosen: usize) {
        let before = core::mem::replace(&mut self.arch.interface_of, chosen);
        if let Some(slot) = self.slots.get_mut(before) {
            slot.arch.interface.keep();
        }
        if let Some(slot) = self.slots.get(chosen) {
            slot.arch.interface.write();
        }
    }

    /// Another program was on this core before: its translations and its interrupts are not this one's.
    #[cold]
    #[inline(never)]
    fn change_program(&mut self, chosen: usize) {
        if secure_hypervisor::HERE {
            self.undo_exception();
        }
        self.arch.secure_of = chosen;
        if let Some(slot) = self.slots.get(chosen) {
            if secure_hypervisor::HERE && slot.arch.root.secure != 0 {
                secure_hypervisor::select(slot.arch.root);
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

/// Raises interrupts of the program that is live, which became pending while it was not.
#[cold]
#[inline(never)]
fn raise_all(interrupts: u32) {
    for interrupt in software::TIMER..software::TIMER + software::STRIDE {
        if interrupts.wrapping_shr(interrupt) & 1 != 0 {
            virtual_interface::raise(interrupt);
        }
    }
}
