//! From the system image in memory to the machine; every core's way there is the architecture's.

use crate::arch;
use crate::arch::controller::Controller;
use crate::arch::platform::{self, Features};
use crate::board::BOARD;
use crate::console;
use crate::crash;
use crate::machine::{self, Machine};
use crate::provision;
use crate::report;
use partita_abi::image::{
    CRASH_BYTES, RUN_PARAMETERS_OFFSET, RunParameters, TABLE_MAX_BYTES, TABLE_OFFSET,
};
use partita_abi::table::SystemTable;
use partita_board::Window;
use partita_monitor_core::check::{BoardLimits, Reserved, Secure, check};
use partita_monitor_core::text::Text;
use partita_signature::system::{Ground, Refusal};
use zerocopy::FromBytes;

/// Reads and checks the system, and makes the machine known to all cores.
pub fn start_machine(features: Features) -> &'static Machine {
    let mut banner = Text::<200>::new();
    banner
        .text("Partita ")
        .text(env!("CARGO_PKG_VERSION"))
        .text(" on ")
        .text(BOARD.name);
    features.describe(&mut banner);
    console::boot_line(arch::timer::now_ns(), banner.as_bytes());

    let ground = match provision::judge_system() {
        Ok(ground) => ground,
        Err(refusal) => refuse_unsigned(refusal),
    };
    // SAFETY: memory of the board that holds the system image's table; nothing writes it.
    let bytes = unsafe {
        core::slice::from_raw_parts(
            (BOARD.image_base + TABLE_OFFSET) as *const u8,
            TABLE_MAX_BYTES,
        )
    };
    let table = match SystemTable::parse(bytes) {
        Ok(table) => table,
        Err(error) => refuse(table_error(error), None),
    };
    let reserved = platform::reserved();
    let limits = BoardLimits {
        name: BOARD.name,
        ram_base: BOARD.ram_base,
        image_base: BOARD.image_base,
        secure: secure(),
        first_core: BOARD.first_core as u16,
        lines: platform::lines(),
        console_line: BOARD.uart.line,
        reserved: &reserved,
        controller: platform::reachable_controller(),
        streams: platform::streams(),
    };
    if let Err(flaw) = check(&table, &limits) {
        let (reason, index) = flaw.describe();
        refuse(reason, Some(index));
    }
    if let Err(index) = platform::check_protection(&table) {
        refuse("unsound protection of virtual core", Some(index));
    }
    Controller.reset(usize::from(table.header.cores));
    platform::bound_devices(&table);
    let end_ticks = match run_parameters().end_ns {
        0 => u64::MAX,
        end_ns => BOARD.ns_to_ticks(end_ns),
    };
    let machine = machine::publish(Machine::new(table, features, end_ticks));
    console::configure(machine);
    let mut line = Text::<200>::new();
    line.text("system ")
        .bytes(table.header.system.letters())
        .text(": ");
    line.decimal(table.partitions.len() as u64)
        .text(" partitions on ");
    line.decimal(machine.cores.saturating_sub(machine.first_core) as u64)
        .text(arch::CORES_IN_WORDS);
    line.text(match ground {
        Ground::Signed => ", signed, version ",
        Ground::Development => {
            ", NOT VERIFIED (development: no key, unsigned systems are started), version "
        }
    });
    line.decimal(table.header.security_version);
    console::boot_line(arch::timer::now_ns(), line.as_bytes());
    crash::open(&table, arch::timer::now_ns());
    machine
}

/// Where what is not in RAM has its place, on a board that has other memories.
fn secure() -> Option<Secure> {
    let memory = BOARD.secure?;
    let end = |window: Window| window.base.saturating_add(window.size);
    Some(Secure {
        image_end: end(memory.flash),
        crash_base: end(memory.monitor).saturating_sub(CRASH_BYTES),
        programs: Reserved {
            base: memory.programs.base,
            size: memory.programs.size,
        },
        stage_2: platform::stage_2_memory(),
        linux_is_fetched: memory.images_device.is_some(),
    })
}

fn run_parameters() -> RunParameters {
    // SAFETY: memory of the board that holds the system image's run parameters; nothing writes it.
    let bytes = unsafe {
        core::slice::from_raw_parts(
            (BOARD.image_base + RUN_PARAMETERS_OFFSET) as *const u8,
            size_of::<RunParameters>(),
        )
    };
    match RunParameters::read_from_bytes(bytes) {
        Ok(parameters) if parameters.magic == RunParameters::MAGIC => parameters,
        _ => RunParameters::default(),
    }
}

const fn table_error(error: partita_abi::table::TableError) -> &'static str {
    use partita_abi::table::TableError;
    match error {
        TableError::Truncated => "it is cut short",
        TableError::Magic => "there is none",
        TableError::Version(_) => "it has another version",
        TableError::TooMany(what) | TableError::Index(what) | TableError::Value(what) => what,
        TableError::Size => "its size does not match its entries",
    }
}

fn refuse_unsigned(refusal: Refusal) -> ! {
    let mut line = Text::<200>::new();
    line.text("system refused: ").text(refusal.describe());
    if let Refusal::Version { found, lowest } = refusal {
        line.text(": it has version ").decimal(found);
        line.text(", the lowest accepted is ").decimal(lowest);
    }
    report::refuse(&line)
}

fn refuse(reason: &str, index: Option<usize>) -> ! {
    let mut line = Text::<200>::new();
    line.text("system table refused: ").text(reason);
    if let Some(index) = index {
        line.byte(b' ').decimal(index as u64);
    }
    report::refuse(&line)
}
