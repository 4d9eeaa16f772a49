//! Vector registers, written and read as a whole.

use core::arch::asm;
use partita_guest_rt::println;

/// The widest vector register that this program has room for, in bytes.
const MOST_BYTES: usize = 128;

/// `v0` to `v31` and the vector control registers.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(16))]
pub struct Vectors {
    registers: [u64; 32 * MOST_BYTES / 8],
    /// `vl`, `vtype`, `vcsr`, `vstart`.
    control: [u64; 4],
}

impl Vectors {
    /// All zero.
    pub const ZERO: Self = Self {
        registers: [0; 32 * MOST_BYTES / 8],
        control: [0; 4],
    };

    /// Values that a hart with vector registers of `width` bytes can hold; zero without any.
    pub fn new(width: usize, mut next: impl FnMut() -> u64) -> Self {
        let mut vectors = Self::ZERO;
        if width == 0 {
            return vectors;
        }
        for word in vectors.words_mut(width) {
            *word = next();
        }
        // Elements of 8 to 64 bits in groups of 1 to 8 registers, both policies, and any number of them.
        let (element, group) = (next() >> 60 & 3, next() >> 60 & 3);
        let most = (width as u64) << group >> element;
        let kind = (next() >> 60 & 3) << 6 | element << 3 | group;
        let start = (next() >> 32) % (8 * width as u64);
        vectors.control = [(next() >> 32) % (most + 1), kind, next() >> 61, start];
        vectors
    }

    fn words_mut(&mut self, width: usize) -> impl Iterator<Item = &mut u64> {
        self.registers.iter_mut().take(32 * width / 8)
    }

    /// How many registers and control registers hold something, on a hart with registers of `width` bytes.
    pub fn left(&self, width: usize) -> usize {
        let registers = self.registers.chunks(width / 8).take(32);
        let held = registers.filter(|register| register.iter().any(|word| *word != 0));
        // `vtype` is left out: its reset value need not be zero.
        let [length, _, control, start] = self.control;
        let control = [length, control, start]
            .into_iter()
            .filter(|value| *value != 0);
        held.count() + control.count()
    }

    /// Whether the registers, `vl` and `vtype` are the same.
    pub fn is_same(&self, other: &Self) -> bool {
        self.registers == other.registers && self.control[..2] == other.control[..2]
    }

    /// Tells what is not as in `other`.
    pub fn tell_difference(&self, other: &Self, width: usize) {
        let words = self.registers.iter().zip(&other.registers).enumerate();
        for (index, (found, expected)) in words.filter(|(_, (one, two))| one != two) {
            let register = 8 * index / width;
            println!("vectors: v{register} has {found:#x} not {expected:#x}");
        }
        let names = ["vl", "vtype", "vcsr", "vstart"].into_iter();
        for (name, (found, expected)) in names.zip(self.control.iter().zip(&other.control)) {
            if found != expected {
                println!("vectors: {name} is {found:#x} not {expected:#x}");
            }
        }
    }
}

/// Turns vectors on. Returns the bytes of a register, or 0 if there are no vectors.
pub fn turn_on() -> usize {
    let status: usize;
    // SAFETY: this program is compiled without vectors, so none is in use.
    unsafe { asm!("csrs sstatus, {}", "csrr {}, sstatus", in(reg) 1 << 9, out(reg) status) };
    if status >> 9 & 3 == 0 {
        return 0;
    }
    let width: usize;
    // SAFETY: reads a register.
    unsafe { asm!("csrr {}, 0xc22", out(reg) width) };
    assert!(width <= MOST_BYTES, "vector registers are too wide");
    width
}

/// Turns vectors off.
pub fn turn_off() {
    // SAFETY: as in `turn_on`.
    unsafe { asm!("csrc sstatus, {}", in(reg) 3 << 9) };
}

macro_rules! for_each_group {
    ($instruction:literal) => {
        concat!(
            "csrr {width}, 0xc22\nslli {width}, {width}, 3\n.irp n, 0,8,16,24\n",
            $instruction,
            " v\\n, ({s})\nadd {s}, {s}, {width}\n.endr"
        )
    };
}

/// Writes all of them. Vectors are on.
pub fn write(values: &Vectors) {
    let [length, kind, control, start] = values.control;
    // SAFETY: this program is compiled without vectors, so no register is in use.
    unsafe {
        asm!(
            ".option push",
            ".option arch, +v",
            "csrw 0x008, zero",
            for_each_group!("vl8re8.v"),
            "vsetvl zero, {length}, {kind}",
            "csrw 0x00f, {control}",
            "csrw 0x008, {start}",
            ".option pop",
            s = inout(reg) values.registers.as_ptr() => _,
            width = out(reg) _,
            length = in(reg) length,
            kind = in(reg) kind,
            control = in(reg) control,
            start = in(reg) start,
        );
    }
}

/// Reads all of them. Vectors are on.
pub fn read() -> Vectors {
    let mut values = Vectors::ZERO;
    let [length, kind, control, start] = &mut values.control;
    // SAFETY: as in `write`; there is room for 32 registers, see `turn_on`.
    unsafe {
        asm!(
            ".option push",
            ".option arch, +v",
            "csrr {length}, 0xc20",
            "csrr {kind}, 0xc21",
            "csrr {control}, 0x00f",
            "csrrw {start}, 0x008, zero",
            for_each_group!("vs8r.v"),
            "csrw 0x008, {start}",
            ".option pop",
            s = inout(reg) values.registers.as_mut_ptr() => _,
            width = out(reg) _,
            length = out(reg) *length,
            kind = out(reg) *kind,
            control = out(reg) *control,
            start = out(reg) *start,
        );
    }
    values
}
