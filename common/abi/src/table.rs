//! The system table: a manifest in its checked, binary form.
//!
//! The table is a [`Header`] and eight arrays behind it. It holds no pointers, only indexes, physical
//! addresses and sizes. [`SystemTable::parse`] proves the *structure*: magic, version, sizes, every
//! index in range. It does not prove that the contents make sense together: the monitor checks the
//! hash and the contents again before it starts anything.

/// Gives types the way back from the number that stands for a value in the table.
macro_rules! from_number {
    ($($type:ident: $($variant:ident),+;)+) => {$(
        impl $type {
            /// The value with this number in the table.
            pub const fn from_number(number: u8) -> Option<Self> {
                $(if number == Self::$variant as u8 { return Some(Self::$variant); })+
                None
            }
        }
    )+};
}

mod check;
mod device;
mod error;
mod header;
mod image_part;
mod memory;
mod partition;
mod stream;
#[cfg(test)]
mod tests;
mod view;
mod virtual_core;

pub use device::{DeviceReset, Line, Route};
pub use error::TableError;
pub use header::{Header, Span, entries};
pub use image_part::{ImagePart, PartRole};
pub use memory::{Protection, Region, RegionKind};
pub use partition::{
    Console, FloatingPoint, Isolation, Kind, Partition, Response, Restart, WatchdogStart,
};
pub use stream::Streams;
pub use view::SystemTable;
pub use virtual_core::VirtualCore;
