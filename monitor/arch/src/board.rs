//! The board that this firmware is for: the one place where the monitor learns what there is.
//!
//! The firmware binary defines the constant. As the firmware is optimised as a whole, the compiler knows its
//! value then: addresses are in the instructions, and what a board's harts cannot have is not in its firmware.
//! Where code is for such harts only, it asks here first, beside asking the hart.

/// A board of this architecture.
pub type Board = partita_board::Board<crate::arch::platform::Details>;

unsafe extern "Rust" {
    // SAFETY: defined by the firmware binary of each board, with this type, and never written.
    /// The board.
    #[link_name = "PARTITA_BOARD"]
    pub safe static BOARD: Board;
}
