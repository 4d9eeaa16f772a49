//! A GIC of version 2 (Arm Generic Interrupt Controller Architecture Specification IHI 0048B): a distributor, and the
//! processor's interface in registers that each core sees at the same address.
//!
//! There are two groups only, and the normal world can switch the second off in the distributor. So what programs get
//! is in group 0 as well, and FIQ takes it to the monitor. The monitor acknowledges it for the program, and makes
//! the program take an IRQ ([`Gate::acknowledge`]). The program sees by the active state which it is, and ends it.

use super::distributor::{self, ConsoleGate, NONE, PRIVATE};
use super::private::Place;
use super::{BETWEEN_CORES, Controller, OF_PROGRAMS, OWN_PRIORITY, PROGRAM_PRIORITY, software};
use crate::arch::context::Shape;
use crate::arch::register::complete_accesses;
use crate::arch::timer;
use crate::board::BOARD;
use crate::mmio::{Register, Registers};
use crate::report;
use core::cell::Cell;
use partita_abi::MAX_CORES;
use partita_board::GicInterface;
use partita_virtual_aarch64::gic::{Version, interface as shared_interface};
use partita_virtual_aarch64::stage_2::{Kind, Range};

pub mod virtual_interface;
pub use virtual_interface::Virtual;

/// As policy knows it.
pub const VERSION: Version = Version::Two;
/// Bytes of an interface that partitions reach (IHI 0048B, 4.4 and 5.5): all but the register that ends the handling of
/// any line, whoever's it is.
const INTERFACE_BYTES: u64 = 0x1000;
/// Of [`SOFTWARE`]: of the normal world's group.
const NORMAL_GROUP: u32 = 1 << 15;

/// Registers of the distributor that the other version has not, or not all (4.3).
const TARGETS: usize = 0x800;
const TARGETS_END: usize = 0xc00;
const SOFTWARE: usize = 0xf00;
/// One byte for each software interrupt, with a bit for each core that may have sent it.
const CLEAR_SOFTWARE: usize = 0xf10;
const SET_SOFTWARE: usize = 0xf20;
/// Of the control register: both groups.
const BOTH_GROUPS: u32 = 3;

/// Registers of the processor's interface (4.4).
mod interface {
    pub const CONTROL: usize = 0x00;
    pub const MASK: usize = 0x04;
    pub const BINARY_POINT: usize = 0x08;
    pub const ACKNOWLEDGE: usize = 0x0c;
    pub const END: usize = 0x10;
    pub const HIGHEST_PENDING: usize = 0x18;
    pub const NORMAL_BINARY_POINT: usize = 0x1c;
    pub const ACTIVE: usize = 0xd0;
    pub const NON_SECURE_ACTIVE: [usize; ACTIVE_REGISTERS] = [0xe0, 0xe4, 0xe8, 0xec];
    /// How many registers of active priorities there can be; those that are not there read as zero.
    pub const ACTIVE_REGISTERS: usize = 4;
    /// Of the control register: group 1.
    pub const GROUP_1: u32 = 1 << 1;
    /// Of the control register, while no line of the normal world shows: group 0, as FIQ, and no signals that
    /// bypass the controller. Each group is acknowledged by its own world.
    pub const GROUP_0_AS_FIQ: u32 = 1 | 1 << 3 | 0xf << 5;
}

/// The number of an interrupt, without the core that sent it.
const NUMBER: u32 = 0x3ff;
/// The one that says that there is one, of the group that is not secure.
const OF_NORMAL_WORLD: u32 = 1022;
/// The highest priority that the normal world can give.
pub const NORMAL_PRIORITY: u8 = 0x80;
/// A software interrupt that nobody has.
const SPARE: u32 = 14;

/// The interface of the core that asks.
#[inline(always)]
fn interface() -> Registers {
    match BOARD.architecture.gic.interface {
        // SAFETY: the board's own interrupt controller.
        GicInterface::V2 { core, .. } => unsafe { Registers::new(core) },
        GicInterface::V3 { .. } => {
            report::fatal("this firmware is for a board with a GIC of version 2")
        }
    }
}

/// What a partition behind stage 2 reaches of the interface: Linux the core's own, and a program the virtual one, at the
/// same address.
pub const fn interface_of(shape: Shape) -> Option<Range> {
    match BOARD.architecture.gic.interface {
        GicInterface::V2 {
            core, virtual_core, ..
        } => Some(Range {
            base: core.base,
            output: match shape {
                Shape::Program => virtual_core.base,
                _ => core.base,
            },
            size: INTERFACE_BYTES,
            rights: 3,
            kind: Kind::Device,
        }),
        GicInterface::V3 { .. } => None,
    }
}

/// There are no redistributors.
pub const fn redistributors_base() -> Option<u64> {
    None
}

/// The cores that a line interrupts, one bit each.
pub fn targets(line: usize) -> u32 {
    u32::from(distributor::registers().read_u8(TARGETS.wrapping_add(line)))
}

/// The line that is routed by this byte of the distributor's.
pub const fn routed_by(offset: usize) -> Option<u32> {
    match offset {
        TARGETS..TARGETS_END => Some((offset - TARGETS) as u32),
        _ => None,
    }
}

/// Raises a software interrupt of the normal world on these cores.
pub fn send(interrupt: u32, cores: u32) {
    let value = (cores & 0xff) << 16 | NORMAL_GROUP | interrupt;
    distributor::registers().write_u32(SOFTWARE, value);
}

/// Never asked: there are no registers that trap.
pub const fn shared_register(_: shared_interface::Register) -> u64 {
    0
}

/// Never asked.
pub const fn carry_out(_: shared_interface::Effect) {}

/// Software interrupts: one byte for each, with a bit for each core that sent it.
pub type Calls = u64;

/// One of them, sent by a core.
pub const fn call(interrupt: u32, sender: usize) -> Calls {
    1_u64.wrapping_shl(interrupt.wrapping_mul(8).wrapping_add(sender as u32))
}

/// The software interrupts of the normal world that are pending on this core.
pub fn calls(place: &Place) -> Calls {
    let word = |offset| u64::from(place.read(SET_SOFTWARE + offset));
    word(0) | word(4) << 32
}

/// Makes software interrupts pending on this core. QEMU takes a zero for one that nobody sent, and fails.
pub fn set_calls(place: &Place, calls: Calls) {
    let bytes = calls.to_le_bytes().into_iter().enumerate();
    for (number, senders) in bytes.filter(|(_, senders)| *senders != 0) {
        place
            .registers
            .write_u8(SET_SOFTWARE.wrapping_add(number), senders);
    }
}

/// Takes back all of them.
pub fn drop_calls(place: &Place) {
    place.write(CLEAR_SOFTWARE, !0);
    place.write(CLEAR_SOFTWARE + 4, !0);
}

/// Which bits of a priority preempt in the normal world.
pub fn binary_point() -> u32 {
    interface().read_u32(interface::NORMAL_BINARY_POINT)
}

/// Sets that.
pub fn set_binary_point(value: u32) {
    interface().write_u32(interface::NORMAL_BINARY_POINT, value);
}

/// Disables both groups.
pub fn disable() {
    distributor::registers().write_u32(distributor::CONTROL, 0);
}

/// Enables both groups.
pub fn enable() {
    distributor::registers().write_u32(distributor::CONTROL, BOTH_GROUPS);
}

/// There is no more to say of 32 lines than in the registers of both versions.
pub const fn reset_word(_offset: usize) {}

/// Has a line interrupt a core.
pub fn route(line: usize, core: usize) {
    let target = 1_u8.wrapping_shl(core as u32);
    distributor::registers().write_u8(TARGETS.wrapping_add(line), target);
}

/// Ends the handling of an interrupt of the monitor's.
#[inline(always)]
pub fn end(line: u32) {
    interface().write_u32(interface::END, line);
}

impl Controller {
    /// Takes the most urgent line that is pending for the monitor on this core; 0 if there is none. The timer and
    /// the call of another core need no more of an answer than that they came; what else is pending then interrupts
    /// again. What is for a program stays pending.
    #[inline]
    pub fn claim(&self, _core: usize) -> u32 {
        let interface = interface();
        if is_of_programs(interface.read_u32(interface::HIGHEST_PENDING) & NUMBER) {
            return 0;
        }
        let found = interface.read_u32(interface::ACKNOWLEDGE);
        let number = found & NUMBER;
        if number >= NONE {
            return 0;
        }
        if number == timer::INTERRUPT {
            timer::silence();
            complete_accesses();
        } else if number >= PRIVATE {
            return number;
        }
        interface.write_u32(interface::END, found);
        if is_of_programs(number) {
            // Something more urgent was withdrawn meanwhile.
            pend(number);
        }
        0
    }

    /// Interrupts a core (4.3.15 `GICD_SGIR`): one in group 0.
    #[inline]
    pub fn interrupt(&self, core: usize) {
        // What it is to look at is written before it looks.
        complete_accesses();
        let target = 0x1_0000_u32.wrapping_shl(core as u32 & 7);
        distributor::registers().write_u32(SOFTWARE, target | BETWEEN_CORES);
    }
}

/// Whether an interrupt of this number is for programs.
#[inline(always)]
const fn is_of_programs(number: u32) -> bool {
    number < 16 && OF_PROGRAMS.wrapping_shr(number) & 1 != 0
}

/// The software interrupts of programs in a set of bits.
fn of_set(set: u32) -> impl Iterator<Item = u32> {
    (software::TIMER..SPARE).filter(move |number| set.wrapping_shr(*number) & 1 != 0)
}

/// The active priorities of the normal world.
#[inline(always)]
fn normal_active() -> [u32; interface::ACTIVE_REGISTERS] {
    let interface = interface();
    let [first, second, third, fourth] = interface::NON_SECURE_ACTIVE;
    [
        interface.read_u32(first),
        interface.read_u32(second),
        interface.read_u32(third),
        interface.read_u32(fourth),
    ]
}

/// Sets the active priorities of the normal world.
#[inline(always)]
fn set_normal_active(values: &[u32; interface::ACTIVE_REGISTERS]) {
    let interface = interface();
    let [first, second, third, fourth] = interface::NON_SECURE_ACTIVE;
    interface.write_u32(first, values[0]);
    interface.write_u32(second, values[1]);
    interface.write_u32(third, values[2]);
    interface.write_u32(fourth, values[3]);
}

/// Makes a software interrupt pending on this core, as if the first core had sent it.
#[inline(always)]
fn pend(number: u32) {
    let place = SET_SOFTWARE.wrapping_add(number as usize & 15);
    distributor::registers().write_u8(place, 1);
}

/// Takes back a software interrupt on this core, whoever sent it.
#[inline(always)]
fn unpend(number: u32) {
    let place = CLEAR_SOFTWARE.wrapping_add(number as usize & 15);
    distributor::registers().write_u8(place, 0xff);
}

/// What a virtual core keeps of the controller while it is not live.
#[derive(Clone, Copy)]
pub struct Kept {
    control: u32,
    mask: u32,
    /// Whether it has an interrupt in hand, as the register of the active priorities says it.
    active: u32,
    /// Active priorities of the normal world.
    normal: [u32; interface::ACTIVE_REGISTERS],
    /// The software interrupts that a program gets.
    own: u32,
}

impl Kept {
    /// Of nobody.
    pub const RESET: Self = Self {
        control: interface::GROUP_0_AS_FIQ,
        mask: 0xff,
        active: 0,
        normal: [0; interface::ACTIVE_REGISTERS],
        own: 0,
    };

    /// As the virtual core finds it when it starts: nothing is masked by priority, nothing is enabled. A program
    /// gets the software interrupts from `first` on.
    pub fn at_start(first: Option<u32>) -> Self {
        let bits = 1_u32.wrapping_shl(software::STRIDE).wrapping_sub(1);
        Self {
            own: first.map_or(0, |first| bits.wrapping_shl(first)),
            ..Self::RESET
        }
    }
}

/// One core's side of the controller.
pub struct Gate {
    set_pending: Register<u32>,
    set_active: Register<u32>,
    /// The register of active priorities that programs' interrupts are in.
    active: Register<u32>,
    /// The software interrupts of the program that is live.
    own: Cell<u32>,
    /// Those that are pending, but not in the controller, because their program is not live.
    deferred: Cell<u32>,
    /// The one that was acknowledged for the live program, which has not been interrupted yet; or 0.
    owed: Cell<u32>,
    console: ConsoleGate,
}

impl Gate {
    /// The gate of the calling core, closed for partitions and open for the monitor.
    pub fn new(core: usize) -> Self {
        let all = distributor::registers();
        let found = all.read_u8(TARGETS);
        // Of an implementation for one core it is zero.
        if found != 0 && u32::from(found) != 1_u32.wrapping_shl(core as u32) {
            report::fatal("the interrupt controller numbers the cores in another way");
        }
        let own = 1 << timer::INTERRUPT | 1 << BETWEEN_CORES;
        all.write_u32(distributor::CLEAR_ENABLE, !0);
        all.write_u32(distributor::CLEAR_PENDING, !0);
        all.write_u32(distributor::CLEAR_ACTIVE, !0);
        (0..16).for_each(unpend);
        all.write_u32(distributor::GROUP, !(own | OF_PROGRAMS | 1 << SPARE));
        for line in 0..PRIVATE {
            let priority = match line {
                timer::INTERRUPT | BETWEEN_CORES => OWN_PRIORITY,
                SPARE => PROGRAM_PRIORITY,
                _ if is_of_programs(line) => PROGRAM_PRIORITY,
                _ => NORMAL_PRIORITY,
            };
            all.write_u8(distributor::PRIORITY.wrapping_add(line as usize), priority);
        }
        all.write_u32(distributor::NON_SECURE_ACCESS, 0);
        all.write_u32(distributor::NON_SECURE_ACCESS + 4, 0);
        all.write_u32(distributor::SET_ENABLE, own | OF_PROGRAMS | 1 << SPARE);
        let active = open_interface();
        let (Some(active), Some(set_pending), Some(set_active), Some(console)) = (
            interface().register(active),
            all.register(distributor::SET_PENDING),
            all.register(distributor::SET_ACTIVE),
            ConsoleGate::new(),
        ) else {
            report::fatal("the interrupt controller has no registers for this core")
        };
        Self {
            set_pending,
            set_active,
            active,
            own: Cell::new(0),
            deferred: Cell::new(0),
            owed: Cell::new(0),
            console,
        }
    }

    /// The registers of this core's private lines.
    #[expect(
        clippy::unused_self,
        reason = "other controllers have a place for each core"
    )]
    pub fn private(&self) -> Place {
        Place {
            registers: distributor::registers(),
            base: 0,
        }
    }

    /// Raises a software interrupt of a program on this core.
    #[inline(always)]
    pub fn raise(&self, number: u32) {
        let bit = 1_u32.wrapping_shl(number);
        if self.own.get() & bit == 0 {
            self.deferred.set(self.deferred.get() | bit);
        } else {
            pend(number);
        }
    }

    /// Raises a software interrupt of the program that is live.
    #[inline(always)]
    #[expect(clippy::unused_self, reason = "only who has the gate may")]
    pub fn raise_live(&self, number: u32) {
        pend(number);
    }

    /// Takes back a software interrupt of a program on this core.
    pub fn withdraw(&self, number: u32) {
        let bit = 1_u32.wrapping_shl(number);
        self.deferred.set(self.deferred.get() & !bit);
        unpend(number);
    }

    /// Has a software interrupt as after reset: its program starts anew, which may have had it in hand.
    pub fn renew(&self, number: u32) {
        self.withdraw(number);
        distributor::registers().write_u32(distributor::CLEAR_ACTIVE, 1_u32.wrapping_shl(number));
    }

    /// Of the software interrupts of programs on this core, lets only those of one come: [`Gate::open`] does.
    #[expect(clippy::unused_self, reason = "other controllers have something to do")]
    pub const fn select(&self, _first: u32) {}

    /// Brings what a Linux left in the controller for this core to the state after reset.
    pub fn restart(&self) {
        let all = distributor::registers();
        let linux = !(1 << timer::INTERRUPT | OF_PROGRAMS | 1 << SPARE | 1 << BETWEEN_CORES);
        all.write_u32(distributor::CLEAR_ENABLE, linux);
        all.write_u32(distributor::CLEAR_PENDING, linux);
        all.write_u32(distributor::CLEAR_ACTIVE, linux);
        for line in (0..PRIVATE).filter(|line| linux.wrapping_shr(*line) & 1 != 0) {
            if line < 16 {
                unpend(line);
            }
            all.write_u8(
                distributor::PRIORITY.wrapping_add(line as usize),
                NORMAL_PRIORITY,
            );
        }
    }

    /// Hides the interrupts of the virtual core that leaves, and keeps what it has of the processor's interface.
    #[inline(always)]
    pub fn close(&self, kept: &mut Kept, shape: Shape) {
        if shape == Shape::Program {
            return;
        }
        let interface = interface();
        if self.owed.get() != 0 {
            self.take_back();
        }
        kept.control = interface.read_u32(interface::CONTROL);
        kept.mask = interface.read_u32(interface::MASK);
        if self.own.get() != 0 {
            kept.active = self.active.read();
            self.shut();
        } else {
            kept.normal = normal_active();
            self.shut_normal();
        }
    }

    /// Shows the interrupts of the virtual core that comes.
    #[inline(always)]
    pub fn open(&self, kept: &Kept, shape: Shape) {
        match shape {
            Shape::Program => return virtual_interface::show(),
            Shape::Guest => virtual_interface::hide(),
            Shape::Secure | Shape::Hypervisor => {}
        }
        let interface = interface();
        if kept.own != 0 {
            self.active.write(kept.active);
        } else {
            set_normal_active(&kept.normal);
        }
        interface.write_u32(interface::MASK, kept.mask);
        interface.write_u32(interface::CONTROL, kept.control);
        self.own.set(kept.own);
        if self.deferred.get() & kept.own != 0 {
            self.retry();
        }
    }

    /// Hides the interrupts of Linux, which is live.
    #[inline(always)]
    #[expect(clippy::unused_self, reason = "only who has the gate may")]
    fn shut_normal(&self) {
        interface().write_u32(interface::CONTROL, interface::GROUP_0_AS_FIQ);
        set_normal_active(&[0; interface::ACTIVE_REGISTERS]);
    }

    /// The active priorities of a Linux came with the rest of it.
    #[expect(clippy::unused_self, reason = "other controllers have something to do")]
    pub const fn change_active(&self, _: &Kept) -> bool {
        true
    }

    /// Hides the interrupts of whoever is live, which stay pending if they are a program's.
    pub fn shut(&self) {
        let interface = interface();
        if self.own.get() == 0 {
            self.shut_normal();
        } else {
            interface.write_u32(interface::CONTROL, interface::GROUP_0_AS_FIQ);
            self.active.write(0);
            interface.write_u32(interface::MASK, 0xff);
            self.defer();
        }
        self.owed.set(0);
        self.own.set(0);
    }

    /// Takes pending interrupts of the live program off the controller.
    #[inline]
    fn defer(&self) {
        let pending = self.set_pending.read() & self.own.get();
        if pending != 0 {
            self.deferred.set(self.deferred.get() | pending);
            of_set(pending).for_each(unpend);
        }
    }

    /// Gives the controller what was taken off it.
    #[cold]
    fn retry(&self) {
        let again = self.deferred.get() & self.own.get();
        self.deferred.set(self.deferred.get() & !again);
        of_set(again).for_each(pend);
    }

    /// The program leaves before it was interrupted: what was acknowledged for it is pending again.
    #[cold]
    fn take_back(&self) {
        let owed = self.owed.replace(0);
        if self.set_active.read() & 1_u32.wrapping_shl(owed) != 0 {
            interface().write_u32(interface::END, owed);
            pend(owed);
        }
    }

    /// Drops interrupts of programs that are not live: a controller that lets the normal world send them has them, and
    /// nobody would ever take them.
    #[inline]
    pub fn drop_foreign(&self) {
        let foreign = self.set_pending.read() & OF_PROGRAMS & !self.own.get();
        if foreign != 0 {
            of_set(foreign).for_each(unpend);
        }
    }

    /// Whether there is an interrupt for the live program that the monitor has to hand on.
    #[inline]
    pub fn has_interrupt(&self) -> bool {
        self.set_pending.read() & self.own.get() | self.owed.get() != 0
    }

    /// Acknowledges an interrupt for the live program, if there is none yet. Returns false if the program masks it by
    /// priority, or has another one in hand: the controller tells when that is over.
    pub fn acknowledge(&self) -> bool {
        let owed = self.owed.replace(0);
        if owed != 0 && self.set_active.read() & 1_u32.wrapping_shl(owed) != 0 {
            self.owed.set(owed);
            return true;
        }
        let interface = interface();
        if !is_of_programs(interface.read_u32(interface::HIGHEST_PENDING) & NUMBER) {
            return false;
        }
        let found = interface.read_u32(interface::ACKNOWLEDGE);
        let number = found & NUMBER;
        if is_of_programs(number) {
            self.owed.set(number);
            return true;
        }
        if number < NONE {
            // Something more urgent came in between, and interrupts again.
            interface.write_u32(interface::END, found);
            if number == BETWEEN_CORES {
                pend(number);
            }
        }
        false
    }

    /// The live program is interrupted by what was acknowledged.
    pub fn hand_on(&self) {
        self.owed.set(0);
    }

    /// Whether an interrupt is pending that whoever is live has enabled.
    #[inline(always)]
    pub fn is_pending(&self, shape: Shape) -> bool {
        if shape == Shape::Program {
            return virtual_interface::is_pending();
        }
        let own = self.own.get();
        if own != 0 {
            let pending = self.set_pending.read() | self.deferred.get();
            return pending & own | self.owed.get() != 0;
        }
        let interface = interface();
        let enabled = interface.read_u32(interface::CONTROL) & interface::GROUP_1 != 0;
        enabled && interface.read_u32(interface::HIGHEST_PENDING) & NUMBER == OF_NORMAL_WORLD
    }

    /// Sleeps until an interrupt of the monitor's is pending, or one of whoever is live.
    pub fn sleep(&self, shows_live: bool) {
        let shown = interface().read_u32(interface::CONTROL);
        if !shows_live {
            interface().write_u32(interface::CONTROL, interface::GROUP_0_AS_FIQ);
            self.defer();
        }
        crate::arch::wait_for_interrupt();
        if !shows_live {
            interface().write_u32(interface::CONTROL, shown);
            self.retry();
        }
    }

    /// Decides whether the serial port may interrupt this core, which serves it.
    #[inline(always)]
    pub fn hide_console(&self, hide: bool) {
        self.console.hide(hide);
    }
}

/// Opens the processor's interface for the monitor: group 0, as FIQ. Returns the register of the active priorities
/// in which the one of programs' interrupts is: how many priorities there are differs.
fn open_interface() -> usize {
    let interface = interface();
    interface.write_u32(interface::CONTROL, 0);
    for number in 0..interface::ACTIVE_REGISTERS {
        interface.write_u32(interface::ACTIVE.wrapping_add(number.wrapping_mul(4)), 0);
    }
    set_normal_active(&[0; interface::ACTIVE_REGISTERS]);
    interface.write_u32(interface::BINARY_POINT, 0);
    interface.write_u32(interface::MASK, 0xff);
    interface.write_u32(interface::CONTROL, interface::GROUP_0_AS_FIQ);
    pend(SPARE);
    complete_accesses();
    let mut found = interface.read_u32(interface::ACKNOWLEDGE);
    // Other cores may have called already, each once.
    let mut is_called = false;
    for _ in 0..MAX_CORES {
        if found & NUMBER == BETWEEN_CORES {
            is_called = true;
            interface.write_u32(interface::END, found);
            found = interface.read_u32(interface::ACKNOWLEDGE);
        }
    }
    let register = (0..interface::ACTIVE_REGISTERS)
        .map(|number| interface::ACTIVE.wrapping_add(number.wrapping_mul(4)))
        .find(|register| interface.read_u32(*register) != 0);
    interface.write_u32(interface::END, found);
    if is_called {
        pend(BETWEEN_CORES);
    }
    match register {
        Some(register) if found & NUMBER == SPARE => register,
        _ => report::fatal("the interrupt controller does not take an interrupt of its own core"),
    }
}

const _: () = assert!(software::TIMER + software::STRIDE * software::PROGRAMS == SPARE);
