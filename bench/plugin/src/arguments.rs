//! What the plugin is told: `-plugin FILE,output=…,range=NAME:START:END,…`.

use std::path::PathBuf;

/// The most ranges that can be told apart, with the one for all else.
pub const MAX_RANGES: usize = 8;

/// Physical addresses with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// What is there.
    pub name: String,
    /// First address.
    pub start: u64,
    /// The address after the last one.
    pub end: u64,
}

/// What to count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The file for the findings.
    pub output: PathBuf,
    /// Whose instructions to count; the first range is the firmware's.
    pub ranges: Vec<Range>,
    /// Addresses whose first execution is noted, with names.
    pub watches: Vec<(String, u64)>,
    /// The first instruction of the firmware's trap handler.
    pub trap_entry: Option<u64>,
    /// The range of Linux, whose first user instruction is noted.
    pub linux: Option<usize>,
    /// The range of the real-time partition, and its trap vector, for latencies.
    pub real_time: Option<(usize, u64)>,
    /// Nanoseconds in a step of the machine's time.
    pub step_ns: i64,
    /// Count every instruction by itself, in place of whole blocks outside the firmware.
    pub exact: bool,
    /// Ends QEMU so many instructions after Linux's first user instruction.
    pub stop: Option<u64>,
    /// Notes all counts after each so many instructions.
    pub every: Option<u64>,
}

impl Arguments {
    /// Reads arguments of the form `name=value`.
    ///
    /// # Errors
    /// What is wrong with them, for a person.
    pub fn parse<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut parsed = Self {
            step_ns: 100,
            ..Self::default()
        };
        for argument in arguments {
            let (name, value) = argument
                .split_once('=')
                .ok_or_else(|| format!("`{argument}` has no value"))?;
            let mut parts = value.split(':');
            let mut part = || {
                parts
                    .next()
                    .ok_or_else(|| format!("`{argument}` is cut short"))
            };
            match name {
                "output" => parsed.output = PathBuf::from(value),
                "range" => parsed.ranges.push(Range {
                    name: part()?.to_owned(),
                    start: number(part()?)?,
                    end: number(part()?)?,
                }),
                "watch" => parsed.watches.push((part()?.to_owned(), number(part()?)?)),
                "trap-entry" => parsed.trap_entry = Some(number(value)?),
                "linux" => parsed.linux = Some(parsed.range(part()?)?),
                "real-time" => {
                    let range = parsed.range(part()?)?;
                    parsed.real_time = Some((range, number(part()?)?));
                }
                "exact" => parsed.exact = value == "on",
                "step" => parsed.step_ns = number(value)?.clamp(1, 1_000_000) as i64,
                "stop" => parsed.stop = Some(number(value)?),
                "every" => parsed.every = Some(number(value)?.max(1)),
                _ => return Err(format!("`{name}` is no argument of this plugin")),
            }
        }
        if parsed.output.as_os_str().is_empty() {
            return Err("`output` is missing".to_owned());
        }
        if parsed.ranges.is_empty() || parsed.ranges.len() >= MAX_RANGES {
            return Err(format!("name 1 to {} ranges", MAX_RANGES - 1));
        }
        Ok(parsed)
    }

    /// The number of the range that a physical address is in; the number after the last for none.
    pub fn range_of(&self, address: u64) -> usize {
        let holds = |range: &Range| (range.start..range.end).contains(&address);
        self.ranges
            .iter()
            .position(holds)
            .unwrap_or(self.ranges.len())
    }

    fn range(&self, name: &str) -> Result<usize, String> {
        let found = self.ranges.iter().position(|range| range.name == name);
        found.ok_or_else(|| format!("there is no range `{name}` before it is used"))
    }
}

fn number(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("`{text}` is not a number"))
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    #[test]
    fn arguments_name_ranges_before_they_are_used() {
        let text = [
            "output=/tmp/x",
            "range=firmware:0x80000000:0x80010000",
            "range=linux:0x90000000:0x91000000",
            "linux=linux",
            "watch=entry:4096",
        ];
        let parsed = Arguments::parse(text).expect("these arguments are right");
        assert_eq!(parsed.linux, Some(1));
        assert_eq!(parsed.watches, [("entry".to_owned(), 4096)]);
        assert_eq!(parsed.range_of(0x8000_ffff), 0);
        assert_eq!(parsed.range_of(0x9000_0000), 1);
        assert_eq!(parsed.range_of(0x1000), 2);
    }

    #[test]
    fn a_wrong_argument_is_named() {
        let wrong = |text: &[&str]| Arguments::parse(text.iter().copied()).expect_err("wrong");
        assert!(wrong(&["colour=red"]).contains("colour"));
        assert!(wrong(&["range=a:1:2"]).contains("output"));
        assert!(wrong(&["output=x", "linux=b"]).contains('b'));
        assert!(wrong(&["output=x", "range=a:1"]).contains("cut short"));
        assert!(wrong(&["output=x", "range=a:1:z"]).contains('z'));
    }
}
