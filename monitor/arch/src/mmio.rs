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

    /// Whether there is a register of so many bytes, a power of two. Its offset is a multiple of them, so that the
    /// offset of its last byte differs in these bits only.
    #[inline(always)]
    const fn has(&self, offset: usize, bytes: usize) -> bool {
        offset | bytes.wrapping_sub(1) < self.size
    }
}

macro_rules! accessors {
    ($($type:ty: $read:ident, $write:ident;)+) => {
        impl Registers {$(
            #[doc = concat!("Reads a `", stringify!($type), "` register; 0 outside the window.")]
            #[allow(dead_code, reason = "used where there are such registers")]
            #[inline(always)]
            pub fn $read(&self, offset: usize) -> $type {
                if !self.has(offset, size_of::<$type>()) {
                    return 0;
                }
                // SAFETY: the address lies in a device window of the board (`Registers::new`).
                unsafe { (self.base.wrapping_add(offset) as *const $type).read_volatile() }
            }

            #[doc = concat!("Writes a `", stringify!($type), "` register; nothing outside the window.")]
            #[allow(dead_code, reason = "used where there are such registers")]
            #[inline(always)]
            pub fn $write(&self, offset: usize, value: $type) {
                if !self.has(offset, size_of::<$type>()) {
                    return;
                }
                // SAFETY: the address lies in a device window of the board (`Registers::new`).
                unsafe { (self.base.wrapping_add(offset) as *mut $type).write_volatile(value) }
            }
        )+}
    };
}
accessors! {
    u8: read_u8, write_u8;
    u16: read_u16, write_u16;
    u32: read_u32, write_u32;
    u64: read_u64, write_u64;
}

/// One register that is used so often that its address is checked once, when this is made.
#[derive(Clone, Copy)]
pub struct Register<T>(*mut T);

impl Registers {
    /// The register at `offset`; `None` outside the window.
    pub fn register<T>(&self, offset: usize) -> Option<Register<T>> {
        self.has(offset, size_of::<T>())
            .then(|| Register(self.base.wrapping_add(offset) as *mut T))
    }
}

impl<T: Copy> Register<T> {
    /// Reads the register.
    #[allow(dead_code, reason = "used where the timer is such a register")]
    #[inline(always)]
    pub fn read(&self) -> T {
        // SAFETY: the address lies in a device window of the board (`Registers::register`).
        unsafe { self.0.read_volatile() }
    }

    /// Writes the register.
    #[inline(always)]
    pub fn write(&self, value: T) {
        // SAFETY: as in `read`.
        unsafe { self.0.write_volatile(value) }
    }
}
