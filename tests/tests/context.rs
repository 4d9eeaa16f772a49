//! A switch takes along all that belongs to a partition, and nothing that does not.

use partita_tests::System;

fn two(top: &str, bottom: &str) -> System {
    two_on("cores = 1\nmemory = \"512MiB\"", top, bottom)
}

/// On a board with vectors.
fn two_with_vectors(top: &str, bottom: &str) -> System {
    two_on("cores = 1\nmemory = \"512MiB\"\nvector = true", top, bottom)
}

fn two_on(board: &str, top: &str, bottom: &str) -> System {
    two_at("qemu-virt-riscv64", board, top, bottom)
}

/// On the board of this name.
fn two_at(name: &str, board: &str, top: &str, bottom: &str) -> System {
    System::on(
        name,
        board,
        &format!(
            r#"
            [partition.top]
            criticality = "ASIL-B"
            image = "$guest"
            {top}
            memory = "256KiB"
            cores = [0]
            budget = "600us"
            period = "1ms"

            [partition.bottom]
            criticality = "QM"
            image = "$guest"
            {bottom}
            memory = "256KiB"
            cores = [0]
            "#
        ),
    )
    .shift(1)
}

#[test]
fn registers_survive_thousands_of_switches() {
    let run = two(
        "arguments = \"registers seed:17 rounds:2000 period-us:40\"",
        "arguments = \"registers seed:2989 rounds:400 period-us:110 spin:1\"",
    )
    .expect("bottom", "rounds, ")
    .until("top", "rounds, ")
    .run();
    run.assert_said("top", "registers: 2000 rounds, 0 wrong");
    run.assert_said("bottom", "registers: 400 rounds, 0 wrong");
    assert!(run.report().cores[&0].switches > 3000);
}

#[test]
fn registers_of_a_partition_with_floating_point_survive_one_without() {
    let run = two(
        "fp = \"none\"\narguments = \"registers seed:17 rounds:1000 period-us:40 fp:0\"",
        "arguments = \"registers seed:2989 rounds:200 period-us:110 spin:1\"",
    )
    .expect("bottom", "rounds, ")
    .until("top", "rounds, ")
    .run();
    run.assert_said("top", "registers: 1000 rounds, 0 wrong");
    run.assert_said("bottom", "registers: 200 rounds, 0 wrong");
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn floating_point_of_a_partition_that_has_none_is_found_and_stops_it() {
    let run = two(
        "fp = \"none\"\nhealth = { floating-point = \"halt\" }\narguments = \"floating-point\"",
        "arguments = \"registers seed:5 rounds:50 spin:1\"",
    )
    .for_ms(60)
    .run();
    run.assert_said("top", "floating-point: used");
    assert_eq!(run.partition("top").state, "failed");
    assert_eq!(run.events("top", "floating-point").count(), 1);
    run.assert_said("bottom", "registers: 50 rounds, 0 wrong");
    assert!(!run.report().healthy);
}

#[test]
fn a_lower_partition_without_floating_point_is_stopped_for_it_too() {
    let run = two(
        "arguments = \"registers seed:5 rounds:200 period-us:100\"",
        "fp = \"none\"\nhealth = { floating-point = \"halt\" }\narguments = \"floating-point\"",
    )
    .for_ms(60)
    .run();
    assert_eq!(run.partition("bottom").state, "failed");
    assert_eq!(run.events("bottom", "floating-point").count(), 1);
    run.assert_said("top", "registers: 200 rounds, 0 wrong");
}

#[test]
fn nobody_finds_the_floating_point_registers_of_a_partition_that_is_gone() {
    let run = two(
        "health = { panic = \"halt\", shutdown = \"halt\" }\narguments = \"floating-point-left\"",
        "fp = \"none\"\narguments = \"floating-point-found\"",
    )
    .for_ms(60)
    .run();
    assert_eq!(run.partition("top").state, "failed");
    run.assert_said("bottom", "floating-point: 0 registers hold something");
}

#[test]
fn vector_registers_survive_thousands_of_switches() {
    let run = two_with_vectors(
        "vector = \"eager\"\narguments = \"registers seed:17 rounds:1500 period-us:60 vector:1\"",
        "vector = \"eager\"\narguments = \"registers seed:2989 rounds:200 period-us:150 spin:1 vector:1\"",
    )
    .expect("bottom", "rounds, ")
    .until("top", "rounds, ")
    .run();
    run.assert_said("top", "registers: running, 16 bytes in a vector register");
    run.assert_said("top", "registers: 1500 rounds, 0 wrong");
    run.assert_said("bottom", "registers: 200 rounds, 0 wrong");
    assert!(run.report().cores[&0].switches > 2500);
}

#[test]
fn wide_vector_registers_survive_a_partition_without() {
    let run = two_with_vectors(
        "arguments = \"registers seed:17 rounds:500 period-us:60\"",
        "vector = \"eager\"\narguments = \"registers seed:2989 rounds:100 period-us:150 spin:1 vector:1\"",
    )
    .qemu(&["-cpu", "rv64,h=false,smepmp=on,v=on,vlen=512"])
    .expect("bottom", "rounds, ")
    .until("top", "rounds, ")
    .run();
    run.assert_said(
        "bottom",
        "registers: running, 64 bytes in a vector register",
    );
    run.assert_said("top", "registers: 500 rounds, 0 wrong");
    run.assert_said("bottom", "registers: 100 rounds, 0 wrong");
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn vector_registers_that_do_not_fit_the_monitor_are_refused() {
    let run = two_with_vectors(
        "arguments = \"idle\"",
        "vector = \"eager\"\narguments = \"idle\"",
    )
    .qemu(&["-cpu", "rv64,h=false,smepmp=on,v=on,vlen=1024"])
    .run();
    run.assert_said(
        "monitor",
        "stopped: the vector registers of a hart are wider than the monitor has room for",
    );
    assert!(!run.said("top", "idle"));
}

#[test]
fn a_hart_without_the_vectors_that_a_partition_needs_is_refused() {
    let run = two_with_vectors(
        "arguments = \"idle\"",
        "vector = \"eager\"\narguments = \"idle\"",
    )
    .qemu(&["-cpu", "rv64,h=false,smepmp=on"])
    .run();
    run.assert_said(
        "monitor",
        "stopped: a partition that uses vectors has a hart without them",
    );
}

#[test]
fn vectors_of_a_partition_that_has_none_are_found_and_stop_it() {
    let run = two_with_vectors(
        "health = { floating-point = \"halt\" }\narguments = \"vectors\"",
        "vector = \"eager\"\narguments = \"registers seed:5 rounds:50 spin:1 vector:1\"",
    )
    .for_ms(60)
    .run();
    run.assert_said("top", "vectors: used");
    assert_eq!(run.partition("top").state, "failed");
    let events: Vec<_> = run.events("top", "floating-point").collect();
    assert_eq!(events.len(), 1);
    assert!(
        events[0].text.contains("used vectors"),
        "{}",
        events[0].text
    );
    assert!(!run.report().healthy);
}

#[test]
fn a_lower_partition_without_vectors_is_stopped_for_them_too() {
    let run = two_with_vectors(
        "vector = \"eager\"\narguments = \"registers seed:5 rounds:200 period-us:100 vector:1\"",
        "health = { floating-point = \"halt\" }\narguments = \"vectors\"",
    )
    .for_ms(60)
    .run();
    assert_eq!(run.partition("bottom").state, "failed");
    assert_eq!(run.events("bottom", "floating-point").count(), 1);
    run.assert_said("top", "registers: 200 rounds, 0 wrong");
}

#[test]
fn a_promise_that_is_broken_just_before_the_end_is_recorded_too() {
    for (promise, part) in [
        ("fp = \"none\"", "floating-point-left"),
        ("", "vectors-left"),
    ] {
        let run = two_with_vectors(
            &format!("{promise}\narguments = \"{part}\""),
            "arguments = \"idle\"",
        )
        .for_ms(10)
        .run();
        assert_eq!(run.events("top", "floating-point").count(), 1, "{part}");
        assert_eq!(run.events("top", "panic").count(), 1, "{part}");
    }
}

#[test]
fn nobody_finds_the_vector_registers_of_a_partition_that_is_gone() {
    for owner in ["vector = \"eager\"", "vector = \"none\""] {
        let run = two_with_vectors(
            &format!("{owner}\narguments = \"vectors-left\""),
            "arguments = \"vectors-found\"",
        )
        .for_ms(60)
        .run();
        run.assert_said("top", "vectors: running, 16 bytes in a register");
        assert_eq!(run.partition("top").state, "failed");
        run.assert_said("bottom", "vectors: 0 registers hold something");
    }
}

/// Two partitions on one hart of this board count instructions, each its own.
fn assert_counts_its_own(board: &str, lines: &str) {
    let run = two_at(
        board,
        &format!("cores = 1\nmemory = \"512MiB\"\n{lines}"),
        "arguments = \"counters rounds:30 turns:20000\"",
        "arguments = \"counters rounds:10 turns:300000\"",
    )
    .expect("top", "counters: done")
    .until("bottom", "counters: done")
    .run();
    for partition in ["top", "bottom"] {
        // An illegal instruction.
        run.assert_said(partition, "counters: unused one traps 2");
        let line = run.find(partition, " rounds, 0 too few, ");
        let line = line.expect("none is lost");
        let (_, many) = line.text.split_once("too few, ").expect("a number");
        let many: u64 = many
            .split(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .expect("a number");
        // What is around the loop: the way out of the call that starts and into the one that stops.
        assert!(many < 60, "{partition} counted {many} too many");
        run.assert_said(partition, "counters: freed one traps 2");
        run.assert_said(
            partition,
            "counters: overflow pending false then true, cleared true",
        );
        run.assert_said(partition, "counters: firmware 0, timers 5 then 5");
    }
}

#[test]
fn a_partition_counts_its_own_instructions_whoever_else_counts_on_its_hart() {
    assert_counts_its_own("qemu-virt-riscv64", "");
}

#[test]
fn a_partition_counts_its_own_instructions_where_timers_are_calls() {
    assert_counts_its_own("qemu-virt-riscv64", "sstc = false");
}

#[test]
fn a_partition_counts_its_own_instructions_on_a_board_with_interrupt_files() {
    assert_counts_its_own("qemu-virt-riscv64-aia", "");
}

#[test]
fn nobody_sees_anything_of_the_counters_of_another() {
    for (name, lines) in [
        ("qemu-virt-riscv64", ""),
        ("qemu-virt-riscv64", "sstc = false"),
        ("qemu-virt-riscv64-aia", ""),
    ] {
        for (top, bottom, watcher) in [
            (
                "counters-watch rounds:300",
                "counters rounds:1000 turns:9000",
                "top",
            ),
            (
                "counters rounds:1000 turns:9000",
                "counters-watch rounds:60",
                "bottom",
            ),
        ] {
            let run = two_at(
                name,
                &format!("cores = 1\nmemory = \"512MiB\"\n{lines}"),
                &format!("arguments = \"{top}\""),
                &format!("arguments = \"{bottom}\""),
            )
            .until(watcher, "counters: watched")
            .run();
            run.assert_said(watcher, "times, 0 readable, 0 pending");
        }
    }
}
