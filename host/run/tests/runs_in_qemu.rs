//! Runs on a real QEMU, with a scripted monitor: how a run starts, is driven and ends.

mod fake;

use fake::{HANG, WAIT_FOR_Q, healthy, monitor};
use partita_manifest::Plan;
use partita_run::{Clock, End, Outcome, RunError, RunOptions, Script, Source, run};
use std::time::{Duration, Instant};

fn plan() -> (tempfile::TempDir, Plan) {
    let folder = tempfile::tempdir().unwrap();
    let plan = match partita_manifest::load(&fake::manifest(folder.path())) {
        Ok(plan) => plan,
        Err(problems) => panic!("{}", problems.render(false)),
    };
    (folder, plan)
}

fn options() -> RunOptions {
    RunOptions {
        timeout: Some(Duration::from_secs(60)),
        ..RunOptions::default()
    }
}

fn outcome(text: &str, options: RunOptions) -> Outcome {
    let (_folder, plan) = plan();
    run(&plan, &monitor(text.as_bytes()), options, &mut ()).unwrap()
}

#[test]
fn a_run_that_the_monitor_ends_has_a_report_and_all_lines() {
    let text = "[    0.000000100 monitor] hello\n[    1.500000000 linux] log\x1f\n\
                [    1.600000000 rtos] tick\n[    1.700000000 linux] in: \n";
    let outcome = outcome(&format!("{text}{}", healthy()), options());
    assert_eq!(outcome.end, End::Reported, "{}", outcome.diagnostics);
    assert!(outcome.is_healthy());
    let lines: Vec<_> = outcome
        .lines
        .iter()
        .map(|line| (line.source, &*line.text))
        .collect();
    let expected = [
        (Source::Monitor, "hello"),
        (Source::Partition(0), "tick"),
        (Source::Partition(1), "login: "),
    ];
    assert_eq!(lines, expected);
    let report = outcome.report.unwrap();
    assert_eq!(report.virtual_ns, 2_000_000_000);
    assert_eq!(report.cores[&0].switch_instructions.unwrap().max, 900);
}

#[test]
fn a_machine_that_ends_without_a_status_has_failed() {
    let outcome = outcome(
        "[    0.000000100 monitor] the table is corrupt\n",
        options(),
    );
    assert!(matches!(
        outcome.end,
        End::NoStatus {
            exit: Some(_),
            error: None
        }
    ));
    assert!(outcome.report.is_none() && !outcome.is_healthy());
    assert_eq!(outcome.lines[0].text, "the table is corrupt");
}

#[test]
fn a_run_without_end_is_given_up_after_its_timeout() {
    let timeout = Some(Duration::from_secs(1));
    let text = format!("[    0.000000100 monitor] hello\n{}", char::from(HANG));
    let start = Instant::now();
    let outcome = outcome(
        &text,
        RunOptions {
            timeout,
            ..options()
        },
    );
    assert_eq!(outcome.end, End::TimedOut(Duration::from_secs(1)));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_script_waits_for_a_prompt_and_ends_the_run() {
    let text = format!(
        "[    0.000000100 linux] login: \x1f\n{}[    0.200000000 rtos] end\n{}",
        char::from(WAIT_FOR_Q),
        healthy()
    );
    let script = Script::default()
        .expect(1, "login: ")
        .send(1, "q")
        .expect(0, "end")
        .end();
    let outcome = outcome(
        &text,
        RunOptions {
            script,
            ..options()
        },
    );
    assert_eq!(outcome.end, End::Reported);
    assert!(outcome.script_left.is_empty());
}

#[test]
fn steps_of_a_script_that_were_not_reached_are_told() {
    let script = Script::default().expect(0, "never").end();
    let outcome = outcome(
        &healthy(),
        RunOptions {
            script,
            ..options()
        },
    );
    assert_eq!(outcome.script_left.len(), 2);
}

#[test]
fn a_monitor_that_does_not_answer_is_killed() {
    let text = format!("[    0.000000100 monitor] hello\n{}", char::from(HANG));
    let script = Script::default().expect_monitor("hello").end();
    let outcome = outcome(
        &text,
        RunOptions {
            script,
            ..options()
        },
    );
    assert_eq!(outcome.end, End::Killed);
}

#[test]
fn the_hosts_clock_gives_no_instruction_counts() {
    let outcome = outcome(
        &healthy(),
        RunOptions {
            clock: Clock::Host,
            ..options()
        },
    );
    let report = outcome.report.unwrap();
    assert!(report.cores[&0].switch_instructions.is_none());
    assert_eq!(report.clock.shift, None);
}

#[test]
fn what_qemu_says_about_its_arguments_is_told() {
    let extra = vec!["-no-such-option".into()];
    let outcome = outcome(&healthy(), RunOptions { extra, ..options() });
    assert!(matches!(outcome.end, End::NoStatus { .. }));
    assert!(
        outcome.diagnostics.contains("no-such-option"),
        "{}",
        outcome.diagnostics
    );
}

#[test]
fn a_missing_qemu_is_told_with_what_to_do() {
    let (_folder, plan) = plan();
    let qemu = Some("/no/such/qemu".into());
    let result = run(
        &plan,
        &monitor(b""),
        RunOptions { qemu, ..options() },
        &mut (),
    );
    let Err(RunError::Qemu(error)) = result else {
        panic!("{result:?}")
    };
    assert!(error.to_string().contains("PARTITA_QEMU"), "{error}");
}

#[test]
fn a_slice_that_qemu_knows_is_given_for_several_cores() {
    let (_folder, mut plan) = plan();
    plan.cores = 2;
    let outcome = run(&plan, &monitor(healthy().as_bytes()), options(), &mut ()).unwrap();
    assert_eq!(outcome.end, End::Reported, "{}", outcome.diagnostics);
    let report = outcome.report.unwrap();
    assert_eq!(
        (report.clock.shift, report.clock.slice_us),
        (Some(2), Some(20))
    );
    assert_eq!(report.cores[&0].switch_instructions.unwrap().max, 900);
}
