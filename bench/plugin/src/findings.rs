//! What the plugin found: the JSON that it writes at the end.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All findings of one run.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Findings {
    /// The names of the ranges; the last is all else.
    pub ranges: Vec<String>,
    /// First executions of watched addresses, by name.
    pub watches: BTreeMap<String, Counts>,
    /// Linux's first user instruction.
    pub first_user: Option<Counts>,
    /// All counts after each so many instructions.
    pub series: Vec<Counts>,
    /// All counts at the end.
    pub end: Counts,
    /// Stays in the firmware by their reason.
    pub stays: Vec<Stays>,
    /// The length of stays for denied accesses of Linux, by the virtual page that was accessed.
    pub pages: Vec<Page>,
    /// From the real-time partition's timer falling due to its handler's first instruction.
    pub latency: Latency,
    /// Instructions of the firmware by their offset in its range, before Linux's first user
    /// instruction.
    pub profile_before: Vec<(u64, u64)>,
    /// And after it.
    pub profile_after: Vec<(u64, u64)>,
}

/// Counts of instructions at one moment, of all harts together.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Counts {
    /// All instructions.
    pub total: u64,
    /// Instructions in each range.
    pub ranges: Vec<u64>,
    /// Instructions of stays in the firmware that came from and went back to Linux: what it executes
    /// on Linux's behalf.
    pub for_linux: u64,
    /// Stays of that kind.
    pub for_linux_stays: u64,
}

/// Lengths in instructions.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Lengths {
    /// How many there are.
    pub count: u64,
    /// Their sum.
    pub sum: i64,
    /// The median.
    pub p50: i64,
    /// What 99 % are not above.
    pub p99: i64,
    /// The greatest.
    pub max: i64,
}

/// Stays in the firmware from trap to return, for one reason.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Stays {
    /// The reason.
    pub cause: String,
    /// Who was interrupted.
    pub from: String,
    /// Who ran next.
    pub to: String,
    /// Whether Linux had reached its first user instruction.
    pub after_init: bool,
    /// How long they were.
    pub lengths: Lengths,
    /// Where the longest came from: `mepc`, `mtval`, and all instructions before it.
    pub longest: [u64; 3],
}

/// Denied accesses to one virtual page.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Page {
    /// The page's address.
    pub address: u64,
    /// The greatest offset in the page that was accessed.
    pub greatest_offset: u64,
    /// How long the stays were.
    pub lengths: Lengths,
}

/// Latencies of the real-time partition's timer interrupt.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Latency {
    /// From the machine timer's interrupt to the handler, while another partition ran.
    pub other_ran: Lengths,
    /// The same, from the deadline itself, which QEMU's timer meets up to 99 ns late.
    pub from_deadline: Lengths,
    /// From the deadline, while the partition itself ran or the hart was idle.
    pub otherwise: Lengths,
    /// Interrupts at which the machine's time was not known exactly enough.
    pub unknown: u64,
    /// How often the relation of instructions to time changed.
    pub clock_restarts: u64,
    /// The longest: what was interrupted (`mepc`), the stay's cause, instructions before.
    pub longest: [u64; 3],
}
