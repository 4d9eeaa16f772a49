//! What partitions are told of the images that the system was started from.

use partita_abi::table::Header;
use partita_image::PrivateKey;
use partita_tests::{Run, System};

/// Start of the board's memory.
const RAM: u64 = 0x8000_0000;

fn system() -> System {
    System::new(
        1,
        r#"
        [partition.asks]
        criticality = "ASIL-B"
        image = "$guest"
        arguments = "measurements foreign:0x9000_0000 end:0x9100_0000"
        memory = { base = "0x90f0_0000", size = "1MiB" }
        cores = [0]

        [partition.other]
        criticality = "QM"
        image = "$guest"
        arguments = "idle"
        memory = { base = "0x9000_0000", size = "1MiB" }
        cores = [0]
        "#,
    )
}

/// What the partition must be told, given how far its own parts and those of the other are vouched for.
fn assert_told(run: &Run, system: &System, own: u8, other: u8) {
    let plan = system.plan();
    let first = |bytes: &[u8]| -> String {
        bytes
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    let hash = std::mem::offset_of!(Header, hash);
    let count = plan.parts.len() + 1;
    run.assert_said(
        "asks",
        &format!(
            "measurements: 0 of {count}: test 65535 role 0 standing {own} size {} digest {}",
            plan.table.len(),
            first(&plan.table[hash..])
        ),
    );
    // The table names a partition's parts together, partitions in the order of the manifest.
    let mut parts: Vec<_> = plan.parts.iter().collect();
    parts.sort_by_key(|part| part.partition);
    for (index, part) in parts.into_iter().enumerate() {
        let name = &plan.partitions[part.partition].name;
        let standing = if name == "asks" { own } else { other };
        run.assert_said(
            "asks",
            &format!(
                "measurements: {} of {count}: {name} {} role {} standing {standing} size {} digest {}",
                index + 1,
                part.partition,
                part.role as u8,
                part.bytes.len(),
                first(&part.digest)
            ),
        );
    }
    run.assert_said("asks", &format!("measurements: {count} in all"));
}

#[test]
fn a_partition_learns_the_digest_of_the_table_and_of_every_part_and_whose_it_is() {
    let run = system().for_ms(60).run();
    // It asks before the other one is loaded.
    assert_told(&run, &system(), 1, 0);
}

#[test]
fn measurements_say_that_a_signed_system_is_one() {
    let signed = system().with_image(|image| {
        let key = PrivateKey::generate().expect("there are random numbers");
        image.provision(&key.public(), 0).expect("there is a place");
        image.sign(&key).expect("a sound image");
    });
    assert_told(&signed.for_ms(60).run(), &system(), 2, 0);
}

#[test]
fn measurements_go_to_the_callers_own_memory_only() {
    let run = system().for_ms(60).run();
    for (buffer, answer) in [
        ("own", 0),
        ("larger", 0),
        ("small", -3),
        ("crooked", -3),
        ("foreign", -5),
        ("monitor", -5),
        ("across", -5),
        ("wrapping", -5),
        ("beyond", -3),
        ("far", -3),
    ] {
        run.assert_said("asks", &format!("measurements: {buffer} answers {answer}"));
    }
    run.assert_said("asks", "words behind intact true");
    run.assert_said("other", "running");
}

#[test]
fn a_part_that_does_not_match_is_told_as_refused() {
    let system = System::new(
        2,
        r#"
        [partition.asks]
        criticality = "QM"
        image = "$guest"
        arguments = "measurements foreign:0x9000_0000 end:0x9100_0000"
        memory = { base = "0x90f0_0000", size = "1MiB" }
        cores = [0]

        [partition.other]
        criticality = "ASIL-B"
        image = "$guest"
        arguments = "idle"
        memory = { base = "0x9000_0000", size = "1MiB" }
        cores = [1]
        "#,
    );
    let index = system
        .plan()
        .partitions
        .iter()
        .position(|p| p.name == "other");
    let mut parts = system.plan().parts.iter();
    let place = parts
        .find(|part| Some(part.partition) == index)
        .expect("it has parts")
        .source
        - RAM;
    let run = system.spoil(place).for_ms(60).run();
    // Its digest is the one that was asked for, whatever lies there: 3 is refused.
    assert_eq!(run.count("asks", ": other 1 role 0 standing 3 "), 1);
    assert_eq!(run.count("asks", ": asks 0 role 0 standing 1 "), 1);
}
