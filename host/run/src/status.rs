//! The monitor's status block, put together from its records and decoded.

use crate::crash::from_hex;
use partita_abi::status::{Core, Event, Header, MAX_EVENTS, Partition};
use partita_abi::{MAX_CORES, MAX_PARTITIONS};
use zerocopy::FromBytes;

/// The largest status block in bytes.
const MAX_BYTES: usize = size_of::<Header>()
    + MAX_PARTITIONS * size_of::<Partition>()
    + MAX_CORES * size_of::<Core>()
    + MAX_EVENTS * size_of::<Event>();

/// Why status records do not make a status block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// A record is not one of the three that there are.
    #[error("the status record `{0}` cannot be read")]
    Record(String),
    /// A record is missing or came twice.
    #[error("the status record at offset {found} came where offset {expected} was due")]
    Order {
        /// The record's offset.
        found: usize,
        /// The offset that was due.
        expected: usize,
    },
    /// The block is not as long as it should be.
    #[error("the status block has {found} bytes instead of {expected}")]
    Length {
        /// Its bytes.
        found: usize,
        /// What was announced, or follows from its header.
        expected: usize,
    },
    /// The block starts with something else.
    #[error(
        "the status block has no header of version {}; the monitor does not match this version of partita",
        Header::VERSION
    )]
    Header,
}

/// Collects the monitor's status records.
#[derive(Clone, Debug, Default)]
pub struct Collector {
    open: Option<(usize, Vec<u8>)>,
}

impl Collector {
    /// Looks at a line of the monitor: `None` if it is not about the status block, else the block if
    /// it is complete now.
    pub fn push(&mut self, text: &str) -> Option<Result<Option<Vec<u8>>, StatusError>> {
        let rest = text.strip_prefix("status ")?;
        let bad = || Some(Err(StatusError::Record(text.chars().take(80).collect())));
        if let Some(length) = rest.strip_prefix("begin ") {
            return match length.parse() {
                Ok(length) if length <= MAX_BYTES => {
                    self.open = Some((length, Vec::with_capacity(length)));
                    Some(Ok(None))
                }
                _ => bad(),
            };
        }
        if rest == "end" {
            let (expected, bytes) = self.open.take()?;
            let found = bytes.len();
            return Some(if found == expected {
                Ok(Some(bytes))
            } else {
                Err(StatusError::Length { found, expected })
            });
        }
        let (length, bytes) = self.open.as_mut()?;
        let Some((offset, hex)) = rest.split_once(' ') else {
            return bad();
        };
        let (Ok(found), Some(more)) = (offset.parse::<usize>(), from_hex(hex)) else {
            return bad();
        };
        if found != bytes.len() {
            return Some(Err(StatusError::Order {
                found,
                expected: bytes.len(),
            }));
        }
        bytes.extend_from_slice(&more);
        if bytes.len() > *length {
            return Some(Err(StatusError::Length {
                found: bytes.len(),
                expected: *length,
            }));
        }
        Some(Ok(None))
    }
}

/// A decoded status block.
#[derive(Clone, Debug)]
pub struct Status {
    /// Its header.
    pub header: Header,
    /// The partitions, in the order of the system table.
    pub partitions: Vec<Partition>,
    /// The cores.
    pub cores: Vec<Core>,
    /// The events kept, oldest first.
    pub events: Vec<Event>,
}

impl Status {
    /// Decodes a status block.
    ///
    /// # Errors
    /// It is not one, or not of the length that its header implies.
    pub fn decode(bytes: &[u8]) -> Result<Self, StatusError> {
        let (header, rest) = Header::read_from_prefix(bytes).map_err(|_| StatusError::Header)?;
        if header.magic != Header::MAGIC || header.version != Header::VERSION {
            return Err(StatusError::Header);
        }
        let counts = [header.partitions, header.cores, header.events].map(|count| count as usize);
        let [partitions, cores, events] = counts;
        let expected = size_of::<Header>()
            + partitions.saturating_mul(size_of::<Partition>())
            + cores.saturating_mul(size_of::<Core>())
            + events.saturating_mul(size_of::<Event>());
        if expected != bytes.len() {
            return Err(StatusError::Length {
                found: bytes.len(),
                expected,
            });
        }
        let (partitions, rest) = take(rest, partitions);
        let (cores, rest) = take(rest, cores);
        let (events, _) = take(rest, events);
        Ok(Self {
            header,
            partitions,
            cores,
            events,
        })
    }
}

/// The first `count` entries of `bytes`, as far as there are any.
fn take<T: FromBytes>(mut bytes: &[u8], count: usize) -> (Vec<T>, &[u8]) {
    let mut entries = Vec::new();
    while entries.len() < count
        && let Ok((entry, rest)) = T::read_from_prefix(bytes)
    {
        entries.push(entry);
        bytes = rest;
    }
    (entries, bytes)
}
