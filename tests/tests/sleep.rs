//! Debian's kernel puts its partition to sleep: suspend to RAM, by the SBI's system suspend.

use partita_tests::cockpit::Cockpit;

#[test]
fn a_linux_that_suspends_to_ram_sleeps_until_its_watchdog_ends_that() {
    // First all but the last step, after which it goes on; then the whole.
    let words = "sleep:core,watchdog,sleep,noshell";
    let shown = "suspend.pm_test_delay=1 no_console_suspend loglevel=7";
    let run = Cockpit {
        linux_lines: "watchdog = \"3s\"",
        ..Cockpit::new(2, &format!("{words} {shown}"))
    }
    .system()
    .for_ms(30_000)
    .expect("linux", "partita: awake, status 0, 2 cpus online")
    .expect("linux", "partita: watchdog 3 s")
    .expect("linux", "s2idle [deep] now")
    .expect("linux", "CPU1: off")
    .expect("monitor", "linux: watchdog")
    .until("linux", "partita: linux init reached")
    .run();
    run.assert_undisturbed("cluster");
    assert!(run.partition("cluster").worst_wakeup_ns < 200_000);
    let linux = run.partition("linux");
    assert_eq!((linux.boots, linux.state.as_str()), (2, "running"));
    assert_eq!(linux.events_total, 1);
    let caught = run.time_ns("monitor", "linux: watchdog");
    let before =
        |line: &&partita_run::Line| line.time_ns < caught && line.text.contains("CPU1: off");
    let asleep = run.lines().iter().rfind(before).expect("it slept").time_ns;
    let between = run
        .lines()
        .iter()
        .filter(|line| (asleep + 1..caught).contains(&line.time_ns));
    let said = between.filter(|line| line.source == partita_run::Source::Partition(1));
    assert_eq!(said.map(|line| &*line.text).collect::<Vec<_>>(), [""; 0]);
    // From the last reset of the watchdog on.
    assert!((1_500_000_000..3_100_000_000).contains(&(caught - asleep)));
}
