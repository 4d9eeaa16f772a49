//! Control and status registers by numbers that are known at run time only.

use core::arch::asm;
use core::cell::UnsafeCell;
use partita_guest_rt::{println, probe};

/// The most registers that there is room for.
const MOST: usize = 128;
/// `csrrs a0, CSR, zero`; `csrrw zero, CSR, a0`; `jalr zero, 0(ra)` (unprivileged specification, chapters 7.1
/// and 2.5), without the register's number.
const READ: u32 = 0x0000_2573;
const WRITE: u32 = 0x0005_1073;
const RETURN: u32 = 0x0000_8067;

/// Instructions that read a register, and instructions that write it.
#[repr(C)]
struct Code {
    read: [u32; 2],
    write: [u32; 2],
}

/// Instructions of its own for each register: these pages are written once.
#[repr(C, align(4096))]
struct Pages(UnsafeCell<[Code; MOST + 1]>);

// SAFETY: one hart writes it, before it executes it.
unsafe impl Sync for Pages {}

static CODE: Pages = Pages(UnsafeCell::new(
    [const {
        Code {
            read: [0; 2],
            write: [0; 2],
        }
    }; MOST + 1],
));

/// A register that can be read here.
#[derive(Clone, Copy)]
pub struct Register {
    /// Its number.
    pub number: u16,
    /// The bits that a write changes.
    pub mask: u64,
    /// The bits that were held as one and also as zero.
    pub held: u64,
    /// How often it was not as it had been left.
    pub differed: u32,
    ones: u64,
    expected: u64,
    read: extern "C" fn() -> u64,
    write: extern "C" fn(u64),
}

impl Register {
    /// The register of this number, with instructions at this index.
    fn new(index: usize, number: u16) -> Self {
        let field = u32::from(number) << 20;
        let code = CODE.0.get().cast::<Code>();
        // SAFETY: the index is in range, and nobody executes what is there now.
        let (read, write) = unsafe {
            let code = code.add(index);
            (*code).read = [READ | field, RETURN];
            (*code).write = [WRITE | field, RETURN];
            asm!(
                ".option push",
                ".option arch, +zifencei",
                "fence.i",
                ".option pop"
            );
            ((&raw const (*code).read), (&raw const (*code).write))
        };
        Self {
            number,
            mask: 0,
            held: 0,
            differed: 0,
            ones: 0,
            expected: 0,
            // SAFETY: the instructions follow the C calling convention.
            read: unsafe { core::mem::transmute::<*const [u32; 2], extern "C" fn() -> u64>(read) },
            // SAFETY: as above.
            write: unsafe { core::mem::transmute::<*const [u32; 2], extern "C" fn(u64)>(write) },
        }
    }

    /// Whether it can be read, and which bits can be changed. Leaves it as it was.
    fn explore(&mut self, is_explored: bool) -> bool {
        // SAFETY: instructions of the C calling convention that read a register.
        if unsafe { probe::execute(self.read as *const () as usize, 0) }.is_err() {
            return false;
        }
        // The upper quarter of all numbers is read-only (privileged specification, 2.1).
        if self.number >> 10 == 3 || !is_explored {
            return true;
        }
        let original = (self.read)();
        (self.write)(0);
        let zero = (self.read)();
        self.mask = zero ^ original;
        for value in [u64::MAX].into_iter().chain((0..64).map(|bit| 1 << bit)) {
            (self.write)(value);
            self.mask |= (self.read)() ^ zero;
        }
        (self.write)(original);
        true
    }

    /// Writes what can be written of a value.
    pub fn write(&self, value: u64) {
        if self.mask != 0 {
            (self.write)(value & self.mask);
        }
    }

    /// Takes what it holds now as what it has to hold. Where something can be written, the rest may be a
    /// view of something else, such as a pending interrupt.
    pub fn expect(&mut self) {
        self.expected = self.look();
        self.ones |= self.expected;
        self.held |= self.ones & !self.expected & self.mask;
    }

    fn look(&self) -> u64 {
        let held = (self.read)();
        if self.mask == 0 {
            held
        } else {
            held & self.mask
        }
    }
}

/// All registers that this hart has.
pub struct Registers {
    list: [Register; MOST],
    count: usize,
}

impl Registers {
    /// Tries all numbers, but for machine mode's own. Those of `unexplored` are not written meanwhile, since
    /// not every value leaves a program running; they are taken for writable.
    pub fn find(unexplored: &[u16]) -> Self {
        let nothing = Register::new(MOST, 0);
        let mut registers = Self {
            list: [nothing; MOST],
            count: 0,
        };
        for number in (0..0x1000).filter(|number| number >> 8 & 3 != 3) {
            if registers.count == MOST {
                println!("state: there are more registers than this program has room for");
                break;
            }
            let mut register = Register::new(registers.count, number);
            let is_explored = !unexplored.contains(&number);
            if register.explore(is_explored) {
                if !is_explored {
                    register.mask = u64::MAX;
                }
                registers.list[registers.count] = register;
                registers.count += 1;
            }
        }
        registers
    }

    /// All of them.
    pub fn list(&self) -> &[Register] {
        &self.list[..self.count]
    }

    /// All of them.
    pub fn list_mut(&mut self) -> &mut [Register] {
        &mut self.list[..self.count]
    }

    /// What they hold.
    pub fn read_all(&self) -> [u64; MOST] {
        let mut values = [0; MOST];
        for (value, register) in values.iter_mut().zip(self.list()) {
            *value = (register.read)();
        }
        values
    }

    /// Writes what [`Registers::read_all`] has read.
    pub fn write_all(&self, values: &[u64; MOST]) {
        for (value, register) in values.iter().zip(self.list()) {
            register.write(*value);
        }
    }

    /// Counts those that do not hold what was expected. All are read before anything else is done.
    pub fn compare(&mut self) {
        let mut found = [0; MOST];
        for (found, register) in found.iter_mut().zip(self.list()) {
            *found = register.look();
        }
        for (found, register) in found.into_iter().zip(self.list_mut()) {
            register.differed += u32::from(found != register.expected);
        }
    }
}
