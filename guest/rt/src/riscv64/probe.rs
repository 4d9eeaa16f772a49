//! Accesses that may fault and survive it: for tests that knock at other partitions' doors.
//!
//! A fault inside the few instructions below, or in what [`execute`] jumps to, is turned into an
//! error by the trap vector. No state is kept, so any hart may probe at any time.

use crate::trap::{ARGUMENT_0, FROM_SUPERVISOR, INTERRUPT, RETURN_ADDRESS, TrapFrame};
use core::arch::naked_asm;

/// The exception that an access ended in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trap {
    /// `scause`.
    pub cause: usize,
    /// `stval`.
    pub value: usize,
}

/// What the instructions below return in `a0` and `a1`.
#[repr(C)]
struct Outcome {
    /// The loaded value, or `stval`.
    value: usize,
    /// 0, or `scause` + 1.
    cause_plus_one: usize,
}

impl Outcome {
    fn into_result(self) -> Result<usize, Trap> {
        match self.cause_plus_one {
            0 => Ok(self.value),
            cause_plus_one => Err(Trap {
                cause: cause_plus_one - 1,
                value: self.value,
            }),
        }
    }
}

macro_rules! loads {
    ($($(#[$comment:meta])* $name:ident: $type:ty = $instruction:ident;)*) => { $(
        $(#[$comment])*
        ///
        /// # Errors
        ///
        /// The exception that the access raised.
        pub fn $name(address: usize) -> Result<$type, Trap> {
            // SAFETY: a load changes nothing, and a fault comes back as an outcome.
            unsafe { $instruction(address) }.into_result().map(|value| value as $type)
        }
    )* };
}

macro_rules! stores {
    ($($(#[$comment:meta])* $name:ident: $type:ty = $instruction:ident;)*) => { $(
        $(#[$comment])*
        ///
        /// # Errors
        ///
        /// The exception that the access raised.
        ///
        /// # Safety
        ///
        /// Nothing that this program uses lies at `address`.
        pub unsafe fn $name(address: usize, value: $type) -> Result<(), Trap> {
            // SAFETY: what lies at the address is the caller's duty; a fault comes back as an outcome.
            unsafe { $instruction(address, value as usize) }.into_result().map(drop)
        }
    )* };
}

loads! {
    /// Loads a byte.
    load_u8: u8 = partita_probe_lbu;
    /// Loads two bytes.
    load_u16: u16 = partita_probe_lhu;
    /// Loads four bytes.
    load_u32: u32 = partita_probe_lwu;
    /// Loads eight bytes.
    load_u64: u64 = partita_probe_ld;
}

stores! {
    /// Stores a byte.
    store_u8: u8 = partita_probe_sb;
    /// Stores two bytes.
    store_u16: u16 = partita_probe_sh;
    /// Stores four bytes.
    store_u32: u32 = partita_probe_sw;
    /// Stores eight bytes.
    store_u64: u64 = partita_probe_sd;
    /// Adds to eight bytes with one atomic instruction.
    add_u64: u64 = partita_probe_amoadd;
}

/// Calls the code at `address`, which gets `argument` in `a0` and leaves its result there.
///
/// # Errors
///
/// The exception that fetching or executing the code raised before it changed `ra` or `s0`.
///
/// # Safety
///
/// If there is code at `address`, it follows the C calling convention.
pub unsafe fn execute(address: usize, argument: usize) -> Result<usize, Trap> {
    // SAFETY: the caller's promise.
    unsafe { execute_with(address, argument, 0) }
}

/// As [`execute`], with a `second` argument, in `a2`.
///
/// # Errors
///
/// As for [`execute`].
///
/// # Safety
///
/// As for [`execute`].
pub unsafe fn execute_with(address: usize, argument: usize, second: usize) -> Result<usize, Trap> {
    // SAFETY: what the code does is the caller's duty; a fault comes back as an outcome.
    unsafe { partita_probe_execute(argument, address, second) }.into_result()
}

/// Reads the control and status register number `CSR`.
///
/// # Errors
///
/// An illegal instruction, if this privilege level may not read the register.
pub fn read_csr<const CSR: usize>() -> Result<usize, Trap> {
    #[unsafe(naked)]
    extern "C" fn read<const CSR: usize>(_: usize) -> usize {
        naked_asm!("csrr a0, {csr}", "ret", csr = const CSR)
    }
    // SAFETY: a function of the C calling convention that reads a register.
    unsafe { execute(read::<CSR> as *const () as usize, 0) }
}

/// Writes the control and status register number `CSR`.
///
/// # Errors
///
/// An illegal instruction, if this privilege level may not write the register.
///
/// # Safety
///
/// The program can go on with this value in the register.
pub unsafe fn write_csr<const CSR: usize>(value: usize) -> Result<(), Trap> {
    #[unsafe(naked)]
    extern "C" fn write<const CSR: usize>(_: usize) -> usize {
        naked_asm!("csrw {csr}, a0", "ret", csr = const CSR)
    }
    // SAFETY: a function of the C calling convention; its effect is the caller's duty.
    unsafe { execute(write::<CSR> as *const () as usize, value) }.map(drop)
}

/// If the trap came from a probe, makes the probe return it.
pub(crate) fn recover(frame: &mut TrapFrame) -> bool {
    if frame.cause & INTERRUPT != 0 {
        return false;
    }
    let accesses = address_of(partita_probe_begin)..address_of(partita_probe_end);
    let executed = address_of(partita_probe_executed);
    let resume = if accesses.contains(&frame.program_counter) {
        frame.registers[RETURN_ADDRESS]
    } else if frame.registers[RETURN_ADDRESS] == executed {
        address_of(partita_probe_execute_failed)
    } else {
        return false;
    };
    frame.registers[ARGUMENT_0] = frame.value;
    frame.registers[ARGUMENT_0 + 1] = frame.cause + 1;
    frame.program_counter = resume;
    // What was executed may have gone to user mode; a probe goes on where it began.
    frame.status |= FROM_SUPERVISOR;
    true
}

fn address_of(label: unsafe extern "C" fn()) -> usize {
    label as *const () as usize
}

unsafe extern "C" {
    fn partita_probe_begin();
    fn partita_probe_end();
    fn partita_probe_executed();
    fn partita_probe_execute_failed();
    fn partita_probe_lbu(address: usize) -> Outcome;
    fn partita_probe_lhu(address: usize) -> Outcome;
    fn partita_probe_lwu(address: usize) -> Outcome;
    fn partita_probe_ld(address: usize) -> Outcome;
    fn partita_probe_sb(address: usize, value: usize) -> Outcome;
    fn partita_probe_sh(address: usize, value: usize) -> Outcome;
    fn partita_probe_sw(address: usize, value: usize) -> Outcome;
    fn partita_probe_sd(address: usize, value: usize) -> Outcome;
    fn partita_probe_amoadd(address: usize, value: usize) -> Outcome;
    fn partita_probe_execute(argument: usize, address: usize, second: usize) -> Outcome;
}

// An access function leaves `ra` alone, so that the vector can return from it in its place.
core::arch::global_asm!(
    r#"
    .pushsection .text.partita_probe, "ax", @progbits
    /* The assembler of a fat link-time optimisation does not know the target's extensions. */
    .option push
    .option arch, +a, +zifencei
    .global partita_probe_begin
partita_probe_begin:
    .irp access, lbu, lhu, lwu, ld
    .global partita_probe_\access
partita_probe_\access:
    \access a0, 0(a0)
    li      a1, 0
    ret
    .endr
    .irp access, sb, sh, sw, sd
    .global partita_probe_\access
partita_probe_\access:
    \access a1, 0(a0)
    li      a1, 0
    ret
    .endr
    .global partita_probe_amoadd
partita_probe_amoadd:
    amoadd.d a0, a1, (a0)
    li      a1, 0
    ret
    .global partita_probe_end
partita_probe_end:

    .global partita_probe_execute
partita_probe_execute:
    addi    sp, sp, -16
    sd      ra, 0(sp)
    sd      s0, 8(sp)
    mv      s0, sp
    fence.i
    jalr    a1
    .global partita_probe_executed
partita_probe_executed:
    li      a1, 0
    .global partita_probe_execute_failed
partita_probe_execute_failed:
    mv      sp, s0
    ld      ra, 0(sp)
    ld      s0, 8(sp)
    addi    sp, sp, 16
    ret
    .option pop
    .popsection
"#
);
