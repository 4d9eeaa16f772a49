//! Device registers of the board.

/// A device register window of the board's, for the monitor's use.
///
/// Having one proves that the range comes from a [`partita_board::Board`] constant and is device
/// memory; not that a given offset is a register, which [`Registers`]' users take from the device's
/// specification.
#[derive(Clone, Copy)]
pub struct Registers {
    base: usize,
    size: usize,
}

impl Registers {
    /// The registers of a board's device.
    ///
    /// # Safety
    /// `window` is a device's register window on the board this runs on.
    pub const unsafe fn new(window: partita_board::Window) -> Self {
        Self {
            base: window.base as usize,
            size: window.size as usize,
        }
    }
}

macro_rules! accessors {
    ($($type:ty: $read:ident, $write:ident;)+) => {
        impl Registers {$(
            #[doc = concat!("Reads a `", stringify!($type), "` register; 0 outside the window.")]
            #[inline(always)]
            pub fn $read(&self, offset: usize) -> $type {
                if offset > self.size - size_of::<$type>() {
                    return 0;
                }
                // SAFETY: the address lies in a device window of the board (`Registers::new`).
                unsafe { ((self.base + offset) as *const $type).read_volatile() }
            }

            #[doc = concat!("Writes a `", stringify!($type), "` register; nothing outside the window.")]
            #[inline(always)]
            pub fn $write(&self, offset: usize, value: $type) {
                if offset > self.size - size_of::<$type>() {
                    return;
                }
                // SAFETY: the address lies in a device window of the board (`Registers::new`).
                unsafe { ((self.base + offset) as *mut $type).write_volatile(value) }
            }
        )+}
    };
}
accessors! {
    u8: read_u8, write_u8;
    u32: read_u32, write_u32;
    u64: read_u64, write_u64;
}
