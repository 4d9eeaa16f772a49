//! Bringing a partition into its RAM: scrub, verify, copy, in steps of bounded length.
//!
//! The monitor calls [`Loader::step`] whenever nothing more urgent runs on the core, and looks for
//! interrupts between two steps, so loading a large image never delays a more critical partition by
//! more than one step.

use partita_abi::digest::{BLOCK_BYTES, Hasher};
use partita_abi::table::{ImagePart, Partition, RegionKind, SystemTable};

/// Bytes that one step scrubs.
const SCRUB_BYTES: u64 = 1024;
/// Bytes that one step copies.
const COPY_BYTES: u64 = 1024;
/// Bytes that a step adds to the digest where a more critical partition may be waiting: one block, whose
/// digest then takes further steps.
const HASH_BYTES: u64 = BLOCK_BYTES;
/// Bytes that one step hashes where nobody more critical shares the core.
const HASH_BYTES_ALONE: u64 = 4096;

/// The memory that a loader works on. The system table was checked before: every source range lies
/// in the store, every destination in the partition's own RAM.
pub trait LoadMemory {
    /// Fills a range with zeros.
    fn scrub(&mut self, address: u64, length: u64);
    /// Feeds a range of the store, to `sink`.
    fn read_store(&self, address: u64, length: u64, sink: impl FnOnce(&[u8]));
    /// Copies from the store.
    fn copy(&mut self, source: u64, destination: u64, length: u64);
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    More,
    /// The partition's RAM holds its verified image.
    Done,
    /// The stored image part that starts at `source` does not match its hash.
    Corrupt {
        /// Where the part lies in the store.
        source: u64,
    },
}

#[expect(
    clippy::large_enum_variant,
    reason = "there is no heap to put the hasher on"
)]
enum Phase {
    Scrub {
        region: usize,
        offset: u64,
    },
    Verify {
        part: usize,
        offset: u64,
        hasher: Hasher,
    },
    Copy {
        part: usize,
        offset: u64,
    },
}

/// The state of loading one partition.
pub struct Loader {
    phase: Phase,
    hash_bytes: u64,
}

impl Loader {
    /// Starts from the beginning. `alone` means that nobody more critical shares the core, so that
    /// steps may be longer.
    pub const fn new(alone: bool) -> Self {
        Self {
            phase: Phase::Scrub {
                region: 0,
                offset: 0,
            },
            hash_bytes: if alone { HASH_BYTES_ALONE } else { HASH_BYTES },
        }
    }

    /// Does the next piece of work.
    pub fn step(
        &mut self,
        table: &SystemTable<'_>,
        partition: &Partition,
        memory: &mut impl LoadMemory,
    ) -> Progress {
        match &mut self.phase {
            Phase::Scrub { region, offset } => {
                let Some(current) = table.regions_of(partition).get(*region) else {
                    return self.verify(table, partition, 0);
                };
                let length = SCRUB_BYTES.min(current.size.saturating_sub(*offset));
                if length == 0 || current.kind != RegionKind::Ram as u8 {
                    *region += 1;
                    *offset = 0;
                } else {
                    memory.scrub(current.base.wrapping_add(*offset), length);
                    *offset = offset.saturating_add(length);
                }
                Progress::More
            }
            Phase::Verify {
                part,
                offset,
                hasher,
            } => {
                let Some(current) = part_at(table, partition, *part) else {
                    return Progress::Done;
                };
                let length = self.hash_bytes.min(current.size.saturating_sub(*offset));
                if self.hash_bytes == HASH_BYTES && !hasher.work(length == 0) {
                    return Progress::More;
                }
                if length != 0 {
                    memory.read_store(current.source.wrapping_add(*offset), length, |bytes| {
                        hasher.update(bytes);
                    });
                    *offset = offset.saturating_add(length);
                    return Progress::More;
                }
                if hasher.finish() != current.hash {
                    return Progress::Corrupt {
                        source: current.source,
                    };
                }
                self.phase = Phase::Copy {
                    part: *part,
                    offset: 0,
                };
                Progress::More
            }
            Phase::Copy { part, offset } => {
                let Some(current) = part_at(table, partition, *part) else {
                    return Progress::Done;
                };
                let length = COPY_BYTES.min(current.size.saturating_sub(*offset));
                if length == 0 {
                    let next = part.saturating_add(1);
                    return self.verify(table, partition, next);
                }
                memory.copy(
                    current.source.wrapping_add(*offset),
                    current.destination.wrapping_add(*offset),
                    length,
                );
                *offset = offset.saturating_add(length);
                Progress::More
            }
        }
    }

    fn verify(&mut self, table: &SystemTable<'_>, partition: &Partition, part: usize) -> Progress {
        if part_at(table, partition, part).is_none() {
            return Progress::Done;
        }
        self.phase = Phase::Verify {
            part,
            offset: 0,
            hasher: Hasher::default(),
        };
        Progress::More
    }
}

fn part_at<'a>(
    table: &SystemTable<'a>,
    partition: &Partition,
    part: usize,
) -> Option<&'a ImagePart> {
    table.image_parts_of(partition).get(part)
}

#[cfg(test)]
mod tests {
    use super::{LoadMemory, Loader, Progress};
    use crate::check::tests::TestTable;
    use partita_abi::digest::digest;

    struct Memory {
        base: u64,
        bytes: Vec<u8>,
    }

    impl Memory {
        fn range(&self, address: u64, length: u64) -> std::ops::Range<usize> {
            let start = (address - self.base) as usize;
            start..start + length as usize
        }
    }

    impl LoadMemory for Memory {
        fn scrub(&mut self, address: u64, length: u64) {
            let range = self.range(address, length);
            self.bytes[range].fill(0);
        }
        fn read_store(&self, address: u64, length: u64, sink: impl FnOnce(&[u8])) {
            sink(&self.bytes[self.range(address, length)]);
        }
        fn copy(&mut self, source: u64, destination: u64, length: u64) {
            let from = self.range(source, length);
            let to = self.range(destination, length).start;
            self.bytes.copy_within(from, to);
        }
    }

    fn load(table: &TestTable, memory: &mut Memory, alone: bool) -> Progress {
        let bytes = table.to_bytes();
        let view = bytes.view();
        let mut loader = Loader::new(alone);
        loop {
            match loader.step(&view, &view.partitions[0], memory) {
                Progress::More => {}
                end => return end,
            }
        }
    }

    fn memory_with_image(table: &mut TestTable) -> (Memory, Vec<u8>) {
        let image: Vec<u8> = (0..5003_u32)
            .map(|number| (number * 7 % 251) as u8)
            .collect();
        let part = &mut table.image_parts[0];
        part.size = image.len() as u64;
        part.hash = digest(&image);
        let mut memory = Memory {
            base: 0x8000_0000,
            bytes: vec![0xaa; 0x80_0000],
        };
        let range = memory.range(part.source, part.size);
        memory.bytes[range].copy_from_slice(&image);
        (memory, image)
    }

    #[test]
    fn a_verified_image_is_copied_into_scrubbed_ram() {
        let mut table = TestTable::sound();
        let (mut memory, image) = memory_with_image(&mut table);
        assert_eq!(load(&table, &mut memory, true), Progress::Done);
        assert_eq!(load(&table, &mut memory, false), Progress::Done);
        let part = table.image_parts[0];
        assert_eq!(
            memory.bytes[memory.range(part.destination, part.size)],
            image
        );
        let region = table.regions[0];
        let ram = &memory.bytes[memory.range(region.base, region.size)];
        let image_at = (part.destination - region.base) as usize;
        assert!(ram[image_at + image.len()..].iter().all(|byte| *byte == 0));
        assert!(ram[..image_at].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn one_flipped_bit_in_the_store_is_found_and_nothing_is_started() {
        let mut table = TestTable::sound();
        let (mut memory, _) = memory_with_image(&mut table);
        let source = table.image_parts[0].source;
        let place = memory.range(source + 4321, 1).start;
        memory.bytes[place] ^= 1;
        assert_eq!(
            load(&table, &mut memory, true),
            Progress::Corrupt { source }
        );
    }
}
