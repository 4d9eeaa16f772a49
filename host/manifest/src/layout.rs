//! Where the pieces of an image go in a partition's RAM.

use crate::PartRole;
use crate::check::PAGE_BYTES;
use crate::images::Image;
use partita_abi::image::{STORE_ALIGNMENT, TRANSFER_BYTES};

/// A part with its final address.
pub(crate) struct Part {
    pub(crate) role: PartRole,
    pub(crate) destination: u64,
    pub(crate) bytes: Vec<u8>,
}

/// The room kept for a device tree whose blob has `bytes` before its addresses are known: they may
/// make node names a little longer. Behind Linux's, its RAM may end.
pub(crate) fn device_tree_room(bytes: usize) -> u64 {
    (bytes as u64 + 64 + TRANSFER_BYTES).next_multiple_of(PAGE_BYTES)
}

/// The least RAM, from its start, that holds the image and a device tree of `room`.
pub(crate) fn least_memory(image: &Image, ram_base: u64, room: u64) -> u64 {
    match image {
        Image::Program(program, _) => {
            let end = if program.relocatable {
                program.extent.end
            } else {
                program.extent.end.saturating_sub(ram_base)
            };
            end.next_multiple_of(PAGE_BYTES) + room
        }
        Image::Linux(linux) => linux.end_offset().next_multiple_of(PAGE_BYTES) + room,
    }
}

/// Where the device tree of a partition goes: behind Linux's initramfs, so that it lies within the
/// RAM that Linux maps first, and at the end of a program's RAM, out of the way of its data.
pub(crate) fn device_tree_address(image: &Image, ram_base: u64, ram_size: u64, room: u64) -> u64 {
    match image {
        Image::Program(..) => ram_base + ram_size - room,
        Image::Linux(linux) => ram_base + linux.end_offset().next_multiple_of(PAGE_BYTES),
    }
}

/// The parts of an image other than its device tree, and its entry.
pub(crate) fn parts(image: &Image, ram_base: u64) -> (Vec<Part>, u64) {
    match image {
        Image::Program(program, _) => {
            let (pieces, entry) = program.placed(ram_base);
            let parts = pieces.into_iter().map(|piece| Part {
                role: PartRole::Program,
                destination: piece.address,
                bytes: piece.bytes,
            });
            (parts.collect(), entry)
        }
        Image::Linux(linux) => {
            let entry = ram_base + linux.text_offset;
            let mut parts = vec![Part {
                role: PartRole::Kernel,
                destination: entry,
                bytes: linux.kernel.clone(),
            }];
            if let Some(initramfs) = &linux.initramfs {
                parts.push(Part {
                    role: PartRole::Initramfs,
                    destination: ram_base + linux.initramfs_offset(),
                    bytes: initramfs.clone(),
                });
            }
            (parts, entry)
        }
    }
}

/// Bytes that the parts of an image take in the store, with a device tree of `room`.
pub(crate) fn stored_bytes(image: &Image, room: u64) -> u64 {
    let align = |bytes: usize| (bytes as u64).next_multiple_of(STORE_ALIGNMENT);
    let parts: u64 = match image {
        Image::Program(program, _) => program
            .pieces
            .iter()
            .map(|piece| align(piece.bytes.len()))
            .sum(),
        Image::Linux(linux) => {
            align(linux.kernel.len()) + align(linux.initramfs.as_ref().map_or(0, Vec::len))
        }
    };
    parts + room
}
