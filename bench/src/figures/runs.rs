//! The runs that figures are read off. Several figures share one.

use crate::environment::Environment;
use crate::jobs;
use crate::measurement::{Measured, Run, Timing, Until};
use crate::system::{Description, FloatingPoint, Target};
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Who runs Linux on four harts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Under {
    /// The monitor, with the instrument cluster on hart 1.
    Cockpit,
    /// The monitor, with no other partition.
    Alone,
    /// Debian's OpenSBI.
    Reference,
}

impl Under {
    /// What it is called in the results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cockpit => "cockpit",
            Self::Alone => "Linux alone",
            Self::Reference => "Debian's OpenSBI",
        }
    }
}

/// A run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Linux is loaded for a minute.
    Loaded(Target, Under),
    /// The cluster and Linux share one hart; the cluster has this policy.
    OneHart(Target, FloatingPoint),
    /// The cockpit's first moments; the system is signed or not.
    Start(Target, bool),
    /// Up to Linux's first user instruction, with this seed.
    Boot(Target, Under, u32),
    /// Some calls of the firmware, and nothing else, under it or under Trusted Firmware-A.
    Calls(Target, Firmware),
}

/// Who answers calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Firmware {
    /// The monitor.
    Partita,
    /// Debian's Trusted Firmware-A.
    Trusted,
}

impl Key {
    /// The name of its file of findings.
    fn name(self) -> String {
        let under = |under| match under {
            Under::Cockpit => "cockpit",
            Under::Alone => "alone",
            Under::Reference => "opensbi",
        };
        let (target, name, rest) = match self {
            Self::Loaded(target, who) => (target, "loaded", format!("-{}", under(who))),
            Self::OneHart(target, policy) => {
                let policy = match policy {
                    FloatingPoint::None => "",
                    FloatingPoint::Eager => "-eager",
                    FloatingPoint::Vector => "-vector",
                };
                (target, "one-hart", policy.to_owned())
            }
            Self::Start(target, signed) => {
                let signed = if signed { "-signed" } else { "" };
                (target, "start", signed.to_owned())
            }
            Self::Boot(target, who, seed) => (target, "boot", format!("-{}-{seed}", under(who))),
            Self::Calls(target, Firmware::Partita) => (target, "calls", String::new()),
            Self::Calls(target, Firmware::Trusted) => (target, "calls", "-tfa".to_owned()),
        };
        let board = match target {
            Target::VIRT => String::new(),
            _ => format!("-{}", target.board),
        };
        let sstc = if target.lacks_sstc() {
            "-without-sstc"
        } else {
            ""
        };
        let shape = if target.stage_2 { "-stage-2" } else { "" };
        format!("{name}{board}{shape}{sstc}{rest}")
    }
}

/// What came of the runs.
#[derive(Default)]
pub struct Runs {
    measured: BTreeMap<Key, Measured>,
}

/// The seed where there is only one.
const SEED: u32 = 1;

/// How long the loaded time is that is looked at, in seconds of virtual time.
pub const fn loaded_seconds(environment: &Environment) -> usize {
    if environment.quick { 10 } else { 60 }
}

/// The seeds of boots.
pub fn seeds(environment: &Environment) -> std::ops::RangeInclusive<u32> {
    1..=if environment.quick { 3 } else { 9 }
}

/// The time of Linux's boot with room to spare, in seconds of virtual time at shift 3.
pub const BOOT_SECONDS: u64 = 20;

impl Runs {
    /// Does the runs.
    pub fn measure(
        environment: &Environment,
        keys: impl Iterator<Item = Key>,
    ) -> anyhow::Result<Self> {
        let keys: Vec<Key> = keys.collect::<BTreeSet<_>>().into_iter().collect();
        let count = keys.len();
        let measured = jobs::run(environment.jobs, keys, |key| {
            let measured =
                one(environment, key).with_context(|| format!("in the run {}", key.name()))?;
            eprintln!("measured {} (of {count} runs)", key.name());
            Ok((key, measured))
        })?;
        Ok(Self {
            measured: measured.into_iter().collect(),
        })
    }

    /// What came of a run.
    pub fn get(&self, key: Key) -> anyhow::Result<&Measured> {
        self.measured
            .get(&key)
            .with_context(|| format!("{} was not run", key.name()))
    }
}

fn one(environment: &Environment, key: Key) -> anyhow::Result<Measured> {
    let run = describe(environment, key);
    if let (Key::Calls(_, Firmware::Trusted), Some(folder)) = (key, &environment.trusted_firmware) {
        return run.trusted_firmware(environment, &key.name(), folder);
    }
    match (key, &environment.opensbi) {
        (Key::Loaded(_, Under::Reference) | Key::Boot(_, Under::Reference, _), Some(opensbi)) => {
            run.reference(environment, &key.name(), opensbi)
        }
        _ => run.measure(environment, &key.name()),
    }
}

fn describe(environment: &Environment, key: Key) -> Run {
    let four = |target, under, linux, seed| Description {
        target,
        harts: 4,
        cluster: (under == Under::Cockpit).then_some((1, FloatingPoint::None)),
        linux,
        seed,
        signed: false,
        caller: false,
    };
    let run = |description, timing, until| Run {
        description,
        timing,
        until,
        exact: false,
        every: None,
    };
    match key {
        Key::Loaded(target, under) => {
            let timing = Timing::DEADLINES;
            let seconds = BOOT_SECONDS + loaded_seconds(environment) as u64;
            let until = match under {
                // OpenSBI copies nothing before it starts Linux.
                Under::Reference => {
                    Until::AfterInit((seconds - BOOT_SECONDS / 2) * timing.instructions_in_second())
                }
                _ => Until::Time(Duration::from_secs(seconds)),
            };
            let description = four(target, under, "load,ticks", SEED);
            let every = Some(timing.instructions_in_second());
            Run {
                every,
                ..run(description, timing, until)
            }
        }
        Key::OneHart(target, policy) => {
            let cluster = Some((0, policy));
            let description = Description {
                target,
                harts: 1,
                cluster,
                linux: "load,ticks",
                seed: SEED,
                signed: false,
                caller: false,
            };
            let end = Duration::from_secs(if environment.quick { 4 } else { 8 });
            Run {
                exact: true,
                ..run(description, Timing::ONE_HART, Until::Time(end))
            }
        }
        Key::Start(target, signed) => {
            let description = Description {
                signed,
                ..four(target, Under::Cockpit, "idle", SEED)
            };
            run(
                description,
                Timing::COUNTS,
                Until::Time(Duration::from_millis(50)),
            )
        }
        Key::Calls(target, _) => {
            let description = Description {
                harts: 1,
                caller: true,
                ..four(target, Under::Alone, "idle", SEED)
            };
            let end = Until::Time(Duration::from_secs(2));
            run(description, Timing::ONE_HART, end)
        }
        Key::Boot(target, under, seed) => run(
            four(target, under, "load", seed),
            Timing::COUNTS,
            Until::AfterInit(0),
        ),
    }
}
