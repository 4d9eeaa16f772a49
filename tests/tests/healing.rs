//! Health events that no partition can bring about by itself, or only one with devices: each is found, and answered
//! as the manifest says, and nobody else notices.

use partita_abi::table::PartRole;
use partita_tests::{Debugger, Run, System};

/// `medeleg`: the exceptions that a hart hands to supervisor mode itself (privileged specification 3.1.8).
const DELEGATED: u16 = 0x302;
/// The cause of a breakpoint.
const BREAKPOINT: u32 = 3;

/// The lines of a partition that may not miss a deadline.
const CRITICAL: &str = r#"
    [partition.critical]
    criticality = "ASIL-D"
    image = "$guest"
    arguments = "periodic period-us:1000 work-us:50 tolerance-us:100 report:10"
    memory = "256KiB"
    cores = [0]
    budget = "400us"
    period = "1ms"
    accept = ["trusted-base"]
"#;

/// A system of the critical partition on core 0 and a troubled one of these lines.
fn system(board: &str, cores: usize, troubled: &str, health: &str) -> System {
    System::on(
        board,
        &format!("cores = {cores}\nmemory = \"512MiB\""),
        &format!(
            r#"
            {CRITICAL}
            [partition.troubled]
            criticality = "QM"
            {troubled}
            restart = {{ limit = 3, within = "10s", back-off = "1ms" }}
            [partition.troubled.health]
            {health}
            "#
        ),
    )
    .shift(1)
    .for_ms(150)
}

/// The troubled one is a program on this core.
fn program_on(core: usize, arguments: &str, health: &str) -> System {
    program_of("qemu-virt-riscv64", core, arguments, health)
}

/// The same on a board.
fn program_of(board: &str, core: usize, arguments: &str, health: &str) -> System {
    let lines = format!(
        r#"
        image = "$guest"
        arguments = "{arguments}"
        memory = "256KiB"
        fp = "none"
        cores = [{core}]
        accept = ["trusted-base"]
        "#
    );
    system(board, core + 1, &lines, health)
}

/// The troubled one is a program beside the critical one.
fn program(arguments: &str, health: &str) -> System {
    program_on(0, arguments, health)
}

/// The answers to an event, and how often the partition has started when it is off for good.
const ANSWERS: [(&str, u32); 2] = [("restart", 4), ("halt", 1)];

/// Asserts that each of `boots` lives of the troubled partition ended in one event, and the critical one did not
/// notice.
#[track_caller]
fn assert_ended(run: &Run, event: &str, boots: u32) {
    let troubled = run.partition("troubled");
    assert_eq!(
        (troubled.boots, troubled.state.as_str()),
        (boots, "failed"),
        "{event}"
    );
    assert_eq!(troubled.events_total, boots, "{event}");
    assert_eq!(
        run.count("monitor", &format!("troubled: {event}")),
        boots as usize
    );
    run.assert_undisturbed("critical");
}

/// Lets the hart hand nothing to supervisor mode, as if it did not do as it was told. A switch puts that right, so
/// nobody else may be on the hart: while the machine stands still, its time may go on to the next timer.
fn delegate_nothing(machine: &mut Debugger) {
    machine.write_register(DELEGATED, 0);
}

#[test]
fn a_trap_that_should_not_have_come_to_the_monitor_is_answered_as_the_manifest_says() {
    for (action, boots) in ANSWERS {
        let health = format!("unexpected-trap = \"{action}\"");
        let system = program_on(1, "fault after-us:2000 breakpoint", &health);
        let breakpoint = system.program_symbol("troubled", "partita_test_breakpoint");
        let run = system
            .at(breakpoint, boots as usize, delegate_nothing)
            .run();
        assert_ended(&run, "unexpected-trap", boots);
        for event in run.events("troubled", "unexpected-trap") {
            assert_eq!(event.cause, BREAKPOINT);
            assert_eq!(event.program_counter, format!("{breakpoint:#x}"));
        }
        assert_eq!(
            run.count("troubled", "fault: running, found 1 0"),
            boots as usize
        );
        assert!(!run.said("troubled", "still here"));
    }
}

#[test]
fn an_unexpected_trap_that_is_only_logged_goes_to_the_partitions_own_handler() {
    let system = program_on(1, "fault breakpoint", "unexpected-trap = \"log\"");
    let breakpoint = system.program_symbol("troubled", "partita_test_breakpoint");
    let run = system.at(breakpoint, 1, delegate_nothing).run();
    run.assert_said("troubled", "fault: cause 3");
    run.assert_said("troubled", "fault: still here");
    assert_eq!(run.events("troubled", "unexpected-trap").count(), 1);
    run.assert_undisturbed("critical");
    // On a hart that does as it is told, the monitor hears nothing of it.
    let run = program_on(1, "fault breakpoint", "").run();
    run.assert_said("troubled", "fault: cause 3");
    assert_eq!(run.partition("troubled").events_total, 0);
}

#[test]
fn a_write_to_others_registers_of_the_interrupt_controller_is_answered_as_the_manifest_says() {
    // The threshold of the first hart's machine mode, and where the domain sends its messages.
    for (board, register) in [
        ("qemu-virt-riscv64", "0xc200000"),
        ("qemu-virt-riscv64-aia", "0xd001bc8"),
    ] {
        for (action, boots) in ANSWERS {
            let lines = format!(
                r#"
                linux = {{ kernel = "$flat", command-line = "probe store4:{register}" }}
                memory = {{ base = "{:#x}", size = "4MiB" }}
                cores = [0]
                devices = ["rtc"]
                "#,
                System::FLAT_BASE
            );
            let run = system(
                board,
                1,
                &lines,
                &format!("interrupt-denied = \"{action}\""),
            )
            .for_ms(300)
            .run();
            assert_ended(&run, "interrupt-denied", boots);
            for event in run.events("troubled", "interrupt-denied") {
                assert_eq!(event.address, register);
            }
            assert!(!run.said("troubled", "probe: store4"));
        }
    }
}

#[test]
fn a_storm_of_interrupts_is_answered_as_the_manifest_says() {
    for board in [
        "qemu-virt-riscv64",
        "qemu-virt-riscv64-aia",
        "qemu-virt-aarch64",
        "qemu-virt-aarch64-gicv2",
    ] {
        for (action, boots) in ANSWERS {
            let lines = r#"
                image = "$guest"
                arguments = "rtc-storm"
                memory = "256KiB"
                cores = [0]
                devices = ["rtc"]
                accept = ["trusted-base", "open-device"]
                interrupts = { limit = 20, within = "10ms" }
            "#;
            let run = system(board, 1, lines, &format!("storm = \"{action}\"")).run();
            assert_ended(&run, "storm", boots);
            // Each life is quiet until it lets its device interrupt: nothing of the last one's is left.
            assert_eq!(
                run.count("troubled", "rtc: running, found 1 0"),
                boots as usize
            );
        }
    }
}

/// Damages the stored copy of a part of the troubled partition when that has just started from it.
fn damaged(system: System, role: PartRole) -> System {
    let plan = system.plan();
    let mut parts = plan.parts.iter();
    let part =
        parts.find(|part| plan.partitions[part.partition].name == "troubled" && part.role == role);
    let part = part.expect("it has such a part");
    let last = part.source + part.bytes.len() as u64 - 1;
    let entry = system.planned("troubled").entry;
    let is_in_secure_memory = plan.board.secure.is_some();
    system.at(entry, 1, move |machine| {
        if is_in_secure_memory {
            machine.see_as_core();
        }
        let byte = machine.read_memory(last, 1)[0];
        machine.write_memory(last, &[!byte]);
    })
}

#[test]
fn a_stored_image_that_was_damaged_since_the_start_is_found_at_the_restart() {
    for (board, event, role, name) in [
        (
            "qemu-virt-riscv64",
            "access-fault",
            PartRole::Program,
            "program",
        ),
        (
            "qemu-virt-riscv64",
            "access-fault",
            PartRole::DeviceTree,
            "device tree",
        ),
        ("qemu-virt-aarch64", "panic", PartRole::Program, "program"),
        (
            "qemu-virt-aarch64-gicv2",
            "panic",
            PartRole::DeviceTree,
            "device tree",
        ),
    ] {
        let system = program_of(board, 0, "fault after-us:2000 access", "");
        let run = damaged(system, role).run();
        let troubled = run.partition("troubled");
        assert_eq!((troubled.boots, troubled.state.as_str()), (1, "failed"));
        let kinds: Vec<_> = troubled.events.iter().map(|event| &*event.kind).collect();
        assert_eq!(kinds, [event, "image-corrupt"]);
        run.assert_said(
            "monitor",
            &format!("troubled is not started: its {name} does not match its digest"),
        );
        assert_eq!(run.count("troubled", "fault: running"), 1);
        run.assert_undisturbed("critical");
    }
}

#[test]
fn a_damaged_image_ends_the_run_if_the_manifest_says_so() {
    let system = program(
        "fault after-us:2000 access",
        "image-corrupt = \"stop-system\"",
    );
    let run = damaged(system, PartRole::Program).for_ms(5000).run();
    let report = run.report();
    assert!(report.virtual_ns < 100_000_000, "{}", report.virtual_ns);
    assert!(!report.healthy);
    let reason = "image-corrupt of troubled stopped the system";
    assert!(
        report.reasons.iter().any(|text| text == reason),
        "{:?}",
        report.reasons
    );
    assert_eq!(run.partition("critical").state, "stopped");
}

#[test]
fn a_damaged_image_is_whole_again_after_a_reset_of_the_board_that_the_manifest_asks_for() {
    let system = program(
        "fault on-input:1 access",
        "image-corrupt = \"reset-system\"",
    );
    let run = damaged(system, PartRole::Program)
        .for_ms(5000)
        .expect("troubled", "fault: running")
        .send("troubled", "x")
        .expect("monitor", "its program does not match its digest")
        .expect("monitor", "the board is reset")
        .expect("troubled", "fault: running, found 1 0")
        .until("critical", "met, 0 missed")
        .run();
    assert_eq!(run.count("monitor", "Partita "), 2);
    assert_eq!(run.partition("troubled").boots, 1);
    assert_eq!(run.partition("troubled").events_total, 0);
    assert_eq!(run.report().resets, 1);
    assert_eq!(run.report().reasons, ["the board was reset once"]);
}
