//! Linux's images on Arm, which come by a device that Linux reaches too: what is not whole is not started, and nothing
//! that Linux does to the device keeps the next life from its images.

use partita_image::{PrivateKey, SystemImage};
use partita_manifest::PartRole;
use partita_tests::cockpit::Cockpit;
use partita_tests::{Run, System};

const BOARDS: [&str; 2] = ["qemu-virt-aarch64", "qemu-virt-aarch64-gicv2"];

/// A program of the secure world beside a small kernel with a small file system.
fn system(board: &str) -> System {
    System::on(
        board,
        "cores = 1\nmemory = \"2GiB\"",
        r#"
        [partition.other]
        criticality = "ASIL-D"
        budget = "500us"
        period = "1ms"
        accept = ["trusted-base"]
        image = "$guest"
        arguments = "periodic period-us:1000 jobs:1000"
        memory = "1MiB"
        cores = [0]

        [partition.linux]
        criticality = "QM"
        linux = { kernel = "$flat", initramfs = "$guest" }
        memory = { base = "0x9000_0000", size = "16MiB" }
        cores = [0]
        "#,
    )
    .for_ms(200)
}

fn assert_only_linux_is_refused(run: &Run, reason: &str) {
    run.assert_said("monitor", &format!("linux is not started: its {reason}"));
    let linux = run.partition("linux");
    assert_eq!((linux.state.as_str(), linux.boots), ("failed", 0));
    assert_eq!(run.events("linux", "image-corrupt").count(), 1);
    run.assert_undisturbed("other");
}

fn sign(image: &mut SystemImage) {
    let key = PrivateKey::generate().expect("a key can be made");
    let image = image.provision(&key.public(), 0);
    let image = image.expect("the monitor has a place for a key");
    image.sign(&key).expect("a sound image");
}

#[test]
fn one_changed_byte_of_linuxs_parts_keeps_it_from_starting_and_names_it() {
    for board in BOARDS {
        for (role, name) in [
            (PartRole::Kernel, "kernel"),
            (PartRole::Initramfs, "initramfs"),
            (PartRole::DeviceTree, "device tree"),
        ] {
            let run = system(board).spoil_part("linux", role).run();
            assert_only_linux_is_refused(&run, &format!("{name} does not match its digest"));
        }
    }
}

#[test]
fn a_signature_covers_linuxs_parts_in_their_own_file() {
    let signed = || system(BOARDS[0]).with_image(sign);
    let run = signed().run();
    run.assert_said("monitor", ", signed, version 0");
    assert_ne!(run.partition("linux").boots, 0);
    let run = signed().spoil_part("linux", PartRole::Initramfs).run();
    assert_only_linux_is_refused(&run, "initramfs does not match its digest");
}

#[test]
fn a_file_that_is_missing_or_cut_short_keeps_linux_from_starting_and_nobody_else() {
    for board in BOARDS {
        let run = system(board)
            .with_image(|image| image.normal_mut().clear())
            .run();
        assert_only_linux_is_refused(&run, "kernel is not in the second file");
        let run = system(board)
            .with_image(|image| {
                let file = image.normal_mut();
                file.truncate(file.len() - 1);
            })
            .run();
        assert_only_linux_is_refused(&run, "device tree is not in the second file");
    }
}

#[test]
fn a_kernel_and_an_initramfs_that_fit_into_no_flash_start() {
    let run = Cockpit {
        board: BOARDS[0],
        initramfs: "$large",
        ..Cockpit::new(1, "noshell")
    }
    .system()
    .until("linux", "partita: linux ready")
    .run();
    run.assert_undisturbed("cluster");
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn a_linux_that_left_the_device_in_the_middle_of_anything_finds_its_images_again() {
    // Each item is selected and read from, and half an address of a request is written: of the monitor's memory.
    let mischief = "k=0; while [ $k -lt 64 ]; do \
        devmem 0x9020008 16 $((k << 8)); devmem 0x9020000 32; devmem 0x9020000 8 255; k=$((k+1)); \
        done > /dev/null; devmem 0x9020010 32 0x0000000e; echo mischief $((40+2))\n";
    let run = Cockpit {
        board: BOARDS[0],
        ..Cockpit::new(1, "idle")
    }
    .system()
    .expect("linux", "linux# ")
    .send("linux", mischief)
    .expect("linux", "mischief 42")
    .send("linux", "reboot -f\n")
    .until("linux", "partita: linux init reached")
    .run();
    run.assert_undisturbed("cluster");
    let linux = run.partition("linux");
    assert_eq!((linux.state.as_str(), linux.boots), ("running", 2));
}
