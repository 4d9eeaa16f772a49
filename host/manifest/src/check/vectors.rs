//! Checks that scalable vectors of Arm (SVE) are kept for everybody who would find them.

use super::cores::User;
use crate::Code;
use crate::manifest::{Located, Manifest, Payload};
use crate::problem::{Problem, Problems};
use partita_abi::table::FloatingPoint;
use partita_board::{Aarch64, GicInterface};

/// The processor that the manifest chooses, if it has scalable vectors, and the board.
fn scalable(manifest: &Manifest) -> Option<(&Located<String>, &'static Aarch64)> {
    let cpu = manifest.cpu.as_ref()?;
    let board = manifest.board.as_ref()?.value;
    let arm = board.architecture.aarch64()?;
    let has = arm.scalable_vectors.contains(&cpu.value.as_str());
    has.then_some((cpu, arm))
}

/// With a GICv2 no switch saves them: a program that uses floating point would change a part of Linux's.
pub(super) fn check(manifest: &Manifest, problems: &mut Problems) {
    let Some((cpu, arm)) = scalable(manifest) else {
        return;
    };
    if matches!(arm.gic.interface, GicInterface::V3 { .. }) {
        return;
    }
    for entry in &manifest.partitions {
        let Some(Payload::Program(file)) = &entry.payload else {
            continue;
        };
        let floats = entry.floating_point.as_ref();
        if floats.is_some_and(|floats| floats.value == FloatingPoint::None) {
            continue;
        }
        let place = floats.map_or(&file.span, |floats| &floats.span);
        problems.push(
            Problem::error(
                Code::ScalableVectors,
                format!(
                    "`{}` uses floating point, which is a part of scalable vectors that are not switched",
                    entry.name.value
                ),
            )
            .at(&cpu.span, "has scalable vectors, which the monitor switches with a GICv3 only")
            .at(place, "uses floating point unless it says that it does not")
            .help("write `fp = \"none\"`, or choose another `cpu` or a board with a GICv3"),
        );
    }
}

/// The registers of scalable vectors are kept for one Linux on a core.
pub(super) fn check_shared(
    manifest: &Manifest,
    core: usize,
    [(first, first_span), (second, second_span)]: [User<'_>; 2],
    problems: &mut Problems,
) {
    let is_linux = |user: User<'_>| matches!(user.0.payload, Some(Payload::Linux(_)));
    let Some((cpu, _)) = scalable(manifest) else {
        return;
    };
    if !is_linux((first, first_span)) || !is_linux((second, second_span)) {
        return;
    }
    problems.push(
        Problem::error(
            Code::ScalableVectors,
            format!(
                "`{}` and `{}` both run Linux on core {core}, and its scalable vectors are kept for one",
                first.name.value, second.name.value
            ),
        )
        .at(&cpu.span, "has scalable vectors")
        .at(second_span, "a Linux here")
        .at(first_span, "and here")
        .help("give them different cores, or choose a `cpu` without scalable vectors"),
    );
}
