//! Calls of the firmware on Arm, beside Trusted Firmware-A.

use super::runs::{Firmware, Key, Runs};
use crate::caller;
use crate::environment::Environment;
use crate::figure::{Figure, Section};
use crate::system::Target;
use crate::trusted_firmware;

/// Where it is measured.
const TARGETS: [Target; 2] = [Target::ARM, Target::ARM_GICV2];

/// The call that has a target: fewer instructions than Trusted Firmware-A takes.
const JUDGED: &str = "PSCI_VERSION";

const TRUSTED: Key = Key::Calls(Target::ARM, Firmware::Trusted);

pub fn keys(environment: &Environment) -> Vec<Key> {
    let targets = environment.chosen(TARGETS);
    let mut keys: Vec<Key> = targets
        .map(|target| Key::Calls(target, Firmware::Partita))
        .collect();
    if environment.trusted_firmware.is_some() && environment.measures(Target::ARM.board) {
        keys.push(TRUSTED);
    }
    keys
}

pub fn section(environment: &Environment, runs: &Runs) -> anyhow::Result<Section> {
    let calls = [
        JUDGED.to_owned(),
        "PSCI_FEATURES".to_owned(),
        "SMCCC_VERSION".to_owned(),
        format!("{:#x}", caller::UNKNOWN),
    ];
    let longest = |key: Key, call: &str| -> Option<f64> {
        let findings = &runs.get(key).ok()?.findings;
        let cause = format!("SMC {call}");
        let mut stays = findings.stays.iter();
        let found =
            stays.find(|stay| stay.cause == cause && stay.from == "linux" && stay.to == "linux")?;
        Some(found.lengths.max as f64)
    };
    let mut figures = Vec::new();
    for call in &calls {
        let trusted = longest(TRUSTED, call);
        let of_nobody = if call.starts_with("0x") {
            ", which nobody has"
        } else {
            ""
        };
        for target in environment.chosen(TARGETS) {
            let value = longest(Key::Calls(target, Firmware::Partita), call).unwrap_or(f64::NAN);
            let name = format!("{}{call}{of_nobody}", target.prefix());
            let figure = Figure::new(name, value, "instructions");
            figures.push(match trusted {
                Some(trusted) if call == JUDGED => figure.at_most(trusted - 1.0),
                _ => figure,
            });
        }
        if let Some(trusted) = trusted {
            let name = format!("Trusted Firmware-A: {call}{of_nobody}");
            figures.push(Figure::new(name, trusted, "instructions"));
        }
    }
    let mut notes = vec![
        "A kernel at EL2 of the normal world makes each call four times and nothing else; the longest counts. From \
         the first instruction of the vector to `eret`, both counted."
            .to_owned(),
    ];
    notes.push(match &environment.trusted_firmware {
        Some(folder) => format!(
            "Trusted Firmware-A is {}, built for QEMU's `virt` with its own defaults; it answers the same kernel on \
             the same machine with a GICv3.",
            trusted_firmware::origin(folder)
        ),
        None => "Trusted Firmware-A was not there (`PARTITA_TFA` names a folder), so there is no comparison.".to_owned(),
    });
    Ok(Section {
        name: "calls",
        title: "Calls of the firmware on Arm",
        figures,
        notes,
        tables: Vec::new(),
    })
}
