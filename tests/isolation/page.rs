//! The page that shows what came of each probe.

use crate::judge::Finding;
use crate::probe::{From, Probe};
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

/// One line of the page: the same probe with the same end, from all who made it.
struct Line<'a> {
    name: &'a str,
    from: Vec<From>,
    expected: &'a str,
    seen: &'a str,
}

/// Compares the page in `docs` with what was found, or writes it with `UPDATE=1`.
///
/// # Panics
/// If it differs.
pub fn compare(table: &[(From, Vec<Probe>)], findings: &[Finding]) {
    let page = render(table, findings);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/isolation.md");
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, page).expect("the page can be written");
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let differs = page
        .lines()
        .zip(found.lines())
        .find(|(new, old)| new != old);
    assert!(
        page == found,
        "docs/isolation.md tells something else; `UPDATE=1` writes it; first difference: {differs:?}"
    );
}

fn render(table: &[(From, Vec<Probe>)], findings: &[Finding]) -> String {
    let mut page = include_str!("page.md").to_owned();
    page.push_str("\n| from | probes | events recorded | deadlines that the other missed |\n|---|---|---|---|\n");
    for from in From::ALL {
        let own: Vec<_> = findings
            .iter()
            .filter(|finding| finding.from == from)
            .collect();
        // Of races and calls chosen by chance it is no use to know how many are denied.
        let sure = |finding: &&&Finding| finding.is_sure;
        let events: u64 = own.iter().filter(sure).map(|finding| finding.events).sum();
        let _ = writeln!(page, "| {} | {} | {events} | 0 |", from.name(), own.len());
    }
    for section in sections(table) {
        let _ = writeln!(page, "\n## {section}\n");
        page.push_str("| probe | from | expected | seen |\n|---|---|---|---|\n");
        for line in lines(table, findings, section) {
            let from: Vec<_> = line.from.iter().map(|from| from.name()).collect();
            let from = from.join(", ");
            let _ = writeln!(
                page,
                "| {} | {from} | {} | {} |",
                line.name, line.expected, line.seen
            );
        }
    }
    page
}

/// The sections in their order.
fn sections(table: &[(From, Vec<Probe>)]) -> Vec<&'static str> {
    let mut sections = Vec::new();
    for probe in table.iter().flat_map(|(_, probes)| probes) {
        if !sections.contains(&probe.section) {
            sections.push(probe.section);
        }
    }
    sections
}

/// The lines of a section, in the order of the table.
fn lines<'a>(
    table: &'a [(From, Vec<Probe>)],
    findings: &'a [Finding],
    section: &str,
) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = Vec::new();
    for (from, probes) in table {
        for probe in probes.iter().filter(|probe| probe.section == section) {
            let finding = findings.iter().find(|finding| {
                finding.from == *from && finding.section == section && finding.name == probe.name
            });
            let finding = finding.expect("each probe has run");
            let same = |line: &&mut Line<'a>| {
                line.name == finding.name
                    && line.expected == finding.expected
                    && line.seen == finding.seen
            };
            match lines.iter_mut().find(same) {
                Some(line) if line.from.contains(from) => {}
                Some(line) => line.from.push(*from),
                None => lines.push(Line {
                    name: &finding.name,
                    from: vec![*from],
                    expected: &finding.expected,
                    seen: &finding.seen,
                }),
            }
        }
    }
    lines
}
