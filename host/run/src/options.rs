//! How a run is to go.

use crate::script::Script;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What drives the machine's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The instructions executed: the same run each time, deadlines count.
    Virtual,
    /// The host's clock: for interactive use, deadlines are informative only.
    Host,
}

/// Where console input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// There is none.
    None,
    /// Standard input, as it comes.
    Pipe,
    /// The keys of the terminal at standard input.
    Keys,
}

/// How a run is to go.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The QEMU program; else `PARTITA_QEMU`, else the board's own one.
    pub qemu: Option<PathBuf>,
    /// What drives the machine's time.
    pub clock: Clock,
    /// For [`Clock::Virtual`]: an instruction takes 2^shift ns; else what suits the number of cores.
    pub shift: Option<u8>,
    /// For [`Clock::Virtual`]: the longest time in µs that one core runs before the next; 0 is none,
    /// and without a value it is what suits the number of cores.
    pub slice_us: Option<u32>,
    /// Machine time at which the monitor ends the run.
    pub end: Option<Duration>,
    /// Time on the wall after which the run is given up; without a value it follows from `end`.
    pub timeout: Option<Duration>,
    /// How long an end that was asked for may go without a sign of life, before QEMU is killed.
    pub end_patience: Duration,
    /// The partition that console input goes to, if it is not the plan's.
    pub console: Option<usize>,
    /// Where console input comes from.
    pub input: Input,
    /// For [`Input::Pipe`]: what the console in focus prints before the pipe is sent to it. A system
    /// forgets what came before it listened.
    pub input_after: Option<String>,
    /// What to type when.
    pub script: Script,
    /// More arguments for QEMU.
    pub extra: Vec<OsString>,
    /// Whether SIGINT, SIGTERM and SIGHUP end the run in an orderly way.
    pub signals: bool,
    /// Whether the outcome holds all lines.
    pub keep_lines: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            qemu: None,
            clock: Clock::Virtual,
            shift: None,
            slice_us: None,
            end: None,
            timeout: None,
            end_patience: Duration::from_secs(5),
            console: None,
            input: Input::None,
            input_after: None,
            script: Script::default(),
            extra: Vec::new(),
            signals: false,
            keep_lines: true,
        }
    }
}

impl RunOptions {
    /// The wall time after which the run is given up: QEMU is slower than its machine by a factor that
    /// depends on the host, so the bound that follows from a virtual time is a generous one.
    pub fn patience(&self) -> Option<Duration> {
        let generous = |end: Duration| Duration::from_secs(120).saturating_add(end * 60);
        self.timeout.or_else(|| self.end.map(generous))
    }

    /// The instruction-counting shift of a machine with this many cores.
    pub fn shift_for(&self, cores: usize) -> Option<u8> {
        match self.clock {
            Clock::Virtual => Some(self.shift.unwrap_or(if cores > 1 { 2 } else { 0 })),
            Clock::Host => None,
        }
    }

    /// The slice of a machine with this many cores, in µs. Under instruction counting QEMU runs the
    /// cores one after the other, and a core's turn ends only at the next timer of the machine: without
    /// a slice interrupts of the others come tens of milliseconds late.
    pub fn slice_for(&self, cores: usize) -> Option<u32> {
        match self.clock {
            Clock::Virtual => {
                let slice = self.slice_us.unwrap_or(if cores > 1 { 20 } else { 0 });
                (slice != 0).then_some(slice)
            }
            Clock::Host => None,
        }
    }
}
