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
    /// Whether its cores have Smepmp, by which the monitor's text is read-only even to the monitor.
    #[schemars(default = "yes")]
    smepmp: Option<bool>,
    /// Whether its cores have Sstc, by which a partition sets its timer without the monitor.
    #[schemars(default = "yes")]
    sstc: Option<bool>,
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
    /// What happens after an access outside the partition, which is denied and recorded in any case.
    /// `stop`: the partition ends (the default of a program). `inject`: it gets the fault, as from
    /// hardware (the default of Linux).
    on_fault: Option<OnFault>,
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

/// What becomes of floating-point state at a switch.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum FloatingPoint {
    /// Not used.
    None,
    /// Saved and restored.
    Eager,
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

/// What happens after an access outside the partition.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum OnFault {
    /// The partition ends.
    Stop,
    /// The partition gets the fault.
    Inject,
}

/// A limit of the board that a partition accepts.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Acceptance {
    /// A device of it can read and write all memory.
    Dma,
}

fn yes() -> Option<bool> {
    Some(true)
}
