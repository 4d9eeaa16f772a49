//! The plan for a person, and for tools.

/// Writing to a string cannot fail.
macro_rules! line {
    ($out:expr, $($argument:tt)*) => {{ let _ = writeln!($out, $($argument)*); }};
}

mod grid;
mod health;
mod isolation;
mod json;
mod style;
mod text;

use crate::plan::Plan;

pub use json::explain_json;
pub use text::explain;

/// The device tree of the partition with this index, as device tree source; empty if there is none.
pub fn device_tree_text(plan: &Plan, partition: usize) -> String {
    plan.partitions
        .get(partition)
        .map(|partition| partition.tree.to_source())
        .unwrap_or_default()
}
