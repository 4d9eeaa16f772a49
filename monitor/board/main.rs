//! The monitor firmware of a board; the same for every board, whose constant the package's name tells.
//!
//! One binary serves every system on its board: what runs is in the system table.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use partita_monitor::{Board, board_of_package};

    /// Read by the monitor, to which it is a constant: the firmware is linked as a whole.
    // SAFETY: the name belongs to the monitor, which declares it with this type.
    #[unsafe(no_mangle)]
    static PARTITA_BOARD: Board = board_of_package(env!("CARGO_PKG_NAME"));

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        partita_monitor::panicked()
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("this is firmware: build it for the bare-metal target of its board");
}
