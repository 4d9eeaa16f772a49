//! Fuzzing with libFuzzer, on the repository's own stable compiler.
//!
//! The code under test is safe Rust, so there is no sanitizer; what libFuzzer needs to see is where the
//! code went and what it compared, and the passes for that are part of every compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::paths::Paths;
use crate::test::Tally;
use crate::{cargo, process, progress};

/// Options of `cargo xtask fuzz`.
#[derive(Args)]
pub struct Options {
    /// Targets; all where none is named
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// How many inputs each target gets
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000)]
    runs: u64,
    /// How long each target runs at most, in seconds; 0 is no bound
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    time: u64,
    /// Where the sequence of inputs starts; the same one gives the same inputs
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

/// Inputs that each target gets in `cargo xtask test`.
const BOUNDED_RUNS: u64 = 5_000;

/// The coverage that libFuzzer works by: counters at each edge, and what comparisons compare.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Ccodegen-units=1";

/// Fuzzes the targets that the options name.
pub fn run(paths: &Paths, options: &Options) -> Result<ExitCode> {
    let all = targets(paths)?;
    for target in &options.targets {
        if !all.contains(target) {
            bail!(
                "there is no fuzz target `{target}`; there are: {}",
                all.join(", ")
            );
        }
    }
    let chosen = if options.targets.is_empty() {
        &all
    } else {
        &options.targets
    };
    let folder = build(paths)?;
    let mut failed = 0;
    for target in chosen {
        progress::step("fuzzing", target);
        if !process::status(&mut fuzzer(paths, &folder, target, options)?)?.success() {
            failed += 1;
        }
    }
    println!("{} targets passed, {failed} failed", chosen.len() - failed);
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Every target with its seeds and a fixed number of inputs: the same ones each time.
pub fn bounded(paths: &Paths) -> Result<Tally> {
    let options = Options {
        targets: Vec::new(),
        runs: BOUNDED_RUNS,
        time: 0,
        seed: 1,
    };
    let mut tally = Tally::default();
    let folder = match build(paths) {
        Ok(folder) => folder,
        Err(error) => {
            progress::failure(&format!("{error:#}"));
            tally.add(Tally::one("build of the fuzz targets", false));
            return Ok(tally);
        }
    };
    for target in targets(paths)? {
        progress::step("fuzzing", &target);
        let outcome = process::output(&mut fuzzer(paths, &folder, &target, &options)?);
        if let Err(error) = &outcome {
            progress::failure(&format!("{error:#}"));
        }
        let holds = outcome.is_ok();
        tally.add(Tally::one(&format!("fuzz target {target}"), holds));
    }
    Ok(tally)
}

/// The names of the targets, which are their files'.
fn targets(paths: &Paths) -> Result<Vec<String>> {
    let folder = paths.root.join("fuzz/fuzz_targets");
    let files =
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for file in files {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(
                path.file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned()),
            );
        }
    }
    names.sort();
    ensure!(!names.is_empty(), "{} holds no target", folder.display());
    Ok(names)
}

/// Builds all targets and returns where they are.
fn build(paths: &Paths) -> Result<PathBuf> {
    progress::step("building", "the fuzz targets");
    let host = cargo::host()?;
    let folder = paths.root.join("target").join("fuzz");
    let mut command = cargo::command(paths);
    command
        .args(["build", "--quiet", "--release", "--bins", "--manifest-path"])
        .arg(paths.root.join("fuzz/Cargo.toml"))
        .arg("--target-dir")
        .arg(&folder)
        .args(["--target", &host])
        .env("RUSTFLAGS", FLAGS)
        .stdin(Stdio::null());
    ensure!(
        process::status(&mut command)?.success(),
        "the fuzz targets do not build; they take a C++ compiler too (Debian: g++)"
    );
    Ok(folder.join(host).join("release"))
}

/// The command that fuzzes one target. It ends with a status other than 0 when something did not hold, and says
/// which file repeats that.
fn fuzzer(paths: &Paths, folder: &Path, target: &str, options: &Options) -> Result<Command> {
    let work = paths.root.join("target/fuzz/corpus").join(target);
    let artifacts = paths.root.join("target/fuzz/artifacts").join(target);
    // What earlier runs found stays out of a run that is to be the same each time.
    let _none = fs::remove_dir_all(&work);
    for made in [&work, &artifacts] {
        fs::create_dir_all(made).with_context(|| format!("cannot make {}", made.display()))?;
    }
    let mut command = Command::new(folder.join(target));
    command
        .arg(&work)
        .args(Some(paths.root.join("fuzz/seeds").join(target)).filter(|seeds| seeds.is_dir()))
        .arg(format!("-runs={}", options.runs))
        .arg(format!("-seed={}", options.seed))
        .arg(format!("-max_total_time={}", options.time))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-timeout=20", "-max_len=4096"])
        .stdin(Stdio::null());
    Ok(command)
}
