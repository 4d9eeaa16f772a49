//! The few lines of upstream's port for a GICv2 that a partition's image has otherwise.
//!
//! Where the processor's interface is differs between boards and between what keeps partitions apart. So the port
//! has its address when it runs, from the device tree. The distributor is out of reach behind stage 2: how many
//! priorities there are shows in the interface's mask too (IHI 0048, 4.4.2). And a position-independent image has no
//! 32-bit constant that holds an address.

use crate::supervisor_port::ChangedUpstream;

/// A line of a file, and what it becomes.
struct Change {
    file: &'static str,
    from: &'static str,
    to: &'static str,
    reason: &'static str,
}

const ADDRESS: &str = "the interface's address is known when the program runs";

const CHANGES: [Change; 5] = [
    Change {
        file: "portASM.S",
        from: "vApplicationIRQHandlerConst: .word vApplicationIRQHandler",
        to: "vApplicationIRQHandlerConst: .dword vApplicationIRQHandler",
        reason: "an address has 64 bits",
    },
    Change {
        file: "port.c",
        from: "const uint64_t ullICCEOIR = portICCEOIR_END_OF_INTERRUPT_REGISTER_ADDRESS;",
        to: "uint64_t ullICCEOIR;",
        reason: ADDRESS,
    },
    Change {
        file: "port.c",
        from: "const uint64_t ullICCIAR = portICCIAR_INTERRUPT_ACKNOWLEDGE_REGISTER_ADDRESS;",
        to: "uint64_t ullICCIAR;",
        reason: ADDRESS,
    },
    Change {
        file: "port.c",
        from: "const uint64_t ullICCPMR = portICCPMR_PRIORITY_MASK_REGISTER_ADDRESS;",
        to: "uint64_t ullICCPMR;",
        reason: ADDRESS,
    },
    Change {
        file: "port.c",
        from: "volatile uint8_t * const pucFirstUserPriorityRegister = ( volatile uint8_t * const ) ( configINTERRUPT_CONTROLLER_BASE_ADDRESS + portINTERRUPT_PRIORITY_REGISTER_OFFSET );",
        to: "volatile uint32_t * const pucFirstUserPriorityRegister = &portICCPMR_PRIORITY_MASK_REGISTER;",
        reason: "the distributor may be out of reach",
    },
];

/// The text of `file` of upstream's port, as a partition has it.
///
/// # Errors
///
/// That a line is not there, or more than once.
pub fn convert(file: &str, upstream: &str) -> Result<String, ChangedUpstream> {
    let mut text = upstream.to_owned();
    for change in CHANGES.iter().filter(|change| change.file == file) {
        match text.matches(change.from).count() {
            1 => text = text.replace(change.from, change.to),
            found => {
                return Err(ChangedUpstream::new(
                    change.file,
                    change.from,
                    1,
                    found,
                    change.reason,
                ));
            }
        }
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
        for change in &CHANGES {
            let text = fs::read_to_string(port.join(change.file)).unwrap();
            let converted = convert(change.file, &text).unwrap();
            assert!(!converted.contains(change.from));
            assert!(converted.contains(change.to));
            assert!(convert(change.file, &converted).is_err());
        }
    }
}
