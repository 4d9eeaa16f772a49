//! The partition's arguments: a part to play, then words of the form `key:number`.
#![cfg_attr(not(target_os = "none"), allow(dead_code))]

/// The arguments of a partition.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a>(&'a str);

impl<'a> Arguments<'a> {
    /// The arguments in `text`.
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The part to play: the first word.
    pub fn part(&self) -> &'a str {
        self.0.split_ascii_whitespace().next().unwrap_or_default()
    }

    /// The words after the first, each with its number if it has one that can be read.
    pub fn words(&self) -> impl Iterator<Item = (&'a str, Option<usize>)> + use<'a> {
        self.pairs().map(|(key, value)| (key, number(value)))
    }

    /// The words after the first: what stands before its colon, and what behind.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let words = self.0.split_ascii_whitespace().skip(1);
        words.map(|word| word.split_once(':').unwrap_or((word, "")))
    }

    /// The number of `key`, or `default`.
    pub fn number(&self, key: &str, default: usize) -> usize {
        self.words()
            .find_map(|(word, value)| value.filter(|_| word == key))
            .unwrap_or(default)
    }
}

/// A decimal number, or a hexadecimal one that starts with `0x`.
fn number(text: &str) -> Option<usize> {
    match text.strip_prefix("0x") {
        Some(digits) => usize::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    #[test]
    fn numbers_are_found_by_their_key() {
        let arguments = Arguments::new("probe load8:0x80000000 count:12 csr");
        assert_eq!(arguments.part(), "probe");
        assert_eq!(arguments.number("count", 1), 12);
        assert_eq!(arguments.number("load8", 1), 0x8000_0000);
        assert_eq!(arguments.number("csr", 1), 1);
        let words: Vec<_> = arguments.words().collect();
        assert_eq!(
            words,
            [
                ("load8", Some(0x8000_0000)),
                ("count", Some(12)),
                ("csr", None)
            ]
        );
    }

    #[test]
    fn no_arguments_name_no_part() {
        assert_eq!(Arguments::new("").part(), "");
    }
}
