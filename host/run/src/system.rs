//! What a run needs to know of the system: its names, for people.

use partita_manifest::{Criticality, Plan};

/// A system, as a report names it.
#[derive(Clone, Debug)]
pub struct System {
    /// Its name.
    pub name: String,
    /// Its board.
    pub board: String,
    /// Its partitions, in the order of the system table.
    pub partitions: Vec<PartitionName>,
}

/// A partition, as a report names it.
#[derive(Clone, Debug)]
pub struct PartitionName {
    /// Its name.
    pub name: String,
    /// Its criticality as people write it.
    pub criticality: String,
    /// Whether it has a safety integrity level at all, that is, more than QM.
    pub is_critical: bool,
}

impl From<&Plan> for System {
    fn from(plan: &Plan) -> Self {
        let partitions = plan.partitions.iter().map(|partition| PartitionName {
            name: partition.name.clone(),
            criticality: partition.criticality_name.to_owned(),
            is_critical: partition.criticality > Criticality::Qm,
        });
        Self {
            name: plan.system_name.clone(),
            board: plan.board.name.to_owned(),
            partitions: partitions.collect(),
        }
    }
}
