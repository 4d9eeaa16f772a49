//! The board with APLIC and IMSIC: the same promises through another interrupt controller.

use partita_tests::cockpit::Cockpit;
use partita_tests::{Run, System};

const BOARD: &str = "qemu-virt-riscv64-aia";
/// The interrupt files: one page for each hart.
const SUPERVISOR_FILES: u64 = 0x2800_0000;

fn system(cores: usize, partitions: &str) -> System {
    let board = format!("cores = {cores}\nmemory = \"512MiB\"");
    System::on(BOARD, &board, partitions)
}

/// FreeRTOS on the last core and Debian on all of them.
fn cockpit(cores: usize, run: &str) -> System {
    Cockpit {
        board: BOARD,
        ..Cockpit::new(cores, run)
    }
    .system()
}

#[test]
fn freertos_and_linux_share_one_hart_and_both_do_their_work() {
    let run = cockpit(1, "load,ticks,noshell")
        .until("linux", "linux alive 1")
        .run();
    run.assert_undisturbed("cluster");
    run.assert_said("linux", "partita: 1 cpus online");
    assert!(run.partition("cluster").worst_wakeup_ns < 200_000);
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn the_harts_of_linux_interrupt_each_other_beside_freertos() {
    let run = cockpit(4, "load,ticks,noshell")
        .until("linux", "linux alive 1")
        .run();
    run.assert_undisturbed("cluster");
    run.assert_said("linux", "partita: 4 cpus online");
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn linux_has_harts_that_are_not_neighbours() {
    let run = system(
        3,
        r#"
        [partition.between]
        criticality = "ASIL-B"
        image = "$guest"
        arguments = "periodic period-us:1000"
        memory = "256KiB"
        cores = [1]

        [partition.linux]
        criticality = "QM"
        linux = { kernel = "$kernel", initramfs = "$initramfs", command-line = "console=ttyS0 quiet panic=1 partita.run=noshell" }
        memory = "128MiB"
        cores = [2, 0]
        "#,
    )
    .shift(1)
    .for_ms(20_000)
    .until("linux", "cpus online")
    .run();
    run.assert_said("linux", "partita: 2 cpus online");
    run.assert_undisturbed("between");
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn a_second_linux_that_starts_leaves_the_lines_of_the_first_alone() {
    let run = system(
        2,
        &format!(
            r#"
            [partition.first]
            criticality = "ASIL-A"
            linux = {{ kernel = "$flat", command-line = "rtc-suspend imsic:1 period-us:20000 count:450" }}
            memory = {{ base = "{:#x}", size = "4MiB" }}
            cores = [0]
            devices = ["rtc"]

            [partition.second]
            criticality = "QM"
            linux = {{ kernel = "$kernel", initramfs = "$initramfs", command-line = "console=ttyS0 quiet panic=1 partita.run=noshell" }}
            memory = "128MiB"
            cores = [1]
            devices = ["virtio0"]
            accept = ["dma"]
            "#,
            System::FLAT_BASE
        ),
    )
    .shift(1)
    .for_ms(20_000)
    .expect("second", "cpus online")
    .until("first", "suspends ended")
    .run();
    // The driver's set-up of all lines is ignored for those of others.
    run.assert_said("first", "rtc: 450 suspends ended, 0 strange");
    for linux in ["first", "second"] {
        assert_eq!(run.events(linux, "interrupt-denied").count(), 0);
    }
}

fn clock_beside(ordinary: &str) -> System {
    system(
        1,
        &format!(
            r#"
            [partition.clock]
            criticality = "ASIL-C"
            image = "$guest"
            arguments = "rtc period-us:500 count:60"
            memory = "256KiB"
            cores = [0]
            fp = "none"
            devices = ["rtc"]
            budget = "300us"
            period = "1ms"

            [partition.ordinary]
            criticality = "QM"
            image = "$guest"
            arguments = "{ordinary}"
            memory = "256KiB"
            cores = [0]
            health = {{ access-fault = "log" }}
            "#
        ),
    )
}

/// How late an interrupt was at worst, in nanoseconds.
fn worst(run: &Run, name: &str) -> u64 {
    let line = run.find(name, "worst").expect("the worst case is told");
    let (_, worst) = line.text.split_once("worst ").expect("it has a number");
    let worst = worst.split(' ').next().and_then(|text| text.parse().ok());
    worst.expect("a number")
}

#[test]
fn a_device_interrupt_reaches_its_owner_while_a_lower_partition_spins() {
    let run = clock_beside("spin").until("clock", "stray").run();
    run.assert_said("clock", "rtc: 60 taken, 0 strange");
    run.assert_said("clock", "rtc: 0 stray completions taken");
    let worst = worst(&run, "clock");
    assert!(worst < 5_000, "{worst} ns late");
}

#[test]
fn a_neighbour_can_neither_take_nor_forge_nor_mask_an_interrupt() {
    // Of both domains: configuration and target of the line, its pending and enable bits, where messages
    // go, and a message without a line; then the interrupt files of both levels.
    let domain = [
        0x2c, 0x302c, 0x1c00, 0x1cdc, 0x1e00, 0x1fdc, 0x1bc0, 0x1bc8, 0x3000,
    ];
    let mut doors = Vec::new();
    for offset in domain {
        for base in [0xc00_0000_u64, 0xd00_0000] {
            doors.push(format!("store4:{:#x}", base + offset));
        }
    }
    for file in [0x2400_0000, SUPERVISOR_FILES, SUPERVISOR_FILES + 0x1000] {
        doors.push(format!("store4:{file:#x} load4:{file:#x}"));
    }
    let run = clock_beside(&format!("probe {}", doors.join(" ")))
        .expect("ordinary", "denied, ")
        .until("clock", "stray")
        .run();
    run.assert_said("ordinary", "probe: 24 denied, 0 allowed");
    run.assert_said("clock", "rtc: 60 taken, 0 strange");
}

/// A partition with direct interrupts on core 0, and a more critical one beside it.
fn direct(neighbour: &str, part: &str) -> System {
    system(
        1,
        &format!(
            r#"
            [partition.neighbour]
            criticality = "ASIL-B"
            image = "$guest"
            arguments = "{neighbour}"
            memory = "256KiB"
            cores = [0]
            budget = "100us"
            period = "1ms"
            health = {{ illegal-instruction = "log", access-fault = "log" }}

            [partition.direct]
            criticality = "QM"
            linux = {{ kernel = "$flat", command-line = "{part}" }}
            memory = {{ base = "{:#x}", size = "4MiB" }}
            cores = [0]
            devices = ["rtc"]
            "#,
            System::FLAT_BASE
        ),
    )
    .for_ms(60)
}

#[test]
fn a_direct_line_ends_a_suspend_on_a_hart_that_idles() {
    for neighbour in ["idle", "periodic period-us:300", "end shutdown"] {
        let run = direct(neighbour, "rtc-suspend imsic:1 period-us:700 count:20").run();
        run.assert_said("direct", "rtc: 20 suspends ended, 0 strange");
        let worst = worst(&run, "direct");
        assert!(worst < 5_000, "{worst} ns late beside `{neighbour}`");
    }
}

#[test]
fn a_direct_line_that_was_claimed_before_a_restart_interrupts_after_it() {
    let part = "rtc-suspend imsic:1 period-us:200 count:3 reboot:1";
    let run = direct("idle", part).for_ms(120).run();
    let lives = run.count("direct", "rtc: 3 suspends ended, 0 strange");
    assert!(lives >= 2, "{lives} lives");
}

#[test]
fn a_pending_interrupt_of_linux_is_neither_seen_nor_reached_by_the_rtos() {
    let run = direct("imsic-look count:100", "imsic-pending")
        .for_ms(120)
        .run();
    let pending = run.time_ns("direct", "imsic: pending true");
    let looked = run.time_ns("neighbour", "imsic: 100 looks, 0 pending, 0 taken");
    // 500 us lie between two looks.
    assert!(looked > pending + 20_000_000, "it was not pending long");
    run.assert_said("neighbour", "imsic: 8 doors, 0 open");
}

#[test]
fn a_line_is_never_aimed_at_a_hart_of_others() {
    // Target of the own line; a line of another's; where messages go; a message without a line; another
    // hart's file; the machine's domain and file.
    let doors = "probe store4:0xd00302c store4:0xd001edc store4:0xd001bc8 store4:0xd003000 \
                 load4:0xd00302c store4:0x28001000 store4:0xc00002c store4:0x24000000";
    let run = direct("periodic period-us:300", doors)
        .expect("direct", "denied, ")
        .run();
    // The domain is the monitor's to judge; what lies outside it is denied by the hardware.
    run.assert_said("direct", "probe: 3 denied, 5 allowed");
    run.assert_said("direct", "probe: load4 0xd00302c allowed 0x0");
    let denied: Vec<_> = run
        .events("direct", "interrupt-denied")
        .map(|event| &*event.address)
        .collect();
    assert_eq!(denied, ["0xd00302c", "0xd001edc", "0xd001bc8", "0xd003000"]);
}
