//! Checks who runs where: cores exist, and each one has an order of service and enough time.

use super::vectors;
use crate::Code;
use crate::manifest::{Manifest, PartitionEntry, Payload};
use crate::problem::{Problem, Problems};
use partita_abi::MAX_SHARING;
use partita_abi::table::Isolation;
use partita_board::{Architecture, Controller};
use std::ops::Range;

/// A partition on a core, and the place that puts it there.
pub(super) type User<'a> = (&'a PartitionEntry, &'a Range<usize>);

pub(super) fn check(manifest: &Manifest, problems: &mut Problems) {
    for entry in &manifest.partitions {
        check_list(entry, manifest, problems);
    }
    let board = manifest.board.as_ref().map(|board| board.value);
    let sends_directly = board.is_some_and(|board| match board.architecture {
        Architecture::Riscv64(riscv) => matches!(riscv.controller, Controller::Aia(_)),
        Architecture::Aarch64(_) => true,
    });
    let mut reported = Vec::new();
    for core in 0..partita_abi::MAX_CORES {
        let users: Vec<User<'_>> = manifest
            .partitions
            .iter()
            .filter_map(|entry| {
                let cores = &entry.cores.as_ref()?.value;
                let found = cores.iter().find(|user| user.value == core as i64)?;
                Some((entry, &found.span))
            })
            .collect();
        check_sharing(
            manifest,
            core,
            &users,
            sends_directly,
            &mut reported,
            problems,
        );
        check_load(core, &users, problems);
    }
    for entry in &manifest.partitions {
        check_starvation(entry, manifest, problems);
    }
}

fn check_list(entry: &PartitionEntry, manifest: &Manifest, problems: &mut Problems) {
    let Some(cores) = &entry.cores else { return };
    let name = &entry.name.value;
    if cores.value.is_empty() {
        problems.push(
            Problem::error(Code::NoCores, format!("`{name}` has no core"))
                .at(&cores.span, "names none")
                .help("name at least one, as in `cores = [0]`"),
        );
    }
    for (index, core) in cores.value.iter().enumerate() {
        let earlier = cores.value.iter().take(index);
        if let Some(first) = earlier.into_iter().find(|other| other.value == core.value) {
            problems.push(
                Problem::error(
                    Code::DuplicateCore,
                    format!("`{name}` names core {} twice", core.value),
                )
                .at(&core.span, "second time")
                .at(&first.span, "first time")
                .help("remove one: a partition has one virtual core on each core"),
            );
        }
        if let Some(board) = &manifest.board
            && (0..board.value.first_core as i64).contains(&core.value)
        {
            problems.push(
                Problem::error(
                    Code::CoreWithoutSupervisor,
                    format!(
                        "core {} of `{}` has no supervisor mode, so no partition can run on it",
                        core.value, board.value.name
                    ),
                )
                .at(&core.span, "this core")
                .at(&board.span, "of this board")
                .help(format!(
                    "name cores from {} on; those below stay off",
                    board.value.first_core
                )),
            );
        }
        if let Some(board) = &manifest.cores
            && (core.value < 0 || core.value as u64 >= board.value as u64)
        {
            problems.push(
                Problem::error(
                    Code::CoreOutOfRange,
                    format!("there is no core {}", core.value),
                )
                .at(&core.span, "this core")
                .at(&board.span, "cores are numbered from 0 to one below this")
                .help("name another core, or give the board more"),
            );
        }
    }
}

/// `reported` holds the pairs that cannot share a core, so that each is told of once.
fn check_sharing(
    manifest: &Manifest,
    core: usize,
    users: &[User<'_>],
    sends_directly: bool,
    reported: &mut Vec<(usize, usize)>,
    problems: &mut Problems,
) {
    if let Some((entry, span)) = users.get(MAX_SHARING) {
        problems.push(
            Problem::error(
                Code::TooManySharing,
                format!(
                    "core {core} is shared by {} partitions, the monitor has room for {MAX_SHARING}",
                    users.len()
                ),
            )
            .at(span, format!("`{}` is the first one too many", entry.name.value))
            .help("move a partition to another core"),
        );
    }
    for (index, (second, second_span)) in users.iter().enumerate() {
        for (first, first_span) in users.iter().take(index) {
            let pair = (first.name.span.start, second.name.span.start);
            if reported.contains(&pair) {
                continue;
            }
            reported.push(pair);
            let names = format!("`{}` and `{}`", first.name.value, second.name.value);
            let stage_2 =
                |entry: &PartitionEntry| manifest.isolation_of(entry) == Isolation::Stage2;
            if is_linux(first) && is_linux(second) && !(stage_2(first) && stage_2(second)) {
                problems.push(
                    Problem::error(
                        Code::DirectInterruptsConflict,
                        format!("{names} both run Linux on core {core}"),
                    )
                    .at(
                        second_span,
                        "Linux takes its interrupts without the monitor here",
                    )
                    .at(first_span, "and here")
                    .help("a core has room for one Linux: give them different cores"),
                );
            } else {
                vectors::check_shared(
                    manifest,
                    core,
                    [(first, first_span), (second, second_span)],
                    problems,
                );
                // Behind stage 2 the monitor sees what the cores of a Linux send each other.
                let sends = |entry| sends_directly && !stage_2(entry);
                check_direct_interrupts(core, (first, second), second_span, sends(first), problems);
                check_direct_interrupts(core, (second, first), first_span, sends(second), problems);
            }
            if let (Some(first_level), Some(second_level)) =
                (&first.criticality, &second.criticality)
                && first_level.value.0 == second_level.value.0
            {
                problems.push(
                    Problem::error(
                        Code::EqualCriticality,
                        format!("{names} share core {core} at the same criticality"),
                    )
                    .at(&second_level.span, "as critical as the other")
                    .at(&first_level.span, "as critical as the other")
                    .at(second_span, format!("core {core}"))
                    .at(first_span, format!("core {core}"))
                    .help(
                        "the order would be undefined: \
                         change one criticality, or give them different cores",
                    ),
                );
            }
        }
    }
}

fn is_linux(entry: &PartitionEntry) -> bool {
    matches!(entry.payload, Some(Payload::Linux(_)))
}

/// A direct line is hidden from the core while another partition runs there and never stops at the
/// monitor, so it cannot take the core back from a partition that is served after its owner. With an IMSIC or a GIC
/// the same holds for the interrupts that the cores of a Linux send each other.
fn check_direct_interrupts(
    core: usize,
    (owner, other): (&PartitionEntry, &PartitionEntry),
    other_span: &Range<usize>,
    sends_directly: bool,
    problems: &mut Problems,
) {
    let (Some(owner_level), Some(other_level)) = (&owner.criticality, &other.criticality) else {
        return;
    };
    if !is_linux(owner) || owner_level.value.0 <= other_level.value.0 {
        return;
    }
    let (owner_name, other_name) = (&owner.name.value, &other.name.value);
    let mut devices = owner
        .devices
        .iter()
        .filter(|device| !device.value.lines.is_empty());
    let several = owner.cores.as_ref().filter(|cores| cores.value.len() > 1);
    let (span, what) = match (devices.next(), several) {
        (Some(device), _) => (&device.span, "its interrupt waits"),
        (None, Some(cores)) if sends_directly => (&cores.span, "what they send each other waits"),
        _ => return,
    };
    let mut problem = Problem::error(
        Code::DirectInterruptsNotLast,
        format!("the interrupts of `{owner_name}` cannot preempt the less critical `{other_name}`"),
    )
    .at(span, format!("{what} while `{other_name}` has core {core}"));
    for device in devices {
        problem = problem.at(&device.span, "waits too");
    }
    let remedy = match owner.devices.is_empty() {
        true => "only one",
        false => "take the device away",
    };
    problems.push(
        problem
            .at(
                &other_level.span,
                format!("less critical than `{owner_name}`"),
            )
            .at(other_span, format!("shares core {core}"))
            .help(format!(
                "Linux takes its interrupts without the monitor: make `{owner_name}` the least \
                 critical on core {core}, give it other cores, or {remedy}"
            )),
    );
}

fn check_load(core: usize, users: &[User<'_>], problems: &mut Problems) {
    let shares: Vec<(&PartitionEntry, u128, &Range<usize>)> = users
        .iter()
        .filter_map(|(entry, _)| {
            let (budget, period) = (entry.budget.as_ref()?, entry.period.as_ref()?);
            let billionths =
                u128::from(budget.value) * 1_000_000_000 / u128::from(period.value.max(1));
            Some((*entry, billionths, &budget.span))
        })
        .collect();
    let sum: u128 = shares.iter().map(|(_, share, _)| share).sum();
    // A single budget beyond its period is a problem of its own.
    if sum <= 1_000_000_000 || shares.len() < 2 {
        return;
    }
    let percent = |share: u128| (share + 5_000_000) / 10_000_000;
    let mut problem = Problem::error(
        Code::CoreOverloaded,
        format!("the budgets on core {core} add up to {} %", percent(sum)),
    )
    .help("shorten a budget, lengthen a period, or move a partition to another core");
    for (entry, share, span) in shares {
        let text = format!("`{}`: {} %", entry.name.value, percent(share));
        problem = problem.at(span, text);
    }
    problems.push(problem);
}

/// Warns of a partition without a budget above others: promise 2 needs one.
fn check_starvation(entry: &PartitionEntry, manifest: &Manifest, problems: &mut Problems) {
    let (Some(level), Some(cores), None) = (&entry.criticality, &entry.cores, &entry.budget) else {
        return;
    };
    let shares = |other: &PartitionEntry, core: i64| {
        let cores = other.cores.iter().flat_map(|cores| &cores.value);
        cores.into_iter().any(|used| used.value == core)
    };
    for core in &cores.value {
        let starved = manifest.partitions.iter().find(|other| {
            let lower = other
                .criticality
                .as_ref()
                .is_some_and(|other| other.value.0 < level.value.0);
            lower && shares(other, core.value)
        });
        if let Some(starved) = starved {
            problems.push(
                Problem::warning(
                    Code::NoBudget,
                    format!(
                        "`{}` may take core {} from `{}` for as long as it likes",
                        entry.name.value, core.value, starved.name.value
                    ),
                )
                .at(&core.span, format!("shared with `{}`", starved.name.value))
                .at(&level.span, "is served first")
                .help("bound it with `budget` and `period`"),
            );
            return;
        }
    }
}
