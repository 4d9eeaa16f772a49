//! The page that shows what came of each probe.

use crate::judge::Finding;
use crate::probe::{From, Probe, Variant};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

/// All probes, by who made them on which board.
pub type Table = [(Variant, From, Vec<Probe>)];

/// What came of each, by who made it where, its section and its name.
type Found<'a> = BTreeMap<((Variant, From), &'static str, &'a str), &'a Finding>;

/// The same probe with the same end, and who made it where.
struct Row<'a> {
    name: &'a str,
    expected: &'a str,
    seen: &'a str,
    sides: Vec<(Variant, From)>,
}

impl Row<'_> {
    /// Who made it, and the boards on which exactly they did.
    fn groups(&self) -> Vec<(Vec<From>, Vec<Variant>)> {
        let mut groups: Vec<(Vec<From>, Vec<Variant>)> = Vec::new();
        for from in From::ALL {
            let sides = self.sides.iter().filter(|side| side.1 == from);
            let variants: Vec<_> = sides.map(|side| side.0).collect();
            match groups.iter_mut().find(|(_, same)| *same == variants) {
                _ if variants.is_empty() => {}
                Some((who, _)) => who.push(from),
                None => groups.push((vec![from], variants)),
            }
        }
        groups
    }
}

/// Compares the page in `docs` with what was found, or writes it with `UPDATE=1`.
///
/// # Panics
/// If it differs.
pub fn compare(table: &Table, findings: &[Finding]) {
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

fn render(table: &Table, findings: &[Finding]) -> String {
    let mut page = include_str!("page.md").to_owned();
    page.push_str("\n| board | from | probes | events recorded | deadlines that the other missed |\n|---|---|---|---|---|\n");
    for (variant, from, _) in table {
        let side = (*variant, *from);
        let own = || findings.iter().filter(|finding| finding.side() == side);
        // Of races and calls chosen by chance it is no use to know how many are denied.
        let sure = own().filter(|finding| finding.is_sure);
        let events: u64 = sure.map(|finding| finding.events).sum();
        let (board, from, count) = (variant.name(), from.name(), own().count());
        let _ = writeln!(page, "| {board} | {from} | {count} | {events} | 0 |");
    }
    let found: Found<'_> = findings
        .iter()
        .map(|finding| ((finding.side(), finding.section, &*finding.name), finding))
        .collect();
    for section in sections(table) {
        let _ = writeln!(page, "\n## {section}\n");
        page.push_str("| probe | from | board | expected | seen |\n|---|---|---|---|---|\n");
        for row in rows(table, &found, section) {
            for (who, variants) in row.groups() {
                let from: Vec<_> = who.iter().map(|from| from.name()).collect();
                let boards = if variants == Variant::ALL {
                    "all".to_owned()
                } else {
                    let names: Vec<_> = variants.iter().map(|variant| variant.name()).collect();
                    names.join(", ")
                };
                let Row {
                    name,
                    expected,
                    seen,
                    ..
                } = row;
                let from = from.join(", ");
                let _ = writeln!(page, "| {name} | {from} | {boards} | {expected} | {seen} |");
            }
        }
    }
    page
}

/// The sections in their order.
fn sections(table: &Table) -> Vec<&'static str> {
    let mut sections = Vec::new();
    for probe in table.iter().flat_map(|(_, _, probes)| probes) {
        if !sections.contains(&probe.section) {
            sections.push(probe.section);
        }
    }
    sections
}

/// The rows of a section, in the order of the table; those of one name stand together.
fn rows<'a>(table: &'a Table, found: &Found<'a>, section: &'static str) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    for (variant, from, probes) in table {
        let side = (*variant, *from);
        for probe in probes.iter().filter(|probe| probe.section == section) {
            let finding = found[&(side, section, &*probe.name)];
            let (name, expected, seen) = (&*finding.name, &*finding.expected, &*finding.seen);
            let is_same =
                |row: &&mut Row<'_>| (row.name, row.expected, row.seen) == (name, expected, seen);
            if let Some(row) = rows.iter_mut().find(is_same) {
                row.sides.push(side);
                continue;
            }
            let behind = rows.iter().rposition(|row| row.name == name);
            let row = Row {
                name,
                expected,
                seen,
                sides: vec![side],
            };
            rows.insert(behind.map_or(rows.len(), |place| place + 1), row);
        }
    }
    rows
}
