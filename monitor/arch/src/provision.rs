//! Whether the system in memory may be started by this board: its signature, before anything of it is
//! believed.

use crate::board::BOARD;
use core::arch::asm;
use partita_abi::image::{SIGNATURE_OFFSET, TABLE_OFFSET};
use partita_abi::signature::{Provision, SignatureBlock};
use partita_abi::table::Header;
use partita_signature::system::{Ground, Refusal, judge};

/// Filled in by the host tools, in the monitor's file. Part of the read-only data.
#[used]
static PROVISION: Provision = Provision::NONE;

/// What the board was provisioned with.
pub fn provision() -> &'static Provision {
    let mut pointer = &raw const PROVISION;
    // SAFETY: does nothing, but the compiler, which knows only what the static was before it was filled in,
    // does not know that.
    unsafe {
        asm!("/* {pointer} */", pointer = inout(reg) pointer, options(nostack, preserves_flags));
    }
    // SAFETY: points to the static; any bytes are a `Provision`.
    unsafe { &*pointer }
}

/// Judges the system by its signature.
#[inline(never)]
pub fn judge_system() -> Result<Ground, Refusal> {
    let header = (BOARD.image_base + TABLE_OFFSET) as *const Header;
    // SAFETY: memory of the board that holds the start of the system image's table; nothing writes it, it is
    // aligned, and any bytes are a `Header`.
    let header = unsafe { &*header };
    let block = (BOARD.image_base + SIGNATURE_OFFSET) as *const SignatureBlock;
    // SAFETY: the same of the signature.
    let block = unsafe { &*block };
    judge(provision(), header, block)
}
