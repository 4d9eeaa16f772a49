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

fn aarch64(board: &Board) -> Vec<(&'static str, u64)> {
    let secure = board
        .secure
        .expect("a board of this architecture has secure memory");
    vec![
        ("TEXT_LIMIT", MONITOR_TEXT_BYTES),
        ("IMAGE_BASE", board.image_base),
        ("DATA_BASE", secure.monitor.base),
        ("DATA_SIZE", secure.monitor.size),
        ("__cores", board.max_cores as u64),
    ]
}
