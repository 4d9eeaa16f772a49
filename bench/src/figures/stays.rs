//! Stays in the monitor, from trap to return.

use crate::figure::Table;
use crate::render::grouped;
use partita_bench_plugin::findings::{Findings, Stays};

/// The stays of a loaded system that a person wants to see: none from before Linux's init, and none
/// that ended the run.
fn of_interest(findings: &Findings) -> impl Iterator<Item = &Stays> {
    let stays = findings.stays.iter();
    stays.filter(|stay| stay.after_init && stay.to != "firmware" && stay.from != "firmware")
}

/// The longest stay of those that `is_meant` chooses.
pub fn longest(findings: &Findings, is_meant: impl Fn(&Stays) -> bool) -> i64 {
    let stays = of_interest(findings).filter(|stay| is_meant(stay));
    stays.map(|stay| stay.lengths.max).max().unwrap_or(0)
}

/// All kinds of stays, those that cost most first.
pub fn table(findings: &Findings, title: &str) -> Table {
    let mut stays: Vec<_> = of_interest(findings).collect();
    stays.sort_by_key(|stay| -stay.lengths.sum);
    let row = |stay: &&Stays| {
        let lengths = stay.lengths;
        let number = |number: i64| grouped(number);
        vec![
            stay.cause.clone(),
            stay.from.clone(),
            stay.to.clone(),
            number(lengths.count as i64),
            number(lengths.p50),
            number(lengths.p99),
            number(lengths.max),
            number(lengths.sum),
        ]
    };
    Table {
        title: title.to_owned(),
        columns: vec![
            "cause",
            "from",
            "to",
            "stays",
            "median",
            "99 %",
            "longest",
            "instructions",
        ],
        rows: stays.iter().map(row).collect(),
    }
}
