//! The one datum that every mechanism reads.

use std::fmt;

/// How much depends on a partition. The order is the order of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Criticality {
    /// Nothing: quality management only.
    Qm = 0,
    /// ASIL A.
    AsilA = 1,
    /// ASIL B.
    AsilB = 2,
    /// ASIL C.
    AsilC = 3,
    /// ASIL D.
    AsilD = 4,
}

/// Every spelling and the level it stands for.
///
/// SIL (IEC 61508) and DAL (DO-178C) names are mapped by rank only, so that a system can be written
/// in the words of its own field. The mapping claims no equivalence between the standards.
pub(crate) const NAMES: [(&str, Criticality); 14] = [
    ("QM", Criticality::Qm),
    ("ASIL-A", Criticality::AsilA),
    ("ASIL-B", Criticality::AsilB),
    ("ASIL-C", Criticality::AsilC),
    ("ASIL-D", Criticality::AsilD),
    ("SIL-1", Criticality::AsilA),
    ("SIL-2", Criticality::AsilB),
    ("SIL-3", Criticality::AsilC),
    ("SIL-4", Criticality::AsilD),
    ("DAL-E", Criticality::Qm),
    ("DAL-D", Criticality::AsilA),
    ("DAL-C", Criticality::AsilB),
    ("DAL-B", Criticality::AsilC),
    ("DAL-A", Criticality::AsilD),
];

impl Criticality {
    /// The level that this spelling stands for.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES
            .iter()
            .find(|(spelling, _)| *spelling == name)
            .map(|(_, level)| *level)
    }

    /// The ASIL spelling.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Qm => "QM",
            Self::AsilA => "ASIL-A",
            Self::AsilB => "ASIL-B",
            Self::AsilC => "ASIL-C",
            Self::AsilD => "ASIL-D",
        }
    }

    /// The number in the system table: a higher one is served first.
    pub const fn level(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Criticality {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
