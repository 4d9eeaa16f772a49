//! Devices that write to memory, and a restart of the partition that owns them.

use partita_tests::{Run, System};

const BOARDS: [&str; 2] = ["qemu-virt-riscv64", "qemu-virt-riscv64-aia"];
/// The register that resets the device: its status (virtio 1.2, 4.2.2).
const STATUS: u64 = 0x1000_1070;
/// What the status is while a driver uses the device.
const IN_USE: u64 = 0xf;

/// A partition with an entropy device that gives 64 bytes each 20 ms, and is asked for twice as much at a time.
fn driver(board: &str, stay_us: u32) -> System {
    System::on(
        board,
        "cores = 1\nmemory = \"512MiB\"",
        &format!(
            r#"
            [partition.driver]
            criticality = "QM"
            image = "$guest"
            arguments = "entropy watch-us:50000 stay-us:{stay_us}"
            memory = "256KiB"
            cores = [0]
            devices = ["virtio0"]
            accept = ["dma"]
            restart = {{ limit = 2, within = "1s" }}
            "#
        ),
    )
    .qemu(&[
        "-global",
        "virtio-mmio.force-legacy=false",
        "-device",
        "virtio-rng-device,bus=virtio-mmio-bus.0,max-bytes=64,period=20",
    ])
    .shift(1)
    .for_ms(300)
}

/// What each life of the driver found before it touched the device.
fn found(run: &Run) -> Vec<&str> {
    let lines = run.texts("driver");
    lines
        .filter_map(|line| line.strip_prefix("entropy: status "))
        .collect()
}

#[test]
fn a_device_that_owes_an_answer_gives_it_to_a_partition_that_stays() {
    for board in BOARDS {
        let run = driver(board, 50_000).run();
        run.assert_said("driver", "entropy: leaves 1 of 2 requests");
        run.assert_said("driver", "entropy: 2 of 2 are answered");
    }
}

#[test]
fn a_device_that_owes_an_answer_writes_and_interrupts_no_more_after_a_restart() {
    for board in BOARDS {
        let run = driver(board, 0).run();
        assert_eq!(
            found(&run),
            ["0, 0 written, interrupt false"; 3],
            "on {board}"
        );
        assert_eq!(run.count("driver", "entropy: leaves 1 of 2 requests"), 3);
        assert_eq!(run.partition("driver").state, "failed");
    }
}

#[test]
fn a_device_that_is_not_reset_would_write_to_the_next_life_of_its_owner() {
    for board in BOARDS {
        let system = driver(board, 0);
        let table = &system.plan().table;
        let reset = table
            .chunks(8)
            .position(|word| word == STATUS.to_le_bytes())
            .expect("the table resets the device");
        // The same entry with the value that changes nothing. Width and owner are beside it.
        let value = 8 * reset + 8;
        let beside = u64::from_le_bytes(table[value..value + 8].try_into().expect("8 bytes"));
        let run = system.forge_table(value, beside | IN_USE).run();
        let found = found(&run);
        assert_eq!(found[0], "15, 0 written, interrupt false");
        assert!(
            found[1].starts_with("15, ")
                && found[1].ends_with(" written, interrupt true")
                && !found[1].contains(" 0 written"),
            "on {board}: {found:?}"
        );
    }
}
