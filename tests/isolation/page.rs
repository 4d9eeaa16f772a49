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

/// A part of the page: the boards of one architecture and shape.
pub struct Part {
    /// What it begins with; the first line tells it from the other parts.
    opening: &'static str,
}

/// RISC-V.
pub const RISCV64: Part = Part {
    opening: include_str!("page.md"),
};
/// Arm, behind it.
pub const AARCH64: Part = Part {
    opening: include_str!("page-aarch64.md"),
};
/// Arm, behind stage 2 of the normal world.
pub const STAGE_2: Part = Part {
    opening: include_str!("page-stage-2.md"),
};

/// All of them, in their order.
const PARTS: [Part; 3] = [RISCV64, AARCH64, STAGE_2];

impl Part {
    fn heading(&self) -> &'static str {
        self.opening.lines().next().unwrap_or_default()
    }

    /// Where it begins on a page; at the end if it is not there.
    fn begin(&self, page: &str) -> usize {
        if page.starts_with(self.heading()) {
            return 0;
        }
        let found = page.find(&format!("\n{}\n", self.heading()));
        found.map_or(page.len(), |place| place + 1)
    }

    /// Compares its part of the page in `docs` with what was found, or writes it with `UPDATE=1`.
    ///
    /// # Panics
    /// If it differs.
    pub fn compare(&self, table: &Table, findings: &[Finding]) {
        let part = render(self.opening, table, findings);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/isolation.md");
        let page = fs::read_to_string(&path).unwrap_or_default();
        let begin = self.begin(&page);
        let behind = PARTS.iter().map(|part| part.begin(&page));
        let end = behind.filter(|place| *place > begin).min();
        let end = end.unwrap_or(page.len());
        let found = &page[begin..end];
        if env::var_os("UPDATE").is_some() {
            let parts = [&page[..begin], &*part, &page[end..]];
            // There is an empty line between two of them.
            let parts = parts.map(str::trim_end).into_iter();
            let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
            let page = parts.join("\n\n") + "\n";
            fs::write(&path, page).expect("the page can be written");
            return;
        }
        let differs = part
            .lines()
            .zip(found.lines())
            .find(|(new, old)| new != old);
        assert!(
            part.trim_end() == found.trim_end(),
            "docs/isolation.md tells something else; `UPDATE=1` writes it; first difference: {differs:?}"
        );
    }
}

fn render(opening: &str, table: &Table, findings: &[Finding]) -> String {
    let mut page = opening.to_owned();
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
                let boards = if variants == Variant::RISCV64 {
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
