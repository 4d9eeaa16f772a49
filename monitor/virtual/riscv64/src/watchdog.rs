//! An emulated watchdog: that of the Allwinner D1, for which stock kernels have a driver
//! (`allwinner,sun20i-d1-wdt`).
//!
//! Registers: D1-H user manual 1.0, chapter 3.7.4: control at 0x10, configuration at 0x14, mode at 0x18. A
//! write of the mode counts only with the key in its upper half.
//!
//! Two things differ, so that a kernel that has gone wrong cannot help itself: it is never stopped once it
//! runs, and the time that it may take is bounded by the manifest. That bound is the monitor's to keep.

/// Offsets of the registers.
const CONTROL: u64 = 0x10;
const CONFIGURATION: u64 = 0x14;
const MODE: u64 = 0x18;
/// Bytes of all registers.
pub const BYTES: u64 = 0x20;

/// Written to the control register to reset the count.
const RELOAD: u32 = 0x0a57 << 1 | 1;
/// In the upper half of a write of the mode.
const KEY: u32 = 0x16aa;
/// In the mode: it runs.
const ENABLED: u32 = 1;
/// In the mode: the number of the interval.
const INTERVAL: u32 = 0xf << 4;
/// In the configuration: it resets the whole system; there is nothing else.
const RESETS_SYSTEM: u32 = 1;

/// The intervals by their numbers, in milliseconds. The others are reserved.
const INTERVALS_MS: [u16; 12] = [
    500, 1000, 2000, 3000, 4000, 5000, 6000, 8000, 10_000, 12_000, 14_000, 16_000,
];

/// The longest interval, in milliseconds.
const LONGEST_MS: u16 = 16_000;

/// What a write asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// Start the watchdog, or start it again with another time.
    Start {
        /// The time in nanoseconds.
        timeout_ns: u64,
    },
    /// Reset the watchdog.
    Reset,
}

/// The value of the register at `offset`, where the mode is `mode`.
#[must_use]
pub const fn read(mode: u32, offset: u64) -> u32 {
    match offset {
        MODE => mode & (ENABLED | INTERVAL),
        CONFIGURATION => RESETS_SYSTEM,
        _ => 0,
    }
}

/// Writes the register at `offset`. Returns the new mode and what is to be done.
#[must_use]
pub fn write(mode: u32, offset: u64, value: u32) -> (u32, Effect) {
    let runs = mode & ENABLED != 0;
    match offset {
        CONTROL if value & 0x1fff == RELOAD && runs => (mode, Effect::Reset),
        MODE if value >> 16 == KEY => {
            let new = value & (ENABLED | INTERVAL) | mode & ENABLED;
            let effect = if new & ENABLED != 0 && new != mode {
                let number = (new & INTERVAL) >> 4;
                let milliseconds = INTERVALS_MS.get(number as usize).unwrap_or(&LONGEST_MS);
                let milliseconds = u64::from(*milliseconds);
                Effect::Start {
                    timeout_ns: milliseconds.wrapping_mul(1_000_000),
                }
            } else {
                Effect::None
            };
            (new, effect)
        }
        _ => (mode, Effect::None),
    }
}
