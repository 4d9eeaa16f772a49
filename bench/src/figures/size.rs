//! The monitor's size.

use super::runs::Runs;
use crate::environment::Environment;
use crate::figure::{Figure, Section, Table};
use crate::render::grouped;
use crate::symbols::Symbols;

/// How many functions to list.
const LISTED: usize = 15;

/// The boards whose largest functions are listed.
const DETAILED: [&str; 2] = ["qemu-virt-riscv64", "qemu-virt-aarch64"];

/// What is compiled for one way alone to keep partitions apart on Arm, by its modules. A part of a function of both that was
/// compiled into it is not seen.
const SHAPES: [(&str, &[&str]); 3] = [
    (
        "instructions of the stage-2 shape alone",
        &[
            "arch::breakpoints",
            "arch::controller::filter",
            "arch::controller::private",
            "virtual_interface",
            "arch::guest::",
            "arch::hypervisor",
            "partita_virtual_aarch64::abort",
            "partita_virtual_aarch64::gic",
        ],
    ),
    (
        "instructions of the TrustZone shape alone",
        &[
            "arch::secure_hypervisor",
            "arch::scalable",
            "reset_hypervisor",
            "arch::trap::hand_on",
        ],
    ),
    (
        "instructions for an IOMMU alone",
        &["arch::smmu", "partita_virtual_aarch64::smmu"],
    ),
];

pub fn section(environment: &Environment, _: &Runs) -> anyhow::Result<Section> {
    let mut figures = Vec::new();
    let mut tables = Vec::new();
    let boards = partita_board::ALL.iter();
    for board in boards.filter(|board| environment.measures(board.name)) {
        let file = environment.monitor_of(board.name)?;
        let monitor = partita_image::Monitor::parse(&file, board)?;
        let text = monitor.text_bytes as f64;
        figures.extend([
            Figure::new(
                format!("`{}`: text and read-only data", board.name),
                text,
                "bytes",
            )
            .at_most(board.architecture.monitor_text_bytes() as f64),
            Figure::new(
                format!("`{}`: data, zeroed data and stacks", board.name),
                monitor.data_bytes as f64,
                "bytes",
            ),
        ]);
        let symbols = Symbols::read(&file)?;
        if board.architecture.aarch64().is_some() {
            figures.extend(SHAPES.iter().map(|(shape, modules)| {
                let bytes = symbols.bytes_of(modules) as f64;
                Figure::new(format!("`{}`: {shape}", board.name), bytes, "bytes")
            }));
        }
        if DETAILED.contains(&board.name) {
            tables.push(largest(board.name, &symbols));
        }
    }
    Ok(Section {
        name: "size",
        title: "Size of the monitor",
        figures,
        notes: Vec::new(),
        tables,
    })
}

/// The largest functions of a board's monitor.
fn largest(board: &str, symbols: &Symbols) -> Table {
    let rows = symbols.largest(LISTED).into_iter().map(|(name, size)| {
        vec![
            format!("`{name}`"),
            grouped(i64::try_from(size).unwrap_or(i64::MAX)),
        ]
    });
    Table {
        title: format!("The largest functions on `{board}`:"),
        columns: vec!["function", "bytes"],
        rows: rows.collect(),
    }
}
