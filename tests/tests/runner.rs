//! The tests themselves: what is left of them when somebody kills their runner.

use partita_tests::System;
use std::env::current_exe;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a process may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first child of a process.
fn child(process: u32) -> Option<u32> {
    // The machine may have been started by any of its threads.
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    threads.flatten().find_map(|thread| {
        let children = fs::read_to_string(thread.path().join("children")).ok()?;
        children.split(' ').next()?.parse().ok()
    })
}

/// Whether a process runs. One that has ended, reaped or not, has no command line.
fn command_line(process: u32) -> String {
    fs::read_to_string(Path::new("/proc").join(process.to_string()).join("cmdline"))
        .unwrap_or_default()
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "it goes on until it is given up: the next test starts it and ends it"]
fn a_run_without_end() {
    System::new(
        1,
        r#"
        [partition.endless]
        criticality = "QM"
        image = "$guest"
        arguments = "spin"
        memory = "256KiB"
        cores = [0]
        "#,
    )
    .for_ms(1 << 40)
    .run();
}

#[test]
fn a_runner_that_is_killed_leaves_neither_test_nor_machine_behind() {
    // A shell stands in for the runner.
    let mut runner = Command::new("sh")
        .args(["-c", "\"$@\" & wait", "sh"])
        .arg(current_exe().expect("this program has a path"))
        .args(["--exact", "a_run_without_end", "--ignored"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("there is a shell");
    let test = wait_for("the test does not start", || child(runner.id()));
    let machine = wait_for("its machine does not start", || {
        child(test).filter(|machine| command_line(*machine).contains("-icount"))
    });
    runner.kill().expect("it runs");
    runner.wait().expect("it is our child");
    for (name, process) in [("the test", test), ("its machine", machine)] {
        wait_for(&format!("{name} goes on"), || {
            command_line(process).is_empty().then_some(())
        });
    }
}
