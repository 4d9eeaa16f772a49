//! Hands the monitor's memory layout to the linker; the same for the firmware of every board.

fn main() {
    println!("cargo:rerun-if-changed=../monitor.ld");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let board = partita_board::of_package(env!("CARGO_PKG_NAME"));
    let symbols = [
        ("TEXT_WINDOW", partita_board::MONITOR_TEXT_BYTES),
        ("RAM_BASE", board.ram_base),
        ("__harts", board.max_cores as u64),
        ("__first_hart", board.first_core as u64),
    ];
    for (name, value) in symbols {
        println!("cargo:rustc-link-arg-bins=--defsym={name}={value:#x}");
    }
    println!("cargo:rustc-link-arg-bins=-T{folder}/../monitor.ld");
}
