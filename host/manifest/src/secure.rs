//! Programs on Arm: by which interrupts the monitor reaches them.

use crate::Code;
use crate::problem::{Problem, Problems};
use crate::system::{Partition, System};
use partita_abi::table::Isolation;

/// The software-generated interrupts with which the monitor tells a program that something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interrupts {
    /// Its timer has fired.
    pub(crate) timer: u32,
    /// A line of its devices is pending, or a notification: `INTERRUPT_CLAIM` tells which.
    pub(crate) external: u32,
    /// Another core of its own has called it.
    pub(crate) software: u32,
}

/// The first of the interrupts that are kept for the secure world (IHI 0069, 4.1): the lower half is Linux's.
const FIRST: u32 = 8;
/// Interrupts of one program.
const EACH: u32 = 3;
/// The last interrupt that there is of this kind.
const LAST: u32 = 15;

/// The interrupts of a program: those of the secure world that share a core have different ones. Behind stage 2 each
/// has an interface of its own.
pub(crate) fn interrupts(system: &System, partition: &Partition) -> Interrupts {
    let mut sets: Vec<(&Partition, u32)> = Vec::new();
    let programs = system.partitions.iter();
    let apart = partition.isolation == Isolation::Stage2;
    for program in programs.filter(|program| !apart && program.is_secure(system.board)) {
        let taken: Vec<u32> = sets
            .iter()
            .filter(|(other, _)| share_a_core(program, other))
            .map(|(_, set)| *set)
            .collect();
        let set = (0..).find(|set| !taken.contains(set)).unwrap_or(0);
        sets.push((program, set));
    }
    let set = sets
        .iter()
        .find(|(program, _)| program.name.value == partition.name.value)
        .map_or(0, |(_, set)| *set);
    let first = FIRST + EACH * set;
    Interrupts {
        timer: first,
        external: first + 1,
        software: first + 2,
    }
}

/// Reports the program that no interrupts are left for.
pub(crate) fn check(system: &System, problems: &mut Problems) {
    let programs = system.partitions.iter();
    for program in programs.filter(|program| program.is_secure(system.board)) {
        if interrupts(system, program).software <= LAST {
            continue;
        }
        problems.push(
            Problem::error(
                Code::TooManySharing,
                format!(
                    "`{}` shares cores with two other programs, and the secure world has interrupts \
                     for two on a core",
                    program.name.value
                ),
            )
            .at(&program.name.span, "one too many")
            .help("move a program to another core, or keep it apart with `isolation = \"stage2\"`"),
        );
    }
}

fn share_a_core(one: &Partition, other: &Partition) -> bool {
    let mut cores = one.cores.iter();
    cores.any(|core| other.cores.iter().any(|used| used.value == core.value))
}
