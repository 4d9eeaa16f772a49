//! From the real-time timer interrupt to its handler, while Linux runs.

use super::runs::{Key, Runs};
use super::stays;
use crate::environment::Environment;
use crate::figure::{Figure, Section};
use crate::render::grouped;
use crate::system::{FloatingPoint, Target};

/// How many interrupts there must be for the figure to count, in a whole measurement.
const FEWEST: u64 = 5000;

/// The most that the median and the worst case may be.
#[derive(Clone, Copy)]
struct Most {
    p50: f64,
    worst: f64,
}

/// On RISC-V.
const RISCV: Most = Most {
    p50: 400.0,
    worst: 1000.0,
};
/// On Arm, where all of EL1 is switched.
const ARM: Most = Most {
    p50: 500.0,
    worst: 1200.0,
};

/// The same where EL2 is the monitor's, whose registers are switched too.
const ARM_STAGE_2: Most = Most {
    p50: 600.0,
    worst: 1400.0,
};

/// What is measured: on which target, with which policy, and what it must reach.
struct Case {
    target: Target,
    policy: FloatingPoint,
    most: Option<Most>,
}

/// All of them, in the order in which they are shown.
fn cases(environment: &Environment) -> Vec<Case> {
    let case = |target, policy, most| Case {
        target,
        policy,
        most,
    };
    let none = FloatingPoint::None;
    let mut cases = vec![
        case(Target::VIRT, none, Some(RISCV)),
        case(Target::VIRT, FloatingPoint::Eager, None),
        case(Target::VIRT, FloatingPoint::Vector, None),
    ];
    cases.extend(Target::OTHERS.map(|target| case(target, none, Some(RISCV))));
    for target in [Target::ARM, Target::ARM_GICV2] {
        cases.push(case(target, none, Some(ARM)));
        cases.push(case(target, FloatingPoint::Eager, None));
    }
    for target in [Target::ARM_STAGE_2, Target::ARM_GICV2_STAGE_2] {
        cases.push(case(target, none, Some(ARM_STAGE_2)));
    }
    cases.retain(|case| environment.measures(case.target.board));
    cases
}

impl Case {
    const fn key(&self) -> Key {
        Key::OneHart(self.target, self.policy)
    }

    fn name(&self) -> String {
        let policy = match self.policy {
            FloatingPoint::None => "fp = \"none\"",
            FloatingPoint::Eager => "fp = \"eager\"",
            FloatingPoint::Vector => "fp and vector = \"eager\" (128 bits)",
        };
        if self.target == Target::VIRT {
            return policy.to_owned();
        }
        let without = if self.target.lacks_sstc() {
            " without Sstc"
        } else {
            ""
        };
        let shape = self.target.shape();
        format!("`{}`{shape}{without}, {policy}", self.target.board)
    }

    fn figures(&self, environment: &Environment, runs: &Runs) -> anyhow::Result<Vec<Figure>> {
        let measured = runs.get(self.key())?;
        let lengths = measured.findings.latency.other_ran;
        let enough = environment.quick || lengths.count >= FEWEST;
        let name = self.name();
        let figure = |what: &str, count: i64| {
            let value = if enough { count as f64 } else { f64::NAN };
            Figure::new(format!("{name}: {what}"), value, "instructions")
        };
        let mut p50 = figure("median", lengths.p50);
        let mut worst = figure("worst", lengths.max);
        if let Some(most) = self.most {
            p50 = p50.at_most(most.p50);
            // A step of the machine's time that is as long as the target cannot be told from a late interrupt.
            if self.target.step_ns() < most.worst as u64 {
                worst = worst.at_most(most.worst);
            }
        }
        let mut figures = vec![p50, figure("99 % are not above", lengths.p99), worst];
        let is_main = [Target::VIRT, Target::ARM, Target::ARM_GICV2].contains(&self.target);
        if is_main && self.policy == FloatingPoint::None {
            let longest = stays::longest(&measured.findings, |stay| stay.from == "linux");
            let what = "if it came at the begin of the longest stay for Linux that was seen";
            // What was seen together is judged above; this is what could come together.
            let sum = (longest + lengths.p50) as f64;
            figures.push(Figure::new(format!("{name}: {what}"), sum, "instructions"));
        }
        Ok(figures)
    }

    fn note(&self, runs: &Runs) -> anyhow::Result<String> {
        let latency = &runs.get(self.key())?.findings.latency;
        let mut note = format!(
            "{}: {} interrupts; {} at moments at which the machine's time was not known exactly were left out. ",
            self.name(),
            grouped(latency.other_ran.count as i64),
            latency.unknown,
        );
        note += &if self.target == Target::VIRT {
            format!(
                "Counted from the deadline, which QEMU's timer meets up to 99 ns late: median {}, worst {}.",
                grouped(latency.from_deadline.p50),
                grouped(latency.from_deadline.max),
            )
        } else {
            format!(
                "Where the moment of an interrupt is misjudged, it is by a step of the machine's time: {} ns here.",
                grouped(self.target.step_ns() as i64),
            )
        };
        Ok(note)
    }
}

pub fn keys(environment: &Environment) -> Vec<Key> {
    cases(environment).iter().map(Case::key).collect()
}

pub fn section(environment: &Environment, runs: &Runs) -> anyhow::Result<Section> {
    let mut figures = Vec::new();
    let mut notes = vec![
        "One hart, shared by the cluster and Linux, shift 0; Linux computes and makes system calls all the \
         time. Counted is what the hart executes from the moment the monitor's timer interrupts to the first \
         instruction of FreeRTOS's trap vector, the monitor's own time on Linux's behalf included, after \
         Linux's init has begun. Exact to a few instructions, see README.md. The board is `qemu-virt-riscv64` \
         where none is named."
            .to_owned(),
    ];
    for case in cases(environment) {
        figures.extend(case.figures(environment, runs)?);
        notes.push(case.note(runs)?);
    }
    Ok(Section {
        name: "latency",
        title: "From the real-time timer interrupt to FreeRTOS's handler, Linux running",
        figures,
        notes,
        tables: Vec::new(),
    })
}
