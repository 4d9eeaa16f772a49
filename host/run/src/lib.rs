//! Runs a system image in QEMU, splits its consoles, collects its report.
//!
//! The stream of the one serial port goes through small, pure stages, each of which can be tested with
//! bytes alone: [`splitter`] finds the records, [`joiner`] makes lines of them, [`status`] puts the
//! monitor's status block together, [`report`] says what it means. The session is the only part that
//! waits for anything: QEMU, the keyboard, signals and the clock on the wall.
#![deny(unsafe_code)]

pub mod crash;
pub mod escapes;
pub mod joiner;
pub mod keys;
mod options;
mod outcome;
mod own;
pub mod printer;
mod process;
pub mod qemu;
pub mod report;
pub mod script;
mod session;
pub mod splitter;
mod start;
pub mod status;
mod summary;
mod system;
mod terminal;
mod threads;

pub use joiner::{Line, Piece};
pub use options::{Clock, Input, RunOptions};
pub use outcome::{End, Outcome, RunError};
pub use process::die_with_parent;
pub use qemu::{Files, Qemu, QemuError};
pub use report::{Report, report_schema};
pub use script::{Script, Step};
pub use splitter::Source;
pub use start::{run, run_image};
pub use summary::summary;
pub use system::{PartitionName, System};
pub use terminal::stdin_is_ours;

/// What a run tells while it goes on.
pub trait Sink {
    /// A record came: the beginning, the middle or the end of a line.
    fn piece(&mut self, piece: &Piece<'_>) {
        let _ = piece;
    }

    /// A line is complete. All its pieces were told before.
    fn line(&mut self, line: &Line) {
        let _ = line;
    }

    /// Console input goes to this partition from now on.
    fn focus(&mut self, partition: usize) {
        let _ = partition;
    }

    /// Whether anybody still listens. If not, the run is ended.
    fn wants_more(&self) -> bool {
        true
    }

    /// Something about the run itself, for the person who watches it.
    fn notice(&mut self, text: &str) {
        let _ = text;
    }
}

/// Tells nobody.
impl Sink for () {}
