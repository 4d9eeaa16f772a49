//! Reads crash records, wherever they were kept, and says what they mean.
//!
//! [`source`] finds the records in a run's report or in what the serial port printed, [`symbols`] knows
//! the names in a partition's program, [`Crash`] is a record with all of it put into words, and
//! [`show`](text::show) prints that for a person.
#![forbid(unsafe_code)]

mod aarch64;
mod crash;
mod riscv64;
pub mod source;
mod style;
pub mod symbols;
pub mod text;
mod view;
mod words;

pub use crash::{Crash, Frame, FrameSource, Register, TraceLine};
pub use source::{SourceError, find};
pub use symbols::{Place, SymbolError, Symbols};
pub use text::show;
