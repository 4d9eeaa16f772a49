//! Linux ends in every way there is, again and again, beside a partition that may not miss a deadline.
//!
//! `cargo xtask soak` is this with hundreds of restarts (`PARTITA_SOAK_RESTARTS`), and keeps the figures
//! (`PARTITA_SOAK_RESULT`).

use partita_tests::cockpit::Cockpit;
use partita_tests::{Run, System};

/// Restarts in a plain test run: each way to end once.
const RESTARTS: usize = 4;
/// How much later than in a run without restarts the worst wake-up may be, in nanoseconds: what the monitor does
/// for a restart at one go (a piece of scrubbing, hashing or copying; a health event with its crash record).
const LATER_NS: u64 = 100_000;

/// How Linux ends, as typed at its shell. The monitor tells only the first events of a partition on the console,
/// so what is waited for is Linux's next start. No two that follow each other are the same event, which would be kept
/// once.
const ENDS: [&str; 4] = [
    // A panic with a restart asked for.
    "echo -1 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger\n",
    // A kernel that hangs with interrupts off: only the watchdog tells.
    "echo 0 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger\n",
    "reboot -f\n",
    // An access to the monitor's memory.
    "devmem 0x80000000\n",
];

fn cockpit(run: &str) -> System {
    Cockpit {
        panic: "0",
        linux_lines: "watchdog = \"2s\"\nhealth = { access-fault = \"restart\" }",
        ..Cockpit::new(1, run)
    }
    .system()
    .for_ms(10_000 * (restarts() as u64 + 1))
    .patient()
}

/// How many restarts are asked for.
fn restarts() -> usize {
    match std::env::var("PARTITA_SOAK_RESTARTS") {
        Ok(text) => text.parse().expect("PARTITA_SOAK_RESTARTS is a number"),
        Err(_) => RESTARTS,
    }
}

fn worst_ns(run: &Run) -> u64 {
    run.partition("cluster").worst_wakeup_ns
}

#[test]
fn linux_restarts_in_every_way_and_the_rtos_keeps_every_deadline() {
    let restarts = restarts();
    let calm = cockpit("ticks,watchdog")
        .until("linux", "linux alive 2")
        .run();
    calm.assert_undisturbed("cluster");
    let mut system = cockpit("watchdog");
    for number in 0..restarts {
        system = system
            .expect("linux", "partita: linux ready")
            .send("linux", ENDS[number % ENDS.len()])
            .expect("linux", "partita: linux init reached");
    }
    let run = system.until("linux", "partita: linux ready").run();
    run.assert_undisturbed("cluster");
    assert_eq!(run.partition("linux").boots as usize, restarts + 1);
    // Each end was of its own kind; the latest events are kept.
    let kept = ["reset", "watchdog", "access-fault"].map(|kind| run.events("linux", kind).count());
    let expected = restarts.min(32);
    assert_eq!(kept.iter().sum::<usize>(), expected, "{kept:?}");
    assert_eq!(kept[0], expected / 2, "{kept:?}");
    assert_eq!(kept[1], expected / 4, "{kept:?}");
    let (worst, calm) = (worst_ns(&run), worst_ns(&calm));
    let cluster = run.partition("cluster");
    let result = format!(
        r#"{{"restarts": {restarts}, "met": {}, "missed": {}, "worst_ns": {worst}, "calm_worst_ns": {calm}, "bound_ns": {LATER_NS}, "virtual_ns": {}}}"#,
        cluster.deadlines.met,
        cluster.deadlines.missed,
        run.report().virtual_ns,
    );
    println!("soak: {result}");
    if let Some(file) = std::env::var_os("PARTITA_SOAK_RESULT") {
        std::fs::write(&file, result + "\n").expect("the result can be written");
    }
    assert!(worst <= calm + LATER_NS, "{worst} ns against {calm} ns");
}
