//! Exceptions taken to S-EL1: every register is saved, then the partition's handler is called.

use crate::interrupts::{self, Reason};
use crate::{monitor, println};
use core::mem;
use core::sync::atomic::{AtomicPtr, Ordering};

/// The code of an unexpected trap in the health event.
pub const UNEXPECTED_TRAP_CODE: u64 = 2;

/// What took the core to the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An interrupt that the monitor sent.
    Interrupt(Reason),
    /// A synchronous exception; the value of `ESR_EL1`.
    Exception(u64),
}

/// The interrupted program. What a handler changes here is what the program continues with.
#[repr(C)]
#[derive(Debug, Clone)]
pub struct TrapFrame {
    /// `x0` to `x30`.
    pub registers: [u64; 31],
    /// The interrupted instruction (`ELR_EL1`). After an exception the handler may have to move it on.
    pub program_counter: u64,
    /// `SPSR_EL1`.
    pub status: u64,
    /// `ESR_EL1`.
    pub syndrome: u64,
    /// `FAR_EL1`: the address that an exception is about.
    pub address: u64,
    /// Which entry of the vector table it was, in steps of 128 bytes.
    vector: u64,
}

/// Entries of the vector table (Arm ARM, D1.4.1.1): of each four the second is an interrupt.
const INTERRUPT: u64 = 1;

/// What handles traps.
pub type Handler = fn(&mut TrapFrame, Cause);

/// The handler as a pointer; null until one is set.
static HANDLER: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Makes `handler` handle all traps. Until then every trap stops the partition.
pub fn set_handler(handler: Handler) {
    HANDLER.store(handler as *mut (), Ordering::Release);
}

/// Says on the console what trap this is and stops the partition: for handlers, about traps that they
/// do not know.
pub fn unexpected(frame: &TrapFrame) -> ! {
    stop(
        frame.syndrome as usize,
        frame.program_counter as usize,
        frame.address as usize,
    )
}

/// As [`unexpected`], for runtimes with a vector table of their own.
pub fn stop(cause: usize, program_counter: usize, value: usize) -> ! {
    let image = &raw const __image_start as usize;
    println!(
        "unexpected trap: cause {cause:#x}, at {program_counter:#x} (image at {image:#x}), \
         value {value:#x}"
    );
    monitor::panic(UNEXPECTED_TRAP_CODE)
}

/// Called by the vector with the frame on the stack.
extern "C" fn partita_trap(frame: &mut TrapFrame) {
    let handler = HANDLER.load(Ordering::Acquire);
    if handler.is_null() {
        unexpected(frame);
    }
    // SAFETY: `set_handler` alone stores a non-null pointer, and it stores a `Handler`.
    let handler: Handler = unsafe { mem::transmute(handler) };
    if frame.vector % 4 != INTERRUPT {
        handler(frame, Cause::Exception(frame.syndrome));
        return;
    }
    let interrupt = interrupts::acknowledge();
    if let Some(reason) = interrupts::reason(interrupt) {
        handler(frame, Cause::Interrupt(reason));
        interrupts::complete(interrupt);
    }
}

unsafe extern "C" {
    /// Where the packer placed the image, from the linker script.
    static __image_start: u8;
}

core::arch::global_asm!(
    r#"
    .pushsection .text.partita_trap_vector, "ax", @progbits
    .balign 2048
    .global partita_trap_vector
partita_trap_vector:
    .irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    .balign 128
    sub     sp, sp, #{frame_size}
    stp     x0, x1, [sp]
    mov     x0, #\number
    b       partita_save
    .endr
    .balign 128
partita_save:
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    str     x30, [sp, #240]
    mrs     x1, elr_el1
    mrs     x2, spsr_el1
    stp     x1, x2, [sp, #248]
    mrs     x1, esr_el1
    mrs     x2, far_el1
    stp     x1, x2, [sp, #264]
    str     x0, [sp, #280]
    mov     x0, sp
    bl      {handler}
    ldp     x1, x2, [sp, #248]
    msr     elr_el1, x1
    msr     spsr_el1, x2
    ldr     x30, [sp, #240]
    ldp     x2, x3, [sp, #16]
    ldp     x4, x5, [sp, #32]
    ldp     x6, x7, [sp, #48]
    ldp     x8, x9, [sp, #64]
    ldp     x10, x11, [sp, #80]
    ldp     x12, x13, [sp, #96]
    ldp     x14, x15, [sp, #112]
    ldp     x16, x17, [sp, #128]
    ldp     x18, x19, [sp, #144]
    ldp     x20, x21, [sp, #160]
    ldp     x22, x23, [sp, #176]
    ldp     x24, x25, [sp, #192]
    ldp     x26, x27, [sp, #208]
    ldp     x28, x29, [sp, #224]
    ldp     x0, x1, [sp]
    add     sp, sp, #{frame_size}
    eret
    .popsection
"#,
    frame_size = const size_of::<TrapFrame>(),
    handler = sym partita_trap,
);
