//! A device that reads and writes memory where it is told to: QEMU's `edu` as device 1 behind the host bridge of PCI
//! Express (QEMU, `docs/specs/edu.rst`).

use crate::arguments::Arguments;
use crate::health::greet;
use crate::idle::rest;
use crate::neutral::{listen_to_timer, wait_us};
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
use partita_guest_rt::interrupts::{self, Reason};
use partita_guest_rt::{hart, monitor, println};

/// Its registers of configuration, on a board that has them here.
const CONFIGURATION: usize = 0x3f00_0000 + (1 << 15);
const COMMAND: usize = CONFIGURATION + 0x04;
const BASE: usize = CONFIGURATION + 0x10;
/// Where this program puts its registers.
const EDU: usize = 0x1000_0000;
const IDENTITY: usize = EDU;
const SOURCE: usize = EDU + 0x80;
const DESTINATION: usize = EDU + 0x88;
const COUNT: usize = EDU + 0x90;
const TRANSFER: usize = EDU + 0x98;
/// What makes it interrupt no more.
const ANSWER: usize = EDU + 0x64;
/// What it interrupts for when it has copied.
const COPIED: u32 = 0x100;
/// Bits of [`TRANSFER`]: start, from the device to memory, and interrupt at the end.
const START: u64 = 1;
const TO_MEMORY: u64 = 2;
const INTERRUPT: u64 = 4;
/// Its own memory, as it addresses it.
const BUFFER: u64 = 0x4_0000;

/// Bytes of a transfer to others' memory, unless `bytes:` says otherwise, and to its own.
const BYTES: u64 = 64;
/// What is written to others.
const SPOILT: u64 = 0x5b01_17ed_5b01_17ed;
/// What stands where others' memory would come.
const NOTHING: u64 = 0x0123_4567_89ab_cdef;

/// Memory that the device may reach.
#[repr(align(64))]
struct Room([AtomicU64; 8]);
static ROOM: Room = Room([const { AtomicU64::new(NOTHING) }; 8]);

fn fill(value: u64) {
    ROOM.0.iter().for_each(|word| word.store(value, SeqCst));
}

fn write32(register: usize, value: u32) {
    // SAFETY: a register of the host bridge, or of a device behind it, which is this program's.
    unsafe { core::ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) };
}

fn read32(register: usize) -> u32 {
    // SAFETY: as above.
    unsafe { core::ptr::with_exposed_provenance::<u32>(register).read_volatile() }
}

fn write64(register: usize, value: u64) {
    // SAFETY: as above.
    unsafe { core::ptr::with_exposed_provenance_mut::<u64>(register).write_volatile(value) };
}

/// Has the device copy, and waits until it says that it has.
fn transfer(source: u64, destination: u64, direction: u64) {
    transfer_of(BYTES, source, destination, direction);
}

fn transfer_of(bytes: u64, source: u64, destination: u64, direction: u64) {
    write64(SOURCE, source);
    write64(DESTINATION, destination);
    write64(COUNT, bytes);
    write64(TRANSFER, START | direction);
    while u64::from(read32(TRANSFER)) & START != 0 {
        wait_us(10_000);
    }
}

fn own() -> u64 {
    core::ptr::from_ref(&ROOM) as u64
}

fn write(address: u64, bytes: u64) {
    transfer(own(), BUFFER, 0);
    transfer_of(bytes, BUFFER, address, TO_MEMORY);
}

/// What the device finds at an address: the first word.
fn read(address: u64) -> u64 {
    fill(NOTHING);
    transfer(own(), BUFFER, 0);
    transfer(address, BUFFER, 0);
    transfer(BUFFER, own(), TO_MEMORY);
    ROOM.0[0].load(SeqCst)
}

/// Whether the device's own interrupt comes when it has copied, once, by this line.
fn is_interrupted(line: usize) -> bool {
    write64(SOURCE, own());
    write64(DESTINATION, BUFFER);
    write64(COUNT, BYTES);
    write64(TRANSFER, START | INTERRUPT);
    while interrupts::take() != Some(Reason::External) {
        hart::wait_for_interrupt();
    }
    let is_own = monitor::interrupt_claim() == Ok(Some(line));
    write32(ANSWER, COPIED);
    is_own && monitor::interrupt_complete(line).is_ok() && monitor::interrupt_claim() == Ok(None)
}

/// Has the device write its own memory, and then, in this order, write at each `write:` and read at each `read:`.
pub fn run(arguments: &Arguments<'_>) -> ! {
    listen_to_timer();
    // The bridge knows nothing of the device any more, when an earlier life has used it.
    let left = read32(COMMAND) & 0xffff;
    write32(BASE, EDU as u32);
    write32(COMMAND, 6);
    println!(
        "dma: device {:#x}, its command was {left}",
        read32(IDENTITY)
    );
    fill(SPOILT);
    transfer(own(), BUFFER, 0);
    fill(NOTHING);
    transfer(BUFFER, own(), TO_MEMORY);
    let arrived = ROOM.0.iter().all(|word| word.load(SeqCst) == SPOILT);
    println!("dma: own memory: arrived {arrived}");
    let line = arguments.number("line", 0);
    if line != 0 {
        println!("dma: interrupted {}", is_interrupted(line));
    }
    let bytes = arguments.number("bytes", BYTES as usize) as u64;
    for (what, address) in arguments.words() {
        let Some(address) = address else { continue };
        let address = address as u64;
        match what {
            "write" => {
                fill(SPOILT);
                write(address, bytes);
                println!("dma: wrote {address:#x}");
            }
            "read" => println!("dma: read {address:#x}: {:#x}", read(address)),
            _ => {}
        }
    }
    println!("dma: done");
    greet("dma");
    rest()
}

/// Looks at what an earlier life may have left, and after `stay-us` at its memory; then has the device begin to write
/// there, and ends before it has.
pub fn leave(arguments: &Arguments<'_>) -> ! {
    listen_to_timer();
    let left = read32(COMMAND) & 0xffff;
    wait_us(arguments.number("stay-us", 0));
    let found = ROOM.0[0].load(SeqCst);
    println!("dma: its command was {left}, memory {found:#x}");
    write32(BASE, EDU as u32);
    write32(COMMAND, 6);
    fill(SPOILT);
    transfer(own(), BUFFER, 0);
    fill(0);
    write64(SOURCE, BUFFER);
    write64(DESTINATION, own());
    write64(COUNT, BYTES);
    write64(TRANSFER, START | TO_MEMORY);
    println!("dma: leaves");
    monitor::panic(1)
}
