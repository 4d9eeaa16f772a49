//! What the monitor believes of a system image, and what it does not.

use partita_abi::image::TABLE_OFFSET;
use partita_abi::table::{Protection, RegionKind, SystemTable};
use partita_tests::System;

/// Offset of the image in the board's memory.
const RAM: u64 = 0x8000_0000;

fn system() -> System {
    System::new(
        1,
        r#"
        [partition.first]
        criticality = "ASIL-B"
        image = "$guest"
        arguments = "periodic report:10"
        memory = "256KiB"
        cores = [0]
        budget = "300us"
        period = "1ms"

        [partition.second]
        criticality = "QM"
        image = "$guest"
        arguments = "idle"
        memory = "256KiB"
        cores = [0]
        "#,
    )
}

/// Runs a system that is not to be believed. Returns the reason that the monitor gives.
fn refusal(system: System) -> String {
    let run = system.for_ms(100).run();
    assert_eq!(
        run.texts("first").count() + run.texts("second").count(),
        0,
        "something was started"
    );
    let line = run.find("monitor", "system table refused: ");
    let line = line.unwrap_or_else(|| panic!("the table is believed"));
    line.text
        .split_once("refused: ")
        .expect("it was found by this")
        .1
        .to_owned()
}

#[test]
fn a_system_table_without_its_first_bytes_is_refused() {
    assert_eq!(refusal(system().spoil(TABLE_OFFSET)), "there is none");
}

#[test]
fn a_system_table_of_another_version_is_refused() {
    assert_eq!(
        refusal(system().spoil(TABLE_OFFSET + 8)),
        "it has another version"
    );
}

#[test]
fn a_spoilt_byte_anywhere_in_the_system_table_is_refused() {
    let length = system().plan().table.len() as u64;
    for offset in [length / 3, length / 2, length - 1] {
        let reason = refusal(system().spoil(TABLE_OFFSET + offset));
        assert!(reason.contains("hash"), "at {offset} of {length}: {reason}");
    }
}

#[test]
fn a_partition_with_a_spoilt_image_is_not_started_and_the_others_are() {
    for (spoilt, other) in [("first", "second"), ("second", "first")] {
        let system = system();
        let index = system
            .plan()
            .partitions
            .iter()
            .position(|partition| partition.name == spoilt);
        let mut parts = system.plan().parts.iter();
        let part = parts
            .find(|part| Some(part.partition) == index)
            .expect("it has an image");
        let offset = part.source - RAM + part.bytes.len() as u64 / 2;
        let run = system.spoil(offset).for_ms(60).run();
        let partition = run.partition(spoilt);
        assert_eq!((partition.state.as_str(), partition.boots), ("failed", 0));
        assert_eq!(run.events(spoilt, "image-corrupt").count(), 1);
        assert_eq!(run.texts(spoilt).count(), 0);
        assert_eq!(run.partition(other).state, "running");
        run.assert_said(other, "running");
        assert!(!run.report().healthy);
    }
}

/// The offset in the system table of the field that `find` names.
fn offset_of(system: &System, find: impl Fn(&SystemTable<'_>) -> *const u64) -> usize {
    let bytes = &system.plan().table;
    let table = SystemTable::parse(bytes).expect("a sound table");
    find(&table).addr() - bytes.as_ptr().addr()
}

#[test]
fn a_system_table_that_gives_the_monitors_memory_away_is_refused_though_its_hash_is_right() {
    let system = system();
    let base = offset_of(&system, |table| &raw const table.regions[0].base);
    assert_eq!(refusal(system.forge_table(base, RAM)), "unsound region 0");
}

#[test]
fn a_system_table_with_two_partitions_in_one_place_is_refused_though_its_hash_is_right() {
    let system = system();
    let other = system.planned("second").ram.base;
    let base = offset_of(&system, |table| &raw const table.regions[0].base);
    let reason = refusal(system.forge_table(base, other));
    assert!(
        reason.starts_with("a region overlaps another partition's"),
        "{reason}"
    );
}

#[test]
fn a_system_table_that_loads_an_image_over_the_monitor_is_refused_though_its_hash_is_right() {
    let system = system();
    let destination = offset_of(&system, |table| &raw const table.image_parts[0].destination);
    assert_eq!(
        refusal(system.forge_table(destination, RAM)),
        "unsound image part 0"
    );
}

#[test]
fn a_system_table_that_starts_a_partition_in_foreign_memory_is_refused_though_its_hash_is_right() {
    let system = system();
    let entry = offset_of(&system, |table| &raw const table.partitions[0].entry);
    assert_eq!(
        refusal(system.forge_table(entry, RAM)),
        "unsound partition 0"
    );
}

#[test]
fn a_system_table_that_takes_a_right_to_its_own_memory_from_a_partition_is_refused() {
    // The monitor uses it with the partition's rights, in calls of the partition's.
    for right in [1, 2, 4] {
        let system = system();
        let place = offset_of(&system, |table| {
            let is_ram = |entry: &&Protection| {
                let region = table.regions[usize::from(entry.region)];
                region.kind == RegionKind::Ram as u8 && entry.config & 7 == 7
            };
            let entry = table.protections.iter().find(is_ram);
            (&raw const entry.expect("it has memory").config).cast()
        });
        let bytes = system.plan().table[place..place + 8].try_into();
        let entry = u64::from_le_bytes(bytes.expect("8 bytes"));
        // Writing without reading is reserved.
        let without = entry & !if right == 1 { 3 } else { right };
        let reason = refusal(system.forge_table(place, without));
        assert_eq!(reason, "unsound protection of virtual core 0", "{right}");
    }
}

#[test]
fn a_system_table_whose_protection_entry_opens_more_than_a_region_is_refused() {
    let system = system();
    let address = offset_of(&system, |table| &raw const table.protections[0].address);
    // NAPOT of all addresses.
    let reason = refusal(system.forge_table(address, u64::MAX >> 10));
    assert!(
        reason.contains("protection") || reason.contains("unsound"),
        "{reason}"
    );
}
