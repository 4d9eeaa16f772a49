//! From reset to the first partition.

use crate::board::BOARD;
use crate::console;
use crate::controller::Controller;
use crate::crash;
use crate::csr::{self, interrupt};
use crate::hart::Hart;
use crate::machine::{self, Features, Machine};
use crate::performance;
use crate::pmp;
use crate::provision;
use crate::report;
use crate::serial::Port;
use crate::timer::Aclint;
use crate::vector;
use partita_abi::image::{RUN_PARAMETERS_OFFSET, RunParameters, TABLE_MAX_BYTES, TABLE_OFFSET};
use partita_abi::table::SystemTable;
use partita_monitor_core::check::{BoardLimits, Reserved, check};
use partita_monitor_core::text::Text;
use partita_signature::system::{Ground, Refusal};
use zerocopy::FromBytes;

/// `misa.H`: the hypervisor extension, which gives supervisor mode registers of its own (9.1).
const MISA_HYPERVISOR: u64 = 1 << 7;
/// `mstateen0.ENVCFG`: `senvcfg` may be used; it is switched.
const STATE_ENVIRONMENT: u64 = 1 << 62;

/// Starts the monitor on the hart that calls this: every hart comes here from the vector, with its stack; the
/// boot hart first, the others when it calls.
pub extern "C" fn start_hart(id: usize) -> ! {
    csr::write!("mstatus", 0);
    Aclint.set_deadline(id, u64::MAX);
    Aclint.clear_interrupt(id);
    let layout = vector::layout();
    let read_only_text = pmp::protect_monitor(vector::guard_page(id), layout.text);
    prepare_hart();
    let features = Features::find(read_only_text);
    let boots = id == BOARD.first_core;
    let machine = if boots {
        // SAFETY: nobody else uses the port yet.
        unsafe { console::open(Port::new()) };
        let machine = start_machine(features);
        for other in id + 1..machine.harts {
            Aclint.interrupt(other);
        }
        machine
    } else {
        match machine::get() {
            Some(machine) if id < machine.harts => machine,
            _ => stay_away(),
        }
    };
    keep_off();
    // SAFETY: once on each hart, with its own number.
    let hart = unsafe { Hart::create(id, machine) };
    csr::write!("mie", interrupt::MACHINE);
    if boots {
        hart.request_load(machine.start_order[0]);
    }
    vector::run(hart)
}

/// A hart that the system does not use.
fn stay_away() -> ! {
    csr::write!("mie", 0);
    loop {
        crate::hart::wait_for_interrupt();
    }
}

/// Keeps partitions from what they could write and no switch saves. A hart on which they cannot be kept from
/// it is not used: one could tell another something by it, or change how it runs.
fn keep_off() {
    if !BOARD.architecture.privileged_1_12 {
        return;
    }
    csr::clear!("misa", MISA_HYPERVISOR);
    let mut reached = csr::read!("misa") & MISA_HYPERVISOR != 0;
    if csr::probe!("0x30c").is_some() {
        // `mstateen0` to `mstateen3` (Smstateen 1.0).
        csr::write!("0x30c", STATE_ENVIRONMENT);
        csr::write!("0x30d", 0);
        csr::write!("0x30e", 0);
        csr::write!("0x30f", 0);
    } else {
        // `jvt`, `sctrctl`, `siselect`, `srmcfg`, `scontext`.
        reached |= csr::probe!("0x017").is_some()
            || csr::probe!("0x14e").is_some()
            || csr::probe!("0x150").is_some()
            || csr::probe!("0x181").is_some()
            || csr::probe!("0x5a8").is_some();
    }
    if reached {
        report::fatal(
            "partitions could reach registers that a switch does not save (H, or no Smstateen)",
        );
    }
}

/// Sets what is the same for every partition.
fn prepare_hart() {
    csr::write!(
        "mideleg",
        interrupt::SUPERVISOR & !interrupt::COUNTER_OVERFLOW
    );
    csr::write!("mcounteren", performance::READABLE);
    if BOARD.architecture.privileged_1_12 && csr::probe!("mcountinhibit").is_some() {
        performance::hide();
    }
}

fn start_machine(features: Features) -> &'static Machine {
    let mut banner = Text::<200>::new();
    banner
        .text("Partita ")
        .text(env!("CARGO_PKG_VERSION"))
        .text(" on ")
        .text(BOARD.name);
    banner.text(", text ").text(if features.read_only_text {
        "read-only"
    } else {
        "writable"
    });
    banner.text(if features.stimecmp() {
        ", stimecmp"
    } else {
        ", timer by calls"
    });
    console::boot_line(Aclint.now_ns(), banner.as_bytes());

    let ground = match provision::judge_system() {
        Ok(ground) => ground,
        Err(refusal) => refuse_unsigned(refusal),
    };
    // SAFETY: RAM of the board that holds the system image's table; nothing writes it.
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
    let private = |number: usize| Reserved {
        base: BOARD.architecture.controller.private()[number].base,
        size: BOARD.architecture.controller.private()[number].size,
    };
    let reserved = [
        Reserved {
            base: BOARD.uart.window.base & !0xfff,
            size: 0x1000,
        },
        Reserved {
            base: BOARD.architecture.aclint.base,
            size: BOARD.architecture.aclint.size,
        },
        Reserved {
            base: BOARD.finisher.window.base,
            size: BOARD.finisher.window.size,
        },
        private(0),
        private(1),
        private(2),
    ];
    let window = BOARD.architecture.controller.window();
    let limits = BoardLimits {
        name: BOARD.name,
        ram_base: BOARD.ram_base,
        image_base: BOARD.image_base,
        secure: None,
        first_core: BOARD.first_core as u16,
        lines: BOARD.architecture.controller.lines(),
        console_line: BOARD.uart.line,
        reserved: &reserved,
        controller: Reserved {
            base: window.base,
            size: window.size,
        },
    };
    if let Err(flaw) = check(&table, &limits) {
        let (reason, index) = flaw.describe();
        refuse(reason, Some(index));
    }
    if let Err(index) = partita_virtual_riscv64::pmp::check(&table, &BOARD.architecture) {
        refuse("unsound protection of virtual core", Some(index));
    }
    Controller.reset(usize::from(table.header.cores));
    let end_ticks = match run_parameters().end_ns {
        0 => u64::MAX,
        end_ns => BOARD.ns_to_ticks(end_ns),
    };
    let machine = machine::publish(Machine::new(table, features, end_ticks));
    console::configure(machine);
    let mut line = Text::<200>::new();
    line.text("system ")
        .text(table.header.system.as_str())
        .text(": ");
    line.decimal(table.partitions.len() as u64)
        .text(" partitions on ");
    line.decimal(machine.harts.saturating_sub(machine.first_hart) as u64)
        .text(" harts");
    line.text(match ground {
        Ground::Signed => ", signed, version ",
        Ground::Development => {
            ", NOT VERIFIED (development: no key, unsigned systems are started), version "
        }
    });
    line.decimal(table.header.security_version);
    console::boot_line(Aclint.now_ns(), line.as_bytes());
    crash::open(&table, Aclint.now_ns());
    machine
}

fn run_parameters() -> RunParameters {
    // SAFETY: RAM of the board that holds the system image's run parameters; nothing writes it.
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
