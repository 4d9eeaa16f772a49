//! Prints the lines of a run, each with its time and a coloured tag.

use crate::Sink;
use crate::escapes::{Filter, Keep};
use crate::joiner::{Line, Piece};
use crate::splitter::Source;
use anstyle::{AnsiColor, Style};
use partita_abi::console::MONITOR;
use std::io::Write;

/// The colours of the partitions' tags, by index.
const PALETTE: [AnsiColor; 8] = [
    AnsiColor::Cyan,
    AnsiColor::Green,
    AnsiColor::Yellow,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::BrightCyan,
    AnsiColor::BrightGreen,
    AnsiColor::BrightMagenta,
];

/// Prints lines as they come.
///
/// When the user types to a console, that console's unfinished line is shown at once: it is a prompt.
/// Lines of others are then printed above it.
pub struct Printer<'a> {
    output: &'a mut dyn Write,
    names: Vec<String>,
    width: usize,
    color: bool,
    live: bool,
    focus: Source,
    /// The unfinished line on the terminal's last row, as printed.
    open: Option<(Filter, String)>,
    failed: bool,
}

impl<'a> Printer<'a> {
    /// A printer for the partitions of these names, in the order of the system table. With `live` the
    /// output is a terminal at which the user types.
    pub fn new(
        output: &'a mut dyn Write,
        names: impl IntoIterator<Item = String>,
        color: bool,
        live: bool,
    ) -> Self {
        let names: Vec<_> = names.into_iter().collect();
        let longest = names.iter().map(String::len).max().unwrap_or(0);
        Self {
            output,
            names,
            width: longest.max(MONITOR.len()),
            color,
            live,
            focus: Source::Machine,
            open: None,
            failed: false,
        }
    }

    fn tag(&self, source: Source, time_ns: u64) -> String {
        let (name, style) = match source {
            Source::Partition(index) => {
                let color = PALETTE.get(index % PALETTE.len()).copied().map(Into::into);
                let name = self.names.get(index).map_or("?", String::as_str);
                (name, Style::new().bold().fg_color(color))
            }
            Source::Monitor => (MONITOR, Style::new().bold()),
            Source::Machine => ("", Style::new()),
        };
        let time = match source {
            Source::Machine => " ".repeat(12),
            _ => format!(
                "{:>5}.{:06}",
                time_ns / 1_000_000_000,
                time_ns % 1_000_000_000 / 1_000
            ),
        };
        let width = self.width;
        if self.color {
            format!("{time} {style}{name:>width$}{style:#} | ")
        } else {
            format!("{time} {name:>width$} | ")
        }
    }

    fn print(&mut self, text: &str) {
        let result = self
            .output
            .write_all(text.as_bytes())
            .and_then(|()| self.output.flush());
        self.failed |= result.is_err();
    }

    /// Prints `text` as lines of their own, above the unfinished line.
    fn print_above(&mut self, text: &str) {
        match self.open.take() {
            None => self.print(text),
            Some((filter, shown)) => {
                self.print(&format!("\r\x1b[K{text}{shown}"));
                self.open = Some((filter, shown));
            }
        }
    }

    /// Leaves the cursor at the start of a row.
    pub fn finish(&mut self) {
        if let Some((mut filter, _)) = self.open.take() {
            let mut end = String::new();
            filter.finish(&mut end);
            end.push('\n');
            self.print(&end);
        }
    }
}

impl Sink for Printer<'_> {
    fn piece(&mut self, piece: &Piece<'_>) {
        if !self.live || piece.source != self.focus || self.failed {
            return;
        }
        let (mut filter, mut shown, mut new) = match self.open.take() {
            Some((filter, shown)) => (filter, shown, String::new()),
            None => (
                Filter::new(Keep::Editing),
                String::new(),
                self.tag(piece.source, piece.time_ns),
            ),
        };
        filter.push(piece.text, &mut new);
        if piece.ends_line {
            filter.finish(&mut new);
            new.push('\n');
            self.print(&new);
        } else {
            self.print(&new);
            shown.push_str(&new);
            self.open = Some((filter, shown));
        }
    }

    fn line(&mut self, line: &Line) {
        if (self.live && line.source == self.focus) || self.failed {
            return;
        }
        // Nobody reads a crash record as it is; in a log it can be found again.
        if self.live && line.source == Source::Monitor && line.text.starts_with("crash ") {
            return;
        }
        let keep = if self.color {
            Keep::Colors
        } else {
            Keep::Nothing
        };
        let tag = self.tag(line.source, line.time_ns);
        self.print_above(&format!(
            "{tag}{}\n",
            Filter::line(line.text.as_bytes(), keep)
        ));
    }

    fn wants_more(&self) -> bool {
        !self.failed
    }

    fn focus(&mut self, partition: usize) {
        if self.focus != Source::Partition(partition) {
            self.finish();
            self.focus = Source::Partition(partition);
        }
    }

    fn notice(&mut self, text: &str) {
        if !self.live {
            eprintln!("{text}");
            return;
        }
        let text = if self.color {
            let dim = Style::new().dimmed();
            format!("{dim}{text}{dim:#}\n")
        } else {
            format!("{text}\n")
        };
        self.print_above(&text);
    }
}
