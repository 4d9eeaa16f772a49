//! A switch between two programs at S-EL1 keeps every system register that they can write. Which there are is not
//! taken from the monitor: the guest tries every encoding, and the machine's own list (`partita_tests::machine`) says
//! what it may have missed. Each is switched, or out of reach, or on a list here with a reason.

use partita_tests::{Run, System};
use std::collections::{BTreeMap, BTreeSet};

/// `op0`, `op1`, `CRn`, `CRm` and `op2` of a register, as instructions have them (DDI 0487, D24; IHI 0069, 12.2).
const fn encoding(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> u32 {
    op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2
}

/// Registers that a program can read and write, by the machine's names.
const SWITCHED: &[(&str, u32)] = &[
    ("SCTLR", encoding(3, 0, 1, 0, 0)),
    ("CPACR", encoding(3, 0, 1, 0, 2)),
    ("TTBR0_EL1", encoding(3, 0, 2, 0, 0)),
    ("TTBR1_EL1", encoding(3, 0, 2, 0, 1)),
    ("TCR_EL1", encoding(3, 0, 2, 0, 2)),
    ("SPSR_EL1", encoding(3, 0, 4, 0, 0)),
    ("ELR_EL1", encoding(3, 0, 4, 0, 1)),
    ("SP_EL0", encoding(3, 0, 4, 1, 0)),
    ("ESR_EL1", encoding(3, 0, 5, 2, 0)),
    ("FAR_EL1", encoding(3, 0, 6, 0, 0)),
    ("PAR_EL1", encoding(3, 0, 7, 4, 0)),
    ("MAIR_EL1", encoding(3, 0, 10, 2, 0)),
    ("VBAR", encoding(3, 0, 12, 0, 0)),
    ("CONTEXTIDR_EL1", encoding(3, 0, 13, 0, 1)),
    ("TPIDR_EL1", encoding(3, 0, 13, 0, 4)),
    ("CNTKCTL", encoding(3, 0, 14, 1, 0)),
    ("CSSELR", encoding(3, 2, 0, 0, 0)),
    ("FPCR", encoding(3, 3, 4, 4, 0)),
    ("FPSR", encoding(3, 3, 4, 4, 1)),
    ("TPIDR_EL0", encoding(3, 3, 13, 0, 2)),
    ("TPIDRRO_EL0", encoding(3, 3, 13, 0, 3)),
    ("CNTP_CTL_EL0", encoding(3, 3, 14, 2, 1)),
    ("CNTP_CVAL_EL0", encoding(3, 3, 14, 2, 2)),
    ("CNTV_CTL_EL0", encoding(3, 3, 14, 3, 1)),
    ("CNTV_CVAL_EL0", encoding(3, 3, 14, 3, 2)),
    ("CNTPS_CTL_EL1", encoding(3, 7, 14, 2, 1)),
    ("CNTPS_CVAL_EL1", encoding(3, 7, 14, 2, 2)),
];

/// Registers of the interrupt controller, which the machine does not list.
const OF_CONTROLLER: &[(&str, u32)] = &[
    ("ICC_PMR_EL1", encoding(3, 0, 4, 6, 0)),
    ("ICC_AP1R0_EL1", encoding(3, 0, 12, 9, 0)),
    ("ICC_BPR1_EL1", encoding(3, 0, 12, 12, 3)),
    ("ICC_CTLR_EL1", encoding(3, 0, 12, 12, 4)),
    ("ICC_IGRPEN1_EL1", encoding(3, 0, 12, 12, 7)),
];

/// Registers that show something else, and whose value is nobody's.
const VIEWS: &[(&str, u32)] = &[
    ("NZCV", encoding(3, 3, 4, 2, 0)),
    ("ISR_EL1", encoding(3, 0, 12, 1, 0)),
    ("ICC_RPR_EL1", encoding(3, 0, 12, 11, 3)),
    ("ICC_HPPIR1_EL1", encoding(3, 0, 12, 12, 2)),
    ("RNDR", encoding(3, 3, 2, 4, 0)),
    ("RNDRRS", encoding(3, 3, 2, 4, 1)),
    ("CNTPCT_EL0", encoding(3, 3, 14, 0, 1)),
    ("CNTVCT_EL0", encoding(3, 3, 14, 0, 2)),
    ("CNTPCTSS_EL0", encoding(3, 3, 14, 0, 5)),
    ("CNTVCTSS_EL0", encoding(3, 3, 14, 0, 6)),
    ("CNTP_TVAL_EL0", encoding(3, 3, 14, 2, 0)),
    ("CNTV_TVAL_EL0", encoding(3, 3, 14, 3, 0)),
    ("CNTPS_TVAL_EL1", encoding(3, 7, 14, 2, 0)),
];

/// Registers of the machine that no program has to hold, by the beginning of their names.
const NOT_HELD: &[(&str, &str)] = &[
    ("ID_", "tells what there is"),
    ("MVFR", "tells what there is"),
    ("REVIDR", "tells what there is"),
    ("AIDR", "tells what there is"),
    ("CLIDR", "tells what there is"),
    ("CTR_EL0", "tells what there is"),
    ("RES_0", "is reserved"),
    ("CNTFRQ_EL0", "is written at EL3 only"),
    ("CBAR_EL1", "tells what there is"),
    ("ACTLR_EL1", "has no bits here"),
    ("AFSR", "has no bits here"),
    ("AMAIR0", "has no bits here"),
    ("CPUACTLR", "has no bits here"),
    ("CPUECTLR", "has no bits here"),
    ("CPUMERRSR", "has no bits here"),
    ("L2", "has no bits here"),
    ("SP_EL1", "is the stack pointer in use"),
    ("PM", "`MDCR_EL3.TPM` traps"),
    ("DBG", "`MDCR_EL3.TDA` traps"),
    ("MD", "`MDCR_EL3.TDA` traps"),
    ("OS", "`MDCR_EL3.TDOSA` traps"),
    ("SPSR_", "is of EL2 and AArch32"),
    ("IFSR32_EL2", "is of EL2 and AArch32"),
    // Those that only the newest cores have.
    ("ERRIDR", "tells what there is"),
    ("SMIDR", "tells what there is"),
    ("LOR", "is of the normal world"),
    ("DISR_EL1", "is zero where errors are taken to EL3"),
    ("TCO", "is a bit of the state that an exception saves"),
    ("AP", "`SCR_EL3.APK` traps"),
    ("SCXTNUM", "`SCR_EL3.EnSCXT` traps"),
    ("TPIDR2", "`SCR_EL3.EnTP2` traps"),
    ("ZCR", "`CPTR_EL3.EZ` traps"),
    ("SM", "`CPTR_EL3.ESM` traps"),
    ("SVCR", "`CPTR_EL3.ESM` traps"),
];

/// What of the newest cores is out of a program's reach.
const OUT_OF_REACH: &[(&str, u32)] = &[
    ("ZCR_EL1", encoding(3, 0, 1, 2, 0)),
    ("SMPRI_EL1", encoding(3, 0, 1, 2, 4)),
    ("SMCR_EL1", encoding(3, 0, 1, 2, 6)),
    ("APIAKEYLO_EL1", encoding(3, 0, 2, 1, 0)),
    ("APIAKEYHI_EL1", encoding(3, 0, 2, 1, 1)),
    ("APIBKEYLO_EL1", encoding(3, 0, 2, 1, 2)),
    ("APIBKEYHI_EL1", encoding(3, 0, 2, 1, 3)),
    ("APDAKEYLO_EL1", encoding(3, 0, 2, 2, 0)),
    ("APDAKEYHI_EL1", encoding(3, 0, 2, 2, 1)),
    ("APDBKEYLO_EL1", encoding(3, 0, 2, 2, 2)),
    ("APDBKEYHI_EL1", encoding(3, 0, 2, 2, 3)),
    ("APGAKEYLO_EL1", encoding(3, 0, 2, 3, 0)),
    ("APGAKEYHI_EL1", encoding(3, 0, 2, 3, 1)),
    ("LORSA_EL1", encoding(3, 0, 10, 4, 0)),
    ("LORC_EL1", encoding(3, 0, 10, 4, 3)),
    ("SCXTNUM_EL1", encoding(3, 0, 13, 0, 7)),
    ("SVCR", encoding(3, 3, 4, 2, 2)),
    ("TPIDR2_EL0", encoding(3, 3, 13, 0, 5)),
    ("SCXTNUM_EL0", encoding(3, 3, 13, 0, 7)),
];

/// Of debugging and counting, which trap: `op0` 2, and `CRn` 9 and 14 with the counters; and those above.
fn is_trapped(encoding: u32) -> bool {
    let (crn, crm) = (encoding >> 7 & 0xf, encoding >> 3 & 0xf);
    OUT_OF_REACH.iter().any(|(_, known)| *known == encoding)
        || encoding >> 14 == 2
        || encoding >> 11 & 7 < 4 && (crn == 9 || crn == 14 && crm >= 8)
}

/// What a guest says of a register.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// The bits that were held as one and, at another time, as zero.
    held: u64,
    /// How often it was not as it had been left.
    differed: u32,
}

fn two(cpu: &str, top: &str, bottom: &str) -> System {
    let part = |name: &str, manifest: &str, arguments: &str| {
        format!(
            r#"
            [partition.{name}]
            {manifest}
            image = "$guest"
            arguments = "{arguments}"
            memory = "512KiB"
            cores = [0]
            fp = "eager"
            accept = ["trusted-base"]
            health = {{ illegal-instruction = "log", unexpected-trap = "log" }}
            "#
        )
    };
    let bounded = "criticality = \"ASIL-B\"\nbudget = \"60us\"\nperiod = \"100us\"";
    let partitions = part("top", bounded, top) + &part("bottom", "criticality = \"QM\"", bottom);
    let board = format!("cores = 1\nmemory = \"512MiB\"\ncpu = \"{cpu}\"");
    System::on("qemu-virt-aarch64", &board, &partitions).shift(1)
}

/// The registers that a guest has found and held, by encoding.
fn found(run: &Run, partition: &str) -> BTreeMap<u32, Found> {
    let registers = run.texts(partition).filter_map(|line| {
        let words: Vec<_> = line
            .strip_prefix("state: register 0x")?
            .split(' ')
            .collect();
        let [number, held, differed] = words[..] else {
            panic!("{line}")
        };
        let held = u64::from_str_radix(held.trim_start_matches("0x"), 16).unwrap();
        let differed = differed.parse().unwrap();
        let number = u32::from_str_radix(number, 16).unwrap();
        Some((number, Found { held, differed }))
    });
    registers.collect()
}

/// Judges a run on a machine with registers of these names.
fn judge(run: &Run, machine: &[String]) {
    let all: BTreeSet<&str> = machine.iter().map(String::as_str).collect();
    let machine: BTreeSet<&str> = all
        .iter()
        .copied()
        .filter(|name| !name.ends_with("_EL2") && !name.ends_with("_EL3"))
        // Names of EL2 for registers of EL1.
        .filter(|name| !name.ends_with("_EL12") && !name.ends_with("_EL02"))
        .collect();
    let mut complaints = Vec::new();
    for name in &machine {
        let is_known = SWITCHED.iter().any(|(known, _)| known == name)
            || NOT_HELD.iter().any(|(start, _)| name.starts_with(start));
        if !is_known {
            complaints.push(format!("{name} is on no list"));
        }
    }
    for (name, _) in SWITCHED.iter().filter(|(name, _)| !machine.contains(name)) {
        complaints.push(format!("the machine does not have {name}"));
    }
    for partition in ["top", "bottom"] {
        run.assert_said(partition, "state: vectors 0 wrong");
        run.assert_said(partition, "state: general registers differ in 0x0");
        let found = found(run, partition);
        for (number, Found { differed, held }) in &found {
            if *differed != 0 && !VIEWS.iter().any(|(_, view)| view == number) {
                complaints.push(format!(
                    "{partition}: {number:#x} is not switched ({differed} times, held {held:#x})"
                ));
            }
            if is_trapped(*number) {
                complaints.push(format!("{partition}: {number:#x} can be reached"));
            }
        }
        // With EL2 in the secure world the secure timer is EL2's, and is not there.
        let has_secure_timer = !all.contains("VSTTBR_EL2");
        let listed = SWITCHED.iter().chain(OF_CONTROLLER);
        for (name, number) in
            listed.filter(|(name, _)| has_secure_timer || !name.starts_with("CNTPS"))
        {
            if found.get(number).is_none_or(|found| found.held == 0) {
                complaints.push(format!("{partition} did not hold anything in {name}"));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_register_that_a_program_can_write_survives_when_another_preempts_it_anywhere() {
    for cpu in ["cortex-a53", "cortex-a57", "cortex-a72", "max"] {
        let system = two(
            cpu,
            "state seed:17 rounds:300 period-us:170",
            "state seed:2989 rounds:300 period-us:110",
        );
        let machine = system.system_registers();
        let run = system
            .expect("top", "rounds")
            .until("bottom", "rounds")
            .run();
        judge(&run, &machine);
        if cpu == "max" {
            for (name, _) in OUT_OF_REACH {
                assert!(machine.iter().any(|known| known == name), "{name}");
            }
        }
        assert!(run.report().cores[&0].switches > 1000);
    }
}

/// Registers of EL2 that a program behind stage 2 changes by what it does, or that hold something else while it runs
/// (DDI 0487, D24.2; IHI 0069, 12.4).
const OF_HYPERVISOR: &[(&str, u32)] = &[
    ("HCR_EL2", encoding(3, 4, 1, 1, 0)),
    ("VTCR_EL2", encoding(3, 4, 2, 1, 2)),
    ("VTTBR_EL2", encoding(3, 4, 2, 1, 0)),
    ("CPTR_EL2", encoding(3, 4, 1, 1, 2)),
    ("MDCR_EL2", encoding(3, 4, 1, 1, 1)),
    ("CNTHCTL_EL2", encoding(3, 4, 14, 1, 0)),
    ("CNTVOFF_EL2", encoding(3, 4, 14, 0, 3)),
    ("HSTR_EL2", encoding(3, 4, 1, 1, 3)),
    ("VPIDR_EL2", encoding(3, 4, 0, 0, 0)),
    ("VMPIDR_EL2", encoding(3, 4, 0, 0, 5)),
    ("ICH_HCR_EL2", encoding(3, 4, 12, 11, 0)),
    ("SCTLR_EL2", encoding(3, 4, 1, 0, 0)),
    ("ELR_EL2", encoding(3, 4, 4, 0, 1)),
    ("SPSR_EL2", encoding(3, 4, 4, 0, 0)),
    ("ESR_EL2", encoding(3, 4, 5, 2, 0)),
    ("FAR_EL2", encoding(3, 4, 6, 0, 0)),
    ("HPFAR_EL2", encoding(3, 4, 6, 0, 4)),
    ("HCRX_EL2", encoding(3, 4, 1, 2, 2)),
    ("HFGRTR_EL2", encoding(3, 4, 1, 1, 4)),
    ("TPIDR_EL2", encoding(3, 4, 13, 0, 2)),
];

/// Registers of EL2 that show something else.
const VIEWS_OF_HYPERVISOR: &[(&str, u32)] = &[
    ("CNTHP_TVAL_EL2", encoding(3, 4, 14, 2, 0)),
    ("CNTHV_TVAL_EL2", encoding(3, 4, 14, 3, 0)),
];

#[test]
fn every_register_of_el2_survives_when_a_program_behind_stage_2_preempts_linux_anywhere() {
    let partitions = r#"
        [partition.program]
        criticality = "ASIL-B"
        budget = "400us"
        period = "1ms"
        image = "$guest"
        arguments = "periodic period-us:200 work-us:5 tolerance-us:100 report:20"
        memory = "512KiB"
        cores = [0]
        fp = "none"

        [partition.linux]
        criticality = "QM"
        linux = { kernel = "$flat", command-line = "state-el2 seed:17 rounds:520 period-us:170" }
        memory = { base = "0x9000_0000", size = "3MiB" }
        health = { unexpected-trap = "log" }
        cores = [0]
        "#;
    let board = "cores = 1\nmemory = \"2GiB\"\ncpu = \"max\"";
    let system = System::on("qemu-virt-aarch64", board, partitions).shift(1);
    let run = system.for_ms(3_000).until("linux", "rounds").run();
    run.assert_undisturbed("program");
    let found = found(&run, "linux");
    let mut complaints = Vec::new();
    for (number, Found { differed, held }) in &found {
        if *differed != 0 && !VIEWS_OF_HYPERVISOR.iter().any(|(_, view)| view == number) {
            complaints.push(format!(
                "{number:#x} is not kept ({differed} times, held {held:#x})"
            ));
        }
    }
    for (name, number) in OF_HYPERVISOR {
        if found.get(number).is_none_or(|found| found.held == 0) {
            complaints.push(format!("nothing was held in {name}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(run.report().cores[&0].switches > 1000);
}

#[test]
fn a_program_finds_nothing_in_any_register_however_often_it_or_another_starts() {
    let run = two("cortex-a53", "state-left", "state-left")
        .for_ms(600)
        .run();
    // Its vector is where its memory is, and its last traps are its own (before it has one, that is the line `traps`).
    let own = [
        ("VBAR_EL1", encoding(3, 0, 12, 0, 0)),
        ("SPSR_EL1", encoding(3, 0, 4, 0, 0)),
        ("ELR_EL1", encoding(3, 0, 4, 0, 1)),
        ("ESR_EL1", encoding(3, 0, 5, 2, 0)),
    ];
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for partition in ["top", "bottom"] {
        let starts = run.count(partition, "state: leaves something");
        assert!(starts >= 3, "{partition} started {starts} times");
        for line in run.texts(partition) {
            let Some((register, value)) = line
                .strip_prefix("state: found ")
                .and_then(|text| text.split_once(' '))
            else {
                continue;
            };
            let number = register.strip_prefix("0x");
            let number = number.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            let is = |list: &[(&str, u32)]| list.iter().any(|(_, one)| Some(*one) == number);
            if !is(&own) && !is(VIEWS) {
                values.entry(register).or_default().insert(value);
            }
        }
    }
    assert!(values.len() > 100, "{values:?}");
    for nothing in ["traps", "coprocessors", "vectors"] {
        assert_eq!(values[nothing], BTreeSet::from(["0x0"]), "{nothing}");
    }
    for (register, values) in &values {
        assert_eq!(values.len(), 1, "{register} was found with {values:?}");
    }
}
