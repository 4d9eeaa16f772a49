//! The plan for a person.

use super::grid::{Column, Grid};
use super::health::health;
use super::isolation::{separation, stage_2, worlds};
use super::style::{BOLD, DIM, Paint};
use crate::plan::{ImageFile, Plan, PlannedPartition};
use crate::protection::{mode_name, rights_name};
use crate::quantity::{show_rounded, show_time};
use partita_abi::image::STORE_OFFSET;
use partita_abi::table::{Console, FloatingPoint, Isolation, Kind, RegionKind, Route};
use partita_board::Architecture;
use std::cmp::Reverse;
use std::fmt::Write;

/// The plan as text: memory map, protection entries with the lines of the manifest behind them,
/// interrupt routes, who shares which core in which order, and the limits to know of.
pub fn explain(plan: &Plan, color: bool) -> String {
    let paint = Paint::new(color);
    let mut out = String::new();
    heading(plan, paint, &mut out);
    memory_map(plan, paint, &mut out);
    cores(plan, paint, &mut out);
    interrupts(plan, paint, &mut out);
    for partition in &plan.partitions {
        describe(plan, partition, paint, &mut out);
    }
    limits(plan, color, paint, &mut out);
    out
}

fn heading(plan: &Plan, paint: Paint, out: &mut String) {
    let board = plan.board;
    line!(
        out,
        "{}",
        paint.with(
            BOLD,
            &format!(
                "System {}, version {}",
                plan.system_name, plan.security_version
            )
        )
    );
    line!(out, "  {}: {}", board.name, board.description);
    let yes = |option: bool| if option { "with" } else { "without" };
    let (memory, cores) = (show_rounded(plan.memory_bytes), plan.cores);
    match &board.architecture {
        Architecture::Riscv64(riscv) => line!(
            out,
            "  {memory} of memory, {cores} cores {} Smepmp, {} Sstc and {} vectors, {} protection entries each",
            yes(plan.smepmp),
            yes(plan.sstc),
            yes(plan.vector),
            riscv.protection_entries,
        ),
        Architecture::Aarch64(_) => {
            line!(out, "  {memory} of memory, {cores} cores");
            line!(out, "  {}", worlds(plan));
        }
    }
}

fn section(title: &str, paint: Paint, out: &mut String) {
    line!(out, "\n{}", paint.with(BOLD, title));
}

/// A line of the manifest.
pub(super) fn place(plan: &Plan, line: usize) -> String {
    let file = plan.manifest.file_name().unwrap_or_default();
    format!("{}:{line}", file.to_string_lossy())
}

/// Addresses, and how many.
pub(super) fn range(base: u64, size: u64) -> [String; 2] {
    let last = base + size.saturating_sub(1);
    [format!("{base:#010x}–{last:#010x}"), show_rounded(size)]
}

fn memory_map(plan: &Plan, paint: Paint, out: &mut String) {
    section("Memory", paint, out);
    let store = plan.board.image_base + STORE_OFFSET;
    let ram_end = plan.board.ram_base + plan.memory_bytes;
    let mut pieces = vec![
        (
            plan.board.image_base,
            STORE_OFFSET,
            "monitor".to_owned(),
            String::new(),
        ),
        (
            store,
            plan.store_end - store,
            "pristine images".to_owned(),
            String::new(),
        ),
    ];
    let ram = plan.board.ram_base..ram_end;
    let memories = match plan.board.secure {
        None => vec![ram],
        Some(secure) => {
            let (base, size) = (secure.monitor.base, secure.monitor.size);
            pieces.push((base, size, "monitor's data".to_owned(), String::new()));
            let programs = secure.programs.base..secure.programs.base + secure.programs.size;
            vec![
                secure.flash.base..secure.flash.base + secure.flash.size,
                programs,
                ram,
            ]
        }
    };
    let tables = plan.board.architecture.aarch64().map(|arm| arm.stage_2);
    if let Some(tables) = tables.filter(|_| plan.has_stage_2()) {
        let what = "monitor's tables of stage 2".to_owned();
        pieces.push((tables.base, tables.size, what, String::new()));
    }
    for partition in &plan.partitions {
        let line = partition
            .regions
            .first()
            .map_or(partition.line, |region| region.line);
        let (base, size) = (partition.ram.base, partition.ram.size);
        pieces.push((base, size, partition.name.clone(), place(plan, line)));
    }
    pieces.retain(|(_, size, ..)| *size != 0);
    pieces.sort_by_key(|(base, ..)| *base);
    let mut grid = Grid::new(&[Column::Left, Column::Right, Column::Left, Column::Left]);
    let free = |from: u64, to: u64, grid: &mut Grid| {
        for memory in &memories {
            let (from, to) = (from.max(memory.start), to.min(memory.end));
            if from < to {
                let [addresses, bytes] = range(from, to - from);
                grid.faint([addresses, bytes, "free".to_owned(), String::new()]);
            }
        }
    };
    let mut free_from = 0;
    for (base, size, what, line) in pieces {
        free(free_from, base, &mut grid);
        let [addresses, bytes] = range(base, size);
        grid.row([addresses, bytes, what, line]);
        free_from = base + size;
    }
    free(free_from, u64::MAX, &mut grid);
    grid.print(paint, out);
}

fn cores(plan: &Plan, paint: Paint, out: &mut String) {
    section("Cores, most critical first", paint, out);
    let mut grid = Grid::new(&[Column::Left; 6]);
    for core in 0..plan.cores {
        let mut users: Vec<(&PlannedPartition, usize)> = plan
            .partitions
            .iter()
            .filter_map(|partition| {
                let own = partition.cores.iter().position(|used| *used == core)?;
                Some((partition, own))
            })
            .collect();
        users.sort_by_key(|(partition, _)| Reverse(partition.criticality));
        let mut label = format!("core {core}");
        if users.is_empty() {
            grid.faint([std::mem::take(&mut label), "unused".to_owned()]);
        }
        let rank = if users.len() > 1 { "shared" } else { "owned" };
        for (partition, own) in users {
            let budget = match partition.budget_ns {
                Some((budget, period)) => format!(
                    "{} in {} ({} %)",
                    show_time(budget),
                    show_time(period),
                    budget * 100 / period
                ),
                None => "no budget".to_owned(),
            };
            grid.row([
                std::mem::take(&mut label),
                partition.name.clone(),
                criticality(partition),
                format!("{rank}, its virtual core {own}"),
                budget,
                place(plan, partition.virtual_cores[own].line),
            ]);
        }
    }
    grid.print(paint, out);
}

fn criticality(partition: &PlannedPartition) -> String {
    let name = partition.criticality.name();
    if partition.criticality_name == name {
        name.to_owned()
    } else {
        format!("{} (as {name})", partition.criticality_name)
    }
}

fn interrupts(plan: &Plan, paint: Paint, out: &mut String) {
    section("Interrupts", paint, out);
    let mut grid = Grid::new(&[Column::Left; 5]);
    for partition in &plan.partitions {
        for line in &partition.lines {
            let route = match line.route {
                Route::Direct => "direct: never stops at the monitor".to_owned(),
                Route::Mediated => {
                    let core = partition.cores.first().copied().unwrap_or_default();
                    format!("mediated: by the monitor, preempts core {core}")
                }
            };
            grid.row([
                format!("line {}", line.line),
                line.device.to_owned(),
                partition.name.clone(),
                route,
                place(plan, line.manifest_line),
            ]);
        }
    }
    if grid.is_empty() {
        line!(
            out,
            "  {}",
            paint.with(DIM, "no partition owns a device with one")
        );
    }
    grid.print(paint, out);
}

fn describe(plan: &Plan, partition: &PlannedPartition, paint: Paint, out: &mut String) {
    let kind = match partition.kind {
        Kind::Program => "program",
        Kind::Linux => "Linux",
    };
    let title = format!("Partition {}", partition.name);
    section(&title, paint, out);
    line!(
        out,
        "  {kind}, {}, starts at {:#x} with its device tree at {:#x}  {}",
        criticality(partition),
        partition.entry,
        partition.device_tree,
        paint.with(DIM, &place(plan, partition.line)),
    );
    line!(out, "  {}; {}", console(partition), fp(partition));
    if !partition.arguments.is_empty() {
        line!(out, "  told: {}", partition.arguments);
    }
    separation(plan, partition, paint, out);
    parts(plan, partition, paint, out);
    regions(plan, partition, paint, out);
    streams(plan, partition, paint, out);
    protections(plan, partition, paint, out);
    stage_2(plan, partition, paint, out);
    health(plan, partition, paint, out);
}

fn console(partition: &PlannedPartition) -> &'static str {
    match partition.console {
        Console::None => "no console",
        Console::MonitorCall => "console by SBI",
        Console::Uart16550 => "console by emulated 16550",
        Console::Own => "console by a serial port of its own",
    }
}

fn fp(partition: &PlannedPartition) -> &'static str {
    match (partition.floating_point, partition.vector) {
        (FloatingPoint::None, FloatingPoint::None) => "no floating point",
        (FloatingPoint::Lazy, _) => "floating point switched at its first use",
        (FloatingPoint::Eager, FloatingPoint::None) => "floating point switched eagerly",
        (FloatingPoint::None, _) => "no floating point, vectors switched eagerly",
        (FloatingPoint::Eager, _) => "floating point and vectors switched eagerly",
    }
}

fn parts(plan: &Plan, partition: &PlannedPartition, paint: Paint, out: &mut String) {
    let mut grid = Grid::new(&[Column::Left, Column::Left, Column::Right, Column::Left]);
    let index = plan
        .partitions
        .iter()
        .position(|other| other.name == partition.name);
    for part in plan
        .parts
        .iter()
        .filter(|part| Some(part.partition) == index)
    {
        let [addresses, bytes] = range(part.destination, part.bytes.len() as u64);
        let source = match part.file {
            ImageFile::System => format!("copied from {:#x}", part.source),
            ImageFile::Normal => format!("fetched from {:#x} of the second file", part.source),
        };
        grid.row([part.role.name().to_owned(), addresses, bytes, source]);
    }
    line!(out, "\n  Loaded, each part when its hash has been checked");
    grid.print(paint, out);
}

fn regions(plan: &Plan, partition: &PlannedPartition, paint: Paint, out: &mut String) {
    let title = match (plan.board.secure, partition.kind) {
        (None, _) => "Reaches this and nothing else",
        _ if partition.isolation == Isolation::Stage2 => "Reaches this and nothing else",
        (Some(_), Kind::Linux) => {
            "Owns this; reaches all of the normal world, nothing of the secure one"
        }
        (Some(_), Kind::Program) if plan.secure_stage_2 => {
            "Reaches this and nothing else, by stage 2 in the secure world"
        }
        (Some(_), Kind::Program) => "Owns this; is part of the trusted base",
    };
    line!(out, "\n  {title}");
    let mut grid = Grid::new(&[
        Column::Left,
        Column::Right,
        Column::Left,
        Column::Left,
        Column::Left,
    ]);
    for region in &partition.regions {
        let [addresses, bytes] = range(region.base, region.size);
        let mut what = region.description.clone();
        if let (RegionKind::InterruptController, Some(core)) = (region.kind, region.only_core) {
            let _ = write!(what, ", from virtual core {core} only");
        }
        grid.row([
            addresses,
            bytes,
            rights_name(region.rights),
            what,
            place(plan, region.line),
        ]);
    }
    grid.print(paint, out);
}

fn streams(plan: &Plan, partition: &PlannedPartition, paint: Paint, out: &mut String) {
    if partition.streams.is_empty() {
        return;
    }
    line!(
        out,
        "\n  Its devices reach its memory and nothing else, by the IOMMU"
    );
    let mut grid = Grid::new(&[Column::Left; 3]);
    for streams in &partition.streams {
        let last = streams.first + streams.count - 1;
        grid.row([
            format!("streams {:#x}–{last:#x}", streams.first),
            streams.device.to_owned(),
            place(plan, streams.line),
        ]);
    }
    grid.print(paint, out);
}

fn protections(plan: &Plan, partition: &PlannedPartition, paint: Paint, out: &mut String) {
    if plan.board.architecture.riscv64().is_none() {
        return;
    }
    for core in &partition.virtual_cores {
        line!(
            out,
            "\n  PMP entries on core {}  {}",
            core.core,
            paint.with(DIM, &place(plan, core.line))
        );
        let mut grid = Grid::new(&[
            Column::Right,
            Column::Left,
            Column::Left,
            Column::Left,
            Column::Left,
            Column::Left,
        ]);
        for (offset, entry) in core.protections.iter().enumerate() {
            let Some(region) = partition.regions.get(entry.region) else {
                continue;
            };
            let what = match mode_name(entry.config) {
                "OFF" => format!("start of {}", region.description),
                _ => region.description.clone(),
            };
            grid.row([
                (core.protection_slot + offset).to_string(),
                mode_name(entry.config).to_owned(),
                rights_name(entry.config),
                format!("pmpaddr {:#012x}", entry.address),
                what,
                place(plan, region.line),
            ]);
        }
        grid.print(paint, out);
    }
    let shares_slots = plan.partitions.iter().any(|other| {
        other.name != partition.name
            && other.virtual_cores.iter().any(|theirs| {
                partition.virtual_cores.iter().any(|own| {
                    own.core == theirs.core && own.protection_slot == theirs.protection_slot
                })
            })
    });
    if shares_slots {
        line!(
            out,
            "  (written anew at each switch on shared cores: not all fit at once)"
        );
    }
}

fn limits(plan: &Plan, color: bool, paint: Paint, out: &mut String) {
    section("Limits to know of", paint, out);
    line!(
        out,
        "  Caches and the memory bus are shared: partitions on other cores can slow each other down."
    );
    if !plan.warnings.is_empty() {
        out.push('\n');
        out.push_str(&plan.warnings.render(color));
    }
}
