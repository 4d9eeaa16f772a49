//! Where things lie in a system image.
//!
//! A system image is one flat file that the board loads at the start of its RAM:
//!
//! ```text
//! offset 0          monitor: text, read-only data, initial data; its zeroed data, stacks follow
//!        TABLE      system table
//!        RUN        run parameters (zero on a real machine)
//!        SIGNATURE  signature of the table (zero where there is none)
//!        STORE      pristine partition images, each named and hashed by the table
//! behind them       crash records, which survive a reset of the board and are in no file
//! ```
//!
//! No partition can reach any of it.
//!
//! On a board with a device for that, Linux's parts are not in the store but in a second file, which the host gives to
//! the machine under the name [`NORMAL_IMAGES_NAME`]. It holds nothing but the parts, each at a multiple of
//! [`STORE_ALIGNMENT`]; the table names and hashes them as it does those of the store. Linux can spoil it, and then is
//! not started again.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Offset of the system table from the start of the image, in bytes.
pub const TABLE_OFFSET: u64 = 0x10_0000;
/// The largest system table in bytes.
pub const TABLE_MAX_BYTES: usize = 0x1_0000;
/// Offset of [`RunParameters`] from the start of the image, in bytes.
pub const RUN_PARAMETERS_OFFSET: u64 = 0x11_0000;
/// Offset of the [`SignatureBlock`](crate::signature::SignatureBlock) from the start of the image, in bytes.
pub const SIGNATURE_OFFSET: u64 = 0x11_1000;
/// Offset of the store of pristine partition images, in bytes. All below belongs to the monitor.
pub const STORE_OFFSET: u64 = 0x20_0000;
/// Every stored part starts at a multiple of this many bytes.
pub const STORE_ALIGNMENT: u64 = 64;

/// The name by which QEMU knows the file with Linux's parts (`-fw_cfg name=…`).
pub const NORMAL_IMAGES_NAME: &str = "opt/org.partita/images";
/// The last bytes of RAM of a partition whose parts are in the second file, into which no part reaches: while it is
/// loaded, the monitor tells the device there what to copy where.
pub const TRANSFER_BYTES: u64 = 64;

/// What the host asks of a run. Not part of the signed system: zero means "run for ever".
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RunParameters {
    /// [`RunParameters::MAGIC`]; anything else means that there are none.
    pub magic: [u8; 8],
    /// Machine time in nanoseconds at which the monitor ends the run; 0 is never.
    pub end_ns: u64,
}

impl RunParameters {
    /// The bytes that say that run parameters are there.
    pub const MAGIC: [u8; 8] = *b"PRTA-RUN";
}

/// Bytes of the crash records, whole pages behind the store. No image file reaches there, so that loading
/// the image again after a reset of the board leaves them.
pub const CRASH_BYTES: u64 = 0x4000;
