//! A walk that remembers its last result, and every entry it came from.
//!
//! A partition's driver accesses the same few registers again and again. A walk is a function of `satp`,
//! the page, the kind of access and the entries it reads; when all of these are what they were, so is
//! the result. Each entry is read again each time: nothing is ever stale, no fence needs to be watched,
//! and a partition that changes its tables gets exactly what [`walk`] says. What is saved is the
//! decoding of the entries, half of the instructions.

use core::cell::Cell;

use crate::walk::{
    AccessKind, ClaimedPhysical, EntryRead, MAXIMUM_LEVELS, TableMemory, Translation, WalkError,
    walk,
};

/// The last successful walk of a virtual hart. One is enough for each of fetches and other accesses. It
/// belongs to one partition: the positions of its entries are in that partition's memory.
#[derive(Clone, Debug)]
pub struct RememberedWalk {
    translation: Translation,
    address: u64,
    /// For which kinds of access the walk succeeded, one bit each. None: nothing is remembered.
    kinds: u64,
    physical_page: u64,
    reads: [EntryRead; MAXIMUM_LEVELS],
}

impl RememberedWalk {
    /// Nothing remembered.
    #[must_use]
    pub const fn new() -> Self {
        let reads = [EntryRead {
            position: 0,
            entry: 0,
        }; MAXIMUM_LEVELS];
        let translation = Translation::of_trap(0, 0);
        Self {
            translation,
            address: 0,
            kinds: 0,
            physical_page: 0,
            reads,
        }
    }

    /// The same as [`walk`], faster when the same page is asked for again.
    ///
    /// # Errors
    /// As [`walk`].
    #[inline(always)]
    pub fn walk<M: TableMemory>(
        &mut self,
        memory: &M,
        translation: &Translation,
        address: u64,
        kind: AccessKind,
    ) -> Result<ClaimedPhysical, WalkError> {
        match self.remembered(memory, translation, address, kind) {
            Some(physical) => Ok(physical),
            None => self.walk_anew(memory, translation, address, kind),
        }
    }

    /// The same, but only for a walk that is remembered and still holds.
    #[inline(always)]
    pub fn remembered<M: TableMemory>(
        &self,
        memory: &M,
        translation: &Translation,
        address: u64,
        kind: AccessKind,
    ) -> Option<ClaimedPhysical> {
        let holds = (address ^ self.address) >> 12 == 0
            && self.kinds & Self::bit(kind) != 0
            && *translation == self.translation
            && memory.entries_hold(&self.reads);
        holds.then_some(ClaimedPhysical(self.physical_page | (address & 0xfff)))
    }

    /// The same without a look at what is remembered.
    ///
    /// # Errors
    /// As [`walk`].
    #[cold]
    #[inline(never)]
    pub fn walk_anew<M: TableMemory>(
        &mut self,
        memory: &M,
        translation: &Translation,
        address: u64,
        kind: AccessKind,
    ) -> Result<ClaimedPhysical, WalkError> {
        let unchanged = *translation == self.translation && (address ^ self.address) >> 12 == 0;
        let kinds = if unchanged { self.kinds } else { 0 };
        // Until the walk succeeds the entries are of no walk.
        self.kinds = 0;
        let recorder = Recorder {
            memory,
            slots: Cell::from_mut(self.reads.as_mut_slice()).as_slice_of_cells(),
            count: Cell::new(0),
            same: Cell::new(true),
        };
        let physical = walk(&recorder, translation, address, kind)?;
        let (count, same) = (recorder.count.get(), recorder.same.get());
        if count == 0 {
            // Bare: there is nothing to compare, and the walk is fast.
            return Ok(physical);
        }
        // A shorter walk fills the rest with its last entry.
        let last = self
            .reads
            .get(count.wrapping_sub(1))
            .copied()
            .unwrap_or_default();
        self.reads
            .iter_mut()
            .skip(count)
            .for_each(|rest| *rest = last);
        // A driver reads and writes the same page by turns.
        self.kinds = Self::bit(kind) | if same { kinds } else { 0 };
        self.translation = *translation;
        self.address = address;
        self.physical_page = physical.0 & !0xfff;
        Ok(physical)
    }

    #[inline]
    const fn bit(kind: AccessKind) -> u64 {
        1 << (kind as u64 & 63)
    }
}

impl Default for RememberedWalk {
    fn default() -> Self {
        Self::new()
    }
}

/// Memory that notes what is read from it, and whether it is what the slots held before.
struct Recorder<'a, M> {
    memory: &'a M,
    slots: &'a [Cell<EntryRead>],
    count: Cell<usize>,
    same: Cell<bool>,
}

impl<M: TableMemory> TableMemory for Recorder<'_, M> {
    #[inline]
    fn read_u64(&self, physical: u64) -> Option<u64> {
        let entry = self.memory.read_u64(physical)?;
        let count = self.count.get();
        if let Some(slot) = self.slots.get(count) {
            let read = EntryRead {
                position: physical,
                entry,
            };
            self.same.set(self.same.get() && slot.get() == read);
            slot.set(read);
            self.count.set(count.wrapping_add(1));
        }
        Some(entry)
    }
}
