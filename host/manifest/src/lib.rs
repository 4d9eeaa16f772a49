//! The manifest: parse, check, plan, explain.
//!
//! A manifest goes through three types, and a later one cannot hold what an earlier one has not
//! proved: the parsed manifest (every value has the right form), the checked system (nothing in it
//! conflicts), and the [`Plan`] (every address, protection entry and interrupt route is decided).
//! Whatever is wrong is collected in [`Problems`], all of it in one go, each with the lines to change.
#![forbid(unsafe_code)]

mod check;
mod code;
mod criticality;
mod device_tree;
mod elf;
mod explain;
mod health;
mod images;
mod layout;
mod linux;
mod manifest;
mod memory;
mod parse;
mod placeholder;
mod plan;
mod problem;
mod protection;
mod quantity;
mod schema;
mod section;
mod secure;
mod separation;
mod suggest;
mod system;
mod table;

pub use code::Code;
pub use criticality::Criticality;
pub use explain::{device_tree_text, explain, explain_json};
pub use health::Health;
pub use partita_abi::table::PartRole;
pub use plan::{
    ImageFile, Plan, PlannedCore, PlannedLine, PlannedMapping, PlannedPartition, PlannedProtection,
    PlannedRegion, PlannedStreams, StoredPart, load, load_for_boards,
};
pub use problem::{Label, Problem, Problems, Severity};
pub use schema::schema;
pub use separation::{Separation, Statement};
