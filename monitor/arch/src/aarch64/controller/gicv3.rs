//! A GIC of version 3 (Arm Generic Interrupt Controller Architecture Specification IHI 0069): distributor, one
//! redistributor for each core, and the processor's interface in system registers.

use super::distributor::{self, ConsoleGate, NONE, PRIVATE};
use super::private::Place;
use super::{BETWEEN_CORES, Controller, OF_PROGRAMS, OWN_PRIORITY, PROGRAM_PRIORITY, software};
use crate::arch::context::Shape;
use crate::arch::register::{complete_accesses, read, synchronize, write};
use crate::arch::timer;
use crate::board::BOARD;
use crate::mmio::{Register, Registers};
use crate::report;
use partita_abi::MAX_CORES;
use partita_board::GicInterface;
use partita_virtual_aarch64::gic::{HIDDEN, Version, interface};
use partita_virtual_aarch64::stage_2::Range;

pub mod virtual_interface;
pub use virtual_interface::Virtual;

/// As policy knows it.
pub const VERSION: Version = Version::Three;

/// Of the distributor's control register (12.9.4): affinity routing in both worlds.
const AFFINITY_ROUTING: u32 = 3 << 4;
/// All three groups.
const ALL_GROUPS: u32 = 7;
/// A write has not taken effect yet.
const WRITE_PENDING: u32 = 1 << 31;
const GROUP_MODIFIER: usize = 0x0d00;
const ROUTE: usize = 0x6000;

/// Registers of a redistributor (12.11): its first frame, and the second, which repeats the distributor's for the
/// first 32 interrupts.
mod redistributor {
    pub const TYPE: usize = 0x0008;
    pub const WAKER: usize = 0x0014;
    pub const PROCESSOR_SLEEP: u32 = 1 << 1;
    /// Of the first register: a write that disables has not taken effect yet.
    pub const WRITE_PENDING: u32 = 1 << 3;
    pub const CHILDREN_ASLEEP: u32 = 1 << 2;
    pub const STRIDE: usize = 0x2_0000;
    pub const SECOND: usize = 0x1_0000;
}

/// In the register of active priorities, of which there are 32: those at which an interrupt of a program is not
/// signalled.
const HIDES_PROGRAMS: u64 = (2 << (PROGRAM_PRIORITY >> 3)) - 1;

/// A software interrupt that nobody has.
const SPARE: u64 = 14;

/// How often a bit of the controller's is looked at that changes within a few clocks.
const PATIENCE: usize = 100_000;
/// At EL3 and below, the interface is in system registers, and lower levels may use theirs (`ICC_SRE_EL3`).
const SYSTEM_REGISTERS: u64 = 0xf;

/// The highest priority that the normal world can give, which it sees as zero, as after reset.
pub const NORMAL_PRIORITY: u8 = 0x80;

/// The board's redistributors.
fn redistributors() -> Registers {
    match BOARD.architecture.gic.interface {
        // SAFETY: the board's own interrupt controller.
        GicInterface::V3 { redistributors, .. } => unsafe { Registers::new(redistributors) },
        GicInterface::V2 { .. } => {
            report::fatal("this firmware is for a board with a GIC of version 3")
        }
    }
}

/// What a partition behind stage 2 reaches of the interface: it is in system registers.
pub const fn interface_of(_: Shape) -> Option<Range> {
    None
}

/// Where a partition finds redistributors.
pub const fn redistributors_base() -> Option<u64> {
    match BOARD.architecture.gic.interface {
        GicInterface::V3 { redistributors, .. } => Some(redistributors.base),
        GicInterface::V2 { .. } => None,
    }
}

/// The cores that a line interrupts, one bit each: it is one, or none that a partition has.
pub fn targets(line: usize) -> u32 {
    let offset = ROUTE.wrapping_add(line.wrapping_mul(8));
    let core = distributor::registers().read_u64(offset);
    if core < MAX_CORES as u64 {
        1_u32.wrapping_shl(core as u32)
    } else {
        0
    }
}

/// Lines are routed in another way.
pub const fn routed_by(_: usize) -> Option<u32> {
    None
}

/// Raises a software interrupt of the normal world on these cores (12.2.2 `ICC_ASGI1R_EL1`).
pub fn send(interrupt: u32, cores: u32) {
    write!(
        "icc_asgi1r_el1",
        u64::from(interrupt) << 24 | u64::from(cores)
    );
    synchronize();
}

/// What is in a register of the interface that Linux shares with the monitor.
pub fn shared_register(register: interface::Register) -> u64 {
    match register {
        interface::Register::Mask => read!("icc_pmr_el1"),
        interface::Register::Control => read!("icc_ctlr_el1"),
        interface::Register::Running => read!("icc_rpr_el1"),
        _ => 0,
    }
}

/// Changes such a register.
pub fn carry_out(effect: interface::Effect) {
    match effect {
        interface::Effect::Mask(priority) => write!("icc_pmr_el1", u64::from(priority)),
        interface::Effect::Control(bits) => {
            write!("icc_ctlr_el1", read!("icc_ctlr_el1") & !3 | bits);
        }
        interface::Effect::Deactivate(line) => write!("icc_dir_el1", u64::from(line)),
        interface::Effect::Call(_) | interface::Effect::Denied => {}
    }
}

/// Software interrupts, one bit each.
pub type Calls = u64;

/// One of them; nobody is told who sent it.
pub const fn call(interrupt: u32, _sender: usize) -> Calls {
    1_u64.wrapping_shl(interrupt)
}

/// Those of the normal world.
const OF_NORMAL_WORLD: u32 = 0xff;

/// The software interrupts of the normal world that are pending on this core.
pub fn calls(place: &Place) -> Calls {
    u64::from(place.read(distributor::SET_PENDING) & OF_NORMAL_WORLD)
}

/// Makes software interrupts pending on this core.
pub fn set_calls(place: &Place, calls: Calls) {
    place.write(distributor::SET_PENDING, calls as u32);
}

/// Takes back all of them.
pub fn drop_calls(place: &Place) {
    place.write(distributor::CLEAR_PENDING, OF_NORMAL_WORLD);
}

/// Switched with everything else.
pub const fn binary_point() -> u32 {
    0
}

/// Switched with everything else.
pub const fn set_binary_point(_: u32) {}

/// Disables all groups.
pub fn disable() {
    distributor::registers().write_u32(distributor::CONTROL, 0);
    wait();
    distributor::registers().write_u32(distributor::CONTROL, AFFINITY_ROUTING);
    wait();
}

/// Enables all groups.
pub fn enable() {
    distributor::registers().write_u32(distributor::CONTROL, AFFINITY_ROUTING | ALL_GROUPS);
    wait();
}

/// Waits until a write of the control register has taken effect.
fn wait() {
    for _ in 0..PATIENCE {
        if distributor::registers().read_u32(distributor::CONTROL) & WRITE_PENDING == 0 {
            return;
        }
    }
    report::fatal("the interrupt controller does not answer");
}

/// Has 32 lines in no group but the one that the registers of both versions tell.
pub fn reset_word(offset: usize) {
    distributor::registers().write_u32(GROUP_MODIFIER.wrapping_add(offset), 0);
}

/// Has a line interrupt a core.
pub fn route(line: usize, core: usize) {
    let offset = ROUTE.wrapping_add(line.wrapping_mul(8));
    distributor::registers().write_u64(offset, core as u64);
}

/// Ends the handling of an interrupt of the monitor's.
#[inline(always)]
pub fn end(line: u32) {
    write!("icc_eoir0_el1", u64::from(line));
}

impl Controller {
    /// Takes the most urgent line that is pending for the monitor on this core; 0 if there is none. The timer and
    /// the call of another core need no more of an answer than that they came; what else is pending then interrupts
    /// again.
    #[inline]
    pub fn claim(&self, _core: usize) -> u32 {
        let found = read!("icc_iar0_el1");
        if found >= u64::from(NONE) {
            return 0;
        }
        let found = found as u32;
        if found == timer::INTERRUPT {
            timer::silence();
            synchronize();
        } else if found != BETWEEN_CORES {
            return found;
        }
        end(found);
        0
    }

    /// Interrupts a core (12.2.21 `ICC_SGI0R_EL1`).
    #[inline]
    pub fn interrupt(&self, core: usize) {
        // What it is to look at is written before it looks.
        complete_accesses();
        let target = 1_u64.wrapping_shl(core as u32 & 15);
        let cluster = (core as u64 >> 4) << 44;
        write!(
            "icc_sgi0r_el1",
            u64::from(BETWEEN_CORES) << 24 | cluster | target
        );
        synchronize();
    }

    /// The redistributor of the core with this number (12.11.35 `GICR_TYPER`).
    fn redistributor(core: usize) -> usize {
        for number in 0..MAX_CORES {
            let base = number.wrapping_mul(redistributor::STRIDE);
            let kind = redistributors().read_u64(base.wrapping_add(redistributor::TYPE));
            if kind >> 32 == core as u64 {
                return base;
            }
        }
        report::fatal("the interrupt controller has no registers for this core")
    }
}

/// What a virtual core keeps of the controller while it is not live.
#[derive(Clone, Copy)]
pub struct Kept {
    mask: u64,
    active: u64,
    enabled: u64,
    control: u64,
    binary_point: u64,
}

impl Kept {
    /// Of nobody.
    pub const RESET: Self = Self {
        mask: 0xff,
        active: 0,
        enabled: 0,
        control: 0,
        binary_point: 0,
    };

    /// As the virtual core finds it when it starts: nothing is masked by priority, nothing is enabled.
    pub const fn at_start(_first: Option<u32>) -> Self {
        Self::RESET
    }
}

/// One core's side of the controller.
pub struct Gate {
    /// Where the registers for interrupts of this core are.
    private: usize,
    set_pending: Register<u32>,
    clear_pending: Register<u32>,
    console: ConsoleGate,
}

impl Gate {
    /// The gate of the calling core, closed for partitions and open for the monitor.
    pub fn new(core: usize) -> Self {
        let base = Controller::redistributor(core);
        let all = redistributors();
        wake(&all, base);
        let second = base.wrapping_add(redistributor::SECOND);
        let own = 1 << timer::INTERRUPT | 1 << BETWEEN_CORES;
        all.write_u32(second + distributor::CLEAR_ENABLE, !0);
        all.write_u32(second + distributor::CLEAR_PENDING, !0);
        all.write_u32(second + distributor::CLEAR_ACTIVE, !0);
        // In group 0 what is the monitor's, in the secure group 1 what programs get, and the rest is Linux's.
        let normal = !(own | OF_PROGRAMS | 1 << SPARE);
        all.write_u32(second + distributor::GROUP, normal);
        all.write_u32(second + GROUP_MODIFIER, OF_PROGRAMS);
        for line in 0..PRIVATE {
            let priority = match line {
                timer::INTERRUPT | BETWEEN_CORES => OWN_PRIORITY,
                _ if OF_PROGRAMS >> line & 1 != 0 => PROGRAM_PRIORITY,
                _ => NORMAL_PRIORITY,
            };
            all.write_u8(second + distributor::PRIORITY + line as usize, priority);
        }
        all.write_u32(second + distributor::NON_SECURE_ACCESS, 0);
        all.write_u32(second + distributor::SET_ENABLE, own);
        open_interface();
        let register = |offset| all.register(second.wrapping_add(offset));
        let (Some(set_pending), Some(clear_pending), Some(console)) = (
            register(distributor::SET_PENDING),
            register(distributor::CLEAR_PENDING),
            ConsoleGate::new(),
        ) else {
            report::fatal("the interrupt controller has no registers for this core")
        };
        Self {
            private: second,
            set_pending,
            clear_pending,
            console,
        }
    }

    /// The registers of this core's private lines.
    pub fn private(&self) -> Place {
        Place {
            registers: redistributors(),
            base: self.private,
        }
    }

    /// Raises a software interrupt of a program on this core.
    #[inline(always)]
    pub fn raise(&self, number: u32) {
        self.set_pending.write(1_u32.wrapping_shl(number));
    }

    /// Raises a software interrupt of the program that is live.
    #[inline(always)]
    pub fn raise_live(&self, number: u32) {
        self.raise(number);
    }

    /// Of the software interrupts of programs on this core, lets only those of one come: they are all in one group.
    pub fn select(&self, first: u32) {
        let all = redistributors();
        let own = 1_u32
            .wrapping_shl(software::STRIDE)
            .wrapping_sub(1)
            .wrapping_shl(first);
        let register = |offset| self.private.wrapping_add(offset);
        all.write_u32(register(distributor::CLEAR_ENABLE), OF_PROGRAMS);
        all.write_u32(register(distributor::SET_ENABLE), own);
        // What was disabled is not signalled any more (12.11.7 `GICR_CTLR.RWP`).
        let control = self.private.wrapping_sub(redistributor::SECOND);
        for _ in 0..PATIENCE {
            if all.read_u32(control) & redistributor::WRITE_PENDING == 0 {
                return;
            }
        }
    }

    /// Takes back a software interrupt of a program on this core.
    pub fn withdraw(&self, number: u32) {
        self.clear_pending.write(1_u32.wrapping_shl(number));
    }

    /// Has a software interrupt as after reset: its program starts anew, which may have had it in hand.
    pub fn renew(&self, number: u32) {
        self.withdraw(number);
        let offset = self.private.wrapping_add(distributor::CLEAR_ACTIVE);
        redistributors().write_u32(offset, 1_u32.wrapping_shl(number));
    }

    /// Brings what a Linux left in the controller for this core to the state after reset.
    pub fn restart(&self) {
        let second = self.private;
        let all = redistributors();
        let linux = !(1 << timer::INTERRUPT | OF_PROGRAMS | 1 << SPARE | 1 << BETWEEN_CORES);
        all.write_u32(second.wrapping_add(distributor::CLEAR_ENABLE), linux);
        all.write_u32(second.wrapping_add(distributor::CLEAR_PENDING), linux);
        all.write_u32(second.wrapping_add(distributor::CLEAR_ACTIVE), linux);
        // Whoever is live has interrupts in hand that are not of the normal world.
        let configuration = read!("scr_el3");
        write!("scr_el3", configuration & !1);
        synchronize();
        let secure = read!("icc_ap1r0_el1");
        write!("icc_ap1r0_el1", 0);
        write!("scr_el3", configuration | 1);
        synchronize();
        clear_active();
        end_active(!0);
        write!("scr_el3", configuration & !1);
        synchronize();
        write!("icc_ap1r0_el1", secure);
        write!("scr_el3", configuration);
        synchronize();
    }

    /// Hides the interrupts of the virtual core that leaves, and keeps what it has of the processor's interface.
    #[inline(always)]
    pub fn close(&self, kept: &mut Kept, shape: Shape) {
        if shape == Shape::Program {
            return;
        }
        kept.enabled = read!("icc_igrpen1_el1");
        write!("icc_igrpen1_el1", 0);
        kept.mask = read!("icc_pmr_el1");
        kept.active = read!("icc_ap1r0_el1");
        kept.control = read!("icc_ctlr_el1");
        kept.binary_point = read!("icc_bpr1_el1");
        if kept.active != 0 {
            clear_active();
        }
    }

    /// Shows the interrupts of the virtual core that comes, whose world it is already.
    #[inline(always)]
    pub fn open(&self, kept: &Kept, shape: Shape) {
        match shape {
            Shape::Program => return virtual_interface::show(),
            Shape::Guest => virtual_interface::hide(),
            Shape::Secure | Shape::Hypervisor => {}
        }
        write!("icc_pmr_el1", kept.mask);
        write!("icc_ap1r0_el1", kept.active);
        write!("icc_ctlr_el1", kept.control);
        write!("icc_bpr1_el1", kept.binary_point);
        write!("icc_igrpen1_el1", kept.enabled);
    }

    /// Another Linux comes to this core, `kept` of which is there but for its active priorities: those of the last one
    /// would hide its interrupts. No private line is enabled, and none of another that the normal world would see.
    /// Returns false if something for the monitor is pending, which has to be taken first.
    ///
    /// QEMU takes no value for the register in the normal world. So each priority is made by an interrupt that has it.
    #[cold]
    pub fn change_active(&self, kept: &Kept) -> bool {
        const LINE: u32 = 1 << SPARE;
        if read!("icc_ap1r0_el1") == kept.active {
            return true;
        }
        end_active(!0);
        let place = self.private();
        place.write(distributor::CLEAR_ENABLE, !HIDDEN);
        let group = place.read(distributor::GROUP);
        place.write(distributor::GROUP, group | LINE);
        place.write(distributor::SET_ENABLE, LINE);
        write!("icc_pmr_el1", 0xff_u64);
        write!("icc_igrpen1_el1", 1_u64);
        let mut left = kept.active;
        let mut is_free = true;
        // The least urgent first: each preempts the one before.
        while left != 0 && is_free {
            let bit = u64::BITS - 1 - left.leading_zeros();
            left &= !1_u64.wrapping_shl(bit);
            let offset = place
                .base
                .wrapping_add(distributor::PRIORITY + SPARE as usize);
            place.registers.write_u8(offset, (bit << 3) as u8);
            place.write(distributor::SET_PENDING, LINE);
            synchronize();
            is_free = read!("icc_iar1_el1") == SPARE;
            place.write(distributor::CLEAR_PENDING, LINE);
            place.write(distributor::CLEAR_ACTIVE, LINE);
        }
        place.write(distributor::CLEAR_ENABLE, LINE);
        place.write(distributor::GROUP, group);
        write!("icc_pmr_el1", kept.mask);
        write!("icc_igrpen1_el1", kept.enabled);
        is_free
    }

    /// Hides the interrupts of a virtual core that is gone for good.
    pub fn shut(&self) {
        write!("icc_igrpen1_el1", 0);
        clear_active();
    }

    /// Whether an interrupt is pending that whoever is live has enabled.
    #[inline(always)]
    pub fn is_pending(&self, shape: Shape) -> bool {
        if shape == Shape::Program {
            return virtual_interface::is_pending();
        }
        synchronize();
        read!("icc_hppir1_el1") < u64::from(NONE)
    }

    /// There are none.
    #[inline(always)]
    #[expect(clippy::unused_self, reason = "other controllers have such")]
    pub const fn drop_foreign(&self) {}

    /// Whether there is an interrupt for the live program that the monitor has to hand on: it gets them itself.
    #[inline(always)]
    #[expect(clippy::unused_self, reason = "other controllers have such")]
    pub const fn has_interrupt(&self) -> bool {
        false
    }

    /// Never asked.
    #[expect(clippy::unused_self, reason = "other controllers need it")]
    pub const fn acknowledge(&self) -> bool {
        false
    }

    /// Never asked.
    #[expect(clippy::unused_self, reason = "other controllers need it")]
    pub const fn hand_on(&self) {}

    /// Sleeps until an interrupt of the monitor's is pending, or one of whoever is live.
    pub fn sleep(&self, shows_live: bool) {
        let shown = read!("icc_igrpen1_el1");
        if !shows_live {
            write!("icc_igrpen1_el1", 0);
            synchronize();
        }
        crate::arch::wait_for_interrupt();
        if !shows_live {
            write!("icc_igrpen1_el1", shown);
            synchronize();
        }
    }

    /// Decides whether the serial port may interrupt this core, which serves it.
    #[inline(always)]
    pub fn hide_console(&self, hide: bool) {
        self.console.hide(hide);
    }
}

/// Whoever leaves has interrupts in hand: they must not keep those of the next one, who may be of the other world,
/// from being signalled.
#[cold]
#[inline(never)]
fn clear_active() {
    write!("icc_ap1r0_el1", 0);
    end_active(HIDES_PROGRAMS);
}

/// Drops these active priorities of the world that `SCR_EL3` names, where the register of them cannot be written:
/// QEMU takes nothing from the normal world's. No interrupt is deactivated, as nobody has this one.
fn end_active(priorities: u64) {
    for _ in 0..u64::BITS {
        synchronize();
        if read!("icc_ap1r0_el1") & priorities == 0 {
            return;
        }
        write!("icc_eoir1_el1", SPARE);
    }
}

/// Wakes a redistributor (12.11.42 `GICR_WAKER`).
fn wake(all: &Registers, base: usize) {
    let waker = base.wrapping_add(redistributor::WAKER);
    let value = all.read_u32(waker);
    all.write_u32(waker, value & !redistributor::PROCESSOR_SLEEP);
    for _ in 0..PATIENCE {
        if all.read_u32(waker) & redistributor::CHILDREN_ASLEEP == 0 {
            return;
        }
    }
    report::fatal("the interrupt controller does not wake up for a core");
}

/// Opens the processor's interface for the monitor: system registers at all levels, group 0.
fn open_interface() {
    write!("icc_sre_el3", SYSTEM_REGISTERS);
    synchronize();
    // In the normal world's half first, then in the secure one, in which this runs.
    let configuration = read!("scr_el3");
    write!("scr_el3", configuration | 1);
    synchronize();
    write!("icc_sre_el2", SYSTEM_REGISTERS);
    write!("icc_sre_el1", 1);
    write!("icc_igrpen1_el1", 0);
    write!("icc_ap1r0_el1", 0);
    write!("scr_el3", configuration);
    synchronize();
    write!("icc_sre_el1", 7);
    write!("icc_igrpen1_el1", 0);
    write!("icc_ap1r0_el1", 0);
    write!("icc_ap0r0_el1", 0);
    write!("icc_ctlr_el3", 0);
    write!("icc_bpr0_el1", 0);
    write!("icc_pmr_el1", 0xff);
    write!("icc_igrpen0_el1", 1);
    synchronize();
}

const _: () = assert!(software::TIMER + software::STRIDE * software::PROGRAMS == 14);
