//! Scalable vectors and matrices (FEAT_SVE, FEAT_SME) of the normal world: the vectors that are longer than the
//! floating-point registers in their lowest 128 bits, and the streaming mode, which changes what is in all of them.
//!
//! Programs have none of it. Their floating point changes the vectors, but neither predicates nor matrices; so what
//! is kept here is kept only while a program's floating-point registers are on the core. The array of matrices
//! (`ZA`, `ZT0`) stays on the core always.

use crate::arch::context::Switched;
use crate::arch::platform::coprocessors::{SCALABLE_MATRICES, SCALABLE_VECTORS};
use crate::arch::register::{read, secure_configuration::FLOAT_MODE, synchronize, write};
use core::arch::global_asm;
use core::mem::offset_of;

/// The longest vectors that the architecture has, in bytes.
const LONGEST: usize = 256;
/// `SVCR.SM`: the core is in streaming mode.
const STREAMING: u64 = 1;
/// `SMCR_EL3.FA64`: streaming mode has all instructions, and the first-fault register.
const ALL_INSTRUCTIONS: u64 = 1 << 31;

/// What there is on one core: the normal world has one partition there.
#[repr(C, align(16))]
pub struct Scalable {
    vectors: [u8; 32 * LONGEST],
    /// A predicate has one bit for each byte of a vector. The first-fault register is the last one.
    predicates: [u8; 17 * LONGEST / 8],
    control: u64,
    status: u64,
    float_mode: u64,
    mode: u64,
}

global_asm!(
    ".pushsection .text.scalable, \"ax\"",
    ".arch_extension sve",
    // x0: the state, x1: whether there is a first-fault register, x2: predicates.
    "scalable_save:",
    "    add   x2, x0, {predicates}",
    "    mrs   x3, fpcr",
    "    mrs   x4, fpsr",
    "    str   x3, [x2, {control}]",
    "    str   x4, [x2, {status}]",
    ".irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
    "    str   z\\number, [x0, #\\number, mul vl]",
    ".endr",
    ".irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
    "    str   p\\number, [x2, #\\number, mul vl]",
    ".endr",
    "    cbz   x1, 1f",
    "    rdffr p0.b",
    "    str   p0, [x2, #16, mul vl]",
    "1:  ret",
    "scalable_restore:",
    "    add   x2, x0, {predicates}",
    "    cbz   x1, 1f",
    "    ldr   p0, [x2, #16, mul vl]",
    "    wrffr p0.b",
    "1:",
    ".irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
    "    ldr   z\\number, [x0, #\\number, mul vl]",
    ".endr",
    ".irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
    "    ldr   p\\number, [x2, #\\number, mul vl]",
    ".endr",
    "    ldr   x3, [x2, {control}]",
    "    ldr   x4, [x2, {status}]",
    "    msr   fpcr, x3",
    "    msr   fpsr, x4",
    "    ret",
    ".arch_extension nosve",
    ".popsection",
    predicates = const offset_of!(Scalable, predicates),
    control = const offset_of!(Scalable, control) - offset_of!(Scalable, predicates),
    status = const offset_of!(Scalable, status) - offset_of!(Scalable, predicates),
);

unsafe extern "C" {
    fn scalable_save(state: *mut Scalable, has_first_fault: u64);
    fn scalable_restore(state: *const Scalable, has_first_fault: u64);
}

/// Lets the monitor reach what this partition may reach.
fn open(switched: &Switched) {
    write!("cptr_el3", switched.coprocessors);
    synchronize();
}

impl Scalable {
    /// Whether this does anything.
    pub const IS_SWITCHED: bool = true;

    /// Of a partition that was never started.
    const ZERO: Self = Self {
        vectors: [0; 32 * LONGEST],
        predicates: [0; 17 * LONGEST / 8],
        control: 0,
        status: 0,
        float_mode: 0,
        mode: 0,
    };

    /// Whether a partition has anything of this.
    const fn is_for(switched: &Switched) -> bool {
        switched.coprocessors & (SCALABLE_VECTORS | SCALABLE_MATRICES) != 0
    }

    /// Whether its floating-point registers are a part of longer ones, in the mode that the core is in.
    const fn covers(&self, switched: &Switched) -> bool {
        let streams = switched.coprocessors & SCALABLE_MATRICES != 0 && self.mode & STREAMING != 0;
        switched.coprocessors & SCALABLE_VECTORS != 0 || streams
    }

    /// Not 0 if there is a first-fault register in the mode.
    fn first_fault(&self) -> u64 {
        if self.mode & STREAMING == 0 {
            1
        } else {
            read!("s3_6_c1_c2_6") & ALL_INSTRUCTIONS
        }
    }

    /// Saves what is on the core of a partition, and ends streaming mode. Returns whether that were its
    /// floating-point registers, too.
    pub fn save(&mut self, switched: &Switched) -> bool {
        if !Self::is_for(switched) {
            return false;
        }
        open(switched);
        if switched.coprocessors & SCALABLE_MATRICES != 0 {
            self.mode = read!("s3_3_c4_c2_2");
        }
        if !self.covers(switched) {
            return false;
        }
        // SAFETY: writes the state alone, which has room for the longest vectors; the instructions are there.
        unsafe { scalable_save(self, self.first_fault()) };
        if self.mode & STREAMING != 0 {
            if switched.configuration & FLOAT_MODE != 0 {
                // Cleared when the mode ends.
                self.float_mode = read!("s3_3_c4_c4_2");
            }
            write!("s3_3_c4_c2_2", self.mode & !STREAMING);
        }
        true
    }

    /// Brings back what was saved of a partition. Returns whether those were its floating-point registers, too.
    pub fn restore(&self, switched: &Switched) -> bool {
        if !self.covers(switched) {
            return false;
        }
        open(switched);
        if self.mode & STREAMING != 0 {
            write!("s3_3_c4_c2_2", self.mode);
            if switched.configuration & FLOAT_MODE != 0 {
                write!("s3_3_c4_c4_2", self.float_mode);
            }
        }
        // SAFETY: reads the state; the compiler keeps nothing in these registers.
        unsafe { scalable_restore(self, self.first_fault()) };
        true
    }

    /// Ends streaming mode and drops what is in the matrices. What a partition finds next is zero.
    pub fn clear(&mut self, switched: &Switched) {
        if !Self::is_for(switched) {
            return;
        }
        if switched.coprocessors & SCALABLE_MATRICES != 0 {
            // Another partition may be live.
            let before = read!("cptr_el3");
            open(switched);
            write!("s3_3_c4_c2_2", 0);
            write!("cptr_el3", before);
        }
        *self = Self::ZERO;
    }
}
