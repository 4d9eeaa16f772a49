//! Harts of a partition that start, stop and interrupt each other at awkward moments.

use partita_tests::{Run, System};

/// A partition with three harts, of which one starts another all the time, that ends in some way.
fn restless(end: &str, milliseconds: u64) -> Run {
    System::new(
        3,
        &format!(
            r#"
            [partition.restless]
            criticality = "QM"
            image = "$guest"
            arguments = "restless {end}"
            memory = "256KiB"
            cores = [0, 1, 2]
            health = {{ panic = "halt", reset = "restart" }}
            restart = {{}}
            "#
        ),
    )
    .for_ms(milliseconds)
    .run()
}

/// Asserts that no core has done anything since the partition's end, which the report has as `kind`.
#[track_caller]
fn assert_all_rest(run: &Run, kind: &str) {
    let event = run.events("restless", kind).next().expect("its end");
    assert!(!run.said("restless", "runs on"));
    assert!(!run.said("restless", "still here"));
    let rest = run.report().virtual_ns - event.time_ns;
    assert!(rest > 2_000_000, "the run ended too early to tell");
    for (number, core) in &run.report().cores {
        // The harts take turns of 20 us until all of them have stopped.
        let idle = core.idle_ns;
        assert!(idle > rest - 400_000, "core {number}: {idle} of {rest} ns");
    }
}

#[test]
fn no_hart_runs_on_in_a_partition_that_shuts_down() {
    for phase in 0..8 {
        let after = 100 + 7 * phase;
        let run = restless(&format!("phase:{phase} after-us:{after} shutdown"), 15);
        assert_eq!(run.partition("restless").state, "stopped");
        assert_all_rest(&run, "shutdown");
    }
}

#[test]
fn no_hart_runs_on_in_a_partition_that_fails() {
    for phase in 0..4 {
        let after = 100 + 7 * phase;
        let run = restless(&format!("phase:{phase} after-us:{after} panic:7"), 15);
        assert_eq!(run.partition("restless").state, "failed");
        assert_all_rest(&run, "panic");
    }
}

#[test]
fn no_hart_of_a_former_life_runs_on_in_a_partition_that_restarts() {
    let run = restless("after-us:60 reboot", 200);
    let restless = run.partition("restless");
    assert!(restless.boots > 20, "{} boots", restless.boots);
    let alone = run.count("restless", "restless: 0 harts of a former life") as u32;
    assert!(
        (restless.boots - 1..=restless.boots).contains(&alone),
        "{alone} of {}",
        restless.boots
    );
    assert!(!run.said("restless", "still here"));
    assert!(restless.events.iter().all(|event| event.kind == "reset"));
}

#[test]
fn an_interrupt_for_a_hart_that_was_just_asked_to_start_arrives() {
    let greet = |critical: &str| {
        let run = System::new(
            2,
            &format!(
                r#"
                [partition.critical]
                criticality = "ASIL-D"
                image = "$guest"
                arguments = "{critical}"
                memory = "256KiB"
                cores = [1]
                budget = "900us"
                period = "1ms"

                [partition.greeter]
                criticality = "QM"
                image = "$guest"
                arguments = "greet"
                memory = "256KiB"
                cores = [0, 1]
                "#
            ),
        )
        .for_ms(40)
        .run();
        run.assert_said("greeter", "greet: started true, sent true, arrived true");
    };
    // At once, or after the more critical partition has used up its budget.
    greet("idle");
    greet("spin");
}

#[test]
fn an_interrupt_for_a_hart_without_budget_arrives_in_its_next_period() {
    for neighbour in ["idle", "spin", "end shutdown"] {
        let run = System::new(
            2,
            &format!(
                r#"
                [partition.knocker]
                criticality = "ASIL-B"
                image = "$guest"
                arguments = "knock count:10 gap-us:400"
                memory = "256KiB"
                cores = [0, 1]
                budget = "200us"
                period = "1ms"

                [partition.neighbour]
                criticality = "QM"
                image = "$guest"
                arguments = "{neighbour}"
                memory = "256KiB"
                cores = [1]
                "#
            ),
        )
        .for_ms(40)
        .run();
        run.assert_said("knocker", "knock: 10 arrived");
    }
}

/// What the part `count` has counted.
fn counted(run: &Run) -> u64 {
    let line = run.find("count", "rounds").expect("it got round in time");
    let rounds = line.text.split(' ').nth(1).map(str::parse);
    rounds.expect("a number").expect("a number")
}

/// How often a QM partition comes round in 20 ms beside a more critical one that uses up its budget on
/// the same core, and is pestered there by its other harts meanwhile.
fn rounds_beside_a_flood(target: u32) -> u64 {
    let run = System::new(
        4,
        &format!(
            r#"
            [partition.flood]
            criticality = "ASIL-C"
            image = "$guest"
            arguments = "flood target:{target}"
            memory = "256KiB"
            cores = [0, 1, 2, 3]
            budget = "500us"
            period = "1ms"
            fp = "none"

            [partition.count]
            criticality = "QM"
            image = "$guest"
            arguments = "count"
            memory = "256KiB"
            cores = [0]
            fp = "none"
            "#
        ),
    )
    .for_ms(180)
    .run();
    counted(&run)
}

#[test]
fn a_flood_of_interrupts_for_a_hart_without_budget_costs_the_others_on_its_core_little() {
    let calm = rounds_beside_a_flood(0);
    let flooded = rounds_beside_a_flood(1);
    assert!(
        flooded * 100 >= calm * 94,
        "{flooded} rounds, {calm} without the flood"
    );
}

#[test]
fn a_partition_wins_no_time_by_stopping_and_starting_its_harts() {
    let run = System::new(
        2,
        r#"
        [partition.relay]
        criticality = "ASIL-D"
        image = "$guest"
        arguments = "relay period-us:60 work-us:50"
        memory = "256KiB"
        cores = [1, 0]
        budget = "100us"
        period = "1ms"

        [partition.spinner]
        criticality = "QM"
        image = "$guest"
        arguments = "spin"
        memory = "256KiB"
        cores = [0]
        "#,
    )
    .for_ms(100)
    .run();
    run.assert_said("relay", "relay: 20 starts");
    let core = run.report().virtual_ns - run.report().cores[&0].idle_ns;
    let share = (core - run.partition("spinner").cpu_ns) * 10_000 / run.report().virtual_ns;
    assert!(
        (500..=1_050).contains(&share),
        "it had {share} of 10000 of the other's core"
    );
}

#[test]
fn a_hart_sleeps_while_nobody_may_run_even_if_an_interrupt_is_pending() {
    // The machine's time is shared by the harts that do not sleep, so the other one has more rounds.
    let rounds = |pending: u32| {
        let run = System::new(
            2,
            &format!(
                r#"
                [partition.ignore]
                criticality = "ASIL-B"
                image = "$guest"
                arguments = "ignore pending:{pending}"
                memory = "256KiB"
                cores = [0]
                budget = "100us"
                period = "1ms"

                [partition.count]
                criticality = "QM"
                image = "$guest"
                arguments = "count"
                memory = "256KiB"
                cores = [1]
                "#
            ),
        )
        .for_ms(100)
        .run();
        counted(&run)
    };
    let (without, with) = (rounds(0), rounds(1));
    assert!(
        with * 100 >= without * 95,
        "{with} rounds, {without} without it"
    );
}
