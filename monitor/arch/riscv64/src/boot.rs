//! From reset to the first partition.

use crate::Board;
use crate::console;
use crate::context::ENVIRONMENT_UPDATE_TABLES;
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
use core::sync::atomic::{AtomicPtr, Ordering::SeqCst};
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

static BOARD: AtomicPtr<Board> = AtomicPtr::new(core::ptr::null_mut());

/// The board, once the firmware has said which one it is for.
pub fn board() -> Option<&'static Board> {
    let board = BOARD.load(SeqCst).cast_const();
    // SAFETY: only ever set from a `&'static Board` (`start`).
    unsafe { board.as_ref() }
}

unsafe extern "Rust" {
    /// The firmware binary's board: it calls [`start`].
    fn partita_board_main(hart: usize) -> !;
}

/// Every hart comes here from the vector, with its stack; the boot hart first, the others when it calls.
pub extern "C" fn start_hart(hart: usize) -> ! {
    // SAFETY: defined by the firmware binary with this signature.
    unsafe { partita_board_main(hart) }
}

/// Starts the monitor on the calling hart.
///
/// # Safety
/// Called from `partita_board_main` only, on the board that `board` describes.
pub unsafe fn start(board: &'static Board, id: usize) -> ! {
    csr::write!("mstatus", 0);
    // SAFETY: the caller's promise: these are this board's devices.
    let (aclint, controller) = unsafe {
        (
            Aclint::new(board.architecture.aclint),
            Controller::new(board),
        )
    };
    aclint.set_deadline(id, u64::MAX);
    aclint.clear_interrupt(id);
    let layout = vector::layout();
    let read_only_text =
        pmp::protect_monitor(vector::guard_page(id), layout.text, vector::TEXT_WINDOW);
    let features = prepare_hart(read_only_text);
    let boots = id == board.first_core;
    let machine = if boots {
        BOARD.store(core::ptr::from_ref(board).cast_mut(), SeqCst);
        // SAFETY: as above, and nobody else uses the port yet.
        unsafe { console::open(Port::new(&board.uart)) };
        let machine = start_machine(board, aclint, controller, features);
        for other in id + 1..machine.harts {
            aclint.interrupt(other);
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

/// Sets what is the same for every partition, and finds out what the hart can do.
fn prepare_hart(read_only_text: bool) -> Features {
    csr::write!(
        "mideleg",
        interrupt::SUPERVISOR & !interrupt::COUNTER_OVERFLOW
    );
    csr::write!("mcounteren", performance::READABLE);
    if csr::probe!("mcountinhibit").is_some() {
        performance::hide();
    }
    let mut features = Features {
        read_only_text,
        environment: csr::probe!("menvcfg").is_some(),
        time: csr::probe!("time").is_some(),
        ..Features::default()
    };
    if features.environment {
        csr::write!("menvcfg", 1 << 63 | ENVIRONMENT_UPDATE_TABLES);
        let environment = csr::read!("menvcfg");
        features.stimecmp = environment >> 63 != 0;
        features.update_tables = environment & ENVIRONMENT_UPDATE_TABLES;
        if features.stimecmp {
            csr::write!("0x14d", u64::MAX);
        }
        csr::write!("menvcfg", 0);
    }
    features
}

fn start_machine(
    board: &'static Board,
    aclint: Aclint,
    controller: Controller,
    features: Features,
) -> &'static Machine {
    let now_ns = || board.ticks_to_ns(aclint.now());
    let mut banner = Text::<200>::new();
    banner
        .text("Partita ")
        .text(env!("CARGO_PKG_VERSION"))
        .text(" on ")
        .text(board.name);
    banner.text(", text ").text(if features.read_only_text {
        "read-only"
    } else {
        "writable"
    });
    banner.text(if features.stimecmp {
        ", stimecmp"
    } else {
        ", timer by calls"
    });
    console::boot_line(now_ns(), banner.as_bytes());

    let ground = match provision::judge_system(board) {
        Ok(ground) => ground,
        Err(refusal) => refuse_unsigned(board, refusal),
    };
    // SAFETY: RAM of the board that holds the system image's table; nothing writes it.
    let bytes = unsafe {
        core::slice::from_raw_parts(
            (board.ram_base + TABLE_OFFSET) as *const u8,
            TABLE_MAX_BYTES,
        )
    };
    let table = match SystemTable::parse(bytes) {
        Ok(table) => table,
        Err(error) => refuse(board, table_error(error), None),
    };
    let private = |number: usize| Reserved {
        base: board.architecture.controller.private()[number].base,
        size: board.architecture.controller.private()[number].size,
    };
    let reserved = [
        Reserved {
            base: board.uart.window.base & !0xfff,
            size: 0x1000,
        },
        Reserved {
            base: board.architecture.aclint.base,
            size: board.architecture.aclint.size,
        },
        Reserved {
            base: board.finisher.window.base,
            size: board.finisher.window.size,
        },
        private(0),
        private(1),
        private(2),
    ];
    let window = board.architecture.controller.window();
    let limits = BoardLimits {
        name: board.name,
        ram_base: board.ram_base,
        first_core: board.first_core as u16,
        lines: board.architecture.controller.lines(),
        console_line: board.uart.line,
        reserved: &reserved,
        controller: Reserved {
            base: window.base,
            size: window.size,
        },
    };
    if let Err(flaw) = check(&table, &limits) {
        let (reason, index) = flaw.describe();
        refuse(board, reason, Some(index));
    }
    if let Err(index) = partita_virtual_riscv64::pmp::check(&table, &board.architecture) {
        refuse(board, "unsound protection of virtual core", Some(index));
    }
    controller.reset(usize::from(table.header.cores));
    let end_ticks = match run_parameters(board).end_ns {
        0 => u64::MAX,
        end_ns => board.ns_to_ticks(end_ns),
    };
    let machine = machine::publish(Machine::new(
        board, aclint, controller, table, features, end_ticks,
    ));
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
    console::boot_line(now_ns(), line.as_bytes());
    crash::open(&table, now_ns());
    machine
}

fn run_parameters(board: &Board) -> RunParameters {
    // SAFETY: RAM of the board that holds the system image's run parameters; nothing writes it.
    let bytes = unsafe {
        core::slice::from_raw_parts(
            (board.ram_base + RUN_PARAMETERS_OFFSET) as *const u8,
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

fn refuse_unsigned(board: &'static Board, refusal: Refusal) -> ! {
    let mut line = Text::<200>::new();
    line.text("system refused: ").text(refusal.describe());
    if let Refusal::Version { found, lowest } = refusal {
        line.text(": it has version ").decimal(found);
        line.text(", the lowest accepted is ").decimal(lowest);
    }
    report::refuse(board, &line)
}

fn refuse(board: &'static Board, reason: &str, index: Option<usize>) -> ! {
    let mut line = Text::<200>::new();
    line.text("system table refused: ").text(reason);
    if let Some(index) = index {
        line.byte(b' ').decimal(index as u64);
    }
    report::refuse(board, &line)
}
