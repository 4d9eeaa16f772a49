//! The monitor's size.

use super::runs::Runs;
use crate::environment::Environment;
use crate::figure::{Figure, Section, Table};
use crate::render::grouped;
use crate::symbols::Symbols;

/// How many functions to list.
const LISTED: usize = 15;

pub fn section(environment: &Environment, _: &Runs) -> anyhow::Result<Section> {
    let monitor =
        partita_image::Monitor::parse(&environment.monitor, &partita_board::QEMU_VIRT_RISCV64)?;
    let symbols = Symbols::read(&environment.monitor)?;
    let largest = symbols.largest(LISTED);
    let rows = largest.into_iter().map(|(name, size)| {
        vec![
            format!("`{name}`"),
            grouped(i64::try_from(size).unwrap_or(i64::MAX)),
        ]
    });
    let text = monitor.text_bytes as f64;
    Ok(Section {
        name: "size",
        title: "Size of the monitor",
        figures: vec![
            Figure::new("text and read-only data", text, "bytes")
                .at_most(partita_board::MONITOR_TEXT_BYTES as f64),
            Figure::new(
                "data, zeroed data and stacks",
                monitor.data_bytes as f64,
                "bytes",
            ),
        ],
        notes: Vec::new(),
        tables: vec![Table {
            title: "The largest functions:".to_owned(),
            columns: vec!["function", "bytes"],
            rows: rows.collect(),
        }],
    })
}
