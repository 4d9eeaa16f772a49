//! The private lines of a core that partitions of the normal world have, where more than one of those shares it: each
//! finds them as it left them. The registers are those of the first 32 lines (IHI 0069, 12.11; IHI 0048B, 4.3).

use super::distributor::{
    CLEAR_ACTIVE, CLEAR_ENABLE, CLEAR_PENDING, CONFIGURATION, PRIORITY, SET_ACTIVE, SET_ENABLE,
};
use super::version::{self, Calls};
use crate::mmio::Registers;
use partita_virtual_aarch64::gic::HIDDEN;

/// Lines that can belong to such a partition.
const OWN: u32 = !HIDDEN;
/// Registers of four priorities.
const PRIORITIES: usize = 8;

/// Where these registers are.
#[derive(Clone, Copy)]
pub struct Place {
    /// The registers.
    pub registers: Registers,
    /// Where the first 32 lines begin in them.
    pub base: usize,
}

impl Place {
    pub fn read(&self, offset: usize) -> u32 {
        self.registers.read_u32(self.base.wrapping_add(offset))
    }

    pub fn write(&self, offset: usize, value: u32) {
        self.registers
            .write_u32(self.base.wrapping_add(offset), value);
    }
}

/// The state of the private lines of a partition that is not on the core.
#[derive(Clone, Copy)]
pub struct Private {
    /// Software interrupts that are pending. Timers tell by their level whether they are, when they are on the core.
    calls: Calls,
    active: u32,
    /// Which bits of a priority preempt, where that is not switched with everything else.
    binary_point: u32,
    configuration: u32,
    priorities: [u32; PRIORITIES],
    /// Those that the partition has enabled, wherever it is.
    pub enabled: u32,
}

impl Private {
    /// As a partition finds them when it starts.
    pub const RESET: Self = Self {
        calls: 0,
        active: 0,
        binary_point: 0,
        configuration: 0,
        priorities: [version::NORMAL_PRIORITY as u32 * 0x0101_0101; PRIORITIES],
        enabled: 0,
    };

    /// Takes them off the core.
    pub fn keep(&mut self, place: &Place) {
        place.write(CLEAR_ENABLE, OWN);
        self.calls = version::calls(place);
        self.binary_point = version::binary_point();
        self.active = place.read(SET_ACTIVE) & OWN;
        self.configuration = place.read(CONFIGURATION + 4);
        for (number, word) in self.priorities.iter_mut().enumerate() {
            *word = place.read(PRIORITY + number * 4);
        }
    }

    /// Puts them onto the core. Of those that are enabled only the ones in `shown` interrupt.
    pub fn write(&self, place: &Place, shown: u32) {
        place.write(CLEAR_ENABLE, OWN);
        place.write(CLEAR_PENDING, OWN);
        place.write(CLEAR_ACTIVE, OWN);
        place.write(CONFIGURATION + 4, self.configuration);
        for (number, word) in self.priorities.iter().enumerate() {
            let lines = OWN.wrapping_shr(number as u32 * 4) & 0xf;
            let offset = PRIORITY + number * 4;
            if lines == 0xf {
                place.write(offset, *word);
            } else if lines != 0 {
                Self::write_bytes(place, offset, lines, *word);
            }
        }
        version::drop_calls(place);
        version::set_calls(place, self.calls);
        version::set_binary_point(self.binary_point);
        place.write(SET_ACTIVE, self.active);
        place.write(SET_ENABLE, self.enabled & shown & OWN);
    }

    /// Writes priorities of some of four lines.
    fn write_bytes(place: &Place, offset: usize, lines: u32, word: u32) {
        for (lane, byte) in word.to_le_bytes().into_iter().enumerate() {
            if lines.wrapping_shr(lane as u32) & 1 != 0 {
                let offset = place.base.wrapping_add(offset).wrapping_add(lane);
                place.registers.write_u8(offset, byte);
            }
        }
    }

    /// Makes software interrupts pending of a partition that is not on the core.
    pub const fn raise(&mut self, calls: Calls) {
        self.calls |= calls;
    }
}
