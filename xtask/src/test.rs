//! All checks and tests of the repository, one after another, with one summary.

mod tally;

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result};
use clap::Args;

use self::tally::Runner;
pub use self::tally::Tally;
use crate::cargo;
use crate::paths::{Paths, find_program};
use crate::setup::{Needs, Tools};
use crate::{audit, build, fuzz, process, progress, setup};

/// The package whose tests boot systems in QEMU.
const SYSTEM_TESTS: &str = "partita-tests";

/// Options of `cargo xtask test`.
#[derive(Args)]
pub struct Options {
    /// Only what needs neither QEMU nor a cross compiler nor Linux: format, lints and tests on the host
    #[arg(long)]
    host_only: bool,
    /// Only the tests whose names contain this text; format and lints are left out
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

/// Runs what the options ask for; one failure does not keep the rest from running.
pub fn run(paths: &Paths, options: &Options) -> Result<ExitCode> {
    let tools = if options.host_only {
        Tools::default()
    } else {
        let needs = Needs {
            perf: true,
            openssl: options.filter.is_none(),
            ..Needs::BOOT
        };
        setup::ensure(paths, needs)?
    };
    let mut tally = Tally::default();
    if options.filter.is_none() {
        tally.add(check(paths, "format", &["fmt", "--all", "--check"])?);
        tally.add(check(
            paths,
            "lints",
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
        )?);
        if !options.host_only {
            tally.add(check_target_lints(paths)?);
        }
    }
    let filter = options.filter.as_deref();
    tally.add(tests(
        paths,
        "host tests",
        &["--workspace", "--exclude", SYSTEM_TESTS],
        filter,
        &tools,
    )?);
    if !options.host_only && filter.is_none() {
        tally.add(fuzz::bounded(paths)?);
    }
    if !options.host_only {
        match build::with_tools(paths, &tools) {
            Ok(()) => {
                if filter.is_none() {
                    progress::step("auditing", "the monitors' machine code");
                    let holds = process::status(&mut audit::command(paths))?.success();
                    tally.add(Tally::one("audit of the monitors' machine code", holds));
                }
                let packages = ["--package", SYSTEM_TESTS];
                tally.add(tests(paths, "system tests", &packages, filter, &tools)?);
            }
            Err(error) => {
                progress::failure(&format!("{error:#}"));
                tally.add(Tally::one("build of what the system tests boot", false));
            }
        }
    }
    for name in &tally.failures {
        progress::failure(name);
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A cargo command that counts as one test.
fn check(paths: &Paths, name: &str, arguments: &[&str]) -> Result<Tally> {
    progress::step("checking", name);
    let mut command = cargo::command(paths);
    command.args(arguments).stdin(Stdio::null());
    Ok(Tally::one(name, process::status(&mut command)?.success()))
}

fn check_target_lints(paths: &Paths) -> Result<Tally> {
    // One after the other: together, each would be compiled with the features that another's board needs.
    let mut tally = Tally::default();
    for firmware in build::FIRMWARE {
        let mut arguments = vec!["clippy", "--target", firmware.architecture.target];
        arguments.extend(["--package", firmware.package]);
        for feature in firmware.package_features {
            arguments.extend(["--features", feature]);
        }
        arguments.extend(["--", "-D", "warnings"]);
        let name = format!(
            "lints of {} for {}",
            firmware.package, firmware.architecture.target
        );
        tally.add(check(paths, &name, &arguments)?);
    }
    Ok(tally)
}

/// Runs the tests of some packages with cargo-nextest where it is installed, else with cargo itself.
fn tests(
    paths: &Paths,
    name: &str,
    packages: &[&str],
    filter: Option<&str>,
    tools: &Tools,
) -> Result<Tally> {
    progress::step("testing", name);
    let runner = match find_program("cargo-nextest") {
        Some(_) => Runner::Nextest,
        None => Runner::Cargo,
    };
    let mut command = cargo::command(paths);
    match runner {
        Runner::Nextest => {
            let colour = if progress::is_interactive() {
                "always"
            } else {
                "never"
            };
            command.args([
                "nextest",
                "run",
                "--no-fail-fast",
                "--no-tests=pass",
                "--color",
                colour,
            ])
        }
        Runner::Cargo => command.args(["test", "--no-fail-fast"]),
    };
    command.args(packages).args(filter);
    for (variable, qemu) in &tools.qemu {
        command.env(variable, qemu);
    }
    let mut tally = count(&mut command, name, runner, |_| true)?;
    if runner == Runner::Nextest && filter.is_none() && packages.contains(&"--workspace") {
        // nextest leaves the examples in the documentation to cargo.
        let name = "documentation examples";
        progress::step("testing", name);
        let mut command = cargo::command(paths);
        command
            .args(["test", "--quiet", "--doc", "--no-fail-fast"])
            .args(packages);
        tally.add(count(
            &mut command,
            name,
            Runner::Cargo,
            tally::says_something,
        )?);
    }
    Ok(tally)
}

/// Runs a test program, counts what it reports and shows the lines that are worth it.
fn count(
    command: &mut Command,
    name: &str,
    runner: Runner,
    is_shown: fn(&str) -> bool,
) -> Result<Tally> {
    let line = process::show(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let tally = Mutex::new(Tally::default());
    let take = |line: &str| {
        if is_shown(line) {
            eprintln!("{line}");
        }
        if let Ok(mut tally) = tally.lock() {
            tally.read_line(runner, line);
        }
    };
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(|| output.map(|stream| each_line(stream, take)));
        if let Some(stream) = errors {
            each_line(stream, take);
        }
    });
    let status = child.wait()?;
    let mut tally = tally.into_inner().unwrap_or_default();
    if !status.success() && tally.failed == 0 {
        // It did not come to any test: it did not compile, or a signal ended it.
        tally.add(Tally::one(&format!("{name} (`{line}`: {status})"), false));
    }
    Ok(tally)
}

/// Hands on every line to the end of the stream, also where a test prints what is no UTF-8.
fn each_line(stream: impl Read, take: impl Fn(&str)) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while stream
        .read_until(b'\n', &mut line)
        .is_ok_and(|count| count > 0)
    {
        take(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        line.clear();
    }
}
