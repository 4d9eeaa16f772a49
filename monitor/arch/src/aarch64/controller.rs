//! The interrupt controller: a GIC of version 3 or 2. A firmware carries one of them.
//!
//! What is the monitor's is in group 0, which reaches EL3 as FIQ whatever Linux has masked: the secure timer,
//! interrupts between cores, the lines of programs, the monitor's serial port. Linux's lines are in the
//! non-secure group 1, which shows only while it is live on the core.

mod distributor;
pub mod filter;
#[cfg(feature = "gicv2")]
mod gicv2;
#[cfg(not(feature = "gicv2"))]
mod gicv3;
mod private;
#[cfg(feature = "gicv2")]
use gicv2 as version;
#[cfg(not(feature = "gicv2"))]
use gicv3 as version;
pub use private::Private;
pub use version::{
    Gate, Kept, VERSION, Virtual, carry_out, interface_of, shared_register, virtual_interface,
};

/// The board's interrupt controller: what both versions do alike is in [`distributor`].
pub struct Controller;

/// What a program finds on its first interrupt of a kind; those of a second program on the core follow.
pub mod software {
    /// Its timer fired.
    pub const TIMER: u32 = 8;
    /// A line of its is pending, or a notice.
    pub const LINE: u32 = 9;
    /// Another virtual core of its partition called.
    pub const CALL: u32 = 10;
    /// The distance to those of the next program.
    pub const STRIDE: u32 = 3;
    /// The most programs on a core that get interrupts.
    pub const PROGRAMS: u32 = 2;
}

/// The interrupt that cores raise for each other.
const BETWEEN_CORES: u32 = 15;
/// Software interrupts that belong to programs.
const OF_PROGRAMS: u32 = 0x3f00;

/// The priority of what is the monitor's own: the highest.
const OWN_PRIORITY: u8 = 0x00;
/// The priority of programs' lines. A program that masks interrupts by priority does not mask those of more
/// critical ones, as long as it leaves this one and the one above.
const LINE_PRIORITY: u8 = 0x10;
/// The priority of the serial port.
const CONSOLE_PRIORITY: u8 = 0x18;
/// The priority of what programs get.
const PROGRAM_PRIORITY: u8 = 0xa0;
