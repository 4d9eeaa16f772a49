//! The QEMU process: it never outlives the one who started it.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A running QEMU. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct QemuProcess {
    child: Child,
}

/// QEMU's ends of our pipes.
pub(crate) struct Pipes {
    pub(crate) input: ChildStdin,
    pub(crate) output: ChildStdout,
    pub(crate) errors: ChildStderr,
}

impl QemuProcess {
    /// Starts QEMU in a process group of its own, so that Ctrl-C at the terminal reaches us alone.
    ///
    /// `port` is QEMU's end of a partition's own serial port. It is open in QEMU under its own number.
    pub(crate) fn start(
        program: &Path,
        arguments: &[OsString],
        port: Option<OwnedFd>,
    ) -> io::Result<(Self, Pipes)> {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        die_with_parent(&mut command);
        if let Some(port) = port {
            inherit(&mut command, port);
        }
        let mut child = command.spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let process = Self { child };
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(io::Error::other("a pipe to QEMU is missing"));
        };
        // A full pipe would hold up the machine's serial port and so change what the guests see of
        // it. A smaller pipe than this one works too, so a refusal does not matter.
        #[cfg(target_os = "linux")]
        let _ = rustix::pipe::fcntl_setpipe_size(&output, 1 << 20);
        Ok((
            process,
            Pipes {
                input,
                output,
                errors,
            },
        ))
    }

    /// Waits for its end for at most `patience`, then kills it.
    pub(crate) fn end(&mut self, patience: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        while start.elapsed() < patience {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Ok(Some(status)) => return Some(status),
                Err(_) => break,
            }
        }
        self.kill();
        None
    }

    /// Kills it and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        // Both fail only if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for QemuProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Has the kernel kill the child of `command` when the thread that starts it ends, even by SIGKILL. Elsewhere than
/// on Linux the child goes on.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub fn die_with_parent(command: &mut Command) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
    let parent = getpid();
    let set = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the call.
        if getppid() == Some(parent) {
            Ok(())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    };
    // SAFETY: the closure runs between fork and exec, where only async-signal-safe work is allowed
    // (`CommandExt::pre_exec`): it makes two plain system calls and neither allocates nor locks.
    unsafe {
        command.pre_exec(set);
    }
}

/// Leaves `file` open in the child of `command`.
#[allow(unsafe_code)]
fn inherit(command: &mut Command, file: OwnedFd) {
    // SAFETY: the closure runs between fork and exec, where only async-signal-safe work is allowed
    // (`CommandExt::pre_exec`): it makes a plain system call and neither allocates nor locks.
    unsafe {
        command.pre_exec(move || {
            rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty())?;
            Ok(())
        });
    }
}

/// Does nothing: only Linux can end a child with its parent.
#[cfg(not(target_os = "linux"))]
pub fn die_with_parent(_command: &mut Command) {}
