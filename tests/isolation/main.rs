//! Probes: each promise of separation, attacked by single attempts from every side.
//!
//! A row of the table ([`probes`]) is one attempt, with what must come of it. All rows run from a less and
//! from a more critical program and from Linux's place, several in one boot, while the other partition keeps
//! deadlines, takes its device's interrupts and looks after its memory and registers. What came of each row
//! is in `docs/isolation.md`, which this test compares; with `UPDATE=1` it writes it. With `PROBES=text` only those
//! run that have the text in their name or section, and nothing is compared.

mod ground;
mod instructions;
mod judge;
mod page;
mod probe;
mod probes;

use ground::{Ground, SLOTS};
use judge::Finding;
use probe::{Expected, From, Machine, Probe};
use std::sync::Mutex;
use std::{env, thread};

/// Machines at a time.
const MACHINES: usize = 2;
/// The monitor keeps the latest 32 events of a partition.
const KEPT_EVENTS: usize = 28;
/// The most probes of a boot.
const MOST_PROBES: usize = 56;

/// Probes that share a boot.
struct Boot<'a> {
    from: From,
    machine: Machine,
    probes: Vec<&'a Probe>,
}

/// Deals the probes to boots, in their order: as many as the monitor keeps events of, and one at most that
/// makes many events, which comes first.
fn deal(from: From, machine: Machine, probes: &[Probe]) -> Vec<Boot<'_>> {
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
        events += usize::from(judge::event(probe, 0).is_some());
        if events == KEPT_EVENTS || boots[boot].len() == MOST_PROBES {
            (boot, events) = (boot + 1, 0);
        }
    }
    let last = probes().filter(|probe| probe.expected.is_last());
    boots.extend(last.map(|probe| vec![probe]));
    boots
        .into_iter()
        .map(|probes| Boot {
            from,
            machine,
            probes,
        })
        .collect()
}

fn run(boot: &Boot<'_>) -> Vec<Finding> {
    let ground = Ground::new(boot.from, boot.machine);
    let mut words = format!("isolation slots:{SLOTS:#x}");
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
        return vec![judge::lost(&run, &ground, probe, handler)];
    }
    let run = system
        .expect("prober", "isolation: done")
        .until("other", "periods, ")
        .run();
    judge::judge(&run, boot.from, &boot.probes)
}

#[test]
fn every_probe_is_denied_and_recorded_and_disturbs_nobody() {
    let only = env::var("PROBES").ok();
    let is_wanted = |probe: &Probe| {
        let has = |text: &String| probe.section.contains(text) || probe.name.contains(text);
        only.as_ref().is_none_or(has)
    };
    let wanted = |from| {
        let probes = probes::all(from).into_iter();
        (from, probes.filter(is_wanted).collect::<Vec<_>>())
    };
    let table: Vec<_> = From::ALL.into_iter().map(wanted).collect();
    let boots: Vec<_> = table
        .iter()
        .flat_map(|(from, probes)| {
            let deal = |machine| deal(*from, machine, probes);
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
        page::compare(&table, &findings);
    }
}
