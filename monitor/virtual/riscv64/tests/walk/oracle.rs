//! The oracle: the specification stated in another way than the walk does it. Numbers as lists of bits,
//! levels by recursion, permissions as a set of letters.

use partita_virtual_riscv64::walk::{AccessKind, Privilege, WalkError};

use crate::tables::{Memory, State};

fn bits(value: u64, high: u32, low: u32) -> u64 {
    (low..=high)
        .map(|bit| (value >> bit & 1) << (bit - low))
        .sum()
}

fn letters(entry: u64) -> String {
    "VRWXUGAD"
        .chars()
        .enumerate()
        .filter(|(bit, _)| entry >> bit & 1 == 1)
        .map(|l| l.1)
        .collect()
}

pub fn translate(
    memory: &Memory,
    state: &State,
    address: u64,
    kind: AccessKind,
) -> Result<u64, WalkError> {
    let levels = match bits(state.satp, 63, 60) {
        0 => return Ok(address),
        8 => 3,
        9 => 4,
        10 => 5,
        _ => return Err(WalkError::ReservedMode),
    };
    let top = 12 + 9 * levels - 1;
    if (top..64).any(|bit| bits(address, bit, bit) != bits(address, top, top)) {
        return Err(WalkError::NotCanonical);
    }
    level(
        memory,
        state,
        address,
        kind,
        bits(state.satp, 43, 0) * 4096,
        levels,
    )
}

fn level(
    memory: &Memory,
    state: &State,
    address: u64,
    kind: AccessKind,
    table: u64,
    levels_left: u32,
) -> Result<u64, WalkError> {
    let level_index = levels_left - 1;
    let low = 12 + 9 * level_index;
    let place = table + 8 * bits(address, low + 8, low);
    let entry = memory
        .peek(place)
        .ok_or(WalkError::TableOutsideMemory(place))?;
    let flags = letters(entry);
    let has = |letter: char| flags.contains(letter);
    let n = bits(entry, 63, 63) == 1;
    let memory_type = bits(entry, 62, 61);
    let leaf = has('R') || has('X');
    let page_number = bits(entry, 53, 10);
    let rules: [(bool, WalkError); 3] = [
        (!has('V'), WalkError::NotValid),
        (!has('R') && has('W'), WalkError::WriteWithoutRead),
        (
            bits(entry, 60, 54) != 0 || memory_type == 3,
            WalkError::ReservedBits,
        ),
    ];
    if let Some((_, error)) = rules.into_iter().find(|(broken, _)| *broken) {
        return Err(error);
    }
    if !leaf {
        if n || memory_type != 0 || has('D') || has('A') || has('U') {
            return Err(WalkError::ReservedBits);
        }
        if level_index == 0 {
            return Err(WalkError::NoLeaf);
        }
        return level(
            memory,
            state,
            address,
            kind,
            page_number * 4096,
            level_index,
        );
    }
    let user_page = has('U');
    let user_ok = match (state.privilege, kind) {
        (Privilege::User, _) => user_page,
        (Privilege::Supervisor, AccessKind::Fetch) => !user_page,
        (Privilege::Supervisor, _) => !user_page || state.supervisor_user_memory,
    };
    let kind_ok = match kind {
        AccessKind::Fetch => has('X'),
        AccessKind::Store => has('W'),
        AccessKind::Load => has('R') || state.make_executable_readable,
    };
    let pages = 512u64.pow(level_index);
    let rules = [
        (
            n && (level_index != 0 || page_number % 16 != 8),
            WalkError::ReservedContiguousSize,
        ),
        (!user_ok || !kind_ok, WalkError::NotPermitted),
        (
            !page_number.is_multiple_of(pages),
            WalkError::MisalignedSuperpage,
        ),
        (!has('A'), WalkError::NotAccessed),
        (kind == AccessKind::Store && !has('D'), WalkError::NotDirty),
    ];
    if let Some((_, error)) = rules.into_iter().find(|(broken, _)| *broken) {
        return Err(error);
    }
    if n {
        let first_page = page_number - page_number % 16;
        return Ok((first_page + bits(address, 15, 12)) * 4096 + bits(address, 11, 0));
    }
    Ok(page_number * 4096 + address % (pages * 4096))
}
