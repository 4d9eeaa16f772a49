//! A crash for a person.

use crate::crash::{Crash, Frame, FrameSource};
use crate::style::{BOLD, DIM, paint};
use std::fmt::Write as _;

/// Writing to a string cannot fail.
macro_rules! line {
    ($out:expr) => {{ let _ = writeln!($out); }};
    ($out:expr, $($argument:tt)*) => {{ let _ = writeln!($out, $($argument)*); }};
}

/// How many words of the stack stand in a row.
const WORDS_IN_ROW: usize = 4;

/// A crash as text, in colours if they are wanted.
pub fn show(crash: &Crash, color: bool) -> String {
    let mut out = String::new();
    let title = format!("{}: {}", crash.partition, crash.kind);
    line!(
        out,
        "{}, {} s, {}",
        paint(color, BOLD, &title),
        seconds(crash.time_ns),
        follows(&crash.action)
    );
    line!(out, "  it {}", crash.text);
    let mode = match crash.supervisor {
        Some(true) => ", privileged",
        Some(false) => ", in user mode",
        None => "",
    };
    line!(
        out,
        "  in its life {}, on core {} (its own number {}){mode}",
        crash.boots,
        crash.core,
        crash.virtual_core
    );
    match crash.board_starts {
        0 => {}
        1 => line!(out, "  before the board was last started"),
        starts => line!(out, "  {starts} starts of the board ago"),
    }
    backtrace(crash, color, &mut out);
    registers(crash, color, &mut out);
    trace(crash, color, &mut out);
    stack(crash, color, &mut out);
    out
}

fn seconds(time_ns: u64) -> String {
    format!(
        "{}.{:06}",
        time_ns / 1_000_000_000,
        time_ns % 1_000_000_000 / 1000
    )
}

fn follows(action: &str) -> &str {
    match action {
        "log" => "left to the partition itself",
        "restart" => "then restarted",
        "halt" => "then stopped",
        "stop-system" => "then the system was stopped",
        "reset-system" => "then the board was reset",
        other => other,
    }
}

fn backtrace(crash: &Crash, color: bool, out: &mut String) {
    if crash.registers.is_empty() {
        line!(
            out,
            "\n  Its registers are not known: it was not on the core that found this."
        );
        return;
    }
    let is_framed = |frame: &Frame| matches!(frame.source, FrameSource::FramePointer { .. });
    let how = if crash.backtrace.iter().any(is_framed) {
        " (by frame pointers)"
    } else {
        " (below the first line: addresses behind calls, some may be left over)"
    };
    line!(
        out,
        "\n{}{}",
        paint(color, BOLD, "Backtrace"),
        paint(color, DIM, how)
    );
    let width = crash
        .backtrace
        .iter()
        .filter_map(|frame| frame.function.as_ref());
    let width = width.map(|name| name.chars().count()).max().unwrap_or(0);
    for Frame {
        address,
        source,
        function,
        line,
    } in &crash.backtrace
    {
        let source = match source {
            FrameSource::ProgramCounter => "pc".to_owned(),
            FrameSource::ReturnAddress => crash.return_name.to_owned(),
            FrameSource::FramePointer { offset } | FrameSource::Stack { offset } => {
                format!("sp+{offset:#x}")
            }
        };
        let function = function.as_deref().unwrap_or("");
        let line = paint(color, DIM, line.as_deref().unwrap_or(""));
        let text = format!("  {source:<9}{address:<18}  {function:<width$}  {line}");
        line!(out, "{}", text.trim_end());
    }
}

fn registers(crash: &Crash, color: bool, out: &mut String) {
    if crash.registers.is_empty() {
        return;
    }
    line!(out, "\n{}", paint(color, BOLD, "Registers"));
    for register in &crash.registers {
        let value = register.value.trim_start_matches("0x");
        let meaning = register.meaning.as_deref().unwrap_or("");
        let text = format!(
            "  {:<8} {value:0>16}  {}",
            register.name,
            paint(color, DIM, meaning)
        );
        line!(out, "{}", text.trim_end());
    }
}

fn trace(crash: &Crash, color: bool, out: &mut String) {
    if crash.trace.is_empty() {
        return;
    }
    line!(
        out,
        "\n{}",
        paint(color, BOLD, "What the monitor did for it last")
    );
    for entry in &crash.trace {
        line!(
            out,
            "  {:>14} s  core {}  {}",
            seconds(entry.time_ns),
            entry.core,
            entry.text
        );
    }
}

fn stack(crash: &Crash, color: bool, out: &mut String) {
    if crash.stack.is_empty() {
        return;
    }
    line!(
        out,
        "\n{}",
        paint(color, BOLD, "Stack, from its pointer upwards")
    );
    for (row, words) in crash.stack.chunks(WORDS_IN_ROW).enumerate() {
        let words = words.iter().map(|word| word.trim_start_matches("0x"));
        let words: Vec<String> = words.map(|word| format!("{word:0>16}")).collect();
        line!(
            out,
            "  +{:03x}  {}",
            row * WORDS_IN_ROW * 8,
            words.join(" ")
        );
    }
}
