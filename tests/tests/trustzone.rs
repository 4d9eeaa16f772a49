//! TrustZone: FreeRTOS in the secure world and Debian's arm64 kernel in the normal one, on the same cores.

use partita_tests::cockpit::{Cockpit, command_line};
use partita_tests::{Run, System};

const BOARD: &str = "qemu-virt-aarch64";
const GICV2: &str = "qemu-virt-aarch64-gicv2";

fn cockpit(cores: usize, run: &str) -> System {
    cockpit_on(BOARD, cores, run)
}

fn cockpit_on(board: &str, cores: usize, run: &str) -> System {
    Cockpit {
        board,
        ..Cockpit::new(cores, run)
    }
    .system()
}

fn state_and_boots<'a>(run: &'a Run, name: &str) -> (&'a str, u64) {
    let partition = run.partition(name);
    (partition.state.as_str(), partition.boots.into())
}

#[test]
fn freertos_at_s_el1_and_linux_at_el2_share_a_core_and_both_do_their_work() {
    let run = cockpit(2, "load,ticks,noshell")
        .until("linux", "linux alive 1")
        .run();
    run.assert_undisturbed("cluster");
    run.assert_said("linux", "partita: linux init reached");
    run.assert_said("linux", "partita: 2 cpus online");
    assert_eq!(state_and_boots(&run, "linux"), ("running", 1));
    assert!(run.report().cores[&1].switches > 1000);
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn what_is_typed_for_linux_reaches_its_own_serial_port() {
    let run = cockpit(1, "idle")
        .expect("linux", "linux# ")
        .send("linux", "echo typed $((40+2))\n")
        .until("linux", "typed 42")
        .run();
    run.assert_undisturbed("cluster");
    assert!(!run.said("cluster", "typed"));
}

#[test]
fn linux_reaches_no_memory_and_no_device_of_the_secure_world() {
    let system = cockpit(1, "noshell");
    let secure = system.plan().board.secure.expect("secure memory");
    // The monitor's text, the table, its data and its crash records; the cluster's memory; the secure serial
    // port, and the pins that end the machine.
    let closed = [
        secure.flash.base + 0x128,
        secure.flash.base + 0x10_0040,
        secure.monitor.base + 0x40,
        system.plan().crash_base + 8,
        system.planned("cluster").ram.base + 0x238,
        system.plan().board.uart.window.base + 0x18,
        system.plan().board.finisher.window.base + 0x400,
    ];
    let words: Vec<String> = closed
        .iter()
        .map(|address| format!("devmem:{address:#x}"))
        .collect();
    let run = cockpit(1, &format!("{},noshell", words.join(",")))
        .until("linux", "partita: linux ready")
        .run();
    run.assert_undisturbed("cluster");
    for address in closed {
        // 135: ended by a bus error. QEMU reports the abort to the kernel that caused it, not to EL3.
        for access in ["read", "write"] {
            let line = format!("partita: devmem {access} {address:#x} exit 135");
            run.assert_said("linux", &line);
        }
    }
    assert_eq!(state_and_boots(&run, "cluster"), ("running", 1));
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn a_linux_that_reboots_comes_back_and_leaves_the_rtos_running() {
    let run = cockpit(2, "reboot-after:1,noshell")
        .expect("linux", "partita: linux init reached")
        .expect("linux", "partita: reboot now")
        .until("linux", "partita: linux init reached")
        .run();
    run.assert_undisturbed("cluster");
    assert_eq!(state_and_boots(&run, "linux"), ("running", 2));
    assert_eq!(state_and_boots(&run, "cluster"), ("running", 1));
}

#[test]
fn every_processor_that_a_manifest_can_choose_runs_both() {
    let board = partita_board::by_name(BOARD).expect("a board");
    for (cpu, _) in board
        .qemu
        .cpus
        .iter()
        .filter(|(cpu, _)| *cpu != "cortex-a53")
    {
        let line = format!("cpu = \"{cpu}\"");
        let run = Cockpit {
            board: BOARD,
            board_lines: &line,
            ..Cockpit::new(1, "noshell")
        }
        .system()
        .until("linux", "partita: linux ready")
        .run();
        run.assert_undisturbed("cluster");
        assert!(run.report().healthy, "{cpu}: {:?}", run.report().reasons);
    }
}

#[test]
fn a_core_is_shared_with_a_gicv2_too() {
    let run = cockpit_on(GICV2, 1, "load,ticks,noshell")
        .until("linux", "linux alive 1")
        .run();
    run.assert_undisturbed("cluster");
    run.assert_said("linux", "partita: linux init reached");
    assert_eq!(state_and_boots(&run, "linux"), ("running", 1));
    assert!(run.report().cores[&0].switches > 1000);
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn four_cores_work_with_a_gicv2() {
    let run = cockpit_on(GICV2, 4, "load,ticks,noshell")
        .until("linux", "linux alive 0")
        .run();
    run.assert_undisturbed("cluster");
    run.assert_said("linux", "partita: 4 cpus online");
    assert!(run.report().cores[&3].switches > 100);
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn a_linux_that_reboots_comes_back_with_a_gicv2() {
    let run = cockpit_on(GICV2, 2, "reboot-after:1,noshell")
        .expect("linux", "partita: linux init reached")
        .expect("linux", "partita: reboot now")
        .until("linux", "partita: linux init reached")
        .run();
    run.assert_undisturbed("cluster");
    assert_eq!(state_and_boots(&run, "linux"), ("running", 2));
    assert_eq!(state_and_boots(&run, "cluster"), ("running", 1));
}

#[test]
fn linux_cannot_mask_take_or_send_what_is_secure_with_a_gicv2() {
    let closed = [
        // The secure timer and the programs' interrupts: enabled, pending, active, their groups and priorities.
        ("0x8000180", "32 0x2000ff00"),
        ("0x8000280", "32 0x2000ff00"),
        ("0x8000380", "32 0x2000ff00"),
        ("0x8000080", "32 0"),
        ("0x8000408", "32 0xffffffff"),
        ("0x800040c", "32 0xffffffff"),
        ("0x800041d", "8 0xff"),
        // The monitor's serial port: enabled, priority, targets.
        ("0x8000184", "32 0x100"),
        ("0x8000428", "8 0xff"),
        ("0x8000828", "8 0xff"),
        // What Linux has in hand, when it has nothing: interrupts of the secure world too.
        ("0x8010010", "32 29"),
        ("0x8010010", "32 8"),
        // Software interrupts of the secure world, to this core and to both.
        ("0x8000f00", "32 0x02000008"),
        ("0x8000f00", "32 0x0200800f"),
        ("0x8000f00", "32 0x00030008"),
        ("0x8000f00", "32 0x00030009"),
        ("0x8000f00", "32 0x0003800b"),
        ("0x8000f00", "32 0x0003000e"),
        ("0x8000f2c", "32 0xffffffff"),
        ("0x8000f28", "32 0xffffffff"),
    ];
    let writes: Vec<String> = closed
        .iter()
        .map(|(address, value)| format!("devmem {address} {value}"))
        .collect();
    let run = cockpit_on(GICV2, 2, "idle")
        .expect("linux", "linux# ")
        .send(
            "linux",
            &format!(
                "for i in 1 2 3 4 5; do {}; done; echo written $((40+2))\n",
                writes.join("; ")
            ),
        )
        .expect("linux", "written 42")
        .send(
            "linux",
            "echo group $(devmem 0x8000080) priority $(devmem 0x8000408)\n",
        )
        .until("linux", "group 0x00000000 priority 0x00000000")
        .run();
    run.assert_undisturbed("cluster");
    assert_eq!(state_and_boots(&run, "cluster"), ("running", 1));
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn linux_switches_off_its_own_interrupts_alone_with_a_gicv2() {
    // Group 1 off in the distributor, then at the core, and the mask closed, for a while each.
    let off: String = [
        ("0x8000000", 0, 1),
        ("0x8010000", 0, 1),
        ("0x8010004", 0, 0xf0),
    ]
    .iter()
    .map(|(address, closed, open)| {
        format!(
            "devmem {address} 32 {closed}; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; \
                 devmem {address} 32 {open}; "
        )
    })
    .collect();
    let run = cockpit_on(GICV2, 1, "idle")
        .expect("linux", "linux# ")
        .send("linux", &format!("{off}echo opened $((40+2))\n"))
        .until("linux", "opened 42")
        .run();
    run.assert_undisturbed("cluster");
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

/// A cockpit whose Linux has the program of `tests/linux`, and does one of its checks.
fn checking(board: &str, cpu: &str, check: &str) -> System {
    Cockpit {
        board,
        board_lines: &format!("cpu = \"{cpu}\""),
        initramfs: "$checks",
        ..Cockpit::new(1, "idle")
    }
    .system()
    .expect("linux", "linux# ")
    .send("linux", &format!("check {check}\n"))
}

#[test]
fn kvm_runs_a_virtual_machine_in_linux_and_the_rtos_keeps_its_deadlines() {
    for (board, cpu, controllers) in [
        (BOARD, "cortex-a53", ["GICv3"].as_slice()),
        (BOARD, "max", &["GICv3"]),
        (GICV2, "cortex-a53", &["GICv2"]),
    ] {
        let run = checking(board, cpu, "kvm")
            .until("linux", "check: kvm works")
            .run();
        run.assert_undisturbed("cluster");
        run.assert_said("linux", "check: kvm version 12");
        for controller in controllers {
            run.assert_said("linux", &format!("check: kvm has a virtual {controller}"));
        }
        let said: Vec<&str> = run
            .texts("linux")
            .filter_map(|line| line.strip_prefix("check: kvm "))
            .filter(|line| line.contains(" to ") || line.contains("reads") || line.contains("shut"))
            .collect();
        assert_eq!(
            said,
            [
                "writes 0x2a to 0",
                "reads 8",
                "writes 0x1234 to 4",
                "writes all rounds to 12",
                "shut down"
            ],
            "{board} {cpu}"
        );
        assert!(run.report().healthy, "{:?}", run.report().reasons);
    }
}

/// Linux takes each of its cores but the first one off and on again, so many times, by its sysfs.
fn replug(board: &str, cores: usize, rounds: u32) -> Run {
    let others: Vec<String> = (1..cores).map(|core| core.to_string()).collect();
    let switch = |on: u8| format!("echo {on} >/sys/devices/system/cpu/cpu$c/online && n=$((n+1))");
    let commands = format!(
        "n=0; i=0; while [ $i -lt {rounds} ]; do for c in {others}; do {}; {}; done; i=$((i+1)); \
         done; echo replugged $n of $(nproc)\n",
        switch(0),
        switch(1),
        others = others.join(" "),
    );
    let done = 2 * (cores as u32 - 1) * rounds;
    cockpit_on(board, cores, "idle")
        .for_ms(2_000_000)
        .patient()
        .expect("linux", "linux# ")
        .send("linux", &commands)
        .until("linux", &format!("replugged {done} of {cores}"))
        .run()
}

fn assert_replugged(run: &Run) {
    run.assert_undisturbed("cluster");
    assert_eq!(state_and_boots(run, "linux"), ("running", 1));
    assert!(run.report().healthy, "{:?}", run.report().reasons);
    let cluster = run.partition("cluster");
    println!(
        "{} deadlines met, worst wake-up {} ns, {} s of machine time",
        cluster.deadlines.met,
        cluster.worst_wakeup_ns,
        run.report().virtual_ns / 1_000_000_000
    );
}

#[test]
fn linux_unplugs_and_plugs_cores_and_the_rtos_on_them_is_undisturbed() {
    assert_replugged(&replug(BOARD, 3, 10));
    assert_replugged(&replug(GICV2, 2, 10));
}

#[test]
#[ignore = "takes minutes: cargo nextest run -p partita-tests --run-ignored only -E 'test(a_thousand_times)' --no-capture"]
fn linux_unplugs_and_plugs_cores_a_thousand_times() {
    assert_replugged(&replug(BOARD, 3, 500));
    assert_replugged(&replug(GICV2, 2, 1000));
}

#[test]
fn cores_of_one_world_only_and_of_both_work_side_by_side() {
    // The first core is Linux's alone, the second one FreeRTOS', the third one is shared.
    let command_line = command_line("1", "load,ticks,noshell").replace("console=ttyS0 ", "");
    let run = System::on(
            BOARD,
            "cores = 3\nmemory = \"512MiB\"",
            &format!(
                r#"
                [partition.cluster]
                criticality = "ASIL-B"
                image = "$cluster"
                memory = "1MiB"
                cores = [1]
                fp = "none"
                accept = ["trusted-base"]

                [partition.periodic]
                criticality = "ASIL-D"
                image = "$guest"
                arguments = "periodic period-us:1000 work-us:50 tolerance-us:100 report:10"
                memory = "256KiB"
                cores = [2]
                accept = ["trusted-base"]

                [partition.linux]
                criticality = "QM"
                linux = {{ kernel = "$kernel", initramfs = "$initramfs", command-line = "{command_line}" }}
                memory = "128MiB"
                cores = [0, 2]
                "#
            ),
        )
        .shift(1)
        .for_ms(20_000)
        .until("linux", "linux alive 0")
        .run();
    run.assert_undisturbed("cluster");
    run.assert_undisturbed("periodic");
    run.assert_said("linux", "partita: load on cpus 0 1");
    let cores = &run.report().cores;
    // One partition is entered once, and again only when it was loaded.
    assert!(
        cores[&0].switches < 10 && cores[&1].switches < 10,
        "{cores:?}"
    );
    assert!(cores[&2].switches > 1000, "{cores:?}");
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn floating_point_registers_of_linux_and_of_a_program_with_eager_ones_are_apart() {
    for board in [BOARD, GICV2] {
        let command_line = command_line("1", "idle").replace("console=ttyS0 ", "");
        let run = System::on(
            board,
            "cores = 1\nmemory = \"512MiB\"",
            &format!(
                r#"
                [partition.program]
                criticality = "ASIL-B"
                image = "$guest"
                arguments = "float period-us:500"
                memory = "512KiB"
                cores = [0]
                fp = "eager"
                accept = ["trusted-base"]

                [partition.linux]
                criticality = "QM"
                linux = {{ kernel = "$kernel", initramfs = "$checks", command-line = "{command_line}" }}
                memory = "128MiB"
                cores = [0]
                "#
            ),
        )
        .shift(1)
        .for_ms(20_000)
        .expect("linux", "linux# ")
        .send("linux", "check float 1000 100\n")
        .until("linux", " wrong")
        .run();
        run.assert_said("linux", "check: float 1000 rounds, 0 wrong");
        let last = run.texts("program").last().expect("it says something");
        let (rounds, wrong) = last
            .strip_prefix("float: ")
            .and_then(|text| text.strip_suffix(" wrong")?.split_once(" rounds, "))
            .expect(last);
        assert!(rounds.parse::<u32>().expect("a number") > 1000, "{last}");
        assert_eq!(wrong, "0");
        // Each of them came between two looks of the other.
        let switches = run.report().cores[&0].switches;
        assert!(switches > 2000, "{switches}");
    }
}

#[test]
fn a_line_of_a_secure_program_reaches_it_at_once_whatever_linux_does() {
    for board in [BOARD, GICV2] {
        let command_line = command_line("1", "load,noshell").replace("console=ttyS0 ", "");
        let run = System::on(
            board,
            "cores = 1\nmemory = \"512MiB\"",
            &format!(
                r#"
                [partition.alarm]
                criticality = "ASIL-B"
                image = "$guest"
                arguments = "rtc count:1000"
                memory = "512KiB"
                cores = [0]
                devices = ["rtc"]
                accept = ["trusted-base", "open-device"]

                [partition.linux]
                criticality = "QM"
                linux = {{ kernel = "$kernel", initramfs = "$initramfs", command-line = "{command_line}" }}
                memory = "128MiB"
                cores = [0]
                "#
            ),
        )
        .shift(3)
        .for_ms(20_000)
        .expect("linux", "partita: load on cpus 0")
        .expect("alarm", " taken")
        .until("alarm", " taken")
        .run();
        let last = run.texts("alarm").last().expect("it says something");
        let (count, worst) = last
            .strip_prefix("rtc: ")
            .and_then(|text| text.strip_suffix(" ns"))
            .and_then(|text| text.split_once(" taken, 0 strange, worst "))
            .expect(last);
        assert!(count.parse::<u32>().expect("a number") > 2, "{last}");
        println!("{board}: {worst} ns, of 8 ns for each instruction");
        // 2,000 instructions, those of the program from one alarm to the next included.
        assert!(worst.parse::<u64>().expect("a number") <= 16_000, "{worst}");
    }
}

#[test]
#[ignore = "needs the kernel that `cargo xtask build linux --rt` gets"]
fn debians_kernel_with_preempt_rt_runs_beside_freertos() {
    for board in [BOARD, GICV2] {
        let run = Cockpit {
            board,
            kernel: "$real-time-kernel",
            ..Cockpit::new(2, "load,idle")
        }
        .system()
        .expect("linux", "linux# ")
        .send(
            "linux",
            "uname -v; cat /sys/kernel/realtime; echo $(nproc) cpus, $((40+2))\n",
        )
        .until("linux", "2 cpus, 42")
        .run();
        run.assert_undisturbed("cluster");
        run.assert_said("linux", "PREEMPT_RT");
        assert!(
            run.texts("linux").any(|line| line == "1"),
            "it says that it is one"
        );
        assert!(run.report().healthy, "{:?}", run.report().reasons);
    }
}

#[test]
fn a_linux_that_stops_to_reset_its_watchdog_is_restarted_beside_the_rtos() {
    for board in [BOARD, GICV2] {
        let run = Cockpit {
            board,
            linux_lines: "watchdog = \"2s\"",
            ..Cockpit::new(1, "watchdog,silence-after:4,noshell")
        }
        .system()
        .expect("linux", "partita: watchdog 2 s")
        .expect("linux", "silence now")
        .expect("monitor", "linux: watchdog")
        .until("linux", "partita: linux init reached")
        .run();
        run.assert_undisturbed("cluster");
        assert_eq!(state_and_boots(&run, "linux"), ("running", 2));
        assert_eq!(run.events("linux", "watchdog").count(), 1);
    }
}

#[test]
fn linux_is_told_the_truth_about_workarounds_and_entropy_of_each_processor() {
    for (cpu, predictor, entropy) in [
        ("cortex-a53", "Not affected", "0"),
        ("cortex-a57", "Mitigation: Branch predictor hardening", "0"),
        ("cortex-a72", "Mitigation: Branch predictor hardening", "0"),
        ("max", "Not affected", "1"),
    ] {
        let line = format!("cpu = \"{cpu}\"");
        let run = Cockpit {
            board: BOARD,
            board_lines: &line,
            ..Cockpit::new(1, "idle")
        }
        .system()
        .expect("linux", "linux# ")
        .send(
            "linux",
            "cd /sys/devices/system/cpu/vulnerabilities; \
             echo v2 $(cat spectre_v2); echo v4 $(cat spec_store_bypass)\n",
        )
        .expect("linux", "linux# ")
        .send(
            "linux",
            "echo trng $(ls /sys/devices/platform | grep -c smccc_trng); echo told $((40+2))\n",
        )
        .until("linux", "told 42")
        .run();
        run.assert_undisturbed("cluster");
        run.assert_said("linux", &format!("v2 {predictor}"));
        run.assert_said("linux", &format!("trng {entropy}"));
        assert!(!run.said("linux", "Vulnerable"), "{cpu}");
    }
}
