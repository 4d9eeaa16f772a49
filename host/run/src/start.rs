//! Starts a run: an image on disk, QEMU, the threads and the terminal around it.

use crate::Sink;
use crate::options::{Clock, Input, RunOptions};
use crate::outcome::{Outcome, RunError};
use crate::process::QemuProcess;
use crate::qemu::{Files, Qemu};
use crate::report::{ClockMode, ClockReport};
use crate::session::Session;
use crate::system::System;
use crate::terminal::RawTerminal;
use crate::threads::Threads;
use partita_abi::image::RunParameters;
use partita_image::SystemImage;
use partita_manifest::Plan;
use std::io::Write as _;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use tempfile::NamedTempFile;

/// Packs and runs a system.
///
/// # Errors
/// The run could not be started. How a run that was started ended is in its outcome.
pub fn run(
    plan: &Plan,
    monitor_elf: &[u8],
    options: RunOptions,
    sink: &mut dyn Sink,
) -> Result<Outcome, RunError> {
    run_image(plan, partita_image::pack(plan, monitor_elf)?, options, sink)
}

/// Runs a system from an image that is packed already.
///
/// # Errors
/// The run could not be started.
pub fn run_image(
    plan: &Plan,
    mut image: SystemImage,
    options: RunOptions,
    sink: &mut dyn Sink,
) -> Result<Outcome, RunError> {
    let shift = options.shift_for(plan.running_cores());
    if let Some(shift) = shift.filter(|shift| *shift > 10) {
        return Err(RunError::Shift(shift));
    }
    let qemu = Qemu::find(plan, options.qemu.as_deref())?;
    if let Some(end) = options.end {
        let end_ns = u64::try_from(end.as_nanos()).unwrap_or(u64::MAX);
        image.with_run_parameters(RunParameters {
            magic: RunParameters::MAGIC,
            end_ns,
        });
    }
    let host = |what| move |error| RunError::Host { what, error };
    let file = temporary(image.bytes())?;
    let normal = image.normal().map(temporary).transpose()?;
    drop(image);
    let clock = ClockReport {
        mode: match options.clock {
            Clock::Virtual => ClockMode::Virtual,
            Clock::Host => ClockMode::Host,
        },
        shift,
        slice_us: options.slice_for(plan.running_cores()),
    };
    let (own, theirs) = match plan.own_console() {
        Some(_) => {
            let pair = UnixStream::pair().map_err(host("make a socket for a serial port"))?;
            (Some(pair.0), Some(OwnedFd::from(pair.1)))
        }
        None => (None, None),
    };
    let port = theirs.as_ref().map_or(0, AsRawFd::as_raw_fd);
    let port = format!("socket,fd={port}");
    let files = Files {
        image: file.path(),
        normal: normal.as_ref().map(NamedTempFile::path),
    };
    let arguments = qemu.arguments(plan, &files, &port, &options);
    let (process, pipes) =
        QemuProcess::start(qemu.program(), &arguments, theirs).map_err(host("start QEMU"))?;
    let threads = Threads::start(pipes, own, options.input, options.signals)
        .map_err(host("watch for signals"))?;
    let terminal = match options.input {
        Input::Keys => Some(RawTerminal::take().map_err(host("take over the terminal"))?),
        Input::None | Input::Pipe => None,
    };
    let session = Session::new(
        plan,
        &options,
        process,
        &threads,
        [Some(file), normal],
        sink,
    );
    let outcome = session.run(&threads, options.patience(), &System::from(plan), clock);
    drop(terminal);
    Ok(outcome)
}

/// A file of a system image, on disk as long as QEMU needs it.
fn temporary(bytes: &[u8]) -> Result<NamedTempFile, RunError> {
    let host = |what| move |error| RunError::Host { what, error };
    let mut file = tempfile::Builder::new()
        .prefix("partita-")
        .suffix(".img")
        .tempfile()
        .map_err(host("make a temporary file for the system image"))?;
    file.write_all(bytes)
        .map_err(host("write the system image to a temporary file"))?;
    Ok(file)
}
