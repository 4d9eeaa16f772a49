//! Two programs in the secure world of Arm, on one core: their order and their budgets are those of partitions
//! anywhere. `health.rs` has their troubles.

use partita_tests::{Run, System};

const BOARD: &str = "qemu-virt-aarch64";
const GICV2: &str = "qemu-virt-aarch64-gicv2";

/// A critical program that may not miss a deadline, and one with these arguments and lines, on one core.
fn beside_a_critical_one(arguments: &str, lines: &str) -> System {
    beside_a_critical_one_on(BOARD, arguments, lines)
}

fn beside_a_critical_one_on(board: &str, arguments: &str, lines: &str) -> System {
    System::on(
        board,
        "cores = 1\nmemory = \"512MiB\"",
        &format!(
            r#"
            [partition.critical]
            criticality = "ASIL-D"
            image = "$guest"
            arguments = "periodic period-us:1000 work-us:50 tolerance-us:100 report:10"
            memory = "256KiB"
            cores = [0]
            budget = "400us"
            period = "1ms"
            accept = ["trusted-base"]

            [partition.other]
            criticality = "QM"
            image = "$guest"
            arguments = "{arguments}"
            memory = "256KiB"
            cores = [0]
            fp = "none"
            accept = ["trusted-base"]
            {lines}
            "#
        ),
    )
    .shift(1)
    .for_ms(120)
}

/// Share of a core that a partition had, in hundredths of a percent.
fn share(run: &Run, name: &str) -> u64 {
    run.partition(name).cpu_ns * 10_000 / run.report().virtual_ns
}

#[test]
fn a_program_keeps_its_deadlines_beside_one_that_spins() {
    let run = beside_a_critical_one("spin", "").for_ms(300).run();
    run.assert_undisturbed("critical");
    run.assert_said("other", "spin: running");
    assert!(run.report().cores[&0].switches > 400);
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn two_programs_share_a_core_with_a_gicv2() {
    let run = beside_a_critical_one_on(GICV2, "spin", "")
        .for_ms(300)
        .run();
    run.assert_undisturbed("critical");
    assert!(run.report().cores[&0].switches > 400);
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn a_critical_program_that_spins_is_held_to_its_budget() {
    let run = System::on(
        BOARD,
        "cores = 1\nmemory = \"512MiB\"",
        r#"
        [partition.runaway]
        criticality = "ASIL-D"
        image = "$guest"
        arguments = "spin"
        memory = "1MiB"
        cores = [0]
        budget = "300us"
        period = "1ms"
        accept = ["trusted-base"]

        [partition.ordinary]
        criticality = "QM"
        image = "$guest"
        arguments = "periodic period-us:2000 tolerance-us:400 report:20"
        memory = "1MiB"
        cores = [0]
        accept = ["trusted-base"]
        "#,
    )
    .for_ms(400)
    .run();
    let share = share(&run, "runaway");
    assert!(
        (2_950..=3_050).contains(&share),
        "the runaway had {share} of 10000"
    );
    run.assert_undisturbed("ordinary");
    assert!(run.events("runaway", "budget-overrun").next().is_some());
}

#[test]
fn a_program_that_faults_for_ever_has_no_more_than_the_time_that_is_left() {
    let run = beside_a_critical_one("fault after-us:2000 handler", "watchdog = \"10ms\"")
        .for_ms(30)
        .run();
    assert!(run.events("other", "watchdog").next().is_some());
    run.assert_undisturbed("critical");
}

#[test]
fn a_program_that_shuts_down_stays_off_alone() {
    let run = beside_a_critical_one("end after-us:2000 shutdown", "").run();
    assert_eq!(run.partition("other").boots, 1);
    assert_eq!(run.partition("other").state.as_str(), "stopped");
    run.assert_undisturbed("critical");
}

#[test]
fn what_is_typed_goes_to_the_chosen_program_only() {
    let run = beside_a_critical_one("echo", "")
        .for_ms(5_000)
        .expect("other", "echo: running")
        .expect("critical", "periodic: 20 met")
        .send("other", "words\n")
        .until("other", "echo: `words`")
        .run();
    run.assert_undisturbed("critical");
}

#[test]
fn nobody_forges_the_words_of_others() {
    let run = beside_a_critical_one("forge", "").run();
    run.assert_said("other", "forge: done");
    assert!(!run.said("critical", "forged"));
    assert!(
        run.lines()
            .iter()
            .all(|line| line.partition().is_some() || !line.text.contains("forged"))
    );
}

#[test]
fn cores_of_one_program_call_stop_start_and_sleep_beside_a_critical_one() {
    for board in [BOARD, GICV2] {
        let run = System::on(
            board,
            "cores = 2\nmemory = \"512MiB\"",
            r#"
            [partition.critical]
            criticality = "ASIL-D"
            image = "$guest"
            arguments = "periodic period-us:1000 work-us:50 tolerance-us:100 report:10"
            memory = "256KiB"
            cores = [1]
            budget = "400us"
            period = "1ms"
            accept = ["trusted-base"]

            [partition.pair]
            criticality = "QM"
            image = "$guest"
            arguments = "cores count:200 sleeps:3"
            memory = "256KiB"
            cores = [0, 1]
            accept = ["trusted-base"]
            "#,
        )
        .shift(1)
        .for_ms(500)
        .expect("pair", "cores: done")
        .until("critical", "met, 0 missed")
        .run();
        for line in [
            // PSCI's answers (DEN0022, 5.2.2): done, it runs already, it is denied.
            "cores: start answers 0",
            "cores: start again answers -4",
            "cores: 200 calls answered",
            "cores: call of another one answers -3",
            "cores: state 0",
            "cores: sleep beside it answers -3",
            "cores: standby answers 0, by Some(Timer), in time: true",
            "cores: state 1",
            "cores: stopped again",
        ] {
            run.assert_said("pair", line);
        }
        assert_eq!(run.count("pair", "cores: start answers 0"), 2);
        // One core is powered down, then the whole sleeps twice.
        assert_eq!(run.count("pair", "cores: awake"), 3);
        assert_eq!(run.count("pair", "by Some(Timer)"), 4);
        assert_eq!(run.events("pair", "call-denied").count(), 1);
        let pair = run.partition("pair");
        assert_eq!((pair.boots, pair.state.as_str()), (1, "stopped"));
        run.assert_undisturbed("critical");
    }
}
