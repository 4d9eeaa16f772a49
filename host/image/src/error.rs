//! Why a system image cannot be packed.

/// Why a system image cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The monitor is not an ELF file that can be read.
    #[error("the monitor is not a readable ELF file ({0}); build it again")]
    Elf(#[from] object::read::Error),
    /// The monitor is for another kind of processor.
    #[error(
        "the monitor is an ELF file for {found}, not for {wanted}; give the monitor of the system's board"
    )]
    Machine {
        /// What it is for.
        found: String,
        /// What the board's processors are.
        wanted: &'static str,
    },
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
    /// A file is no system image.
    #[error(
        "this is not a system image: it ends before its system table and signature; give the .img file that `partita build` wrote"
    )]
    NoImage,
    /// There is no sound system table.
    #[error(
        "the system table cannot be read: {0}; is this a .img file that `partita build` of this version wrote?"
    )]
    Table(partita_abi::table::TableError),
    /// The system table is not the one that was made.
    #[error(
        "the system table does not match its digest: the image was changed after it was built; build it again"
    )]
    TableHash,
    /// A part is not the one that the table asks for.
    #[error(
        "{0} does not match its digest: the image was changed or cut short after it was built; build it again"
    )]
    Part(String),
    /// A part is in the second file, which is not there.
    #[error(
        "{0} is in the second file, which is not there; keep the .normal.img file that `partita build` wrote beside the image"
    )]
    NotGiven(String),
    /// The monitor cannot be provisioned.
    #[error("the monitor has {0} for a key; give a monitor of this version of partita")]
    ProvisionPlace(&'static str),
    /// The plan's hash of a part is not that of its bytes.
    #[error("the planned hash of {0} is not the hash of its bytes")]
    Hash(String),
}
