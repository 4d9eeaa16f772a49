//! Programs behind stage 2 in the secure world of Arm, where the processor has EL2 there: they need no trust.

use partita_tests::cockpit::Cockpit;
use partita_tests::{Run, System};

const BOARD: &str = "qemu-virt-aarch64";
const CPU: &str = "cpu = \"max\"";

/// A critical program that may not miss a deadline, and one with these arguments, on one core.
fn beside_a_critical_one(arguments: &str, lines: &str) -> System {
    System::on(
        BOARD,
        &format!("cores = 1\nmemory = \"512MiB\"\n{CPU}"),
        &format!(
            r#"
            [partition.critical]
            criticality = "ASIL-D"
            image = "$guest"
            arguments = "periodic period-us:1000 work-us:50 tolerance-us:100 report:10"
            memory = "512KiB"
            cores = [0]
            budget = "400us"
            period = "1ms"
            fp = "none"

            [partition.other]
            criticality = "QM"
            image = "$guest"
            arguments = "{arguments}"
            memory = "512KiB"
            cores = [0]
            fp = "none"
            {lines}
            "#
        ),
    )
    .shift(1)
    .for_ms(120)
}

#[test]
fn freertos_behind_stage_2_and_linux_share_a_core_and_nothing_has_to_be_accepted() {
    let run = Cockpit {
        board: BOARD,
        board_lines: CPU,
        ..Cockpit::new(2, "noshell")
    }
    .system()
    .until("linux", "partita: linux ready")
    .run();
    run.assert_undisturbed("cluster");
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

/// The addresses of the events of this kind.
fn addresses(run: &Run, kind: &str) -> Vec<String> {
    let events = run.events("other", kind);
    events.map(|event| event.address.clone()).collect()
}

#[test]
fn a_program_that_masks_its_interrupts_disturbs_no_more_critical_one() {
    let run = beside_a_critical_one("fault after-us:2000 mask", "").run();
    assert_eq!(run.count("other", "fault: now"), 1);
    assert_eq!(run.partition("other").boots, 1);
    run.assert_undisturbed("critical");
}

#[test]
fn a_program_that_masks_its_interrupts_is_held_to_its_budget() {
    let partitions = r#"
        [partition.masking]
        criticality = "ASIL-D"
        image = "$guest"
        arguments = "fault after-us:2000 mask"
        memory = "512KiB"
        cores = [0]
        budget = "400us"
        period = "1ms"
        fp = "none"

        [partition.program]
        criticality = "ASIL-B"
        image = "$guest"
        arguments = "periodic period-us:2000 work-us:100 tolerance-us:600 report:10"
        memory = "512KiB"
        cores = [0]
        budget = "400us"
        period = "2ms"
        fp = "none"
        "#;
    let board = "cores = 1\nmemory = \"2GiB\"\ncpu = \"max\"";
    let run = System::on(BOARD, board, partitions)
        .shift(1)
        .for_ms(120)
        .run();
    assert_eq!(run.count("masking", "fault: now"), 1);
    run.assert_undisturbed("program");
}

#[test]
fn a_denied_access_restarts_its_program_and_disturbs_nobody() {
    let run = beside_a_critical_one("fault after-us:2000 access", "").run();
    let other = run.partition("other");
    assert_eq!((other.boots, other.state.as_str()), (4, "failed"));
    // Of the life that was the last one.
    assert_eq!(addresses(&run, "access-fault"), ["0xf800000"]);
    assert_eq!(run.count("other", "running, found 1 0"), 4);
    run.assert_undisturbed("critical");
}
