//! Everything that a partition can write and that a switch has to keep: all integer, floating-point and
//! vector registers, and whatever control and status registers this hart turns out to have.
//!
//! It knows no list of registers: it tries all numbers that are not machine mode's own, each bit of each.

mod hold;
mod register;

use crate::arguments::Arguments;
use crate::idle::rest;
use crate::registers::{IDENTITY, read_floating_point, write_floating_point};
use crate::vectors::{self, Vectors};
use hold::{Hold, Integers};
use partita_guest_rt::{hart, println, sbi};
use register::{Register, Registers};

const STATUS: u16 = 0x100;
const ENABLED: u16 = 0x104;
const TIMER: u16 = 0x14d;
const TRANSLATION: u16 = 0x180;

/// `sstatus.SIE`, and `sstatus.SDT` of Ssdbltrp: with either the next interrupt or exception is another.
const STATUS_TRAPS: u64 = 1 << 1 | 1 << 24;
/// `sstatus.FS` and `sstatus.VS`: initial.
const STATUS_ON: u64 = 1 << 13 | 1 << 9;
/// `sie.STIE`.
const ENABLED_TIMER: u64 = 1 << 5;
/// The other bits of `sie`, without local interrupts of the platform.
const ENABLED_OTHERS: u64 = 0xffff & !ENABLED_TIMER;

/// How often something was not what it had to be.
#[derive(Default)]
struct Wrong {
    integers: u32,
    floating_point: u32,
    vectors: u32,
}

/// Finds the registers, then sets all to values made from `seed:`, gives the core away or, with `spin:1`,
/// spins for `period-us:`, and compares; `rounds:` times.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let seed = arguments.number("seed", 1) as u64;
    let rounds = arguments.number("rounds", 1000);
    let period = 10 * arguments.number("period-us", 100) as u64;
    let spins = arguments.number("spin", 0) != 0;
    println!("state: running");
    let width = vectors::turn_on();
    turn_on_floating_point();
    let mut registers = Registers::find(&[TRANSLATION]);
    println!(
        "state: {} registers, vectors of {width} bytes",
        registers.list().len()
    );
    let mut wrong = Wrong::default();
    for round in 0..rounds {
        let mut values = Values((seed << 32 | round as u64).wrapping_mul(Values::STEP));
        let mut next = || values.next();
        let integers: Integers = core::array::from_fn(|_| next());
        let mut floating_point = core::array::from_fn(|_| next());
        floating_point[32] &= 0x7f;
        let vectors = Vectors::new(width, &mut next);
        let hold = Hold::new(spins, round % 2 == 0);
        let before = registers.read_all();
        let until = hart::time() + period;
        if !spins {
            let _ = sbi::set_timer(until);
        }
        write_floating_point(&floating_point);
        if width != 0 {
            vectors::write(&vectors);
        }
        for register in registers.list_mut() {
            let value = next();
            match register.number {
                // Interrupts stay off, and floating point and vectors on.
                STATUS => register.write(value & !STATUS_TRAPS | STATUS_ON),
                // Only the timer ends a wait.
                ENABLED if !spins => register.write(value & !ENABLED_OTHERS | ENABLED_TIMER),
                TIMER if !spins => {}
                TRANSLATION => register.write(translation(value)),
                _ => register.write(value),
            }
        }
        for register in registers.list_mut() {
            register.expect();
        }
        let found = hold.run(&integers, until);
        registers.compare();
        let found_vectors = (width != 0).then(vectors::read);
        let found_floating_point = read_floating_point();
        registers.write_all(&before);
        if let Some(number) = hold.difference(&integers, &found) {
            wrong.integers += 1;
            println!("state: x{number} differs in round {round}");
        }
        // `fcsr` was written again with the other control registers.
        if found_floating_point[..32] != floating_point[..32] {
            wrong.floating_point += 1;
        }
        if let Some(found) = found_vectors
            && !found.is_same(&vectors)
        {
            wrong.vectors += 1;
            found.tell_difference(&vectors, width);
        }
    }
    for register in registers.list() {
        let Register {
            number,
            held,
            differed,
            ..
        } = register;
        println!("state: csr {number:#05x} {held:#x} {differed}");
    }
    let Wrong {
        integers,
        floating_point,
        vectors,
    } = wrong;
    println!("state: integers {integers} floating-point {floating_point} vectors {vectors} wrong");
    println!("state: {rounds} rounds");
    rest()
}

/// Says what it finds in all registers, leaves something in them, and starts again.
pub fn leave() -> ! {
    let (counter, cause, value): (u64, u64, u64);
    // SAFETY: reads registers.
    unsafe {
        core::arch::asm!(
            "csrr {}, sepc", "csrr {}, scause", "csrr {}, stval",
            out(reg) counter, out(reg) cause, out(reg) value,
        );
    }
    // Trying what registers there are changes these.
    println!("state: found traps {:#x}", counter | cause | value);
    let width = vectors::turn_on();
    turn_on_floating_point();
    let registers = Registers::find(&[TRANSLATION]);
    for (register, value) in registers.list().iter().zip(registers.read_all()) {
        println!("state: found {:#05x} {value:#x}", register.number);
    }
    let floating_point = read_floating_point();
    let held = floating_point.iter().filter(|value| **value != 0).count();
    let vectors = match width {
        0 => 0,
        width => vectors::read().left(width),
    };
    println!("state: {held} floating-point and {vectors} vector registers hold something");
    let mut values = Values(1);
    write_floating_point(&[0x5ec2; 33]);
    if width != 0 {
        vectors::write(&Vectors::new(width, || values.next()));
    }
    for register in registers.list() {
        match register.number {
            STATUS => register.write(values.next() & !STATUS_TRAPS | STATUS_ON),
            TRANSLATION => register.write(translation(1 | values.next())),
            _ => register.write(!0),
        }
    }
    let _ = sbi::system_reset(sbi::RESET_TYPE_COLD_REBOOT, sbi::RESET_REASON_NO_REASON);
    rest()
}

/// Values in which every bit changes from one to the next (SplitMix64, Steele and others, 2014).
struct Values(u64);

impl Values {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(Self::STEP);
        let mut value = self.0;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    }
}

/// Page tables that map everything onto itself, under a number of their own; or none.
fn translation(value: u64) -> u64 {
    if value & 1 == 0 {
        return 0;
    }
    8 << 60 | (value & 0xffff_0000) << 28 | (&raw const IDENTITY as u64) >> 12
}

fn turn_on_floating_point() {
    // SAFETY: this program is compiled without floating point, so none is in use.
    unsafe { core::arch::asm!("csrs sstatus, {}", in(reg) 1 << 13) };
}
