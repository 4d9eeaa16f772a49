//! Holds values in all integer registers at once, for a while.

use core::arch::naked_asm;

/// The integer registers by number; the first is not used.
pub type Integers = [u64; 32];

/// One way to hold them. A register has to point to memory meanwhile, and two have to tell the time where
/// the way is to spin: at one end of the numbers or at the other, so that two ways cover all.
#[derive(Clone, Copy)]
pub struct Hold {
    spins: bool,
    upper: bool,
}

impl Hold {
    /// Spins or waits, with the pointer in the uppermost register or the lowest.
    pub const fn new(spins: bool, upper: bool) -> Self {
        Self { spins, upper }
    }

    /// Holds `values` until the time `until`, and returns what is found then. Where it waits, the timer has
    /// been set.
    pub fn run(self, values: &Integers, until: u64) -> Integers {
        let mut values = *values;
        if self.spins {
            values[if self.upper { UPPER_UNTIL } else { LOWER_UNTIL }] = until;
        }
        // The values, then what is found, then room for what the caller needs back.
        let mut block = [values, [0; 32], [0; 32]];
        // SAFETY: each uses the 96 words behind the pointer and gives all registers back.
        unsafe {
            match (self.spins, self.upper) {
                (true, true) => spin_upper(&raw mut block),
                (true, false) => spin_lower(&raw mut block),
                (false, true) => wait_upper(&raw mut block),
                (false, false) => wait_lower(&raw mut block),
            }
        }
        block[1]
    }

    /// The number of the first register that was found different.
    pub fn difference(self, values: &Integers, found: &Integers) -> Option<usize> {
        let (pointer, until, scratch) = if self.upper {
            (31, UPPER_UNTIL, UPPER_UNTIL - 1)
        } else {
            (1, LOWER_UNTIL, LOWER_UNTIL + 1)
        };
        (1..32).find(|number| {
            let tells_time = self.spins && (*number == until || *number == scratch);
            let own = *number == pointer || tells_time;
            !own && values[*number] != found[*number]
        })
    }
}

/// Holds the time at which the spinning ends.
const UPPER_UNTIL: usize = 30;
const LOWER_UNTIL: usize = 2;

macro_rules! holds {
    ($($name:ident: $pointer:literal, $registers:literal, $($instruction:literal),+;)+) => { $(
        #[unsafe(naked)]
        unsafe extern "C" fn $name(_: *mut [Integers; 3]) {
            naked_asm!(
                ".irp n, 1,2,3,4,8,9,18,19,20,21,22,23,24,25,26,27",
                "sd x\\n, 512+8*\\n(a0)",
                ".endr",
                concat!("mv ", $pointer, ", a0"),
                concat!(".irp n, ", $registers),
                concat!("ld x\\n, 8*\\n(", $pointer, ")"),
                ".endr",
                $($instruction,)+
                concat!(".irp n, ", $registers),
                concat!("sd x\\n, 256+8*\\n(", $pointer, ")"),
                ".endr",
                concat!("mv t0, ", $pointer),
                ".irp n, 1,2,3,4,8,9,18,19,20,21,22,23,24,25,26,27",
                "ld x\\n, 512+8*\\n(t0)",
                ".endr",
                "ret",
            )
        }
    )+ };
}

holds! {
    spin_upper: "x31", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30",
        "2: csrr x29, time", "bltu x29, x30, 2b";
    spin_lower: "x1", "2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
        "2: csrr x3, time", "bltu x3, x2, 2b";
    wait_upper: "x31", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30",
        "wfi";
    wait_lower: "x1", "2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
        "wfi";
}
