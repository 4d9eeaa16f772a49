//! QEMU's firmware configuration device, by which Linux's images come (QEMU, `docs/specs/fw_cfg.rst`).
//!
//! Linux reaches the device too, and the device reaches all of the normal world's memory, so nothing that it copied is
//! believed before it has been hashed where it is, with nobody else running in the normal world. It holds its bytes in
//! the order of their addresses, and takes its own numbers with the highest byte first.

use crate::arch::memory::{clear_lines, write_back};
use crate::arch::register::complete_accesses;
use crate::board::BOARD;
use crate::mmio::Registers;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use partita_abi::image::{NORMAL_IMAGES_NAME, TRANSFER_BYTES};
use partita_abi::table::{Kind, Partition};

const DATA: usize = 0;
const SELECTOR: usize = 8;
const TRANSFER: usize = 16;

/// The item with the names of all files.
const DIRECTORY: u16 = 0x19;
/// The most files that are looked at.
const MOST_FILES: u32 = 256;

/// Of a transfer's control word: it failed.
const ERROR: u32 = 1 << 0;
/// It copies to memory.
const READ: u32 = 1 << 1;
/// It copies nothing, and goes on in the file.
const SKIP: u32 = 1 << 2;
/// The upper half says which file it is about, which begins anew.
const SELECT: u32 = 1 << 3;

/// How often the end of a transfer is awaited. QEMU has ended it when it is asked for the first time.
const PATIENCE: usize = 16;

/// The name of the file as the directory has it: 56 bytes.
const NAME: [u64; 7] = name();

/// The file: its number in the lower 16 bits, its size in the upper 32; 0: there is none.
static FILE: AtomicU64 = AtomicU64::new(0);

const fn name() -> [u64; 7] {
    let bytes = NORMAL_IMAGES_NAME.as_bytes();
    let mut words = [0; 7];
    let mut index = 0;
    while index < bytes.len() {
        words[index / 8] |= (bytes[index] as u64) << (index % 8 * 8);
        index += 1;
    }
    words
}

fn device() -> Option<Registers> {
    let window = BOARD.secure?.images_device?;
    // SAFETY: registers of the board's device.
    Some(unsafe { Registers::new(window) })
}

/// Whether a partition's parts come from the file.
#[inline(always)]
pub fn is_fetched(partition: &Partition) -> bool {
    device().is_some() && partition.kind == Kind::Linux as u8
}

/// Finds the file. Called by the boot core, before any partition runs.
pub fn find() {
    let Some(device) = device() else {
        return;
    };
    device.write_u16(SELECTOR, DIRECTORY.to_be());
    let files = device.read_u32(DATA).swap_bytes();
    for _ in 0..files.min(MOST_FILES) {
        // Four bytes of size, two of the number, two without meaning.
        let entry = device.read_u64(DATA).swap_bytes();
        let name: [u64; 7] = core::array::from_fn(|_| device.read_u64(DATA));
        if name == NAME {
            FILE.store(entry >> 32 << 32 | entry >> 16 & 0xffff, Relaxed);
        }
    }
}

/// Copies `length` bytes of the file from `offset` on to `destination`. The last [`TRANSFER_BYTES`] before `work_end`
/// are used on the way, and cleared. Returns whether all of it is there.
///
/// # Safety
/// Both ranges lie in RAM of a partition that does not run.
pub unsafe fn fetch(offset: u64, destination: u64, length: u64, work_end: u64) -> bool {
    let file = FILE.load(Relaxed);
    if offset.saturating_add(length) > file >> 32 {
        return false;
    }
    let work = work_end.saturating_sub(TRANSFER_BYTES);
    let number = (file as u32) << 16;
    // SAFETY: the caller's promise.
    unsafe {
        let done = transfer(work, number | SELECT | SKIP, offset, 0)
            && transfer(work, READ, length, destination);
        clear_lines(work, TRANSFER_BYTES);
        // What a cache may have fetched of the old bytes is dropped.
        write_back(destination, length);
        done
    }
}

/// Has the device do one thing. Returns whether it did.
///
/// # Safety
/// As for [`fetch`].
unsafe fn transfer(work: u64, control: u32, length: u64, address: u64) -> bool {
    let Some(device) = device() else {
        return false;
    };
    let request = work as *mut [u64; 2];
    let first = u64::from(control) << 32 | length & 0xffff_ffff;
    // SAFETY: the caller's promise.
    unsafe {
        request.write_volatile([first.to_be(), address.to_be()]);
        write_back(work, TRANSFER_BYTES);
    }
    complete_accesses();
    device.write_u64(TRANSFER, work.to_be());
    let mut left = control;
    for _ in 0..PATIENCE {
        // SAFETY: the caller's promise.
        unsafe {
            write_back(work, TRANSFER_BYTES);
            left = request.cast::<u32>().read_volatile().swap_bytes();
        }
        if left & !ERROR == 0 {
            break;
        }
    }
    left == 0
}
