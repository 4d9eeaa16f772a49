//! The examples, as they are in `examples/`.

use partita_tests::{Run, System};

/// The number in front of `unit` behind `label` in a line.
fn number(line: &str, label: &str, unit: &str) -> f64 {
    let found = line
        .split_once(label)
        .and_then(|(_, rest)| rest.split_once(unit));
    let number = found.and_then(|(number, _)| number.trim().parse().ok());
    number.unwrap_or_else(|| panic!("no `{label}` in `{line}`"))
}

/// How often the jobs of a controller were preempted in each second.
fn preemptions(run: &Run, name: &str) -> Vec<f64> {
    let seconds = run.texts(name).filter(|line| line.contains(" s: "));
    seconds
        .map(|line| number(line, "preempted", "times"))
        .collect()
}

#[test]
fn each_of_three_levels_preempts_the_one_below_it() {
    let run = System::example("three-levels")
        .shift(1)
        .for_ms(20_000)
        .expect("linux", "load on cpus")
        .until("gearbox", " s: ")
        .run();
    run.assert_undisturbed("brakes");
    run.assert_undisturbed("gearbox");
    let worst = |name| run.partition(name).worst_wakeup_ns;
    // The middle one may find the first at work, for the tenth of a millisecond that its job takes.
    assert!(worst("brakes") < 20_000, "{} ns", worst("brakes"));
    assert!(worst("gearbox") < 150_000, "{} ns", worst("gearbox"));
    // Nobody preempts the first. Each of the 200 jobs of the second takes longer than the first's period.
    assert!(
        preemptions(&run, "brakes")
            .iter()
            .all(|count| *count == 0.0)
    );
    let gearbox = preemptions(&run, "gearbox");
    assert!(gearbox.iter().all(|count| *count >= 200.0), "{gearbox:?}");
    // Linux never waits while it is loaded, so each turn of the others preempts it.
    let core = &run.report().cores[&0];
    assert!(core.idle_ns < run.report().virtual_ns / 100);
    assert!(run.partition("linux").cpu_ns > run.report().virtual_ns / 2);
    assert!(core.switches > 1_000);
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn two_linux_partitions_share_cores_with_each_other_and_with_a_real_time_one() {
    let run = System::example("two-linux")
        .for_ms(40_000)
        .patient()
        .expect("assistant", "partita: watchdog 10 s")
        .expect("infotainment", "load on cpus 0 1 2")
        .expect("infotainment", "linux alive 4")
        .until("assistant", "linux alive")
        .run();
    run.assert_undisturbed("cluster");
    let report = run.report();
    assert!(report.healthy, "{:?}", report.reasons);
    for name in ["cluster", "assistant", "infotainment"] {
        assert_eq!(run.partition(name).boots, 1, "{name}");
    }
    run.assert_said("assistant", "2 cpus online");
    run.assert_said("infotainment", "3 cpus online");
    // The more critical Linux went on while the other one was loaded, and computes on the core that they share.
    assert!(run.count("assistant", "linux alive") >= 10);
    assert!(report.cores[&3].switches > 200);
    assert!(report.cores[&1].switches > 10_000);
}
