//! The life of a partition: its ends and restarts are its own.

use partita_tests::{Run, System};

fn run(part: &str, cores: &str) -> Run {
    System::new(
        2,
        &format!(
            r#"
            [partition.critical]
            criticality = "ASIL-D"
            image = "$guest"
            arguments = "periodic period-us:1000 work-us:50 tolerance-us:100 report:20"
            memory = "256KiB"
            cores = [0]
            budget = "400us"
            period = "1ms"

            [partition.mortal]
            criticality = "QM"
            image = "$guest"
            arguments = "{part}"
            memory = "256KiB"
            cores = {cores}
            health = {{ panic = "halt", reset = "restart", shutdown = "halt" }}
            restart = {{}}
            "#
        ),
    )
    .for_ms(150)
    .run()
}

#[test]
fn a_partition_that_shuts_down_ends_alone() {
    let run = run("end after-us:5000 shutdown", "[0]");
    let mortal = run.partition("mortal");
    assert_eq!((mortal.state.as_str(), mortal.boots), ("stopped", 1));
    assert_eq!(run.events("mortal", "shutdown").count(), 1);
    assert!(!run.said("mortal", "still here"));
    run.assert_undisturbed("critical");
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn a_partition_that_reboots_starts_again_and_the_others_keep_their_deadlines() {
    let run = run("end after-us:5000 reboot", "[1, 0]");
    let mortal = run.partition("mortal");
    assert!(mortal.boots > 2, "{} boots", mortal.boots);
    assert_eq!(run.count("mortal", "end: running") as u32, mortal.boots);
    assert!(!run.said("mortal", "still here"));
    run.assert_undisturbed("critical");
}

#[test]
fn a_partition_that_gives_up_is_recorded_with_its_code() {
    let run = run("end panic:4660", "[0]");
    assert_eq!(run.partition("mortal").state, "failed");
    let events: Vec<_> = run
        .events("mortal", "panic")
        .map(|event| event.address.as_str())
        .collect();
    assert_eq!(events, ["0x1234"]);
    run.assert_undisturbed("critical");
}

#[test]
fn a_rust_panic_is_told_on_the_console_and_recorded() {
    let run = run("end rust-panic", "[0]");
    assert_eq!(run.partition("mortal").state, "failed");
    run.assert_said("mortal", "as the arguments say");
    assert_eq!(run.events("mortal", "panic").count(), 1);
    run.assert_undisturbed("critical");
}

#[test]
fn a_partition_restarts_again_and_again_with_all_its_harts_at_work() {
    let run = run("harts harts:2 rounds:3 suspends:2 reboot:1", "[1, 0]");
    let mortal = run.partition("mortal");
    assert!(mortal.boots > 4, "{} boots", mortal.boots);
    assert!(run.count("mortal", "harts: 0 errors") as u32 >= mortal.boots - 1);
    // The run may end between a reset and the start after it.
    assert!((mortal.boots - 1..=mortal.boots).contains(&mortal.events_total));
    run.assert_undisturbed("critical");
}
