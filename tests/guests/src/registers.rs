//! Registers that another partition on the same hart must neither see nor change.

use crate::arguments::Arguments;
use crate::idle::{rest, wait_until};
use crate::vectors::{self, Vectors};
use core::arch::asm;
use partita_guest_rt::{hart, monitor, println};

/// Floating-point registers and `fcsr`.
pub type FloatingPoint = [u64; 33];

/// Supervisor registers that hold what is written to them (privileged specification 1.12, chapter 4):
/// `sscratch`, `sepc`, `scause`, `stval`, `scounteren`.
const MASKS: [u64; 5] = [u64::MAX, !0b11, 0x8000_0000_0000_001f, u64::MAX, 0b111];

/// A page table.
#[repr(C, align(4096))]
pub struct PageTable([u64; 512]);

/// Page tables that map the lower 4 GiB onto themselves, so that `satp` can be told apart too.
pub static IDENTITY: PageTable = PageTable(identity());

const fn identity() -> [u64; 512] {
    let mut entries = [0; 512];
    let mut gigabyte = 0;
    while gigabyte < 4 {
        // Valid, readable, writable, executable, accessed, dirty.
        entries[gigabyte] = (gigabyte as u64) << 28 | 0xcf;
        gigabyte += 1;
    }
    entries
}

/// Sets all registers to values made from `seed:`, then for `rounds:` gives the core away or spins
/// (`spin:1`), and checks them. With `fp:0` it leaves floating point alone;
/// with `vector:1` it uses vectors too.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let seed = arguments.number("seed", 1) as u64;
    let rounds = arguments.number("rounds", 1000) as u64;
    let period = 10 * arguments.number("period-us", 100) as u64;
    let spins = arguments.number("spin", 0) != 0;
    let uses_floating_point = arguments.number("fp", 1) != 0;
    hart::enable_sources(hart::source::TIMER);
    let translation = 8 << 60 | (seed & 0xffff) << 44 | (&raw const IDENTITY as u64) >> 12;
    // SAFETY: the tables map all that this program uses onto itself.
    unsafe { asm!("csrw satp, {}", "sfence.vma", in(reg) translation) };
    let width = match arguments.number("vector", 0) {
        0 => 0,
        _ => vectors::turn_on(),
    };
    println!("registers: running, {width} bytes in a vector register");
    let mut wrong = 0;
    for round in 0..rounds {
        let mut value = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(round);
        let mut next = || {
            value = value
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            value
        };
        let floating_point: FloatingPoint = core::array::from_fn(|index| {
            let value = next();
            // `fcsr` has a rounding mode, of which 5 to 7 are none, and five flags.
            if index == 32 { value & 0x7f } else { value }
        });
        let supervisor = MASKS.map(|mask| next() & mask);
        if uses_floating_point {
            write_floating_point(&floating_point);
        }
        let vector = Vectors::new(width, &mut next);
        if width != 0 {
            vectors::write(&vector);
        }
        write_supervisor(&supervisor);
        let until = hart::time() + period;
        if spins {
            while hart::time() < until {}
        } else {
            wait_until(until);
        }
        let found = read_supervisor();
        if found != supervisor {
            wrong += 1;
            println!("registers: supervisor {found:x?} not {supervisor:x?}");
        }
        if uses_floating_point && read_floating_point() != floating_point {
            wrong += 1;
            println!("registers: floating point differs in round {round}");
        }
        if width != 0 {
            let found = vectors::read();
            if found != vector {
                wrong += 1;
                println!("registers: vectors differ in round {round}");
                found.tell_difference(&vector, width);
            }
        }
        let found: u64;
        // SAFETY: reads a register.
        unsafe { asm!("csrr {}, satp", out(reg) found) };
        if found != translation {
            wrong += 1;
            println!("registers: satp {found:#x} not {translation:#x}");
        }
    }
    println!("registers: {rounds} rounds, {wrong} wrong");
    rest()
}

/// For a partition that has promised not to: turns floating point on and uses it.
pub fn use_floating_point() -> ! {
    println!("floating-point: running");
    hart::enable_sources(hart::source::TIMER);
    write_floating_point(&[0x4242; 33]);
    println!("floating-point: used");
    loop {
        wait_until(hart::time() + 1000);
    }
}

/// Leaves values in all floating-point registers and gives up.
pub fn leave_floating_point() -> ! {
    println!("floating-point: running");
    write_floating_point(&[0x5ec2e7; 33]);
    monitor::panic(7)
}

/// For a partition that has promised not to use floating point: looks what it would find there, and
/// turns it off again.
pub fn find_floating_point() -> ! {
    println!("floating-point: running");
    // SAFETY: turns floating point on, which this program is compiled without.
    unsafe { asm!("csrs sstatus, {}", in(reg) 1 << 13) };
    let found = read_floating_point();
    // SAFETY: turns it off.
    unsafe { asm!("csrc sstatus, {}", in(reg) 3 << 13) };
    let left = found.iter().filter(|value| **value != 0).count();
    println!("floating-point: {left} registers hold something");
    rest()
}

/// For a partition that has promised not to: turns vectors on and uses them.
pub fn use_vectors() -> ! {
    hart::enable_sources(hart::source::TIMER);
    write_vectors();
    println!("vectors: used");
    loop {
        wait_until(hart::time() + 1000);
    }
}

/// Leaves values in all vector registers and gives up.
pub fn leave_vectors() -> ! {
    write_vectors();
    monitor::panic(7)
}

fn write_vectors() {
    let width = vectors::turn_on();
    println!("vectors: running, {width} bytes in a register");
    vectors::write(&Vectors::new(width, || 0x5ec2_e75e_c2e7_5ec2));
}

/// Looks what it would find in vector registers, and turns them off again.
pub fn find_vectors() -> ! {
    println!("vectors: running");
    let width = vectors::turn_on();
    let left = vectors::read().left(width);
    vectors::turn_off();
    println!("vectors: {left} registers hold something");
    rest()
}

fn write_supervisor(values: &[u64; 5]) {
    // SAFETY: interrupts are off and nothing traps before the values are read back, except the calls
    // to the monitor, which return here; the trap vector does not use `sscratch`.
    unsafe {
        asm!(
            "csrw sscratch, {}", "csrw sepc, {}", "csrw scause, {}", "csrw stval, {}",
            "csrw scounteren, {}",
            in(reg) values[0], in(reg) values[1], in(reg) values[2], in(reg) values[3],
            in(reg) values[4],
        );
    }
}

fn read_supervisor() -> [u64; 5] {
    let mut values = [0; 5];
    // SAFETY: reads registers.
    unsafe {
        asm!(
            "csrr {}, sscratch", "csrr {}, sepc", "csrr {}, scause", "csrr {}, stval",
            "csrr {}, scounteren",
            out(reg) values[0], out(reg) values[1], out(reg) values[2], out(reg) values[3],
            out(reg) values[4],
        );
    }
    values
}

macro_rules! for_each_register {
    ($instruction:literal) => {
        concat!(
            ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,\
             30,31\n",
            $instruction,
            " f\\n, 8*\\n({s})\n.endr"
        )
    };
}

/// Turns floating point on and writes its registers.
pub fn write_floating_point(values: &FloatingPoint) {
    // SAFETY: this program is compiled without floating point, so no register is in use.
    unsafe {
        asm!(
            "csrs sstatus, {on}",
            ".option push",
            ".option arch, +d",
            for_each_register!("fld"),
            ".option pop",
            "csrw fcsr, {control}",
            on = in(reg) 1 << 13,
            s = in(reg) values.as_ptr(),
            control = in(reg) values[32],
        );
    }
}

/// Reads the floating-point registers.
pub fn read_floating_point() -> FloatingPoint {
    let mut values = [0; 33];
    // SAFETY: as in `write_floating_point`; there is room for 32 registers.
    unsafe {
        asm!(
            ".option push",
            ".option arch, +d",
            for_each_register!("fsd"),
            ".option pop",
            "csrr {control}, fcsr",
            s = in(reg) values.as_mut_ptr(),
            control = out(reg) values[32],
        );
    }
    values
}
