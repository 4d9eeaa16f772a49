//! Progress lines on standard error: one a step, coloured on a terminal only.

use std::env;
use std::io::{self, IsTerminal, Write};

/// Whether progress may use colours and rewrite its line.
pub fn is_interactive() -> bool {
    io::stderr().is_terminal()
}

fn has_colours() -> bool {
    // https://no-color.org: any non-empty value counts.
    is_interactive() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn line(colour: &str, label: &str, text: &str) {
    // A closed standard error is no reason to stop working.
    let _ = if has_colours() {
        writeln!(io::stderr(), "\x1b[{colour}m{label:>12}\x1b[0m {text}")
    } else {
        writeln!(io::stderr(), "{label:>12} {text}")
    };
}

/// Something that takes time begins.
pub fn step(label: &str, text: &str) {
    line("1;36", label, text);
}

/// Something needed is there.
pub fn ready(label: &str, text: &str) {
    line("1;32", label, text);
}

/// Worth knowing, stops nothing.
pub fn note(text: &str) {
    line("1;33", "note", text);
}

/// The command reached its end.
pub fn done(text: &str) {
    line("1;32", "done", text);
}

/// The command failed.
pub fn failure(text: &str) {
    line("1;31", "error", text);
}

/// Shows how long the current step has been running; overwrites itself on a terminal.
pub fn waiting(seconds: u64) {
    if is_interactive() {
        let _ = write!(io::stderr(), "\r{:>12} {seconds} s", "…");
        let _ = io::stderr().flush();
    } else if seconds.is_multiple_of(15) {
        line("", "…", &format!("{seconds} s"));
    }
}

/// Removes the line that [`waiting`] wrote on a terminal.
pub fn end_waiting() {
    if is_interactive() {
        let _ = write!(io::stderr(), "\r\x1b[K");
        let _ = io::stderr().flush();
    }
}
