//! The ZCU102: a board of Arm without secure memory, so stage 2 keeps all partitions apart; FreeRTOS and Debian's
//! kernel on it.

use partita_tests::cockpit::{Cockpit, command_line};
use partita_tests::{Run, System};

const BOARD: &str = "zcu102";

/// FreeRTOS on the last core, Linux on all, doing what the words of `run` say.
fn cockpit(cores: usize, run: &str) -> System {
    Cockpit {
        board: BOARD,
        ..Cockpit::new(cores, run)
    }
    .system()
}

/// What holds whatever Linux does.
fn assert_cluster_undisturbed(run: &Run) {
    run.assert_undisturbed("cluster");
    assert_eq!(run.partition("cluster").boots, 1);
    assert!(run.partition("cluster").worst_wakeup_ns < 200_000);
}

#[test]
fn freertos_shares_a_core_with_a_linux_on_all_four() {
    let run = cockpit(4, "load,ticks,noshell")
        .until("linux", "linux alive 1")
        .run();
    assert_cluster_undisturbed(&run);
    run.assert_said("monitor", "Partita 0.1.0 on zcu102, text read-only");
    run.assert_said("linux", "partita: 4 cpus online");
    assert!(run.report().cores[&3].switches > 1000);
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn a_linux_that_reboots_comes_back_and_leaves_freertos_running() {
    let run = cockpit(2, "reboot-after:1,noshell")
        .expect("monitor", "linux: reset")
        .until("linux", "partita: linux init reached")
        .run();
    assert_cluster_undisturbed(&run);
    assert_eq!(run.partition("linux").boots, 2);
}

#[test]
fn two_linuxes_and_freertos_have_cores_of_their_own_and_share_others() {
    let words = command_line("1", "ticks,noshell");
    let linux = format!(
        r#"linux = {{ kernel = "$kernel", initramfs = "$initramfs", command-line = "{words}" }}
        memory = "128MiB""#
    );
    let run = System::on(
        BOARD,
        "cores = 4\nmemory = \"512MiB\"",
        &format!(
            r#"
            [partition.cluster]
            criticality = "ASIL-B"
            image = "$cluster"
            memory = "1MiB"
            cores = [3]
            fp = "none"
            budget = "400us"
            period = "1ms"

            [partition.first]
            criticality = "ASIL-A"
            {linux}
            cores = [0, 1]
            budget = "2ms"
            period = "4ms"

            [partition.second]
            criticality = "QM"
            {linux}
            cores = [1, 2, 3]
            "#
        ),
    )
    .shift(1)
    .for_ms(20_000)
    .expect("first", "linux alive")
    .until("second", "linux alive")
    .run();
    assert_cluster_undisturbed(&run);
    run.assert_said("first", "partita: 2 cpus online");
    run.assert_said("second", "partita: 3 cpus online");
    for linux in ["first", "second"] {
        assert_eq!(run.partition(linux).boots, 1);
        assert_eq!(run.events(linux, "access-fault").count(), 0);
        assert_eq!(run.events(linux, "interrupt-denied").count(), 0);
    }
}

#[test]
fn linux_is_kept_from_everything_that_is_not_its_own() {
    let ground = cockpit(1, "noshell");
    let board = ground.plan().board;
    let release = board.architecture.aarch64().and_then(|arm| arm.release);
    let release = release.expect("the board holds cores in reset");
    // The monitor's text, data, table, tables of stage 2 and crash records; the cluster's memory and pristine image;
    // the machine's end, and what starts cores.
    let closed = [
        0x128,
        0x2_0040,
        0x10_0040,
        0x12_0000,
        0x20_0040,
        ground.plan().crash_base + 8,
        ground.planned("cluster").ram.base + 0x238,
        board.finisher.window.base + 0x218,
        release.starts.base,
        release.reset.base,
    ];
    let words: Vec<String> = closed
        .iter()
        .map(|address| format!("devmem:{address:#x}"))
        .collect();
    let run = cockpit(1, &format!("{},noshell", words.join(",")))
        .until("linux", "partita: linux ready")
        .run();
    assert_cluster_undisturbed(&run);
    for address in closed {
        for access in ["read", "write"] {
            let line = format!("partita: devmem {access} {address:#x} exit 135");
            run.assert_said("linux", &line);
        }
    }
    let denied: Vec<_> = run
        .events("linux", "access-fault")
        .map(|event| event.address.clone())
        .collect();
    for address in closed {
        assert!(denied.contains(&format!("{address:#x}")), "{address:#x}");
    }
}

/// A program that owns the second serial port, and one that never gives the core back, both on this core.
fn owner_of_the_port(core: usize, words: &str, lines: &str) -> System {
    System::on(
        BOARD,
        "cores = 4\nmemory = \"512MiB\"",
        &format!(
            r#"
            [partition.owner]
            criticality = "ASIL-C"
            image = "$guest"
            arguments = "serial {words}"
            memory = "512KiB"
            cores = [{core}]
            fp = "none"
            devices = ["uart1"]
            {lines}

            [partition.other]
            criticality = "QM"
            image = "$guest"
            arguments = "spin"
            memory = "512KiB"
            cores = [{core}]
            "#
        ),
    )
}

#[test]
fn interrupts_of_a_serial_port_reach_its_owner_on_any_core() {
    for core in [0, 3] {
        let run = owner_of_the_port(core, "count:5000", "")
            .expect("other", "spin: running")
            .until("owner", "strange")
            .run();
        run.assert_said("owner", "serial: 5000 taken, 0 strange");
    }
}

#[test]
fn a_program_that_is_restarted_finds_its_serial_port_as_after_reset() {
    let run = owner_of_the_port(
        1,
        "count:3 leave",
        "restart = { limit = 1, within = \"10s\" }",
    )
    .expect("owner", "strange")
    .until("owner", "strange")
    .run();
    assert_eq!(run.count("owner", "serial: found 0"), 2);
    assert_eq!(run.count("owner", "serial: 3 taken, 0 strange"), 2);
}

#[test]
fn a_linux_has_a_serial_port_for_itself_and_its_interrupts() {
    let run = Cockpit {
        board: BOARD,
        linux_lines: "devices = [\"uart1\"]",
        ..Cockpit::new(2, "idle")
    }
    .system()
    .expect("linux", "linux# ")
    .send("linux", "cat /proc/meminfo >/dev/ttyPS0\n")
    .expect("linux", "linux# ")
    .send("linux", "grep xuartps /proc/interrupts\n")
    .until("linux", "  xuartps")
    .run();
    assert_cluster_undisturbed(&run);
    let line = run.find("linux", "  xuartps").expect("its interrupts");
    let counts = line.text.split_whitespace().skip(1);
    let count: u64 = counts.map_while(|word| word.parse::<u64>().ok()).sum();
    assert!(count > 10, "{}", line.text);
}
