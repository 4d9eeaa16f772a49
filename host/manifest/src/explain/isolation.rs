//! What keeps partitions apart, for a person.

use super::grid::{Column, Grid};
use super::style::Paint;
use super::text::{place, range};
use crate::plan::{Plan, PlannedPartition};
use crate::protection::rights_name;
use crate::separation::show_entries;
use partita_abi::table::{Isolation, Kind};
use std::fmt::Write;

/// Where the partitions of Arm run.
pub(super) fn worlds(plan: &Plan) -> String {
    let has = |kind: Kind, isolation: Isolation| {
        let mut partitions = plan.partitions.iter();
        partitions.any(|partition| partition.kind == kind && partition.isolation == isolation)
    };
    let mut places = Vec::new();
    if has(Kind::Program, Isolation::Board) {
        places.push(match plan.secure_stage_2 {
            true => "programs run in the secure world behind stage 2",
            false => "programs run in the secure world",
        });
    }
    if has(Kind::Linux, Isolation::Board) {
        places.push("Linux runs in the normal world at EL2");
    }
    places.extend(match plan.has_stage_2() {
        true if places.is_empty() => {
            Some("all run in the normal world at EL1, each behind stage 2")
        }
        true => Some("others run in the normal world at EL1, each behind stage 2"),
        false => None,
    });
    places.join(", ")
}

/// What keeps it apart, and what that keeps (+) and lacks or costs (-).
pub(super) fn separation(
    plan: &Plan,
    partition: &PlannedPartition,
    paint: Paint,
    out: &mut String,
) {
    let separation = plan.separation(partition);
    line!(out, "\n  Kept apart by {}", separation.name);
    let mut grid = Grid::new(&[Column::Left; 3]);
    for statement in separation.statements {
        let sign = if statement.holds { "+" } else { "-" };
        grid.row([sign.to_owned(), statement.about.to_owned(), statement.text]);
    }
    grid.print(paint, out);
}

/// The rows of its stage-2 table, if it has one.
pub(super) fn stage_2(plan: &Plan, partition: &PlannedPartition, paint: Paint, out: &mut String) {
    let rows = plan.stage_2(partition);
    if rows.is_empty() {
        return;
    }
    line!(out, "\n  Stage-2 table, the same on all cores");
    let mut grid = Grid::new(&[Column::Left; 7]);
    for row in rows {
        let [addresses, _] = range(row.base, row.size);
        grid.row([
            addresses,
            match row.output == row.base {
                true => "itself".to_owned(),
                false => format!("to {:#010x}", row.output),
            },
            rights_name(row.rights),
            if row.is_memory { "memory" } else { "device" }.to_owned(),
            show_entries(row.blocks, row.pages),
            row.description,
            place(plan, row.line),
        ]);
    }
    grid.print(paint, out);
}
