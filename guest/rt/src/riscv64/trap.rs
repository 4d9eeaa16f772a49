//! Traps to S-mode: every register is saved, then the partition's handler is called.

use crate::{monitor, println, probe};
use core::mem;
use core::sync::atomic::{AtomicPtr, Ordering};

/// The code of an unexpected trap in the health event.
pub const UNEXPECTED_TRAP_CODE: u64 = 2;

/// `scause` of interrupts has this bit set (RISC-V privileged 1.12, chapter 4.1.8).
pub const INTERRUPT: usize = 1 << (usize::BITS - 1);
/// `scause` of an inter-processor interrupt.
pub const SOFTWARE_INTERRUPT: usize = INTERRUPT | 1;
/// `scause` of a timer interrupt.
pub const TIMER_INTERRUPT: usize = INTERRUPT | 5;
/// `scause` of a device's interrupt.
pub const EXTERNAL_INTERRUPT: usize = INTERRUPT | 9;
/// `scause` of an instruction fetch that the protection denied.
pub const INSTRUCTION_ACCESS_FAULT: usize = 1;
/// `scause` of an illegal instruction.
pub const ILLEGAL_INSTRUCTION: usize = 2;
/// `scause` of a load that the protection denied.
pub const LOAD_ACCESS_FAULT: usize = 5;
/// `scause` of a call from user mode.
pub const USER_CALL: usize = 8;
/// `sstatus` of a trap from supervisor mode (RISC-V privileged 1.12, chapter 4.1.1).
pub(crate) const FROM_SUPERVISOR: usize = 1 << 8;
/// `scause` of a store or an atomic operation that the protection denied.
pub const STORE_ACCESS_FAULT: usize = 7;

/// The interrupted program. What a handler changes here is what the program continues with.
#[repr(C)]
#[derive(Debug, Clone)]
pub struct TrapFrame {
    /// The integer registers by number; writing number 0 has no effect.
    pub registers: [usize; 32],
    /// The interrupted instruction (`sepc`). After an exception the handler has to move it on.
    pub program_counter: usize,
    /// `sstatus` as the trap left it.
    pub status: usize,
    /// `scause`.
    pub cause: usize,
    /// `stval`: the address or instruction that an exception is about.
    pub value: usize,
}

/// The number of the register that holds the return address.
pub(crate) const RETURN_ADDRESS: usize = 1;
/// The number of the first argument register; the next follows.
pub(crate) const ARGUMENT_0: usize = 10;

/// What handles traps.
pub type Handler = fn(&mut TrapFrame);

/// The handler as a pointer; null until one is set.
static HANDLER: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Makes `handler` handle all traps of all harts, but for the faults of [`probe`]. Until then every
/// trap stops the partition.
pub fn set_handler(handler: Handler) {
    HANDLER.store(handler as *mut (), Ordering::Release);
}

/// Says on the console what trap this is and stops the partition: for handlers, about traps that they
/// do not know.
pub fn unexpected(frame: &TrapFrame) -> ! {
    stop(frame.cause, frame.program_counter, frame.value)
}

/// As [`unexpected`], for runtimes with a trap vector of their own.
pub fn stop(cause: usize, program_counter: usize, value: usize) -> ! {
    let image = &raw const __image_start as usize;
    println!(
        "unexpected trap: cause {cause:#x}, at {program_counter:#x} (image at {image:#x}), \
         value {value:#x}"
    );
    monitor::panic(UNEXPECTED_TRAP_CODE)
}

/// Called by the vector with the frame on the interrupted program's stack.
extern "C" fn partita_trap(frame: &mut TrapFrame) {
    if probe::recover(frame) {
        return;
    }
    let handler = HANDLER.load(Ordering::Acquire);
    if handler.is_null() {
        unexpected(frame);
    }
    // SAFETY: `set_handler` alone stores a non-null pointer, and it stores a `Handler`.
    let handler: Handler = unsafe { mem::transmute(handler) };
    handler(frame);
}

unsafe extern "C" {
    /// Where the packer placed the image, from the linker script.
    static __image_start: u8;
}

core::arch::global_asm!(
    r#"
    .pushsection .text.partita_trap_vector, "ax", @progbits
    .balign 4
    .global partita_trap_vector
partita_trap_vector:
    addi    sp, sp, -{frame_size}
    sd      x1, 8(sp)
    sd      x5, 40(sp)
    .irp n, 3,4,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    sd      x\n, \n*8(sp)
    .endr
    sd      zero, 0(sp)
    addi    t0, sp, {frame_size}
    sd      t0, 16(sp)
    csrr    t0, sepc
    sd      t0, 256(sp)
    csrr    t0, sstatus
    sd      t0, 264(sp)
    csrr    t0, scause
    sd      t0, 272(sp)
    csrr    t0, stval
    sd      t0, 280(sp)
    mv      a0, sp
    call    {handler}
    ld      t0, 256(sp)
    csrw    sepc, t0
    ld      t0, 264(sp)
    csrw    sstatus, t0
    .irp n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ld      x\n, \n*8(sp)
    .endr
    ld      sp, 16(sp)
    sret
    .popsection
"#,
    frame_size = const size_of::<TrapFrame>(),
    handler = sym partita_trap,
);
