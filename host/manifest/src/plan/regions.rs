//! What a partition can reach, and the protection entries that let it.

use super::{PlannedCore, PlannedLine, PlannedPartition, PlannedProtection, PlannedRegion};
use crate::Code;
use crate::problem::{Problem, Problems};
use crate::protection::{self, EXECUTE, READ, WRITE};
use crate::secure;
use crate::system::{Partition, System};
use partita_abi::table::{Kind, RegionKind, Route};
use partita_board::{Aia, Architecture, Controller, Plic, Window};

/// All regions of a partition; its RAM is the first.
pub(super) fn regions(
    system: &System,
    partition: &Partition,
    ram_base: u64,
    problems: &Problems,
) -> Vec<PlannedRegion> {
    let line = |span: &std::ops::Range<usize>| problems.position(span.start).0;
    let mut regions = vec![PlannedRegion {
        base: ram_base,
        size: partition.memory.value,
        kind: RegionKind::Ram,
        rights: READ | WRITE | EXECUTE,
        description: "memory".to_owned(),
        only_core: None,
        line: line(&partition.memory.span),
        span: partition.memory.span.clone(),
    }];
    for device in &partition.devices {
        regions.push(PlannedRegion {
            base: device.value.window.base,
            size: device.value.window.size,
            kind: RegionKind::Device,
            rights: READ | WRITE,
            description: format!("device {}", device.value.name),
            only_core: None,
            line: line(&device.span),
            span: device.span.clone(),
        });
    }
    if let Architecture::Riscv64(riscv) = &system.board.architecture
        && partition.kind() == Kind::Linux
    {
        match &riscv.controller {
            Controller::Plic(plic) => plic_regions(plic, partition, &line, &mut regions),
            Controller::Aia(aia) => {
                regions.extend(interrupt_files(aia, partition).into_iter().map(|files| {
                    PlannedRegion {
                        base: files.base,
                        size: files.size,
                        kind: RegionKind::InterruptController,
                        rights: READ | WRITE,
                        description: format!("interrupt files of {}", cores_of(aia, &files)),
                        only_core: None,
                        line: line(&partition.image_span),
                        span: partition.image_span.clone(),
                    }
                }));
            }
        }
    }
    regions
}

/// Of a PLIC: all shared registers to read, and on each core the page of its own context.
fn plic_regions(
    plic: &Plic,
    partition: &Partition,
    line: &dyn Fn(&std::ops::Range<usize>) -> usize,
    regions: &mut Vec<PlannedRegion>,
) {
    regions.push(PlannedRegion {
        base: plic.window.base,
        size: Plic::SHARED_BYTES,
        kind: RegionKind::InterruptController,
        rights: READ,
        description: "interrupt controller, shared part".to_owned(),
        only_core: None,
        line: line(&partition.image_span),
        span: partition.image_span.clone(),
    });
    for (index, core) in partition.cores.iter().enumerate() {
        let context = plic.supervisor_context(core.value);
        regions.push(PlannedRegion {
            base: plic.window.base + Plic::context_offset(context),
            size: Plic::CONTEXT_BYTES,
            kind: RegionKind::InterruptController,
            rights: READ | WRITE,
            description: format!("interrupt controller, context of core {}", core.value),
            only_core: Some(index),
            line: line(&core.span),
            span: core.span.clone(),
        });
    }
}

/// Of an IMSIC: the supervisor-level interrupt files of the partition's own cores, those side by side as one
/// window. All of its cores reach them all: that is how they interrupt each other.
pub(crate) fn interrupt_files(aia: &Aia, partition: &Partition) -> Vec<Window> {
    let mut cores: Vec<usize> = partition.cores.iter().map(|core| core.value).collect();
    cores.sort_unstable();
    let mut windows: Vec<Window> = Vec::new();
    for core in cores {
        let base = aia.supervisor_file(core);
        match windows.last_mut() {
            Some(last) if last.base + last.size == base => last.size += Aia::FILE_BYTES,
            _ => windows.push(Window {
                base,
                size: Aia::FILE_BYTES,
            }),
        }
    }
    windows
}

/// The cores whose interrupt files lie in a window, in words.
fn cores_of(aia: &Aia, files: &Window) -> String {
    let first = (files.base - aia.supervisor_files.base) / Aia::FILE_BYTES;
    match first + files.size / Aia::FILE_BYTES - 1 {
        last if last == first => format!("core {first}"),
        last => format!("cores {first} to {last}"),
    }
}

/// The interrupt lines of a partition.
pub(super) fn lines(partition: &Partition, problems: &Problems) -> Vec<PlannedLine> {
    let route = match partition.kind() {
        Kind::Linux => Route::Direct,
        Kind::Program => Route::Mediated,
    };
    partition
        .devices
        .iter()
        .flat_map(|device| {
            device.value.lines.iter().map(|line| PlannedLine {
                line: *line,
                device: device.value.name,
                route,
                manifest_line: problems.position(device.span.start).0,
            })
        })
        .collect()
}

/// The virtual cores of a partition, slots not yet decided.
pub(super) fn virtual_cores(
    system: &System,
    partition: &Partition,
    regions: &[PlannedRegion],
    problems: &Problems,
) -> Vec<PlannedCore> {
    let plan_core = |(index, core): (usize, &crate::manifest::Located<usize>)| PlannedCore {
        core: core.value,
        line: problems.position(core.span.start).0,
        protection_slot: 0,
        protections: match system.board.architecture {
            Architecture::Riscv64(_) => protections(regions, index),
            // Memory is kept apart by the world that it belongs to, or by stage 2.
            Architecture::Aarch64(_) => Vec::new(),
        },
    };
    partition.cores.iter().enumerate().map(plan_core).collect()
}

/// The protection entries of a virtual core.
fn protections(regions: &[PlannedRegion], core: usize) -> Vec<PlannedProtection> {
    protection::entries(&ranges(regions, core))
        .into_iter()
        .map(|entry| PlannedProtection {
            address: entry.address,
            config: entry.config,
            region: entry.region,
        })
        .collect()
}

/// What one virtual core can reach.
fn ranges(regions: &[PlannedRegion], core: usize) -> Vec<protection::Range> {
    regions
        .iter()
        .enumerate()
        .filter(|(_, region)| region.only_core.is_none_or(|only| only == core))
        .map(|(index, region)| protection::Range {
            base: region.base,
            size: region.size,
            rights: region.rights,
            region: index,
        })
        .collect()
}

/// Gives every virtual core its slots: side by side where all of a core fit, else each the same,
/// to be written at each switch.
pub(super) fn assign_slots(
    system: &System,
    partitions: &mut [PlannedPartition],
    problems: &mut Problems,
) {
    let Some(riscv) = system.board.architecture.riscv64() else {
        for (partition, planned) in system.partitions.iter().zip(partitions) {
            if partition.kind() == Kind::Program {
                let first = secure::interrupts(system, partition).timer;
                for core in &mut planned.virtual_cores {
                    core.protection_slot = first as usize;
                }
            }
        }
        return;
    };
    let first = riscv.monitor_protection_entries;
    let available = riscv.protection_entries - first;
    for (partition, planned) in system.partitions.iter().zip(partitions.iter()) {
        for (index, core) in planned.virtual_cores.iter().enumerate() {
            if core.protections.len() > available {
                problems.push(too_many(partition, planned, index, available));
                // The other cores only repeat it.
                break;
            }
        }
    }
    let mut order: Vec<usize> = (0..partitions.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(partitions[*index].criticality));
    for core in 0..system.cores {
        let mut users = Vec::new();
        for index in &order {
            let cores = &partitions[*index].virtual_cores;
            if let Some(own) = cores.iter().position(|user| user.core == core) {
                users.push((*index, own, cores[own].protections.len()));
            }
        }
        let total: usize = users.iter().map(|(_, _, count)| count).sum();
        let mut slot = first;
        for (index, own, count) in users {
            partitions[index].virtual_cores[own].protection_slot = slot;
            if total <= available {
                slot += count;
            }
        }
    }
}

fn too_many(
    partition: &Partition,
    planned: &PlannedPartition,
    core: usize,
    available: usize,
) -> Problem {
    let needed = planned.virtual_cores[core].protections.len();
    let mut problem = Problem::error(
        Code::ProtectionEntries,
        format!(
            "`{}` needs {needed} protection entries on core {}, which has {available} for \
             partitions",
            planned.name, planned.virtual_cores[core].core
        ),
    )
    .at(&partition.name.span, "cannot be kept apart")
    .help(
        "give up a device, or make the memory a power of two and aligned to its size (one entry \
         instead of two)",
    );
    for region in &planned.regions {
        if region.only_core.is_some_and(|only| only != core) {
            continue;
        }
        let cost = protection::cost(&protection::Range {
            base: region.base,
            size: region.size,
            rights: region.rights,
            region: 0,
        });
        let plural = if cost == 1 { "entry" } else { "entries" };
        problem = problem.at(
            &region.span,
            format!("{}: {cost} {plural}", region.description),
        );
    }
    problem
}
