//! What the choice of what keeps a partition apart keeps, and what it costs, on the board at hand.

use crate::plan::{Plan, PlannedPartition};
use partita_abi::table::{Console, Isolation, Kind};
use partita_board::{Architecture, GicInterface};

/// What keeps a partition apart, and what follows from that.
#[derive(Clone, Debug)]
pub struct Separation {
    /// In a word: `pmp`, `trustzone`, or `stage2`.
    pub by: &'static str,
    /// The same for a person.
    pub name: &'static str,
    /// What follows, each said once.
    pub statements: Vec<Statement>,
}

/// One thing that follows.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What it is about, in one or two words.
    pub about: &'static str,
    /// Whether it is as one would wish.
    pub holds: bool,
    /// What is to be said.
    pub text: String,
}

impl Separation {
    /// What does not hold of what keeps partitions apart, in a line.
    pub fn lacks(&self) -> String {
        let lacks = self.statements.iter().filter(|statement| {
            !statement.holds && ["reaches", "reached by", "time"].contains(&statement.about)
        });
        let texts: Vec<String> = lacks
            .map(|statement| match statement.about {
                "time" => statement.text.clone(),
                "reached by" => format!("is reached by {}", statement.text),
                about => format!("{about} {}", statement.text),
            })
            .collect();
        texts.join("; ")
    }
}

/// What keeps partitions apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    ProtectionEntries,
    /// A program in the secure world, with nothing beneath it.
    Trusted,
    /// A program in the secure world, behind stage 2 there.
    SecureStage2,
    /// Linux at EL2.
    Normal,
    Stage2,
}

fn shape(plan: &Plan, partition: &PlannedPartition) -> Shape {
    match (plan.board.architecture, partition.isolation, partition.kind) {
        (Architecture::Riscv64(_), ..) => Shape::ProtectionEntries,
        (_, Isolation::Stage2, _) => Shape::Stage2,
        (_, Isolation::Board, Kind::Linux) => Shape::Normal,
        (_, Isolation::Board, Kind::Program) if plan.secure_stage_2 => Shape::SecureStage2,
        (_, Isolation::Board, Kind::Program) => Shape::Trusted,
    }
}

impl Plan {
    /// What keeps a partition apart, and what follows from that on this board.
    pub fn separation(&self, partition: &PlannedPartition) -> Separation {
        let shape = shape(self, partition);
        let (by, name) = match shape {
            Shape::ProtectionEntries => ("pmp", "protection entries"),
            Shape::Trusted => ("trustzone", "the secure world"),
            Shape::SecureStage2 => ("trustzone", "the secure world and stage 2 in it"),
            Shape::Normal => ("trustzone", "the two worlds"),
            Shape::Stage2 => ("stage2", "stage 2"),
        };
        let mut statements = vec![
            reaches(shape),
            reached_by(self, partition, shape),
            time(self, partition, shape),
        ];
        statements.extend(console(partition, shape));
        statements.extend(virtual_machines(partition, shape));
        statements.extend(costs(self, partition, shape));
        Separation {
            by,
            name,
            statements,
        }
    }

    /// Whether a device that reads and writes memory by itself can reach more than the partition does.
    fn has_open_dma(&self, partition: &PlannedPartition) -> bool {
        let is_open = self.board.secure.is_none() || self.has_stage_2();
        let is_bounded = |name: &str| partition.streams.iter().any(|master| master.device == name);
        let mut devices = partition.devices.iter();
        is_open && devices.any(|device| device.dma && !is_bounded(device.name))
    }

    /// Whether a partition is behind stage 2 of the normal world.
    pub(crate) fn has_stage_2(&self) -> bool {
        let mut partitions = self.partitions.iter();
        partitions.any(|partition| partition.isolation == Isolation::Stage2)
    }
}

fn reaches(shape: Shape) -> Statement {
    let (holds, text) = match shape {
        Shape::ProtectionEntries | Shape::SecureStage2 | Shape::Stage2 => {
            (true, "its own memory and devices, nothing else")
        }
        Shape::Trusted => (
            false,
            "the monitor and every partition: it belongs to the trusted base",
        ),
        Shape::Normal => (
            false,
            "all memory and devices of the normal world, nothing of the secure one",
        ),
    };
    Statement {
        about: "reaches",
        holds,
        text: text.to_owned(),
    }
}

/// Which other partitions can reach this one, and how.
fn reached_by(plan: &Plan, partition: &PlannedPartition, own: Shape) -> Statement {
    let in_secure_memory = matches!(own, Shape::Trusted | Shape::SecureStage2);
    let others = plan
        .partitions
        .iter()
        .filter(|other| other.name != partition.name);
    let ways: Vec<String> = others
        .filter_map(|other| {
            let how = match shape(plan, other) {
                Shape::Trusted => "which belongs to the trusted base",
                Shape::Normal if in_secure_memory && !partition.devices.is_empty() => {
                    "its devices only"
                }
                _ if plan.has_open_dma(other) && !in_secure_memory => "by a device with DMA",
                _ => return None,
            };
            Some(format!("{}, {how}", other.name))
        })
        .collect();
    Statement {
        about: "reached by",
        holds: ways.is_empty(),
        text: match ways.is_empty() {
            true => "nobody else".to_owned(),
            false => ways.join("; "),
        },
    }
}

/// Whether it can keep a core from others for longer than it may.
fn time(plan: &Plan, partition: &PlannedPartition, shape: Shape) -> Statement {
    let shares = plan.partitions.iter().any(|other| {
        let mut cores = other.cores.iter();
        other.name != partition.name && cores.any(|core| partition.cores.contains(core))
    });
    let (holds, text) = match shape {
        _ if !shares => (true, "has its cores for itself"),
        Shape::Trusted | Shape::SecureStage2 => (
            false,
            "can mask the monitor's interrupts on a core that it shares, by its priority mask",
        ),
        _ if partition.budget_ns.is_some() => (true, "cannot exceed its budget"),
        _ => (true, "cannot hold off anybody more critical"),
    };
    Statement {
        about: "time",
        holds,
        text: text.to_owned(),
    }
}

fn console(partition: &PlannedPartition, shape: Shape) -> Option<Statement> {
    let text = match (partition.console, shape) {
        (Console::Own, _) => "a real serial port, since nothing can stand in for one at EL2",
        (Console::Uart16550, _) => "an emulated serial port on the monitor's own",
        _ => return None,
    };
    Some(Statement {
        about: "console",
        holds: partition.console != Console::Own,
        text: text.to_owned(),
    })
}

fn virtual_machines(partition: &PlannedPartition, shape: Shape) -> Option<Statement> {
    let (holds, text) = match (shape, partition.kind) {
        (Shape::Normal, _) => (true, "can run virtual machines (KVM): EL2 is its own"),
        (Shape::Stage2, Kind::Linux) => (false, "runs no virtual machines: EL2 is the monitor's"),
        _ => return None,
    };
    Some(Statement {
        about: "KVM",
        holds,
        text: text.to_owned(),
    })
}

/// What stage 2 costs beyond what any partition costs.
fn costs(plan: &Plan, partition: &PlannedPartition, shape: Shape) -> Vec<Statement> {
    let rows = plan.stage_2(partition);
    if rows.is_empty() {
        return Vec::new();
    }
    let blocks = rows.iter().map(|row| row.blocks).sum();
    let pages = rows.iter().map(|row| row.pages).sum();
    let entries = show_entries(blocks, pages);
    let mut costs = vec![(
        "translation",
        format!("each address is translated twice, the second time by a table with {entries}"),
    )];
    if shape == Shape::Stage2 {
        let gic = plan
            .board
            .architecture
            .aarch64()
            .map(|arm| arm.gic.interface);
        let text = match (partition.kind, gic) {
            (Kind::Program, _) => "the monitor puts each into the virtual interface",
            (Kind::Linux, Some(GicInterface::V2 { .. })) => {
                "its own are direct; each access to the distributor goes to the monitor"
            }
            (Kind::Linux, _) => {
                "its own are direct; each access to the distributor, and each call of another core, \
                 goes to the monitor"
            }
        };
        costs.push(("interrupts", text.to_owned()));
    }
    let statement = |(about, text)| Statement {
        about,
        holds: false,
        text,
    };
    costs.into_iter().map(statement).collect()
}

/// Entries of a table by their sizes.
pub(crate) fn show_entries(blocks: u64, pages: u64) -> String {
    match (blocks, pages) {
        (blocks, 0) => format!("{blocks} of 2 MiB"),
        (0, pages) => format!("{pages} of 4 KiB"),
        (blocks, pages) => format!("{blocks} of 2 MiB, {pages} of 4 KiB"),
    }
}
