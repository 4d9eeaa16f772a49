//! Which instructions of a block get a counter or a call.

use crate::arguments::Arguments;
use crate::calls;
use crate::instruction::{self, Kind};
use crate::probe::FIRMWARE;
use crate::qemu::{Block, Instruction};

/// Where firmware begins on `virt`: the start of RAM.
const RAM: u64 = 0x8000_0000;
/// How much RAM may there be.
const MOST_RAM: u64 = 1 << 33;
/// Above this no user program's address lies, whichever page tables are used (Sv39).
const USER_END: u64 = 1 << 38;

/// A range and a number of instructions in one value.
const fn packed(range: usize, count: usize) -> usize {
    range << 32 | count
}

/// Undoes [`packed`].
pub const fn unpacked(data: usize) -> (usize, u64) {
    (data >> 32, (data & 0xffff_ffff) as u64)
}

/// Puts counters and calls into a block. Calls come before the count of the same instruction, so
/// that they see how many were executed before it.
pub fn instrument(block: Block<'_>, arguments: &Arguments, ram: &mut Option<u64>, has_user: bool) {
    let mut block_range = None;
    let mut block_count = 0;
    for instruction in block.instructions() {
        let address = physical(instruction, ram);
        let range = arguments.range_of(address);
        let first = block_range.is_none();
        block_range = block_range.or(Some(range));
        let is_user = instruction.address() != address && instruction.address() < USER_END;
        if first && !has_user && is_user && Some(range) == arguments.linux {
            instruction.call(calls::user, 0);
        }
        for (index, _) in arguments
            .watches
            .iter()
            .enumerate()
            .filter(|(_, (_, at))| *at == address)
        {
            instruction.call(calls::watched, index);
        }
        let kind = instruction::kind(instruction.encoding());
        if range == FIRMWARE {
            in_firmware(instruction, kind, address, arguments);
        } else {
            outside(instruction, kind, (range, address), arguments);
        }
        if range == FIRMWARE {
            instruction.count(
                calls::firmware_executes,
                (address - arguments.ranges[FIRMWARE].start) as usize,
            );
        } else if arguments.exact {
            instruction.count(calls::executes, packed(range, 1));
        } else {
            block_count += 1;
        }
    }
    if let Some(range) = block_range.filter(|_| block_count != 0) {
        block.count(calls::executes, packed(range, block_count));
    }
}

fn in_firmware(instruction: Instruction<'_>, kind: Kind, address: u64, arguments: &Arguments) {
    let Some(entry) = arguments.trap_entry else {
        return;
    };
    if address == entry {
        instruction.call(calls::trap, 0);
    }
    match kind {
        Kind::MachineReturn => instruction.call(calls::machine_return, 0),
        Kind::Wait => instruction.call(calls::wait, 0),
        _ => {}
    }
    if kind == Kind::Access && arguments.real_time.is_some() {
        instruction.call_at_access(calls::accesses);
    }
}

fn outside(
    instruction: Instruction<'_>,
    kind: Kind,
    (range, address): (usize, u64),
    arguments: &Arguments,
) {
    match (kind, arguments.real_time) {
        (_, Some((_, vector))) if address == vector => instruction.call(calls::handler, 0),
        (Kind::Call, Some((real_time, _))) if range == real_time => {
            instruction.call(calls::call, 0)
        }
        (Kind::SupervisorReturn, _) => instruction.call(calls::supervisor_return, 0),
        _ => {}
    }
}

/// The physical address of an instruction; the virtual one for what is not in RAM.
fn physical(instruction: Instruction<'_>, ram: &mut Option<u64>) -> u64 {
    let (address, host) = (instruction.address(), instruction.host_address());
    if address == RAM && ram.is_none() && host != 0 {
        *ram = Some(host);
    }
    match ram.map(|ram| host.wrapping_sub(ram)) {
        Some(offset) if host != 0 && offset < MOST_RAM => RAM + offset,
        _ => address,
    }
}
