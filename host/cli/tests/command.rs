//! The command seen from outside: exit status, what goes where, and a run with a scripted monitor.

#[path = "../../run/tests/fake/mod.rs"]
mod fake;

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn partita(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_partita"));
    command
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null());
    command.env_remove("PARTITA_BOARDS").env_remove("NO_COLOR");
    command
}

/// A folder with a manifest and a scripted monitor.
fn folder(monitor: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fake::manifest(folder.path());
    fs::write(
        folder.path().join("monitor.elf"),
        fake::monitor(monitor.as_bytes()),
    )
    .unwrap();
    folder
}

fn output(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = partita(folder, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

const RUN: [&str; 4] = ["run", "system.toml", "--monitor", "monitor.elf"];

fn run(monitor: &str, more: &[&str]) -> (i32, String, String) {
    let folder = folder(monitor);
    output(folder.path(), &[&RUN[..], more].concat())
}

fn hello() -> String {
    format!(
        "[    0.100000000 rtos] hello \x1b[31mred\n{}",
        fake::healthy()
    )
}

#[test]
fn every_command_explains_itself() {
    let folder = folder("");
    for command in [
        "check", "explain", "build", "run", "crash", "keygen", "sign", "verify", "schema",
    ] {
        let (status, out, err) = output(folder.path(), &[command, "--help"]);
        assert_eq!((status, &*err), (0, ""));
        assert!(out.contains("Example"), "{command}: {out}");
    }
    let (status, out, _) = output(folder.path(), &["--help"]);
    assert_eq!(status, 0);
    assert!(out.contains("Exit status"));
}

#[test]
fn wrong_arguments_end_with_2() {
    let folder = folder("");
    for arguments in [
        &["play"][..],
        &["run"],
        &["run", "system.toml", "--for", "10"],
        &["run", "system.toml", "--clock", "sun"],
        &["run", "system.toml", "--console", "windows"],
        &["build", "system.toml"],
        &["crash"],
        &["crash", "report.json", "--symbols", "vmlinux"],
    ] {
        let (status, out, err) = output(folder.path(), arguments);
        assert_eq!((status, &*out), (2, ""), "{arguments:?}: {err}");
        assert!(!err.is_empty());
    }
}

#[test]
fn a_console_that_does_not_exist_is_told_with_those_that_do() {
    let (_, _, err) = run("", &["--console", "windows"]);
    assert!(
        err.contains("`windows`") && err.contains("rtos, linux"),
        "{err}"
    );
}

#[test]
fn a_good_manifest_checks_with_0_and_a_bad_one_with_1() {
    let folder = folder("");
    let (status, out, err) = output(folder.path(), &["check", "system.toml"]);
    assert_eq!((status, &*out), (0, ""), "{err}");
    assert!(err.contains("duet: 2 partitions on 1 core"), "{err}");
    assert!(
        err.contains("rtos: kept apart by protection entries\n"),
        "{err}"
    );
    fs::write(folder.path().join("bad.toml"), "[system]\nnane = 1\n").unwrap();
    for command in ["check", "explain", "run"] {
        let (status, out, err) = output(folder.path(), &[command, "bad.toml"]);
        assert_eq!((status, &*out), (1, ""), "{command}");
        assert!(err.contains("nane"), "{err}");
    }
}

#[test]
fn a_manifest_that_is_not_there_is_a_problem_too() {
    let folder = folder("");
    let (status, _, err) = output(folder.path(), &["check", "other.toml"]);
    assert_eq!(status, 1);
    assert!(err.contains("other.toml"), "{err}");
}

#[test]
fn json_goes_to_standard_output_alone() {
    let folder = folder("");
    fs::write(folder.path().join("bad.toml"), "[system]\nnane = 1\n").unwrap();
    for (arguments, expected) in [
        (&["check", "--json", "system.toml"][..], 0),
        (&["check", "--json", "bad.toml"], 1),
        (&["explain", "--quiet", "--json", "system.toml"], 0),
        (&["schema"], 0),
        (&["schema", "--report"], 0),
    ] {
        let (status, out, err) = output(folder.path(), arguments);
        assert_eq!((status, &*err), (expected, ""), "{arguments:?}");
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(value.is_object());
        if arguments[0] == "check" && expected == 0 {
            assert_eq!(value["isolation"]["rtos"]["by"], "pmp");
        }
    }
}

#[test]
fn explain_and_build_write_what_they_say() {
    let folder = folder("");
    let (status, plan, _) = output(folder.path(), &["explain", "system.toml"]);
    assert_eq!(status, 0);
    assert!(plan.contains("rtos") && !plan.contains('\x1b'));
    let (status, out, err) = output(
        folder.path(),
        &[
            "build",
            "system.toml",
            "-o",
            "a/b",
            "--monitor",
            "monitor.elf",
        ],
    );
    assert_eq!(status, 0, "{err}");
    assert!(
        out.starts_with("qemu-system-riscv64 ") && out.contains("-bios a/b/duet.img"),
        "{out}"
    );
    let image = fs::read(folder.path().join("a/b/duet.img")).unwrap();
    assert_eq!(&image[0x10_0000..0x10_0007], b"PARTITA");
    let report = fs::read_to_string(folder.path().join("a/b/duet.txt")).unwrap();
    assert!(
        report.contains("sha256") && report.contains("rtos: program"),
        "{report}"
    );
    let tree = fs::read(folder.path().join("a/b/duet-linux.dtb")).unwrap();
    assert_eq!(tree[..4], [0xd0, 0x0d, 0xfe, 0xed]);
}

#[test]
fn a_missing_monitor_is_told_with_where_it_was_looked_for() {
    let folder = folder("");
    // Away from the repository, where a monitor may have been built.
    let program = folder.path().join("partita");
    fs::copy(env!("CARGO_BIN_EXE_partita"), &program).unwrap();
    let error = |boards: Option<&str>| {
        let mut command = Command::new(&program);
        command
            .current_dir(folder.path())
            .args(["run", "system.toml"])
            .stdin(Stdio::null());
        command.env("PARTITA_BOARDS", boards.unwrap_or_default());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        String::from_utf8(output.stderr).unwrap()
    };
    let text = error(None);
    assert!(
        text.contains("monitor.elf") && text.contains("--monitor"),
        "{text}"
    );
    let text = error(Some("x"));
    assert!(text.contains("x/qemu-virt-riscv64/monitor.elf"), "{text}");
}

#[test]
fn a_healthy_run_ends_with_0_and_its_lines_are_the_only_output() {
    let (status, out, err) = run(&hello(), &["--headless", "--for", "1s"]);
    assert_eq!(status, 0, "{err}");
    assert_eq!(out, "    0.100000    rtos | hello red\n");
    assert!(err.ends_with("\nhealthy\n"), "{err}");
}

#[test]
fn quiet_leaves_the_lines_and_color_colours_them() {
    let (status, out, err) = run(&hello(), &["--headless", "--quiet", "--color", "always"]);
    assert_eq!((status, &*err), (0, ""));
    assert!(out.contains("\x1b[31mred\x1b[0m"), "{out:?}");
}

#[test]
fn an_unhealthy_run_ends_with_1_and_says_why() {
    let status = fake::status(|partitions, _| partitions[0].deadlines_missed = 2);
    let folder = folder(&fake::status_records(&status));
    let arguments = [&RUN[..], &["--headless", "--report", "report.json"]].concat();
    let (status, _, err) = output(folder.path(), &arguments);
    assert_eq!(status, 1);
    assert!(
        err.contains("NOT healthy: rtos missed 2 of 2 deadlines"),
        "{err}"
    );
    let report = fs::read_to_string(folder.path().join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["healthy"], false);
    assert_eq!(report["partitions"]["rtos"]["deadlines"]["missed"], 2);
}

#[test]
fn a_run_without_a_status_ends_with_3_and_leaves_no_old_report() {
    let folder = folder("[    0.000000100 monitor] the table is corrupt\n");
    fs::write(folder.path().join("report.json"), "old").unwrap();
    let arguments = [&RUN[..], &["--headless", "--report", "report.json"]].concat();
    let (status, _, err) = output(folder.path(), &arguments);
    assert_eq!(status, 3);
    assert!(err.contains("monitor: the table is corrupt"), "{err}");
    assert!(!folder.path().join("report.json").exists());
}

#[test]
fn a_run_that_takes_too_long_ends_with_3() {
    let text = format!("[    0.000000100 rtos] hello\n{}", char::from(fake::HANG));
    let (status, _, err) = run(&text, &["--headless", "--timeout", "1s"]);
    assert_eq!(status, 3);
    assert!(err.contains("--timeout"), "{err}");
}

#[test]
fn arguments_behind_two_dashes_go_to_qemu() {
    let (status, _, err) = run(&hello(), &["--headless", "--", "-no-such-option"]);
    assert_eq!(status, 3);
    assert!(err.contains("no-such-option"), "{err}");
}

#[test]
fn a_pipe_is_sent_to_the_console() {
    let text = format!(
        "[    0.000000100 linux] ready\n{}{}",
        char::from(fake::WAIT_FOR_Q),
        hello()
    );
    let folder = folder(&text);
    let mut child = partita(folder.path(), &RUN)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"abcq").unwrap();
    assert_eq!(wait(&mut child), 0);
}

#[test]
fn a_pipe_can_wait_for_a_prompt() {
    let prompt = "[    0.000000100 linux] ready: \x1f\n";
    let text = format!("{prompt}{}{}", char::from(fake::WAIT_FOR_Q), hello());
    let folder = folder(&text);
    let run = |after: &str| {
        let arguments = [&RUN[..], &["--timeout", "2s", "--after", after]].concat();
        let mut child = partita(folder.path(), &arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(b"q").unwrap();
        wait(&mut child)
    };
    assert_eq!(run("ready: "), 0);
    assert_eq!(run("never"), 3);
}

#[test]
fn a_signal_ends_the_run_with_its_report() {
    let text = format!(
        "[    0.000000100 linux] ready\n{}{}",
        char::from(fake::WAIT_FOR_Q),
        hello()
    );
    let folder = folder(&text);
    let mut child = partita(folder.path(), &[&RUN[..], &["--headless"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    // The first line shows that the run has begun.
    output.read_exact(&mut [0; 16]).unwrap();
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(wait(&mut child), 0);
}

#[test]
fn a_killed_run_leaves_neither_qemu_nor_a_file_behind() {
    let folder = folder(&format!(
        "[    0.000000100 rtos] hello\n{}",
        char::from(fake::HANG)
    ));
    let mut child = partita(folder.path(), &[&RUN[..], &["--headless"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdout
        .take()
        .unwrap()
        .read_exact(&mut [0; 16])
        .unwrap();
    let pid = child.id();
    let qemu = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let qemu = Path::new("/proc").join(qemu.trim()).join("cmdline");
    let command = fs::read_to_string(&qemu).unwrap();
    let image = command
        .split('\0')
        .skip_while(|word| *word != "-bios")
        .nth(1)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let start = Instant::now();
    // A process that has ended, reaped or not, has no command line.
    while fs::read_to_string(&qemu).is_ok_and(|command| !command.is_empty()) {
        assert!(start.elapsed() < Duration::from_secs(10), "QEMU goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!Path::new(image).exists(), "{image}");
}

#[test]
fn a_reader_who_goes_away_ends_the_run() {
    let ready = "[    0.000000100 linux] ready\n".repeat(4000);
    let folder = folder(&format!(
        "{ready}{}{}",
        char::from(fake::WAIT_FOR_Q),
        hello()
    ));
    let mut child = partita(folder.path(), &[&RUN[..], &["--headless"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(wait(&mut child), 0);
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_the_run() {
    let (status, out, err) = run(&hello(), &["--headless", "--report", "no/such/report.json"]);
    assert_eq!((status, &*out), (3, ""));
    assert!(err.contains("no/such"), "{err}");
}

#[test]
fn a_terminal_shows_prompts_takes_keys_and_is_restored() {
    let text = format!(
        "[    0.000000100 linux] login: \x1f\n[    0.200000000 rtos] tick\n{}\
         [    0.300000000 linux] root\n{}",
        char::from(fake::WAIT_FOR_Q),
        fake::healthy()
    );
    let folder = folder(&text);
    let program = env!("CARGO_BIN_EXE_partita");
    let inner = format!(
        "'{program}' {} --color never; echo status $?; stty -a",
        RUN.join(" ")
    );
    // `script` gives its command a terminal of its own.
    let mut child = Command::new("script")
        .args(["-qec", &inner, "/dev/null"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keys = child.stdin.take().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut screen = String::new();
    let mut wait_for = |text: &str| {
        let mut buffer = [0; 4096];
        while !screen.contains(text) {
            let count = output.read(&mut buffer).unwrap();
            assert_ne!(count, 0, "no `{text}` in {screen}");
            screen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    };
    wait_for("rtos | tick\r\n    0.000000   linux | login: ");
    keys.write_all(b"\x1d?").unwrap();
    wait_for("keys: Ctrl-C ends the run; ");
    keys.write_all(b"\x1dq").unwrap();
    wait_for("login: root\r\n");
    wait_for("status 0\r\n");
    wait_for(" echo ");
    wait(&mut child);
}

fn wait(child: &mut Child) -> i32 {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap();
        }
        if start.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("the run did not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A crash record of the partition `rtos`, in the lines of the monitor.
fn crash_lines() -> String {
    use zerocopy::FromZeros as _;
    let mut record = partita_abi::crash::Record::new_zeroed();
    record.partition = partita_abi::name::Name::new("rtos").unwrap();
    record.event.kind = partita_abi::health::Kind::Panic as u8;
    record.event.address = 0x1234;
    record.event.program_counter = 0x8030_0010;
    record.action = partita_abi::health::Action::Halt as u8;
    record.flags = partita_abi::crash::flags::REGISTERS;
    record.seal();
    let bytes = record.used().chunks(32).enumerate();
    let lines = bytes.map(|(index, bytes)| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "[    0.200000000 monitor] crash 0 {:04x} {hex}\n",
            32 * index
        )
    });
    lines.collect()
}

#[test]
fn a_crash_is_shown_from_the_report_and_from_what_was_printed() {
    let monitor = format!("{}{}", crash_lines(), fake::healthy());
    let folder = folder(&monitor);
    let more = ["--headless", "--report", "report.json"];
    let (_, log, _) = output(folder.path(), &[&RUN[..], &more].concat());
    fs::write(folder.path().join("run.log"), &log).unwrap();
    fs::write(folder.path().join("serial.log"), &monitor).unwrap();
    for file in ["report.json", "run.log", "serial.log"] {
        let (status, out, err) = output(folder.path(), &["crash", file, "-m", "system.toml"]);
        assert_eq!(status, 0, "{file}: {err}");
        assert!(out.starts_with("rtos: panic"), "{file}: {out}");
        assert!(out.contains("gave up with code 0x1234"), "{out}");
        assert!(out.contains("0x80300010"), "{out}");
        let (status, out, err) = output(folder.path(), &["crash", file, "--json"]);
        assert_eq!((status, &*err), (0, ""));
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(json["crashes"][0]["kind"], "panic");
        assert_eq!(json["crashes"][0]["registers"][0]["value"], "0x80300010");
    }
    let (status, out, err) = output(folder.path(), &["crash", "run.log", "-p", "linux"]);
    assert_eq!((status, &*out), (1, ""));
    assert!(err.contains("no crash record"), "{err}");
}

#[test]
fn a_file_without_a_crash_ends_with_1_and_one_that_cannot_be_read_with_3() {
    let folder = folder("");
    fs::write(folder.path().join("empty.log"), "hello\n").unwrap();
    fs::write(folder.path().join("other.json"), "{}").unwrap();
    for (file, expected) in [("empty.log", 1), ("other.json", 3), ("missing.log", 3)] {
        let (status, out, err) = output(folder.path(), &["crash", file]);
        assert_eq!((status, &*out), (expected, ""), "{file}");
        assert!(err.contains(file) || err.contains("no report"), "{err}");
    }
    let (status, _, err) = output(folder.path(), &["crash", "empty.log", "-m", "bad.toml"]);
    assert_eq!(status, 1);
    assert!(err.contains("bad.toml"), "{err}");
}
