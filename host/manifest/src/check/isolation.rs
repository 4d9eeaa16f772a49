//! Checks that what shall keep partitions apart is there, and that what is chosen goes together.

use crate::Code;
use crate::manifest::{Located, Manifest, PartitionEntry, Payload};
use crate::problem::{Problem, Problems};
use partita_abi::table::Isolation;
use partita_board::{Architecture, Board};

pub(super) fn check(manifest: &Manifest, problems: &mut Problems) {
    let Some(board) = &manifest.board else { return };
    let of_partitions = manifest.partitions.iter();
    let choices = of_partitions.filter_map(|entry| entry.isolation.as_ref());
    for choice in manifest.isolation.iter().chain(choices) {
        check_available(choice, board, problems);
    }
    check_together(manifest, problems);
    for entry in &manifest.partitions {
        check_kvm(manifest, entry, board, problems);
    }
}

/// RISC-V has protection entries, and Arm has stage 2 always, but two worlds only where memory can be secure.
fn check_available(
    choice: &Located<Isolation>,
    board: &Located<&'static Board>,
    problems: &mut Problems,
) {
    let name = board.value.name;
    let (why, label, help) = match (board.value.architecture, choice.value) {
        (Architecture::Riscv64(_), _) => (
            format!("`{name}` keeps partitions apart by protection entries"),
            "is for 64-bit Arm",
            "remove it: nothing is to be chosen on this board",
        ),
        (Architecture::Aarch64(_), Isolation::Board) if board.value.secure.is_none() => (
            format!("`{name}` has no memory that is kept from the normal world"),
            "needs secure memory",
            "write `isolation = \"stage2\"`, or remove it, which means the same on this board",
        ),
        _ => return,
    };
    problems.push(
        Problem::error(Code::IsolationUnavailable, why)
            .at(&choice.span, label)
            .at(&board.span, "this board")
            .help(help),
    );
}

/// Where the manifest says what keeps a partition apart, or names it.
fn place<'a>(manifest: &'a Manifest, entry: &'a PartitionEntry) -> &'a std::ops::Range<usize> {
    let choice = entry.isolation.as_ref().or(manifest.isolation.as_ref());
    choice.map_or(&entry.name.span, |choice| &choice.span)
}

/// A Linux without stage 2 is at EL2, which is the monitor's where others are behind stage 2.
fn check_together(manifest: &Manifest, problems: &mut Problems) {
    let of = |isolation: Isolation| {
        let partitions = manifest.partitions.iter();
        partitions.filter(move |entry| manifest.isolation_of(entry) == isolation)
    };
    let is_linux = |entry: &&PartitionEntry| matches!(entry.payload, Some(Payload::Linux(_)));
    let Some(bound) = of(Isolation::Stage2).next() else {
        return;
    };
    for owner in of(Isolation::Board).filter(is_linux) {
        problems.push(
            Problem::error(
                Code::IsolationConflict,
                format!(
                    "`{}` has EL2 for itself, and `{}` needs it to be kept apart",
                    owner.name.value, bound.name.value
                ),
            )
            .at(
                &owner.name.span,
                "runs Linux at EL2, where nothing bounds it in the normal world",
            )
            .at(
                place(manifest, bound),
                format!("`{}` is behind stage 2", bound.name.value),
            )
            .help(format!(
                "keep `{}` apart in the same way, by `isolation = \"stage2\"`, or nobody",
                owner.name.value
            )),
        );
    }
}

/// Linux runs virtual machines by EL2, which it has where nothing else keeps it apart than its world.
fn check_kvm(
    manifest: &Manifest,
    entry: &PartitionEntry,
    board: &Located<&'static Board>,
    problems: &mut Problems,
) {
    let Some(Payload::Linux(linux)) = &entry.payload else {
        return;
    };
    let Some(kvm) = linux.kvm.as_ref().filter(|kvm| kvm.value) else {
        return;
    };
    let name = &entry.name.value;
    let is_bound = manifest.isolation_of(entry) == Isolation::Stage2;
    let (why, span, label, help) = match board.value.architecture {
        Architecture::Riscv64(_) => (
            "the cores have no H extension for it",
            &board.span,
            "of this board".to_owned(),
            "remove it, or choose a board of 64-bit Arm with secure memory",
        ),
        Architecture::Aarch64(_) if is_bound && board.value.secure.is_none() => (
            "EL2 is the monitor's",
            &board.span,
            "has no other way to keep partitions apart".to_owned(),
            "remove it, or choose a board with secure memory",
        ),
        Architecture::Aarch64(_) if is_bound => (
            "EL2 is the monitor's",
            place(manifest, entry),
            format!("`{name}` is behind stage 2"),
            "remove it, or write `isolation = \"trustzone\"`",
        ),
        Architecture::Aarch64(_) => return,
    };
    problems.push(
        Problem::error(
            Code::NoKvm,
            format!("`{name}` cannot run virtual machines: {why}"),
        )
        .at(&kvm.span, "wanted here")
        .at(span, label)
        .help(help),
    );
}
