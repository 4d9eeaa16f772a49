//! What the architectures have in common: where a record says who called whom, and its registers as lines.

use crate::{aarch64, riscv64};
use partita_abi::crash::{Record, flags};

/// Where a record says who called whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub stack_pointer: u64,
    pub frame_pointer: u64,
    /// What is added to a frame pointer to find the caller's one, behind which is the return address.
    pub frame_offset: i64,
    /// The register with the return address, which may be left over.
    pub return_address: u64,
    /// Its name.
    pub return_name: &'static str,
}

impl View {
    /// That of the record's architecture.
    pub(crate) fn of(record: &Record) -> Self {
        if is_aarch64(record) {
            aarch64::view(record)
        } else {
            riscv64::view(record)
        }
    }
}

/// A register.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub name: &'static str,
    pub value: u64,
    pub meaning: Meaning,
}

/// What is told of a register's value.
#[derive(Clone, Debug)]
pub(crate) enum Meaning {
    /// The name of what is at this address.
    Place(u64),
    /// These words.
    Words(String),
}

impl Line {
    /// A register whose value may be an address.
    pub(crate) const fn place(name: &'static str, value: u64) -> Self {
        Self {
            name,
            value,
            meaning: Meaning::Place(value),
        }
    }

    /// A register whose value means this.
    pub(crate) const fn words(name: &'static str, value: u64, words: String) -> Self {
        Self {
            name,
            value,
            meaning: Meaning::Words(words),
        }
    }
}

/// All registers of a record but the program counter.
pub(crate) fn lines(record: &Record) -> Vec<Line> {
    if is_aarch64(record) {
        aarch64::lines(record)
    } else {
        riscv64::lines(record)
    }
}

const fn is_aarch64(record: &Record) -> bool {
    record.flags & flags::AARCH64 != 0
}
