//! Whether the system in memory may be started by this board: its signature, before anything of it is
//! believed.

use core::mem::size_of;
use partita_abi::image::{SIGNATURE_OFFSET, TABLE_OFFSET};
use partita_abi::signature::{Provision, SignatureBlock};
use partita_abi::table::Header;
use partita_board::Board;
use partita_signature::system::{Ground, Refusal, judge};
use zerocopy::FromBytes;

/// Filled in by the host tools, in the monitor's file. Part of the read-only data.
#[used]
static PROVISION: Provision = Provision::NONE;

/// What the board was provisioned with.
pub fn provision() -> Provision {
    // SAFETY: reads a static. Volatile, as the compiler knows only what it was before it was filled in.
    unsafe { core::ptr::read_volatile(&raw const PROVISION) }
}

/// Judges the system by its signature.
pub fn judge_system(board: &Board) -> Result<Ground, Refusal> {
    // SAFETY: RAM of the board that holds the start of the system image's table; nothing writes it.
    let header = unsafe {
        core::slice::from_raw_parts(
            (board.ram_base + TABLE_OFFSET) as *const u8,
            size_of::<Header>(),
        )
    };
    // SAFETY: the same of the signature.
    let block = unsafe {
        core::slice::from_raw_parts(
            (board.ram_base + SIGNATURE_OFFSET) as *const u8,
            size_of::<SignatureBlock>(),
        )
    };
    let version = Header::read_from_bytes(header).map_or(0, |header| header.security_version);
    let block = SignatureBlock::read_from_bytes(block).map_err(|_| Refusal::Unsigned)?;
    judge(&provision(), header, version, &block)
}
