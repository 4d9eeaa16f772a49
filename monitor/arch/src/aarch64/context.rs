//! The state of a virtual core while it does not run, and how it gets onto and off a core.
//!
//! EL1 is one level with one set of registers for both worlds, so all of them are switched: the general
//! registers, and those that S-EL1 can write (DDI 0487, D24.2, without those that [`Switched`] keeps it from).
//! EL2 has no secure half here: S-EL1 cannot reach its registers, so Linux's stay where they are. Floating point
//! is apart ([`crate::arch::floating_point`]).

use crate::arch::hypervisor::guest_configuration;
use crate::arch::platform::Features;
use crate::arch::register::{read, secure_configuration as scr, synchronize};
use crate::cores::Core;
use crate::machine::PartitionView;
use partita_abi::crash::{Record, flags};
use partita_abi::table;

/// Where a virtual core runs, and what of the hardware it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A program at EL1 of the secure world.
    Secure,
    /// Linux at EL2 of the normal world.
    Hypervisor,
    /// A program at EL1 of the normal world, behind stage 2.
    Program,
    /// Linux there.
    Guest,
}

impl Shape {
    /// That of a partition's virtual cores.
    pub const fn of(entry: &table::Partition) -> Self {
        let is_program = entry.kind == table::Kind::Program as u8;
        match (
            entry.isolation == table::Isolation::Stage2 as u8,
            is_program,
        ) {
            (false, true) => Self::Secure,
            (false, false) => Self::Hypervisor,
            (true, true) => Self::Program,
            (true, false) => Self::Guest,
        }
    }

    /// Whether EL2 of the normal world is the monitor's under it.
    #[inline(always)]
    pub const fn has_stage_2(self) -> bool {
        matches!(self, Self::Program | Self::Guest)
    }

    /// Whether the monitor tells it by interrupts of its own what happened.
    #[inline(always)]
    pub const fn is_program(self) -> bool {
        matches!(self, Self::Secure | Self::Program)
    }
}

/// One virtual core's state. The trap vector writes `registers` and reads `stack` and `core`.
#[repr(C, align(16))]
pub struct Context {
    /// `x0` to `x30`, and a place that is not used.
    pub registers: [u64; 32],
    /// The monitor's stack on this core.
    pub stack: u64,
    /// The core that this virtual core belongs to.
    pub core: *mut Core,
    /// Its partition; set before it runs.
    pub view: Option<&'static PartitionView>,
    /// Everything else, valid while the virtual core is not live on the core.
    pub lower: Lower,
    /// What it may do.
    pub switched: Switched,
    /// Where it runs.
    pub shape: Shape,
}

/// Offsets of what the trap vector uses.
pub mod offsets {
    use super::Context;
    /// Of [`Context::stack`].
    pub const STACK: usize = core::mem::offset_of!(Context, stack);
    /// Of [`Context::core`].
    pub const CORE: usize = core::mem::offset_of!(Context, core);
}

/// The registers of EL3 that say what lower levels may do. They differ from partition to partition and do not
/// change, except for floating point.
#[derive(Clone, Copy)]
pub struct Switched {
    /// `SCR_EL3`.
    pub configuration: u64,
    /// `CPTR_EL3`.
    pub coprocessors: u64,
    /// The same while somebody else's floating-point registers are on the core.
    pub without_floats: u64,
    /// `MDCR_EL3`.
    pub debug: u64,
}

macro_rules! lower {
    ($([$($field:ident $register:literal,)+])+) => {
        /// The registers that a switch saves and restores.
        #[derive(Clone, Copy)]
        pub struct Lower {$($(
            #[doc = concat!("`", $register, "`.")]
            pub $field: u64,
        )+)+}

        impl Lower {
            /// All zero.
            pub const ZERO: Self = Self {$($($field: 0,)+)+};

            /// Keeps those on the core: some at a time, so that memory is written in pairs.
            #[inline(always)]
            fn keep(&mut self) {
                $(
                    $(let $field = crate::arch::register::read!($register);)+
                    $(self.$field = $field;)+
                )+
            }

            /// Puts them onto the core: some at a time, so that memory is read in pairs.
            #[inline(always)]
            fn write(&self) {
                $(
                    $(let $field = self.$field;)+
                    $(crate::arch::register::write!($register, $field);)+
                )+
            }
        }
    };
}

lower! {
    [
        program_counter "elr_el3",
        status "spsr_el3",
        control "sctlr_el1",
        auxiliary_control "actlr_el1",
        coprocessors "cpacr_el1",
        translation_low "ttbr0_el1",
        translation_high "ttbr1_el1",
        translation_control "tcr_el1",
    ]
    [
        attributes "mair_el1",
        auxiliary_attributes "amair_el1",
        vector "vbar_el1",
        syndrome "esr_el1",
        fault_address "far_el1",
        fault_status_0 "afsr0_el1",
        fault_status_1 "afsr1_el1",
        exception_counter "elr_el1",
    ]
    [
        exception_status "spsr_el1",
        stack_0 "sp_el0",
        stack_1 "sp_el1",
        thread_0 "tpidr_el0",
        thread_0_read_only "tpidrro_el0",
        thread_1 "tpidr_el1",
        context_number "contextidr_el1",
        physical_address "par_el1",
    ]
    [
        cache_selection "csselr_el1",
        counter_control "cntkctl_el1",
        physical_timer "cntp_cval_el0",
        physical_timer_control "cntp_ctl_el0",
        virtual_timer "cntv_cval_el0",
        virtual_timer_control "cntv_ctl_el0",
        // Breakpoints of another one, which are not switched, must not be hit.
        debug "mdscr_el1",
    ]
}

impl Lower {
    /// Keeps the timers that are on the core.
    pub fn keep_timers(&mut self) {
        self.physical_timer = read!("cntp_cval_el0");
        self.physical_timer_control = read!("cntp_ctl_el0");
        self.virtual_timer = read!("cntv_cval_el0");
        self.virtual_timer_control = read!("cntv_ctl_el0");
    }
}

/// `SPSR_EL3`: to EL1 with its own stack, all interrupts masked.
const STATUS_EL1: u64 = 0x3c5;
/// `SPSR_EL3`: to EL2 with its own stack, all interrupts masked.
const STATUS_EL2: u64 = 0x3c9;
/// `SCTLR_EL1` without translation and caches: the bits that read as one in the first version of the
/// architecture.
const CONTROL_RESET: u64 = 0x30d0_0800;

impl Context {
    /// A virtual core that was never started.
    pub const fn new() -> Self {
        Self {
            registers: [0; 32],
            stack: 0,
            core: core::ptr::null_mut(),
            view: None,
            lower: Lower::ZERO,
            switched: Switched {
                configuration: 0,
                coprocessors: 0,
                without_floats: 0,
                debug: 0,
            },
            shape: Shape::Hypervisor,
        }
    }

    /// Decides what never changes: where it runs, and what it may do there.
    pub fn configure(&mut self, shape: Shape, wait_traps: bool, features: &Features) {
        self.shape = shape;
        self.switched = match shape {
            Shape::Secure => features.secure,
            Shape::Hypervisor => features.normal,
            Shape::Program => Switched {
                configuration: features.secure.configuration
                    | scr::NON_SECURE
                    | scr::HYPERVISOR_CALLS,
                ..features.secure
            },
            Shape::Guest => Switched {
                configuration: guest_configuration(features.normal.configuration),
                ..features.normal
            },
        };
        if wait_traps {
            self.switched.configuration |= scr::TRAP_WAIT;
        }
    }

    /// Makes the virtual core start at `address` with two arguments, at the highest level it has (DEN0022, 6.4): no
    /// translation, interrupts masked.
    pub fn start(&mut self, address: u64, arguments: (u64, u64)) {
        self.registers = [0; 32];
        (self.registers[0], self.registers[1]) = arguments;
        self.lower = Lower {
            program_counter: address,
            status: match self.shape {
                Shape::Hypervisor => STATUS_EL2,
                Shape::Secure | Shape::Program | Shape::Guest => STATUS_EL1,
            },
            control: CONTROL_RESET,
            ..Lower::ZERO
        };
    }

    /// Writes the registers into a crash record; those of a virtual core that is live are on the core.
    #[cold]
    pub fn record(&self, is_live: bool, record: &mut Record) {
        let mut lower = self.lower;
        if is_live {
            lower.keep();
        }
        let registers = self.registers.get(..31).unwrap_or_default();
        record.registers.copy_from_slice(registers);
        record.event.program_counter = lower.program_counter;
        record.status = lower.status;
        // `M[3:2]` is the exception level, `M[0]` whether it uses a stack of its own.
        record.flags |= flags::AARCH64;
        if lower.status & 0xc != 0 {
            record.flags |= flags::SUPERVISOR;
        }
        record.trap_vector = lower.vector;
        record.scratch = match lower.status & 0xd {
            0x9 => crate::arch::register::read!("sp_el2"),
            0x5 => lower.stack_1,
            _ => lower.stack_0,
        };
        record.exception_counter = lower.exception_counter;
        record.trap_cause = lower.syndrome;
        record.trap_value = lower.fault_address;
        record.translation = lower.translation_low;
        record.enabled = lower.control;
        record.pending = 0;
    }

    /// Takes the virtual core's registers off the core.
    #[inline(always)]
    pub fn save(&mut self) {
        self.lower.keep();
    }

    /// Puts the virtual core's registers onto the core, without what says whose floating-point registers are
    /// there. From here on, registers that both worlds have are those of its world.
    #[inline(always)]
    pub fn restore(&self) {
        crate::arch::register::write!("scr_el3", self.switched.configuration);
        crate::arch::register::write!("mdcr_el3", self.switched.debug);
        synchronize();
        self.lower.write();
    }
}
