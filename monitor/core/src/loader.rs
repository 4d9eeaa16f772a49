//! Bringing a partition into its RAM: scrub, copy, verify, in steps of bounded length.
//!
//! The monitor calls [`Loader::step`] whenever nothing more urgent runs on the core, and looks for
//! interrupts between two steps, so loading a large image never delays a more critical partition by
//! more than one step.
//!
//! Each part is hashed where it came to lie. What it came from may be changed by others at any time; its
//! partition's RAM cannot, as the partition does not run.

use partita_abi::digest::{BLOCK_BYTES, Hasher};
use partita_abi::table::{ImagePart, Partition, Region, RegionKind, SystemTable};

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
    /// Feeds a range of the partition's RAM to `sink`.
    fn read(&self, address: u64, length: u64, sink: impl FnOnce(&[u8]));
    /// Copies from where the partition's images are. The last
    /// [`TRANSFER_BYTES`](partita_abi::image::TRANSFER_BYTES) below `work_end` may be used for that if the images are
    /// not in the store; they are zero before and afterwards. Returns whether all of it is there.
    fn copy(
        &mut self,
        partition: &Partition,
        source: u64,
        destination: u64,
        length: u64,
        work_end: u64,
    ) -> bool;
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    More,
    /// The partition's RAM holds its verified image.
    Done,
    /// An image part cannot be used.
    Corrupt(Corrupt),
}

/// A part of an image that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt {
    /// Where the part lies in the store, or in what it is fetched from.
    pub source: u64,
    /// Whether it is there, and does not match its hash.
    pub is_there: bool,
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
                    return self.begin(table, partition, 0);
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
                    memory.read(current.destination.wrapping_add(*offset), length, |bytes| {
                        hasher.update(bytes);
                    });
                    *offset = offset.saturating_add(length);
                    return Progress::More;
                }
                if hasher.finish() != current.hash {
                    return Progress::Corrupt(Corrupt {
                        source: current.source,
                        is_there: true,
                    });
                }
                let next = part.saturating_add(1);
                self.begin(table, partition, next)
            }
            Phase::Copy { part, offset } => {
                let Some(current) = part_at(table, partition, *part) else {
                    return Progress::Done;
                };
                let length = COPY_BYTES.min(current.size.saturating_sub(*offset));
                if length == 0 {
                    self.phase = Phase::Verify {
                        part: *part,
                        offset: 0,
                        hasher: Hasher::default(),
                    };
                    return Progress::More;
                }
                let is_there = memory.copy(
                    partition,
                    current.source.wrapping_add(*offset),
                    current.destination.wrapping_add(*offset),
                    length,
                    ram_end(table, partition),
                );
                if !is_there {
                    return Progress::Corrupt(Corrupt {
                        source: current.source,
                        is_there,
                    });
                }
                *offset = offset.saturating_add(length);
                Progress::More
            }
        }
    }

    /// Goes on with a part, if there is one more.
    fn begin(&mut self, table: &SystemTable<'_>, partition: &Partition, part: usize) -> Progress {
        if part_at(table, partition, part).is_none() {
            return Progress::Done;
        }
        self.phase = Phase::Copy { part, offset: 0 };
        Progress::More
    }
}

/// The end of a partition's first RAM.
fn ram_end(table: &SystemTable<'_>, partition: &Partition) -> u64 {
    let mut regions = table.regions_of(partition).iter();
    regions
        .find(|region| region.kind == RegionKind::Ram as u8)
        .map_or(0, Region::end)
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
    use super::{Corrupt, LoadMemory, Loader, Progress};
    use crate::check::tests::TestTable;
    use partita_abi::digest::digest;
    use partita_abi::image::TRANSFER_BYTES;
    use partita_abi::table::Partition;

    struct Memory {
        base: u64,
        bytes: Vec<u8>,
        /// What parts are fetched from, if they are.
        file: Option<Vec<u8>>,
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
        fn read(&self, address: u64, length: u64, sink: impl FnOnce(&[u8])) {
            sink(&self.bytes[self.range(address, length)]);
        }
        fn copy(
            &mut self,
            _: &Partition,
            source: u64,
            destination: u64,
            length: u64,
            work_end: u64,
        ) -> bool {
            let to = self.range(destination, length);
            let Some(file) = &self.file else {
                let from = self.range(source, length);
                self.bytes.copy_within(from, to.start);
                return true;
            };
            let work = self.range(work_end - TRANSFER_BYTES, TRANSFER_BYTES);
            assert!(self.bytes[work].iter().all(|byte| *byte == 0));
            match file.get(source as usize..(source + length) as usize) {
                Some(bytes) => self.bytes[to].copy_from_slice(bytes),
                None => return false,
            }
            true
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
            file: None,
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
            Progress::Corrupt(Corrupt {
                source,
                is_there: true
            })
        );
    }

    /// The table with an image that is fetched, from behind the first 64 bytes of a file.
    fn memory_with_file(table: &mut TestTable) -> (Memory, Vec<u8>) {
        let (mut memory, image) = memory_with_image(table);
        table.image_parts[0].source = 64;
        memory.file = Some([&[0x55; 64], &image[..]].concat());
        (memory, image)
    }

    #[test]
    fn what_is_fetched_is_there_and_right_or_nothing_is_started() {
        let mut table = TestTable::sound();
        let (mut memory, image) = memory_with_file(&mut table);
        let part = table.image_parts[0];
        for alone in [true, false] {
            assert_eq!(load(&table, &mut memory, alone), Progress::Done);
            let place = memory.range(part.destination, part.size);
            assert_eq!(memory.bytes[place], image);
        }
        // Each life begins with what the file then holds.
        memory.file.as_mut().unwrap()[64 + 4321] ^= 1;
        let corrupt = |is_there| {
            Progress::Corrupt(Corrupt {
                source: 64,
                is_there,
            })
        };
        assert_eq!(load(&table, &mut memory, true), corrupt(true));
        assert_eq!(load(&table, &mut memory, false), corrupt(true));
        memory.file.as_mut().unwrap().pop();
        assert_eq!(load(&table, &mut memory, true), corrupt(false));
    }
}
