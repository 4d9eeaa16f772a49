//! Counts passed and failed tests from what the test programs print.

/// How many tests passed and failed, and which failed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// A line for each failed check; failed tests are named by the test program itself.
    pub failures: Vec<String>,
}

/// What runs the tests: each sums up in a line of its own form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// `Summary [   0.003s] 5 tests run: 3 passed (1 slow), 1 failed, 1 timed out, 2 skipped`.
    ///
    /// The output of a failed test, which has a line of the other form, is shown between its lines.
    Nextest,
    /// `test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; …`, many times.
    Cargo,
}

impl Tally {
    /// A check that counts as one test.
    pub fn one(name: &str, passed: bool) -> Self {
        if passed {
            Self {
                passed: 1,
                ..Self::default()
            }
        } else {
            Self {
                failed: 1,
                failures: vec![format!("{name} failed")],
                ..Self::default()
            }
        }
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.failures.extend(other.failures);
    }

    /// Reads a line of a test program; only lines that sum up change anything.
    pub fn read_line(&mut self, runner: Runner, line: &str) {
        let line = without_colours(line);
        let line = line.trim();
        let (start, separator) = match runner {
            Runner::Nextest => ("Summary [", ": "),
            Runner::Cargo => ("test result: ", ". "),
        };
        let counts = line
            .strip_prefix(start)
            .and_then(|rest| rest.split_once(separator))
            .map(|(_, counts)| counts);
        let Some(counts) = counts else { return };
        for part in counts.split([',', ';']) {
            let Some((number, what)) = part.trim().split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            if what.starts_with("passed") {
                self.passed += number;
            } else if ["failed", "timed out", "exec failed"]
                .iter()
                .any(|x| what.starts_with(x))
            {
                self.failed += number;
            }
        }
    }
}

/// Whether a line of cargo's test programs is more than the frame around no test at all.
pub fn says_something(line: &str) -> bool {
    let frame = [
        "running 0 tests",
        "test result: ok. 0 passed; 0 failed; 0 ignored",
    ];
    !line.trim().is_empty() && !frame.iter().any(|start| line.starts_with(start))
}

/// Removes the escape sequences that set colours.
fn without_colours(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        text.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(runner: Runner, line: &str) -> (u64, u64) {
        let mut tally = Tally::default();
        tally.read_line(runner, line);
        (tally.passed, tally.failed)
    }

    #[test]
    fn the_summary_of_nextest_is_counted() {
        for (line, expected) in [
            (
                "     Summary [   0.003s] 3 tests run: 3 passed, 0 skipped",
                (3, 0),
            ),
            (
                "Summary [ 9.1s] 6 tests run: 3 passed (1 slow), 2 failed, 1 timed out",
                (3, 3),
            ),
            (
                "\x1b[32;1m  Summary\x1b[0m [ 0.0s] \x1b[1m3\x1b[0m tests run: \x1b[1m3\x1b[0m passed",
                (3, 0),
            ),
        ] {
            assert_eq!(counts(Runner::Nextest, line), expected, "{line}");
        }
    }

    #[test]
    fn the_result_of_cargo_test_is_counted() {
        for (line, expected) in [
            (
                "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out",
                (12, 0),
            ),
            ("test result: FAILED. 1 passed; 2 failed; 0 ignored", (1, 2)),
        ] {
            assert_eq!(counts(Runner::Cargo, line), expected, "{line}");
        }
    }

    #[test]
    fn the_output_of_a_failed_test_is_not_counted_again() {
        let line = "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured";
        assert_eq!(counts(Runner::Nextest, line), (0, 0));
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(
            counts(Runner::Nextest, "PASS [   0.003s] a test: 3 passed"),
            (0, 0)
        );
        assert_eq!(counts(Runner::Cargo, ""), (0, 0));
    }

    #[test]
    fn a_package_without_tests_says_nothing() {
        assert!(!says_something("running 0 tests"));
        assert!(!says_something(""));
        assert!(says_something("running 1 test"));
        assert!(says_something(
            "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured"
        ));
    }

    #[test]
    fn a_failed_check_is_named() {
        let mut tally = Tally::one("format", true);
        tally.add(Tally::one("lints", false));
        assert_eq!((tally.passed, tally.failed), (1, 1));
        assert_eq!(tally.failures, ["lints failed"]);
    }
}
