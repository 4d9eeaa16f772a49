//! Fixed-size names, as they stand in the system table.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A name of at most 31 bytes, padded with zeros.
#[derive(Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Name([u8; 32]);

impl Name {
    /// The longest name in bytes.
    pub const MAX_BYTES: usize = 31;

    /// Makes a name, or returns `None` if `text` is empty, too long or holds anything other than
    /// lower-case letters, digits, `-` and `_`.
    pub fn new(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let fits = !bytes.is_empty() && bytes.len() <= Self::MAX_BYTES;
        if !fits || !bytes.iter().all(|byte| Self::allows(*byte)) {
            return None;
        }
        let mut name = [0; 32];
        name.iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        Some(Self(name))
    }

    /// Whether `byte` may stand in a name. Nothing else does, so a name can be printed as it is.
    pub const fn allows(byte: u8) -> bool {
        matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')
    }

    /// Whether the bytes are a name that [`Name::new`] could have made.
    pub fn is_valid(&self) -> bool {
        let length = self.letters().len();
        length != 0 && self.0.iter().skip(length).all(|byte| *byte == 0)
    }

    /// The name as it stands in the table, padded with zeros.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The letters of the name; none if the bytes are not valid.
    pub fn letters(&self) -> &[u8] {
        let end = self.0.iter().position(|byte| !Self::allows(*byte));
        end.and_then(|length| self.0.get(..length))
            .unwrap_or_default()
    }

    /// The name as text; empty if the bytes are not valid.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.letters()).unwrap_or_default()
    }
}

impl core::fmt::Debug for Name {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn a_name_reads_back_as_it_was_written() {
        assert_eq!(Name::new("linux").unwrap().as_str(), "linux");
        assert!(Name::new("linux").unwrap().is_valid());
    }

    #[test]
    fn names_that_could_forge_console_output_are_refused() {
        for text in [
            "",
            "Linux",
            "a b",
            "a\n",
            "]",
            "abcdefghijklmnopqrstuvwxyz012345",
        ] {
            assert!(Name::new(text).is_none(), "{text:?}");
        }
    }
}
