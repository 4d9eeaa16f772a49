//! Registers of RISC-V harts in words, and where they say who called whom.

use crate::view::{Line, View};
use partita_abi::crash::Record;

/// How to read a record of a hart. A frame pointer points behind the return address and, in front of that, the
/// caller's frame pointer (RISC-V psABI, "Frame Pointer Convention").
pub(crate) fn view(record: &Record) -> View {
    View {
        stack_pointer: record.registers[1],
        frame_pointer: record.registers[7],
        frame_offset: -16,
        return_address: record.registers[0],
        return_name: "ra",
    }
}

/// All registers but the program counter.
pub(crate) fn lines(record: &Record) -> Vec<Line> {
    let general = REGISTERS.iter().zip(record.registers);
    let mut all: Vec<Line> = general
        .map(|(name, value)| Line::place(name, value))
        .collect();
    let vector = Line {
        meaning: crate::view::Meaning::Place(record.trap_vector & !3),
        ..Line::place("stvec", record.trap_vector)
    };
    all.extend([
        Line::words("sstatus", record.status, status(record.status)),
        vector,
        Line::place("sscratch", record.scratch),
        Line::place("sepc", record.exception_counter),
        Line::words("scause", record.trap_cause, trap_cause(record.trap_cause)),
        Line::place("stval", record.trap_value),
        Line::words("satp", record.translation, translation(record.translation)),
        Line::words("sie", record.enabled, interrupts(record.enabled)),
        Line::words("sip", record.pending, interrupts(record.pending)),
    ]);
    all
}

/// The ABI's names of `x1` to `x31` (RISC-V psABI, "Integer Register Convention").
const REGISTERS: [&str; 31] = [
    "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
    "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
];

/// `scause` (privileged specification 1.12, table 4.2).
fn trap_cause(cause: u64) -> String {
    let number = cause & (u64::MAX >> 1);
    if cause >> 63 != 0 {
        return match number {
            1 => "supervisor software interrupt".to_owned(),
            5 => "supervisor timer interrupt".to_owned(),
            9 => "supervisor external interrupt".to_owned(),
            number => format!("interrupt {number}"),
        };
    }
    match number {
        0 => "misaligned fetch, or no trap yet",
        1 => "fetch access fault",
        2 => "illegal instruction",
        3 => "breakpoint",
        4 => "misaligned load",
        5 => "load access fault",
        6 => "misaligned store",
        7 => "store access fault",
        8 => "call from user mode",
        9 => "call from supervisor mode",
        12 => "fetch page fault",
        13 => "load page fault",
        15 => "store page fault",
        number => return format!("exception {number}"),
    }
    .to_owned()
}

/// The bits of `mstatus` that a partition sees or feels (3.1.6).
fn status(status: u64) -> String {
    let mut words = Vec::new();
    for (bit, name) in [
        (1, "SIE"),
        (5, "SPIE"),
        (8, "SPP"),
        (18, "SUM"),
        (19, "MXR"),
        (21, "TW"),
    ] {
        if status >> bit & 1 != 0 {
            words.push(name.to_owned());
        }
    }
    for (bit, name) in [(9, "VS"), (13, "FS")] {
        match status >> bit & 3 {
            0 => {}
            1 => words.push(format!("{name}=initial")),
            2 => words.push(format!("{name}=clean")),
            _ => words.push(format!("{name}=dirty")),
        }
    }
    words.join(" ")
}

/// `satp` (4.1.11).
fn translation(satp: u64) -> String {
    let table = (satp & ((1 << 44) - 1)) << 12;
    let space = satp >> 44 & 0xffff;
    let mode = match satp >> 60 {
        0 => return "no translation".to_owned(),
        8 => "Sv39",
        9 => "Sv48",
        10 => "Sv57",
        _ => return "reserved mode".to_owned(),
    };
    format!("{mode}, table {table:#x}, address space {space}")
}

/// `sie` or `sip` (4.1.3).
fn interrupts(bits: u64) -> String {
    let names = [(1, "software"), (5, "timer"), (9, "external")];
    let names = names
        .iter()
        .filter(|(bit, _)| bits >> bit & 1 != 0)
        .map(|(_, name)| *name);
    names.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{interrupts, status, translation, trap_cause};

    #[test]
    fn registers_read_as_the_specification_names_their_bits() {
        assert_eq!(trap_cause(1 << 63 | 5), "supervisor timer interrupt");
        assert_eq!(trap_cause(13), "load page fault");
        assert_eq!(status(1 << 8 | 1 << 5 | 3 << 13), "SPIE SPP FS=dirty");
        assert_eq!(
            translation(8 << 60 | 7 << 44 | 0x80000),
            "Sv39, table 0x80000000, address space 7"
        );
        assert_eq!(interrupts(0x222), "software timer external");
    }
}
