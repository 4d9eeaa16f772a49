//! Boards other than QEMU's `virt`: what differs there, and Debian's kernel beside FreeRTOS on each.

use partita_board::MONITOR_TEXT_BYTES;
use partita_tests::cockpit::Cockpit;
use partita_tests::{Run, System, monitor_text_bytes};

/// A board of SiFive's cores: core 0 has no supervisor mode, `time` is no register.
struct Board {
    name: &'static str,
    /// A serial port that partitions may own: its name, registers and line, and whether it is a 16550.
    port: (&'static str, u64, u16, u8),
    /// Registers that are nobody's: the machine's end, the monitor's port and core 0's interrupt context.
    closed: [u64; 2],
}

const UNLEASHED: Board = Board {
    name: "sifive-u",
    port: ("uart1", 0x1001_1000, 5, 0),
    closed: [0x1006_0008, 0x1001_1000],
};

const ICICLE: Board = Board {
    name: "microchip-icicle-kit",
    port: ("mmuart2", 0x2010_2000, 92, 1),
    closed: [0x2000_2018, 0x2010_2000],
};

impl Board {
    fn system(&self, cores: usize, partitions: &str) -> System {
        let board = format!("cores = {cores}\nmemory = \"512MiB\"");
        System::on(self.name, &board, partitions)
    }

    /// FreeRTOS on the last core, Linux on all that can run it, doing what the words of `run` say.
    fn cockpit(&self, cores: usize, run: &str) -> System {
        Cockpit {
            board: self.name,
            first_core: 1,
            ..Cockpit::new(cores, run)
        }
        .system()
    }

    /// The port's interrupts reach a partition on each core, through the monitor and without it.
    fn assert_interrupts_arrive(&self) {
        let (device, base, line, is_16550) = self.port;
        let words = format!("base:{base:#x} line:{line} is-16550:{is_16550} count:20");
        for core in [1, 3] {
            let run = self
                .system(
                    4,
                    &format!(
                        r#"
                        [partition.owner]
                        criticality = "ASIL-C"
                        image = "$guest"
                        arguments = "serial {words}"
                        memory = "256KiB"
                        cores = [{core}]
                        fp = "none"
                        devices = ["{device}"]

                        [partition.other]
                        criticality = "QM"
                        image = "$guest"
                        arguments = "spin"
                        memory = "256KiB"
                        cores = [{core}]
                        "#
                    ),
                )
                .until("owner", "strange")
                .run();
            run.assert_said("owner", "serial: 20 taken, 0 strange");
            let context = 2 * core;
            let run = self
                .system(
                    4,
                    &format!(
                        r#"
                        [partition.neighbour]
                        criticality = "ASIL-B"
                        image = "$guest"
                        arguments = "idle"
                        memory = "256KiB"
                        cores = [{core}]
                        budget = "100us"
                        period = "1ms"

                        [partition.direct]
                        criticality = "QM"
                        linux = {{ kernel = "$flat", command-line = "serial-suspend {words} context:{context}" }}
                        memory = {{ base = "{:#x}", size = "4MiB" }}
                        cores = [{core}]
                        devices = ["{device}"]
                        "#,
                        System::FLAT_BASE
                    ),
                )
                .until("direct", "direct interrupts")
                .run();
            run.assert_said("direct", "serial: 20 direct interrupts taken");
        }
    }

    /// Linux finds closed what is not its own, and its reset leaves FreeRTOS running.
    fn assert_linux_is_kept_apart(&self) {
        let cluster = self.cockpit(2, "noshell").planned("cluster").ram;
        let closed = [
            cluster.base + 0x238,
            0x8000_0128,
            0x8010_0040,
            0x200_4000,
            self.closed[0],
            self.closed[1],
        ];
        let words: Vec<_> = closed
            .iter()
            .map(|address| format!("devmem:{address:#x}"))
            .collect();
        // The interrupt contexts of core 0 and of core 1's machine mode.
        let words = format!(
            "{},devmem:0xc200000,devmem:0xc201000,reboot-after:1,noshell",
            words.join(",")
        );
        let run = self
            .cockpit(2, &words)
            .expect("monitor", "linux: reset")
            .until("linux", "partita: linux init reached")
            .run();
        assert_cluster_undisturbed(&run);
        for address in closed {
            for verb in ["read", "write"] {
                run.assert_said("linux", &format!("devmem {verb} {address:#x} exit 139"));
            }
        }
        let denied: Vec<_> = run
            .events("linux", "interrupt-denied")
            .map(|event| &*event.address)
            .collect();
        assert_eq!(denied, ["0xc200000", "0xc201000"]);
        assert_eq!(run.partition("linux").boots, 2);
    }
}

/// What holds whatever Linux does.
fn assert_cluster_undisturbed(run: &Run) {
    run.assert_undisturbed("cluster");
    assert!(run.partition("cluster").worst_wakeup_ns < 200_000);
}

#[test]
fn the_monitors_text_fits_one_protection_entry_on_every_riscv_board() {
    let is_riscv = |board: &&&partita_board::Board| board.riscv64().is_some();
    let boards: Vec<_> = partita_board::ALL.iter().filter(is_riscv).collect();
    assert!(boards.len() >= 4, "boards are missing");
    for board in boards {
        let bytes = monitor_text_bytes(board);
        let room = 0x4000..=MONITOR_TEXT_BYTES;
        assert!(room.contains(&bytes), "{}: {bytes} bytes", board.name);
    }
}

#[test]
fn freertos_on_core_1_shares_it_with_linux_on_cores_1_to_4_of_the_unleashed() {
    let run = System::example("unleashed")
        .shift(1)
        .for_ms(20_000)
        .until("linux", "linux alive 1")
        .run();
    assert_cluster_undisturbed(&run);
    run.assert_said("monitor", "Partita 0.1.0 on sifive-u, text writable");
    run.assert_said("linux", "partita: 4 cpus online");
    let cores = &run.report().cores;
    assert!(cores[&1].switches > 1000);
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn freertos_and_linux_share_a_core_of_the_icicle_kit() {
    let run = ICICLE
        .cockpit(3, "load,ticks,noshell")
        .until("linux", "linux alive 1")
        .run();
    assert_cluster_undisturbed(&run);
    run.assert_said("linux", "partita: 2 cpus online");
    assert!(run.report().cores[&2].switches > 1000);
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn interrupts_reach_their_owner_on_the_unleashed() {
    UNLEASHED.assert_interrupts_arrive();
}

#[test]
fn interrupts_reach_their_owner_on_the_icicle_kit() {
    ICICLE.assert_interrupts_arrive();
}

#[test]
fn linux_is_kept_apart_on_the_unleashed() {
    UNLEASHED.assert_linux_is_kept_apart();
}

#[test]
fn linux_is_kept_apart_on_the_icicle_kit() {
    ICICLE.assert_linux_is_kept_apart();
}
