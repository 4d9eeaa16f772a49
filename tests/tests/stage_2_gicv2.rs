//! Stage 2 in the normal world of Arm where the interrupt controller is a GICv2: what is of this version alone.

use partita_tests::cockpit::command_line;
use partita_tests::{Run, System};

const BOARD: &str = "qemu-virt-aarch64-gicv2";

/// A program that counts its deadlines. `lines` say where it is.
fn rtos(name: &str, criticality: &str, lines: &str) -> String {
    format!(
        r#"
        [partition.{name}]
        criticality = "{criticality}"
        image = "$cluster"
        memory = "1MiB"
        cores = [0]
        fp = "none"
        budget = "200us"
        period = "1ms"
        {lines}
        "#
    )
}

/// A Linux behind stage 2 that does what the words of `run` say.
fn linux(name: &str, criticality: &str, cores: &[usize], run: &str, lines: &str) -> String {
    let command_line = command_line("1", run);
    format!(
        r#"
        [partition.{name}]
        criticality = "{criticality}"
        isolation = "stage2"
        linux = {{ kernel = "$kernel", initramfs = "$initramfs", command-line = "{command_line}" }}
        memory = "128MiB"
        cores = {cores:?}
        {lines}
        "#
    )
}

const BEHIND_STAGE_2: &str = "isolation = \"stage2\"";
const SECURE: &str = "accept = [\"trusted-base\"]";

fn system(cores: usize, partitions: &[String]) -> System {
    let board = format!("cores = {cores}\nmemory = \"512MiB\"");
    System::on(BOARD, &board, &partitions.concat())
        .shift(1)
        .for_ms(30_000)
}

fn assert_first_life(run: &Run, names: &[&str]) {
    for name in names {
        let partition = run.partition(name);
        let found = (partition.state.as_str(), partition.boots);
        assert_eq!(found, ("running", 1), "{name}");
    }
}

#[test]
fn programs_of_both_worlds_and_two_linuxes_share_one_core() {
    let partitions = [
        rtos("brakes", "ASIL-D", SECURE),
        rtos("cluster", "ASIL-C", BEHIND_STAGE_2),
        linux(
            "first",
            "ASIL-A",
            &[0],
            "ticks,noshell",
            "budget = \"4ms\"\nperiod = \"10ms\"",
        ),
        linux("second", "QM", &[0], "load,ticks,noshell", ""),
    ];
    let run = system(1, &partitions)
        .until("second", "linux alive 1")
        .run();
    run.assert_undisturbed("brakes");
    run.assert_undisturbed("cluster");
    assert_first_life(&run, &["brakes", "cluster", "first", "second"]);
    assert!(run.said("first", "linux alive 1"));
}

#[test]
fn a_linux_that_turns_its_first_core_off_and_on_keeps_what_it_set_in_the_distributor() {
    let partitions = [
        rtos("cluster", "ASIL-B", BEHIND_STAGE_2),
        linux("linux", "QM", &[0, 1], "idle", ""),
    ];
    let run = system(2, &partitions)
        // No more than a port holds is typed at once.
        .expect("linux", "linux# ")
        .send("linux", "cd /sys/devices/system/cpu\n")
        .expect("linux", "linux# ")
        .send(
            "linux",
            "f() { echo 0 >cpu$1/online; echo 1 >cpu$1/online; }\n",
        )
        .expect("linux", "linux# ")
        .send(
            "linux",
            "for i in 1 2; do f 0; f 1; done; echo on $(cat online)\n",
        )
        .until("linux", "on 0-1")
        .run();
    run.assert_undisturbed("cluster");
    assert_first_life(&run, &["cluster", "linux"]);
}

#[test]
fn linux_reaches_its_interface_and_what_the_distributor_shows_it_and_no_more() {
    // Software interrupts that are pending, where zero raises none, and which bits of a priority preempt.
    let open = [0x800_0f20, 0x801_0008];
    // What ends the handling of any line, and the interfaces of EL2 and of programs.
    let closed = [0x801_1000, 0x803_0000, 0x804_0000];
    // No register of the distributor's.
    let denied = 0x800_1000;
    let words: Vec<String> = open
        .iter()
        .chain(&closed)
        .chain([&denied])
        .map(|address| format!("devmem:{address:#x}"))
        .collect();
    let partitions = [
        rtos("cluster", "ASIL-B", BEHIND_STAGE_2),
        linux(
            "linux",
            "QM",
            &[0],
            &format!("{},noshell", words.join(",")),
            "",
        ),
    ];
    let run = system(1, &partitions)
        .until("linux", "partita: linux ready")
        .run();
    run.assert_undisturbed("cluster");
    for access in ["read", "write"] {
        for address in open {
            run.assert_said(
                "linux",
                &format!("partita: devmem {access} {address:#x} exit 0"),
            );
        }
        for address in closed {
            // 135: ended by a bus error.
            run.assert_said(
                "linux",
                &format!("partita: devmem {access} {address:#x} exit 135"),
            );
        }
    }
    let told: Vec<&str> = run
        .events("linux", "interrupt-denied")
        .map(|event| event.address.as_str())
        .collect();
    assert_eq!(told, ["0x8001000"; 2]);
    assert_first_life(&run, &["cluster", "linux"]);
}
