//! A device's interrupt reaches its owner, at once, and nobody else.

use partita_tests::{Run, System};

fn system(ordinary: &str) -> System {
    System::new(
        1,
        &format!(
            r#"
            [partition.clock]
            criticality = "ASIL-C"
            image = "$guest"
            arguments = "rtc period-us:500 count:60"
            memory = "256KiB"
            cores = [0]
            fp = "none"
            devices = ["rtc"]
            budget = "300us"
            period = "1ms"

            [partition.ordinary]
            criticality = "QM"
            image = "$guest"
            arguments = "{ordinary}"
            memory = "256KiB"
            cores = [0]
            health = {{ access-fault = "log" }}
            "#
        ),
    )
}

/// How late the clock's interrupt was at worst, in nanoseconds.
fn worst(run: &Run, name: &str) -> u64 {
    let line = run.find(name, "worst").expect("the worst case is told");
    let (_, worst) = line.text.split_once("worst ").expect("it has a number");
    let worst = worst.split(' ').next().and_then(|text| text.parse().ok());
    worst.expect("a number")
}

#[test]
fn a_device_interrupt_reaches_its_owner_while_a_lower_partition_spins() {
    let run = system("spin").until("clock", "stray").run();
    run.assert_said("clock", "rtc: 60 taken, 0 strange");
    run.assert_said("clock", "rtc: 0 stray completions taken");
    run.assert_said("ordinary", "spin: running");
    let worst = worst(&run, "clock");
    // One nanosecond an instruction.
    assert!(worst < 5_000, "{worst} ns late");
    // To the owner and back, but for an alarm or two that come while it runs anyway.
    assert!(run.report().cores[&0].switches >= 2 * 58);
}

#[test]
fn a_neighbour_can_neither_take_nor_forge_nor_mask_an_interrupt() {
    // Priority, enable, threshold, claim and completion of the line, at both privileges' contexts.
    let doors = "probe store4:0xc00002c load4:0xc201004 store4:0xc201004 store4:0xc002000 \
                 store4:0xc002080 store4:0xc200000 load4:0xc200004 store4:0xc200004 store4:0x10101c";
    let run = system(doors)
        .expect("ordinary", "denied, ")
        .until("clock", "stray")
        .run();
    run.assert_said("ordinary", "probe: 9 denied, 0 allowed");
    run.assert_said("clock", "rtc: 60 taken, 0 strange");
}

#[test]
fn a_device_interrupt_reaches_its_owner_on_any_core() {
    for core in [1, 2] {
        let run = System::new(
            3,
            &format!(
                r#"
                [partition.clock]
                criticality = "ASIL-C"
                image = "$guest"
                arguments = "rtc period-us:500 count:20"
                memory = "256KiB"
                cores = [{core}]
                fp = "none"
                devices = ["rtc"]

                [partition.other]
                criticality = "QM"
                image = "$guest"
                arguments = "idle"
                memory = "256KiB"
                cores = [0]
                "#
            ),
        )
        .for_ms(50)
        .run();
        run.assert_said("clock", "rtc: 20 taken, 0 strange");
    }
}

#[test]
fn a_partition_cannot_complete_the_line_of_one_on_another_core() {
    // Both are the first on their core and have one line, so both call theirs by the same number there.
    let run = System::new(
        2,
        r#"
        [partition.owner]
        criticality = "ASIL-D"
        image = "$guest"
        arguments = "idle"
        memory = "256KiB"
        cores = [1]
        fp = "none"
        devices = ["virtio0"]
        accept = ["dma"]

        [partition.thief]
        criticality = "ASIL-B"
        image = "$guest"
        arguments = "rtc period-us:500 count:10"
        memory = "256KiB"
        cores = [0]
        fp = "none"
        devices = ["rtc"]
        "#,
    )
    .for_ms(50)
    .run();
    run.assert_said("owner", "idle: running");
    run.assert_said("thief", "rtc: 10 taken, 0 strange");
}

#[test]
fn an_interrupt_that_comes_while_its_partition_is_being_stopped_is_not_for_its_next_life() {
    let run = System::new(
        2,
        r#"
        [partition.critical]
        criticality = "ASIL-D"
        image = "$guest"
        arguments = "spin"
        memory = "256KiB"
        cores = [1]
        budget = "1800us"
        period = "2ms"

        [partition.late]
        criticality = "QM"
        image = "$guest"
        arguments = "rtc-late"
        memory = "256KiB"
        cores = [0, 1]
        devices = ["rtc"]
        restart = {}
        "#,
    )
    .for_ms(90)
    .run();
    let late = run.partition("late");
    assert!(late.boots > 3, "{} boots", late.boots);
    let found = run.count("late", "rtc: found");
    assert!(found > 3);
    assert_eq!(run.count("late", "rtc: found Ok(None)"), found);
    assert!(late.events.iter().all(|event| event.kind == "reset"));
}

/// A partition with a direct line that suspends until each interrupt, and a critical one on its core.
fn direct(neighbour: &str, part: &str) -> Run {
    System::new(
        1,
        &format!(
            r#"
            [partition.neighbour]
            criticality = "ASIL-B"
            image = "$guest"
            arguments = "{neighbour}"
            memory = "256KiB"
            cores = [0]
            budget = "100us"
            period = "1ms"

            [partition.direct]
            criticality = "QM"
            linux = {{ kernel = "$flat", command-line = "rtc-suspend {part}" }}
            memory = {{ base = "{:#x}", size = "4MiB" }}
            cores = [0]
            devices = ["rtc"]
            "#,
            System::FLAT_BASE
        ),
    )
    .for_ms(120)
    .run()
}

#[test]
fn a_direct_line_ends_a_suspend_on_a_hart_that_idles() {
    for neighbour in ["idle", "periodic period-us:300", "end shutdown"] {
        let run = direct(neighbour, "period-us:700 count:20");
        run.assert_said("direct", "rtc: 20 suspends ended, 0 strange");
        let worst = worst(&run, "direct");
        assert!(worst < 5_000, "{worst} ns late beside `{neighbour}`");
    }
}

#[test]
fn a_direct_line_that_was_claimed_before_a_restart_interrupts_after_it() {
    let run = direct("idle", "period-us:200 count:3 reboot:1");
    let lives = run.count("direct", "rtc: 3 suspends ended, 0 strange");
    assert!(lives >= 2, "{lives} lives");
}
