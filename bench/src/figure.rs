//! A figure: a value, and what it must reach.

use serde::Serialize;

/// What a figure says about its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It reaches its target.
    Pass,
    /// It misses its target.
    Fail,
    /// It has no target.
    Information,
}

impl Verdict {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "**FAIL**",
            Self::Information => "information",
        }
    }
}

/// A measured value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// The value.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// The most that it may be, if there is a target.
    pub most: Option<f64>,
}

impl Figure {
    /// A figure for information.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            most: None,
        }
    }

    /// A number of instructions, for information.
    pub fn instructions(name: impl Into<String>, value: u64) -> Self {
        Self::new(name, value as f64, "instructions")
    }

    /// The same with a target: at most so many.
    #[must_use]
    pub fn at_most(mut self, most: f64) -> Self {
        self.most = Some(most);
        self
    }

    /// What it says about its target.
    pub fn verdict(&self) -> Verdict {
        match self.most {
            None => Verdict::Information,
            // A value that is not a number reaches nothing.
            Some(most) if self.value <= most => Verdict::Pass,
            Some(_) => Verdict::Fail,
        }
    }
}

/// Figures that belong together.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Section {
    /// The name that `--only` takes.
    pub name: &'static str,
    /// A heading.
    pub title: &'static str,
    /// The figures.
    pub figures: Vec<Figure>,
    /// How they were measured, and what else is to be known.
    pub notes: Vec<String>,
    /// Tables with details: a heading, column names, rows.
    pub tables: Vec<Table>,
}

impl Section {
    /// Whether there is nothing in it, because no board of it is to be measured.
    pub fn is_empty(&self) -> bool {
        self.figures.is_empty() && self.tables.is_empty()
    }
}

/// A table of details.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// The names of its columns.
    pub columns: Vec<&'static str>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
}

/// The median; not a number if there are no values.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::{Figure, Verdict, median};

    #[test]
    fn a_value_at_its_limit_passes_and_one_above_fails() {
        let figure = |value| {
            Figure::new("x", value, "instructions")
                .at_most(400.0)
                .verdict()
        };
        assert_eq!(figure(400.0), Verdict::Pass);
        assert_eq!(figure(401.0), Verdict::Fail);
        assert_eq!(figure(f64::NAN), Verdict::Fail);
    }

    #[test]
    fn the_median_of_nothing_passes_no_target() {
        assert!(median([]).is_nan());
        assert_eq!(median([3.0, 1.0, 2.0]).to_bits(), 2.0_f64.to_bits());
        assert_eq!(median([4.0, 1.0]).to_bits(), 2.5_f64.to_bits());
    }
}
