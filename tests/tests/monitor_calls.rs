//! What a partition may ask of the monitor, and what it is answered.

use partita_tests::{Run, System};

/// A critical partition and one that plays `part` on `cores`, sharing core 0.
fn beside_a_critical_one(board: &str, part: &str, cores: &str) -> System {
    // The harts of a machine take turns of 20 us, so an interrupt can be late by some turns.
    let tolerance = if board.starts_with("cores = 1") {
        20
    } else {
        100
    };
    System::on_board(
        &format!("memory = \"512MiB\"\n{board}"),
        &format!(
            r#"
            [partition.critical]
            criticality = "ASIL-C"
            image = "$guest"
            arguments = "periodic period-us:1000 work-us:50 tolerance-us:{tolerance} report:20"
            memory = "256KiB"
            cores = [0]
            budget = "200us"
            period = "1ms"

            [partition.player]
            criticality = "QM"
            image = "$guest"
            arguments = "{part}"
            memory = {{ base = "0x9000_0000", size = "1MiB" }}
            cores = {cores}
            health = {{ access-fault = "log" }}
            "#
        ),
    )
}

#[test]
fn hostile_arguments_are_refused_as_the_sbi_specification_says() {
    let part = "sbi-arguments harts:2 foreign:0x80200000 end:0x90100000";
    let run = beside_a_critical_one("cores = 2", part, "[0, 1]")
        .for_ms(80)
        .run();
    run.assert_said("player", " right, 0 wrong");
    run.assert_said("player", "sbi: 1000 random calls, guard intact true");
    run.assert_undisturbed("critical");
}

#[test]
fn hostile_arguments_of_the_only_hart_are_refused_too() {
    let part = "sbi-arguments harts:1 foreign:0x80000000 end:0x90100000";
    let run = beside_a_critical_one("cores = 1", part, "[0]")
        .until("player", "random calls")
        .run();
    run.assert_said("player", " right, 0 wrong");
    run.assert_said("player", "guard intact true");
}

fn assert_timers(run: &Run, register: &str) {
    run.assert_said("player", "timer: 60 fired, 0 early");
    run.assert_said("player", "timer: past fires true");
    run.assert_said("player", "timer: off pending true then false, fires false");
    run.assert_said("player", "timer: moved fires false then true");
    run.assert_said("player", register);
    let line = run
        .find("player", "ticks late")
        .expect("the worst case is told");
    let (_, worst) = line.text.split_once("worst ").expect("it has a number");
    let worst: u64 = worst
        .split(' ')
        .next()
        .and_then(|text| text.parse().ok())
        .expect("a number");
    // 50 us of the critical partition, and a few of the monitor, in ticks of 100 ns.
    assert!(worst < 700, "{worst} ticks late");
    run.assert_undisturbed("critical");
}

#[test]
fn a_timer_is_never_early_and_waits_for_nobody_but_the_more_critical() {
    let part = "timer period-us:500 count:60";
    let run = beside_a_critical_one("cores = 1", part, "[0]")
        .expect("player", "timer: done")
        .until("critical", "met, ")
        .run();
    assert_timers(&run, "timer: stimecmp fires true");
}

#[test]
fn a_timer_works_as_well_without_sstc() {
    let part = "timer period-us:500 count:60";
    let run = beside_a_critical_one("cores = 1\nsstc = false", part, "[0]")
        .expect("player", "timer: done")
        .until("critical", "met, ")
        .run();
    assert_timers(&run, "timer: stimecmp denied cause 2");
    run.assert_said("monitor", "timer by calls");
}

#[test]
fn without_sstc_a_timer_wakes_a_hart_on_which_nobody_else_is_awake() {
    for budget in ["", "budget = \"400us\"\nperiod = \"1ms\""] {
        let run = System::on_board(
            "cores = 1\nmemory = \"512MiB\"\nsstc = false",
            &format!(
                r#"
                [partition.clock]
                criticality = "ASIL-C"
                image = "$guest"
                arguments = "timer period-us:300 count:20"
                memory = "256KiB"
                cores = [0]
                fp = "none"
                {budget}

                [partition.gone]
                criticality = "QM"
                image = "$guest"
                arguments = "end shutdown"
                memory = "256KiB"
                cores = [0]
                "#
            ),
        )
        .for_ms(60)
        .run();
        assert_eq!(run.partition("gone").state, "stopped");
        run.assert_said("clock", "timer: 20 fired, 0 early");
        run.assert_said("clock", "timer: moved fires false then true");
        run.assert_said("clock", "timer: done");
    }
}

#[test]
fn harts_interrupt_fence_stop_and_start_each_other_beside_a_critical_partition() {
    let run = beside_a_critical_one(
        "cores = 4",
        "harts harts:4 rounds:100 suspends:0",
        "[1, 0, 2, 3]",
    )
    .expect("player", "harts: 0 errors")
    .until("critical", "met, ")
    .run();
    run.assert_said("player", "harts: 100 interrupts each");
    run.assert_said("player", "harts: 100 fences each");
    run.assert_said("player", "harts: 100 stops each");
    run.assert_undisturbed("critical");
}

#[test]
fn a_hart_suspends_with_and_without_its_state() {
    let run = beside_a_critical_one(
        "cores = 2",
        "harts harts:2 rounds:5 suspends:40 look:0",
        "[1, 0]",
    )
    .for_ms(250)
    .run();
    run.assert_said("player", "harts: 40 suspends each");
    run.assert_said("player", "harts: 0 errors");
}

#[test]
fn a_suspended_hart_says_so() {
    let run = beside_a_critical_one("cores = 2", "harts harts:2 rounds:1 suspends:5", "[1, 0]")
        .for_ms(300)
        .run();
    run.assert_said("player", "harts: 5 suspends each");
    run.assert_said("player", "harts: 0 errors");
}

/// The cases of `sbi-testing` in both partitions of a system at once, each with `harts` harts of its own
/// and of the other's.
fn conformance(harts: usize) -> Run {
    let cores: Vec<_> = (0..harts).collect();
    // Two reads of the time in a row have to differ: an instruction takes more than a tick of 100 ns.
    System::new(
        harts,
        &format!(
            r#"
            [partition.critical]
            criticality = "ASIL-C"
            image = "$guest"
            arguments = "conformance harts:{harts}"
            memory = "1MiB"
            cores = {cores:?}
            budget = "50ms"
            period = "100ms"

            [partition.player]
            criticality = "QM"
            image = "$guest"
            arguments = "conformance harts:{harts}"
            memory = "1MiB"
            cores = {cores:?}
            "#
        ),
    )
    .shift(8)
    .for_ms(8000)
    .run()
}

fn assert_conforms(harts: usize) {
    let run = conformance(harts);
    for partition in ["critical", "player"] {
        for chapter in ["base", "time", "ipi", "dbcn"] {
            run.assert_said(partition, &format!("conformance: {chapter} passed"));
        }
        if harts > 1 {
            run.assert_said(partition, "conformance: hsm passed");
        }
        run.assert_said(partition, "conformance: done");
    }
}

#[test]
fn the_sbi_passes_the_cases_that_others_wrote_from_inside_each_partition_on_one_hart() {
    assert_conforms(1);
}

#[test]
fn the_sbi_passes_the_cases_that_others_wrote_from_inside_each_partition_on_two_harts() {
    assert_conforms(2);
}

#[test]
fn the_sbi_passes_the_cases_that_others_wrote_from_inside_each_partition_on_four_harts() {
    assert_conforms(4);
}

#[test]
fn a_partition_suspends_as_a_whole_once_its_other_harts_are_stopped() {
    for (harts, cores) in [(1, "[0]"), (2, "[0, 1]")] {
        let part = format!("system-suspend harts:{harts} suspends:20 period-us:700");
        let run = beside_a_critical_one(&format!("cores = {harts}"), &part, cores)
            .expect("player", "suspend: done")
            .until("critical", "met, ")
            .run();
        if harts > 1 {
            // SBI_ERR_DENIED.
            run.assert_said("player", "suspend: beside others answers -4");
        }
        run.assert_said("player", "suspend: 20 times, 0 errors");
        run.assert_undisturbed("critical");
    }
}

#[test]
fn no_call_of_a_lower_partition_delays_a_critical_one_for_long() {
    for kind in ["console:1", "fences:1", "faults:1", "timers:1", ""] {
        let run = beside_a_critical_one("cores = 1", &format!("hammer {kind}"), "[0]")
            .for_ms(60)
            .run();
        run.assert_said("player", "hammer: running");
        run.assert_undisturbed("critical");
        // One core: a nanosecond is an instruction. The wake-up has the way through the monitor and
        // the partition's own instructions in it.
        let worst = run.partition("critical").worst_wakeup_ns;
        assert!(worst <= 3_000, "{kind}: woken {worst} instructions late");
    }
}
