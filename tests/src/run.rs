//! A run that has ended, and what there is to say about it.

use partita_manifest::Plan;
use partita_run::report::{EventReport, PartitionReport};
use partita_run::{End, Line, Outcome, Report, Source};

/// A run that has ended. If a test fails, all that was on the consoles is shown.
pub struct Run {
    names: Vec<String>,
    outcome: Outcome,
}

impl Run {
    pub(crate) fn new(plan: &Plan, outcome: Outcome) -> Self {
        let names = plan.partitions.iter().map(|partition| &partition.name);
        Self {
            names: names.cloned().collect(),
            outcome,
        }
    }

    /// How it ended and all else that the runner told.
    pub const fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The report.
    ///
    /// # Panics
    /// If the monitor did not end the run, or a step of the script was not reached.
    pub fn report(&self) -> &Report {
        assert_eq!(self.outcome.end, End::Reported, "{}", self.outcome.end);
        assert_eq!(
            self.outcome.script_left,
            [],
            "what was awaited did not come"
        );
        self.outcome
            .report
            .as_ref()
            .expect("a reported run has a report")
    }

    /// What the report says about a partition.
    ///
    /// # Panics
    /// If it says nothing.
    pub fn partition(&self, name: &str) -> &PartitionReport {
        let partition = self.report().partitions.get(name);
        partition.unwrap_or_else(|| panic!("nothing is told of `{name}`"))
    }

    /// The health events of a partition of one kind.
    pub fn events<'a>(
        &'a self,
        name: &str,
        kind: &'a str,
    ) -> impl Iterator<Item = &'a EventReport> {
        let events = self.partition(name).events.iter();
        events.filter(move |event| event.kind == kind)
    }

    /// Whose lines are those of `name`: a partition's, or the monitor's.
    fn source(&self, name: &str) -> Source {
        if name == "monitor" {
            return Source::Monitor;
        }
        let index = self.names.iter().position(|known| known == name);
        Source::Partition(index.unwrap_or_else(|| panic!("there is no partition `{name}`")))
    }

    /// All lines, of everyone.
    pub fn lines(&self) -> &[Line] {
        &self.outcome.lines
    }

    /// The lines of a partition, or of the `monitor`.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.outcome.texts(self.source(name))
    }

    /// The first line of `name` with `text` in it.
    pub fn find(&self, name: &str, text: &str) -> Option<&Line> {
        let source = self.source(name);
        let mut lines = self.outcome.lines.iter();
        lines.find(|line| line.source == source && line.text.contains(text))
    }

    /// Whether `name` wrote a line with `text` in it.
    pub fn said(&self, name: &str, text: &str) -> bool {
        self.find(name, text).is_some()
    }

    /// How many lines of `name` have `text` in them.
    pub fn count(&self, name: &str, text: &str) -> usize {
        self.texts(name).filter(|line| line.contains(text)).count()
    }

    /// Machine time of the first line of `name` with `text` in it, in nanoseconds.
    ///
    /// # Panics
    /// If there is none.
    pub fn time_ns(&self, name: &str, text: &str) -> u64 {
        let line = self.find(name, text);
        line.unwrap_or_else(|| panic!("{name} did not say `{text}`"))
            .time_ns
    }

    /// Asserts that `name` wrote a line with `text` in it.
    ///
    /// # Panics
    /// If it did not.
    #[track_caller]
    pub fn assert_said(&self, name: &str, text: &str) {
        assert!(self.said(name, text), "{name} did not say `{text}`");
    }

    /// Asserts that a partition kept all of its deadlines, and had some.
    ///
    /// # Panics
    /// If it did not.
    #[track_caller]
    pub fn assert_undisturbed(&self, name: &str) {
        let partition = self.partition(name);
        assert!(partition.deadlines.met > 0, "{name} reported no deadline");
        assert_eq!(partition.deadlines.missed, 0, "{name} missed deadlines");
        assert_eq!((partition.state.as_str(), partition.boots), ("running", 1));
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        println!("The run: {}", self.outcome.end);
        for line in &self.outcome.lines {
            let name = match line.source {
                Source::Partition(index) => &self.names[index],
                Source::Monitor => "monitor",
                Source::Machine => "machine",
            };
            println!("{:>14} {name} | {}", line.time_ns, line.text);
        }
        println!("Steps not reached: {:?}", self.outcome.script_left);
        if let Some(report) = &self.outcome.report {
            println!("{report:#?}");
        }
        println!("{}", self.outcome.diagnostics);
    }
}
