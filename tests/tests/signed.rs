//! Boards that are provisioned with a key: which systems they start.

use partita_abi::image::{SIGNATURE_OFFSET, TABLE_OFFSET};
use partita_abi::signature::Provision;
use partita_abi::table::Header;
use partita_image::{PrivateKey, SystemImage, signature};
use partita_tests::{Run, System};
use std::mem::offset_of;

/// The boards besides QEMU's `virt` machine, each with the first core that partitions can use.
const OTHER_BOARDS: [(&str, usize); 5] = [
    ("qemu-virt-riscv64-aia", 0),
    ("sifive-u", 1),
    ("microchip-icicle-kit", 1),
    ("qemu-virt-aarch64", 0),
    ("qemu-virt-aarch64-gicv2", 0),
];
const VERSION: usize = offset_of!(Header, security_version);

/// Two partitions on a core of a board.
fn system_on(board: &str, core: usize) -> System {
    System::on(
        board,
        &format!("cores = {}\nmemory = \"512MiB\"", core + 1),
        &format!(
            r#"
            [partition.first]
            criticality = "ASIL-B"
            image = "$guest"
            arguments = "periodic report:10"
            memory = "256KiB"
            cores = [{core}]
            budget = "300us"
            period = "1ms"
            accept = ["trusted-base"]

            [partition.second]
            criticality = "QM"
            image = "$guest"
            arguments = "idle"
            memory = "256KiB"
            cores = [{core}]
            accept = ["trusted-base"]
            "#
        ),
    )
}

fn system() -> System {
    system_on("qemu-virt-riscv64", 0)
}

fn key() -> PrivateKey {
    PrivateKey::generate().expect("there are random numbers")
}

/// Makes the board ask for the key, and for this version or above.
fn provision(image: &mut SystemImage, key: &PrivateKey, lowest: u64) {
    image
        .provision(&key.public(), lowest)
        .expect("the monitor has a place for it");
}

/// Provisions and signs with one key.
fn signed(image: &mut SystemImage) {
    let key = key();
    provision(image, &key, 0);
    image.sign(&key).expect("a sound image");
}

/// Runs a system that must not be started. Returns the reason that the monitor gives.
fn refusal(system: System) -> String {
    let run = system.for_ms(100).run();
    let started = run.texts("first").count() + run.texts("second").count();
    assert_eq!(started, 0, "something was started");
    assert!(!run.said("monitor", "partitions on"), "it is believed");
    let refused = run.texts("monitor").find_map(|line| {
        let (_, reason) = line.split_once("refused: ")?;
        Some(reason.to_owned())
    });
    refused.unwrap_or_else(|| panic!("nothing is refused"))
}

/// Gives a signed system a version, for a board that accepts version 5 or above.
fn with_version(system: System, version: u64) -> System {
    system.forge_table(VERSION, version).with_image(|image| {
        let key = key();
        provision(image, &key, 5);
        image.sign(&key).expect("a sound image");
    })
}

/// What the monitor says to a system of version 4 there.
const TOO_LOW: &str = "its version is too low: it has version 4, the lowest accepted is 5";

fn assert_both_run(run: &Run) {
    run.assert_said("first", "running");
    run.assert_said("second", "running");
    assert!(run.report().healthy);
}

#[test]
fn a_system_signed_for_the_boards_key_is_started_and_the_monitor_says_so() {
    let run = system().with_image(signed).for_ms(60).run();
    assert_both_run(&run);
    run.assert_said("monitor", ", signed, version 0");
    assert!(!run.said("monitor", "NOT VERIFIED"));
}

#[test]
fn a_board_without_a_key_says_plainly_that_it_starts_unsigned_systems() {
    let run = system().for_ms(60).run();
    assert_both_run(&run);
    run.assert_said("monitor", "NOT VERIFIED (development: no key");
}

#[test]
fn a_system_that_is_not_signed_is_not_started() {
    let unsigned = system().with_image(|image| provision(image, &key(), 0));
    assert_eq!(refusal(unsigned), "it is not signed");
}

#[test]
fn a_system_signed_with_another_key_is_not_started() {
    let other = system().with_image(|image| {
        provision(image, &key(), 0);
        image.sign(&key()).expect("a sound image");
    });
    assert_eq!(refusal(other), "it is signed with another key");
}

#[test]
fn a_spoilt_signature_or_a_spoilt_header_of_the_table_is_refused_by_the_signature() {
    for offset in [
        SIGNATURE_OFFSET + 16,
        SIGNATURE_OFFSET + 16 + 63,
        TABLE_OFFSET,
        TABLE_OFFSET + 16,
        TABLE_OFFSET + VERSION as u64,
        TABLE_OFFSET + size_of::<Header>() as u64 - 1,
    ] {
        let reason = refusal(system().with_image(signed).spoil(offset));
        assert_eq!(reason, "its signature does not match it", "at {offset:#x}");
    }
}

#[test]
fn a_spoilt_table_behind_its_signed_header_is_refused_by_its_digest() {
    let length = system().plan().table.len() as u64;
    let reason = refusal(system().with_image(signed).spoil(TABLE_OFFSET + length - 1));
    assert!(reason.contains("hash"), "{reason}");
}

#[test]
fn a_forged_table_with_a_right_digest_is_refused_by_the_signature() {
    let forged = system().with_image(signed).forge_table(VERSION, 7);
    assert_eq!(refusal(forged), "its signature does not match it");
}

#[test]
fn an_older_system_than_the_board_accepts_is_not_started_though_it_is_signed() {
    assert_eq!(refusal(with_version(system(), 4)), TOO_LOW);
    let run = with_version(system(), 5).for_ms(60).run();
    assert_both_run(&run);
    run.assert_said("monitor", ", signed, version 5");
}

#[test]
fn a_board_with_an_unknown_way_of_provisioning_starts_nothing() {
    let unknown = system().with_image(|image| {
        let key = key();
        let provision = Provision {
            mode: 2,
            ..signature::require(&key.public(), 0)
        };
        signature::provision(image.bytes_mut(), &provision).expect("there is a place");
        image.sign(&key).expect("a sound image");
    });
    assert_eq!(
        refusal(unknown),
        "the monitor's own provisioning cannot be read"
    );
}

/// Where the first and the last byte of a part of a partition lie in the image.
fn ends(system: &System, partition: &str, role: &str) -> (u64, u64) {
    let plan = system.plan();
    let mut parts = plan.parts.iter();
    let part = parts
        .find(|part| plan.partitions[part.partition].name == partition && part.role.name() == role);
    let part = part.expect("it has such a part");
    let start = part.source - plan.board.image_base;
    (start, start + part.bytes.len() as u64 - 1)
}

fn assert_only_second_is_refused(run: &Run, role: &str) {
    run.assert_said(
        "monitor",
        &format!("second is not started: its {role} does not match its digest"),
    );
    let second = run.partition("second");
    assert_eq!((second.state.as_str(), second.boots), ("failed", 0));
    assert_eq!(run.events("second", "image-corrupt").count(), 1);
    assert_eq!(run.texts("second").count(), 0);
    run.assert_undisturbed("first");
}

#[test]
fn one_changed_byte_in_a_part_of_a_signed_system_keeps_its_partition_from_starting_and_names_it() {
    for role in ["program", "device tree"] {
        let (first, last) = ends(&system(), "second", role);
        for place in [first, last] {
            let run = system().with_image(signed).spoil(place).for_ms(60).run();
            assert_only_second_is_refused(&run, role);
        }
    }
}

#[test]
fn a_signed_system_that_is_cut_short_does_not_start_what_is_not_whole() {
    let (start, _) = ends(&system(), "second", "program");
    let cut = |length: u64| {
        system()
            .with_image(signed)
            .with_image(|image| image.truncate(length as usize))
    };
    let run = cut(start + 100).for_ms(60).run();
    assert_only_second_is_refused(&run, "program");
    // The signature is behind the table: half a table is not signed.
    assert_eq!(refusal(cut(TABLE_OFFSET + 300)), "it is not signed");
}

#[test]
fn other_boards_start_a_system_that_is_signed_for_their_key_and_new_enough() {
    for (board, core) in OTHER_BOARDS {
        let run = system_on(board, core).with_image(signed).for_ms(400).run();
        assert_both_run(&run);
        run.assert_said("monitor", ", signed, version 0");
        let run = with_version(system_on(board, core), 5).for_ms(400).run();
        assert_both_run(&run);
        run.assert_said("monitor", ", signed, version 5");
    }
}

#[test]
fn other_boards_start_nothing_that_is_unsigned_foreign_forged_or_too_old() {
    for (board, core) in OTHER_BOARDS {
        let system = || system_on(board, core);
        let unsigned = system().with_image(|image| provision(image, &key(), 0));
        let foreign = system().with_image(|image| {
            provision(image, &key(), 0);
            image.sign(&key()).expect("a sound image");
        });
        let spoilt = system().with_image(signed).spoil(SIGNATURE_OFFSET + 16);
        let forged = system().with_image(signed).forge_table(VERSION, 7);
        for (system, reason) in [
            (unsigned, "it is not signed"),
            (foreign, "it is signed with another key"),
            (spoilt, "its signature does not match it"),
            (forged, "its signature does not match it"),
            (with_version(system(), 4), TOO_LOW),
        ] {
            assert_eq!(refusal(system), reason, "on {board}");
        }
    }
}

#[test]
fn other_boards_do_not_start_a_partition_of_which_one_byte_was_changed() {
    for (board, core) in OTHER_BOARDS {
        for role in ["program", "device tree"] {
            let system = system_on(board, core);
            let (_, last) = ends(&system, "second", role);
            let run = system.with_image(signed).spoil(last).for_ms(400).run();
            assert_only_second_is_refused(&run, role);
        }
    }
}
