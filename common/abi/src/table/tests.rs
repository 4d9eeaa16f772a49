//! Whether the structure of a table is checked.

use super::{Header, SystemTable, TableError};
use crate::name::Name;
use core::mem::{offset_of, size_of};
use zerocopy::IntoBytes;

fn header() -> Header {
    Header {
        magic: Header::MAGIC,
        version: Header::VERSION,
        total_bytes: size_of::<Header>() as u32,
        hash: [0; 32],
        system: Name::new("test").unwrap(),
        board: Name::new("board").unwrap(),
        partitions: 0,
        virtual_cores: 0,
        regions: 0,
        protections: 0,
        image_parts: 0,
        lines: 0,
        console_focus: 0,
        cores: 1,
        device_resets: 0,
        streams: 0,
        secure_stage_2: 0,
        reserved: [0; 3],
        security_version: 0,
        ram_base: 0,
        ram_size: 0,
        store_end: 0,
        crash_base: 0,
    }
}

#[test]
fn the_hash_covers_all_that_follows_it() {
    assert_eq!(offset_of!(Header, hash) + 32, Header::HASHED_FROM);
}

#[test]
fn a_table_without_partitions_is_refused() {
    let header = header();
    assert_eq!(
        SystemTable::parse(header.as_bytes()).unwrap_err(),
        TableError::Index("header")
    );
}

#[test]
fn a_count_beyond_the_table_is_refused() {
    let header = Header {
        regions: 1,
        ..header()
    };
    assert_eq!(
        SystemTable::parse(header.as_bytes()).unwrap_err(),
        TableError::Size
    );
}

#[test]
fn another_version_is_refused() {
    let header = Header {
        version: 9,
        ..header()
    };
    assert_eq!(
        SystemTable::parse(header.as_bytes()).unwrap_err(),
        TableError::Version(9)
    );
}
