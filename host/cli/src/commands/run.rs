//! `partita run`

use super::load;
use crate::arguments::{ClockArgument, Run};
use crate::screen::Screen;
use crate::{Status, monitor, trust};
use anyhow::{Context as _, bail};
use partita_manifest::Plan;
use partita_run::printer::Printer;
use partita_run::{Clock, End, Input, Line, Outcome, RunOptions, Source};
use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::Path;

/// Runs a system.
pub fn run(arguments: &Run, screen: &Screen) -> anyhow::Result<Status> {
    let Some(plan) = load(&arguments.manifest, screen) else {
        return Ok(Status::Bad);
    };
    let console = match console(arguments, &plan) {
        Ok(console) => console,
        Err(message) => {
            screen.error(&message);
            return Ok(Status::Usage);
        }
    };
    let monitor = monitor::read(plan.board.name, arguments.monitor.monitor.as_deref())?;
    let mut image = partita_image::pack(&plan, &monitor)?;
    trust::apply(&arguments.trust, plan.security_version, &mut image)?;
    if let Some(path) = &arguments.report {
        forget(path)?;
    }
    let input = input(arguments);
    let live = input == Input::Keys && io::stdout().is_terminal();
    let options = options(arguments, console, input);
    let mut output = io::stdout();
    let names = plan
        .partitions
        .iter()
        .map(|partition| partition.name.clone());
    let mut printer = Printer::new(&mut output, names, screen.color, live);
    if input == Input::Keys {
        screen.status("Ctrl-C ends the run, Ctrl-] ? shows more keys");
    }
    let outcome = partita_run::run_image(&plan, image, options, &mut printer);
    printer.finish();
    let outcome = outcome?;
    finish(arguments, &plan, &outcome, screen)
}

fn finish(
    arguments: &Run,
    plan: &Plan,
    outcome: &Outcome,
    screen: &Screen,
) -> anyhow::Result<Status> {
    if let Some(report) = &outcome.report {
        if let Some(path) = &arguments.report {
            let json = serde_json::to_string_pretty(report)? + "\n";
            fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let partitions = plan.partitions.iter();
        let partitions: Vec<_> = partitions
            .map(|partition| (&*partition.name, partition.cores.len()))
            .collect();
        let summary = partita_run::summary(report, &partitions, screen.error_color);
        screen.status(summary.trim_end());
    }
    if outcome.end == End::Reported {
        return Ok(if outcome.is_healthy() {
            Status::Good
        } else {
            Status::Bad
        });
    }
    let mut message = outcome.end.to_string();
    if !outcome.diagnostics.is_empty() {
        message.push_str("\nQEMU said:\n");
        message.push_str(outcome.diagnostics.trim_end());
    }
    let last = outcome.lines.iter().rev().take(5).rev();
    let last: Vec<_> = last
        .map(|line| format!("  {}", describe(line, plan)))
        .collect();
    message.push_str(if last.is_empty() {
        "\nthe machine printed nothing"
    } else {
        "\nlast lines:\n"
    });
    message.push_str(&last.join("\n"));
    screen.error(&message);
    Ok(Status::Failed)
}

fn describe(line: &Line, plan: &Plan) -> String {
    use partita_run::escapes::{Filter, Keep};
    let name = match line.source {
        Source::Partition(index) => plan
            .partitions
            .get(index)
            .map_or("?", |partition| partition.name.as_str()),
        Source::Monitor => "monitor",
        Source::Machine => "machine",
    };
    format!(
        "{name}: {}",
        Filter::line(line.text.as_bytes(), Keep::Nothing)
    )
}

/// An old report must not be taken for one of this run.
fn forget(path: &Path) -> anyhow::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        bail!(
            "there is no folder {} for the report; make it first",
            folder.display()
        );
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot replace {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn console(arguments: &Run, plan: &Plan) -> Result<Option<usize>, String> {
    let Some(name) = &arguments.console else {
        return Ok(None);
    };
    let index = plan
        .partitions
        .iter()
        .position(|partition| partition.name == *name);
    if index.is_none() {
        let names: Vec<_> = plan
            .partitions
            .iter()
            .map(|partition| &*partition.name)
            .collect();
        return Err(format!(
            "there is no partition `{name}` for --console; there are {}",
            names.join(", ")
        ));
    }
    Ok(index)
}

fn input(arguments: &Run) -> Input {
    if arguments.headless {
        Input::None
    } else if !io::stdin().is_terminal() {
        Input::Pipe
    } else if partita_run::stdin_is_ours() {
        Input::Keys
    } else {
        Input::None
    }
}

fn options(arguments: &Run, console: Option<usize>, input: Input) -> RunOptions {
    RunOptions {
        clock: match arguments.clock {
            ClockArgument::Virtual => Clock::Virtual,
            ClockArgument::Host => Clock::Host,
        },
        shift: arguments.shift,
        slice_us: arguments.slice_us,
        end: arguments.time,
        timeout: arguments.timeout,
        console,
        input,
        input_after: arguments.after.clone(),
        extra: arguments.extra.clone(),
        signals: true,
        keep_lines: false,
        ..RunOptions::default()
    }
}
