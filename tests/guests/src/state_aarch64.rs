//! Every system register that a program can write, which a switch has to keep, and what it finds in them.
//!
//! It knows no list of registers: it tries all encodings, and each bit of those that are there. It knows of a few what
//! must not be tried.

use crate::arguments::Arguments;
use crate::idle::rest;
use crate::isolation::{is_program, say};
use crate::vector_registers;
use core::arch::{asm, global_asm};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering::SeqCst};
use partita_guest_rt::trap::{self, Cause, TrapFrame};
use partita_guest_rt::{hart, interrupts, println, smc};

/// Writes a line.
macro_rules! say {
    ($($argument:tt)*) => { say(format_args!($($argument)*)) };
}

/// The most registers that there is room for.
const MOST: usize = 256;
/// `mrs x0, register`, `msr register, x0` and `ret` (DDI 0487, C6.2), without the register.
const READ: u32 = 0xd520_0000;
const WRITE: u32 = 0xd500_0000;
const RETURN: u32 = 0xd65f_03c0;

/// `op0`, `op1`, `CRn`, `CRm` and `op2` as instructions have them.
const fn encoding(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> u32 {
    op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2
}

/// Reading one takes an interrupt (`ICC_IAR0_EL1`, `ICC_IAR1_EL1`).
const NOT_READ: [u32; 2] = [encoding(3, 0, 12, 8, 0), encoding(3, 0, 12, 12, 0)];

/// Of these only some bits are written: the rest decides how this program runs, what it may be interrupted by, or is
/// a view of something else.
const WRITTEN: [(u32, u64); 23] = [
    // SCTLR_EL1: what EL0 may do.
    (
        encoding(3, 0, 1, 0, 0),
        1 << 9 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 18 | 1 << 26,
    ),
    // CPACR_EL1: whether EL0 has floating point.
    (encoding(3, 0, 1, 0, 2), 1 << 21),
    // SPSel, PAN, UAO, NZCV, DAIF.
    (encoding(3, 0, 4, 2, 0), 0),
    (encoding(3, 0, 4, 2, 3), 0),
    (encoding(3, 0, 4, 2, 4), 0),
    (encoding(3, 3, 4, 2, 0), 0),
    (encoding(3, 3, 4, 2, 1), 0),
    // ICC_PMR_EL1: above the monitor's priorities. ICC_AP1R0_EL1: active priorities below these.
    (encoding(3, 0, 4, 6, 0), 0x70),
    (encoding(3, 0, 12, 9, 0), 0xfff0_0000),
    // CNTP_TVAL_EL0, CNTP_CTL_EL0, CNTV_TVAL_EL0, CNTV_CTL_EL0, CNTPS_TVAL_EL1, CNTPS_CTL_EL1.
    (encoding(3, 3, 14, 2, 0), 0),
    (encoding(3, 3, 14, 2, 1), 3),
    (encoding(3, 3, 14, 3, 0), 0),
    (encoding(3, 3, 14, 3, 1), 3),
    (encoding(3, 7, 14, 2, 0), 0),
    (encoding(3, 7, 14, 2, 1), 3),
    // SCTLR_EL2: `WXN`, which does nothing without translation. HCR_EL2: not what changes EL2 itself. CPTR_EL2: not what
    // traps FPEXC32_EL2. VBAR_EL2.
    (encoding(3, 4, 1, 0, 0), 1 << 19),
    (encoding(3, 4, 1, 1, 0), !(1 << 34 | 1 << 27)),
    (encoding(3, 4, 1, 1, 2), !(1 << 10)),
    (encoding(3, 4, 12, 0, 0), 0),
    // CNTHP_TVAL_EL2, CNTHP_CTL_EL2, CNTHV_TVAL_EL2, CNTHV_CTL_EL2.
    (encoding(3, 4, 14, 2, 0), 0),
    (encoding(3, 4, 14, 2, 1), 3),
    (encoding(3, 4, 14, 3, 0), 0),
    (encoding(3, 4, 14, 3, 1), 3),
];

/// Whether the last instruction was not taken.
static FAULTED: AtomicBool = AtomicBool::new(false);

/// Goes on behind an instruction that was not taken.
fn handle(frame: &mut TrapFrame, cause: Cause) {
    if matches!(cause, Cause::Exception(_)) {
        FAULTED.store(true, SeqCst);
        frame.program_counter += 4;
    }
}

/// Instructions of its own for each register: they are written once.
struct Code(UnsafeCell<[[u32; 4]; MOST]>);

// SAFETY: one core writes it, before it executes it.
unsafe impl Sync for Code {}

static CODE: Code = Code(UnsafeCell::new([[0; 4]; MOST]));

/// Too many for the stack.
struct List(UnsafeCell<[Register; MOST]>);

// SAFETY: one core uses it.
unsafe impl Sync for List {}

static LIST: List = List(UnsafeCell::new([Register::NONE; MOST]));

/// A register that can be read here.
#[derive(Clone, Copy)]
struct Register {
    encoding: u32,
    /// The bits that a write changes.
    mask: u64,
    /// The bits that were held as one and also as zero.
    held: u64,
    /// How often it was not as it had been left.
    differed: u32,
    ones: u64,
    before: u64,
    expected: u64,
    read: extern "C" fn() -> u64,
    write: extern "C" fn(u64),
}

impl Register {
    /// A place for one.
    const NONE: Self = {
        extern "C" fn read() -> u64 {
            0
        }
        extern "C" fn write(_: u64) {}
        Self {
            encoding: 0,
            mask: 0,
            held: 0,
            differed: 0,
            ones: 0,
            before: 0,
            expected: 0,
            read,
            write,
        }
    };

    /// The register with this encoding, with instructions at this index.
    fn new(index: usize, encoding: u32) -> Self {
        let field = encoding << 5;
        let place = CODE.0.get().cast::<[u32; 4]>();
        // SAFETY: the index is in range, and nobody executes what is there now. The instructions follow the C calling
        // convention.
        unsafe {
            let code = place.add(index);
            code.write_volatile([READ | field, RETURN, WRITE | field, RETURN]);
            asm!("dsb sy", "ic iallu", "dsb sy", "isb", options(nostack));
            let code = code.cast::<u32>();
            Self {
                encoding,
                read: core::mem::transmute::<*mut u32, extern "C" fn() -> u64>(code),
                write: core::mem::transmute::<*mut u32, extern "C" fn(u64)>(code.add(2)),
                ..Self::NONE
            }
        }
    }

    /// Whether it can be read, and which bits can be changed. Leaves it as it was.
    fn explore(&mut self) -> bool {
        FAULTED.store(false, SeqCst);
        let original = (self.read)();
        if FAULTED.load(SeqCst) {
            return false;
        }
        self.before = original;
        if let Some((_, mask)) = WRITTEN.iter().find(|(known, _)| *known == self.encoding) {
            self.mask = *mask;
            return true;
        }
        (self.write)(0);
        if FAULTED.load(SeqCst) {
            return true;
        }
        let zero = (self.read)();
        let mut mask = zero ^ original;
        for value in [u64::MAX].into_iter().chain((0..64).map(|bit| 1 << bit)) {
            (self.write)(value);
            mask |= (self.read)() ^ zero;
        }
        (self.write)(original);
        self.mask = mask;
        true
    }

    fn look(&self) -> u64 {
        let held = (self.read)();
        if self.mask == 0 {
            held
        } else {
            held & self.mask
        }
    }

    /// Takes what it holds now as what it has to hold.
    fn expect(&mut self) {
        self.expected = self.look();
        self.ones |= self.expected;
        self.held |= self.ones & !self.expected & self.mask;
    }
}

/// All registers that this core has here.
fn find() -> &'static mut [Register] {
    trap::set_handler(handle);
    find_among(|encoding| !NOT_READ.contains(&encoding))
}

/// Those that this core has of some. An exception sets [`FAULTED`] and goes on.
fn find_among(is_tried: impl Fn(u32) -> bool) -> &'static mut [Register] {
    // SAFETY: a program calls this once.
    let registers = unsafe { &mut *LIST.0.get() };
    let mut count = 0;
    for encoding in (0x8000..0x1_0000).filter(|encoding| is_tried(*encoding)) {
        let mut register = Register::new(count, encoding);
        if register.explore() {
            registers[count] = register;
            count += 1;
        }
        if count == MOST {
            say!("state: there are more registers than this program has room for");
            break;
        }
    }
    &mut registers[..count]
}

/// Says what it finds in all registers, leaves something in them, and starts again.
pub fn leave() -> ! {
    let (counter, status, syndrome, coprocessors): (u64, u64, u64, u64);
    // SAFETY: reads registers. What follows changes these.
    unsafe {
        asm!(
            "mrs {}, elr_el1", "mrs {}, spsr_el1", "mrs {}, esr_el1", "mrs {}, cpacr_el1",
            out(reg) counter, out(reg) status, out(reg) syndrome, out(reg) coprocessors,
            options(nostack)
        );
    }
    let traps = counter | status | syndrome;
    println!("state: found traps {traps:#x}");
    println!("state: found coprocessors {coprocessors:#x}");
    vector_registers::turn_on();
    println!(
        "state: found vectors {:#x}",
        vector_registers::differences(0)
    );
    let registers = find();
    for register in registers.iter() {
        let Register {
            encoding, before, ..
        } = register;
        println!("state: found {encoding:#x} {before:#x}");
    }
    println!("state: leaves something");
    vector_registers::fill(0x5ec2_5ec2_5ec2_5ec2);
    for register in registers.iter().filter(|register| register.mask != 0) {
        (register.write)(register.before | register.mask);
    }
    // Another program comes meanwhile, so that the monitor keeps what is here.
    let until = hart::time() + crate::neutral::ticks(300);
    while hart::time() < until {}
    smc::system_reset();
    rest()
}

/// Finds the registers, then sets all to values made from `seed:`, spins for `period-us:`, and compares; `rounds:`
/// times.
pub fn run(arguments: &Arguments<'_>) -> ! {
    println!("state: running");
    vector_registers::turn_on();
    interrupts::open();
    hold(arguments, find());
    rest()
}

/// The same with the registers of EL2, in Linux's place.
pub fn run_hypervisor(arguments: &Arguments<'_>) -> ! {
    say!("state: running");
    // SAFETY: the vector is below. Floating point does not trap.
    unsafe {
        asm!(
            "adrp {vector}, state_vector_2",
            "add {vector}, {vector}, :lo12:state_vector_2",
            "msr vbar_el2, {vector}",
            "isb",
            vector = out(reg) _,
            options(nostack)
        );
    }
    let is_of_hypervisor = |encoding: u32| encoding >> 11 & 7 == 4;
    hold(arguments, find_among(is_of_hypervisor));
    rest()
}

global_asm!(
    r#"
    .pushsection .text.state_vector_2, "ax", @progbits
    .balign 2048
state_vector_2:
    .irp number, 0,1,2,3
    .balign 128
    b       .
    .endr
    /* Synchronous, from EL2 itself: an instruction that was not taken. */
    .balign 128
    stp     x0, x1, [sp, #-16]!
    mrs     x0, elr_el2
    add     x0, x0, #4
    msr     elr_el2, x0
    adrp    x0, {faulted}
    add     x0, x0, :lo12:{faulted}
    mov     w1, #1
    strb    w1, [x0]
    ldp     x0, x1, [sp], #16
    eret
    .irp number, 5,6,7,8,9,10,11,12,13,14,15
    .balign 128
    b       .
    .endr
    .popsection
"#,
    faulted = sym FAULTED,
);

/// Holds values in the registers, round by round.
fn hold(arguments: &Arguments<'_>, registers: &mut [Register]) {
    let seed = arguments.number("seed", 1) as u64;
    let rounds = arguments.number("rounds", 100);
    let period = crate::neutral::ticks(arguments.number("period-us", 100));
    say!("state: {} registers", registers.len());
    let has_vectors = is_program();
    let mut vectors = 0;
    let mut general = 0_u64;
    for round in 0..rounds {
        let mut values = Values((seed << 32 | round as u64).wrapping_mul(Values::STEP));
        for register in registers.iter_mut() {
            register.before = (register.read)();
        }
        let pattern = values.next();
        if has_vectors {
            vector_registers::fill(pattern);
        }
        for register in registers.iter_mut().filter(|register| register.mask != 0) {
            let kept = register.before & !register.mask;
            (register.write)(kept | values.next() & register.mask);
        }
        for register in registers.iter_mut() {
            register.expect();
        }
        let until = hart::time() + period;
        while hart::time() < until {
            // SAFETY: it keeps to the calling convention.
            general |= unsafe { partita_test_general(values.next(), 200) };
        }
        let mut found = [0; MOST];
        for (found, register) in found.iter_mut().zip(registers.iter()) {
            *found = register.look();
        }
        if has_vectors {
            vectors += u32::from(vector_registers::differences(pattern) != 0);
        }
        for (found, register) in found.into_iter().zip(registers.iter_mut()) {
            register.differed += u32::from(found != register.expected);
            if register.mask != 0 {
                (register.write)(register.before);
            }
        }
    }
    for Register {
        encoding,
        held,
        differed,
        ..
    } in registers.iter()
    {
        say!("state: register {encoding:#x} {held:#x} {differed}");
    }
    say!("state: vectors {vectors} wrong");
    say!("state: general registers differ in {general:#x}");
    say!("state: {rounds} rounds");
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

unsafe extern "C" {
    /// Holds this in all general registers but four and in the condition flags for so many rounds, and says in which
    /// bits any of them differed.
    fn partita_test_general(value: u64, rounds: u64) -> u64;
}

global_asm!(
    r#"
    .pushsection .text.partita_test_general, "ax", @progbits
    .global partita_test_general
partita_test_general:
    stp     x19, x20, [sp, #-96]!
    stp     x21, x22, [sp, #16]
    stp     x23, x24, [sp, #32]
    stp     x25, x26, [sp, #48]
    stp     x27, x28, [sp, #64]
    stp     x29, x30, [sp, #80]
    /* x0: the value, x1: rounds left, x2: differences, x3: for use. */
    mov     x2, xzr
    .irp number, 4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    mov     x\number, x0
    .endr
    /* Bits 31 to 28 of the value. */
    msr     nzcv, x0
1:
    .irp number, 4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    eor     x3, x\number, x0
    orr     x2, x2, x3
    .endr
    mrs     x3, nzcv
    eor     x3, x3, x0
    and     x3, x3, #0xf0000000
    orr     x2, x2, x3
    sub     x1, x1, #1
    cbnz    x1, 1b
    mov     x0, x2
    ldp     x21, x22, [sp, #16]
    ldp     x23, x24, [sp, #32]
    ldp     x25, x26, [sp, #48]
    ldp     x27, x28, [sp, #64]
    ldp     x29, x30, [sp, #80]
    ldp     x19, x20, [sp], #96
    ret
    .popsection
"#
);
