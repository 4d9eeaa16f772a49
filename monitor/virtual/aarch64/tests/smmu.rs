//! What an SMMU is given, against one that was written from its specification alone (IHI 0070).

use partita_abi::table::Streams;
use partita_virtual_aarch64::smmu::{
    Area, DENY, Entry, Event, FORGET, FORMAT, Place, QUEUE_BITS, TRANSLATE, entry, suffices,
};
use partita_virtual_aarch64::stage_2::Table;
use proptest::prelude::*;

/// A `VTCR_EL2` of 39 bits with a first lookup at level 1.
const CONTROL: u64 = 1 << 31 | 2 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | 1 << 6 | 25;

fn zeroed() -> Box<Area> {
    Box::new(Area {
        descriptors: [0; 1024],
        entries: [[0; 8]; 64],
        commands: [[0; 2]; 16],
        events: [[0; 4]; 16],
        tables: [const { Table::EMPTY }; 8],
    })
}

fn streams(first: u32, count: u32) -> Streams {
    Streams {
        first,
        count,
        partition: 0,
        reserved: [0; 3],
    }
}

/// What becomes of an access of a stream.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// Denied, and told with this event.
    Event(u8),
    /// Denied, and nobody is told.
    Denied,
    /// Translated by the table at this address, for the partition of this number.
    Stage2 { table: u64, number: u16 },
}

fn bits(words: &[u64], from: usize, to: usize) -> u64 {
    let word = words[from / 64] >> (from % 64);
    word & (u64::MAX >> (63 - (to - from)))
}

/// The entry of the second level at an address, of which the area is the only memory.
fn read(area: &Area, address: u64) -> Entry {
    let base = core::ptr::from_ref(&area.entries) as u64;
    let index = ((address - base) / 64) as usize;
    assert_eq!((address - base) % 64, 0);
    area.entries[index]
}

/// Looks a stream up (5.1, 5.2 and 3.3.2).
fn fate(area: &Area, stream: u32) -> Fate {
    let (format, split, size) = (FORMAT >> 16 & 3, FORMAT >> 6 & 0x1f, FORMAT & 0x3f);
    assert_eq!((format, split), (1, 6), "two levels");
    if size < 32 && stream >> size != 0 {
        return Fate::Event(0x02);
    }
    let descriptor = area.descriptors[(stream >> split) as usize];
    let span = descriptor & 0x1f;
    if span == 0 {
        return Fate::Event(0x02);
    }
    let number = stream & ((1 << split) - 1);
    if u64::from(number) >= 1 << (span - 1) {
        return Fate::Event(0x02);
    }
    let table = descriptor & 0x000f_ffff_ffff_ffc0;
    assert_eq!(table % (64 << (span - 1)), 0, "aligned to its size");
    let entry = read(area, table + u64::from(number) * 64);
    if entry[0] & 1 == 0 {
        return Fate::Event(0x04);
    }
    match entry[0] >> 1 & 7 {
        0b000..=0b011 => return Fate::Denied,
        0b110 => {}
        other => panic!("configuration {other}"),
    }
    // Nothing of stage 1, no stalls, no translations in the device (`EATS`), the non-secure EL1 (`STRW`).
    assert_eq!(entry[0] >> 4, 0);
    assert_eq!(bits(&entry, 92, 93), 0);
    assert_eq!(bits(&entry, 94, 95), 0);
    assert_eq!(bits(&entry, 108, 109), 1, "shareability as it comes");
    assert_eq!(bits(&entry, 160, 165), 64 - 39, "addresses of 39 bits");
    assert_eq!(bits(&entry, 166, 167), 1, "from level 1");
    assert_eq!(bits(&entry, 168, 171), 0b0101, "walks in write-back memory");
    assert_eq!(bits(&entry, 172, 173), 3, "inner shareable");
    assert_eq!(bits(&entry, 174, 175), 0, "pages of 4 KiB");
    assert_eq!(bits(&entry, 176, 178), 2, "outputs of 40 bits");
    assert_eq!(bits(&entry, 179, 179), 1, "AArch64");
    assert_eq!(
        bits(&entry, 180, 181),
        0,
        "little-endian, access flag checked"
    );
    assert_eq!(bits(&entry, 185, 186), 0b10, "records, does not stall");
    Fate::Stage2 {
        table: entry[3] & 0x000f_ffff_ffff_fff0,
        number: bits(&entry, 128, 143) as u16,
    }
}

fn write(area: &mut Area, word: u64) {
    for entry in &mut area.entries {
        entry[0] = word;
    }
}

#[test]
fn a_stream_that_nobody_owns_is_denied() {
    let area = zeroed();
    for stream in [0, 8, 0xfff, 0xffff, 0x1_0000, u32::MAX] {
        assert_eq!(fate(&area, stream), Fate::Event(0x02));
    }
}

#[test]
fn an_owned_stream_is_denied_in_silence_until_its_partition_starts() {
    let mut area = zeroed();
    let root = 0x4000_3000 | 3 << 48;
    assert!(area.fill(&streams(0, 0x1000), entry(root, CONTROL)));
    for stream in [0, 8, 0xfff] {
        assert_eq!(fate(&area, stream), Fate::Denied);
    }
    write(&mut area, TRANSLATE);
    let own = || Fate::Stage2 {
        table: 0x4000_3000,
        number: 3,
    };
    for stream in [0, 8, 0xfff] {
        assert_eq!(fate(&area, stream), own());
    }
    assert_eq!(fate(&area, 0x1000), Fate::Event(0x02));
    write(&mut area, DENY);
    assert_eq!(fate(&area, 8), Fate::Denied);
}

#[test]
fn streams_that_there_cannot_be_are_refused() {
    let mut area = zeroed();
    assert!(area.fill(&streams(0xffc0, 64), [1; 8]));
    assert!(!area.fill(&streams(0x1_0000, 64), [1; 8]));
    assert!(!area.fill(&streams(64, u32::MAX), [1; 8]));
}

#[test]
fn a_unit_without_stage_2_or_coherent_walks_does_not_suffice() {
    // QEMU's, with both stages.
    let (feature_0, feature_1) = (0x0d44_101b, 0x0273_0010);
    assert!(suffices(feature_0, feature_1));
    for bit in [0, 3, 4, 27] {
        assert!(!suffices(feature_0 ^ 1 << bit, feature_1), "bit {bit}");
    }
    assert!(
        !suffices(feature_0, feature_1 & !0x3f | 15),
        "fewer streams"
    );
    assert!(!suffices(feature_0, feature_1 & !(0x1f << 16) | 3 << 16));
    assert!(!suffices(feature_0, feature_1 & !(0x1f << 21) | 3 << 21));
}

#[test]
fn wherever_the_queue_stands_the_next_commands_forget_everything_and_wait() {
    let mut area = zeroed();
    assert!(area.fill(&streams(0, 64), [1; 8]));
    let mut place = Place::of(0);
    for _ in 0..20 {
        let commands = [0, 1, 2, 3].map(|count| area.commands[place.after(count).index()]);
        let codes = commands.map(|command| command[0]);
        assert_eq!(codes, [0x04, 0x30, 0x46, 0x46], "no interrupt, no message");
        assert_eq!(commands[0][1] & 0x1f, 31, "all streams");
        place = place.after(FORGET.len() as u32);
    }
}

#[test]
fn a_place_goes_around_twice() {
    let mut place = Place::of(0);
    for count in 0..4_u32 << QUEUE_BITS {
        assert_eq!(place.index(), count as usize % 16);
        assert_eq!(place.register(), count % 32);
        assert_eq!(Place::of(place.register() | 1 << 31), place);
        place = place.after(1);
    }
}

#[test]
fn an_event_tells_who_reached_for_what() {
    // As QEMU's records a device that writes outside its table.
    let record = [0x8_0000_0010, 0x280_0000_0000, 0x40a0_0004, 0x40a0_0004];
    let event = Event::read(record);
    assert_eq!(
        (event.number, event.stream, event.address),
        (0x10, 8, 0x40a0_0004)
    );
    let next = Event::read([record[0], record[1], 0x40a0_0ffc, 0]);
    assert!(next.repeats(&event));
    assert!(!Event::read([record[0], 0, 0x40a0_1000, 0]).repeats(&event));
    assert!(!Event::read([0x9_0000_0010, 0, 0x40a0_0004, 0]).repeats(&event));
    // A bad stream has no address, whatever stands there.
    assert_eq!(Event::read([0x9_0000_0002, 1, 2, 3]).address, 0);
}

proptest! {
    #[test]
    fn streams_of_others_are_denied(
        first in 0_u32..1024, count in 1_u32..1024, on in any::<bool>(),
        probes in prop::collection::vec(0_u32..0x1_0400, 200),
    ) {
        let row = streams(first * 64, count.min(1024 - first) * 64);
        let mut area = zeroed();
        prop_assert!(area.fill(&row, entry(0x4000_1000 | 7 << 48, CONTROL)));
        if on {
            write(&mut area, TRANSLATE);
        }
        let ends = [row.first, row.end() - 1, row.end(), row.first.wrapping_sub(1)];
        for stream in probes.into_iter().chain(ends) {
            let expected = match (row.first..row.end()).contains(&stream) {
                false => Fate::Event(0x02),
                true if !on => Fate::Denied,
                true => Fate::Stage2 { table: 0x4000_1000, number: 7 },
            };
            prop_assert_eq!(fate(&area, stream), expected);
        }
    }
}
