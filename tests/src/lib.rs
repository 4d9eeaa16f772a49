//! Systems booted in QEMU and judged from outside.
//!
//! A test writes a manifest, runs it and looks at what came of it: the console lines and the report.
//! Time is the machine's, counted in instructions, so a test has the same outcome on every host and
//! under any load; the clock on the wall only ends a run that hangs.
#![forbid(unsafe_code)]

mod checks;
pub mod cockpit;
mod debugger;
mod flat;
pub mod machine;
mod parent;
mod run;
mod slots;
mod system;

pub use debugger::Debugger;
pub use run::Run;
pub use system::{System, monitor_text_bytes};
