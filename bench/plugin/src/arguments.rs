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

/// A block of the machine's memory that QEMU has in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// First physical address.
    pub start: u64,
    /// The address after the last one.
    pub end: u64,
    /// A physical address in it that is executed before any translation.
    pub anchor: u64,
    /// Where QEMU has the first byte, as soon as the anchor was executed.
    pub host: Option<u64>,
}

/// What to count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The file for the findings.
    pub output: PathBuf,
    /// Whose instructions to count; the first range is the firmware's.
    pub ranges: Vec<Range>,
    /// Where physical addresses are in QEMU.
    pub memories: Vec<Memory>,
    /// Addresses whose first execution is noted, with names.
    pub watches: Vec<(String, u64)>,
    /// The first instruction of the firmware's trap handler, or its table of vectors.
    pub trap_entry: Option<u64>,
    /// Where a further table of vectors is, of a level below the firmware's whose only instruction leads to it: first
    /// address and the address after the last one. It counts as the firmware's own at the same place.
    pub stub: Option<(u64, u64)>,
    /// The range of Linux, whose first user instruction is noted.
    pub linux: Option<usize>,
    /// The range of the real-time partition, and its trap vector or table of vectors, for latencies.
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
                "memory" => parsed.memories.push(Memory {
                    start: number(part()?)?,
                    end: number(part()?)?,
                    anchor: number(part()?)?,
                    host: None,
                }),
                "watch" => parsed.watches.push((part()?.to_owned(), number(part()?)?)),
                "trap-entry" => parsed.trap_entry = Some(number(value)?),
                "stub" => parsed.stub = Some((number(part()?)?, number(part()?)?)),
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

    /// The physical address of what is executed at a virtual address, and lies at `host` in QEMU, 0 if not in RAM. The
    /// virtual one for what is in no known memory.
    pub fn physical(&mut self, address: u64, host: u64) -> u64 {
        if host == 0 {
            return address;
        }
        for memory in &mut self.memories {
            if memory.host.is_none() && address == memory.anchor {
                memory.host = Some(host.wrapping_sub(address - memory.start));
            }
        }
        let place = |memory: &Memory| {
            let offset = host.wrapping_sub(memory.host?);
            (offset < memory.end - memory.start).then_some(memory.start + offset)
        };
        self.memories.iter().find_map(place).unwrap_or(address)
    }

    /// The place of an address in the further table of vectors, if it is there.
    pub fn in_stub(&self, address: u64) -> Option<u64> {
        let (start, end) = self.stub?;
        (start..end).contains(&address).then(|| address - start)
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
            "stub=0x40000000:0x40000800",
        ];
        let parsed = Arguments::parse(text).expect("these arguments are right");
        assert_eq!(parsed.linux, Some(1));
        assert_eq!(parsed.watches, [("entry".to_owned(), 4096)]);
        assert_eq!(parsed.range_of(0x8000_ffff), 0);
        assert_eq!(parsed.range_of(0x9000_0000), 1);
        assert_eq!(parsed.range_of(0x1000), 2);
        assert_eq!(parsed.in_stub(0x4000_0400), Some(0x400));
        assert_eq!(parsed.in_stub(0x4000_0800), None);
    }

    #[test]
    fn an_address_is_a_physical_one_once_its_memory_was_found() {
        let text = [
            "output=x",
            "range=a:0:1",
            "memory=0:0x1000:0",
            "memory=0x4000:0x8000:0x5000",
        ];
        let mut parsed = Arguments::parse(text).expect("these arguments are right");
        assert_eq!(parsed.physical(0x7000, 0x90_3000), 0x7000, "not found yet");
        assert_eq!(parsed.physical(0x5000, 0x90_1000), 0x5000);
        assert_eq!(parsed.physical(0xffff_0000, 0x90_3000), 0x7000);
        assert_eq!(parsed.physical(0, 0x10_0000), 0);
        assert_eq!(parsed.physical(0xffff_0000, 0x10_0010), 0x10);
        assert_eq!(parsed.physical(0x20, 0), 0x20, "a device");
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
