//! The lines of upstream's port for a GICv2 that a partition cannot have.

use crate::supervisor_port::ChangedUpstream;

struct Line {
    file: &'static str,
    from: &'static str,
    to: &'static str,
    reason: &'static str,
}

const LINES: [Line; 2] = [
    // A 32-bit constant that holds an address. Nothing reads it; it becomes as long as an address is.
    Line {
        file: "portASM.S",
        from: "vApplicationIRQHandlerConst: .word vApplicationIRQHandler",
        to: "vApplicationIRQHandlerConst: .dword vApplicationIRQHandler",
        reason: "an address has 64 bits",
    },
    // Where it finds out how many priorities there are. The mask of the core's interface tells as well as a register of
    // the distributor (IHI 0048B, 4.4.2), which is out of reach behind stage 2.
    Line {
        file: "port.c",
        from: "volatile uint8_t * const pucFirstUserPriorityRegister = ( volatile uint8_t * const ) \
               ( configINTERRUPT_CONTROLLER_BASE_ADDRESS + portINTERRUPT_PRIORITY_REGISTER_OFFSET );",
        to: "volatile uint32_t * const pucFirstUserPriorityRegister = &portICCPMR_PRIORITY_MASK_REGISTER;",
        reason: "behind stage 2 the distributor is out of reach",
    },
];

/// The text of `file` of upstream's port, as it can be linked and run.
///
/// # Errors
///
/// That a line is not there, or more than once.
pub fn convert(file: &str, upstream: &str) -> Result<String, ChangedUpstream> {
    let mut text = upstream.to_owned();
    for line in LINES.iter().filter(|line| line.file == file) {
        let found = text.matches(line.from).count();
        if found != 1 {
            return Err(ChangedUpstream::new(
                line.file,
                line.from,
                1,
                found,
                line.reason,
            ));
        }
        text = text.replace(line.from, line.to);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    #[test]
    fn the_kernel_that_the_crate_carries_has_each_line_once() {
        let port = Path::new(env!("PARTITA_FREERTOS_KERNEL")).join("portable/GCC/ARM_AARCH64");
        for line in &LINES {
            let text = fs::read_to_string(port.join(line.file)).unwrap();
            let converted = convert(line.file, &text).unwrap();
            assert!(converted.contains(line.to));
            assert!(convert(line.file, &converted).is_err());
        }
    }
}
