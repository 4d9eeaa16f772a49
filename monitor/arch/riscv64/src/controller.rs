//! The board's interrupt controller. Each kind offers the same names, and a firmware carries one.

mod plic;

pub use plic::{Controller, Filter, Gate, Kept, answer_request, filter, read, window, write};
