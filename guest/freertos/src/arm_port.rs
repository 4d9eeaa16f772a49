//! The one line of upstream's port for a GICv2 that a position-independent image cannot have: a 32-bit constant
//! that holds an address. Nothing reads it; it becomes as long as an address is.

use crate::supervisor_port::ChangedUpstream;

const FILE: &str = "portASM.S";
const FROM: &str = "vApplicationIRQHandlerConst: .word vApplicationIRQHandler";
const TO: &str = "vApplicationIRQHandlerConst: .dword vApplicationIRQHandler";

/// The text of `file` of upstream's port, as it can be linked.
///
/// # Errors
///
/// That the line is not there, or more than once.
pub fn convert(file: &str, upstream: &str) -> Result<String, ChangedUpstream> {
    if file != FILE {
        return Ok(upstream.to_owned());
    }
    match upstream.matches(FROM).count() {
        1 => Ok(upstream.replace(FROM, TO)),
        found => Err(ChangedUpstream::new(
            FILE,
            FROM,
            1,
            found,
            "an address has 64 bits",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    #[test]
    fn the_kernel_that_the_crate_carries_has_the_line_once() {
        let port = Path::new(env!("PARTITA_FREERTOS_KERNEL")).join("portable/GCC/ARM_AARCH64");
        let text = fs::read_to_string(port.join(FILE)).unwrap();
        let converted = convert(FILE, &text).unwrap();
        assert_eq!(converted.len(), text.len() + 1);
        assert!(convert(FILE, &converted).is_err());
    }
}
