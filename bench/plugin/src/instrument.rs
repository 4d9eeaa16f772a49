//! Which instructions of a block get a counter or a call.

use crate::architecture::Architecture;
use crate::arguments::Arguments;
use crate::calls;
use crate::instruction::Kind;
use crate::probe::FIRMWARE;
use crate::qemu::{Block, Instruction};
use std::collections::BTreeMap;

/// Bytes of an instruction that reads the machine's time, where there are such.
const INSTRUCTION: u64 = 4;

/// A range and a number of instructions in one value.
const fn packed(range: usize, count: usize) -> usize {
    range << 32 | count
}

/// Undoes [`packed`].
pub const fn unpacked(data: usize) -> (usize, u64) {
    (data >> 32, (data & 0xffff_ffff) as u64)
}

/// What instrumenting needs to know, and keeps.
pub struct Instrumenter {
    /// What kind of processor executes.
    pub architecture: Architecture,
    /// What to count.
    pub arguments: Arguments,
    /// Where in the firmware the machine's time has just been read, and into which general register: behind the
    /// instruction that reads it.
    pub time_reads: BTreeMap<u64, usize>,
}

impl Instrumenter {
    /// Puts counters and calls into a block. Calls come before the count of the same instruction, so
    /// that they see how many were executed before it.
    pub fn instrument(&mut self, block: Block<'_>, has_user: bool) {
        let mut block_range = None;
        let mut block_count = 0;
        for instruction in block.instructions() {
            let (own, host) = (instruction.address(), instruction.host_address());
            let address = self.arguments.physical(own, host);
            let arguments = &self.arguments;
            if let Some(place) = arguments.in_stub(address) {
                instruction.count(calls::firmware_executes, place as usize);
                continue;
            }
            let range = arguments.range_of(address);
            let first = block_range.is_none();
            block_range = block_range.or(Some(range));
            let is_user = own != address && own < self.architecture.user_end();
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
            let kind = self.architecture.kind(instruction.encoding());
            if range == FIRMWARE {
                self.in_firmware(instruction, kind, address);
                let start = self.arguments.ranges[FIRMWARE].start;
                instruction.count(calls::firmware_executes, (address - start) as usize);
                continue;
            }
            self.outside(instruction, kind, (range, address));
            if self.arguments.exact {
                instruction.count(calls::executes, packed(range, 1));
            } else {
                block_count += 1;
            }
        }
        if let Some(range) = block_range.filter(|_| block_count != 0) {
            block.count(calls::executes, packed(range, block_count));
        }
    }

    fn in_firmware(&mut self, instruction: Instruction<'_>, kind: Kind, address: u64) {
        let arguments = &self.arguments;
        let Some(entry) = arguments.trap_entry else {
            return;
        };
        if let Some(way) = self.architecture.way_in(entry, address) {
            instruction.call(calls::trap, way);
        }
        match kind {
            Kind::MachineReturn | Kind::Return => instruction.call(calls::machine_return, 0),
            Kind::Wait => instruction.call(calls::wait, 0),
            _ => {}
        }
        if arguments.real_time.is_none() {
            return;
        }
        if let Some(general) = self.time_reads.get(&address) {
            instruction.call(calls::time_read, *general);
        }
        match kind {
            Kind::Access => instruction.call_at_access(calls::accesses),
            Kind::TimerWrite(general) => instruction.call(calls::timer_write, general),
            Kind::TimeRead(general) => {
                self.time_reads.insert(address + INSTRUCTION, general);
            }
            _ => {}
        }
    }

    fn outside(&self, instruction: Instruction<'_>, kind: Kind, (range, address): (usize, u64)) {
        if let Some((real_time, vector)) = self.arguments.real_time {
            if self.architecture.is_handler(vector, address) {
                instruction.call(calls::handler, 0);
                return;
            }
            match kind {
                Kind::Call if range == real_time => return instruction.call(calls::call, 0),
                Kind::TimerWrite(general) if range == real_time => {
                    return instruction.call(calls::deadline, general);
                }
                _ => {}
            }
        }
        if matches!(kind, Kind::SupervisorReturn | Kind::Return) {
            instruction.call(calls::supervisor_return, 0);
        }
    }
}
