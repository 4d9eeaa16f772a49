//! The figures: which runs they take, and what is read off them.

mod calls;
mod deadlines;
mod first_task;
mod latency;
mod runs;
mod share;
mod size;
mod soak;
mod stays;
mod traps;

use crate::Name;
use crate::environment::Environment;
use crate::figure::Section;
use runs::Runs;

/// Does all runs that the wanted figures take, and makes the figures of them.
pub fn measure(
    environment: &Environment,
    is_wanted: impl Fn(Name) -> bool,
) -> anyhow::Result<Vec<Section>> {
    type Make = fn(&Environment, &Runs) -> anyhow::Result<Section>;
    let all: [(Name, Vec<runs::Key>, Make); 8] = [
        (
            Name::FirstTask,
            first_task::keys(environment),
            first_task::section,
        ),
        (Name::Latency, latency::keys(environment), latency::section),
        (Name::Share, share::keys(environment), share::section),
        (Name::Size, Vec::new(), size::section),
        (
            Name::Deadlines,
            deadlines::keys(environment),
            deadlines::section,
        ),
        (Name::Traps, traps::keys(environment), traps::section),
        (Name::Calls, calls::keys(environment), calls::section),
        (Name::Soak, Vec::new(), soak::section),
    ];
    let wanted: Vec<_> = all
        .into_iter()
        .filter(|(name, ..)| is_wanted(*name))
        .collect();
    let keys = wanted.iter().flat_map(|(_, keys, _)| keys).copied();
    let runs = Runs::measure(environment, keys)?;
    let sections = wanted
        .into_iter()
        .map(|(_, _, make)| make(environment, &runs));
    sections
        .filter(|section| {
            environment.boards.is_empty() || !section.as_ref().is_ok_and(Section::is_empty)
        })
        .collect()
}
