//! One run of a system with the plugin.

use crate::caller;
use crate::environment::Environment;
use crate::reference;
use crate::system::{Description, System};
use crate::trusted_firmware;
use anyhow::{Context as _, bail};
use partita_bench_plugin::findings::Findings;
use partita_run::{End, Report, RunOptions, Source};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a run is driven by.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// An instruction takes 2^shift ns.
    pub shift: u8,
    /// The longest turn of a hart in µs; 0 for one hart.
    pub slice_us: u32,
}

impl Timing {
    /// One hart: exact.
    pub const ONE_HART: Self = Self {
        shift: 0,
        slice_us: 0,
    };
    /// Several harts, for counts.
    pub const COUNTS: Self = Self {
        shift: 0,
        slice_us: 20,
    };
    /// Several harts, for deadlines: what `partita run` uses.
    pub const DEADLINES: Self = Self {
        shift: 3,
        slice_us: 20,
    };

    /// Instructions in a second of virtual time.
    pub const fn instructions_in_second(self) -> u64 {
        1_000_000_000 >> self.shift
    }
}

/// How a run ends.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// At this virtual time, with a report.
    Time(Duration),
    /// So many instructions after Linux's first user instruction, without one.
    AfterInit(u64),
}

/// What to run, and how.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The system.
    pub description: Description,
    /// What drives it.
    pub timing: Timing,
    /// When it ends.
    pub until: Until,
    /// Whether each instruction is counted by itself, and latencies are taken.
    pub exact: bool,
    /// Notes all counts after each so many instructions.
    pub every: Option<u64>,
}

/// What came of it.
pub struct Measured {
    /// What the plugin counted.
    pub findings: Findings,
    /// The run's report, if it ended with one.
    pub report: Option<Report>,
    /// Texts of the Linux console with their virtual times.
    pub linux: Vec<(u64, String)>,
}

/// The wall time after which a run is given up; no figure depends on it.
const PATIENCE: Duration = Duration::from_secs(1800);

impl Run {
    /// Runs the system under the monitor.
    pub fn measure(&self, environment: &Environment, name: &str) -> anyhow::Result<Measured> {
        if self.description.caller {
            caller::write(environment)?;
        }
        let system = System::new(environment, &self.description)?;
        let output = output(environment, name)?;
        let plugin = self.plugin(environment, &system, &output)?;
        let options = RunOptions {
            end_patience: Duration::from_secs(60),
            shift: Some(self.timing.shift),
            slice_us: Some(self.timing.slice_us),
            end: match self.until {
                Until::Time(time) => Some(time),
                Until::AfterInit(_) => None,
            },
            timeout: Some(PATIENCE),
            extra: extra(plugin),
            ..RunOptions::default()
        };
        let image = system.image(&self.description)?;
        let outcome = partita_run::run_image(&system.plan, image, options, &mut ())?;
        let is_expected = match self.until {
            Until::Time(_) => outcome.end == End::Reported,
            Until::AfterInit(_) => matches!(outcome.end, End::NoStatus { .. }),
        };
        if !is_expected {
            bail!(
                "a run ended too early: {}\n{}",
                outcome.end,
                outcome.diagnostics
            );
        }
        let linux = system
            .plan
            .partitions
            .iter()
            .position(|part| part.name == "linux");
        let own = |source| linux.is_some_and(|linux| source == Source::Partition(linux));
        let lines = outcome.lines.iter().filter(|line| own(line.source));
        Ok(Measured {
            findings: findings(&output, &outcome.diagnostics)?,
            report: outcome.report.clone(),
            linux: lines
                .map(|line| (line.time_ns, line.text.clone()))
                .collect(),
        })
    }

    /// Runs the same kernel with the same command line under Debian's OpenSBI.
    pub fn reference(
        &self,
        environment: &Environment,
        name: &str,
        opensbi: &Path,
    ) -> anyhow::Result<Measured> {
        let system = System::new(environment, &self.description)?;
        let output = output(environment, name)?;
        let plugin = self.with_ends(reference::plugin(environment, opensbi, &output)?);
        let mut extra = extra(plugin);
        extra.extend(reference::arguments(environment, &self.description));
        let options = RunOptions {
            end_patience: Duration::from_secs(60),
            shift: Some(self.timing.shift),
            slice_us: Some(self.timing.slice_us),
            extra,
            ..RunOptions::default()
        };
        let text = reference::run(&system.plan, opensbi, &options)?;
        let lines = text.lines().map(|line| (0, line.to_owned()));
        Ok(Measured {
            findings: findings(&output, &text)?,
            report: None,
            linux: lines.collect(),
        })
    }

    /// Runs the calls alone under Trusted Firmware-A, which is in a folder. It ends when the machine is powered off.
    pub fn trusted_firmware(
        &self,
        environment: &Environment,
        name: &str,
        folder: &Path,
    ) -> anyhow::Result<Measured> {
        caller::write(environment)?;
        let system = System::new(environment, &self.description)?;
        let output = output(environment, name)?;
        let caller = environment.artefact(caller::FILE);
        let mut extra = extra(trusted_firmware::plugin(environment, folder, &output)?);
        extra.extend(trusted_firmware::arguments(&caller));
        let options = RunOptions {
            shift: Some(self.timing.shift),
            slice_us: Some(self.timing.slice_us),
            extra,
            ..RunOptions::default()
        };
        let text = reference::run(
            &system.plan,
            &folder.join(trusted_firmware::FLASH),
            &options,
        )?;
        Ok(Measured {
            findings: findings(&output, &text)?,
            report: None,
            linux: Vec::new(),
        })
    }

    /// The plugin with its arguments, for a system under the monitor.
    fn plugin(
        &self,
        environment: &Environment,
        system: &System,
        output: &Path,
    ) -> anyhow::Result<String> {
        let plan = &system.plan;
        let firmware = plan.board.image_base;
        let window = partita_image::Monitor::parse(&system.monitor_file, plan.board)?.text_bytes;
        let mut text = format!(
            "{},output={},step={},range=firmware:{firmware:#x}:{:#x},trap-entry={:#x}",
            environment.plugin.display(),
            output.display(),
            1_000_000_000 / plan.board.timebase_hz,
            firmware + window,
            system.trap_entry()?
        );
        for (memory, anchor) in system.memories() {
            let (base, end) = (memory.base, memory.base + memory.size);
            let _ = write!(text, ",memory={base:#x}:{end:#x}:{anchor:#x}");
        }
        if let Some(window) = plan.board.architecture.aarch64().map(|arm| arm.stage_2)
            && self.description.target.stage_2
        {
            let _ = write!(text, ",stub={:#x}:{:#x}", window.base, window.base + 0x800);
        }
        for partition in &plan.partitions {
            let (base, end) = (partition.ram.base, partition.ram.base + partition.ram.size);
            let _ = write!(text, ",range={}:{base:#x}:{end:#x}", partition.name);
        }
        if let Some(linux) = system.partition("linux") {
            let _ = write!(text, ",linux=linux,watch=linux:{:#x}", linux.entry);
        }
        if let Some(cluster) = system.partition("cluster") {
            // Several tasks are functions of this name; the first to run is looked for.
            for (index, offset) in system.cluster.addresses("run").into_iter().enumerate() {
                let _ = write!(text, ",watch=task{index}:{:#x}", cluster.ram.base + offset);
            }
            if self.exact {
                let vector = system.cluster_vector()?;
                let _ = write!(text, ",real-time=cluster:{:#x}", cluster.ram.base + vector);
            }
        }
        Ok(self.with_ends(text))
    }

    /// Adds what does not depend on the firmware.
    fn with_ends(&self, mut text: String) -> String {
        if self.exact {
            text.push_str(",exact=on");
        }
        if let Until::AfterInit(instructions) = self.until {
            let _ = write!(text, ",stop={instructions}");
        }
        if let Some(every) = self.every {
            let _ = write!(text, ",every={every}");
        }
        text
    }
}

/// Where the plugin writes what it found. It stays there for whoever wants to look closer.
fn output(environment: &Environment, name: &str) -> anyhow::Result<PathBuf> {
    let folder = environment.artefacts.join("bench").join("findings");
    fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let path = folder.join(format!("{name}.json"));
    // Old findings must not be taken for those of this run.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot replace {}", path.display()))
        }
        _ => Ok(path),
    }
}

fn extra(plugin: String) -> Vec<OsString> {
    ["-plugin".into(), plugin.into()].into()
}

fn findings(path: &Path, diagnostics: &str) -> anyhow::Result<Findings> {
    let text = fs::read(path).with_context(|| {
        format!(
            "the plugin wrote no findings; QEMU must have been built with plugins\n{diagnostics}"
        )
    })?;
    serde_json::from_slice(&text).context("the plugin's findings cannot be read")
}
