//! Numbers of the hardware in words.

use partita_abi::crash::{Trace, TraceEntry};
use partita_abi::health::{Action, Kind, State};

/// The ABI's names of `x1` to `x31` (RISC-V psABI, "Integer Register Convention").
pub(crate) const REGISTERS: [&str; 31] = [
    "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
    "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
];

/// `scause` (privileged specification 1.12, table 4.2).
pub(crate) fn trap_cause(cause: u64) -> String {
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
pub(crate) fn status(status: u64) -> String {
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
pub(crate) fn translation(satp: u64) -> String {
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
pub(crate) fn interrupts(bits: u64) -> String {
    let names = [(1, "software"), (5, "timer"), (9, "external")];
    let names = names
        .iter()
        .filter(|(bit, _)| bits >> bit & 1 != 0)
        .map(|(_, name)| *name);
    names.collect::<Vec<_>>().join(" ")
}

/// A trace entry.
pub(crate) fn trace(entry: &TraceEntry) -> String {
    let unknown = || format!("entry of unknown kind {}", entry.what);
    let (value, more) = (entry.value, entry.more);
    let text = match Trace::from_number(entry.what) {
        Some(Trace::Loading) => "images verified and copied".to_owned(),
        Some(Trace::Started) => format!("started at {value:#x}, life {more}"),
        Some(Trace::Stopped) => match State::from_number(entry.detail) {
            Some(State::Failed) => "stopped: failed".to_owned(),
            _ => "stopped".to_owned(),
        },
        Some(Trace::Event) => {
            let kind = Kind::from_number(entry.detail).map_or("unknown event", Kind::name);
            let mut text = format!("event {kind}");
            if value != 0 {
                text.push_str(&format!(" {value:#x}"));
            }
            if more != 0 {
                text.push_str(&format!(" cause {more}"));
            }
            text
        }
        Some(Trace::Action) => {
            let action = Action::from_number(entry.detail).map_or("unknown action", Action::name);
            match value {
                0 => action.to_owned(),
                wait => format!("{action} in {} us", wait / 1000),
            }
        }
        Some(Trace::CoreStart) => format!("virtual core {more} is to start at {value:#x}"),
        Some(Trace::CoreStop) => format!("virtual core {more} stopped itself"),
        None => unknown(),
    };
    match entry.repeats {
        0 => text,
        u8::MAX => format!("{text} (255 times more, or oftener)"),
        1 => format!("{text} (once more)"),
        repeats => format!("{text} ({repeats} times more)"),
    }
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
