//! Makes the plan of a checked system.

use super::{ImageFile, Plan, PlannedPartition, PlannedStreams, StoredPart, regions};
use crate::check::{PAGE_BYTES, in_monitor};
use crate::images::Image;
use crate::linux;
use crate::memory::{Request, place};
use crate::problem::{Problem, Problems};
use crate::quantity::{show_rounded, show_size};
use crate::secure;
use crate::system::{Partition, System};
use crate::{Code, PartRole, device_tree, layout, table};
use partita_abi::digest::digest;
use partita_abi::image::{CRASH_BYTES, STORE_ALIGNMENT, STORE_OFFSET};
use partita_abi::table::Kind;
use partita_board::{Board, Window};
use std::cmp::Reverse;
use std::ops::Range;
use std::path::Path;

/// Plans, or reports why there can be no plan.
pub(super) fn make(path: &Path, system: &System, problems: &mut Problems) -> Option<Plan> {
    secure::check(system, problems);
    let rooms = device_tree_rooms(system, problems)?;
    check_sizes(system, &rooms, problems);
    let store_end = store_end(system, &rooms);
    check_flash(system, store_end, problems);
    let bases = place_memory(system, store_end, problems)?;
    if problems.has_errors() {
        return None;
    }
    let mut parts = Vec::new();
    let mut partitions = Vec::new();
    for ((partition, base), room) in system.partitions.iter().zip(bases).zip(rooms) {
        let (planned, own_parts) = plan_partition(system, partition, base, room, problems)?;
        partitions.push(planned);
        parts.push(own_parts);
    }
    regions::assign_slots(system, &mut partitions, problems);
    if problems.has_errors() {
        return None;
    }
    let mut plan = Plan {
        manifest: path.to_owned(),
        system_name: system.name.clone(),
        board: system.board,
        cores: system.cores,
        memory_bytes: system.memory.value,
        cpu: system.cpu,
        secure_stage_2: system.secure_stage_2,
        smepmp: system.smepmp,
        sstc: system.sstc,
        vector: system.vector,
        parts: store(system, parts),
        partitions,
        security_version: system.version,
        store_end,
        crash_base: crash_base(system, store_end),
        table: Vec::new(),
        warnings: Problems::default(),
        console_focus: system.focus,
    };
    plan.table = table::encode(&plan);
    Some(plan)
}

/// The partitions' indexes, highest criticality first; the manifest decides among equals.
fn by_criticality(system: &System) -> Vec<usize> {
    let mut order: Vec<usize> = (0..system.partitions.len()).collect();
    order.sort_by_key(|index| Reverse(system.partitions[*index].criticality.value));
    order
}

fn blob(
    system: &System,
    partition: &Partition,
    ram_base: u64,
    problems: &mut Problems,
) -> Option<(device_tree::Node, Vec<u8>)> {
    let place = device_tree::place(&partition.image, ram_base);
    let tree = device_tree::build(system, partition, &place);
    match tree.to_blob() {
        Ok(blob) => Some((tree, blob)),
        Err(error) => {
            // Names and texts were checked before; this is for what nobody thought of.
            problems.push(
                Problem::error(
                    Code::InvalidText,
                    format!(
                        "the device tree of `{}` cannot be made: {error}",
                        partition.name.value
                    ),
                )
                .at(&partition.name.span, "this partition"),
            );
            None
        }
    }
}

fn device_tree_rooms(system: &System, problems: &mut Problems) -> Option<Vec<u64>> {
    let room = |partition: &Partition| {
        let base = partition.base.as_ref().map(|base| base.value);
        let base = base.unwrap_or(system.board.ram_base);
        let (_, blob) = blob(system, partition, base, problems)?;
        Some(layout::device_tree_room(blob.len()))
    };
    system.partitions.iter().map(room).collect()
}

fn check_sizes(system: &System, rooms: &[u64], problems: &mut Problems) {
    for (partition, room) in system.partitions.iter().zip(rooms) {
        let base = partition.base.as_ref().map_or(0, |base| base.value);
        let least = layout::least_memory(&partition.image, base, *room);
        if least <= partition.memory.value {
            continue;
        }
        let what = match &partition.image {
            Image::Program(..) => "its program and its device tree",
            Image::Linux(_) => "its kernel, initramfs and device tree",
        };
        problems.push(
            Problem::error(
                Code::MemoryTooSmall,
                format!(
                    "the memory of `{}` does not hold {what}",
                    partition.name.value
                ),
            )
            .at(&partition.memory.span, "too small")
            .at(&partition.image_span, format!("needs {}", show_size(least)))
            .help(format!("give it {} at least", show_size(least))),
        );
    }
}

fn store_end(system: &System, rooms: &[u64]) -> u64 {
    let bytes: u64 = system
        .partitions
        .iter()
        .zip(rooms)
        .filter(|(partition, _)| ImageFile::of(system.board, partition.kind()) == ImageFile::System)
        .map(|(partition, room)| layout::stored_bytes(&partition.image, *room))
        .sum();
    let end = (system.board.image_base + STORE_OFFSET + bytes).next_multiple_of(PAGE_BYTES);
    match system.board.secure {
        // The image is in RAM, and so are the crash records behind it.
        None => end + CRASH_BYTES,
        Some(_) => end,
    }
}

fn crash_base(system: &System, store_end: u64) -> u64 {
    let end = match system.board.secure {
        None => store_end,
        Some(secure) => secure.monitor.base + secure.monitor.size,
    };
    end - CRASH_BYTES
}

/// A system image that is not in RAM has a memory of a fixed size.
fn check_flash(system: &System, store_end: u64, problems: &mut Problems) {
    let Some(secure) = system.board.secure else {
        return;
    };
    if store_end <= secure.flash.base + secure.flash.size {
        return;
    }
    let mut problem = Problem::error(
        Code::ImageTooLarge,
        format!(
            "monitor and pristine images take {}, and `{}` has {} for them",
            show_size(store_end - secure.flash.base),
            system.board.name,
            show_size(secure.flash.size)
        ),
    )
    .help("make an image smaller: most of it is a kernel and its initramfs");
    for partition in &system.partitions {
        if ImageFile::of(system.board, partition.kind()) != ImageFile::System {
            continue;
        }
        let text = format!("`{}`", partition.name.value);
        problem = problem.at(&partition.image_span, text);
    }
    problems.push(problem);
}

/// Memory that some of the partitions are placed in.
struct Space {
    range: Range<u64>,
    /// What else is in the same memory.
    beside: String,
    /// The partitions, by index.
    partitions: Vec<usize>,
}

/// Where the RAM of partitions begins in the memory of the normal world.
pub(crate) fn normal_ram(board: &Board, has_stage_2: bool) -> u64 {
    let tables = board.architecture.aarch64().map(|arm| arm.stage_2);
    match tables {
        Some(tables) if has_stage_2 => tables.base + tables.size,
        _ => board.ram_base,
    }
}

/// Each memory of the board, with the partitions that belong into it.
fn spaces(system: &System, store_end: u64) -> Vec<Space> {
    let in_world = |secure: bool| -> Vec<usize> {
        let partitions = system.partitions.iter().enumerate();
        partitions
            .filter(|(_, partition)| partition.is_secure(system.board) == secure)
            .map(|(index, _)| index)
            .collect()
    };
    let ram_end = system.board.ram_base + system.memory.value;
    match system.board.secure {
        None => {
            let store = show_rounded(store_end - system.board.image_base);
            vec![Space {
                range: store_end..ram_end,
                beside: format!(" beside {store} of monitor and pristine images"),
                partitions: (0..system.partitions.len()).collect(),
            }]
        }
        Some(secure) => {
            let start = normal_ram(system.board, system.has_stage_2());
            let tables = start - system.board.ram_base;
            vec![
                Space {
                    range: secure.programs.base..secure.programs.base + secure.programs.size,
                    beside: String::new(),
                    partitions: in_world(true),
                },
                Space {
                    range: start..ram_end,
                    beside: match tables {
                        0 => String::new(),
                        tables => format!(" beside {} of the monitor", show_rounded(tables)),
                    },
                    partitions: in_world(false),
                },
            ]
        }
    }
}

fn place_memory(system: &System, store_end: u64, problems: &mut Problems) -> Option<Vec<u64>> {
    let mut bases = vec![0; system.partitions.len()];
    let mut all_placed = true;
    for space in spaces(system, store_end) {
        match place_in(system, &space, problems) {
            Some(places) => {
                for (index, base) in space.partitions.iter().zip(places) {
                    bases[*index] = base;
                }
            }
            None => all_placed = false,
        }
    }
    all_placed.then_some(bases)
}

fn place_in(system: &System, space: &Space, problems: &mut Problems) -> Option<Vec<u64>> {
    let partitions = || {
        space
            .partitions
            .iter()
            .map(|index| &system.partitions[*index])
    };
    let requests: Vec<Request> = partitions()
        .map(|partition| Request {
            size: partition.memory.value,
            granule: match partition.kind() {
                Kind::Linux => linux::ALIGNMENT,
                Kind::Program => PAGE_BYTES,
            },
            fixed: partition.base.as_ref().map(|base| base.value),
        })
        .collect();
    for partition in partitions() {
        if let Some(base) = &partition.base
            && base.value < space.range.start
        {
            let end = space.range.start.next_multiple_of(linux::ALIGNMENT);
            problems.push(in_monitor(&partition.name.value, base, end));
        }
    }
    let bases = place(&requests, space.range.clone());
    if bases.is_none() {
        let wanted: u64 = requests.iter().map(|request| request.size).sum();
        let is_ram = space.range.end == system.board.ram_base + system.memory.value;
        let (has, help) = if is_ram {
            let help = "give the board more memory, or a partition less";
            (show_rounded(system.memory.value), help)
        } else {
            let size = show_rounded(space.range.end - space.range.start);
            (format!("{size} of secure memory"), "give a program less")
        };
        let mut problem = Problem::error(
            Code::MemoryFull,
            format!(
                "the partitions' {} do not fit into the board's {has}{}",
                show_rounded(wanted),
                space.beside
            ),
        )
        .help(help);
        if is_ram {
            problem = problem.at(&system.memory.span, "the board's memory");
        }
        for partition in partitions() {
            let text = format!("`{}`", partition.name.value);
            problem = problem.at(&partition.memory.span, text);
        }
        problems.push(problem);
    }
    bases
}

fn plan_partition(
    system: &System,
    partition: &Partition,
    base: u64,
    room: u64,
    problems: &mut Problems,
) -> Option<(PlannedPartition, Vec<layout::Part>)> {
    let size = partition.memory.value;
    let (mut parts, entry) = layout::parts(&partition.image, base);
    let (tree, blob) = blob(system, partition, base, problems)?;
    let device_tree = layout::device_tree_address(&partition.image, base, size, room);
    parts.push(layout::Part {
        role: PartRole::DeviceTree,
        destination: device_tree,
        bytes: blob,
    });
    let regions = regions::regions(system, partition, base, problems);
    let planned = PlannedPartition {
        name: partition.name.value.clone(),
        criticality: partition.criticality.value,
        criticality_name: partition.criticality_name,
        kind: partition.kind(),
        isolation: partition.isolation,
        streams: partition
            .streams
            .iter()
            .map(|master| PlannedStreams {
                first: master.value.first,
                count: master.value.count,
                device: master.value.device,
                line: problems.position(master.span.start).0,
            })
            .collect(),
        cores: partition.cores.iter().map(|core| core.value).collect(),
        line: problems.position(partition.name.span.start).0,
        ram: Window { base, size },
        virtual_cores: regions::virtual_cores(system, partition, &regions, problems),
        regions,
        lines: regions::lines(partition, problems),
        devices: partition
            .devices
            .iter()
            .map(|device| device.value)
            .collect(),
        entry,
        device_tree,
        arguments: partition.arguments.clone(),
        floating_point: partition.floating_point,
        vector: partition.vector,
        health: partition.health.clone(),
        console: partition.console,
        budget_ns: partition.budget,
        elf: match &partition.image {
            Image::Program(_, file) => Some(file.clone()),
            Image::Linux(_) => None,
        },
        tree,
    };
    Some((planned, parts))
}

/// Lines up the parts of all partitions in their files, by criticality.
fn store(system: &System, parts: Vec<Vec<layout::Part>>) -> Vec<StoredPart> {
    let mut in_system = system.board.image_base + STORE_OFFSET;
    let mut in_normal = 0;
    let mut stored = Vec::new();
    let mut parts: Vec<Option<Vec<layout::Part>>> = parts.into_iter().map(Some).collect();
    for index in by_criticality(system) {
        let file = ImageFile::of(system.board, system.partitions[index].kind());
        let next = match file {
            ImageFile::System => &mut in_system,
            ImageFile::Normal => &mut in_normal,
        };
        for part in parts[index].take().unwrap_or_default() {
            let size = part.bytes.len() as u64;
            stored.push(StoredPart {
                partition: index,
                role: part.role,
                file,
                source: *next,
                destination: part.destination,
                digest: digest(&part.bytes),
                bytes: part.bytes,
            });
            *next = (*next + size).next_multiple_of(STORE_ALIGNMENT);
        }
    }
    stored
}
