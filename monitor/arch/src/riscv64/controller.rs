//! The board's interrupt controller. Each kind offers the same names, and a firmware carries one: which, its
//! board's package says by a feature of this crate.

#[cfg(feature = "aia")]
mod aia;
#[cfg(feature = "aia")]
use aia as chosen;

#[cfg(not(feature = "aia"))]
mod plic;
#[cfg(not(feature = "aia"))]
use plic as chosen;

pub use chosen::{Controller, Filter, Gate, Kept, answer_request, filter, read, window, write};
