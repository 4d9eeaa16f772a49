//! The JSON Schema of a manifest, for editors. These types exist to be described; the parser is in
//! `parse`, and a test holds the two together.

// Nothing reads the fields: the derived schema is all that is wanted of them.
#![allow(dead_code)]

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;
use std::collections::BTreeMap;

/// The JSON Schema of a manifest.
pub fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<Manifest>()
        .to_value();
    remove_null(&mut schema);
    schema
}

/// Takes out that optional keys may be null: TOML has no null, an optional key is left out.
fn remove_null(schema: &mut Value) {
    if let Value::Object(object) = schema {
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                object.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
            choices.retain(|choice| choice["type"] != "null");
            if let [Value::Object(only)] = choices.as_slice() {
                let only = only.clone();
                object.remove("anyOf");
                object.extend(only);
            }
        }
    }
    match schema {
        Value::Object(object) => object.values_mut().for_each(remove_null),
        Value::Array(values) => values.iter_mut().for_each(remove_null),
        _ => {}
    }
}

/// A system: a board and the partitions on it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Partita manifest")]
struct Manifest {
    /// What the system is called.
    system: System,
    /// The hardware it runs on.
    board: Board,
    /// The partitions, by name: 1 to 31 lower-case letters, digits, `-` and `_`. `monitor` is taken.
    #[schemars(extend("propertyNames" = { "pattern": "^[a-z0-9_-]{1,31}$" }))]
    partition: BTreeMap<String, Partition>,
    /// How it is run on a developer's machine.
    run: Option<Run>,
}

/// What the system is called.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct System {
    /// 1 to 31 lower-case letters, digits, `-` and `_`.
    #[schemars(regex(pattern = "^[a-z0-9_-]{1,31}$"))]
    name: String,
    /// Its security version: a board that was provisioned with a key refuses a system whose version is
    /// below the lowest one it accepts. Raise it when an older system must not come back.
    #[schemars(range(min = 0), default = "zero")]
    version: Option<u64>,
    /// What keeps those partitions apart, on 64-bit Arm, that do not say so themselves.
    isolation: Option<Isolation>,
}

/// The hardware that the system runs on.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Board {
    /// Which board it is, such as `qemu-virt-riscv64`.
    name: String,
    /// How much RAM it has, from its base on.
    memory: Size,
    /// How many cores it has. They are numbered from 0.
    #[schemars(range(min = 1, max = 8))]
    cores: u32,
    /// Its processor, on a board that can have several, such as `cortex-a72`.
    cpu: Option<String>,
    /// Whether its cores have Smepmp, by which the monitor's text is read-only even to the monitor.
    #[schemars(default = "yes")]
    smepmp: Option<bool>,
    /// Whether its cores have Sstc, by which a partition sets its timer without the monitor.
    #[schemars(default = "yes")]
    sstc: Option<bool>,
    /// Whether its cores have the V extension.
    vector: Option<bool>,
    /// Whether an IOMMU bounds those devices of partitions behind stage 2 that it stands before. Without it they have to
    /// be accepted.
    #[schemars(default = "yes")]
    iommu: Option<bool>,
}

/// A partition: an isolated computer.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    rename_all = "kebab-case",
    extend("oneOf" = [{ "required": ["image"] }, { "required": ["linux"] }]),
    extend("dependentRequired" = { "budget": ["period"], "period": ["budget"] })
)]
struct Partition {
    /// How much depends on it. On a shared core the more critical partition always runs first; it
    /// also starts first. SIL and DAL names stand for the ASIL of the same rank: SIL-1 to SIL-4 for
    /// ASIL-A to ASIL-D, DAL-E for QM, DAL-D to DAL-A for ASIL-A to ASIL-D. This ranks partitions
    /// and claims no equivalence between the standards.
    criticality: Criticality,
    /// A program of its own, an RTOS or bare metal: the path of an ELF file, from the manifest's
    /// folder. Either this or `linux`.
    image: Option<String>,
    /// A Linux kernel. Either this or `image`.
    linux: Option<Linux>,
    /// What keeps it apart from the others, on 64-bit Arm.
    isolation: Option<Isolation>,
    /// Text for the program, which finds it in its device tree under `/chosen/bootargs`.
    arguments: Option<String>,
    /// How much RAM it has; and where, if that must be fixed.
    memory: Memory,
    /// The cores it runs on. Its own number for a core is the place in this list. A core in several
    /// partitions' lists is shared.
    #[schemars(length(min = 1), inner(range(max = 7)))]
    cores: Vec<u32>,
    /// What becomes of its floating-point state at a switch. `none`: it may not use any, and costs
    /// nothing. `eager` (the default): it is saved and restored.
    fp: Option<FloatingPoint>,
    /// The same for vector registers, where the board's cores have them. Linux is `eager` there, a
    /// program `none`, if nothing is said.
    vector: Option<FloatingPoint>,
    /// The most core time that it may take on each of its cores in each `period`, which must be
    /// there too. Without both, a partition may starve the less critical ones.
    budget: Option<Time>,
    /// After what time the budget is filled up again.
    period: Option<Time>,
    /// The board's devices that it owns, by name.
    devices: Option<Vec<String>>,
    /// Its console. `sbi`: by SBI debug console calls (the default of a program). `uart`: by an
    /// emulated 16550, and by those calls (the default of Linux). `none`: it has none.
    console: Option<Console>,
    /// What the monitor does about each health event, after it has recorded it.
    health: Option<Health>,
    /// How often and how soon it is restarted, whichever event is the reason.
    restart: Option<Restart>,
    /// The longest time in which it must reset its watchdog. Without this key it has none.
    watchdog: Option<Watchdog>,
    /// How many interrupts of its devices it may get in which time; more of them wait.
    interrupts: Option<Interrupts>,
    /// Limits of the board that it accepts by name. `dma`: a device of this partition can read and
    /// write all memory, since the board has no IOMMU.
    accept: Option<Vec<Acceptance>>,
}

/// A Linux kernel and what it starts with. Paths count from the manifest's folder.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case")]
struct Linux {
    /// The uncompressed `Image` of a riscv64 kernel.
    kernel: String,
    /// A cpio archive with the initial file system, compressed or not.
    initramfs: Option<String>,
    /// The kernel's command line.
    command_line: Option<String>,
    /// Whether it must be able to run virtual machines (KVM).
    kvm: Option<bool>,
}

/// RAM of a partition: a size, or a size at an address.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Memory {
    /// Somewhere. A power of two costs one protection entry, any other size two.
    Anywhere(Size),
    /// At a fixed address.
    Fixed(FixedMemory),
}

/// RAM at a fixed address.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FixedMemory {
    /// The address, in hexadecimal such as `0x9000_0000`. A multiple of 4 KiB, of 2 MiB for Linux.
    #[schemars(regex(pattern = "^0x[0-9a-fA-F_]+$"))]
    base: String,
    /// How much.
    size: Size,
}

/// How a system is run on a developer's machine.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Run {
    /// The partition that gets the input at first. Linux if there is one, else the first that has a
    /// console.
    console: Option<String>,
}

/// A size: a whole number and B, KiB, MiB or GiB, such as `512MiB`. A multiple of 4KiB.
#[derive(JsonSchema)]
struct Size(#[schemars(regex(pattern = "^[0-9][0-9_]* *(B|KiB|MiB|GiB)$"))] String);

/// A time: a whole number and ns, us, ms or s, such as `800us`.
#[derive(JsonSchema)]
struct Time(#[schemars(regex(pattern = "^[0-9][0-9_]* *(ns|us|ms|s)$"))] String);

/// How much depends on a partition.
#[derive(JsonSchema)]
enum Criticality {
    #[schemars(rename = "QM")]
    Qm,
    #[schemars(rename = "ASIL-A")]
    AsilA,
    #[schemars(rename = "ASIL-B")]
    AsilB,
    #[schemars(rename = "ASIL-C")]
    AsilC,
    #[schemars(rename = "ASIL-D")]
    AsilD,
    #[schemars(rename = "SIL-1")]
    Sil1,
    #[schemars(rename = "SIL-2")]
    Sil2,
    #[schemars(rename = "SIL-3")]
    Sil3,
    #[schemars(rename = "SIL-4")]
    Sil4,
    #[schemars(rename = "DAL-E")]
    DalE,
    #[schemars(rename = "DAL-D")]
    DalD,
    #[schemars(rename = "DAL-C")]
    DalC,
    #[schemars(rename = "DAL-B")]
    DalB,
    #[schemars(rename = "DAL-A")]
    DalA,
}

/// What keeps a partition apart from the others, on 64-bit Arm.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Isolation {
    /// The two worlds: a program is in the secure one, and one Linux is at EL2 of the normal one.
    TrustZone,
    /// Stage 2: it is at EL1 of the normal world, and EL2 is the monitor's.
    Stage2,
}

/// What becomes of floating-point or vector state at a switch.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum FloatingPoint {
    /// Not used.
    None,
    /// Saved and restored.
    Eager,
    /// Saved and restored at its first use.
    Lazy,
}

/// How a partition reaches its console.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Console {
    /// Not at all.
    None,
    /// By SBI debug console calls.
    Sbi,
    /// By an emulated 16550, and by SBI debug console calls.
    Uart,
}

/// What the monitor does about each health event, after it has recorded it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case")]
struct Health {
    /// A load, store or fetch outside the partition's memory and devices.
    access_fault: Option<Response>,
    /// An instruction that the partition may not execute and its own system did not handle.
    illegal_instruction: Option<Response>,
    /// A trap that has no business reaching the monitor.
    unexpected_trap: Option<Response>,
    /// Floating-point or vector state was used by a partition that declares that it uses none.
    floating_point: Option<Response>,
    /// The partition called for its own end.
    panic: Option<Response>,
    /// The partition reset itself.
    reset: Option<Response>,
    /// The partition shut itself down.
    shutdown: Option<Response>,
    /// The partition used up its budget while it still had work.
    budget_overrun: Option<Response>,
    /// A stored image does not match its hash.
    image_corrupt: Option<Response>,
    /// The partition reported a missed deadline.
    deadline_miss: Option<Response>,
    /// The partition wrote an interrupt-controller register of a line that is not its own.
    interrupt_denied: Option<Response>,
    /// A fault of the partition's own trap handler, at its first instruction.
    double_trap: Option<Response>,
    /// The partition did not reset its watchdog in time.
    watchdog: Option<Response>,
    /// The partition's interrupts came more often than `interrupts` allows.
    storm: Option<Response>,
    /// A monitor call named memory or a hart outside the partition.
    call_denied: Option<Response>,
}

/// What follows a health event: an action, or an action and a partition that is told.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Response {
    /// The action alone.
    Action(Action),
    /// The action, and who is told.
    Told(ToldResponse),
}

/// What follows a health event, and who is told of it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ToldResponse {
    /// What is done. Without it, what is usual for this event.
    action: Option<Action>,
    /// Another partition, running a program, that is told of the event.
    notify: Option<String>,
}

/// What the monitor does about a health event.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Action {
    /// Nothing more. A fault goes to the partition's own handler, a call returns an error.
    Log,
    /// The partition is started again from its pristine image.
    Restart,
    /// The partition stays off.
    Halt,
    /// All partitions stay off, and the run ends.
    StopSystem,
    /// The board is reset.
    ResetSystem,
}

/// How often and how soon a partition is restarted.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    rename_all = "kebab-case",
    extend("dependentRequired" = {
        "limit": ["within"], "back-off": ["within"], "then": ["limit"]
    })
)]
struct Restart {
    /// The most restarts in each time of the length `within`. Without it there is no limit.
    #[schemars(range(min = 1, max = 32))]
    limit: Option<u32>,
    /// The time to which `limit` applies, and after which `back-off` starts anew.
    within: Option<Time>,
    /// How long the first restart waits; each further one within `within` waits twice as long as the
    /// one before.
    back_off: Option<Time>,
    /// What is done when the limit is reached: `halt` (the default), `stop-system` or `reset-system`.
    then: Option<Then>,
}

/// What is done when a partition has been restarted too often.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Then {
    /// The partition stays off.
    Halt,
    /// All partitions stay off, and the run ends.
    StopSystem,
    /// The board is reset.
    ResetSystem,
}

/// A watchdog: a time, or a time and when it starts to count.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Watchdog {
    /// The time alone.
    Timeout(Time),
    /// The time, and when it starts to count.
    Started(StartedWatchdog),
}

/// A watchdog that says when it starts to count.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct StartedWatchdog {
    /// The longest time in which it must be reset: 1ms at least, and longer than the period.
    timeout: Time,
    /// `boot`: with the partition (the default of a program). `first-use`: when the partition asks for
    /// it (the default of Linux).
    start: Option<WatchdogStart>,
}

/// When a watchdog starts to count.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum WatchdogStart {
    /// With the partition.
    Boot,
    /// When the partition asks for it.
    FirstUse,
}

/// How many interrupts of its devices a partition may get in which time.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Interrupts {
    /// The most interrupts in each time of the length `within`.
    #[schemars(range(min = 1, max = 4294967295u32))]
    limit: u32,
    /// The time to which `limit` applies.
    within: Time,
}

/// A limit of the board that a partition accepts.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Acceptance {
    /// A device of it can read and write all memory.
    Dma,
    /// Its program is in the secure world of Arm, and belongs to the trusted base.
    TrustedBase,
    /// A device of its program is in the normal world of Arm, where Linux can reach it.
    OpenDevice,
}

/// The default of numbers that count up.
fn zero() -> Option<u64> {
    Some(0)
}

fn yes() -> Option<bool> {
    Some(true)
}
