//! Scalable vectors and matrices of Arm: all that there is, in both modes. The program is compiled without them.

use core::arch::{asm, global_asm};

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

impl Values {
    const ZERO: Self = Self {
        vectors: [0; _],
        predicates: [0; _],
        control: 0,
        status: 0,
        matrices: [0; _],
    };
}

unsafe extern "C" {
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

/// The length of vectors in this mode, in bytes.
pub fn vector_length() -> usize {
    let bytes;
    // SAFETY: reads.
    unsafe {
        asm!(".arch_extension sve", "rdvl {}, #1", ".arch_extension nosve", out(reg) bytes, options(nostack));
    }
    bytes
}

/// The length of vectors in streaming mode, in bytes.
pub fn streaming_length() -> usize {
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

/// What a machine has.
#[derive(Clone, Copy, Debug)]
pub struct Features {
    /// Matrices, and with them streaming mode.
    pub matrices: bool,
    /// Streaming mode has a first-fault register.
    pub first_fault: bool,
}

/// What was put into the registers, what was found there, and how often that was not the same.
pub struct Check {
    left: Values,
    found: Values,
    seed: u64,
    /// Of modes, vectors, predicates, controls, matrices.
    pub wrong: [usize; 5],
}

impl Check {
    /// Before the first round.
    pub const NEW: Self = Self {
        left: Values::ZERO,
        found: Values::ZERO,
        seed: 0,
        wrong: [0; 5],
    };

    /// The mode of the core, and how many bytes of vectors and predicates are not zero. Fills all of them in streaming
    /// mode then.
    pub fn leave(&mut self, features: Features) -> (u64, usize) {
        let Self { left, found, .. } = self;
        let before = if features.matrices { mode() } else { 0 };
        // SAFETY: there is room for the longest registers.
        unsafe { scalable_look(found, before & STREAMING == 0 || features.first_fault) };
        let bytes = found.vectors.iter().chain(&found.predicates);
        let left_over = bytes.filter(|byte| **byte != 0).count();
        if features.matrices {
            set_mode(STREAMING | MATRICES);
            left.matrices.fill(0x5e);
            // SAFETY: as above.
            unsafe { scalable_fill_matrices(&left.matrices, streaming_length()) };
        }
        left.vectors.fill(0xc2);
        left.predicates.fill(0xff);
        // SAFETY: as above.
        unsafe { scalable_fill(left, features.first_fault) };
        (before, left_over)
    }

    /// Fills all registers, in modes by turns, spins, and compares. Between the two nothing else may use them.
    pub fn round(&mut self, round: usize, features: Features, spin: impl Fn()) {
        let Self { left, found, .. } = self;
        let wanted = if features.matrices {
            [0, STREAMING | MATRICES, MATRICES, STREAMING][round % 4]
        } else {
            0
        };
        // What a program has in these registers, and left on the core, is changed by neither mode.
        spin();
        if features.matrices {
            set_mode(wanted);
        }
        let length = vector_length();
        scramble(&mut self.seed, &mut left.vectors);
        scramble(&mut self.seed, &mut left.predicates);
        let first_fault = wanted & STREAMING == 0 || features.first_fault;
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
        scramble(&mut self.seed, &mut left.matrices[..matrices * matrices]);
        // SAFETY: there is room for the longest registers.
        unsafe {
            scalable_fill_matrices(&left.matrices, matrices);
            scalable_fill(left, first_fault);
        }
        spin();
        // Sometimes the mode is asked for first, sometimes the registers.
        let early = if features.matrices && round % 8 < 4 {
            mode()
        } else {
            wanted
        };
        // SAFETY: as above.
        unsafe {
            scalable_look(found, first_fault);
            scalable_look_matrices(&mut found.matrices, matrices);
        }
        let late = if features.matrices { mode() } else { wanted };
        let same = [
            (early, late) == (wanted, wanted),
            left.vectors[..VECTORS * length] == found.vectors[..VECTORS * length],
            left.predicates[..predicates] == found.predicates[..predicates],
            (left.control, left.status) == (found.control, found.status),
            left.matrices[..matrices * matrices] == found.matrices[..matrices * matrices],
        ];
        for (wrong, same) in self.wrong.iter_mut().zip(same) {
            *wrong += usize::from(!same);
        }
        if features.matrices {
            set_mode(0);
        }
    }
}
