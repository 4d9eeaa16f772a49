//! Stage 2 in the normal world of Arm: programs and Linuxes at EL1, kept apart by EL2 that is the monitor's.

use partita_tests::cockpit::command_line;
use partita_tests::{Run, System};

/// The boards, each with the memory that it needs.
const GICV3: &str = "qemu-virt-aarch64";
const GICV2: &str = "qemu-virt-aarch64-gicv2";

/// A program that counts its deadlines.
fn rtos(name: &str, criticality: &str, core: usize, budget: &str) -> String {
    format!(
        r#"
        [partition.{name}]
        criticality = "{criticality}"
        image = "$cluster"
        memory = "1MiB"
        cores = [{core}]
        fp = "none"
        budget = "{budget}"
        period = "1ms"
        "#
    )
}

/// A Linux that does what the words of `run` say.
fn linux(name: &str, criticality: &str, cores: &[usize], run: &str, lines: &str) -> String {
    let command_line = command_line("1", run);
    format!(
        r#"
        [partition.{name}]
        criticality = "{criticality}"
        linux = {{ kernel = "$kernel", initramfs = "$initramfs", command-line = "{command_line}" }}
        memory = "128MiB"
        cores = {cores:?}
        {lines}
        "#
    )
}

/// A system of these partitions, all behind stage 2.
fn system(board: &str, cores: usize, board_lines: &str, partitions: &[String]) -> System {
    System::made_of(
        "isolation = \"stage2\"\n",
        board,
        &format!("cores = {cores}\nmemory = \"1GiB\"\n{board_lines}"),
        &partitions.concat(),
    )
    .shift(1)
    .for_ms(60_000)
}

fn cockpit(board: &str, cores: usize, run: &str, lines: &str) -> System {
    let all: Vec<usize> = (0..cores).collect();
    let partitions = [
        rtos("cluster", "ASIL-B", cores - 1, "400us"),
        linux("linux", "QM", &all, run, lines),
    ];
    system(board, cores, "", &partitions)
}

fn state_and_boots<'a>(run: &'a Run, name: &str) -> (&'a str, u64) {
    let partition = run.partition(name);
    (partition.state.as_str(), partition.boots.into())
}

fn assert_healthy(run: &Run) {
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

fn share_a_core_and_both_work(board: &str) {
    let run = cockpit(board, 2, "load,ticks,noshell", "")
        .until("linux", "linux alive 1")
        .run();
    run.assert_undisturbed("cluster");
    run.assert_said("linux", "partita: linux init reached");
    run.assert_said("linux", "partita: 2 cpus online");
    assert_eq!(state_and_boots(&run, "linux"), ("running", 1));
    assert!(run.report().cores[&1].switches > 1000);
    assert_healthy(&run);
}

#[test]
fn freertos_and_linux_at_el1_share_a_core_and_both_do_their_work() {
    share_a_core_and_both_work(GICV3);
}

#[test]
fn freertos_and_linux_at_el1_share_a_core_with_a_gicv2() {
    share_a_core_and_both_work(GICV2);
}

#[test]
fn every_processor_that_a_manifest_can_choose_runs_both_behind_stage_2() {
    let board = partita_board::by_name(GICV3).expect("a board");
    for (cpu, _) in board.qemu.cpus {
        let partitions = [
            rtos("cluster", "ASIL-B", 0, "400us"),
            linux("linux", "QM", &[0], "noshell", ""),
        ];
        let run = system(GICV3, 1, &format!("cpu = \"{cpu}\""), &partitions)
            .until("linux", "partita: linux ready")
            .run();
        run.assert_undisturbed("cluster");
        assert!(run.report().healthy, "{cpu}: {:?}", run.report().reasons);
    }
}

#[test]
fn what_is_typed_reaches_linux_by_its_emulated_port() {
    let run = cockpit(GICV3, 1, "idle", "")
        .expect("linux", "linux# ")
        .send("linux", "echo typed $((40+2))\n")
        .until("linux", "typed 42")
        .run();
    run.assert_undisturbed("cluster");
    assert!(!run.said("cluster", "typed"));
}

fn reboots(board: &str) {
    let run = cockpit(board, 2, "reboot-after:1,noshell", "")
        .expect("linux", "partita: linux init reached")
        .expect("monitor", "linux: reset")
        .until("linux", "partita: linux init reached")
        .run();
    run.assert_undisturbed("cluster");
    assert_eq!(state_and_boots(&run, "linux"), ("running", 2));
    assert_eq!(state_and_boots(&run, "cluster"), ("running", 1));
}

#[test]
fn a_linux_at_el1_that_reboots_comes_back_and_leaves_the_rtos_running() {
    reboots(GICV3);
}

#[test]
fn a_linux_at_el1_that_reboots_comes_back_with_a_gicv2() {
    reboots(GICV2);
}

#[test]
fn a_linux_at_el1_unplugs_and_plugs_its_cores() {
    let run = cockpit(GICV3, 2, "idle", "")
        .expect("linux", "linux# ")
        .send("linux", "cd /sys/devices/system/cpu/cpu1\n")
        .expect("linux", "linux# ")
        .send("linux", "r() { echo 0 >online; echo 1 >online; }\n")
        .expect("linux", "linux# ")
        .send("linux", "r; r; r; r; r; echo plugged $(cat ../online)\n")
        .until("linux", "plugged 0-1")
        .run();
    run.assert_undisturbed("cluster");
    assert_healthy(&run);
}

/// Two Linuxes, one of which stops to reset its watchdog while the other goes on, and an RTOS; all share all cores.
fn two_linuxes(board: &str) {
    let lines = "watchdog = \"2s\"";
    let partitions = [
        rtos("cluster", "ASIL-D", 0, "200us"),
        linux(
            "first",
            "ASIL-A",
            &[0, 1],
            "ticks,watchdog,silence-after:3,noshell",
            lines,
        ),
        linux("second", "QM", &[0, 1], "ticks,noshell", lines),
    ];
    let run = system(board, 2, "", &partitions)
        .expect("monitor", "first: watchdog")
        .expect("first", "partita: linux init reached")
        .until("second", "linux alive")
        .run();
    run.assert_undisturbed("cluster");
    assert_eq!(state_and_boots(&run, "first"), ("running", 2));
    assert_eq!(state_and_boots(&run, "second"), ("running", 1));
    assert_eq!(run.events("first", "watchdog").count(), 1);
    assert_eq!(run.events("second", "watchdog").count(), 0);
    for name in ["first", "second"] {
        run.assert_said(name, "partita: 2 cpus online");
    }
    // What each says is its own.
    assert!(run.count("second", "partita: linux init reached") == 1);
    assert!(run.count("first", "partita: linux init reached") == 2);
}

#[test]
fn two_linuxes_share_two_cores_with_an_rtos_and_one_is_restarted_by_its_watchdog() {
    two_linuxes(GICV3);
}

#[test]
fn two_linuxes_share_two_cores_with_a_gicv2() {
    two_linuxes(GICV2);
}

#[test]
fn three_linuxes_have_cores_of_their_own_and_share_one_with_an_rtos() {
    let partitions = [
        rtos("cluster", "ASIL-D", 0, "200us"),
        linux("first", "ASIL-B", &[0, 1], "ticks,noshell", ""),
        linux(
            "second",
            "ASIL-A",
            &[0, 2],
            "ticks,noshell,panic-after:8",
            "",
        ),
        linux("third", "QM", &[0, 3], "ticks,noshell", ""),
    ];
    let run = system(GICV3, 4, "", &partitions)
        .expect("third", "linux alive 0")
        .expect("monitor", "second: reset")
        .until("second", "partita: 2 cpus online")
        .run();
    run.assert_undisturbed("cluster");
    assert_eq!(state_and_boots(&run, "first"), ("running", 1));
    assert_eq!(state_and_boots(&run, "second"), ("running", 2));
    assert_eq!(state_and_boots(&run, "third"), ("running", 1));
}

/// Two RTOS and two Linuxes of four criticalities.
fn four_criticalities(board: &str) {
    let partitions = [
        rtos("brakes", "ASIL-D", 0, "200us"),
        rtos("cluster", "ASIL-C", 0, "200us"),
        linux(
            "first",
            "ASIL-A",
            &[0],
            "ticks,noshell",
            "budget = \"4ms\"\nperiod = \"10ms\"",
        ),
        linux("second", "QM", &[0], "load,ticks,noshell", ""),
    ];
    let run = system(board, 1, "", &partitions)
        .expect("second", "linux alive 2")
        .until("first", "linux alive 8")
        .run();
    for name in ["brakes", "cluster"] {
        run.assert_undisturbed(name);
    }
    for name in ["brakes", "cluster", "first", "second"] {
        assert_eq!(state_and_boots(&run, name), ("running", 1), "{name}");
    }
}

#[test]
fn two_rtos_and_two_linuxes_of_four_criticalities_share_one_core() {
    four_criticalities(GICV3);
}

#[test]
fn two_rtos_and_two_linuxes_of_four_criticalities_share_one_core_with_a_gicv2() {
    four_criticalities(GICV2);
}

#[test]
fn an_rtos_in_the_secure_world_shares_cores_with_two_linuxes_behind_stage_2() {
    for cpu in ["cortex-a53", "max"] {
        // Scalable vectors are kept for one Linux a core.
        let second = if cpu == "max" { vec![1] } else { vec![0, 1] };
        let first = if cpu == "max" { vec![0] } else { vec![0, 1] };
        let trust = if cpu == "max" {
            ""
        } else {
            "accept = [\"trusted-base\"]"
        };
        let partitions = [
            rtos("cluster", "ASIL-D", 0, "200us"),
            format!("isolation = \"trustzone\"\n{trust}\n"),
            linux("first", "ASIL-A", &first, "ticks,noshell", ""),
            linux("second", "QM", &second, "ticks,noshell", ""),
        ];
        let run = system(GICV3, 2, &format!("cpu = \"{cpu}\""), &partitions)
            .expect("first", "linux alive 1")
            .until("second", "linux alive 1")
            .run();
        run.assert_undisturbed("cluster");
        for name in ["cluster", "first", "second"] {
            assert_eq!(state_and_boots(&run, name), ("running", 1), "{cpu} {name}");
        }
    }
}

#[test]
fn linux_at_el1_reaches_no_memory_of_others_and_is_told_so() {
    let system = cockpit(GICV3, 1, "noshell", "");
    let board = system.plan().board;
    let secure = board.secure.expect("secure memory");
    let kept = board
        .architecture
        .aarch64()
        .map(|arm| arm.stage_2)
        .expect("memory of EL2");
    let closed = [
        secure.flash.base + 0x128,
        secure.monitor.base + 0x40,
        // EL2's vectors, and the tables.
        kept.base + 0x400,
        kept.base + 0x1000,
        system.planned("cluster").ram.base + 0x238,
        board.uart.window.base - 0x1000,
        board.finisher.window.base + 0x400,
    ];
    let words: Vec<String> = closed
        .iter()
        .map(|address| format!("devmem:{address:#x}"))
        .collect();
    let run = cockpit(GICV3, 1, &format!("{},noshell", words.join(",")), "")
        .until("linux", "partita: linux ready")
        .run();
    run.assert_undisturbed("cluster");
    let events: Vec<String> = run
        .events("linux", "access-fault")
        .map(|event| event.address.clone())
        .collect();
    for address in closed {
        for access in ["read", "write"] {
            // 135: ended by a bus error.
            let line = format!("partita: devmem {access} {address:#x} exit 135");
            run.assert_said("linux", &line);
        }
        assert_eq!(
            events
                .iter()
                .filter(|event| **event == format!("{address:#x}"))
                .count(),
            2,
            "{address:#x}: {events:?}"
        );
    }
    assert_eq!(state_and_boots(&run, "cluster"), ("running", 1));
}
