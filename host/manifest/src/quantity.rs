//! Sizes and times: how they are written in a manifest and shown to a person.

const SIZE_UNITS: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];
const TIME_UNITS: [(&str, u64); 4] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
];

/// No machine has more memory (RISC-V physical addresses have 56 bits), and no period is longer
/// (two years), so that sums of a few cannot overflow.
const LARGEST: u64 = 1 << 56;

/// Reads a size such as `512MiB`, in bytes. The error says what is wrong with it.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    parse(
        text,
        &SIZE_UNITS,
        "write a whole number and one of B, KiB, MiB, GiB, as in `512MiB`",
    )
}

/// Reads a time such as `800us`, in nanoseconds. The error says what is wrong with it.
pub(crate) fn parse_time(text: &str) -> Result<u64, String> {
    parse(
        text,
        &TIME_UNITS,
        "write a whole number and one of ns, us, ms, s, as in `800us`",
    )
}

/// Reads an address such as `0x9000_0000`.
pub(crate) fn parse_address(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?.replace('_', "");
    u64::from_str_radix(&digits, 16).ok()
}

fn parse(text: &str, units: &[(&str, u64)], usage: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text
        .find(|character: char| !character.is_ascii_digit() && character != '_')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = units.iter().find(|(name, _)| *name == unit.trim());
    let number = number.replace('_', "").parse::<u64>().ok();
    match (number, factor) {
        (Some(number), Some((_, factor))) => number
            .checked_mul(*factor)
            .filter(|value| *value <= LARGEST)
            .ok_or_else(|| "it is beyond all bounds: write a smaller number".to_owned()),
        _ => Err(usage.to_owned()),
    }
}

/// A size for a person: in the largest unit that divides it.
pub(crate) fn show_size(bytes: u64) -> String {
    show(bytes, SIZE_UNITS.iter())
}

/// A time for a person: in the largest unit that divides it.
pub(crate) fn show_time(nanoseconds: u64) -> String {
    show(nanoseconds, TIME_UNITS.iter().rev())
}

fn show<'a>(value: u64, units: impl Iterator<Item = &'a (&'a str, u64)>) -> String {
    for (name, factor) in units {
        if value != 0 && value.is_multiple_of(*factor) {
            return format!("{}{name}", value / factor);
        }
    }
    "0".to_owned()
}

/// A size for a person to compare: three digits or so.
pub(crate) fn show_rounded(bytes: u64) -> String {
    for (name, factor) in SIZE_UNITS {
        if bytes >= factor && factor > 1 {
            let tenths = bytes.saturating_mul(10) / factor;
            let whole = tenths / 10;
            return match tenths % 10 {
                tenth if tenth != 0 && whole < 100 => format!("{whole}.{tenth} {name}"),
                _ => format!("{whole} {name}"),
            };
        }
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::{parse_address, parse_size, parse_time, show_size, show_time};

    #[test]
    fn quantities_are_read_with_their_units() {
        assert_eq!(parse_size("1MiB"), Ok(1 << 20));
        assert_eq!(parse_size("4_096 B"), Ok(4096));
        assert_eq!(parse_time("800us"), Ok(800_000));
        assert_eq!(parse_address("0x9000_0000"), Some(0x9000_0000));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "MiB",
            "1",
            "1MB",
            "-1MiB",
            "1.5MiB",
            "1mib",
            "99999999999GiB",
        ] {
            assert!(parse_size(text).is_err(), "{text:?}");
        }
        for text in ["0x", "9000", "0xg", "0x1_0000_0000_0000_0000"] {
            assert!(parse_address(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn quantities_are_shown_as_they_would_be_written() {
        assert_eq!(show_size(3 << 19), "1536KiB");
        assert_eq!(show_time(1_000_000), "1ms");
    }
}
