//! Devices that write and read memory by themselves, behind an IOMMU: they reach what is their partition's, whatever
//! they are told.

use partita_tests::{Run, System};

const BOARDS: [&str; 2] = ["qemu-virt-aarch64", "qemu-virt-aarch64-gicv2"];
const BOARD: &str = BOARDS[0];

/// A device that copies where it is told to, as the first one on the bus.
const EDU: [&str; 2] = ["-device", "edu,addr=1,dma_mask=0xffffffffffffffff"];

/// Memory of the program that nothing may disturb.
const VICTIM: (u64, u64) = (0x4800_0000, 0x8_0000);
/// What the monitor keeps for stage 2: its first instructions at EL2, and tables.
const KEPT: u64 = 0x4000_0000;
const TABLES: u64 = KEPT + 0x2008;
/// The register of the device's configuration by which it may write to memory.
const COMMAND: u64 = 0x3f00_8004;

/// The line of its pin A.
const LINE: u32 = 36;

/// What the witness says if nothing has disturbed it.
const UNSPOILT: &str = " 0 missed, 0 strange, 0 spoilt";

/// A program that watches its memory and its deadlines, and on the same core one with a device that is told to write to
/// the memory of others.
fn attack(board: &str, iommu: &str, arguments: &str, lines: &str) -> System {
    let (base, size) = VICTIM;
    let end = base + size;
    System::on(
        board,
        &format!("cores = 1\nmemory = \"512MiB\"\n{iommu}"),
        &format!(
            r#"
            [partition.critical]
            criticality = "ASIL-D"
            isolation = "stage2"
            image = "$guest"
            arguments = "witness period-us:1000 work-us:50 tolerance-us:100 ticks-per-us:62 report:10 base:{base:#x} end:{end:#x}"
            memory = {{ base = "{base:#x}", size = "512KiB" }}
            cores = [0]
            budget = "400us"
            period = "1ms"

            [partition.other]
            criticality = "QM"
            isolation = "stage2"
            image = "$guest"
            arguments = "{arguments}"
            memory = {{ base = "0x5000_0000", size = "512KiB" }}
            cores = [0]
            fp = "none"
            devices = ["pcie"]
            {lines}
            "#
        ),
    )
    .qemu(&EDU)
    .shift(1)
}

/// What the witness has said last.
fn verdict(run: &Run) -> &str {
    let lines = run
        .texts("critical")
        .filter(|line| line.contains("periods"));
    lines.last().unwrap_or("nothing")
}

fn targets() -> String {
    let (base, size) = VICTIM;
    let last = base + size - 64;
    format!("write:{base:#x} write:{last:#x} write:{KEPT:#x}")
}

#[test]
fn a_device_reaches_its_partitions_memory_and_no_others() {
    for board in BOARDS {
        let log = "health = { access-fault = \"log\" }";
        let arguments = format!("dma line:{LINE} {} read:{TABLES:#x}", targets());
        let run = attack(board, "", &arguments, log).for_ms(1300).run();
        run.assert_said("other", "dma: own memory: arrived true");
        run.assert_said("other", "dma: interrupted true");
        run.assert_said("other", "dma: read 0x40002008: 0x0");
        run.assert_said("other", "dma: done");
        run.assert_undisturbed("critical");
        assert!(verdict(&run).ends_with(UNSPOILT), "{}", verdict(&run));
        let told: Vec<_> = run
            .events("other", "access-fault")
            .map(|event| (event.address.as_str(), event.text.as_str()))
            .collect();
        let text = |address| format!("its device of stream 0x8 reached for {address}; denied");
        let expected =
            ["0x48000000", "0x4807ffc0", "0x40000000", "0x40002008"].map(|at| (at, text(at)));
        let expected: Vec<_> = expected.iter().map(|(at, text)| (*at, &**text)).collect();
        assert_eq!(told, expected, "on {board}");
    }
}

#[test]
fn without_the_iommu_it_would_reach_them() {
    let (base, _) = VICTIM;
    let accept = "accept = [\"dma\"]";
    let arguments = format!("dma read:{TABLES:#x} write:{base:#x}");
    let run = attack(BOARD, "iommu = false", &arguments, accept)
        .for_ms(900)
        .run();
    run.assert_said("other", "dma: own memory: arrived true");
    run.assert_said("other", "dma: read 0x40002008: 0x4000");
    run.assert_said("other", "dma: done");
    assert!(!verdict(&run).ends_with(UNSPOILT), "{}", verdict(&run));
    assert_eq!(run.events("other", "access-fault").count(), 0);
}

#[test]
fn what_a_device_may_not_do_restarts_its_partition_unless_the_manifest_says_otherwise() {
    let (base, _) = VICTIM;
    let lines = "restart = { limit = 1, within = \"9s\" }";
    let run = attack(BOARD, "", &format!("dma write:{base:#x}"), lines)
        .for_ms(1000)
        .run();
    run.assert_undisturbed("critical");
    assert_eq!(run.partition("other").boots, 2);
    assert_eq!(run.partition("other").state, "failed");
    // The bridge is as after reset in the second life, and the device works again.
    assert_eq!(run.count("other", "its command was 0"), 2);
    assert_eq!(run.count("other", "arrived true"), 2);
}

/// A program whose device owes it an answer when it ends, 100 ms after it was asked.
fn leaving(back_off: &str) -> System {
    let lines = format!("restart = {{ limit = 2, within = \"9s\", back-off = \"{back_off}\" }}");
    attack(BOARD, "", "dma-leave stay-us:300000", &lines).for_ms(1500)
}

/// The same where the bridge is not reset: the device goes on after the end.
fn not_reset(system: System) -> System {
    let table = &system.plan().table;
    let reset = table
        .chunks(8)
        .position(|word| word == COMMAND.to_le_bytes())
        .expect("the table resets the device");
    // The same entry with the value that the program writes there. Width and owner are beside it.
    let value = 8 * reset + 8;
    let beside = u64::from_le_bytes(table[value..value + 8].try_into().expect("8 bytes"));
    system.forge_table(value, beside | 6)
}

#[test]
fn a_device_that_was_writing_writes_nothing_to_the_next_life_of_its_owner() {
    let run = leaving("1ms").run();
    run.assert_undisturbed("critical");
    assert_eq!(
        run.count("other", "its command was 0, memory 0x123456789abcdef"),
        3
    );
    assert_eq!(run.partition("other").state, "failed");
}

#[test]
fn a_device_that_is_not_reset_would_write_to_the_next_life_of_its_owner() {
    let run = not_reset(leaving("1ms")).run();
    run.assert_undisturbed("critical");
    run.assert_said("other", "its command was 6, memory 0x5b0117ed5b0117ed");
}

#[test]
fn a_device_that_is_not_reset_writes_nothing_while_its_owner_is_loaded_anew() {
    // It would write a millisecond after that has begun, which takes some.
    let run = not_reset(leaving("98ms")).run();
    run.assert_undisturbed("critical");
    assert_eq!(
        run.count("other", "its command was 6, memory 0x123456789abcdef"),
        3
    );
    assert_eq!(run.events("other", "access-fault").count(), 0);
}

#[test]
fn a_device_that_reaches_for_more_than_can_be_told_costs_others_nothing() {
    let (base, _) = VICTIM;
    let log = "health = { access-fault = \"log\" }";
    let many = format!("write:{base:#x} ").repeat(6);
    let last = base + 0x2000;
    let arguments = format!("dma bytes:4096 {many}write:{last:#x}");
    let run = attack(BOARD, "", &arguments, log).for_ms(2000).run();
    run.assert_undisturbed("critical");
    assert!(verdict(&run).ends_with(UNSPOILT), "{}", verdict(&run));
    run.assert_said("other", "dma: done");
    // Of a thousand events at a time, those that fit into the queue are told, and each page once.
    let mut events = run.events("other", "access-fault");
    assert!(events.any(|event| event.address == format!("{last:#x}")));
    assert!(run.partition("other").events_total < 20);
}

/// FreeRTOS beside Debian's kernel with PCI Express, on one core.
#[test]
fn debians_drivers_use_devices_behind_the_iommu() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("output");
    for board in BOARDS {
        let system = System::on(
            board,
            "cores = 2\nmemory = \"512MiB\"",
            r#"
            [partition.cluster]
            criticality = "ASIL-B"
            isolation = "stage2"
            image = "$cluster"
            memory = "1MiB"
            cores = [1]
            budget = "400us"
            period = "1ms"
            fp = "none"

            [partition.linux]
            criticality = "QM"
            isolation = "stage2"
            linux = { kernel = "$kernel", initramfs = "$initramfs", command-line = "console=ttyS0 panic=1" }
            memory = "128MiB"
            cores = [0, 1]
            devices = ["pcie"]
            "#,
        );
        let chardev = format!("file,id=out,path={}", file.display());
        let run = system
            .qemu(&[
                "-device",
                "virtio-serial-pci-non-transitional,addr=2",
                "-chardev",
                &chardev,
                "-device",
                "virtconsole,chardev=out",
            ])
            .shift(1)
            .for_ms(20_000)
            .expect("linux", "partita: linux ready")
            .send("linux", "echo through the bridge >/dev/hvc0\n")
            .expect("linux", "/dev/hvc0")
            .send("linux", "grep virtio /proc/interrupts\n")
            .expect("linux", "virtio0")
            .send("linux", "echo the e\"\"nd\n")
            .until("linux", "the end")
            .run();
        run.assert_undisturbed("cluster");
        assert_eq!(run.partition("linux").events_total, 0, "on {board}");
        let output = std::fs::read_to_string(&file).expect("a file");
        assert!(output.contains("through the bridge"), "{output}");
    }
}
