//! Why bytes are not a system table.

use super::header::Header;

/// Why bytes are not a system table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableError {
    /// Shorter than its header says, or than a header.
    Truncated,
    /// The magic bytes are wrong.
    Magic,
    /// Made for another version of the monitor.
    Version(u32),
    /// More entries than the monitor has room for.
    TooMany(&'static str),
    /// The sizes of the arrays do not add up to the size of the table.
    Size,
    /// An index in the named array points nowhere.
    Index(&'static str),
    /// A field of the named array has an unknown value.
    Value(&'static str),
}

impl core::fmt::Display for TableError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Truncated => formatter.write_str("it is cut short"),
            Self::Magic => formatter.write_str("there is no system table"),
            Self::Version(found) => {
                write!(formatter, "it has version {found}, not {}", Header::VERSION)
            }
            Self::TooMany(what) => write!(formatter, "it has too many {what}"),
            Self::Size => formatter.write_str("its size does not match its entries"),
            Self::Index(what) => write!(formatter, "an index in its {what} is out of range"),
            Self::Value(what) => write!(formatter, "a value in its {what} is unknown"),
        }
    }
}

impl core::error::Error for TableError {}
