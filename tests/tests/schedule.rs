//! Separation in time: who has a shared core when, and for how long.

use partita_tests::{Run, System};

/// Share of a core that a partition had, in hundredths of a percent. Loading it is its own time too.
fn share(run: &Run, name: &str) -> u64 {
    run.partition(name).cpu_ns * 10_000 / run.report().virtual_ns
}

#[test]
fn a_periodic_partition_keeps_its_deadlines_beside_one_that_spins() {
    let run = System::new(
        1,
        r#"
        [partition.critical]
        criticality = "ASIL-B"
        image = "$guest"
        arguments = "periodic period-us:1000 work-us:100 tolerance-us:20"
        memory = "1MiB"
        cores = [0]
        fp = "none"
        budget = "300us"
        period = "1ms"

        [partition.spinner]
        criticality = "QM"
        image = "$guest"
        arguments = "spin"
        memory = "1MiB"
        cores = [0]
        "#,
    )
    .for_ms(300)
    .run();
    run.assert_undisturbed("critical");
    run.assert_said("spinner", "spin: running");
    let core = &run.report().cores[&0];
    assert!(core.switches > 400);
    let switch = core.switch_instructions.expect("there were switches");
    assert!(
        switch.max < 2_000,
        "a switch took {} instructions",
        switch.max
    );
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn a_critical_partition_that_spins_is_held_to_its_budget() {
    let run = System::new(
        1,
        r#"
        [partition.runaway]
        criticality = "ASIL-D"
        image = "$guest"
        arguments = "spin"
        memory = "1MiB"
        cores = [0]
        budget = "300us"
        period = "1ms"

        [partition.ordinary]
        criticality = "QM"
        image = "$guest"
        arguments = "periodic period-us:2000 tolerance-us:400 report:20"
        memory = "1MiB"
        cores = [0]
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
    assert!(!run.report().healthy);
}

/// Three partitions of three criticalities on one core, each with its own part.
fn three(top: &str, middle: &str, bottom: &str) -> System {
    let partition = |name: &str, criticality: &str, arguments: &str, budget: &str| {
        format!(
            "[partition.{name}]\ncriticality = \"{criticality}\"\nimage = \"$guest\"\n\
             arguments = \"{arguments}\"\nmemory = \"256KiB\"\ncores = [0]\n{budget}\n"
        )
    };
    let budget = "budget = \"250us\"\nperiod = \"1ms\"";
    // The order in the manifest is not the order of criticality.
    let text = [
        partition("bottom", "QM", bottom, ""),
        partition("top", "SIL-4", top, budget),
        partition("middle", "DAL-C", middle, budget),
    ];
    System::new(1, &text.concat()).shift(1)
}

#[test]
fn three_criticalities_on_one_core_run_in_their_order() {
    let run = three(
        "periodic period-us:1000 work-us:100 tolerance-us:20 report:40",
        "periodic period-us:1000 work-us:100 tolerance-us:250 report:40",
        "spin",
    )
    .for_ms(150)
    .run();
    run.assert_undisturbed("top");
    run.assert_undisturbed("middle");
    run.assert_said("bottom", "spin: running");
    let worst = |name| run.partition(name).worst_wakeup_ns;
    assert!(worst("top") <= 20_000, "{} ns", worst("top"));
    let entry = |name| run.partition(name).first_entry_ns.expect("it was entered");
    assert!(entry("top") < entry("middle") && entry("middle") < entry("bottom"));
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn two_that_spin_leave_the_rest_to_the_third() {
    let run = three("spin", "spin", "spin").for_ms(400).run();
    let shares = ["top", "middle", "bottom"].map(|name| share(&run, name));
    assert!((2_450..=2_550).contains(&shares[0]), "{shares:?}");
    assert!((2_300..=2_600).contains(&shares[1]), "{shares:?}");
    assert!(shares[2] > 4_000, "{shares:?}");
    for name in ["top", "middle", "bottom"] {
        run.assert_said(name, "spin: running");
    }
}

#[test]
fn the_more_critical_partition_starts_before_the_other_is_loaded() {
    let run = three("idle", "idle", "idle").for_ms(60).run();
    let entry = |name| run.partition(name).first_entry_ns.expect("it was entered");
    assert!(entry("top") < entry("middle") && entry("middle") < entry("bottom"));
}

#[test]
fn two_runs_of_a_system_are_the_same_to_the_last_byte() {
    let runs = [(); 2].map(|()| {
        let system = System::new(
            2,
            r#"
            [partition.critical]
            criticality = "ASIL-B"
            image = "$guest"
            arguments = "periodic period-us:700 work-us:60 report:20"
            memory = "1MiB"
            cores = [1]
            budget = "300us"
            period = "700us"

            [partition.harts]
            criticality = "QM"
            image = "$guest"
            arguments = "harts harts:2 rounds:50 suspends:0"
            memory = "1MiB"
            cores = [0, 1]
            "#,
        );
        system.for_ms(80).run()
    });
    assert_eq!(runs[0].lines(), runs[1].lines());
    let reports = [0, 1].map(|index: usize| format!("{:?}", runs[index].report()));
    assert_eq!(reports[0], reports[1]);
    runs[0].assert_said("harts", "harts: 50 stops each");
}
