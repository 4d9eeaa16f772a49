//! Why a system image cannot be packed.

/// Why a system image cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The monitor is not an ELF file that can be read.
    #[error("the monitor is not a readable ELF file ({0}); build it again")]
    Elf(#[from] object::read::Error),
    /// The monitor is for another kind of processor.
    #[error(
        "the monitor is an ELF file for {0}, not for 64-bit RISC-V; give the monitor of the system's board"
    )]
    Machine(String),
    /// The monitor does not start where the board starts.
    #[error(
        "the monitor starts at {found:#x}, but the board loads and starts it at {expected:#x}; give the monitor of the system's board"
    )]
    Start {
        /// Its lowest address or its entry point.
        found: u64,
        /// Where the board starts.
        expected: u64,
    },
    /// A part of the monitor is where something else belongs.
    #[error(
        "the monitor's segment {base:#x}..{end:#x} reaches into {what} at {limit:#x}; its linker script does not match this version of partita"
    )]
    MonitorOverlap {
        /// First address of the segment.
        base: u64,
        /// End of the segment.
        end: u64,
        /// What lies there.
        what: &'static str,
        /// Where that starts.
        limit: u64,
    },
    /// The system table is larger than its place.
    #[error(
        "the system table has {size} bytes, at most {limit} fit; use fewer partitions, devices or regions"
    )]
    TableTooLarge {
        /// Its size in bytes.
        size: usize,
        /// The largest size in bytes.
        limit: usize,
    },
    /// A part lies outside the store.
    #[error(
        "{name} would lie at {base:#x}..{end:#x}, outside the store at {store:#x}..{ram_end:#x}; give the system more memory"
    )]
    OutsideStore {
        /// What it is.
        name: String,
        /// Its first address.
        base: u64,
        /// Its end.
        end: u64,
        /// The start of the store.
        store: u64,
        /// The end of RAM.
        ram_end: u64,
    },
    /// A part's place is not aligned.
    #[error("{name} would lie at {base:#x}, which is not a multiple of {alignment} bytes")]
    Misaligned {
        /// What it is.
        name: String,
        /// Its first address.
        base: u64,
        /// What it has to be a multiple of.
        alignment: u64,
    },
    /// Two parts lie at the same place.
    #[error("{first} and {second} would both lie at {address:#x}")]
    Overlap {
        /// The one that was there first.
        first: String,
        /// The one that came on top.
        second: String,
        /// Where both lie.
        address: u64,
    },
    /// The plan's hash of a part is not that of its bytes.
    #[error("the planned hash of {0} is not the hash of its bytes")]
    Hash(String),
}
