//! The protection plan of thousands of random systems, checked against an independent model of PMP:
//! `softcore-rv64`, translated from the RISC-V Sail specification.

mod common;

use partita_abi::image::STORE_OFFSET;
use partita_abi::table::{Kind, SystemTable};
use partita_board::{
    Aia, Board, Controller, Plic, QEMU_VIRT_RISCV64, QEMU_VIRT_RISCV64_AIA, Riscv64, Window,
};
use partita_manifest::{Code, Plan, PlannedCore, PlannedPartition, load};
use partita_monitor_core::check::{BoardLimits, Reserved};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use softcore_rv64::prelude::bv;
use softcore_rv64::raw::{self, AccessType, physaddr};
use softcore_rv64::{Core, Privilege, config, new_core};
use std::fmt::Write;
use std::fs;
use zerocopy::IntoBytes;

/// Boards that differ in their interrupt controller only.
const BOARDS: [&Board; 2] = [&QEMU_VIRT_RISCV64, &QEMU_VIRT_RISCV64_AIA];

fn riscv(board: &Board) -> &Riscv64 {
    board.architecture.riscv64().unwrap()
}
const SYSTEMS: u32 = 2000;
const MIB: u64 = 1 << 20;

/// What a random manifest says of a partition.
#[derive(Clone, Debug)]
struct Wanted {
    linux: bool,
    pages: u64,
    /// 64ths of the board's memory from its start, if the memory is fixed.
    fixed: Option<u64>,
    cores: u8,
}

/// What a random manifest says.
#[derive(Clone, Debug)]
struct System {
    board: &'static Board,
    cores: usize,
    memory_mib: u64,
    partitions: Vec<Wanted>,
    /// Owner of each device of the board, if below the number of partitions.
    owners: Vec<usize>,
    /// Addresses to try beside those of interest.
    probes: Vec<u64>,
}

fn pages() -> impl Strategy<Value = u64> {
    prop_oneof![
        (4_u32..16).prop_map(|exponent| 1 << exponent),
        16_u64..0x1_0000,
        (16_u64..0x200).prop_map(|pages| pages * 0x20),
    ]
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let fixed = prop_oneof![4 => Just(None), 1 => (2_u64..64).prop_map(Some)];
    (any::<bool>(), pages(), fixed, 1_u8..).prop_map(|(linux, pages, fixed, cores)| Wanted {
        linux,
        pages,
        fixed,
        cores,
    })
}

fn system() -> impl Strategy<Value = System> {
    (
        proptest::sample::select(&BOARDS),
        1_usize..=8,
        256_u64..2048,
        proptest::collection::vec(wanted(), 1..=4),
        proptest::collection::vec(0_usize..8, BOARDS[0].devices.len()),
        proptest::collection::vec(any::<u64>(), 12),
    )
        .prop_map(
            |(board, cores, memory_mib, partitions, owners, probes)| System {
                board,
                cores,
                memory_mib,
                partitions,
                owners,
                probes,
            },
        )
}

/// The manifest. Conflicts that other tests are about are left out: two Linux partitions never share
/// a core, no two partitions have the same criticality, and no Linux that is served before another
/// partition owns a device.
fn manifest(system: &System) -> String {
    let mut text = format!(
        "[system]\nname = \"random\"\n[board]\nname = \"{}\"\nmemory = \"{}MiB\"\ncores = {}\n",
        system.board.name, system.memory_mib, system.cores
    );
    let levels = [("ASIL-B", 2), ("QM", 0), ("ASIL-D", 4), ("ASIL-A", 1)];
    let all = ((1_u16 << system.cores) - 1) as u8;
    let cores_of = |wanted: &Wanted| match wanted.cores & all {
        0 => 1,
        some => some,
    };
    let mut linux_cores = 0;
    for (index, wanted) in system.partitions.iter().enumerate() {
        let (level, rank) = levels[index];
        let cores = cores_of(wanted);
        let is_last = system
            .partitions
            .iter()
            .zip(levels)
            .all(|(other, (_, other_rank))| other_rank >= rank || cores_of(other) & cores == 0);
        let several = cores.count_ones() > 1;
        let is_aia = matches!(riscv(system.board).controller, Controller::Aia(_));
        // With an IMSIC the cores of a Linux interrupt each other directly too.
        let waits = is_aia && several && !is_last;
        let linux = wanted.linux && cores & linux_cores == 0 && !waits;
        if linux {
            linux_cores |= cores;
        }
        let cores: Vec<String> = (0..8_usize)
            .filter(|core| cores >> core & 1 != 0)
            .map(|core| core.to_string())
            .collect();
        let devices: Vec<String> = system
            .board
            .devices
            .iter()
            .zip(&system.owners)
            .filter(|(_, owner)| **owner == index && (is_last || !linux))
            .map(|(device, _)| format!("\"{}\"", device.name))
            .collect();
        let (image, pages, alignment) = if linux {
            let image = "linux = { kernel = \"Image\", initramfs = \"initramfs.cpio\" }";
            (image, wanted.pages.max(0x600), 2 * MIB)
        } else {
            ("image = \"relocated.elf\"", wanted.pages, 0x1000)
        };
        let size = pages * 4;
        let memory = match wanted.fixed {
            Some(place) => {
                let base = system.board.ram_base + system.memory_mib * MIB / 64 * place;
                let base = base - base % alignment;
                format!("{{ base = \"{base:#x}\", size = \"{size}KiB\" }}")
            }
            None => format!("\"{size}KiB\""),
        };
        let _ = write!(
            text,
            "[partition.p{index}]\ncriticality = \"{level}\"\n{image}\nmemory = {memory}\n\
             cores = [{}]\ndevices = [{}]\naccept = [\"dma\"]\n",
            cores.join(", "),
            devices.join(", ")
        );
    }
    text
}

/// What a virtual core may reach, by the rules and not by the plan's own list.
fn rights(plan: &Plan, partition: &PlannedPartition, core: usize) -> Vec<(Window, &'static str)> {
    let mut rights = vec![(partition.ram, "rwx")];
    for device in &partition.devices {
        rights.push((device.window, "rw"));
    }
    if partition.kind != Kind::Linux {
        return rights;
    }
    match &riscv(plan.board).controller {
        Controller::Plic(plic) => {
            let shared = Window {
                base: plic.window.base,
                size: Plic::SHARED_BYTES,
            };
            let own = Window {
                base: plic.window.base + Plic::context_offset(plic.supervisor_context(core)),
                size: Plic::CONTEXT_BYTES,
            };
            rights.extend([(shared, "r"), (own, "rw")]);
        }
        // The files of all its cores, from each of them. Neighbours are one window.
        Controller::Aia(aia) => {
            let has = |core: usize| partition.virtual_cores.iter().any(|own| own.core == core);
            for first in (0..plan.cores).filter(|core| has(*core) && (*core == 0 || !has(core - 1)))
            {
                let count = (first..plan.cores).take_while(|core| has(*core)).count();
                let files = Window {
                    base: aia.supervisor_file(first),
                    size: Aia::FILE_BYTES * count as u64,
                };
                rights.push((files, "rw"));
            }
        }
    }
    rights
}

/// Everything there is, with edges worth trying.
fn windows(plan: &Plan) -> Vec<Window> {
    let monitor = Window {
        base: plan.board.ram_base,
        size: STORE_OFFSET,
    };
    let store = Window {
        base: plan.board.ram_base + STORE_OFFSET,
        size: plan.store_end - plan.board.ram_base - STORE_OFFSET,
    };
    let uart = Window {
        size: 0x1000,
        ..plan.board.uart.window
    };
    let mut windows = vec![
        monitor,
        store,
        riscv(plan.board).aclint,
        plan.board.finisher.window,
        uart,
    ];
    windows.push(riscv(plan.board).controller.window());
    windows.extend(riscv(plan.board).controller.private());
    windows.retain(|window| window.size != 0);
    windows.extend(plan.board.devices.iter().map(|device| device.window));
    windows.extend(plan.partitions.iter().map(|partition| partition.ram));
    match &riscv(plan.board).controller {
        Controller::Plic(plic) => {
            windows.push(Window {
                size: Plic::SHARED_BYTES,
                ..plic.window
            });
            windows.extend((0..2 * plan.cores).map(|context| Window {
                base: plic.window.base + Plic::context_offset(context),
                size: Plic::CONTEXT_BYTES,
            }));
        }
        Controller::Aia(aia) => windows.extend((0..plan.cores).map(|core| Window {
            base: aia.supervisor_file(core),
            size: Aia::FILE_BYTES,
        })),
    }
    windows
}

fn probes(plan: &Plan, system: &System) -> Vec<u64> {
    let mut probes = vec![0, u64::MAX >> 9];
    for window in windows(plan) {
        let end = window.base + window.size;
        // The first and last bytes, their neighbours, and accesses that lie across an edge.
        probes.extend([window.base, window.base - 8, window.base - 4]);
        probes.extend([end - 8, end, end - 4]);
    }
    for (index, probe) in system.probes.iter().enumerate() {
        let (base, size) = if index % 2 == 0 {
            (plan.board.ram_base, plan.memory_bytes)
        } else {
            (0, plan.board.ram_base)
        };
        probes.push(base + probe % size);
    }
    probes.sort_unstable();
    probes.dedup();
    probes
}

/// A hart on which only this virtual core's entries are set, in their slots.
fn program(board: &Board, core: &PlannedCore, grain: i128) -> Core {
    let mut settings = config::U74;
    settings.memory.pmp.grain = grain;
    let mut hart = new_core(settings);
    hart.reset();
    hart.set_mode(Privilege::Supervisor);
    let mut configs = [0_u8; 16];
    for slot in 0..riscv(board).protection_entries {
        // Nothing may depend on what the slots before hold.
        hart.set_pmpaddr(slot, 0x2345_6789 * (slot as u64 + 1));
    }
    for (offset, entry) in core.protections.iter().enumerate() {
        let slot = core.protection_slot + offset;
        assert!(slot >= riscv(board).monitor_protection_entries);
        assert_eq!(entry.config & 0x80, 0, "a locked entry binds the monitor");
        hart.set_pmpaddr(slot, entry.address);
        configs[slot] = entry.config;
    }
    for register in 0..2 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&configs[8 * register..8 * register + 8]);
        hart.set_pmpcfg(2 * register, u64::from_le_bytes(bytes));
    }
    hart
}

fn check(plan: &Plan, system: &System) {
    let probes = probes(plan, system);
    for partition in &plan.partitions {
        for core in &partition.virtual_cores {
            let rights = rights(plan, partition, core.core);
            // Byte-precise hardware on some cores, the coarsest that pages allow on the others.
            let grain = if core.core % 2 == 0 { 0 } else { 10 };
            let mut hart = program(plan.board, core, grain);
            for address in &probes {
                check_access(&mut hart, *address, &rights, &partition.name, core);
            }
        }
    }
    check_slots(plan);
}

fn check_access(
    hart: &mut Core,
    address: u64,
    rights: &[(Window, &str)],
    name: &str,
    core: &PlannedCore,
) {
    let end = address + 8;
    let found = rights
        .iter()
        .find(|(window, _)| window.base <= address && end <= window.base + window.size);
    let found = found.map_or("", |(_, rights)| rights);
    let kinds = [
        ('r', AccessType::Read(())),
        ('w', AccessType::Write(())),
        ('x', AccessType::InstructionFetch(())),
    ];
    for (letter, kind) in kinds {
        let place = physaddr::Physaddr(bv(address));
        let mode = Privilege::Supervisor;
        let allowed = raw::pmpCheck(hart, place, 8, kind, mode).is_none();
        assert_eq!(
            allowed,
            found.contains(letter),
            "{letter} at {address:#x} by {name} on core {}: {:x?}",
            core.core,
            core.protections
        );
    }
}

/// On each core, either no two partitions have a slot in common, or all have the first.
fn check_slots(plan: &Plan) {
    for core in 0..plan.cores {
        let mut users: Vec<&PlannedCore> = plan
            .partitions
            .iter()
            .flat_map(|partition| &partition.virtual_cores)
            .filter(|user| user.core == core)
            .collect();
        users.sort_by_key(|user| user.protection_slot);
        let first = riscv(plan.board).monitor_protection_entries;
        let total: usize = users.iter().map(|user| user.protections.len()).sum();
        let apart = total <= riscv(plan.board).protection_entries - first;
        let mut next = first;
        for user in users {
            let end = user.protection_slot + user.protections.len();
            assert_eq!(user.protection_slot, if apart { next } else { first });
            assert!(end <= riscv(plan.board).protection_entries);
            next = end;
        }
    }
}

/// The monitor finds nothing wrong with the table when it boots.
fn check_table(plan: &Plan) {
    let reserve = |window: Window| Reserved {
        base: window.base,
        size: window.size,
    };
    let board = plan.board;
    let mut reserved = vec![
        riscv(board).aclint,
        board.finisher.window,
        board.uart.window,
    ];
    reserved.extend(riscv(board).controller.private());
    let reserved: Vec<_> = reserved.into_iter().map(reserve).collect();
    let limits = BoardLimits {
        name: plan.board.name,
        ram_base: plan.board.ram_base,
        image_base: plan.board.image_base,
        secure: None,
        first_core: plan.board.first_core as u16,
        lines: riscv(plan.board).controller.lines(),
        console_line: plan.board.uart.line,
        reserved: &reserved,
        controller: reserve(riscv(plan.board).controller.window()),
        streams: 0,
    };
    let mut words = vec![0_u64; plan.table.len().div_ceil(8)];
    words.as_mut_bytes()[..plan.table.len()].copy_from_slice(&plan.table);
    let table = SystemTable::parse(words.as_bytes()).unwrap();
    assert_eq!(partita_monitor_core::check::check(&table, &limits), Ok(()));
    assert_eq!(
        partita_virtual_riscv64::pmp::check(&table, riscv(plan.board)),
        Ok(())
    );
}

/// No byte belongs to two partitions' memory, or to one's and the monitor's.
fn check_memory(plan: &Plan) {
    let mut rams: Vec<Window> = plan
        .partitions
        .iter()
        .map(|partition| partition.ram)
        .collect();
    rams.sort_by_key(|ram| ram.base);
    let mut free_from = plan.store_end;
    for ram in rams {
        assert!(ram.base >= free_from);
        free_from = ram.base + ram.size;
    }
    assert!(free_from <= plan.board.ram_base + plan.memory_bytes);
    for part in &plan.parts {
        let ram = plan.partitions[part.partition].ram;
        let size = part.bytes.len() as u64;
        assert!(part.source >= plan.board.ram_base + STORE_OFFSET);
        assert!(part.source + size <= plan.store_end);
        assert!(part.destination >= ram.base);
        assert!(part.destination + size <= ram.base + ram.size);
    }
}

#[test]
fn a_partition_reaches_what_is_its_own_and_nothing_else() {
    let folder = common::folder("protection");
    let path = folder.join("system.toml");
    let mut runner = TestRunner::new(Config {
        cases: SYSTEMS,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&system(), |system| {
        fs::write(&path, manifest(&system)).unwrap();
        match load(&path) {
            Ok(plan) => {
                check_memory(&plan);
                check_table(&plan);
                check(&plan, &system);
            }
            Err(problems) => {
                // Random sizes and fixed places may not fit; nothing else can be wrong.
                let expected = [
                    Code::MemoryFull,
                    Code::MemoryOverlap,
                    Code::MemoryOutsideBoard,
                ];
                for problem in &problems {
                    let code = problem.code;
                    let fits =
                        expected.contains(&code) || code == Code::NoBudget || code == Code::Dma;
                    prop_assert!(fits || code == Code::UnneededAcceptance, "{problems}");
                }
                return Err(TestCaseError::reject("does not fit"));
            }
        }
        Ok(())
    });
    outcome.unwrap();
}

/// A number everywhere in a table.
fn replace(table: &mut [u8], from: u64, to: u64) {
    let (from, to) = (from.to_le_bytes(), to.to_le_bytes());
    let mut count = 0;
    for at in (0..=table.len() - 8).step_by(8) {
        if table[at..at + 8] == from {
            table[at..at + 8].copy_from_slice(&to);
            count += 1;
        }
    }
    assert_ne!(count, 0, "the table has no such number");
}

#[test]
fn the_monitor_refuses_a_table_with_the_interrupt_file_of_another_hart() {
    let folder = common::folder("interrupt-file");
    let path = folder.join("system.toml");
    let manifest = r#"
system.name = "files"
board = { name = "qemu-virt-riscv64-aia", memory = "512MiB", cores = 4 }

[partition.linux]
criticality = "QM"
linux = { kernel = "Image", initramfs = "initramfs.cpio" }
memory = "64MiB"
cores = [1]
"#;
    fs::write(&path, manifest).unwrap();
    let plan = load(&path).unwrap();
    let Controller::Aia(aia) = &riscv(plan.board).controller else {
        panic!("the board has interrupt files")
    };
    let entry = |file: u64| file >> 2 | (Aia::FILE_BYTES / 8 - 1);
    let own = aia.supervisor_file(1);
    let machine = aia.machine_files.base + Aia::FILE_BYTES;
    let foreign = [aia.supervisor_file(0), aia.supervisor_file(2), machine];
    for (file, outcome) in [(own, Ok(()))]
        .into_iter()
        .chain(foreign.map(|file| (file, Err(0))))
    {
        let mut words = vec![0_u64; plan.table.len().div_ceil(8)];
        let table = &mut words.as_mut_bytes()[..plan.table.len()];
        table.copy_from_slice(&plan.table);
        replace(table, own, file);
        replace(table, entry(own), entry(file));
        let table = SystemTable::parse(table).unwrap();
        let checked = partita_virtual_riscv64::pmp::check(&table, riscv(plan.board));
        assert_eq!(checked, outcome, "{file:#x}");
    }
}
