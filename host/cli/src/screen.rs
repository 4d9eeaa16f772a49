//! What goes to the user: results to standard output, all else to standard error.

use crate::arguments::Color;
use std::io::{self, IsTerminal as _, Write as _};

/// The two streams and what may go to them.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Whether standard output takes colours.
    pub color: bool,
    /// Whether standard error takes colours.
    pub error_color: bool,
    quiet: bool,
}

impl Screen {
    /// Decides on colours, once.
    pub fn new(color: Color, quiet: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let decide = |terminal: bool| match color {
            Color::Auto => terminal && wanted,
            Color::Always => true,
            Color::Never => false,
        };
        Self {
            color: decide(io::stdout().is_terminal()),
            error_color: decide(io::stderr().is_terminal()),
            quiet,
        }
    }

    /// Whether the user wants results and errors only.
    pub const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints a result. A reader who has gone (`| head`) has seen enough.
    pub fn result(&self, text: &str) -> io::Result<()> {
        let mut output = io::stdout().lock();
        match output
            .write_all(text.as_bytes())
            .and_then(|()| output.flush())
        {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// Tells how things are going.
    pub fn status(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// Prints diagnostics that are complete as they are.
    pub fn diagnostics(&self, text: &str) {
        eprint!("{text}");
        if !text.is_empty() && !text.ends_with('\n') {
            eprintln!();
        }
    }

    /// Tells why something did not work.
    pub fn error(&self, text: &str) {
        let (start, end) = if self.error_color {
            ("\x1b[1;31m", "\x1b[0m")
        } else {
            ("", "")
        };
        eprintln!("{start}error{end}: {text}");
    }
}
