//! A switch takes along all that belongs to a partition, and nothing that does not.

use partita_tests::System;

fn two(top: &str, bottom: &str) -> System {
    System::new(
        1,
        &format!(
            r#"
            [partition.top]
            criticality = "ASIL-B"
            image = "$guest"
            {top}
            memory = "256KiB"
            cores = [0]
            budget = "600us"
            period = "1ms"

            [partition.bottom]
            criticality = "QM"
            image = "$guest"
            {bottom}
            memory = "256KiB"
            cores = [0]
            "#
        ),
    )
    .shift(1)
}

#[test]
fn registers_survive_thousands_of_switches() {
    let run = two(
        "arguments = \"registers seed:17 rounds:2000 period-us:40\"",
        "arguments = \"registers seed:2989 rounds:400 period-us:110 spin:1\"",
    )
    .expect("bottom", "rounds, ")
    .until("top", "rounds, ")
    .run();
    run.assert_said("top", "registers: 2000 rounds, 0 wrong");
    run.assert_said("bottom", "registers: 400 rounds, 0 wrong");
    assert!(run.report().cores[&0].switches > 3000);
}

#[test]
fn registers_of_a_partition_with_floating_point_survive_one_without() {
    let run = two(
        "fp = \"none\"\narguments = \"registers seed:17 rounds:1000 period-us:40 fp:0\"",
        "arguments = \"registers seed:2989 rounds:200 period-us:110 spin:1\"",
    )
    .expect("bottom", "rounds, ")
    .until("top", "rounds, ")
    .run();
    run.assert_said("top", "registers: 1000 rounds, 0 wrong");
    run.assert_said("bottom", "registers: 200 rounds, 0 wrong");
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn floating_point_of_a_partition_that_has_none_is_found_and_stops_it() {
    let run = two(
        "fp = \"none\"\nhealth = { floating-point = \"halt\" }\narguments = \"floating-point\"",
        "arguments = \"registers seed:5 rounds:50 spin:1\"",
    )
    .for_ms(60)
    .run();
    run.assert_said("top", "floating-point: used");
    assert_eq!(run.partition("top").state, "failed");
    assert_eq!(run.events("top", "floating-point").count(), 1);
    run.assert_said("bottom", "registers: 50 rounds, 0 wrong");
    assert!(!run.report().healthy);
}

#[test]
fn a_lower_partition_without_floating_point_is_stopped_for_it_too() {
    let run = two(
        "arguments = \"registers seed:5 rounds:200 period-us:100\"",
        "fp = \"none\"\nhealth = { floating-point = \"halt\" }\narguments = \"floating-point\"",
    )
    .for_ms(60)
    .run();
    assert_eq!(run.partition("bottom").state, "failed");
    assert_eq!(run.events("bottom", "floating-point").count(), 1);
    run.assert_said("top", "registers: 200 rounds, 0 wrong");
}

#[test]
fn nobody_finds_the_floating_point_registers_of_a_partition_that_is_gone() {
    let run = two(
        "health = { panic = \"halt\", shutdown = \"halt\" }\narguments = \"floating-point-left\"",
        "fp = \"none\"\narguments = \"floating-point-found\"",
    )
    .for_ms(60)
    .run();
    assert_eq!(run.partition("top").state, "failed");
    run.assert_said("bottom", "floating-point: 0 registers hold something");
}
