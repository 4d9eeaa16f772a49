//! Scalable vectors and matrices in Linux's place, at EL2 of the normal world: all that there is, in both modes, while
//! a program in the secure world uses floating point.

use crate::arguments::Arguments;
use crate::isolation::say;
use core::arch::{asm, global_asm};
use partita_guest_rt::hart;

/// The longest vectors that the architecture has, in bytes. Predicates have a bit for each of them.
const LONGEST: usize = 256;
/// Registers.
const VECTORS: usize = 32;
const PREDICATES: usize = 16;

/// `SVCR`: streaming mode, and the array of matrices is there.
const STREAMING: u64 = 1;
const MATRICES: u64 = 2;

/// What the registers hold, each as long as it is in the mode.
#[repr(C, align(256))]
struct Values {
    vectors: [u8; VECTORS * LONGEST],
    /// And the first-fault register behind them.
    predicates: [u8; (PREDICATES + 1) * LONGEST / 8],
    control: u64,
    status: u64,
    /// Rows of the array of matrices.
    matrices: [u8; LONGEST * LONGEST],
}

/// What was put into the registers, and what was found there, is this far behind the first instruction: too much for
/// the memory that other parts have.
const MEMORY: usize = 0x20_0000;

unsafe extern "C" {
    /// Where the image begins, from the linker script.
    static __image_start: u8;
    fn scalable_fill(values: &Values, has_first_fault: bool);
    fn scalable_look(values: &mut Values, has_first_fault: bool);
    fn scalable_fill_matrices(rows: &[u8; LONGEST * LONGEST], length: usize);
    fn scalable_look_matrices(rows: &mut [u8; LONGEST * LONGEST], length: usize);
}

global_asm!(
    r#"
    .pushsection .text.scalable, "ax", @progbits
    .arch_extension sve
    .arch_extension sme
    .macro each_vector operation
    .irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    \operation z\number, [x0, #\number, mul vl]
    .endr
    .endm
    .macro each_predicate operation
    .irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    \operation p\number, [x2, #\number, mul vl]
    .endr
    .endm
scalable_fill:
    each_vector ldr
    add     x2, x0, {predicates}
    tbz     w1, #0, 1f
    ldr     p0, [x2, #16, mul vl]
    wrffr   p0.b
1:
    each_predicate ldr
    ldr     x3, [x2, {control}]
    msr     fpcr, x3
    ldr     x3, [x2, {control} + 8]
    msr     fpsr, x3
    ret
scalable_look:
    each_vector str
    add     x2, x0, {predicates}
    each_predicate str
    mrs     x3, fpcr
    str     x3, [x2, {control}]
    mrs     x3, fpsr
    str     x3, [x2, {control} + 8]
    tbz     w1, #0, 1f
    rdffr   p0.b
    str     p0, [x2, #16, mul vl]
    ldr     p0, [x2]
1:
    ret
scalable_fill_matrices:
    mov     w12, wzr
    cbz     x1, 2f
1:
    ldr     za[w12, 0], [x0]
    add     x0, x0, x1
    add     w12, w12, #1
    cmp     w12, w1
    b.lo    1b
2:
    ret
scalable_look_matrices:
    mov     w12, wzr
    cbz     x1, 2f
1:
    str     za[w12, 0], [x0]
    add     x0, x0, x1
    add     w12, w12, #1
    cmp     w12, w1
    b.lo    1b
2:
    ret
    .arch_extension nosme
    .arch_extension nosve
    .popsection
"#,
    predicates = const core::mem::offset_of!(Values, predicates),
    control = const core::mem::offset_of!(Values, control) - core::mem::offset_of!(Values, predicates),
);

/// `SVCR` (DDI 0487, D24.2), without which there are no matrices.
fn mode() -> u64 {
    let mode;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, s3_3_c4_c2_2", out(reg) mode, options(nostack)) };
    mode
}

/// Changes `SVCR`, and with it what is in the vectors.
fn set_mode(mode: u64) {
    // SAFETY: this program uses none of these registers but here.
    unsafe { asm!("msr s3_3_c4_c2_2, {}", in(reg) mode, options(nostack)) };
}

/// Lets EL2 use everything, with vectors as long as there are. Returns whether there are matrices.
fn turn_on() -> bool {
    let features: u64;
    // SAFETY: the registers exist where this part is played: `CPTR_EL2`, `ZCR_EL2`, `SMCR_EL2`.
    unsafe {
        asm!("msr cptr_el2, {}", "isb", "mrs {}, id_aa64pfr1_el1",
            in(reg) 0x22ff_u64, out(reg) features, options(nostack));
        asm!("msr s3_4_c1_c2_0, {}", "isb", in(reg) 0xf_u64, options(nostack));
        let has_matrices = features >> 24 & 0xf != 0;
        if has_matrices {
            asm!("msr s3_4_c1_c2_6, {}", "isb", in(reg) 1_u64 << 31 | 0xf, options(nostack));
        }
        has_matrices
    }
}

/// Whether streaming mode has a first-fault register (`SMCR_EL2.FA64`).
fn has_first_fault() -> bool {
    let control: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, s3_4_c1_c2_6", out(reg) control, options(nostack)) };
    control & 1 << 31 != 0
}

/// The length of vectors in this mode, in bytes.
fn vector_length() -> usize {
    let bytes;
    // SAFETY: reads.
    unsafe {
        asm!(".arch_extension sve", "rdvl {}, #1", ".arch_extension nosve", out(reg) bytes, options(nostack));
    }
    bytes
}

/// The length of vectors in streaming mode, in bytes.
fn streaming_length() -> usize {
    let bytes;
    // SAFETY: reads.
    unsafe {
        asm!(".arch_extension sme", "rdsvl {}, #1", ".arch_extension nosme", out(reg) bytes, options(nostack));
    }
    bytes
}

/// Fills memory with what differs in every word (SplitMix64, Steele and others, 2014).
fn scramble(seed: &mut u64, memory: &mut [u8]) {
    for word in memory.chunks_exact_mut(8) {
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = *seed;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word.copy_from_slice(&(value ^ value >> 31).to_ne_bytes());
    }
}

/// A first-fault register: its first elements, as a load leaves them.
fn first_elements(count: usize, register: &mut [u8]) {
    for (index, byte) in register.iter_mut().enumerate() {
        let ones = count.saturating_sub(8 * index).min(8);
        *byte = ((1_u32 << ones) - 1) as u8;
    }
}

/// Spins; a program in the secure world has the core meanwhile.
fn spin(ticks: u64) {
    let until = hart::time() + ticks;
    while hart::time() < until {}
}

/// Fills all registers in modes by turns, spins for `period-us:`, and compares; `rounds:` times.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let rounds = arguments.number("rounds", 100);
    let period = crate::neutral::ticks(arguments.number("period-us", 100));
    let has_matrices = turn_on();
    let modes: &[u64] = if has_matrices {
        &[0, STREAMING | MATRICES, MATRICES, STREAMING]
    } else {
        &[0]
    };
    let memory = &raw const __image_start as usize + MEMORY;
    let memory = core::ptr::with_exposed_provenance_mut::<[Values; 2]>(memory);
    // SAFETY: the partition's memory is larger, and nothing else of it is there. It is zero, which values may be, and a
    // program calls this once.
    let [left, found] = unsafe { &mut *memory };
    say(format_args!(
        "scalable: vectors of {} bytes",
        vector_length()
    ));
    if has_matrices {
        say(format_args!(
            "scalable: matrices of {} bytes",
            streaming_length()
        ));
    }
    let mut seed = 0;
    let mut wrong = [0; 5];
    for round in 0..rounds {
        let wanted = modes[round % modes.len()];
        // What a program has in these registers, and left on the core, is changed by neither mode.
        spin(period);
        if has_matrices {
            set_mode(wanted);
        }
        let length = vector_length();
        scramble(&mut seed, &mut left.vectors);
        scramble(&mut seed, &mut left.predicates);
        let first_fault = wanted & STREAMING == 0 || has_first_fault();
        let predicates = (PREDICATES + usize::from(first_fault)) * length / 8;
        let elements = left.vectors[0] as usize;
        first_elements(
            elements,
            &mut left.predicates[PREDICATES * length / 8..][..length / 8],
        );
        // Rounding and modes; what happened so far (DDI 0487, C5.2.9 and C5.2.10).
        left.control = (round as u64 & 0xf) << 22;
        left.status = round as u64 & 0x1f;
        let matrices = if wanted & MATRICES == 0 {
            0
        } else {
            streaming_length()
        };
        scramble(&mut seed, &mut left.matrices[..matrices * matrices]);
        // SAFETY: there is room for the longest registers.
        unsafe {
            scalable_fill_matrices(&left.matrices, matrices);
            scalable_fill(left, first_fault);
        }
        spin(period);
        // Sometimes the mode is asked for first, sometimes the registers.
        let early = if has_matrices && round % 8 < 4 {
            mode()
        } else {
            wanted
        };
        // SAFETY: as above.
        unsafe {
            scalable_look(found, first_fault);
            scalable_look_matrices(&mut found.matrices, matrices);
        }
        let late = if has_matrices { mode() } else { wanted };
        let same = [
            (early, late) == (wanted, wanted),
            left.vectors[..VECTORS * length] == found.vectors[..VECTORS * length],
            left.predicates[..predicates] == found.predicates[..predicates],
            (left.control, left.status) == (found.control, found.status),
            left.matrices[..matrices * matrices] == found.matrices[..matrices * matrices],
        ];
        for (wrong, same) in wrong.iter_mut().zip(same) {
            *wrong += usize::from(!same);
        }
    }
    let [modes, vectors, predicates, control, matrices] = wrong;
    say(format_args!(
        "scalable: {rounds} rounds, wrong: {modes} modes, {vectors} vectors, {predicates} predicates, {control} control, \
         {matrices} matrices"
    ));
    say(format_args!("scalable: done"));
    loop {
        hart::wait_for_interrupt();
    }
}
