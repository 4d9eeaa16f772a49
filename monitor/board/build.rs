//! Hands the monitor's memory layout to the linker; the same for the firmware of every board.

fn main() {
    println!("cargo:rerun-if-changed=../monitor.ld");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let board = partita_board::of_package(env!("CARGO_PKG_NAME"))
        .riscv64()
        .expect("this firmware is for boards of RISC-V");
    // With Smepmp one protection entry covers the text (`vector::TEXT_WINDOW`). Without it none does, and
    // such cores tend to lack Zba and Zbb too, so that the text is longer.
    let text_window = if board.architecture.smepmp {
        0x1_0000
    } else {
        0x1_8000
    };
    let symbols = [
        ("TEXT_WINDOW", text_window),
        ("RAM_BASE", board.ram_base),
        ("__harts", board.max_cores as u64),
        ("__first_hart", board.first_core as u64),
    ];
    for (name, value) in symbols {
        println!("cargo:rustc-link-arg-bins=--defsym={name}={value:#x}");
    }
    println!("cargo:rustc-link-arg-bins=-T{folder}/../monitor.ld");
}
