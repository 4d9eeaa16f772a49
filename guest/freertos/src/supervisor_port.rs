//! Turns FreeRTOS' machine-mode RISC-V port into a supervisor-mode one, line by line.
//!
//! The upstream files are read from the crate that carries them, and each replacement states how
//! often it must apply. A kernel release that changes these lines therefore fails the build, with
//! the line that changed, rather than producing a port that fails in the vehicle.

use std::fmt;

/// One replacement in one file.
struct Replacement {
    file: &'static str,
    from: &'static str,
    to: &'static str,
    times: usize,
    /// Why, for the error message.
    reason: &'static str,
}

/// The files of `portable/GCC/RISC-V` that the port takes; some of them unchanged.
pub const FILES: [&str; 4] = ["port.c", "portASM.S", "portContext.h", "portmacro.h"];

const fn rule(
    file: &'static str,
    from: &'static str,
    to: &'static str,
    times: usize,
    reason: &'static str,
) -> Replacement {
    Replacement {
        file,
        from,
        to,
        times,
        reason,
    }
}

const STATUS: &str = "the supervisor's status register";
const COUNTER: &str = "the supervisor's exception program counter";
const CAUSE: &str = "the supervisor's cause register";
const RETURN: &str = "the supervisor's return from a trap";
const ENABLE: &str = "sstatus.SIE is bit 1, mstatus.MIE bit 3 (privileged 1.12, chapter 4.1.1)";
const INITIAL: &str = "a task starts with SPP (bit 8) and SPIE (bit 5) in place of MPP and MPIE";
const YIELD: &str = "an ecall would go to the SBI, so a yield is a breakpoint (cause 3)";

/// All changes, in the order in which they are made.
const REPLACEMENTS: &[Replacement] = &[
    rule("portASM.S", "mstatus", "sstatus", 10, STATUS),
    rule("portASM.S", "mepc", "sepc", 3, COUNTER),
    rule("portASM.S", "mcause", "scause", 5, CAUSE),
    rule("portASM.S", "mret value", "sret value", 1, RETURN),
    rule(
        "portASM.S",
        "andi t0, t0, ~0x8 ",
        "andi t0, t0, ~0x2 ",
        1,
        ENABLE,
    ),
    rule(
        "portASM.S",
        "addi    x5, x5, 0x08 ",
        "addi    x5, x5, 0x02 ",
        1,
        ENABLE,
    ),
    rule(
        "portASM.S",
        "addi t1, x0, 0x188 ",
        "addi t1, x0, 0x120 ",
        1,
        INITIAL,
    ),
    rule("portASM.S", "    slli t1, t1, 4\n", "", 1, INITIAL),
    rule("portASM.S", "li t0, 11 ", "li t0, 3 ", 2, YIELD),
    rule("portContext.h", "mstatus", "sstatus", 3, STATUS),
    rule("portContext.h", "mepc", "sepc", 4, COUNTER),
    rule("portContext.h", "mcause", "scause", 2, CAUSE),
    rule("portContext.h", "mret\n", "sret\n", 1, RETURN),
    rule(
        "portmacro.h",
        "\"csrc mstatus, 8\"",
        "\"csrc sstatus, 2\"",
        1,
        ENABLE,
    ),
    rule(
        "portmacro.h",
        "\"csrs mstatus, 8\"",
        "\"csrs sstatus, 2\"",
        1,
        ENABLE,
    ),
    // Four bytes long, as the port's trap handler steps over it by four.
    rule(
        "portmacro.h",
        "\"ecall\"",
        "\".option push\\n.option norvc\\nebreak\\n.option pop\"",
        1,
        YIELD,
    ),
];

/// That the upstream port is not the one these replacements were written for.
#[derive(Debug, PartialEq, Eq)]
pub struct ChangedUpstream {
    file: &'static str,
    text: &'static str,
    expected: usize,
    found: usize,
    reason: &'static str,
}

impl ChangedUpstream {
    /// `text` is `found` times in `file` and not `expected` times.
    pub const fn new(
        file: &'static str,
        text: &'static str,
        expected: usize,
        found: usize,
        reason: &'static str,
    ) -> Self {
        Self {
            file,
            text,
            expected,
            found,
            reason,
        }
    }
}

impl fmt::Display for ChangedUpstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            text,
            expected,
            found,
            reason,
        } = self;
        write!(
            formatter,
            "the FreeRTOS kernel's {file} has {text:?} {found} times where the port of a \
             partition expects {expected} ({reason}); review the replacements in src/ against this \
             kernel release"
        )
    }
}

impl std::error::Error for ChangedUpstream {}

/// The supervisor-mode text of `file`, one of [`FILES`], from its upstream text.
///
/// # Errors
///
/// That a replacement does not apply as often as it must.
pub fn convert(file: &str, upstream: &str) -> Result<String, ChangedUpstream> {
    // The crate's files have the line ends of another system.
    let mut text = upstream.replace("\r\n", "\n");
    for replacement in REPLACEMENTS
        .iter()
        .filter(|replacement| replacement.file == file)
    {
        let found = text.matches(replacement.from).count();
        if found != replacement.times {
            return Err(ChangedUpstream {
                file: replacement.file,
                text: replacement.from,
                expected: replacement.times,
                found,
                reason: replacement.reason,
            });
        }
        text = text.replace(replacement.from, replacement.to);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    fn upstream(file: &str) -> String {
        let port = Path::new(env!("PARTITA_FREERTOS_KERNEL")).join("portable/GCC/RISC-V");
        fs::read_to_string(port.join(file)).unwrap()
    }

    #[test]
    fn the_kernel_that_the_crate_carries_is_the_one_the_port_was_made_for() {
        for file in FILES {
            convert(file, &upstream(file)).unwrap();
        }
    }

    #[test]
    fn no_machine_mode_instruction_is_left_in_what_is_assembled() {
        for file in ["portASM.S", "portContext.h", "portmacro.h"] {
            let converted = convert(file, &upstream(file)).unwrap();
            for word in [
                "mstatus",
                "mepc",
                "mcause",
                "mret",
                "mscratch",
                "mtvec",
                "\"ecall\"",
            ] {
                assert!(!converted.contains(word), "{file} has {word}");
            }
        }
    }

    #[test]
    fn a_changed_upstream_line_is_named() {
        let changed = upstream("portASM.S").replace("li t0, 11 ", "li t0, 12 ");
        let error = convert("portASM.S", &changed).unwrap_err();
        assert_eq!(
            (error.text, error.expected, error.found),
            ("li t0, 11 ", 2, 0)
        );
    }

    #[test]
    fn either_line_end_gives_the_same_port() {
        let text = upstream("portContext.h");
        let unix = text.replace("\r\n", "\n");
        assert_eq!(
            convert("portContext.h", &text),
            convert("portContext.h", &unix)
        );
    }
}
