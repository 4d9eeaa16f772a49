//! Health and healing, seen from outside: each event, each action, and that nobody else notices.

use partita_tests::{Run, System};

/// A partition in trouble with these lines in its manifest, beside a critical one that may not miss a
/// deadline, both on one core.
fn beside_a_critical_one(arguments: &str, lines: &str) -> System {
    System::new(
        1,
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

            [partition.troubled]
            criticality = "QM"
            image = "$guest"
            arguments = "{arguments}"
            memory = "256KiB"
            cores = [0]
            fp = "none"
            {lines}
            "#
        ),
    )
    .shift(1)
    .for_ms(120)
}

/// Asserts that the troubled partition was started `boots` times, found its memory as new each time, and
/// is in `state` now, and that the critical one did not notice.
#[track_caller]
fn assert_healed(run: &Run, boots: u32, state: &str) {
    let troubled = run.partition("troubled");
    assert_eq!((troubled.boots, troubled.state.as_str()), (boots, state));
    assert_eq!(run.count("troubled", "running, found 1 0"), boots as usize);
    assert_eq!(run.count("troubled", "running, found"), boots as usize);
    run.assert_undisturbed("critical");
}

/// Each kind of event that a program can bring about, and how.
const TROUBLES: [(&str, &str, &str); 9] = [
    ("access-fault", "fault after-us:2000 access", ""),
    (
        "illegal-instruction",
        "fault after-us:2000 illegal",
        "illegal-instruction = \"restart\"",
    ),
    (
        "double-trap",
        "fault after-us:2000 vector",
        "access-fault = \"log\"",
    ),
    (
        "double-trap",
        "fault after-us:2000 handler",
        "access-fault = \"log\"",
    ),
    ("floating-point", "fault after-us:2000 float", ""),
    (
        "call-denied",
        "fault after-us:2000 call",
        "call-denied = \"restart\"",
    ),
    (
        "deadline-miss",
        "miss after-us:2000",
        "deadline-miss = \"restart\"",
    ),
    ("panic", "end after-us:2000 panic:7", ""),
    ("reset", "end after-us:2000 reboot", ""),
];

#[test]
fn each_event_restarts_its_partition_up_to_the_limit_and_then_it_stays_off() {
    for (event, arguments, health) in TROUBLES {
        let lines = format!("[partition.troubled.health]\n{health}");
        let run = beside_a_critical_one(arguments, &lines).run();
        let troubled = run.partition("troubled");
        assert_eq!(
            (troubled.boots, troubled.state.as_str()),
            (4, "failed"),
            "{event} by `{arguments}`"
        );
        // Events that are the same but for their time are kept once, and counted.
        assert!(run.events("troubled", event).count() >= 1, "{arguments}");
        assert!(troubled.events_total >= 4, "{arguments}");
        if !arguments.starts_with("end") {
            assert_healed(&run, 4, "failed");
        }
        run.assert_undisturbed("critical");
    }
}

#[test]
fn each_event_halts_its_partition_if_the_manifest_says_so() {
    for (event, arguments, health) in TROUBLES {
        let lines = match health.split_once(" = ") {
            Some((key, _)) if key == event => format!("{key} = \"halt\""),
            _ => format!("{health}\n{event} = \"halt\""),
        };
        let lines = format!("[partition.troubled.health]\n{lines}");
        let run = beside_a_critical_one(arguments, &lines).for_ms(40).run();
        let troubled = run.partition("troubled");
        assert_eq!(
            (troubled.boots, troubled.state.as_str()),
            (1, "failed"),
            "{event} by `{arguments}`"
        );
        assert!(!run.said("troubled", "still here"));
        run.assert_undisturbed("critical");
    }
}

#[test]
fn an_event_that_is_only_logged_leaves_the_partition_to_itself() {
    let run = beside_a_critical_one("fault after-us:1000 call", "").run();
    run.assert_said("troubled", "fault: call returned -3");
    run.assert_said("troubled", "fault: still here");
    assert_eq!(run.events("troubled", "call-denied").count(), 1);
    assert_healed(&run, 1, "running");
}

#[test]
fn each_restart_waits_twice_as_long_as_the_one_before() {
    let lines = r#"restart = { limit = 4, within = "1s", back-off = "4ms" }"#;
    let run = beside_a_critical_one("fault access", lines).run();
    assert_healed(&run, 5, "failed");
    let times = |text: &str| -> Vec<u64> {
        let lines = run.lines().iter().filter(|line| line.text.contains(text));
        lines.map(|line| line.time_ns).collect()
    };
    let (starts, events) = (times("fault: running"), times("troubled: access-fault"));
    for (number, wait_ms) in [4, 8, 16, 32].into_iter().enumerate() {
        let waited = starts[number + 1] - events[number];
        let range = wait_ms * 1_000_000..(wait_ms + 10) * 1_000_000;
        assert!(
            range.contains(&waited),
            "restart {number} after {waited} ns"
        );
    }
}

#[test]
fn a_partition_that_does_not_reset_its_watchdog_is_restarted() {
    for (arguments, watchdog) in [
        ("watch times:5 every-us:1000", r#""5ms""#),
        ("watch times:5 every-us:1000 spin:1", r#""5ms""#),
        (
            "watch start-us:4000 times:5 every-us:1000",
            r#"{ timeout = "20ms", start = "first-use" }"#,
        ),
    ] {
        let lines = format!("watchdog = {watchdog}");
        let run = beside_a_critical_one(arguments, &lines).run();
        assert_healed(&run, 4, "failed");
        assert_eq!(run.partition("troubled").events_total, 4);
        let silent = run.time_ns("troubled", "watch: no more");
        let after = run.time_ns("monitor", "troubled: watchdog") - silent;
        assert!(
            (3_000_000..6_000_000).contains(&after),
            "{arguments}: {after} ns"
        );
    }
}

#[test]
fn a_watchdog_that_is_reset_in_time_or_not_started_never_expires() {
    for (arguments, watchdog) in [
        ("watch times:100 every-us:2000", r#""4ms""#),
        (
            "watch times:3",
            r#"{ timeout = "4ms", start = "first-use" }"#,
        ),
    ] {
        let lines = format!("watchdog = {watchdog}");
        let run = beside_a_critical_one(arguments, &lines).run();
        assert_healed(&run, 1, "running");
        assert_eq!(run.events("troubled", "watchdog").count(), 0);
    }
}

#[test]
fn a_watchdog_of_the_shortest_time_that_is_only_logged_takes_no_time_from_a_critical_partition() {
    let lines = r#"
        watchdog = "100ms"
        health = { watchdog = "log" }"#;
    let run = beside_a_critical_one("watch start-ns:1 times:0", lines).run();
    run.assert_said("troubled", "watch: started true");
    run.assert_undisturbed("critical");
    let troubled = run.partition("troubled");
    assert_eq!((troubled.boots, troubled.state.as_str()), (1, "running"));
    // It waits for a millisecond each time, whatever it asked for.
    let expired = troubled.events_total;
    assert!((20..=120).contains(&expired), "{expired} times in 120 ms");
}

#[test]
fn a_critical_partition_that_hangs_is_caught_by_its_watchdog_and_restarted() {
    let run = System::new(
        1,
        r#"
        [partition.critical]
        criticality = "ASIL-D"
        image = "$guest"
        arguments = "watch times:5 every-us:1000 spin:1"
        memory = "256KiB"
        cores = [0]
        budget = "500us"
        period = "1ms"
        watchdog = "5ms"
        restart = { limit = 2, within = "1s" }

        [partition.ordinary]
        criticality = "QM"
        image = "$guest"
        arguments = "talk lines:40 pace-us:2000"
        memory = "256KiB"
        cores = [0]
        "#,
    )
    .for_ms(100)
    .run();
    let critical = run.partition("critical");
    assert_eq!((critical.boots, critical.state.as_str()), (3, "failed"));
    assert_eq!(run.events("critical", "watchdog").count(), 3);
    run.assert_said("ordinary", "talk: line 39 of 40");
}

#[test]
fn a_budget_overrun_restarts_a_partition_whose_manifest_says_so() {
    let run = System::new(
        1,
        r#"
        [partition.greedy]
        criticality = "ASIL-B"
        image = "$guest"
        arguments = "spin"
        memory = "256KiB"
        cores = [0]
        budget = "500us"
        period = "1ms"
        restart = { limit = 2, within = "1s" }
        health = { budget-overrun = "restart" }

        [partition.ordinary]
        criticality = "QM"
        image = "$guest"
        arguments = "talk lines:10 pace-us:2000"
        memory = "256KiB"
        cores = [0]
        "#,
    )
    .for_ms(60)
    .run();
    let greedy = run.partition("greedy");
    assert_eq!((greedy.boots, greedy.state.as_str()), (3, "failed"));
    run.assert_said("ordinary", "talk: line 9 of 10");
}

#[test]
fn an_event_that_stops_the_system_ends_the_run_at_once_and_it_is_not_healthy() {
    let lines = "[partition.troubled.health]\naccess-fault = \"stop-system\"";
    let run = beside_a_critical_one("fault after-us:20000 access", lines)
        .for_ms(1000)
        .run();
    let report = run.report();
    assert!(report.virtual_ns < 100_000_000, "{}", report.virtual_ns);
    assert!(!report.healthy);
    let reason = "access-fault of troubled stopped the system";
    assert!(
        report.reasons.iter().any(|text| text == reason),
        "{:?}",
        report.reasons
    );
    assert_eq!(run.partition("troubled").state, "failed");
    assert_eq!(run.partition("critical").state, "stopped");
}

#[test]
fn an_event_that_resets_the_system_boots_it_again() {
    let lines = "[partition.troubled.health]\naccess-fault = \"reset-system\"";
    let run = beside_a_critical_one("fault on-input:1 access", lines)
        .for_ms(5000)
        .expect("troubled", "fault: running")
        .send("troubled", "x")
        .expect("monitor", "the board is reset")
        .expect("troubled", "fault: running, found 1 0")
        .until("critical", "met, 0 missed")
        .run();
    assert_eq!(run.count("monitor", "Partita "), 2);
    assert_eq!(run.partition("troubled").boots, 1);
    assert_eq!(run.partition("troubled").events_total, 0);
    let report = run.report();
    assert_eq!((report.resets, report.healthy), (1, false));
    assert_eq!(report.reasons, ["the board was reset once"]);
}

#[test]
fn a_device_that_interrupts_without_end_is_held_to_its_limit_and_loses_nothing() {
    let run = System::new(
        1,
        r#"
        [partition.critical]
        criticality = "ASIL-D"
        image = "$guest"
        arguments = "periodic period-us:1000 work-us:50 tolerance-us:100 report:10"
        memory = "256KiB"
        cores = [0]
        budget = "400us"
        period = "1ms"

        [partition.stormy]
        criticality = "ASIL-A"
        image = "$guest"
        arguments = "rtc-storm report-us:10000"
        memory = "256KiB"
        cores = [0]
        devices = ["rtc"]
        interrupts = { limit = 20, within = "10ms" }
        "#,
    )
    .shift(1)
    .for_ms(115)
    .run();
    run.assert_undisturbed("critical");
    let taken: Vec<u64> = run
        .texts("stormy")
        .filter_map(|line| {
            line.strip_prefix("rtc: ")?
                .strip_suffix(" taken")?
                .parse()
                .ok()
        })
        .collect();
    assert!(taken.len() >= 8, "{taken:?}");
    for (number, taken_so_far) in (1..).zip(&taken) {
        // Windows and reports do not begin at the same time.
        let most: u64 = 20 * (number + 1);
        assert!(
            (most.saturating_sub(40)..=most).contains(taken_so_far),
            "{taken:?}"
        );
    }
    let storms = run.partition("stormy").events_total as usize;
    assert!((8..=12).contains(&storms), "{storms} storms");
    assert_eq!(
        run.events("stormy", "storm")
            .next()
            .map(|event| event.address.as_str()),
        Some("0xb")
    );
}

#[test]
fn a_device_is_harmless_when_its_partition_is_restarted() {
    // The alarm that the first life set would interrupt the second one, which does not expect it.
    let run = System::new(
        1,
        r#"
        [partition.owner]
        criticality = "ASIL-B"
        image = "$guest"
        arguments = "rtc-leave"
        memory = "256KiB"
        cores = [0]
        devices = ["rtc"]
        restart = { limit = 1, within = "1s" }
        "#,
    )
    .for_ms(60)
    .run();
    assert_eq!(run.partition("owner").boots, 2);
    assert_eq!(run.count("owner", "rtc: found 0 0"), 2);
    assert_eq!(run.count("owner", "rtc: leaves 1 1"), 2);
}

#[test]
fn a_real_time_partition_runs_its_first_task_again_within_five_milliseconds() {
    for (name, budget) in [
        ("its budget", "budget = \"400us\"\nperiod = \"1ms\""),
        ("no budget", ""),
    ] {
        let run = System::new(
            1,
            &format!(
                r#"
                [partition.cluster]
                criticality = "ASIL-B"
                image = "$cluster"
                arguments = "fault"
                memory = "256KiB"
                cores = [0]
                fp = "none"
                {budget}

                [partition.ordinary]
                criticality = "QM"
                image = "$guest"
                arguments = "spin"
                memory = "256KiB"
                cores = [0]
                "#
            ),
        )
        .shift(0)
        .expect("monitor", "cluster: access-fault")
        .until("cluster", "cluster: FreeRTOS")
        .run();
        let times = |text: &str| -> Vec<u64> {
            let lines = run.lines().iter().filter(|line| line.text.contains(text));
            lines.map(|line| line.time_ns).collect()
        };
        let faulted = times("cluster: access-fault")[0];
        let again = times("cluster: FreeRTOS")[1];
        println!(
            "with {name}: {} ns from fault to first task",
            again - faulted
        );
        assert!(again - faulted <= 5_000_000, "{} ns", again - faulted);
    }
}
