//! 64-bit RISC-V: instructions, registers and causes (unprivileged and privileged specifications).

use crate::architecture::Trap;
use crate::instruction::Kind;
use crate::qemu::{Qemu, Register};
use crate::stays::{Cause, WAITED};

/// `mcause` of a call from supervisor mode (privileged specification, table of `mcause`).
const CALL: u64 = 9;
/// `mcause` of denied loads and stores.
const DENIED: [u64; 2] = [5, 7];
/// The bit of `mcause` that tells interrupts.
const INTERRUPT: u64 = 1 << 63;
/// SBI: the extension that sets timers.
const SBI_TIME: u64 = 0x5449_4d45;
/// `scause` of the timer interrupt.
const SUPERVISOR_TIMER: u64 = INTERRUPT | 5;

/// The registers that are read.
pub struct Registers {
    cause: Register,
    program_counter: Register,
    value: Register,
    supervisor_cause: Register,
    argument: Register,
    function: Register,
    extension: Register,
}

impl Registers {
    pub fn find(qemu: &Qemu) -> Option<Self> {
        let find = |name| qemu.register(name);
        Some(Self {
            cause: find("mcause")?,
            program_counter: find("mepc")?,
            value: find("mtval")?,
            supervisor_cause: find("scause")?,
            argument: find("a0")?,
            function: find("a6")?,
            extension: find("a7")?,
        })
    }

    pub fn trap(&self, mut read: impl FnMut(Register) -> u64) -> Trap {
        let number = read(self.cause);
        let call = match number {
            CALL => (read(self.extension), read(self.function)),
            _ => (0, 0),
        };
        let value = read(self.value);
        Trap {
            cause: Cause { number, call },
            program_counter: read(self.program_counter),
            value,
            denied: DENIED.contains(&number).then_some(value),
        }
    }

    pub fn called_deadline(&self, mut read: impl FnMut(Register) -> u64) -> Option<u64> {
        (read(self.extension) == SBI_TIME).then(|| read(self.argument))
    }

    pub fn is_timer(&self, mut read: impl FnMut(Register) -> u64) -> bool {
        read(self.supervisor_cause) == SUPERVISOR_TIMER
    }
}

/// What the instruction with this encoding is.
pub const fn kind(encoding: u32) -> Kind {
    match encoding {
        0x0000_0073 => return Kind::Call,
        0x3020_0073 => return Kind::MachineReturn,
        0x1020_0073 => return Kind::SupervisorReturn,
        0x1050_0073 => return Kind::Wait,
        _ => {}
    }
    let wide = matches!(encoding & 0x707f, 0x3003 | 0x3023);
    // c.ld and c.sd; c.ldsp and c.sdsp reach the stack only.
    let compressed = matches!(encoding & 0xe003, 0x6000 | 0xe000);
    if wide || compressed {
        Kind::Access
    } else {
        Kind::Other
    }
}

/// A cause in words.
pub fn name_of(cause: Cause) -> String {
    const MACHINE_SOFTWARE: u64 = INTERRUPT | 3;
    const MACHINE_TIMER: u64 = INTERRUPT | 7;
    const MACHINE_EXTERNAL: u64 = INTERRUPT | 11;
    match cause.number {
        WAITED => "after waiting".to_owned(),
        MACHINE_SOFTWARE => "machine software interrupt".to_owned(),
        MACHINE_TIMER => "machine timer interrupt".to_owned(),
        MACHINE_EXTERNAL => "machine external interrupt".to_owned(),
        1 => "denied fetch".to_owned(),
        5 => "denied load".to_owned(),
        7 => "denied store".to_owned(),
        2 => "illegal instruction".to_owned(),
        CALL => call_name(cause.call),
        number => format!("mcause {number:#x}"),
    }
}

/// A call by the names of the SBI specification: extensions have four letters or less.
fn call_name((extension, function): (u64, u64)) -> String {
    let letters: Vec<u8> = (extension as u32)
        .to_be_bytes()
        .into_iter()
        .skip_while(|byte| *byte == 0)
        .collect();
    let name = match extension {
        0x10 => "BASE".to_owned(),
        0x0850_4152 => "Partita".to_owned(),
        _ if !letters.is_empty() && letters.iter().all(u8::is_ascii_graphic) => {
            String::from_utf8_lossy(&letters).into_owned()
        }
        _ => format!("{extension:#x}"),
    };
    format!("call {name}.{function}")
}

#[cfg(test)]
mod tests {
    use super::{Kind, kind};

    #[test]
    fn instructions_are_told_by_their_encoding() {
        assert_eq!(kind(0x0000_0073), Kind::Call);
        assert_eq!(kind(0x3020_0073), Kind::MachineReturn);
        assert_eq!(kind(0x0005_b503), Kind::Access, "ld a0, 0(a1)");
        assert_eq!(kind(0x00a5_b023), Kind::Access, "sd a0, 0(a1)");
        assert_eq!(kind(0x6188), Kind::Access, "c.ld a0, 0(a1)");
        assert_eq!(kind(0xe188), Kind::Access, "c.sd a0, 0(a1)");
        assert_eq!(kind(0x0000_0013), Kind::Other, "nop");
    }
}
