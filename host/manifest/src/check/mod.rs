//! Checks a parsed manifest as a whole: everything that two lines of it can disagree about.

mod acceptances;
mod cores;
mod health;
mod isolation;
mod memory;
mod vectors;
mod worlds;
pub(crate) use memory::{PAGE_BYTES, in_monitor};

use crate::Code;
use crate::health::Health;
use crate::images::Image;
use crate::manifest::{Located, Manifest, PartitionEntry, Payload};
use crate::problem::{Problem, Problems};
use crate::suggest;
use crate::system::{Partition, System};
use partita_abi::table::{Console, FloatingPoint, Isolation};
use partita_board::{Board, Device, Riscv64};
use std::ops::Range;

/// Budgets below this would be spent on switching alone.
const LEAST_BUDGET_NS: u64 = 10_000;

/// Reports every conflict. The system is there if nothing in `problems` is an error.
pub(crate) fn check(
    mut manifest: Manifest,
    images: Vec<Option<Image>>,
    problems: &mut Problems,
) -> Option<System> {
    check_count(&manifest, problems);
    check_board(&manifest, problems);
    if let Some(board) = manifest.board.as_ref().map(|board| board.value) {
        isolation::check(&manifest, problems);
        worlds::check(&manifest, board, problems);
        worlds::add_console_ports(&mut manifest, board);
    }
    let board = manifest.board.as_ref().map(|board| board.value);
    for entry in &manifest.partitions {
        check_options(entry, problems);
        check_vector(&manifest, entry, problems);
        check_lazy(board, entry, problems);
        check_budget(entry, problems);
        acceptances::check(&manifest, entry, board, problems);
    }
    check_devices(&manifest, problems);
    vectors::check(&manifest, problems);
    health::check(&manifest, problems);
    cores::check(&manifest, problems);
    memory::check(&manifest, &images, problems);
    let focus = find_focus(&manifest, problems);
    if problems.has_errors() {
        return None;
    }
    complete(manifest, images, focus?)
}

fn check_count(manifest: &Manifest, problems: &mut Problems) {
    if let Some(entry) = manifest.partitions.get(partita_abi::MAX_PARTITIONS) {
        problems.push(
            Problem::error(
                Code::TooManyPartitions,
                format!(
                    "the system has {} partitions, the monitor has room for {}",
                    manifest.partitions.len(),
                    partita_abi::MAX_PARTITIONS
                ),
            )
            .at(&entry.name.span, "the first one too many")
            .help("put programs that trust each other into one partition"),
        );
    }
}

fn check_board(manifest: &Manifest, problems: &mut Problems) {
    let Some(board) = &manifest.board else { return };
    check_extensions(manifest, board, problems);
    check_processor(manifest, board, problems);
    if let Some(vector) = &manifest.vector
        && vector.value
        && !has(board.value, |riscv| riscv.vector)
    {
        problems.push(
            Problem::error(
                Code::NoVector,
                format!("`{}` cannot have vectors", board.value.name),
            )
            .at(&vector.span, "the V extension")
            .at(&board.span, "of this board")
            .help("remove it"),
        );
    }
    let (least, most) = board.value.ram_sizes;
    if let Some(memory) = &manifest.memory {
        let wrong = if memory.value % memory::PAGE_BYTES != 0 {
            Some(Code::Unaligned)
        } else if !(least..=most).contains(&memory.value) {
            Some(Code::BoardMemory)
        } else {
            None
        };
        if let Some(code) = wrong {
            problems.push(
                Problem::error(
                    code,
                    format!("`{}` cannot have this much memory", board.value.name),
                )
                .at(&memory.span, "this size")
                .at(&board.span, "of this board")
                .help(format!(
                    "give it a multiple of 4KiB from {} to {}",
                    crate::quantity::show_size(least),
                    crate::quantity::show_size(most)
                )),
            );
        }
    }
    let most = board.value.max_cores.min(partita_abi::MAX_CORES);
    let least = board.value.first_core + 1;
    if let Some(cores) = &manifest.cores
        && !(least..=most).contains(&cores.value)
    {
        problems.push(
            Problem::error(
                Code::BoardCores,
                format!("`{}` cannot have this many cores", board.value.name),
            )
            .at(&cores.span, "this number")
            .at(&board.span, "of this board")
            .help(format!("give it {least} to {most} cores")),
        );
    }
}

/// Whether the board's cores can have an extension of RISC-V.
fn has(board: &Board, extension: impl Fn(&Riscv64) -> bool) -> bool {
    board.architecture.riscv64().is_some_and(extension)
}

/// The processor that the manifest chooses, as QEMU's `-cpu` takes it.
fn processor(manifest: &Manifest, board: &Board) -> Option<&'static str> {
    let wanted = manifest.cpu.as_ref()?;
    let mut cpus = board.qemu.cpus.iter();
    let (_, argument) = cpus.find(|(name, _)| *name == wanted.value)?;
    Some(argument)
}

/// Whether programs run behind stage 2: in the secure world, where the chosen processor has EL2 there.
fn has_secure_stage_2(manifest: &Manifest, board: &Board) -> bool {
    let (Some(cpu), Some(arm)) = (&manifest.cpu, board.architecture.aarch64()) else {
        return false;
    };
    arm.secure_hypervisor.contains(&cpu.value.as_str())
}

fn check_processor(manifest: &Manifest, board: &Located<&'static Board>, problems: &mut Problems) {
    let Some(wanted) = &manifest.cpu else { return };
    if processor(manifest, board.value).is_some() {
        return;
    }
    let names = board.value.qemu.cpus.iter().map(|(name, _)| *name);
    let help = match board.value.qemu.cpus {
        [] => "remove it: this board has one kind of processor".to_owned(),
        _ => suggest::help(&wanted.value, names),
    };
    problems.push(
        Problem::error(
            Code::UnknownProcessor,
            format!("`{}` has no processor `{}`", board.value.name, wanted.value),
        )
        .at(&wanted.span, "wanted here")
        .at(&board.span, "this board")
        .help(help),
    );
}

/// Smepmp and Sstc: the board can have them or not, and the manifest can do without.
fn check_extensions(manifest: &Manifest, board: &Located<&'static Board>, problems: &mut Problems) {
    for (wanted, has, name) in [
        (
            &manifest.smepmp,
            has(board.value, |riscv| riscv.smepmp),
            "Smepmp",
        ),
        (&manifest.sstc, has(board.value, |riscv| riscv.sstc), "Sstc"),
    ] {
        if let Some(wanted) = wanted.as_ref().filter(|wanted| wanted.value && !has) {
            problems.push(
                Problem::error(
                    Code::BoardExtension,
                    format!("the cores of `{}` have no {name}", board.value.name),
                )
                .at(&wanted.span, "wanted here")
                .at(&board.span, "this board")
                .help("remove it"),
            );
        }
    }
    let iommu = manifest.iommu.as_ref().filter(|wanted| wanted.value);
    if let Some(wanted) = iommu
        && !has_iommu(board.value)
    {
        problems.push(
            Problem::error(
                Code::BoardExtension,
                format!("`{}` has no IOMMU", board.value.name),
            )
            .at(&wanted.span, "wanted here")
            .at(&board.span, "this board")
            .help("remove it"),
        );
    }
    let without = "without Smepmp nothing keeps the monitor from overwriting its own text";
    let problem = Problem::warning(Code::NoSmepmp, without);
    if board.value.architecture.riscv64().is_none() {
        return;
    }
    if !has(board.value, |riscv| riscv.smepmp) {
        problems.push(problem.at(&board.span, "this board's cores do not have it"));
    } else if let Some(smepmp) = manifest.smepmp.as_ref().filter(|smepmp| !smepmp.value) {
        problems.push(
            problem
                .at(&smepmp.span, "switched off here")
                .help("remove it where the board has Smepmp"),
        );
    }
}

/// Whether the board can have something that bounds what devices reach.
fn has_iommu(board: &Board) -> bool {
    let arm = board.architecture.aarch64();
    arm.is_some_and(|arm| arm.iommu.is_some())
}

/// Whether the board's cores have the V extension.
fn has_vector(manifest: &Manifest) -> bool {
    manifest.vector.as_ref().is_some_and(|option| option.value)
}

fn check_vector(manifest: &Manifest, entry: &PartitionEntry, problems: &mut Problems) {
    if let Some(wanted) = &entry.vector
        && wanted.value != FloatingPoint::None
        && !has_vector(manifest)
    {
        let message = format!(
            "`{}` uses vectors, and the board has none",
            entry.name.value
        );
        let mut problem = Problem::error(Code::NoVector, message).at(&wanted.span, "needs vectors");
        if let Some(option) = &manifest.vector {
            problem = problem.at(&option.span, "the cores are without them");
        }
        let help = "write `vector = true` in `[board]` if its cores have the V extension, or leave `vector` out here";
        problems.push(problem.help(help));
    }
}

/// RISC-V has no trap at the first use (privileged specification, 3.1.6.6: supervisor mode owns `FS` and `VS`).
fn check_lazy(board: Option<&Board>, entry: &PartitionEntry, problems: &mut Problems) {
    let traps = board.is_none_or(|board| board.architecture.aarch64().is_some());
    let options = [
        ("floating point", &entry.floating_point, traps),
        ("vectors", &entry.vector, false),
    ];
    for (what, option, _) in options.iter().filter(|(_, _, traps)| !traps) {
        if let Some(option) = option
            && option.value == FloatingPoint::Lazy
        {
            let message = format!(
                "the {what} of `{}` cannot be switched at the first use",
                entry.name.value
            );
            problems.push(
                Problem::error(Code::NoLazySwitch, message)
                    .at(&option.span, "the board's cores do not trap it")
                    .help("write `\"eager\"`"),
            );
        }
    }
}

fn check_options(entry: &PartitionEntry, problems: &mut Problems) {
    let Some(Payload::Linux(linux)) = &entry.payload else {
        return;
    };
    if let Some(floating_point) = &entry.floating_point
        && floating_point.value == FloatingPoint::None
    {
        problems.push(
            Problem::error(Code::LinuxWithoutFp, "Linux uses floating point")
                .at(&floating_point.span, "forbids it")
                .at(&linux.span, "runs Linux")
                .help("write `fp = \"eager\"`, or leave `fp` out"),
        );
    }
    if let Some(arguments) = &entry.arguments {
        let mut problem = Problem::error(
            Code::ArgumentsForLinux,
            "Linux takes its arguments from `command-line`",
        )
        .at(&arguments.span, "not used by Linux")
        .help("move them to `command-line` in `linux = { … }`");
        let other = linux.command_line.as_ref().map(|line| &line.span);
        problem = problem.at(other.unwrap_or(&linux.span), "runs Linux");
        problems.push(problem);
    }
}

fn check_budget(entry: &PartitionEntry, problems: &mut Problems) {
    match (&entry.budget, &entry.period) {
        (Some(budget), None) if !entry.has_period => problems.push(
            Problem::error(Code::BudgetWithoutPeriod, "a budget needs a period")
                .at(&budget.span, "how much of what?")
                .help("add a line such as `period = \"1ms\"`"),
        ),
        (None, Some(period)) if !entry.has_budget => problems.push(
            Problem::error(Code::PeriodWithoutBudget, "a period needs a budget")
                .at(&period.span, "bounds nothing")
                .help("add a line such as `budget = \"500us\"`, or remove the period"),
        ),
        (Some(budget), Some(period)) if budget.value > period.value => problems.push(
            Problem::error(
                Code::BudgetExceedsPeriod,
                "the budget is longer than its period",
            )
            .at(&budget.span, "budget")
            .at(&period.span, "period")
            .help("make the budget shorter or the period longer"),
        ),
        (Some(budget), Some(_)) if budget.value < LEAST_BUDGET_NS => problems.push(
            Problem::error(Code::BudgetTooShort, "the budget is too short to be kept")
                .at(&budget.span, "would be spent on switching alone")
                .help(format!(
                    "make it {} at least, and the period longer to match",
                    crate::quantity::show_time(LEAST_BUDGET_NS)
                )),
        ),
        _ => {}
    }
}

fn check_devices(manifest: &Manifest, problems: &mut Problems) {
    let mut owners: Vec<(usize, &str, &Range<usize>)> = Vec::new();
    for (index, entry) in manifest.partitions.iter().enumerate() {
        for device in &entry.devices {
            let name = device.value.name;
            match owners.iter().find(|(_, other, _)| *other == name) {
                None => owners.push((index, name, &device.span)),
                Some((owner, _, first)) if *owner == index => problems.push(
                    Problem::error(
                        Code::DuplicateDevice,
                        format!("`{}` lists the device `{name}` twice", entry.name.value),
                    )
                    .at(&device.span, "second time")
                    .at(first, "first time")
                    .help("remove one"),
                ),
                Some((owner, _, first)) => {
                    let first_name = &manifest.partitions[*owner].name.value;
                    problems.push(
                        Problem::error(
                            Code::DeviceConflict,
                            format!(
                                "`{first_name}` and `{}` both own the device `{name}`",
                                entry.name.value
                            ),
                        )
                        .at(
                            &device.span,
                            format!("owned by `{}` here", entry.name.value),
                        )
                        .at(first, format!("owned by `{first_name}` here"))
                        .help("a device has one owner: remove it from one of them"),
                    );
                }
            }
        }
    }
}

fn console_of(entry: &PartitionEntry, isolation: Isolation, board: Option<&Board>) -> Console {
    let default = match entry.payload {
        Some(Payload::Linux(_)) => Console::Uart16550,
        _ => Console::MonitorCall,
    };
    let console = entry.console.as_ref().map(|console| console.value);
    match (console.unwrap_or(default), board) {
        (Console::Uart16550, Some(board))
            if isolation == Isolation::Board && board.console_port().is_some() =>
        {
            Console::Own
        }
        (console, _) => console,
    }
}

fn has_console(entry: &PartitionEntry) -> bool {
    console_of(entry, Isolation::Board, None) != Console::None
}

fn find_focus(manifest: &Manifest, problems: &mut Problems) -> Option<usize> {
    let partitions = &manifest.partitions;
    let Some(wanted) = &manifest.focus else {
        let linux = |entry: &PartitionEntry| {
            matches!(entry.payload, Some(Payload::Linux(_))) && has_console(entry)
        };
        let any = has_console;
        let found = partitions.iter().position(linux);
        return Some(
            found
                .or_else(|| partitions.iter().position(any))
                .unwrap_or(0),
        );
    };
    let found = partitions
        .iter()
        .position(|entry| entry.name.value == wanted.value);
    let Some(index) = found else {
        problems.push(
            Problem::error(
                Code::UnknownPartition,
                format!("there is no partition `{}`", wanted.value),
            )
            .at(&wanted.span, "unknown partition")
            .help(suggest::help(
                &wanted.value,
                partitions.iter().map(|entry| entry.name.value.as_str()),
            )),
        );
        return None;
    };
    let entry = &partitions[index];
    if let Some(console) = &entry.console
        && console.value == Console::None
    {
        problems.push(
            Problem::error(
                Code::FocusWithoutConsole,
                format!("`{}` has no console to give input to", wanted.value),
            )
            .at(&wanted.span, "gets the input at first")
            .at(&console.span, "has no console")
            .help("name another partition, or give this one a console"),
        );
    }
    Some(index)
}

/// Takes apart a manifest in which nothing is missing.
fn complete(manifest: Manifest, images: Vec<Option<Image>>, focus: usize) -> Option<System> {
    let health: Vec<_> = manifest
        .partitions
        .iter()
        .map(|entry| health::complete(entry, &manifest))
        .collect();
    let isolations: Vec<_> = manifest
        .partitions
        .iter()
        .map(|entry| manifest.isolation_of(entry))
        .collect();
    let vector = has_vector(&manifest);
    let streams: Vec<_> = manifest
        .partitions
        .iter()
        .map(|entry| {
            let devices = entry.devices.iter();
            let bounded = |device: &Located<&'static Device>| {
                let master = manifest.bounded(entry, device.value)?;
                Some(Located::new(master, device.span.clone()))
            };
            devices.filter_map(bounded).collect()
        })
        .collect();
    let board = manifest.board.as_ref()?.value;
    let cpu = processor(&manifest, board);
    // It is of no use to those that are not in the secure world.
    let secure_stage_2 =
        has_secure_stage_2(&manifest, board) && isolations.contains(&Isolation::Board);
    let partitions = manifest
        .partitions
        .into_iter()
        .zip(images)
        .zip(health)
        .zip(isolations)
        .zip(streams)
        .map(|((((entry, image), health), isolation), streams)| {
            let partition = complete_partition(entry, image?, health, isolation, vector, board)?;
            Some(Partition {
                streams,
                ..partition
            })
        })
        .collect::<Option<Vec<_>>>()?;
    let or =
        |option: Option<Located<bool>>, board: bool| option.map_or(board, |wanted| wanted.value);
    Some(System {
        name: manifest.system_name?.value,
        version: manifest.version.unwrap_or(0),
        board,
        memory: manifest.memory?,
        cores: manifest.cores?.value,
        cpu,
        secure_stage_2,
        smepmp: or(manifest.smepmp, has(board, |riscv| riscv.smepmp)),
        sstc: or(manifest.sstc, has(board, |riscv| riscv.sstc)),
        vector,
        partitions,
        focus,
    })
}

fn complete_partition(
    entry: PartitionEntry,
    image: Image,
    health: Health,
    isolation: Isolation,
    has_vector: bool,
    board: &Board,
) -> Option<Partition> {
    let base = memory::fixed_base(&entry, Some(&image));
    let console = console_of(&entry, isolation, Some(board));
    let (image_span, arguments) = match entry.payload? {
        Payload::Program(file) => (file.span, entry.arguments),
        Payload::Linux(linux) => (linux.span, linux.command_line),
    };
    let vector = match image {
        Image::Linux(_) if has_vector => FloatingPoint::Eager,
        _ => FloatingPoint::None,
    };
    let floating_point = match image {
        Image::Linux(_) if board.architecture.aarch64().is_some() => FloatingPoint::Lazy,
        _ => FloatingPoint::Eager,
    };
    let criticality = entry.criticality?;
    Some(Partition {
        name: entry.name,
        criticality_name: criticality.value.1,
        criticality: criticality.map(|(level, _)| level),
        image,
        image_span,
        isolation,
        streams: Vec::new(),
        arguments: arguments.map_or_else(String::new, |text| text.value),
        memory: entry.memory?,
        base,
        cores: entry
            .cores?
            .value
            .into_iter()
            .map(|core| core.map(|number| number as usize))
            .collect(),
        floating_point: entry
            .floating_point
            .map_or(floating_point, |option| option.value),
        vector: entry.vector.map_or(vector, |option| option.value),
        budget: entry
            .budget
            .zip(entry.period)
            .map(|(budget, period)| (budget.value, period.value)),
        devices: entry.devices,
        console,
        health,
    })
}
