//! Checks that the limits of a board are accepted by name, and that nothing else is.

use super::has_secure_stage_2;
use crate::Code;
use crate::manifest::{Acceptance, Located, Manifest, PartitionEntry, Payload};
use crate::problem::{Problem, Problems};
use partita_abi::table::Isolation;
use partita_board::{Board, Device};

pub(super) fn check(
    manifest: &Manifest,
    entry: &PartitionEntry,
    board: Option<&Board>,
    problems: &mut Problems,
) {
    let Some(board) = board else { return };
    check_dma(manifest, entry, board, problems);
    check_trusted_base(manifest, entry, board, problems);
    check_open_devices(manifest, entry, board, problems);
}

fn accepted(entry: &PartitionEntry, what: Acceptance) -> Option<&Located<Acceptance>> {
    entry.accept.iter().find(|accept| accept.value == what)
}

fn unneeded(accepted: &Located<Acceptance>, why: String, problems: &mut Problems) {
    problems.push(
        Problem::warning(Code::UnneededAcceptance, why)
            .at(&accepted.span, "accepts a limit that is not there")
            .help("remove it, so that it cannot hide a later change"),
    );
}

/// Where the board has secure memory, no device of the normal world can reach it. Behind stage 2 partitions are in the
/// memory of that world, and so are the tables.
fn check_dma(manifest: &Manifest, entry: &PartitionEntry, board: &Board, problems: &mut Problems) {
    let is_open = board.secure.is_none() || manifest.has_stage_2();
    let has_dma = |device: &&Located<&Device>| {
        device.value.dma && is_open && manifest.bounded(entry, device.value).is_none()
    };
    let mut writers = entry.devices.iter().filter(has_dma);
    match accepted(entry, Acceptance::Dma) {
        None => {
            for device in writers {
                problems.push(
                    Problem::error(
                        Code::DmaNotAccepted,
                        format!(
                            "`{}` can read and write all memory by itself, and no IOMMU \
                             bounds it",
                            device.value.name
                        ),
                    )
                    .at(&device.span, "is not kept apart by anything")
                    .at(
                        &entry.name.span,
                        "whoever runs here can reach every partition with it",
                    )
                    .help("give the device up, or accept this with `accept = [\"dma\"]`"),
                );
            }
        }
        Some(accepted) => match writers.next() {
            Some(device) => problems.push(
                Problem::warning(
                    Code::Dma,
                    format!(
                        "`{}` can reach every partition and the monitor through `{}`",
                        entry.name.value, device.value.name
                    ),
                )
                .at(&device.span, "reads and writes all memory by itself")
                .at(&accepted.span, "accepted here"),
            ),
            // Another board may not bound it.
            None if entry.devices.iter().any(|device| device.value.dma) => {}
            None => {
                let why = format!("`{}` has no device with DMA", entry.name.value);
                unneeded(accepted, why, problems);
            }
        },
    }
}

/// Without EL2 in the secure world nothing bounds what a program there can reach.
fn check_trusted_base(
    manifest: &Manifest,
    entry: &PartitionEntry,
    board: &Board,
    problems: &mut Problems,
) {
    let accepted = accepted(entry, Acceptance::TrustedBase);
    let Some(Payload::Program(file)) = &entry.payload else {
        if let (Some(accepted), Some(_)) = (accepted, &entry.payload) {
            let why = format!("`{}` runs Linux, in the normal world", entry.name.value);
            unneeded(accepted, why, problems);
        }
        return;
    };
    // On other boards nothing has to be accepted: one manifest can serve them all.
    if board.secure.is_none() {
        return;
    }
    if manifest.isolation_of(entry) == Isolation::Stage2 {
        if let Some(accepted) = accepted {
            let why = format!("`{}` is kept apart by stage 2", entry.name.value);
            unneeded(accepted, why, problems);
        }
        return;
    }
    if has_secure_stage_2(manifest, board) {
        if let Some(accepted) = accepted {
            let why = format!(
                "`{}` is kept apart by stage 2, which this processor has in the secure world",
                entry.name.value
            );
            unneeded(accepted, why, problems);
        }
        return;
    }
    match accepted {
        None => problems.push(
            Problem::error(
                Code::SecurePartitionNotAccepted,
                format!(
                    "`{}` runs in the secure world, where nothing keeps it from the monitor and \
                     from every other partition",
                    entry.name.value
                ),
            )
            .at(&file.span, "belongs to the trusted base")
            .help("accept this with `accept = [\"trusted-base\"]`, or bound it: by `isolation = \"stage2\"`, or another board or `cpu`"),
        ),
        Some(accepted) => problems.push(
            Problem::warning(
                Code::TrustedBase,
                format!(
                    "`{}` can reach the monitor and every other partition",
                    entry.name.value
                ),
            )
            .at(&file.span, "runs in the secure world")
            .at(&accepted.span, "accepted here"),
        ),
    }
}

/// The devices of these boards are in the normal world, where Linux at EL2 reaches all there is.
fn check_open_devices(
    manifest: &Manifest,
    entry: &PartitionEntry,
    board: &Board,
    problems: &mut Problems,
) {
    let is_program = matches!(entry.payload, Some(Payload::Program(_)));
    let accepted = accepted(entry, Acceptance::OpenDevice);
    if !is_program || entry.devices.is_empty() {
        if let (Some(accepted), Some(_)) = (accepted, &entry.payload) {
            let why = format!(
                "`{}` has no device that another partition can reach",
                entry.name.value
            );
            unneeded(accepted, why, problems);
        }
        return;
    }
    // On other boards nothing has to be accepted: one manifest can serve them all.
    if board.secure.is_none() {
        return;
    }
    if manifest.has_stage_2() {
        if let Some(accepted) = accepted {
            let why = format!(
                "stage 2 keeps everybody from the devices of `{}`",
                entry.name.value
            );
            unneeded(accepted, why, problems);
        }
        return;
    }
    for device in &entry.devices {
        let name = device.value.name;
        problems.push(match accepted {
            None => Problem::error(
                Code::OpenDeviceNotAccepted,
                format!("`{name}` is in the normal world, where Linux can reach its registers"),
            )
            .at(&device.span, "is kept from nobody")
            .at(&entry.name.span, "runs in the secure world")
            .help("give it to Linux, or accept this with `accept = [\"open-device\"]`"),
            Some(accepted) => Problem::warning(
                Code::OpenDevice,
                format!("Linux can reach the registers of `{name}`, but not its interrupts"),
            )
            .at(&device.span, "is in the normal world")
            .at(&accepted.span, "accepted here"),
        });
    }
}
