//! Debian's kernel, unmodified, beside a partition that may not miss a deadline.

use partita_tests::cockpit::{Cockpit, command_line};
use partita_tests::{Run, System};

/// The cockpit on `cores` cores with these lines in `[board]`.
fn cockpit(cores: usize, board_lines: &str, run: &str) -> System {
    Cockpit {
        board_lines,
        ..Cockpit::new(cores, run)
    }
    .system()
}

/// What holds whatever Linux does.
fn assert_cluster_undisturbed(run: &Run) {
    run.assert_undisturbed("cluster");
    assert!(run.partition("cluster").worst_wakeup_ns < 200_000);
    let cluster = run
        .partition("cluster")
        .first_output_ns
        .expect("the cluster speaks");
    let linux = run
        .partition("linux")
        .first_entry_ns
        .expect("Linux was entered");
    assert!(cluster < linux, "the cluster runs before Linux");
}

#[test]
fn freertos_and_linux_share_a_core_and_both_do_their_work() {
    let run = cockpit(2, "", "load,ticks,noshell")
        .until("linux", "linux alive 1")
        .run();
    assert_cluster_undisturbed(&run);
    run.assert_said("linux", "partita: linux init reached");
    run.assert_said("linux", "partita: 2 cpus online");
    assert_eq!(
        (
            run.partition("linux").state.as_str(),
            run.partition("linux").boots
        ),
        ("running", 1)
    );
    assert!(run.report().cores[&1].switches > 1000);
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn linux_reaches_neither_the_rtos_nor_the_monitor_nor_devices_of_others() {
    let cluster = cockpit(1, "", "noshell").planned("cluster").ram;
    let last = cluster.base + cluster.size - 8;
    // The cluster's memory; the monitor's text, table and store; the core-local interruptor, the
    // finisher, the clock, and the machine-mode context of the interrupt controller.
    let closed = [
        cluster.base + 0x238,
        last,
        0x8000_0128,
        0x8010_0040,
        0x8020_0018,
        0x200_4000,
        0x10_0000,
        0x10_1008,
    ];
    let words: Vec<_> = closed
        .iter()
        .map(|address| format!("devmem:{address:#x}"))
        .collect();
    let words = format!(
        "{},devmem:0xc200000,poweroff-after:3,noshell",
        words.join(",")
    );
    let run = cockpit(1, "", &words)
        // Linux powers off after some 7 s; its last event is one of too many to be told.
        .until("cluster", "cluster: 9 s:")
        .run();
    assert_cluster_undisturbed(&run);
    for address in closed {
        // 139: ended by a segmentation fault.
        run.assert_said(
            "linux",
            &format!("partita: devmem read {address:#x} exit 139"),
        );
        run.assert_said(
            "linux",
            &format!("partita: devmem write {address:#x} exit 139"),
        );
        // An event tells the physical address, whatever Linux mapped it to.
        for cause in [5, 7] {
            let recorded = run
                .events("linux", "access-fault")
                .any(|event| event.cause == cause && event.address == format!("{address:#x}"));
            assert!(recorded, "cause {cause} at {address:#x} was not recorded");
        }
    }
    // What the interrupt controller is told about others' contexts is dropped, and recorded.
    run.assert_said("linux", "partita: devmem read 0xc200000 exit 0");
    run.assert_said("linux", "partita: devmem write 0xc200000 exit 0");
    let denied: Vec<_> = run
        .events("linux", "interrupt-denied")
        .map(|event| &*event.address)
        .collect();
    assert_eq!(denied, ["0xc200000"]);
    // It powered off in the end, alone.
    assert_eq!(
        (
            run.partition("linux").state.as_str(),
            run.partition("linux").boots
        ),
        ("stopped", 1)
    );
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn a_linux_reset_leaves_the_rtos_running() {
    let run = cockpit(1, "", "ticks,reboot-after:2,noshell")
        .expect("linux", "partita: linux init reached")
        .expect("monitor", "linux: reset")
        .until("linux", "partita: linux init reached")
        .run();
    assert_cluster_undisturbed(&run);
    assert_eq!(
        (
            run.partition("linux").state.as_str(),
            run.partition("linux").boots
        ),
        ("running", 2)
    );
    assert_eq!(run.count("linux", "partita: linux init reached"), 2);
    assert_eq!(run.events("linux", "reset").count(), 1);
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn a_linux_panic_restarts_linux_and_leaves_the_rtos_running() {
    let run = cockpit(1, "", "panic-after:1,noshell")
        .expect("linux", "Kernel panic")
        .expect("monitor", "linux: reset")
        .until("linux", "partita: linux init reached")
        .run();
    assert_cluster_undisturbed(&run);
    assert_eq!(run.partition("linux").boots, 2);
    assert_eq!(run.events("linux", "reset").count(), 1);
}

#[test]
fn what_is_typed_at_linux_is_answered_by_its_shell_and_it_can_be_powered_off() {
    let run = cockpit(1, "", "ticks")
        .expect("linux", "# ")
        .send("linux", "echo hello-$((40+2))\n")
        .expect("linux", "hello-42")
        .send("linux", "grep -c . /proc/interrupts; poweroff -f\n")
        .until("monitor", "linux: shutdown")
        .run();
    assert_cluster_undisturbed(&run);
    assert_eq!(run.partition("linux").state, "stopped");
    assert!(!run.texts("cluster").any(|line| line.contains("hello")));
}

#[test]
fn a_spinning_rtos_is_held_to_its_budget_beside_linux() {
    let command_line = command_line("1", "ticks,noshell");
    let run = System::new(
        1,
        &format!(
            r#"
            [partition.runaway]
            criticality = "ASIL-D"
            image = "$guest"
            arguments = "spin"
            memory = "1MiB"
            cores = [0]
            budget = "200us"
            period = "1ms"

            [partition.linux]
            criticality = "QM"
            linux = {{ kernel = "$kernel", initramfs = "$initramfs", command-line = "{command_line}" }}
            memory = "128MiB"
            cores = [0]
            "#
        ),
    )
    .shift(1)
    .for_ms(20_000)
    .until("linux", "linux alive 1")
    .run();
    let share = run.partition("runaway").cpu_ns * 1000 / run.report().virtual_ns;
    assert!(
        (190..=210).contains(&share),
        "the runaway had {share} of 1000"
    );
    assert!(!run.report().healthy);
}

#[test]
fn both_run_without_sstc_and_smepmp_too() {
    let run = cockpit(1, "sstc = false\nsmepmp = false", "ticks,noshell")
        .until("linux", "linux alive 1")
        .run();
    assert_cluster_undisturbed(&run);
    run.assert_said("monitor", "text writable, timer by calls");
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn linux_reaches_a_device_that_it_owns_and_none_beside_it() {
    // The stock kernel has its virtio drivers as modules, so `devmem` stands in for one. Offset 8 is
    // the kind of the device: 4 is an entropy source (virtio 1.3, chapters 4.2.2 and 5).
    let command_line = command_line("1", "devmem:0x10001008,devmem:0x10002008,noshell");
    let run = System::new(
        1,
        &format!(
            r#"
            [partition.linux]
            criticality = "QM"
            linux = {{ kernel = "$kernel", initramfs = "$initramfs", command-line = "{command_line}" }}
            memory = "128MiB"
            cores = [0]
            devices = ["virtio0"]
            accept = ["dma"]
            "#
        ),
    )
    .qemu(&["-device", "virtio-rng-device,bus=virtio-mmio-bus.0"])
    .shift(1)
    .for_ms(20_000)
    .until("linux", "partita: linux ready")
    .run();
    run.assert_said("linux", "partita: devmem read 0x10001008 exit 0 0x00000004");
    run.assert_said("linux", "partita: devmem write 0x10001008 exit 0");
    run.assert_said("linux", "partita: devmem read 0x10002008 exit 139");
    assert_eq!(run.events("linux", "access-fault").count(), 2);
}

#[test]
fn two_runs_with_linux_are_the_same_to_the_last_byte() {
    let runs = [(); 2].map(|()| cockpit(1, "", "load,ticks,noshell").for_ms(4_500).run());
    assert_eq!(runs[0].lines(), runs[1].lines());
    let reports = [0, 1].map(|index: usize| format!("{:?}", runs[index].report()));
    assert_eq!(reports[0], reports[1]);
    runs[0].assert_said("linux", "partita: linux init reached");
}

/// The cockpit with a watchdog for Linux, which says `panic` on its command line about panics.
fn watched(watchdog: &str, panic: &str, run: &str) -> System {
    Cockpit {
        panic,
        linux_lines: watchdog,
        ..Cockpit::new(2, run)
    }
    .system()
    .for_ms(30_000)
}

#[test]
fn a_hung_linux_is_caught_by_its_watchdog_and_restarted_beside_the_rtos() {
    let run = watched(
        "watchdog = \"2s\"",
        "0",
        "watchdog,ticks,panic-after:3,noshell",
    )
    .expect("linux", "partita: watchdog 2 s")
    .expect("linux", "Kernel panic")
    .expect("monitor", "linux: watchdog")
    .until("linux", "partita: watchdog 2 s")
    .run();
    run.assert_undisturbed("cluster");
    let linux = run.partition("linux");
    assert_eq!((linux.boots, linux.state.as_str()), (2, "running"));
    assert_eq!(run.events("linux", "watchdog").count(), 1);
    // It is silent for at most as long as the watchdog runs.
    let hangs = run.time_ns("linux", "Kernel panic");
    let caught = run.time_ns("monitor", "linux: watchdog");
    assert!(
        (0..2_100_000_000).contains(&(caught - hangs)),
        "{hangs} {caught}"
    );
    println!(
        "restart of Linux: {} ns",
        run.lines()
            .iter()
            .rfind(|line| line.text.contains("init reached"))
            .map_or(0, |line| line.time_ns - caught)
    );
}

#[test]
fn a_linux_that_resets_its_watchdog_runs_on_and_one_that_stops_to_is_restarted() {
    let run = watched(
        "watchdog = \"4s\"",
        "1",
        "watchdog:3,silence-after:8,noshell",
    )
    .expect("linux", "partita: watchdog 3 s")
    .expect("linux", "silence now")
    .expect("monitor", "linux: watchdog")
    .until("linux", "partita: linux init reached")
    .run();
    run.assert_undisturbed("cluster");
    let linux = run.partition("linux");
    assert_eq!((linux.boots, linux.events_total), (2, 1));
    let silent = run.time_ns("linux", "silence now");
    let caught = run.time_ns("monitor", "linux: watchdog") - silent;
    assert!((2_000_000_000..3_300_000_000).contains(&caught), "{caught}");
}

#[test]
fn a_watchdog_from_boot_on_catches_a_linux_that_never_starts_it() {
    let run = watched(
        "watchdog = { timeout = \"6s\", start = \"boot\" }",
        "1",
        "idle,noshell",
    )
    .expect("linux", "partita: linux ready")
    .expect("monitor", "linux: watchdog")
    .until("linux", "partita: linux init reached")
    .run();
    run.assert_undisturbed("cluster");
    assert_eq!(run.partition("linux").boots, 2);
}

#[test]
fn a_linux_that_restarts_at_once_after_a_panic_is_started_again() {
    let run = watched("", "-1", "panic-after:1,noshell")
        .expect("linux", "Kernel panic")
        .expect("monitor", "linux: reset")
        .until("linux", "partita: linux init reached")
        .run();
    run.assert_undisturbed("cluster");
    assert_eq!(run.partition("linux").boots, 2);
}

/// The value that `perf stat -x,` printed for an event.
fn counted(run: &Run, event: &str) -> Option<u64> {
    run.texts("linux").find_map(|line| {
        let mut fields = line.strip_prefix("partita: perf ")?.split(',');
        let (value, name) = (fields.next()?, fields.nth(1)?);
        (name == event).then(|| value.parse().ok())?
    })
}

#[test]
fn perf_stat_counts_what_linux_does_and_nothing_that_the_rtos_does() {
    let mut instructions = [0; 2];
    for (place, rtos) in [
        r#"image = "$cluster""#,
        "image = \"$guest\"\narguments = \"spin\"",
    ]
    .into_iter()
    .enumerate()
    {
        let command_line = command_line("1", "perf,noshell");
        let run = System::on_board(
            "cores = 2\nmemory = \"512MiB\"",
            &format!(
                r#"
                [partition.rtos]
                criticality = "ASIL-B"
                {rtos}
                memory = "1MiB"
                cores = [0]
                budget = "400us"
                period = "1ms"

                [partition.linux]
                criticality = "QM"
                linux = {{ kernel = "$kernel", initramfs = "$perf", command-line = "{command_line}" }}
                memory = "256MiB"
                cores = [0, 1]
                "#
            ),
        )
        .shift(1)
        .for_ms(60_000)
        .until("linux", "partita: perf done")
        .run();
        // The shell's loop of 2000 turns is some 40 million instructions; each takes a cycle here, those of
        // the kernel too.
        let cycles = counted(&run, "cycles").expect("cycles are counted");
        let own = counted(&run, "instructions:u").expect("instructions are counted");
        assert!((10_000_000..60_000_000).contains(&own), "{own}");
        assert!((own..4 * own).contains(&cycles), "{own} in {cycles}");
        instructions[place] = own;
        for event in ["dTLB-load-misses", "iTLB-load-misses"] {
            assert!(
                counted(&run, event).is_some_and(|count| count > 0),
                "{event}"
            );
        }
        // QEMU has no counter of branches, and this is told, not made up.
        assert_eq!(counted(&run, "branches"), None);
        run.assert_said("linux", "partita: perf <not supported>,,branches");
        let interrupts = counted(&run, "r8000000000000006").expect("calls are counted");
        assert!(
            interrupts > 0,
            "the two harts of Linux interrupt each other"
        );
        if place == 0 {
            run.assert_undisturbed("rtos");
            assert!(run.report().healthy, "{:?}", run.report().reasons);
        }
    }
    // Beside an RTOS that takes 40 % of the hart Linux executes no more.
    let [beside_little, beside_much] = instructions;
    assert!(
        beside_much.abs_diff(beside_little) < beside_little / 100,
        "{instructions:?}"
    );
}
