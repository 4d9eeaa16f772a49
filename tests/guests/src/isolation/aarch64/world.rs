//! Levels: code that is executed there and comes back, whatever becomes of it. In the normal world the prober is at
//! EL2, and has EL1 beneath it; as a program of the secure world it is at EL1.

use super::super::{Outcome, Trap};
use crate::vector_registers;
use core::arch::{asm, global_asm};
use core::ptr::with_exposed_provenance_mut;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Where code is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// EL1 beneath the prober, without a second translation.
    One,
    /// The prober's own.
    Own,
}

/// Whether the prober is a program of the secure world: at EL1.
pub fn is_program() -> bool {
    let level: u64;
    // SAFETY: reads `CurrentEL`.
    unsafe { asm!("mrs {}, currentel", out(reg) level, options(nomem, nostack)) };
    level == 1 << 2
}

/// In `SPSR_EL2`: EL1 with its own stack, all interrupts masked.
const EL1: usize = 0x3c5;
/// `HCR_EL2.RW`: EL1 is AArch64.
const EL1_IS_64_BIT: u64 = 1 << 31;
/// `GICD_CTLR`.
const DISTRIBUTOR_CONTROL: usize = 0x0800_0000;
/// An interrupt that no core of this partition uses for anything.
const OWN_INTERRUPT: u64 = 3;
/// That of the physical timer of EL1.
const TIMER: u64 = 30;
/// The first one that a program of the secure world gets.
const OF_PROGRAM: u64 = 8;
/// `GICR_ISENABLER0` and `GICR_IPRIORITYR0` of the first core (GICv3, IHI 0069, 12.11).
const ENABLE: usize = 0x080b_0100;
const PRIORITY: usize = 0x080b_0400;

/// Whether the prober is in Linux's place, at EL1.
static IS_LINUX: AtomicBool = AtomicBool::new(false);

/// Makes exceptions of both levels come to this program.
pub fn prepare(is_linux: bool) {
    IS_LINUX.store(is_linux, Relaxed);
    if is_program() {
        vector_registers::turn_on();
        // SAFETY: the vectors are those below; the runtime's are needed no more, as interrupts stay masked.
        unsafe {
            asm!(
                "adrp {vector}, prober_vector_own",
                "add {vector}, {vector}, :lo12:prober_vector_own",
                "msr vbar_el1, {vector}",
                "isb",
                vector = out(reg) _,
                options(nostack)
            );
        }
        return;
    }
    // SAFETY: the vectors are those below; nothing runs at EL1 yet.
    unsafe {
        asm!(
            "msr hcr_el2, {control}",
            "adrp {vector}, prober_vector_2",
            "add {vector}, {vector}, :lo12:prober_vector_2",
            "msr vbar_el2, {vector}",
            "adrp {vector}, prober_vector_1",
            "add {vector}, {vector}, :lo12:prober_vector_1",
            "msr vbar_el1, {vector}",
            "isb",
            control = in(reg) EL1_IS_64_BIT,
            vector = out(reg) _,
            options(nostack)
        );
    }
}

/// Executes the code at `code`, which ends with a return, with these in `x0` to `x17`, where it may leave something
/// else. Returns its `x0`, or the exception: the syndrome and the address. Whatever it does to memory is to be
/// denied, or is to memory that Rust does not know of: the table says so.
pub fn execute(level: Level, code: usize, registers: &mut [usize; 18]) -> Result<usize, Trap> {
    // SAFETY: the function comes back with its caller's registers; what the code does is said above.
    let Executed { syndrome, address } =
        unsafe { prober_execute(code, registers, if level == Level::One { EL1 } else { 0 }) };
    match syndrome {
        0 => Ok(registers[0]),
        cause => Err(Trap {
            cause,
            value: address,
        }),
    }
}

/// Executes the AArch32 code at `code` at EL1, from the state `status` on. A timer ends its waiting after `ticks`.
/// Returns the syndrome of the exception that takes it to EL2.
pub fn execute_32(code: usize, status: usize, ticks: u64) -> usize {
    listen_to(TIMER, 0x80);
    // SAFETY: nothing runs at EL1 meanwhile but that code, which reaches EL2 by an exception; what it may change of
    // registers is below 4 GiB, as everything here is.
    let executed = unsafe {
        asm!(
            "msr cntp_tval_el0, {ticks}",
            "msr cntp_ctl_el0, {on}",
            "msr hcr_el2, xzr",
            "isb",
            ticks = in(reg) ticks,
            on = in(reg) 1_u64,
            options(nostack)
        );
        let executed = prober_execute(code, &mut [0; 18], status);
        asm!(
            "msr cntp_ctl_el0, xzr",
            "msr hcr_el2, {control}",
            "isb",
            control = in(reg) EL1_IS_64_BIT,
            options(nostack)
        );
        executed
    };
    executed.syndrome
}

/// Runs while an interrupt of the highest priority that there is for this world is taken, and not ended. Returns its
/// number.
pub fn with_interrupt(action: impl FnOnce()) -> usize {
    if is_program() && !IS_LINUX.load(Relaxed) {
        open();
        send(OF_PROGRAM);
    } else {
        raise(0);
    }
    let taken = take();
    action();
    end(taken);
    taken as usize
}

/// Runs with translation at EL2: the first 4 GiB onto themselves, as normal memory without caches, so that any
/// address may be accessed.
pub fn translated<T>(action: impl FnOnce() -> T) -> T {
    /// Level 1 of 4 GiB: blocks of 1 GiB, accessed, of the first kind of memory (DDI 0487, D8.3).
    #[repr(align(4096))]
    struct Table([u64; 4]);
    static TABLE: Table = {
        const BLOCK: u64 = 1 << 10 | 1;
        Table([BLOCK, 1 << 30 | BLOCK, 2 << 30 | BLOCK, 3 << 30 | BLOCK])
    };
    /// 32 bits of address in 4 KiB pages, read without caches; 40 bits of physical address; what reads as one.
    const CONTROL: u64 = 1 << 31 | 1 << 23 | 2 << 16 | 32;
    // SAFETY: everything stays where it is.
    unsafe {
        asm!(
            "msr mair_el2, {kind}",
            "msr tcr_el2, {control}",
            "msr ttbr0_el2, {table}",
            "tlbi alle2",
            "dsb sy",
            "isb",
            "mrs {system}, sctlr_el2",
            "orr {system}, {system}, #1",
            "msr sctlr_el2, {system}",
            "isb",
            kind = in(reg) 0x44_u64,
            control = in(reg) CONTROL,
            table = in(reg) TABLE.0.as_ptr(),
            system = out(reg) _,
            options(nostack)
        );
    }
    let outcome = action();
    // SAFETY: back to where it was.
    unsafe {
        asm!(
            "mrs {system}, sctlr_el2",
            "bic {system}, {system}, #1",
            "msr sctlr_el2, {system}",
            "isb",
            system = out(reg) _,
            options(nostack)
        );
    }
    outcome
}

/// Runs as a program with translation: the first 4 GiB onto themselves, and then once more as addresses of the normal
/// world, all as normal memory without caches.
pub fn translated_program<T>(action: impl FnOnce() -> T) -> T {
    /// 33 bits of address in 4 KiB pages, read without caches, by the first table alone; 40 bits of physical address.
    const CONTROL: u64 = 2 << 32 | 1 << 23 | 31;
    translated_by(CONTROL, 0, action)
}

/// Runs as a program with the same translation, and with a second table at an address, which translates 39 bits of
/// addresses from the highest one down.
pub fn walked<T>(table: usize, action: impl FnOnce() -> T) -> T {
    /// As above, and for the second table: 4 KiB pages, read without caches, 39 bits.
    const CONTROL: u64 = 2 << 32 | 2 << 30 | 25 << 16 | 31;
    translated_by(CONTROL, table, action)
}

fn translated_by<T>(control: u64, second: usize, action: impl FnOnce() -> T) -> T {
    /// Level 1 of 8 GiB: blocks of 1 GiB, accessed, of the first kind of memory, `NS` in the second half (DDI 0487,
    /// D8.3).
    #[repr(align(4096))]
    struct Table([u64; 8]);
    static TABLE: Table = {
        const BLOCK: u64 = 1 << 10 | 1;
        const NORMAL: u64 = BLOCK | 1 << 5;
        Table([
            BLOCK,
            1 << 30 | BLOCK,
            2 << 30 | BLOCK,
            3 << 30 | BLOCK,
            NORMAL,
            1 << 30 | NORMAL,
            2 << 30 | NORMAL,
            3 << 30 | NORMAL,
        ])
    };
    // SAFETY: everything stays where it is.
    unsafe {
        asm!(
            "msr mair_el1, {kind}",
            "msr tcr_el1, {control}",
            "msr ttbr0_el1, {table}",
            "msr ttbr1_el1, {second}",
            "tlbi vmalle1",
            "dsb sy",
            "isb",
            "mrs {system}, sctlr_el1",
            "orr {system}, {system}, #1",
            "msr sctlr_el1, {system}",
            "isb",
            kind = in(reg) 0x44_u64,
            control = in(reg) control,
            table = in(reg) TABLE.0.as_ptr(),
            second = in(reg) second,
            system = out(reg) _,
            options(nostack)
        );
    }
    let outcome = action();
    // SAFETY: back to where it was.
    unsafe {
        asm!(
            "mrs {system}, sctlr_el1",
            "bic {system}, {system}, #1",
            "msr sctlr_el1, {system}",
            "isb",
            system = out(reg) _,
            options(nostack)
        );
    }
    outcome
}

/// Runs with interrupts kept away, in these ways at once: exceptions masked (1), the priority mask closed (2), the
/// group disabled at the core (4) and in the distributor (8).
pub fn masked(ways: usize, action: impl FnOnce()) {
    let distributor = with_exposed_provenance_mut::<u32>(DISTRIBUTOR_CONTROL);
    // SAFETY: this core's own view of the interrupt controller, and it takes no interrupts.
    unsafe {
        asm!("msr daifset, #0xf", options(nostack));
        let before = if ways & 8 == 0 {
            0
        } else {
            distributor.read_volatile()
        };
        if ways & 2 != 0 {
            asm!("msr S3_0_C4_C6_0, xzr", "isb", options(nostack));
        }
        if ways & 4 != 0 {
            asm!("msr S3_0_C12_C12_7, xzr", "isb", options(nostack));
        }
        if ways & 8 != 0 {
            distributor.write_volatile(0);
        }
        action();
        if ways & 8 != 0 {
            distributor.write_volatile(before);
        }
        open();
    }
}

/// Lets interrupts of every priority through to this core.
fn open() {
    // SAFETY: this core's own interface (ICC_PMR_EL1, ICC_IGRPEN1_EL1).
    unsafe {
        asm!(
            "msr S3_0_C4_C6_0, {lowest}",
            "msr S3_0_C12_C12_7, {one}",
            "isb",
            lowest = in(reg) 0xff_u64,
            one = in(reg) 1_u64,
            options(nostack)
        );
    }
}

/// Interrupts itself, and takes that, again and again.
pub fn storm(times: usize) -> Outcome {
    let mut passed = 0;
    for _ in 0..times {
        raise(0x80);
        let taken = take();
        end(taken);
        passed += usize::from(taken == OWN_INTERRUPT);
    }
    let denied = times - passed;
    Outcome::Count { denied, passed }
}

/// Has an interrupt of this priority pending on the first core, which is the only one of this partition.
fn raise(its: u8) {
    listen_to(OWN_INTERRUPT, its);
    send(OWN_INTERRUPT);
}

/// Has an interrupt of the first core's come with this priority.
fn listen_to(number: u64, its: u8) {
    let distributor = with_exposed_provenance_mut::<u32>(DISTRIBUTOR_CONTROL);
    let enable = with_exposed_provenance_mut::<u32>(ENABLE);
    let priority = with_exposed_provenance_mut::<u8>(PRIORITY + number as usize);
    // SAFETY: this core's part of the interrupt controller.
    unsafe {
        // The group is enabled, with affinities.
        distributor.write_volatile(distributor.read_volatile() | 0x12);
        priority.write_volatile(its);
        enable.write_volatile(1 << number);
    }
    open();
}

/// Interrupts the first core (ICC_SGI1R_EL1).
fn send(number: u64) {
    // SAFETY: exceptions are masked.
    unsafe {
        asm!(
            "msr S3_0_C12_C11_5, {send}",
            "isb",
            "dsb sy",
            send = in(reg) number << 24 | 1,
            options(nostack)
        );
    }
}

/// Takes the most urgent interrupt (ICC_IAR1_EL1).
fn take() -> u64 {
    let taken;
    // SAFETY: this core's own interface.
    unsafe { asm!("mrs {}, S3_0_C12_C12_0", "isb", out(reg) taken, options(nostack)) };
    taken
}

/// Ends an interrupt (ICC_EOIR1_EL1).
fn end(taken: u64) {
    // SAFETY: this core's own interface.
    unsafe { asm!("msr S3_0_C12_C12_1, {}", "isb", in(reg) taken, options(nostack)) };
}

/// What the function below returns.
#[repr(C)]
struct Executed {
    /// 0 if it came back by itself.
    syndrome: usize,
    address: usize,
}

unsafe extern "C" {
    fn prober_execute(code: usize, registers: &mut [usize; 18], status: usize) -> Executed;
}

global_asm!(
    r#"
    .pushsection .text.prober, "ax", @progbits
    .balign 2048
prober_vector_2:
    .irp number, 0,1,2,3
    .balign 128
    b       .
    .endr
    /* Synchronous, from EL2 itself. */
    .balign 128
    mrs     x0, esr_el2
    mrs     x1, far_el2
    b       prober_trapped
    .irp number, 5,6,7
    .balign 128
    b       .
    .endr
    /* Synchronous, from EL1: the end (`hvc #0`), or what its vector says (`hvc #1`). */
    .balign 128
    mrs     x22, esr_el2
    lsr     x23, x22, #26
    cmp     x23, #0x16
    b.ne    1f
    and     x23, x22, #0xffff
    cbz     x23, prober_came_back
    b       prober_trapped
1:
    mov     x0, x22
    mrs     x1, far_el2
    b       prober_trapped
    .irp number, 9,10,11
    .balign 128
    b       .
    .endr
    /* Synchronous, from EL1 with 32 bits. */
    .balign 128
    mrs     x0, esr_el2
    mrs     x1, far_el2
    b       prober_trapped
    .irp number, 13,14,15
    .balign 128
    b       .
    .endr
    .balign 128
prober_trapped:
    adr     x22, prober_recovered
    b       1f
prober_came_back:
    adr     x22, prober_passed
1:
    msr     elr_el2, x22
    mov     x22, #0x3c9
    msr     spsr_el2, x22
    eret

    .balign 2048
prober_vector_own:
    .irp number, 0,1,2,3
    .balign 128
    b       .
    .endr
    /* Synchronous, from EL1 itself. */
    .balign 128
    mrs     x0, esr_el1
    mrs     x1, far_el1
    adr     x22, prober_recovered
    msr     elr_el1, x22
    mov     x22, #0x3c5
    msr     spsr_el1, x22
    eret
    .irp number, 5,6,7,8,9,10,11,12,13,14,15
    .balign 128
    b       .
    .endr

    .balign 2048
prober_vector_1:
    .irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    .balign 128
    mrs     x0, esr_el1
    mrs     x1, far_el1
    hvc     #1
    .endr
    .balign 128
prober_end_1:
    hvc     #0

    .global prober_execute
prober_execute:
    stp     x29, x30, [sp, #-96]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    mov     x29, sp
    mov     x19, x0
    mov     x20, x1
    mov     x21, x2
    ic      iallu
    dsb     sy
    isb
    ldp     x0, x1, [x20]
    ldp     x2, x3, [x20, #16]
    ldp     x4, x5, [x20, #32]
    ldp     x6, x7, [x20, #48]
    ldp     x8, x9, [x20, #64]
    ldp     x10, x11, [x20, #80]
    ldp     x12, x13, [x20, #96]
    ldp     x14, x15, [x20, #112]
    ldp     x16, x17, [x20, #128]
    cbnz    x21, 1f
    blr     x19
    b       prober_passed
1:
    msr     elr_el2, x19
    msr     spsr_el2, x21
    adr     x30, prober_end_1
    isb
    eret
prober_passed:
    stp     x0, x1, [x20]
    stp     x2, x3, [x20, #16]
    stp     x4, x5, [x20, #32]
    stp     x6, x7, [x20, #48]
    stp     x8, x9, [x20, #64]
    stp     x10, x11, [x20, #80]
    stp     x12, x13, [x20, #96]
    stp     x14, x15, [x20, #112]
    stp     x16, x17, [x20, #128]
    mov     x0, xzr
    mov     x1, xzr
prober_recovered:
    mov     sp, x29
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #96
    ret
    .popsection
"#
);
