//! Checks and completes what follows from what keeps partitions apart on Arm: programs in the secure world and a
//! single Linux at EL2 of the normal one, or whoever is behind stage 2 there.

use super::console_of;
use crate::Code;
use crate::manifest::{Located, Manifest, PartitionEntry, Payload};
use crate::problem::{Problem, Problems};
use partita_abi::table::{Console, Isolation};
use partita_board::Board;

fn is_linux(entry: &PartitionEntry) -> bool {
    matches!(entry.payload, Some(Payload::Linux(_)))
}

pub(super) fn check(manifest: &Manifest, board: &Board, problems: &mut Problems) {
    if board.secure.is_none() {
        return;
    }
    let by_board = |entry: &&PartitionEntry| manifest.isolation_of(entry) == Isolation::Board;
    let of_board = || manifest.partitions.iter().filter(by_board);
    let mut normal = of_board().filter(|entry| is_linux(entry));
    if let Some(first) = normal.next() {
        for second in normal {
            problems.push(
                Problem::error(
                    Code::NormalWorldShared,
                    format!(
                        "`{}` and `{}` are both in the normal world, which nothing divides",
                        first.name.value, second.name.value
                    ),
                )
                .at(&second.name.span, "one Linux too many")
                .at(&first.name.span, "the other one")
                .help("keep both apart with `isolation = \"stage2\"`: without it there is room for one Linux"),
            );
        }
    }
    for entry in of_board().filter(|entry| !is_linux(entry)) {
        if let Some(console) = &entry.console
            && console.value == Console::Uart16550
        {
            problems.push(
                Problem::error(
                    Code::ImpossibleConsole,
                    format!("`{}` cannot have an emulated serial port", entry.name.value),
                )
                .at(
                    &console.span,
                    "nothing stands in for devices in the secure world",
                )
                .help("write `console = \"sbi\"`, or leave `console` out"),
            );
        }
    }
}

/// Gives Linux the serial port that its console is on, where the monitor cannot stand in for one.
pub(super) fn add_console_ports(manifest: &mut Manifest, board: &'static Board) {
    let Some(port) = board.console_port() else {
        return;
    };
    // A second one is an error of its own.
    let alone = |entry: &PartitionEntry| {
        is_linux(entry) && manifest.isolation_of(entry) == Isolation::Board
    };
    let Some(index) = manifest.partitions.iter().position(alone) else {
        return;
    };
    if let Some(entry) = manifest.partitions.get_mut(index) {
        let owns = entry
            .devices
            .iter()
            .any(|device| device.value.name == port.name);
        if console_of(entry, Isolation::Board, Some(board)) == Console::Own && !owns {
            let span = match &entry.console {
                Some(console) => console.span.clone(),
                None => entry.name.span.clone(),
            };
            entry.devices.push(Located::new(port, span));
        }
    }
}
