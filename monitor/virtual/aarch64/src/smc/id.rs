//! The numbers of functions (SMCCC 1.4, chapter 6 and appendix A; PSCI 1.1, chapter 5).

pub use partita_abi::monitor_call::CALL_CORES;

/// A hint of the caller's about its vector registers.
pub const HINT: u32 = 1 << 16;
/// Arguments have 64 bits.
pub const WIDE: u32 = 1 << 30;
/// The part of a function's identifier that is its number.
pub const NUMBER: u32 = 0xffff;

/// Partita's own calls: fast, with 64 bits, in the range of OEM services. The number is one of
/// [`partita_abi::monitor_call`], or one of those below.
pub const PARTITA: u32 = 0xc300_0000;
/// Writes `x2` bytes from `x1` on to the console. Returns how many were taken.
pub const CONSOLE_WRITE: u64 = 8;
/// Reads at most `x2` bytes of the console's input to `x1`. Returns how many.
pub const CONSOLE_READ: u64 = 9;
/// Writes the byte `x1` to the console.
pub const CONSOLE_WRITE_BYTE: u64 = 10;

pub const SMCCC_VERSION: u32 = 0x8000_0000;
pub const ARCHITECTURE_FEATURES: u32 = 0x8000_0001;
pub const WORKAROUND_1: u32 = 0x8000_8000;
pub const WORKAROUND_2: u32 = 0x8000_7fff;
pub const WORKAROUND_3: u32 = 0x8000_3fff;

pub const PSCI_VERSION: u32 = 0x8400_0000;
pub const CPU_SUSPEND_32: u32 = 0x8400_0001;
pub const CPU_OFF: u32 = 0x8400_0002;
pub const CPU_ON_32: u32 = 0x8400_0003;
pub const AFFINITY_INFO_32: u32 = 0x8400_0004;
pub const MIGRATE_INFO_TYPE: u32 = 0x8400_0006;
pub const SYSTEM_OFF: u32 = 0x8400_0008;
pub const SYSTEM_RESET: u32 = 0x8400_0009;
pub const PSCI_FEATURES: u32 = 0x8400_000a;
pub const SET_SUSPEND_MODE: u32 = 0x8400_000f;
pub const SYSTEM_SUSPEND_32: u32 = 0x8400_000e;
pub const SYSTEM_RESET2_32: u32 = 0x8400_0012;
pub const CPU_SUSPEND_64: u32 = 0xc400_0001;
pub const CPU_ON_64: u32 = 0xc400_0003;
pub const AFFINITY_INFO_64: u32 = 0xc400_0004;
pub const SYSTEM_SUSPEND_64: u32 = 0xc400_000e;
pub const SYSTEM_RESET2_64: u32 = 0xc400_0012;

/// Of the True Random Number Generator's interface (DEN0098, chapter 2).
pub const TRNG_VERSION: u32 = 0x8400_0050;
pub const TRNG_FEATURES: u32 = 0x8400_0051;
pub const TRNG_GET_UUID: u32 = 0x8400_0052;
pub const TRNG_RND_32: u32 = 0x8400_0053;
pub const TRNG_RND_64: u32 = 0xc400_0053;

/// Linux's watchdog.
pub const WATCHDOG: u32 = partita_abi::monitor_call::SMC_WATCHDOG as u32;
