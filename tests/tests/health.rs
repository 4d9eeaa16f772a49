//! Health and healing, seen from outside: each event, each action, and that nobody else notices.

use partita_tests::{Run, System};

const RISCV64: &str = "qemu-virt-riscv64";
const AARCH64: &str = "qemu-virt-aarch64";
/// One board of each kind of monitor.
const BOARDS: [&str; 3] = [RISCV64, AARCH64, "qemu-virt-aarch64-gicv2"];

/// A partition in trouble with these lines in its manifest, beside a critical one that may not miss a
/// deadline, both on one core.
fn beside_a_critical_one(board: &str, arguments: &str, lines: &str) -> System {
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

            [partition.troubled]
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

/// An event, how a program brings it about, and lines of `health` that it needs to be restarted for that.
type Trouble = (&'static str, &'static str, &'static str);

/// What a program can bring about on a board.
fn troubles(board: &str) -> impl Iterator<Item = &'static Trouble> {
    let own = if board == RISCV64 {
        &OF_RISCV64
    } else {
        &OF_AARCH64
    };
    own.iter().chain(&TROUBLES)
}

/// What is the same everywhere.
const TROUBLES: [Trouble; 5] = [
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

const OF_RISCV64: [Trouble; 4] = [
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
];

/// Faults of a program at S-EL1 are its own: the runtime handles them, says so and asks for its own end.
const OF_AARCH64: [Trouble; 4] = [
    ("panic", "fault after-us:2000 access", ""),
    ("panic", "fault after-us:2000 illegal", ""),
    // A register that the monitor keeps to itself.
    (
        "illegal-instruction",
        "fault after-us:2000 register",
        "illegal-instruction = \"restart\"",
    ),
    (
        "watchdog",
        "fault after-us:2000 handler",
        "watchdog = \"restart\"",
    ),
];

#[test]
fn each_event_restarts_its_partition_up_to_the_limit_and_then_it_stays_off() {
    for board in BOARDS {
        for trouble in troubles(board) {
            is_restarted_up_to_the_limit(board, trouble);
        }
    }
}

/// The lines of a partition in this trouble: its watchdog bites soon if that is to find it.
fn lines_of(event: &str, health: &str) -> String {
    let watchdog = if event == "watchdog" {
        "watchdog = \"5ms\"\n"
    } else {
        ""
    };
    format!("{watchdog}[partition.troubled.health]\n{health}")
}

fn is_restarted_up_to_the_limit(board: &str, (event, arguments, health): &Trouble) {
    let run = beside_a_critical_one(board, arguments, &lines_of(event, health)).run();
    let troubled = run.partition("troubled");
    assert_eq!(
        (troubled.boots, troubled.state.as_str()),
        (4, "failed"),
        "{event} by `{arguments}` on {board}"
    );
    // Events that are the same but for their time are kept once, and counted.
    assert!(run.events("troubled", event).count() >= 1, "{arguments}");
    assert!(troubled.events_total >= 4, "{arguments}");
    if !arguments.starts_with("end") {
        assert_healed(&run, 4, "failed");
    }
    run.assert_undisturbed("critical");
}

#[test]
fn each_event_halts_its_partition_if_the_manifest_says_so() {
    for board in BOARDS {
        for trouble in troubles(board) {
            is_halted(board, trouble);
        }
    }
}

fn is_halted(board: &str, (event, arguments, health): &Trouble) {
    let lines = match health.split_once(" = ") {
        Some((key, _)) if key == *event => format!("{key} = \"halt\""),
        _ => format!("{health}\n{event} = \"halt\""),
    };
    let run = beside_a_critical_one(board, arguments, &lines_of(event, &lines))
        .for_ms(40)
        .run();
    let troubled = run.partition("troubled");
    assert_eq!(
        (troubled.boots, troubled.state.as_str()),
        (1, "failed"),
        "{event} by `{arguments}` on {board}"
    );
    assert!(!run.said("troubled", "still here"));
    run.assert_undisturbed("critical");
}

#[test]
fn an_event_that_is_only_logged_leaves_the_partition_to_itself() {
    for board in BOARDS {
        let run = beside_a_critical_one(board, "fault after-us:1000 call", "").run();
        run.assert_said("troubled", "fault: call returned -3");
        run.assert_said("troubled", "fault: still here");
        assert_eq!(run.events("troubled", "call-denied").count(), 1);
        assert_healed(&run, 1, "running");
    }
}

#[test]
fn a_trap_of_a_program_at_s_el1_that_is_only_logged_is_its_own_exception_and_names_the_register() {
    for board in BOARDS.into_iter().filter(|board| *board != RISCV64) {
        let lines = "health = { illegal-instruction = \"log\" }";
        let run = beside_a_critical_one(board, "fault caught register", lines).run();
        // Of an undefined instruction (DDI 0487, D24.2.40).
        run.assert_said("troubled", "fault: syndrome 0x2000000");
        run.assert_said("troubled", "fault: still here");
        let event = run.events("troubled", "illegal-instruction").next();
        let event = event.expect("it was told");
        // Class 0x18, `op0` 3, `op2` 0, `op1` 3, `CRn` 9, `Rt` 31, `CRm` 12, a read: of `PMCR_EL0`.
        let syndrome = 0x18 << 26 | 1 << 25 | 3 << 20 | 3 << 14 | 9 << 10 | 31 << 5 | 12 << 1 | 1;
        assert_eq!(
            (event.cause, &*event.address),
            (0x18, &*format!("{syndrome:#x}"))
        );
        assert_healed(&run, 1, "running");
    }
}

#[test]
fn an_exception_of_s_el1_that_only_a_newer_core_has_is_an_unexpected_trap() {
    for (action, boots, state) in [("restart", 4, "failed"), ("halt", 1, "failed")] {
        let run = System::on(
            AARCH64,
            "cores = 1\nmemory = \"512MiB\"\ncpu = \"max\"",
            &format!(
                r#"
                [partition.troubled]
                criticality = "QM"
                image = "$guest"
                arguments = "fault after-us:2000 scalable"
                memory = "256KiB"
                cores = [0]
                fp = "none"
                accept = ["trusted-base"]
                [partition.troubled.health]
                unexpected-trap = "{action}"
                "#
            ),
        )
        .shift(1)
        .for_ms(120)
        .run();
        let troubled = run.partition("troubled");
        assert_eq!((troubled.boots, troubled.state.as_str()), (boots, state));
        let event = run.events("troubled", "unexpected-trap").next();
        // Access to scalable vectors.
        assert_eq!(event.expect("it was told").cause, 0x19);
    }
}

#[test]
fn each_restart_waits_twice_as_long_as_the_one_before() {
    let lines = r#"restart = { limit = 4, within = "1s", back-off = "4ms" }"#;
    for (board, event) in [(RISCV64, "access-fault"), (AARCH64, "panic")] {
        let run = beside_a_critical_one(board, "fault access", lines).run();
        assert_healed(&run, 5, "failed");
        let times = |text: &str| -> Vec<u64> {
            let lines = run.lines().iter().filter(|line| line.text.contains(text));
            lines.map(|line| line.time_ns).collect()
        };
        let (starts, events) = (
            times("fault: running"),
            times(&format!("troubled: {event}")),
        );
        for (number, wait_ms) in [4, 8, 16, 32].into_iter().enumerate() {
            let waited = starts[number + 1] - events[number];
            let range = wait_ms * 1_000_000..(wait_ms + 10) * 1_000_000;
            assert!(
                range.contains(&waited),
                "restart {number} after {waited} ns"
            );
        }
    }
}

#[test]
fn a_partition_that_does_not_reset_its_watchdog_is_restarted() {
    for board in BOARDS {
        for (arguments, watchdog) in [
            ("watch times:5 every-us:1000", r#""5ms""#),
            ("watch times:5 every-us:1000 spin:1", r#""5ms""#),
            (
                "watch start-us:4000 times:5 every-us:1000",
                r#"{ timeout = "20ms", start = "first-use" }"#,
            ),
        ] {
            let lines = format!("watchdog = {watchdog}");
            let run = beside_a_critical_one(board, arguments, &lines).run();
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
}

#[test]
fn a_watchdog_that_is_reset_in_time_or_not_started_never_expires() {
    for board in BOARDS {
        for (arguments, watchdog) in [
            ("watch times:100 every-us:2000", r#""4ms""#),
            (
                "watch times:3",
                r#"{ timeout = "4ms", start = "first-use" }"#,
            ),
        ] {
            let lines = format!("watchdog = {watchdog}");
            let run = beside_a_critical_one(board, arguments, &lines).run();
            assert_healed(&run, 1, "running");
            assert_eq!(run.events("troubled", "watchdog").count(), 0);
        }
    }
}

#[test]
fn a_watchdog_of_the_shortest_time_that_is_only_logged_takes_no_time_from_a_critical_partition() {
    let lines = r#"
        watchdog = "100ms"
        health = { watchdog = "log" }"#;
    for board in BOARDS {
        let run = beside_a_critical_one(board, "watch start-ns:1 times:0", lines).run();
        run.assert_said("troubled", "watch: started true");
        run.assert_undisturbed("critical");
        let troubled = run.partition("troubled");
        assert_eq!((troubled.boots, troubled.state.as_str()), (1, "running"));
        // It waits for a millisecond each time, whatever it asked for.
        let expired = troubled.events_total;
        assert!((20..=120).contains(&expired), "{expired} times in 120 ms");
    }
}

#[test]
fn a_critical_partition_that_hangs_is_caught_by_its_watchdog_and_restarted() {
    for board in BOARDS {
        let run = System::on(
            board,
            "cores = 1\nmemory = \"512MiB\"",
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
        accept = ["trusted-base"]

        [partition.ordinary]
        criticality = "QM"
        image = "$guest"
        arguments = "talk lines:40 pace-us:2000"
        memory = "256KiB"
        cores = [0]
        accept = ["trusted-base"]
        "#,
        )
        .for_ms(100)
        .run();
        let critical = run.partition("critical");
        assert_eq!((critical.boots, critical.state.as_str()), (3, "failed"));
        assert_eq!(run.events("critical", "watchdog").count(), 3);
        run.assert_said("ordinary", "talk: line 39 of 40");
    }
}

#[test]
fn a_budget_overrun_restarts_a_partition_whose_manifest_says_so() {
    for board in BOARDS {
        let run = System::on(
            board,
            "cores = 1\nmemory = \"512MiB\"",
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
        accept = ["trusted-base"]

        [partition.ordinary]
        criticality = "QM"
        image = "$guest"
        arguments = "talk lines:10 pace-us:2000"
        memory = "256KiB"
        cores = [0]
        accept = ["trusted-base"]
        "#,
        )
        .for_ms(60)
        .run();
        let greedy = run.partition("greedy");
        assert_eq!((greedy.boots, greedy.state.as_str()), (3, "failed"));
        run.assert_said("ordinary", "talk: line 9 of 10");
    }
}

#[test]
fn an_event_that_stops_the_system_ends_the_run_at_once_and_it_is_not_healthy() {
    for (board, event) in [(RISCV64, "access-fault"), (AARCH64, "panic")] {
        let lines = format!("[partition.troubled.health]\n{event} = \"stop-system\"");
        let run = beside_a_critical_one(board, "fault after-us:20000 access", &lines)
            .for_ms(1000)
            .run();
        let report = run.report();
        assert!(report.virtual_ns < 100_000_000, "{}", report.virtual_ns);
        assert!(!report.healthy);
        let reason = format!("{event} of troubled stopped the system");
        assert!(report.reasons.contains(&reason), "{:?}", report.reasons);
        assert_eq!(run.partition("troubled").state, "failed");
        assert_eq!(run.partition("critical").state, "stopped");
    }
}

#[test]
fn an_event_that_resets_the_system_boots_it_again() {
    for (board, event) in [
        (RISCV64, "access-fault"),
        (AARCH64, "panic"),
        ("qemu-virt-aarch64-gicv2", "panic"),
    ] {
        let lines = format!("[partition.troubled.health]\n{event} = \"reset-system\"");
        let run = beside_a_critical_one(board, "fault on-input:1 access", &lines)
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
}

#[test]
fn a_device_that_interrupts_without_end_is_held_to_its_limit_and_loses_nothing() {
    for board in BOARDS {
        let run = System::on(
            board,
            "cores = 1\nmemory = \"512MiB\"",
            r#"
        [partition.critical]
        criticality = "ASIL-D"
        image = "$guest"
        arguments = "periodic period-us:1000 work-us:50 tolerance-us:100 report:10"
        memory = "256KiB"
        cores = [0]
        accept = ["trusted-base"]
        budget = "400us"
        period = "1ms"

        [partition.stormy]
        criticality = "ASIL-A"
        image = "$guest"
        arguments = "rtc-storm report-us:10000"
        memory = "256KiB"
        cores = [0]
        accept = ["trusted-base", "open-device"]
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
            Some(if board == RISCV64 { "0xb" } else { "0x22" })
        );
    }
}

#[test]
fn a_device_is_harmless_when_its_partition_is_restarted() {
    // The alarm that the first life set would interrupt the second one, which does not expect it.
    for board in BOARDS {
        let run = System::on(
            board,
            "cores = 1\nmemory = \"512MiB\"",
            r#"
        [partition.owner]
        criticality = "ASIL-B"
        image = "$guest"
        arguments = "rtc-leave"
        memory = "256KiB"
        cores = [0]
        accept = ["trusted-base", "open-device"]
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
