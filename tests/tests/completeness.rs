//! A switch keeps everything that a partition can write. Which registers there are is not taken from the
//! monitor: the guest tries every number, and the machine's own list (`partita_tests::machine`) says what it
//! may have missed. Each register is switched, or out of reach, or on a list here with a reason.

use partita_tests::{Run, System};
use std::collections::{BTreeMap, BTreeSet};

/// Registers that a partition can read and that are not its own.
const SHARED: &[(&str, &str)] = &[
    ("cycle", "counts for everybody"),
    ("time", "counts for everybody"),
    ("instret", "counts for everybody"),
];

/// Registers of the machine that a partition does not have, by the beginning of their names.
const OUT_OF_REACH: &[(&str, &str)] = &[
    ("hpmcounter", "`mcounteren` does not let them through"),
    ("seed", "`mseccfg.SSEED` is 0"),
    ("ssp", "`menvcfg.SSE` is 0"),
    ("sireg", "`mstateen0` keeps indirect access off"),
    ("siselect", "`mstateen0` keeps indirect access off"),
    ("sstateen", "`mstateen0` to `mstateen3` keep it off"),
];

/// Registers that the machine has only when machine mode has turned them on, after it made its list.
const TURNED_ON: &[(u16, &str)] = &[(0x14d, "stimecmp")];

/// Registers of which no machine may be without, so that a mistake here cannot pass as "there are none".
const EXPECTED: &[&str] = &[
    "fflags",
    "frm",
    "fcsr",
    "vstart",
    "vxsat",
    "vxrm",
    "vcsr",
    "sstatus",
    "sie",
    "stvec",
    "scounteren",
    "senvcfg",
    "sscratch",
    "sepc",
    "scause",
    "stval",
    "sip",
    "stimecmp",
    "satp",
];

/// What a guest says of a register.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// The bits that were held as one and, at another time, as zero.
    held: u64,
    /// How often it was not as it had been left.
    differed: u32,
}

fn two(top: &str, bottom: &str) -> System {
    System::on_board(
        "cores = 1\nmemory = \"512MiB\"\nvector = true",
        &format!(
            r#"
            [partition.top]
            criticality = "ASIL-B"
            image = "$guest"
            arguments = "state seed:17 {top}"
            memory = "512KiB"
            cores = [0]
            vector = "eager"
            budget = "60us"
            period = "100us"

            [partition.bottom]
            criticality = "QM"
            image = "$guest"
            arguments = "state seed:2989 {bottom}"
            memory = "512KiB"
            cores = [0]
            vector = "eager"
            "#
        ),
    )
    .shift(1)
}

/// The registers that a guest has found and held.
fn found(run: &Run, partition: &str) -> BTreeMap<u16, Found> {
    let registers = run.texts(partition).filter_map(|line| {
        let words: Vec<_> = line.strip_prefix("state: csr 0x")?.split(' ').collect();
        let [number, held, differed] = words[..] else {
            panic!("{line}")
        };
        let held = u64::from_str_radix(held.trim_start_matches("0x"), 16).unwrap();
        let differed = differed.parse().unwrap();
        Some((
            u16::from_str_radix(number, 16).unwrap(),
            Found { held, differed },
        ))
    });
    registers.collect()
}

/// Judges a run on a machine whose own list is `machine`.
fn judge(run: &Run, machine: &BTreeMap<u16, String>) {
    // Machine mode's own cannot be reached: privileged specification, 2.1.
    let mut names: BTreeMap<u16, &str> = machine
        .iter()
        .filter(|(number, _)| *number >> 8 & 3 != 3)
        .map(|(number, name)| (*number, name.as_str()))
        .collect();
    names.extend(TURNED_ON.iter().copied());
    let mut complaints = Vec::new();
    for partition in ["top", "bottom"] {
        run.assert_said(
            partition,
            "state: integers 0 floating-point 0 vectors 0 wrong",
        );
        let found = found(run, partition);
        for (number, Found { held, differed }) in &found {
            let Some(name) = names.get(number) else {
                complaints.push(format!("{partition}: register {number:#x} is on no list"));
                continue;
            };
            let is_shared = SHARED.iter().any(|(shared, _)| shared == name) && *held == 0;
            if *differed != 0 && !is_shared {
                complaints.push(format!("{partition}: {name} is not switched"));
            }
        }
        for (number, name) in &names {
            let is_kept_off = OUT_OF_REACH
                .iter()
                .any(|(start, _)| name.starts_with(start));
            if found.contains_key(number) == is_kept_off {
                let has = if is_kept_off { "has" } else { "does not have" };
                complaints.push(format!("{partition} {has} {name}"));
            }
        }
        let held: BTreeSet<&str> = found
            .iter()
            .filter(|(_, found)| found.held != 0)
            .filter_map(|(number, _)| names.get(number).copied())
            .collect();
        // One that waits has to enable the timer, and to set it.
        for name in EXPECTED.iter().filter(|_| partition == "bottom") {
            if !held.contains(name) {
                complaints.push(format!("{partition} did not hold anything in {name}"));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn everything_that_a_partition_can_write_survives_when_it_gives_the_core_away() {
    let system = two(
        "rounds:2000 period-us:40",
        "rounds:300 period-us:150 spin:1",
    );
    let machine = system.control_registers();
    let run = system
        .expect("bottom", "rounds")
        .until("top", "rounds")
        .run();
    judge(&run, &machine);
    assert!(run.report().cores[&0].switches > 4000);
}

#[test]
fn everything_that_a_partition_can_write_survives_when_it_is_preempted_anywhere() {
    let system = two(
        "rounds:800 period-us:170 spin:1",
        "rounds:800 period-us:110 spin:1",
    );
    let machine = system.control_registers();
    let run = system
        .expect("top", "rounds")
        .until("bottom", "rounds")
        .run();
    judge(&run, &machine);
    assert!(run.report().cores[&0].switches > 2000);
}

#[test]
fn registers_of_extensions_that_partitions_are_not_told_of_are_out_of_reach_or_switched() {
    let system = two("rounds:300 period-us:40", "rounds:60 period-us:150 spin:1")
        // All that QEMU has, but the hypervisor extension, and Ssccfg: QEMU 10.0 lets `scountinhibit` through
        // although `menvcfg.CDE` is 0 (Smcdeleg 1.0, chapter 3).
        .qemu(&["-cpu", "max,h=false,smepmp=true,ssccfg=false"]);
    let machine = system.control_registers();
    for name in ["sstateen0", "siselect", "ssp", "seed"] {
        assert!(machine.values().any(|known| known == name), "{name}");
    }
    let run = system
        .expect("bottom", "rounds")
        .until("top", "rounds")
        .run();
    judge(&run, &machine);
}

#[test]
fn a_hart_with_registers_that_no_switch_saves_is_not_used() {
    for processor in [
        "rv64,smepmp=true,v=true,h=true",
        "rv64,smepmp=true,v=true,h=false,smcsrind=true,sscsrind=true",
    ] {
        let run = two("rounds:1", "rounds:1").qemu(&["-cpu", processor]).run();
        run.assert_said("monitor", "registers that a switch does not save");
        assert!(!run.said("top", "state"));
    }
}

#[test]
fn a_partition_finds_nothing_in_any_register_however_often_it_or_another_starts() {
    let part = |name: &str, criticality: &str| {
        format!(
            r#"
            [partition.{name}]
            criticality = "{criticality}"
            image = "$guest"
            arguments = "state-left"
            memory = "512KiB"
            cores = [0]
            vector = "eager"
            "#
        )
    };
    let bounded = "budget = \"600us\"\nperiod = \"1ms\"\n";
    let partitions = part("top", "ASIL-B") + bounded + &part("bottom", "QM");
    let board = "cores = 1\nmemory = \"512MiB\"\nvector = true";
    let run = System::on_board(board, &partitions).for_ms(1500).run();
    // Its trap vector is where its memory is, its last trap is its own (before it has one, that is the line
    // `traps`), and what counts for everybody goes on.
    let own = |line: &&str| {
        let places = [
            "0x105", "0x141", "0x142", "0x143", "0xc00", "0xc01", "0xc02",
        ];
        let register = line.strip_prefix("state: found ");
        register.is_some_and(|text| !places.iter().any(|place| text.starts_with(place)))
    };
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for partition in ["top", "bottom"] {
        let ends = run.count(
            partition,
            "state: 0 floating-point and 0 vector registers hold something",
        );
        assert!(ends >= 3, "{partition} started {ends} times");
        assert_eq!(run.count(partition, "hold something"), ends, "{partition}");
        for line in run.texts(partition).filter(own) {
            let (register, value) = line.rsplit_once(' ').unwrap();
            values.entry(register).or_default().insert(value);
        }
    }
    assert!(values.len() > 15, "{values:?}");
    assert_eq!(values["state: found traps"], BTreeSet::from(["0x0"]));
    for (register, values) in &values {
        assert_eq!(values.len(), 1, "{register} was found with {values:?}");
    }
}
