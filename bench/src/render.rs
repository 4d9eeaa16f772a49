//! RESULTS.md and results.json.

use crate::environment::Environment;
use crate::figure::{Figure, Section, Table, Verdict};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The results for people.
pub fn markdown(environment: &Environment, sections: &[Section], whole: bool) -> String {
    let mut text = String::from("# What was measured\n\n");
    text.push_str(
        "Written by `cargo xtask bench`; do not edit. Every figure is a count of instructions or virtual\n\
         time, none is the time of a real board, and none depends on the computer that runs this.\n\
         [README.md](README.md) tells how each is counted.\n\n",
    );
    if !whole {
        text.push_str("**Not the whole measurement:** `--quick` or `--only` was given.\n\n");
    }
    let _ = writeln!(text, "- QEMU {}", environment.qemu_version);
    let _ = writeln!(
        text,
        "- Linux {}, unmodified, with the initramfs of `guest/linux`",
        environment.kernel_version
    );
    let figures = || sections.iter().flat_map(|section| &section.figures);
    let count = |verdict| {
        figures()
            .filter(|figure| figure.verdict() == verdict)
            .count()
    };
    let _ = writeln!(
        text,
        "- {} targets reached, {} missed\n",
        count(Verdict::Pass),
        count(Verdict::Fail)
    );
    for section in sections {
        let _ = writeln!(text, "## {}\n", section.title);
        let _ = writeln!(text, "| figure | value | target | |\n|---|--:|--:|---|");
        for figure in &section.figures {
            let _ = writeln!(text, "{}", row(figure));
        }
        text.push('\n');
        for note in &section.notes {
            let _ = writeln!(text, "{note}\n");
        }
        for details in &section.tables {
            table(&mut text, details);
        }
        let _ = writeln!(
            text,
            "Repeat with `cargo xtask bench --only {}`.\n",
            section.name
        );
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// The results for tools.
pub fn json(environment: &Environment, sections: &[Section], whole: bool) -> Value {
    let section = |section: &Section| {
        let figures: Vec<_> = section
            .figures
            .iter()
            .map(|figure| {
                json!({
                    "name": figure.name,
                    "value": figure.value,
                    "unit": figure.unit,
                    "target_at_most": figure.most,
                    "verdict": figure.verdict(),
                })
            })
            .collect();
        json!({
            "name": section.name,
            "title": section.title,
            "figures": figures,
            "notes": section.notes,
            "tables": section.tables,
        })
    };
    json!({
        "whole": whole,
        "qemu": environment.qemu_version,
        "kernel": environment.kernel_version,
        "sections": sections.iter().map(section).collect::<Vec<_>>(),
    })
}

fn row(figure: &Figure) -> String {
    let target = figure.most.map_or(String::new(), |most| {
        format!("≤ {}", amount(most, figure.unit))
    });
    let value = amount(figure.value, figure.unit);
    format!(
        "| {} | {value} | {target} | {} |",
        figure.name,
        figure.verdict().word()
    )
}

fn table(text: &mut String, table: &Table) {
    let _ = writeln!(text, "{}\n", table.title);
    let _ = writeln!(text, "| {} |", table.columns.join(" | "));
    // Numbers stand at the right: all columns but those that hold words.
    let is_number = |column: usize| {
        table
            .rows
            .iter()
            .all(|row| row[column].starts_with(|first: char| first.is_ascii_digit()))
    };
    let rules =
        (0..table.columns.len()).map(|column| if is_number(column) { "--:" } else { "---" });
    let _ = writeln!(text, "|{}|", rules.collect::<Vec<_>>().join("|"));
    for row in &table.rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text.push('\n');
}

/// A value with its unit.
fn amount(value: f64, unit: &str) -> String {
    if value.is_nan() {
        return "not measured".to_owned();
    }
    match unit {
        "%" => format!("{value:.3} %"),
        "µs" => format!("{value:.1} µs"),
        "" => grouped(value.round() as i64),
        _ => format!("{} {unit}", grouped(value.round() as i64)),
    }
}

/// A whole number with its digits in groups of three.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    if number < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index != 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{amount, grouped, row};
    use crate::figure::Figure;

    #[test]
    fn digits_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(-1_234_567), "-1,234,567");
    }

    #[test]
    fn a_missed_target_stands_out() {
        let figure = Figure::instructions("latency", 451).at_most(400.0);
        assert_eq!(
            row(&figure),
            "| latency | 451 instructions | ≤ 400 instructions | **FAIL** |"
        );
    }

    #[test]
    fn what_was_not_measured_is_said_so() {
        assert_eq!(amount(f64::NAN, "%"), "not measured");
        assert_eq!(amount(0.12345, "%"), "0.123 %");
    }
}
