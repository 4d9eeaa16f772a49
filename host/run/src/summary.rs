//! A report for a person to read.

use crate::report::{ClockMode, PartitionReport, Report};
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;

/// The most events of one partition that the summary tells one by one.
const MAX_EVENTS: usize = 5;

/// The summary of a run: who ran, how well, and the verdict.
///
/// `partitions` gives the order of the partitions, by name, and how many cores each may use.
pub fn summary(report: &Report, partitions: &[(&str, usize)], color: bool) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(report, partitions, color, &mut text);
    text
}

fn write(
    report: &Report,
    partitions: &[(&str, usize)],
    color: bool,
    text: &mut String,
) -> std::fmt::Result {
    let paint = |style: Style, words: &str| {
        if color {
            format!("{style}{words}{style:#}")
        } else {
            words.to_owned()
        }
    };
    let bold = Style::new().bold();
    let title = format!("{} on {}", report.system, report.board);
    writeln!(
        text,
        "\n{}: {} of {}",
        paint(bold, &title),
        time(report.virtual_ns),
        clock(report)
    )?;

    let width = report
        .partitions
        .keys()
        .map(String::len)
        .max()
        .unwrap_or(0)
        .max(9);
    let head = format!(
        "  {:width$}  {:9}  {:8}  {:>5}  {:>12}  {:>6}  {:>13}  {:>9}  {:>5}",
        "partition",
        "level",
        "state",
        "boots",
        "deadlines",
        "missed",
        "worst wake-up",
        "CPU",
        "share"
    );
    writeln!(text, "\n{}", paint(bold, &head))?;
    for (name, cores) in partitions {
        let Some(partition) = report.partitions.get(*name) else {
            continue;
        };
        let deadlines = partition.deadlines;
        let reported = deadlines.met != 0 || deadlines.missed != 0;
        let or_dash = |value: String| if reported { value } else { "-".to_owned() };
        let available = report
            .virtual_ns
            .saturating_mul((*cores).max(1) as u64)
            .max(1);
        let share = partition.cpu_ns as f64 * 100.0 / available as f64;
        writeln!(
            text,
            "  {name:width$}  {:9}  {:8}  {:>5}  {:>12}  {:>6}  {:>13}  {:>9}  {share:>4.1}%",
            partition.criticality,
            partition.state,
            partition.boots,
            or_dash(format!("{} met", deadlines.met)),
            or_dash(deadlines.missed.to_string()),
            or_dash(time(partition.worst_wakeup_ns)),
            time(partition.cpu_ns),
        )?;
    }

    writeln!(
        text,
        "\n{}",
        paint(
            bold,
            "  core       switches  instructions per switch       idle"
        )
    )?;
    for (core, numbers) in &report.cores {
        let length = match numbers.switch_instructions {
            Some(length) => format!("median {}, worst {}", length.p50, length.max),
            None => "-".to_owned(),
        };
        let idle = time(numbers.idle_ns);
        writeln!(
            text,
            "  {core:<4}  {:>13}  {length:>23}  {idle:>9}",
            numbers.switches
        )?;
    }

    for (name, _) in partitions {
        let Some(partition) = report.partitions.get(*name) else {
            continue;
        };
        events(name, partition, text)?;
    }
    let good = Style::new().bold().fg_color(Some(AnsiColor::Green.into()));
    let bad = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    if report.healthy {
        writeln!(text, "\n{}", paint(good, "healthy"))
    } else {
        writeln!(
            text,
            "\n{}: {}",
            paint(bad, "NOT healthy"),
            report.reasons.join("; ")
        )
    }
}

fn events(name: &str, partition: &PartitionReport, text: &mut String) -> std::fmt::Result {
    let told = partition.events.len().min(MAX_EVENTS);
    let skipped = (partition.events_total as usize).saturating_sub(told);
    let latest = partition.events.iter().skip(partition.events.len() - told);
    for (index, event) in latest.enumerate() {
        let lead = if index == 0 { "\n" } else { "" };
        writeln!(
            text,
            "{lead}  {:>12}  {name} {}",
            seconds(event.time_ns),
            event.text
        )?;
    }
    if skipped != 0 {
        writeln!(
            text,
            "  {:>12}  {name}: {skipped} earlier health events",
            ""
        )?;
    }
    Ok(())
}

fn clock(report: &Report) -> String {
    match (report.clock.mode, report.clock.shift) {
        (ClockMode::Virtual, Some(shift)) => {
            let slice = match report.clock.slice_us {
                Some(slice) => format!(", cores take turns of {slice} µs"),
                None => String::new(),
            };
            format!(
                "virtual time ({} ns for each instruction{slice})",
                1_u64 << shift.min(63)
            )
        }
        _ => "the host's time (deadlines are informative only)".to_owned(),
    }
}

/// Nanoseconds as a person reads them.
pub(crate) fn time(ns: u64) -> String {
    let value = ns as f64;
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} µs", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", value / 1e6),
        _ => format!("{:.2} s", value / 1e9),
    }
}

fn seconds(ns: u64) -> String {
    format!("{}.{:06} s", ns / 1_000_000_000, ns % 1_000_000_000 / 1_000)
}
