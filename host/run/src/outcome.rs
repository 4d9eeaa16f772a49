//! What comes of a run.

use crate::joiner::Line;
use crate::qemu::QemuError;
use crate::report::Report;
use crate::script::Step;
use crate::splitter::Source;
use crate::status::StatusError;
use partita_image::ImageError;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// Why a run could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The system image cannot be packed.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// There is no QEMU to run it.
    #[error(transparent)]
    Qemu(#[from] QemuError),
    /// Something of the host failed.
    #[error("cannot {what}: {error}")]
    Host {
        /// What was tried.
        what: &'static str,
        /// What the operating system said.
        error: io::Error,
    },
    /// The shift makes no sense.
    #[error("the instruction shift {0} is too large; at most 10 works")]
    Shift(u8),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The monitor ended it and told its status.
    Reported,
    /// QEMU ended, but the monitor told no status, or none that can be read.
    NoStatus {
        /// How QEMU ended; `None` if it had to be killed.
        exit: Option<ExitStatus>,
        /// Why its status cannot be read, if it told one.
        error: Option<StatusError>,
    },
    /// The monitor did not start the system or could not go on, and said why; nothing ends this board's QEMU then.
    Stopped,
    /// It was given up after this time on the wall.
    TimedOut(Duration),
    /// It was to be ended, but the monitor did not answer, or the user did not want to wait.
    Killed,
}

impl std::fmt::Display for End {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reported => formatter.write_str("the monitor ended the run"),
            Self::NoStatus {
                error: Some(error), ..
            } => write!(formatter, "{error}"),
            Self::NoStatus {
                exit: Some(exit),
                error: None,
            } => {
                write!(
                    formatter,
                    "the machine ended without a status of the monitor ({exit})"
                )
            }
            Self::NoStatus {
                exit: None,
                error: None,
            } => formatter.write_str("the machine closed its console and went on; it was killed"),
            Self::Stopped => formatter.write_str("the monitor stopped, and its last line says why"),
            Self::TimedOut(time) => write!(
                formatter,
                "the run was given up after {} s; a larger --timeout gives it longer",
                time.as_secs()
            ),
            Self::Killed => {
                formatter.write_str("QEMU was killed before the monitor had ended the run")
            }
        }
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// The report; there is one if the monitor told its status.
    pub report: Option<Report>,
    /// All lines, if the options say so; else only the last ones.
    pub lines: Vec<Line>,
    /// What QEMU itself had to say.
    pub diagnostics: String,
    /// The steps of the script that were not reached.
    pub script_left: Vec<Step>,
}

impl Outcome {
    /// Whether the run came to its end and the system was healthy all the while.
    pub fn is_healthy(&self) -> bool {
        self.end == End::Reported && self.report.as_ref().is_some_and(|report| report.healthy)
    }

    /// The texts of one source's lines.
    pub fn texts(&self, source: Source) -> impl Iterator<Item = &str> {
        let own = move |line: &&Line| line.source == source;
        self.lines.iter().filter(own).map(|line| line.text.as_str())
    }
}
