//! Each partition has a console of its own, on the one serial port.

use partita_tests::System;

#[test]
fn what_a_lone_partition_says_before_it_waits_for_ever_comes_out() {
    // Nobody shares its core, so its `wfi` never comes to the monitor.
    let run = System::new(
        1,
        r#"
        [partition.lone]
        criticality = "QM"
        image = "$guest"
        arguments = "talk lines:40"
        memory = "256KiB"
        cores = [0]
        "#,
    )
    .until("lone", "talk: line 39 of 40")
    .run();
    assert_eq!(run.texts("lone").count(), 41);
    run.assert_said("lone", "talk: running");
    run.assert_said("lone", "talk: line 0 of 40");
}

fn two_that_echo(focus: &str) -> System {
    System::new(
        1,
        &format!(
            r#"
            [partition.first]
            criticality = "ASIL-A"
            image = "$guest"
            arguments = "echo"
            memory = "256KiB"
            cores = [0]
            budget = "300us"
            period = "1ms"

            [partition.second]
            criticality = "QM"
            image = "$guest"
            arguments = "echo"
            memory = "256KiB"
            cores = [0]

            [run]
            console = "{focus}"
            "#
        ),
    )
    .shift(2)
}

#[test]
fn what_is_typed_goes_to_the_chosen_partition_only() {
    for (focus, other) in [("first", "second"), ("second", "first")] {
        let run = two_that_echo(focus)
            .expect("first", "echo: running")
            .expect("second", "echo: running")
            .send(focus, "hello there\n")
            .until(focus, "echo: `hello there`")
            .for_ms(60_000)
            .run();
        run.assert_said(focus, "echo: `hello there`");
        assert_eq!(run.texts(other).count(), 1);
    }
}

#[test]
fn input_moves_from_one_partition_to_another_and_back() {
    let run = two_that_echo("first")
        .expect("second", "echo: running")
        .send("first", "one\n")
        .expect("first", "echo: `one`")
        .send("second", "two\n")
        .expect("second", "echo: `two`")
        .send("first", "three\n")
        .until("first", "echo: `three`")
        .for_ms(60_000)
        .run();
    assert_eq!((run.count("first", "`"), run.count("second", "`")), (2, 1));
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn partitions_that_talk_at_the_same_time_keep_their_own_lines() {
    let run = System::new(
        2,
        r#"
        [partition.first]
        criticality = "ASIL-A"
        image = "$guest"
        arguments = "talk lines:200 pace-us:100"
        memory = "256KiB"
        cores = [0]

        [partition.second]
        criticality = "QM"
        image = "$guest"
        arguments = "talk lines:200 pace-us:100"
        memory = "256KiB"
        cores = [1]
        "#,
    )
    .for_ms(300)
    .run();
    for name in ["first", "second"] {
        let expected = (0..200).map(|line| format!("talk: line {line} of 200"));
        let lines: Vec<_> = run.texts(name).skip(1).map(str::to_owned).collect();
        assert_eq!(lines, expected.collect::<Vec<_>>(), "{name}");
        assert_eq!(run.partition(name).console_dropped, 0);
    }
}

#[test]
fn a_partition_can_forge_neither_a_record_nor_an_end_of_the_run() {
    let run = System::new(
        1,
        r#"
        [partition.forger]
        criticality = "QM"
        image = "$guest"
        arguments = "forge"
        memory = "256KiB"
        cores = [0]

        [partition.victim]
        criticality = "ASIL-A"
        image = "$guest"
        arguments = "idle"
        memory = "256KiB"
        cores = [0]
        "#,
    )
    .shift(2)
    .until("forger", "forge: done")
    .run();
    let victim: Vec<_> = run.texts("victim").collect();
    assert_eq!(victim, ["idle: running"]);
    assert!(!run.texts("monitor").any(|line| line.contains("forged")));
    run.assert_said("forger", "[    9.000000000 monitor] forged");
    assert!(run.report().virtual_ns < 9_000_000_000);
}
