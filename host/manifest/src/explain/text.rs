//! The plan for a person.

use crate::plan::Plan;
use crate::protection::rights_name;
use crate::quantity::show_rounded;
use std::fmt::Write;

/// The plan as text.
pub fn explain(plan: &Plan, color: bool) -> String {
    let _ = color;
    let mut out = String::new();
    for partition in &plan.partitions {
        let _ = writeln!(out, "{}", partition.name);
        for region in &partition.regions {
            let _ = writeln!(
                out,
                "  {:#012x} {:>9} {} {} line {}",
                region.base,
                show_rounded(region.size),
                rights_name(region.rights),
                region.description,
                region.line
            );
        }
    }
    out
}
