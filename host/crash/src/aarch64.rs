//! Registers of 64-bit Arm cores in words, and where they say who called whom.

use crate::view::{Line, View};
use partita_abi::crash::Record;

/// `x0` to `x30` (Procedure Call Standard, IHI 0055, 6.1.1).
const REGISTERS: [&str; 31] = [
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
    "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27",
    "x28", "fp", "lr",
];

/// How to read a record of an Arm core. A frame pointer points to the caller's one, behind which is the return address
/// (IHI 0055, 6.2.3).
pub(crate) fn view(record: &Record) -> View {
    View {
        stack_pointer: record.scratch,
        frame_pointer: record.registers[29],
        frame_offset: 0,
        return_address: record.registers[30],
        return_name: "lr",
    }
}

/// All registers but the program counter.
pub(crate) fn lines(record: &Record) -> Vec<Line> {
    let general = REGISTERS.iter().zip(record.registers);
    let mut all: Vec<Line> = general
        .map(|(name, value)| Line::place(name, value))
        .collect();
    all.extend([
        Line::place("sp", record.scratch),
        Line::words("pstate", record.status, status(record.status)),
        Line::place("vbar_el1", record.trap_vector),
        Line::place("elr_el1", record.exception_counter),
        Line::words("esr_el1", record.trap_cause, syndrome(record.trap_cause)),
        Line::place("far_el1", record.trap_value),
        Line::place("ttbr0_el1", record.translation),
        Line::words("sctlr_el1", record.enabled, control(record.enabled)),
    ]);
    all
}

/// The state of the processor, as in `SPSR_EL3` (DDI 0487, D24.2.148).
fn status(status: u64) -> String {
    let level = match (status >> 4 & 1, status >> 2 & 3, status & 1) {
        (0, 0, _) => "EL0".to_owned(),
        (0, level, 0) => format!("EL{level}, stack of EL0"),
        (0, level, _) => format!("EL{level}"),
        _ => "AArch32".to_owned(),
    };
    let masked: Vec<&str> = [(9, "D"), (8, "A"), (7, "I"), (6, "F")]
        .into_iter()
        .filter(|(bit, _)| status >> bit & 1 != 0)
        .map(|(_, name)| name)
        .collect();
    if masked.is_empty() {
        level
    } else {
        format!("{level}, masked: {}", masked.join(""))
    }
}

/// The class of an exception (D24.2.40).
fn syndrome(syndrome: u64) -> String {
    let class = match syndrome >> 26 & 0x3f {
        0x00 if syndrome == 0 => "no exception yet",
        0x00 => "undefined instruction",
        0x07 => "floating point is off",
        0x0e => "illegal state",
        0x15 => "supervisor call",
        0x16 => "hypervisor call",
        0x17 => "secure monitor call",
        0x18 => "system register",
        0x20 => "fetch abort of EL0",
        0x21 => "fetch abort",
        0x22 => "misaligned program counter",
        0x24 => "data abort of EL0",
        0x25 => "data abort",
        0x26 => "misaligned stack pointer",
        0x2f => "asynchronous abort",
        0x3c => "breakpoint instruction",
        class => return format!("class {class:#x}"),
    };
    class.to_owned()
}

/// `SCTLR_EL1` (D24.2.118): the bits that say how memory is seen.
fn control(control: u64) -> String {
    let names = [(0, "MMU"), (2, "data cache"), (12, "instruction cache")];
    let names = names
        .iter()
        .filter(|(bit, _)| control >> bit & 1 != 0)
        .map(|(_, name)| *name);
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{control, lines, status, syndrome};
    use partita_abi::crash::Record;
    use zerocopy::FromZeros as _;

    #[test]
    fn registers_read_as_the_architecture_names_their_bits() {
        assert_eq!(status(0x3c5), "EL1, masked: DAIF");
        assert_eq!(status(0), "EL0");
        assert_eq!(status(0x88), "EL2, stack of EL0, masked: I");
        assert_eq!(syndrome(0x9600_0010), "data abort");
        assert_eq!(syndrome(0), "no exception yet");
        assert_eq!(syndrome(0x29 << 26), "class 0x29");
        assert_eq!(control(0x1005), "MMU, data cache, instruction cache");
    }

    #[test]
    fn each_general_register_has_its_own_name_and_value() {
        let mut record = Record::new_zeroed();
        for (number, value) in (0..).zip(&mut record.registers) {
            *value = number;
        }
        let lines = lines(&record);
        assert_eq!((lines[0].name, lines[0].value), ("x0", 0));
        assert_eq!((lines[30].name, lines[30].value), ("lr", 30));
    }
}
