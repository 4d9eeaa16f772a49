//! Running other programs, with their output kept for the moment it explains a failure.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::progress;

/// A command line as a person would type it.
pub fn show(command: &Command) -> String {
    let mut words = vec![command.get_program().to_owned()];
    words.extend(command.get_args().map(OsString::from));
    words
        .iter()
        .map(|word| quote(&word.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ")
}

fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%~".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Runs a program that talks to the person itself; an unsuccessful end is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("`{}` failed ({status})", show(command));
    }
    Ok(())
}

/// Runs a program that talks to the person itself and returns how it ended.
pub fn status(command: &mut Command) -> Result<ExitStatus> {
    let line = show(command);
    command
        .status()
        .with_context(|| format!("cannot start `{line}`"))
}

/// Runs a quiet program and returns what it printed; an unsuccessful end is an error.
pub fn output(command: &mut Command) -> Result<String> {
    Ok(String::from_utf8_lossy(&output_bytes(command)?).into_owned())
}

/// As [`output`], for what is no text.
pub fn output_bytes(command: &mut Command) -> Result<Vec<u8>> {
    let line = show(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` failed ({}): {}", output.status, reason.trim());
    }
    Ok(output.stdout)
}

/// Runs a program that takes long: its output goes to `log`, the time it takes is shown.
pub fn run_logged(command: &mut Command, log: &Path) -> Result<()> {
    let line = show(command);
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let file =
        File::create(log).with_context(|| format!("cannot write the log {}", log.display()))?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let start = Instant::now();
    let mut shown = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let seconds = start.elapsed().as_secs();
        if seconds > shown {
            shown = seconds;
            progress::waiting(seconds);
        }
        thread::sleep(Duration::from_millis(50));
    };
    if shown > 0 {
        progress::end_waiting();
    }
    if !status.success() {
        let text = fs::read_to_string(log).unwrap_or_default();
        bail!(
            "`{line}` failed ({status}); the end of {}:\n{}",
            log.display(),
            tail(&text, 15)
        );
    }
    Ok(())
}

fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Becomes the program, so that Ctrl-C and the exit status are its own.
pub fn replace_by(command: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    let line = show(command);
    // Returns only where the program could not be started.
    Err(command.exec()).with_context(|| format!("cannot start `{line}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_command_can_be_pasted_into_a_shell() {
        let mut command = Command::new("apt-get");
        command.args(["-oDir::Cache=/a b", "install", "it's"]);
        assert_eq!(
            show(&command),
            r"apt-get '-oDir::Cache=/a b' install 'it'\''s'"
        );
    }

    #[test]
    fn the_tail_of_a_log_is_its_last_lines() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("a\n", 2), "a");
    }
}
