//! A driver of a virtio entropy device that leaves a request behind when it ends (virtio 1.2, chapters 4.2 and 5.4).

use crate::arguments::Arguments;
use crate::health::greet;
use crate::idle::wait_until;
use core::cell::UnsafeCell;
use partita_guest_rt::{hart, monitor, println, probe};

/// Where the board has the first virtio slot; its tree says the same.
const DEVICE: usize = 0x1000_1000;
const DRIVER_FEATURES: usize = DEVICE + 0x20;
const DRIVER_FEATURES_SELECTED: usize = DEVICE + 0x24;
const QUEUE_SELECTED: usize = DEVICE + 0x30;
const QUEUE_SIZE: usize = DEVICE + 0x38;
const QUEUE_READY: usize = DEVICE + 0x44;
const QUEUE_NOTIFY: usize = DEVICE + 0x50;
const STATUS: usize = DEVICE + 0x70;
const QUEUE_DESCRIPTORS: usize = DEVICE + 0x80;
const QUEUE_AVAILABLE: usize = DEVICE + 0x90;
const QUEUE_USED: usize = DEVICE + 0xa0;
/// Bits of the status (2.1): acknowledged, there is a driver, features agreed on, driver ready.
const STATUS_STEPS: [u32; 4] = [0x1, 0x3, 0xb, 0xf];
/// `VIRTIO_F_VERSION_1`, in the second word of features (6).
const VERSION_1: u32 = 1;
/// `VIRTQ_DESC_F_WRITE` (2.7.5).
const DEVICE_WRITES: u16 = 2;
/// `VIRTQ_AVAIL_F_NO_INTERRUPT` is not set (2.7.6).
const INTERRUPTS: u16 = 0;

/// Requests at a time; the device answers the second one later.
const REQUESTS: usize = 2;
const BUFFER_BYTES: usize = 64;

#[repr(C, align(16))]
struct Descriptor {
    address: *const u8,
    length: u32,
    flags: u16,
    next: u16,
}

#[repr(C, align(16))]
struct Available {
    flags: u16,
    index: u16,
    ring: [u16; REQUESTS],
}

#[repr(C, align(16))]
struct Used {
    flags: u16,
    index: u16,
    ring: [[u32; 2]; REQUESTS],
}

/// What the device reads: it is in the image, so a device that was not reset finds both requests again after a
/// restart, and answers the second one.
#[repr(C)]
struct Requests {
    descriptors: [Descriptor; REQUESTS],
    available: Available,
}

/// What the device writes: memory that a start finds filled with zeros.
#[repr(C, align(16))]
struct Answers {
    used: Used,
    buffers: [[u8; BUFFER_BYTES]; REQUESTS],
}

struct Shared<T>(UnsafeCell<T>);

// SAFETY: there is one hart, and it accesses this through `probe` only.
unsafe impl<T> Sync for Shared<T> {}

const fn descriptor(number: usize) -> Descriptor {
    let answers: *const Answers = ANSWERS.0.get();
    Descriptor {
        // SAFETY: inside of the answers.
        address: unsafe { &raw const (*answers).buffers }
            .cast::<u8>()
            .wrapping_add(number * BUFFER_BYTES),
        length: BUFFER_BYTES as u32,
        flags: DEVICE_WRITES,
        next: 0,
    }
}

static REQUESTED: Shared<Requests> = Shared(UnsafeCell::new(Requests {
    descriptors: [descriptor(0), descriptor(1)],
    available: Available {
        flags: INTERRUPTS,
        index: REQUESTS as u16,
        ring: [0, 1],
    },
}));

static ANSWERS: Shared<Answers> = Shared(UnsafeCell::new(Answers {
    used: Used {
        flags: 0,
        index: 0,
        ring: [[0; 2]; REQUESTS],
    },
    buffers: [[0; BUFFER_BYTES]; REQUESTS],
}));

fn read(register: usize) -> u32 {
    probe::load_u32(register).unwrap_or_else(|trap| panic!("the device is denied: {trap:?}"))
}

fn write(register: usize, value: u32) {
    // SAFETY: a register of a device that no other code uses; what it may write is in `ANSWERS`.
    let written = unsafe { probe::store_u32(register, value) };
    written.unwrap_or_else(|trap| panic!("the device is denied: {trap:?}"));
}

fn write_address(register: usize, address: usize) {
    write(register, address as u32);
    write(register + 4, (address >> 32) as u32);
}

/// Bytes of the answers that are not zero.
fn written() -> usize {
    let start = ANSWERS.0.get().addr();
    let bytes = start..start + size_of::<Answers>();
    bytes
        .filter(|address| probe::load_u8(*address) != Ok(0))
        .count()
}

fn used_index() -> u16 {
    probe::load_u16(ANSWERS.0.get().addr() + 2).unwrap_or(0)
}

/// Looks for `watch-us` at what an earlier life may have left to the device, then asks it for more than it gives at
/// a time, and ends.
pub fn run(arguments: &Arguments<'_>) -> ! {
    greet("entropy");
    hart::enable_sources(hart::source::TIMER);
    let status = read(STATUS);
    wait_until(hart::time() + 10 * arguments.number("watch-us", 50_000) as u64);
    let pending = hart::pending_sources() & hart::source::EXTERNAL != 0;
    println!(
        "entropy: status {status}, {} written, interrupt {pending}",
        written()
    );
    write(STATUS, 0);
    write(STATUS, STATUS_STEPS[0]);
    write(STATUS, STATUS_STEPS[1]);
    write(DRIVER_FEATURES_SELECTED, 1);
    write(DRIVER_FEATURES, VERSION_1);
    write(STATUS, STATUS_STEPS[2]);
    write(QUEUE_SELECTED, 0);
    write(QUEUE_SIZE, REQUESTS as u32);
    let requests = REQUESTED.0.get().addr();
    write_address(QUEUE_DESCRIPTORS, requests);
    let available = requests + core::mem::offset_of!(Requests, available);
    write_address(QUEUE_AVAILABLE, available);
    write_address(QUEUE_USED, ANSWERS.0.get().addr());
    write(QUEUE_READY, 1);
    write(STATUS, STATUS_STEPS[3]);
    write(QUEUE_NOTIFY, 0);
    while used_index() == 0 {
        core::hint::spin_loop();
    }
    println!(
        "entropy: leaves {} of {REQUESTS} requests",
        REQUESTS - usize::from(used_index())
    );
    wait_until(hart::time() + 10 * arguments.number("stay-us", 0) as u64);
    if arguments.number("stay-us", 0) != 0 {
        println!("entropy: {} of {REQUESTS} are answered", used_index());
    }
    monitor::panic(1)
}
