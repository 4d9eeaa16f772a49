//! The ZCU102's second serial port as a program's own device: interrupts of its empty transmitter (Cadence's UART,
//! Xilinx UG1087, module UART).

use crate::arguments::Arguments;
use crate::idle::rest;
use partita_guest_rt::interrupts::{self, Reason};
use partita_guest_rt::{hart, monitor, println};

const PORT: usize = 0xff01_0000;
const CONTROL: usize = PORT;
const INTERRUPT_ENABLE: usize = PORT + 0x08;
const INTERRUPT_DISABLE: usize = PORT + 0x0c;
const INTERRUPT_MASK: usize = PORT + 0x10;
const INTERRUPT_STATUS: usize = PORT + 0x14;
/// Of the control register: the transmitter on, its FIFO emptied.
const TRANSMIT: u32 = 1 << 4 | 1 << 1;
/// Of the interrupt registers: the transmitter is empty.
const EMPTY: u32 = 1 << 3;
/// Its interrupt line.
const LINE: usize = 54;

fn read(register: usize) -> u32 {
    // SAFETY: a register of the port, which is this program's.
    unsafe { core::ptr::with_exposed_provenance::<u32>(register).read_volatile() }
}

fn write(register: usize, value: u32) {
    // SAFETY: as above.
    unsafe { core::ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) };
}

/// Takes an interrupt, ends it and completes it; returns whether it was the port's.
fn take() -> bool {
    let claimed = monitor::interrupt_claim() == Ok(Some(LINE));
    let empty = read(INTERRUPT_STATUS) & EMPTY != 0;
    write(INTERRUPT_DISABLE, EMPTY);
    write(INTERRUPT_STATUS, EMPTY);
    claimed && empty && monitor::interrupt_complete(LINE).is_ok()
}

/// Takes `count:` interrupts, and gives the core back before each; then leaves one pending and ends, if the word
/// `leave` says so.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let count = arguments.number("count", 20);
    println!("serial: found {}", read(INTERRUPT_MASK));
    interrupts::open();
    write(CONTROL, TRANSMIT);
    let (mut taken, mut strange) = (0, 0);
    while taken + strange < count {
        write(INTERRUPT_ENABLE, EMPTY);
        while interrupts::take() != Some(Reason::External) {
            hart::wait_for_interrupt();
        }
        if take() {
            taken += 1;
        } else {
            strange += 1;
        }
    }
    println!("serial: {taken} taken, {strange} strange");
    if arguments.words().any(|(word, _)| word == "leave") {
        write(INTERRUPT_ENABLE, EMPTY);
        monitor::panic(1);
    }
    rest()
}
