//! Checks sizes, and whatever is fixed at an address.

use crate::Code;
use crate::images::Image;
use crate::linux;
use crate::manifest::{Located, Manifest, PartitionEntry, Payload};
use crate::plan::normal_ram;
use crate::problem::{Problem, Problems};
use crate::quantity::show_size;
use partita_abi::image::STORE_OFFSET;
use partita_abi::table::Isolation;
use partita_board::Board;
use std::ops::Range;

/// Protection entries work on whole pages of this many bytes.
pub(crate) const PAGE_BYTES: u64 = 0x1000;

/// RAM of a partition that cannot move.
struct Fixed<'a> {
    entry: &'a PartitionEntry,
    range: Range<u64>,
    span: Range<usize>,
}

pub(super) fn check(manifest: &Manifest, images: &[Option<Image>], problems: &mut Problems) {
    let mut fixed: Vec<Fixed<'_>> = Vec::new();
    for (entry, image) in manifest.partitions.iter().zip(images) {
        let sound = check_alignment(entry, problems);
        let (Some(size), Some(base)) = (&entry.memory, fixed_base(entry, image.as_ref())) else {
            continue;
        };
        if !sound {
            continue;
        }
        let name = &entry.name.value;
        let Some(end) = base.value.checked_add(size.value) else {
            problems.push(
                outside_board(name, &base)
                    .at(&size.span, "is this large")
                    .help("move it"),
            );
            continue;
        };
        let range = base.value..end;
        check_elf(entry, image.as_ref(), &range, problems);
        if let (Some(board), Some(memory)) = (&manifest.board, &manifest.memory) {
            let place = (&range, &base);
            check_board(manifest, entry, (board.value, memory), place, problems);
        }
        for other in &fixed {
            if range.start < other.range.end && other.range.start < range.end {
                problems.push(overlap(entry, &base, &range, other));
            }
        }
        fixed.push(Fixed {
            entry,
            range,
            span: base.span,
        });
    }
}

/// The start of a partition's RAM if something fixes it: the manifest, or addresses in its image.
pub(crate) fn fixed_base(entry: &PartitionEntry, image: Option<&Image>) -> Option<Located<u64>> {
    if entry.base.is_some() {
        return entry.base.clone();
    }
    match (image, &entry.payload) {
        (Some(Image::Program(program, _)), Some(Payload::Program(file)))
            if !program.relocatable =>
        {
            let start = program.extent.start - program.extent.start % PAGE_BYTES;
            Some(Located::new(start, file.span.clone()))
        }
        _ => None,
    }
}

fn check_alignment(entry: &PartitionEntry, problems: &mut Problems) -> bool {
    let mut sound = true;
    if let Some(size) = &entry.memory
        && size.value % PAGE_BYTES != 0
    {
        sound = false;
        problems.push(
            Problem::error(Code::Unaligned, "memory is protected in whole 4KiB pages")
                .at(&size.span, "not a multiple of 4KiB")
                .help(format!(
                    "write `{}`",
                    show_size(size.value.next_multiple_of(PAGE_BYTES))
                )),
        );
    }
    let is_linux = matches!(entry.payload, Some(Payload::Linux(_)));
    let alignment = if is_linux {
        linux::ALIGNMENT
    } else {
        PAGE_BYTES
    };
    if let Some(base) = &entry.base
        && base.value % alignment != 0
    {
        sound = false;
        let why = if is_linux {
            "Linux maps its memory in pieces of 2MiB"
        } else {
            "memory is protected in whole 4KiB pages"
        };
        let down = base.value - base.value % alignment;
        problems.push(
            Problem::error(Code::Unaligned, why)
                .at(
                    &base.span,
                    format!("not a multiple of {}", show_size(alignment)),
                )
                .help(format!("write `{down:#x}`")),
        );
    }
    sound
}

fn check_elf(
    entry: &PartitionEntry,
    image: Option<&Image>,
    range: &Range<u64>,
    problems: &mut Problems,
) {
    let (Some(Image::Program(program, _)), Some(Payload::Program(file))) = (image, &entry.payload)
    else {
        return;
    };
    let extent = &program.extent;
    let inside = range.start <= extent.start && extent.end <= range.end;
    if program.relocatable || inside {
        return;
    }
    let mut problem = Problem::error(
        Code::ElfOutsideMemory,
        format!(
            "`{}` is linked to run at {:#x} to {:#x}, outside its partition's memory",
            file.value,
            extent.start,
            extent.end - 1
        ),
    )
    .at(&file.span, "linked at fixed addresses")
    .help("change the memory, or link it position-independent (`-static-pie`)");
    if let Some(memory) = entry.base.as_ref().or(entry.memory.as_ref()) {
        let text = format!("memory is {:#x} to {:#x}", range.start, range.end - 1);
        problem = problem.at(&memory.span, text);
    }
    problems.push(problem);
}

fn check_board(
    manifest: &Manifest,
    entry: &PartitionEntry,
    (board, memory): (&Board, &Located<u64>),
    (range, base): (&Range<u64>, &Located<u64>),
    problems: &mut Problems,
) {
    let is_program = matches!(entry.payload, Some(Payload::Program(_)))
        && manifest.isolation_of(entry) == Isolation::Board;
    let least = match board.secure {
        None => board.ram_base + STORE_OFFSET,
        Some(_) if is_program => 0,
        Some(_) => normal_ram(board, manifest.has_stage_2()),
    };
    let (start, end) = match board.secure {
        Some(secure) if is_program => {
            let programs = secure.programs;
            (programs.base, programs.base + programs.size)
        }
        _ => (board.ram_base, board.ram_base + memory.value),
    };
    if range.start < start || range.end > end {
        let what = match board.secure {
            Some(_) if is_program => "programs have the secure memory",
            _ => "the board has",
        };
        let text = format!("{what} {start:#x} to {:#x}", end - 1);
        problems.push(
            outside_board(&entry.name.value, base)
                .at(&memory.span, text)
                .help("move it, make it smaller, or give the board more memory"),
        );
    } else if range.start < least {
        problems.push(in_monitor(&entry.name.value, base, least));
    }
}

fn outside_board(name: &str, base: &Located<u64>) -> Problem {
    Problem::error(
        Code::MemoryOutsideBoard,
        format!("the memory of `{name}` lies outside the board's memory"),
    )
    .at(&base.span, format!("starts at {:#x}", base.value))
}

/// RAM that begins below `end`, where the monitor and the pristine images lie.
pub(crate) fn in_monitor(name: &str, base: &Located<u64>, end: u64) -> Problem {
    Problem::error(
        Code::MemoryInMonitor,
        format!("the memory of `{name}` overlaps the monitor or the pristine images"),
    )
    .at(&base.span, format!("starts at {:#x}", base.value))
    .help(format!(
        "start it at {end:#x} or above, or leave `base` out"
    ))
}

fn overlap(
    entry: &PartitionEntry,
    base: &Located<u64>,
    range: &Range<u64>,
    other: &Fixed<'_>,
) -> Problem {
    let show = |range: &Range<u64>| format!("{:#x} to {:#x}", range.start, range.end - 1);
    Problem::error(
        Code::MemoryOverlap,
        format!(
            "the memory of `{}` and of `{}` overlaps",
            other.entry.name.value, entry.name.value
        ),
    )
    .at(
        &base.span,
        format!("`{}`: {}", entry.name.value, show(range)),
    )
    .at(
        &other.span,
        format!("`{}`: {}", other.entry.name.value, show(&other.range)),
    )
    .help("move one of them, or leave `base` out and have it placed")
}
