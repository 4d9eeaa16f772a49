//! The stable names of everything that can be wrong with a manifest.

macro_rules! codes {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal;)+) => {
        /// What is wrong, as a name that stays the same when a message is reworded.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])+ $variant,)+
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name, in kebab case.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

codes! {
    /// The manifest cannot be read.
    ManifestUnreadable = "manifest-unreadable";
    /// The manifest is not TOML.
    Syntax = "syntax";
    /// A key or table stands there twice.
    DuplicateKey = "duplicate-key";
    /// A key that does not exist.
    UnknownKey = "unknown-key";
    /// A key that must be there is not.
    MissingKey = "missing-key";
    /// A value has the wrong TOML type.
    WrongType = "wrong-type";
    /// A size or a time is a plain number.
    MissingUnit = "missing-unit";
    /// A size cannot be read.
    InvalidSize = "invalid-size";
    /// A time cannot be read.
    InvalidTime = "invalid-time";
    /// A version is negative.
    InvalidVersion = "invalid-version";
    /// An address cannot be read.
    InvalidAddress = "invalid-address";
    /// A text cannot go into a device tree.
    InvalidText = "invalid-text";
    /// A name has characters or a length that names may not have.
    InvalidName = "invalid-name";
    /// A name that means something else.
    ReservedName = "reserved-name";
    /// A board that does not exist.
    UnknownBoard = "unknown-board";
    /// A processor that the board cannot have.
    UnknownProcessor = "unknown-processor";
    /// A device that the board does not have.
    UnknownDevice = "unknown-device";
    /// A criticality that does not exist.
    UnknownCriticality = "unknown-criticality";
    /// A word that a key does not know.
    UnknownValue = "unknown-value";
    /// A partition that does not exist.
    UnknownPartition = "unknown-partition";
    /// A limit that does not exist is accepted.
    UnknownAcceptance = "unknown-acceptance";
    /// A limit is accepted that the partition does not have.
    UnneededAcceptance = "unneeded-acceptance";
    /// There is no partition.
    NoPartitions = "no-partitions";
    /// There are more partitions than the monitor has room for.
    TooManyPartitions = "too-many-partitions";
    /// A partition has neither an image nor Linux.
    NoImage = "no-image";
    /// A partition has both an image and Linux.
    TwoImages = "two-images";
    /// Linux has arguments in two places.
    ArgumentsForLinux = "arguments-for-linux";
    /// The board cannot have that much or that little memory.
    BoardMemory = "board-memory";
    /// The board cannot have that many cores.
    BoardCores = "board-cores";
    /// The board's cores never have an extension.
    BoardExtension = "board-extension";
    /// A size or a time is zero.
    Zero = "zero";
    /// An address or a size is not a multiple of what it must be.
    Unaligned = "unaligned";
    /// A partition has no core.
    NoCores = "no-cores";
    /// A partition names a core twice.
    DuplicateCore = "duplicate-core";
    /// A core that the board does not have.
    CoreOutOfRange = "core-out-of-range";
    /// A core on which no partition can run.
    CoreWithoutSupervisor = "core-without-supervisor";
    /// A core is shared by more partitions than the monitor has room for.
    TooManySharing = "too-many-sharing";
    /// Two partitions of the same criticality share a core.
    EqualCriticality = "equal-criticality";
    /// Two partitions whose interrupts are direct share a core.
    DirectInterruptsConflict = "direct-interrupts-conflict";
    /// A partition whose interrupts are direct cannot preempt a less critical one.
    DirectInterruptsNotLast = "direct-interrupts-not-last";
    /// A budget has no period.
    BudgetWithoutPeriod = "budget-without-period";
    /// A period has no budget.
    PeriodWithoutBudget = "period-without-budget";
    /// A budget is longer than its period.
    BudgetExceedsPeriod = "budget-exceeds-period";
    /// A budget is too short to be kept.
    BudgetTooShort = "budget-too-short";
    /// The budgets on a core add up to more than the core.
    CoreOverloaded = "core-overloaded";
    /// A partition may starve those below it.
    NoBudget = "no-budget";
    /// A number is outside what it can be.
    OutOfRange = "out-of-range";
    /// A health event has an action that cannot follow it.
    ImpossibleAction = "impossible-action";
    /// A health event that cannot happen has an action.
    EventCannotHappen = "event-cannot-happen";
    /// A partition is to be told of its own health events.
    NotifySelf = "notify-self";
    /// Linux is to be told of health events.
    NotifyLinux = "notify-linux";
    /// A limit or a back-off of restarts does not say for which time.
    RestartWithoutWithin = "restart-without-within";
    /// Something about restarts applies to a limit that is not there.
    RestartWithoutLimit = "restart-without-limit";
    /// A watchdog bites a partition that is well.
    WatchdogTooShort = "watchdog-too-short";
    /// A limit of interrupts that the monitor does not see.
    InterruptsAreDirect = "interrupts-are-direct";
    /// Linux needs floating point.
    LinuxWithoutFp = "linux-without-fp";
    /// Floating point cannot be switched at its first use.
    NoLazySwitch = "no-lazy-switch";
    /// Vectors are wanted where there are none.
    NoVector = "no-vector";
    /// A partition names a device twice.
    DuplicateDevice = "duplicate-device";
    /// Two partitions own the same device.
    DeviceConflict = "device-conflict";
    /// A device can write anywhere, and nobody accepted that.
    DmaNotAccepted = "dma-not-accepted";
    /// A device can write anywhere, and that is accepted.
    Dma = "dma";
    /// The monitor's text is not protected against the monitor itself.
    NoSmepmp = "no-smepmp";
    /// The console in focus is none.
    FocusWithoutConsole = "focus-without-console";
    /// Fixed memory of two partitions overlaps.
    MemoryOverlap = "memory-overlap";
    /// Fixed memory lies outside the board's memory.
    MemoryOutsideBoard = "memory-outside-board";
    /// Fixed memory overlaps the monitor or the store.
    MemoryInMonitor = "memory-in-monitor";
    /// The partitions' memory does not fit.
    MemoryFull = "memory-full";
    /// A partition's image does not fit into its memory.
    MemoryTooSmall = "memory-too-small";
    /// A partition needs more protection entries than a core has.
    ProtectionEntries = "protection-entries";
    /// Monitor and images do not fit into the memory that the board has for them.
    ImageTooLarge = "image-too-large";
    /// A program in the secure world belongs to the trusted base, and nobody accepted that.
    SecurePartitionNotAccepted = "secure-partition-not-accepted";
    /// A program in the secure world belongs to the trusted base, and that is accepted.
    TrustedBase = "trusted-base";
    /// A device of a program can be reached by Linux, and nobody accepted that.
    OpenDeviceNotAccepted = "open-device-not-accepted";
    /// A device of a program can be reached by Linux, and that is accepted.
    OpenDevice = "open-device";
    /// Two partitions are in the normal world, which nothing divides.
    NormalWorldShared = "normal-world-shared";
    /// Partitions are to be kept apart by what the board does not have.
    IsolationUnavailable = "isolation-unavailable";
    /// A Linux at EL2 beside partitions that EL2 has to keep apart.
    IsolationConflict = "isolation-conflict";
    /// Linux is to run virtual machines where it cannot.
    NoKvm = "no-kvm";
    /// Scalable vectors are not kept for everybody who would find them.
    ScalableVectors = "scalable-vectors";
    /// A console that the board cannot have.
    ImpossibleConsole = "impossible-console";
    /// A file name has a placeholder that does not exist.
    UnknownPlaceholder = "unknown-placeholder";
    /// An image file cannot be read.
    FileUnreadable = "file-unreadable";
    /// An image is not an ELF file.
    NotAnElf = "not-an-elf";
    /// An ELF file is for 32-bit or big-endian machines.
    ElfClass = "elf-class";
    /// An ELF file is for another architecture.
    ElfMachine = "elf-machine";
    /// An ELF file is not a program.
    ElfType = "elf-type";
    /// An ELF file needs a dynamic linker.
    ElfDynamic = "elf-dynamic";
    /// An ELF file has relocations other than relative ones.
    ElfRelocation = "elf-relocation";
    /// An ELF file has nothing to load, or too many pieces.
    ElfSegments = "elf-segments";
    /// The entry of an ELF file is outside its code.
    ElfEntry = "elf-entry";
    /// The fixed addresses of an ELF file lie outside the partition's memory.
    ElfOutsideMemory = "elf-outside-memory";
    /// A kernel is not a Linux image for the board's architecture.
    NotALinuxImage = "not-a-linux-image";
}

impl std::fmt::Display for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}
