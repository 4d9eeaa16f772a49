//! What is left of a partition that was taken down: registers, stack, and the names behind them.

use partita_abi::crash::Record;
use partita_abi::image::CRASH_BYTES;
use partita_abi::table::Header;
use partita_crash::{Crash, FrameSource, Symbols};
use partita_run::crash::from_hex;
use partita_tests::{Run, System};
use std::mem::offset_of;

/// The crash record of a partition.
fn record(run: &Run, partition: &str) -> Record {
    let crash = run.partition(partition).crash.as_ref();
    let crash = crash.unwrap_or_else(|| panic!("{partition} has left no record"));
    let bytes = from_hex(&crash.record).expect("the report has hexadecimal digits");
    Record::read(&bytes).expect("the report has a sound record")
}

/// The instrument cluster, whose vehicle task reads the monitor's memory after a second.
fn faulty_cluster() -> System {
    System::new(
        1,
        r#"
        [partition.cluster]
        criticality = "ASIL-B"
        image = "$cluster"
        arguments = "fault"
        memory = "1MiB"
        cores = [0]
        fp = "none"
        health = { access-fault = "halt" }
        "#,
    )
    .shift(3)
    .for_ms(1200)
}

#[test]
fn the_c_function_in_which_an_rtos_task_crashed_is_named() {
    let system = faulty_cluster();
    let planned = system.planned("cluster");
    let elf = planned.elf.clone().expect("it is a program");
    let symbols = Symbols::read(&elf, planned.ram.base).expect("it has names");
    let run = system.run();
    let crash = Crash::new(&record(&run, "cluster"), Some(&symbols));
    assert_eq!(
        (crash.kind.as_str(), crash.action.as_str()),
        ("access-fault", "halt")
    );
    assert_eq!((crash.boots, crash.board_starts), (1, 0));
    assert_eq!(crash.supervisor, Some(true));

    let named = |index: usize, function: &str| {
        let frame = &crash.backtrace[index];
        let name = frame.function.as_deref().unwrap_or_default();
        assert!(name.starts_with(function), "{:?}", crash.backtrace);
        frame
    };
    let first = named(0, "go_wrong+");
    let line = first.line.as_deref().expect("the program has line numbers");
    assert!(line.starts_with("tasks/vehicle.c:"), "{line}");
    // `job` ends with the call of `go_wrong`, so that its caller is the next one.
    let second = named(1, "run+");
    assert_eq!(second.source, FrameSource::ReturnAddress);
    let line = second.line.as_deref().unwrap_or_default();
    assert!(line.starts_with("tasks/periodic.c:"), "{line}");

    let events = &run.partition("cluster").events;
    assert_eq!(crash.time_ns, events[0].time_ns);
    assert_eq!(crash.registers[0].value, events[0].program_counter);
    let trace: Vec<_> = crash
        .trace
        .iter()
        .map(|entry| entry.text.as_str())
        .collect();
    assert!(trace[0].starts_with("images verified"), "{trace:?}");
    assert!(trace[1].ends_with("life 1"), "{trace:?}");
    assert_eq!(
        *trace.last().unwrap(),
        "event access-fault 0x80000000 cause 5"
    );
}

#[test]
fn the_lines_of_the_serial_port_hold_the_same_record_as_the_report() {
    let run = faulty_cluster().run();
    let log: String = run
        .texts("monitor")
        .map(|text| format!("[    1.000000000 monitor] {text}\n"))
        .collect();
    let found = partita_crash::find(log.as_bytes()).expect("it is a log");
    assert_eq!(found.len(), 1, "it is told once");
    assert_eq!(found[0].used(), record(&run, "cluster").used());
}

#[test]
fn a_record_has_nothing_of_what_its_memory_held_before() {
    let system = faulty_cluster();
    let end = &system.plan().table[offset_of!(Header, store_end)..][..8];
    let base = u64::from_le_bytes(end.try_into().expect("8 bytes")) - CRASH_BYTES;
    let devices: Vec<String> = (base..base + size_of::<Record>() as u64)
        .step_by(8)
        .map(|address| format!("loader,addr={address:#x},data=0x5345435245545f5f,data-len=8"))
        .collect();
    let arguments: Vec<&str> = devices
        .iter()
        .flat_map(|device| ["-device", device])
        .collect();
    let run = system.qemu(&arguments).run();
    let record = record(&run, "cluster");
    let used = record.used();
    assert!(usize::from(record.trace_entries) < record.trace.len());
    assert!(!used.windows(6).any(|bytes| bytes == b"TERCES"));
}

#[test]
fn a_partition_that_ends_as_it_should_leaves_a_record_that_nobody_is_told_at_once() {
    let run = System::new(
        1,
        r#"
        [partition.mortal]
        criticality = "QM"
        image = "$guest"
        arguments = "end after-us:5000 shutdown"
        memory = "256KiB"
        cores = [0]

        [partition.quiet]
        criticality = "ASIL-A"
        image = "$guest"
        arguments = "idle"
        memory = "256KiB"
        cores = [0]
        "#,
    )
    .for_ms(40)
    .run();
    let mortal = record(&run, "mortal");
    assert_eq!(mortal.event.kind, partita_abi::health::Kind::Shutdown as u8);
    assert!(run.partition("quiet").crash.is_none());
    // The call that ends it: its number is in `a7`.
    assert_eq!(mortal.registers[16], 0x5352_5354, "system reset");
}

#[test]
fn a_record_survives_a_reset_of_the_board() {
    let run = System::new(
        1,
        r#"
        [partition.fatal]
        criticality = "QM"
        image = "$guest"
        arguments = "end panic:4660"
        memory = "256KiB"
        cores = [0]
        health = { panic = "reset-system" }
        "#,
    )
    .until(
        "monitor",
        "crash record from before: fatal: panic code 0x1234",
    )
    .run();
    let record = record(&run, "fatal");
    assert_eq!(record.event.address, 0x1234);
    assert_eq!(
        record.action,
        partita_abi::health::Action::ResetSystem as u8
    );
}

#[test]
fn of_a_stack_only_what_is_the_partitions_own_is_shown() {
    let words = |stack: u64| {
        let run = System::new(
            1,
            &format!(
                r#"
                [partition.faulty]
                criticality = "QM"
                image = "$guest"
                arguments = "lost-stack stack:{stack:#x}"
                memory = {{ base = "0x9000_0000", size = "256KiB" }}
                cores = [0]
                health = {{ access-fault = "halt" }}

                [partition.neighbour]
                criticality = "ASIL-A"
                image = "$guest"
                arguments = "idle"
                memory = {{ base = "0x9004_0000", size = "256KiB" }}
                cores = [0]
                "#
            ),
        )
        .for_ms(20)
        .run();
        let record = record(&run, "faulty");
        assert_eq!(record.registers[1], stack);
        record.stack_words
    };
    assert!(
        words(0x9000_0000) > 4,
        "the program's first instructions are there"
    );
    assert_eq!(words(0x8000_0000), 0, "the monitor's");
    assert_eq!(words(0x9004_0000), 0, "the neighbour's");
    assert_eq!(words(0x1000_0000), 0, "a device");
    assert_eq!(words(u64::MAX - 7), 0, "the end of everything");
    let tree = words(0x9003_ffc0);
    assert!(tree <= 8, "{tree} words, though its memory ends after 8");
}

#[test]
fn a_record_of_arm_has_every_register_the_stack_and_who_called_whom() {
    for board in ["qemu-virt-aarch64", "qemu-virt-aarch64-gicv2"] {
        let system = System::on(
            board,
            "cores = 1\nmemory = \"512MiB\"",
            r#"
            [partition.faulty]
            criticality = "QM"
            image = "$guest"
            arguments = "fault after-us:1000 pattern"
            memory = "256KiB"
            cores = [0]
            accept = ["trusted-base"]
            health = { illegal-instruction = "halt" }

            [partition.critical]
            criticality = "ASIL-B"
            image = "$guest"
            arguments = "periodic report:10"
            memory = "256KiB"
            cores = [0]
            accept = ["trusted-base"]
            "#,
        );
        let planned = system.planned("faulty");
        let (ram, elf) = (planned.ram, planned.elf.clone().expect("it is a program"));
        let symbols = Symbols::read(&elf, ram.base).expect("it has names");
        let run = system.for_ms(30).run();
        run.assert_undisturbed("critical");
        let record = record(&run, "faulty");
        for (number, value) in record.registers.iter().enumerate().take(29) {
            assert_eq!(*value, 0x1000 + number as u64, "x{number}");
        }
        let stack = record.scratch;
        assert!((ram.base..ram.base + ram.size).contains(&stack));
        assert_eq!(record.registers[29], stack);
        assert_eq!(record.stack[2], 0x0123_4567_89ab_cdef);

        let crash = Crash::new(&record, Some(&symbols));
        assert_eq!(crash.supervisor, Some(true));
        // `PMCR_EL0`.
        assert!(crash.text.contains("S3_3_C9_C12_0"), "{}", crash.text);
        let functions = crash.backtrace.iter().map(|frame| {
            let name = frame.function.as_deref().unwrap_or_default();
            name.split('+').next().unwrap_or_default()
        });
        let functions: Vec<&str> = functions.collect();
        assert_eq!(
            functions[..2],
            ["partita_test_trapped", "partita_test_pattern"]
        );
        assert!(functions.contains(&"test_guest::main"), "{functions:?}");
        let line = |name: &str| crash.registers.iter().find(|line| line.name == name);
        assert_eq!(line("x28").expect("it is there").value, "0x101c");
        let state = line("pstate").and_then(|line| line.meaning.as_deref());
        assert_eq!(state, Some("EL1, masked: DAIF"));
        let text = partita_crash::show(&crash, false);
        assert!(text.contains("  lr       0x"), "{text}");
    }
}

#[test]
fn a_record_on_arm_survives_a_reset_of_the_board_and_shows_where_a_program_faulted() {
    let system = System::on(
        "qemu-virt-aarch64",
        "cores = 1\nmemory = \"512MiB\"",
        r#"
        [partition.fatal]
        criticality = "QM"
        image = "$guest"
        arguments = "fault access"
        memory = "256KiB"
        cores = [0]
        accept = ["trusted-base"]
        health = { panic = "reset-system" }
        "#,
    );
    let planned = system.planned("fatal");
    let elf = planned.elf.clone().expect("it is a program");
    let symbols = Symbols::read(&elf, planned.ram.base).expect("it has names");
    let run = system
        .until("monitor", "crash record from before: fatal: panic code 0x2")
        .run();
    let record = record(&run, "fatal");
    assert_eq!(
        record.action,
        partita_abi::health::Action::ResetSystem as u8
    );
    let crash = Crash::new(&record, Some(&symbols));
    let line = |name: &str| crash.registers.iter().find(|line| line.name == name);
    let meaning = |name: &str| {
        line(name)
            .and_then(|line| line.meaning.clone())
            .unwrap_or_default()
    };
    assert!(
        meaning("elr_el1").contains("trouble::fault+"),
        "{}",
        meaning("elr_el1")
    );
    assert_eq!(meaning("esr_el1"), "data abort");
    assert_eq!(line("far_el1").expect("it is there").value, "0xf800000");
}
