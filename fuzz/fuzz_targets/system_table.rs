//! The system table: what the monitor believes has no two partitions in one place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use partita_abi::digest::digest;
use partita_abi::table::{Header, SystemTable};
use partita_board::QEMU_VIRT_RISCV64 as BOARD;
use partita_fuzz::limits;
use partita_monitor_core::check::{BoardLimits, check};
use std::mem::offset_of;

fuzz_target!(|data: &[u8]| {
    // Aligned as the monitor finds it.
    let mut words = vec![0_u64; data.len().div_ceil(8)];
    let bytes: Vec<u8> = {
        let mut bytes = data.to_vec();
        bytes.resize(words.len() * 8, 0);
        bytes
    };
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    }
    limits(&BOARD, |limits| examine(as_bytes(&words), limits));
    // No fuzzer finds the magic number or a hash: put them right, and go deeper.
    let hash = match SystemTable::parse(as_bytes(&with_magic(&mut words))) {
        Ok(table) => digest(table.hashed),
        Err(_) => return,
    };
    let start = offset_of!(Header, hash);
    let mut bytes = as_bytes(&words).to_vec();
    bytes[start..start + hash.len()].copy_from_slice(&hash);
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    }
    limits(&BOARD, |limits| examine(as_bytes(&words), limits));
});

fn with_magic(words: &mut [u64]) -> Vec<u64> {
    if let Some(first) = words.first_mut() {
        *first = u64::from_le_bytes(Header::MAGIC);
    }
    if let Some(second) = words.get_mut(1) {
        *second = *second >> 32 << 32 | u64::from(Header::VERSION);
    }
    words.to_vec()
}

fn as_bytes(words: &[u64]) -> &[u8] {
    zerocopy::IntoBytes::as_bytes(words)
}

fn examine(bytes: &[u8], limits: &BoardLimits<'_>) {
    let Ok(table) = SystemTable::parse(bytes) else {
        return;
    };
    for partition in table.partitions {
        let _ = (
            table.virtual_cores_of(partition).len(),
            table.image_parts_of(partition).len(),
        );
        let _ = (
            table.regions_of(partition).len(),
            table.lines_of(partition).len(),
        );
    }
    for core in table.virtual_cores {
        let _ = table.protections_of(core).len();
    }
    if check(&table, limits).is_err() {
        return;
    }
    // Believed: compare every two partitions, in numbers that cannot overflow.
    for (index, one) in table.partitions.iter().enumerate() {
        for other in &table.partitions[index + 1..] {
            for a in table.regions_of(one) {
                for b in table.regions_of(other) {
                    let end = |base: u64, size: u64| u128::from(base) + u128::from(size);
                    let apart = end(a.base, a.size) <= u128::from(b.base)
                        || end(b.base, b.size) <= u128::from(a.base);
                    // The interrupt controller is behind a filter, and shared.
                    assert!(apart || (a.kind == 2 && b.kind == 2), "{a:?} {b:?}");
                }
            }
        }
    }
}
