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

/// A panic with a restart asked for.
const PANIC: &str = "echo -1 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger\n";
/// A kernel that hangs with interrupts off: only the watchdog tells.
const HANG: &str = "echo 0 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger\n";
/// Nobody resets the watchdog any more.
const NEGLECT: &str = "killall -9 watchdog\n";
/// A restart without stopping anything first.
const REBOOT: &str = "reboot -f\n";
/// An access to the monitor's memory.
const ACCESS: &str = "devmem 0x80000000\n";
/// The same where it ends only the program, and then a restart.
const ACCESS_AND_REBOOT: &str = "devmem 0xe000000; reboot -f\n";

/// How Linux ends, as typed at its shell. The monitor tells only the first events of a partition on the console,
/// so what is waited for is Linux's next start.
struct Ends {
    /// The board.
    board: &'static str,
    /// What is typed, in turn.
    typed: [&'static str; 4],
    /// The events, and how many in four they are, where no two that follow each other are the same one.
    events: &'static [(&'static str, usize)],
    /// More lines of Linux's partition.
    lines: &'static str,
}

const RISCV: Ends = Ends {
    board: "qemu-virt-riscv64",
    typed: [PANIC, HANG, REBOOT, ACCESS],
    events: &[("reset", 2), ("watchdog", 1), ("access-fault", 1)],
    lines: "watchdog = \"2s\"\nhealth = { access-fault = \"restart\" }",
};

/// QEMU reports accesses to secure memory to Linux itself, and not to the monitor.
const ARM: Ends = Ends {
    board: "qemu-virt-aarch64",
    typed: [PANIC, HANG, ACCESS_AND_REBOOT, NEGLECT],
    events: &[("reset", 2), ("watchdog", 2)],
    lines: "watchdog = \"2s\"",
};

impl Ends {
    /// What Linux is told at its start.
    fn words(&self, word: &str) -> String {
        if self.lines.contains("watchdog") {
            format!("{word},watchdog")
        } else {
            word.to_owned()
        }
    }

    fn cockpit(&self, run: &str) -> System {
        Cockpit {
            board: self.board,
            panic: "0",
            linux_lines: self.lines,
            ..Cockpit::new(1, run)
        }
        .system()
        .for_ms(10_000 * (restarts() as u64 + 1))
        .patient()
    }
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
    assert_undisturbed_by(&RISCV);
}

#[test]
fn linux_on_arm_restarts_in_every_way_and_the_rtos_keeps_every_deadline() {
    assert_undisturbed_by(&ARM);
}

fn assert_undisturbed_by(ends: &Ends) {
    let restarts = restarts();
    let calm = ends
        .cockpit(&ends.words("ticks"))
        .until("linux", "linux alive 2")
        .run();
    calm.assert_undisturbed("cluster");
    let mut system = ends.cockpit(&ends.words("idle"));
    for number in 0..restarts {
        system = system
            .expect("linux", "partita: linux ready")
            .send("linux", ends.typed[number % ends.typed.len()])
            .expect("linux", "partita: linux init reached");
    }
    let run = system.until("linux", "partita: linux ready").run();
    run.assert_undisturbed("cluster");
    assert_eq!(run.partition("linux").boots as usize, restarts + 1);
    // Each end was of its own kind; the latest events are kept.
    let expected = restarts.min(32);
    for (kind, in_four) in ends.events {
        let kept = run.events("linux", kind).count();
        assert_eq!(kept, expected * in_four / 4, "{kind}");
    }
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
