//! From the real-time timer interrupt to its handler, while Linux runs.

use super::runs::{Key, Runs};
use super::stays;
use crate::environment::Environment;
use crate::figure::{Figure, Section};
use crate::render::grouped;
use crate::system::{FloatingPoint, Target};

/// What it must reach: the median and the worst case.
const MOST_P50: f64 = 400.0;
const MOST: f64 = 1000.0;
/// How many interrupts there must be for the figure to count, in a whole measurement.
const FEWEST: u64 = 5000;

/// What the cluster may say of floating point and vectors, shown apart.
const POLICIES: [(FloatingPoint, &str); 3] = [
    (FloatingPoint::None, "fp = \"none\""),
    (FloatingPoint::Eager, "fp = \"eager\""),
    (
        FloatingPoint::Vector,
        "fp and vector = \"eager\" (128 bits)",
    ),
];

pub fn keys() -> Vec<Key> {
    let others = Target::OTHERS.map(Key::OneHartOn);
    let policies = POLICIES.map(|(policy, _)| Key::OneHart(policy));
    policies.into_iter().chain(others).collect()
}

pub fn section(environment: &Environment, runs: &Runs) -> anyhow::Result<Section> {
    let mut figures = Vec::new();
    let mut notes = vec![
        "One hart, shared by the cluster and Linux, shift 0; Linux computes and makes system calls all the \
         time. Counted is what the hart executes from the moment the machine timer interrupts to the first \
         instruction of FreeRTOS's trap vector, the monitor's own time on Linux's behalf included, after \
         Linux's init has begun. Exact to a few instructions, see README.md."
            .to_owned(),
    ];
    for (policy, name) in POLICIES {
        let measured = runs.get(Key::OneHart(policy))?;
        let latency = &measured.findings.latency;
        let lengths = latency.other_ran;
        let enough = environment.quick || lengths.count >= FEWEST;
        let value = |count: i64| if enough { count as f64 } else { f64::NAN };
        let figure = |what: &str, count| {
            Figure::new(format!("{name}: {what}"), value(count), "instructions")
        };
        let (p50, worst) = (figure("median", lengths.p50), figure("worst", lengths.max));
        let p99 = figure("99 % are not above", lengths.p99);
        if policy != FloatingPoint::None {
            figures.extend([p50, p99, worst]);
        } else {
            figures.extend([p50.at_most(MOST_P50), p99, worst.at_most(MOST)]);
            let longest = stays::longest(&measured.findings, |stay| stay.from == "linux");
            let sum = longest + lengths.p50;
            let bound = Figure::new(
                "fp = \"none\": if it came at the begin of the longest stay for Linux that was seen",
                sum as f64,
                "instructions",
            );
            // What was seen together is judged above; this is what could come together.
            figures.push(bound);
        }
        notes.push(format!(
            "{name}: {} interrupts; {} at moments at which the machine's time was not known exactly were left \
             out. Counted from the deadline, which QEMU's timer meets up to 99 ns late: median {}, worst {}.",
            grouped(lengths.count as i64),
            latency.unknown,
            grouped(latency.from_deadline.p50),
            grouped(latency.from_deadline.max),
        ));
    }
    for target in Target::OTHERS {
        let latency = &runs.get(Key::OneHartOn(target))?.findings.latency;
        let lengths = latency.other_ran;
        let enough = environment.quick || lengths.count >= FEWEST;
        let value = |count: i64| if enough { count as f64 } else { f64::NAN };
        let without = if target.sstc { "" } else { " without Sstc" };
        let name = format!("`{}`{without}, fp = \"none\"", target.board);
        let figure = |what: &str, count| {
            Figure::new(format!("{name}: {what}"), value(count), "instructions")
        };
        figures.push(figure("median", lengths.p50).at_most(MOST_P50));
        figures.push(figure("99 % are not above", lengths.p99));
        let worst = figure("worst", lengths.max);
        // A step of the machine's time that is as long as the target cannot be told from a late interrupt.
        let is_fine = target.step_ns() < MOST as u64;
        figures.push(if is_fine { worst.at_most(MOST) } else { worst });
        notes.push(format!(
            "{name}: {} interrupts; {} at moments at which the machine's time was not known exactly were left \
             out. Where the moment of an interrupt is misjudged, it is by a step of the machine's time: {} ns \
             here.",
            grouped(lengths.count as i64),
            latency.unknown,
            grouped(target.step_ns() as i64),
        ));
    }
    Ok(Section {
        name: "latency",
        title: "From the real-time timer interrupt to FreeRTOS's handler, Linux running",
        figures,
        notes,
        tables: Vec::new(),
    })
}
