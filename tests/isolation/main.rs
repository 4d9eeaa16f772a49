//! Probes: each promise of separation, attacked by single attempts from every side.
//!
//! A row of the table ([`probes`]) is one attempt, with what must come of it. All rows run from a less and
//! from a more critical program and from Linux's place, several in one boot, while the other partition keeps
//! deadlines, takes its device's interrupts and looks after its memory and registers. What came of each row
//! is in `docs/isolation.md`, which this test compares; with `UPDATE=1` it writes it. With `PROBES=text` only those
//! run that have the text in their name, section or board, and nothing is compared; `PROBES=one+other` wants both.

mod ground;
mod instructions;
mod judge;
mod page;
mod probe;
mod probes;

use ground::Ground;
use judge::Finding;
use probe::{Expected, From, Machine, Probe, Variant};
use std::sync::Mutex;
use std::{env, thread};

/// Machines at a time.
const MACHINES: usize = 2;
/// The monitor keeps the latest 32 events of a partition.
const KEPT_EVENTS: usize = 26;
/// How many periods, each with the event of a budget that is used up, a probe takes at most that holds its hart.
const HELD_PERIODS: usize = 5;
/// The most probes of a boot.
const MOST_PROBES: usize = 56;

/// Probes that share a boot.
struct Boot<'a> {
    ground: Ground,
    probes: Vec<&'a Probe>,
}

/// Deals the probes to boots, in their order: as many as the monitor keeps events of, and one at most that
/// makes many events, which comes first.
fn deal(from: From, variant: Variant, machine: Machine, probes: &[Probe]) -> Vec<Boot<'_>> {
    let probes = || probes.iter().filter(|probe| probe.machine == machine);
    let mut boots: Vec<_> = probes()
        .filter(|probe| probe.expected.is_counted())
        .map(|probe| vec![probe])
        .collect();
    let shares = |probe: &&Probe| !probe.expected.is_counted() && !probe.expected.is_last();
    let mut singles = probes().filter(shares);
    let mut boot = 0;
    let mut events = 0;
    for probe in singles.by_ref() {
        if boot == boots.len() {
            boots.push(Vec::new());
        }
        boots[boot].push(probe);
        events += usize::from(judge::event(probe, 0, 0).is_some());
        if from == From::High && probe.holds_the_hart() {
            events += HELD_PERIODS;
        }
        if events >= KEPT_EVENTS || boots[boot].len() == MOST_PROBES {
            (boot, events) = (boot + 1, 0);
        }
    }
    let last = probes().filter(|probe| probe.expected.is_last());
    boots.extend(last.map(|probe| vec![probe]));
    boots
        .into_iter()
        .map(|probes| Boot {
            ground: Ground::new(from, variant, machine),
            probes,
        })
        .collect()
}

fn run(boot: &Boot<'_>) -> Vec<Finding> {
    let ground = &boot.ground;
    let ticks = ground.ticks_per_us();
    let slots = ground.slots();
    let mut words = format!("isolation ticks-per-us:{ticks} slots:{slots:#x}");
    if ground.variant.is_behind_stage_2() {
        words.push_str(match ground.from {
            From::Linux => " linux:1",
            From::Low | From::High => " waits:1",
        });
    }
    for probe in &boot.probes {
        for word in probe.preparation.iter().chain([&probe.word]) {
            words.push(' ');
            words.push_str(word);
        }
    }
    let system = ground.system(&words);
    if let [probe] = boot.probes[..]
        && let Expected::Lost { handler } = probe.expected
    {
        let run = system
            .expect("monitor", "double-trap")
            .until("other", "periods, ")
            .run();
        return vec![judge::lost(&run, ground, probe, handler)];
    }
    let system = system.expect("prober", "isolation: done");
    let system = if ground.variant.is_behind_stage_2() {
        system.expect("neighbour", "periods, ")
    } else {
        system
    };
    let run = system.until("other", "periods, ").run();
    judge::judge(&run, ground, &boot.probes)
}

#[test]
fn every_probe_is_denied_and_recorded_and_disturbs_nobody() {
    make_all(&Variant::RISCV64, &page::RISCV64);
}

#[test]
fn every_probe_on_arm_is_denied_and_disturbs_nobody() {
    make_all(&Variant::AARCH64, &page::AARCH64);
}

#[test]
fn every_probe_behind_stage_2_is_denied_and_recorded_and_disturbs_nobody() {
    make_all(&Variant::STAGE_2, &page::STAGE_2);
}

/// Makes all probes on these boards, and compares what came of them with a part of the page.
fn make_all(variants: &[Variant], part: &page::Part) {
    let only = env::var("PROBES").ok();
    let is_wanted = |variant: Variant, probe: &Probe| {
        let place = variant.name();
        let has = |text: &str| {
            [place, probe.section, &probe.name]
                .iter()
                .any(|name| name.contains(text))
        };
        only.as_ref().is_none_or(|texts| texts.split('+').all(has))
    };
    let wanted = |(variant, from)| {
        let probes = probes::all(from, variant).into_iter();
        let wanted = probes.filter(|probe| is_wanted(variant, probe));
        (variant, from, wanted.collect::<Vec<_>>())
    };
    let sides = |variant: Variant| variant.sides().iter().map(move |from| (variant, *from));
    let sides = variants.iter().copied().flat_map(sides);
    let table: Vec<_> = sides.map(wanted).collect();
    let boots: Vec<_> = table
        .iter()
        .flat_map(|(variant, from, probes)| {
            let deal = |machine| deal(*from, *variant, machine, probes);
            Machine::ALL.into_iter().flat_map(deal)
        })
        .collect();
    let queue = Mutex::new(boots.iter());
    let findings = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..MACHINES {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("nobody panicked").next();
                    let Some(boot) = next else { break };
                    let found = run(boot);
                    findings.lock().expect("nobody panicked").extend(found);
                }
            });
        }
    });
    let findings = findings.into_inner().expect("nobody panicked");
    let wrong: Vec<_> = findings
        .iter()
        .filter(|finding| !finding.is_right())
        .collect();
    for finding in &wrong {
        println!("{finding}");
    }
    assert_eq!(wrong.len(), 0, "of {} probes", findings.len());
    if only.is_none() {
        part.compare(&table, &findings);
    }
}
