//! A console byte, and other stays in the monitor, on one hart.

use super::runs::{Key, Runs};
use super::stays;
use crate::environment::Environment;
use crate::figure::{Figure, Section};
use crate::system::{FloatingPoint, Target};
use partita_bench_plugin::findings::{Findings, Lengths, Page};

/// What a mediated access to the UART may take.
const MOST: f64 = 250.0;
/// The 16550 has eight registers of one byte each.
const UART_BYTES: u64 = 8;
const RUN: Key = Key::OneHart(Target::VIRT, FloatingPoint::None);

pub fn keys(environment: &Environment) -> Vec<Key> {
    let is_measured = environment.measures(Target::VIRT.board);
    is_measured.then_some(RUN).into_iter().collect()
}

pub fn section(environment: &Environment, runs: &Runs) -> anyhow::Result<Section> {
    if !environment.measures(Target::VIRT.board) {
        return Ok(Section::default());
    }
    let findings = &runs.get(RUN)?.findings;
    let uart = uart(findings).map(|page| page.lengths);
    let figure = |name: &str, value: fn(Lengths) -> i64| {
        Figure::new(
            name,
            uart.map_or(f64::NAN, |lengths| value(lengths) as f64),
            "instructions",
        )
    };
    let longest = stays::longest(findings, |stay| stay.from == "linux");
    Ok(Section {
        name: "traps",
        title: "A console byte, and all other reasons to be in the monitor",
        figures: vec![
            figure("a mediated UART access, median", |lengths| lengths.p50).at_most(MOST),
            figure("99 % are not above", |lengths| lengths.p99),
            figure("worst", |lengths| lengths.max).at_most(MOST),
            figure("mediated UART accesses", |lengths| lengths.count as i64),
            Figure::new("longest stay that interrupted Linux", longest as f64, "instructions"),
        ],
        notes: vec![
            "From the first instruction of the trap handler to `mret`, on the hart that the cluster and Linux \
             share (shift 0). Interrupts are off meanwhile, so the longest stay is what a real-time interrupt \
             may wait for."
                .to_owned(),
        ],
        tables: vec![stays::table(findings, "Stays after Linux's init:")],
    })
}

/// The page of the UART: of all pages of which only the first eight bytes were accessed, the one that
/// was accessed most. The interrupt controller's registers lie elsewhere in their pages.
fn uart(findings: &Findings) -> Option<&Page> {
    let pages = findings
        .pages
        .iter()
        .filter(|page| page.greatest_offset < UART_BYTES);
    pages.max_by_key(|page| page.lengths.count)
}
