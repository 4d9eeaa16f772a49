//! Hands the monitor's memory layout to the linker; the same for the firmware of every board.

use partita_board::{Architecture, Board, MONITOR_TEXT_BYTES};

fn main() {
    for script in ["aarch64.ld", "monitor.ld"] {
        println!("cargo:rerun-if-changed=../{script}");
    }
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let board = partita_board::of_package(env!("CARGO_PKG_NAME"));
    let (script, symbols) = match board.architecture {
        Architecture::Riscv64(_) => ("monitor.ld", riscv64(board)),
        Architecture::Aarch64(_) => ("aarch64.ld", aarch64(board)),
    };
    for (name, value) in symbols {
        println!("cargo:rustc-link-arg-bins=--defsym={name}={value:#x}");
    }
    println!("cargo:rustc-link-arg-bins=-T{folder}/../{script}");
}

fn riscv64(board: &Board) -> Vec<(&'static str, u64)> {
    vec![
        ("TEXT_WINDOW", MONITOR_TEXT_BYTES),
        ("RAM_BASE", board.ram_base),
        ("__harts", board.max_cores as u64),
        ("__first_hart", board.first_core as u64),
    ]
}

/// Bytes of the crash records, the end of the monitor's RAM in a board's secure memory.
const CRASH_RECORDS: u64 = 0x4000;
/// In RAM, where data begins behind the start of the image: behind the text and its own first values.
const DATA_OFFSET: u64 = 0x2_0000;
/// In RAM, where the system table begins behind the start of the image.
const TABLE_OFFSET: u64 = 0x10_0000;

fn aarch64(board: &Board) -> Vec<(&'static str, u64)> {
    let (data_base, data_end) = match board.secure {
        Some(secure) => (
            secure.monitor.base,
            secure.monitor.base + secure.monitor.size - CRASH_RECORDS,
        ),
        None => (
            board.image_base + DATA_OFFSET,
            board.image_base + TABLE_OFFSET,
        ),
    };
    vec![
        ("TEXT_LIMIT", board.architecture.monitor_text_bytes()),
        ("IMAGE_BASE", board.image_base),
        ("DATA_BASE", data_base),
        ("DATA_END", data_end),
        ("__cores", board.max_cores as u64),
    ]
}
