//! What owns the normal world of Arm, in Linux's place, does what no Linux does: to programs of the secure world, and to
//! the monitor.

use partita_tests::{Run, System};

/// A program that may not miss a deadline, and `words` in Linux's place, on one core.
fn attacked(words: &str) -> System {
    let arguments = "periodic period-us:1000 work-us:50 tolerance-us:100 report:10";
    beside("$guest", arguments, words)
}

fn beside(image: &str, arguments: &str, words: &str) -> System {
    let base = System::FLAT_BASE;
    let slots = base + 0x10_0000;
    System::on(
        "qemu-virt-aarch64",
        "cores = 1\nmemory = \"2GiB\"",
        &format!(
            r#"
            [partition.critical]
            criticality = "ASIL-D"
            budget = "400us"
            period = "1ms"
            accept = ["trusted-base"]
            image = "{image}"
            arguments = "{arguments}"
            memory = "1MiB"
            fp = "none"
            cores = [0]

            [partition.attacker]
            criticality = "QM"
            linux = {{ kernel = "$flat", command-line = "isolation ticks-per-us:62 slots:{slots:#x} {words}" }}
            health = {{ unexpected-trap = "log" }}
            budget = "500us"
            period = "1ms"
            memory = {{ base = "{base:#x}", size = "4MiB" }}
            cores = [0]
            "#
        ),
    )
    .shift(1)
}

/// What the attacker found in its `number`th attempt.
fn found(run: &Run, number: usize) -> String {
    let start = format!("isolation: {number} ");
    let line = run.texts("attacker").find(|line| line.starts_with(&start));
    let words = line.expect("the attempt came to something").split(' ');
    words.skip(4).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_traps_in_32_bit_code_of_the_normal_world_is_told_to_its_hypervisor() {
    // `mrc p15, 0, r0, c12, c12, 6`, the enable of group 0, from SVC mode.
    let run = attacked("old:1d3,ee1c0fdc")
        .until("attacker", "isolation: done")
        .run();
    // An undefined instruction.
    assert_eq!(found(&run, 0), "value 0x2000000");
    assert_eq!(run.events("attacker", "unexpected-trap").count(), 1);
    run.assert_undisturbed("critical");
}

#[test]
fn a_wait_in_16_bits_is_followed_by_the_next_instruction() {
    // `wfi`, a branch over `hvc #2`, and `hvc #1`; in Thumb, and in A32 without the branch.
    let run = attacked("old:1f3,e001bf30,8002f7e0,8001f7e0 old:1d3,e320f003,e1400071")
        .until("attacker", "isolation: done")
        .run();
    for attempt in 0..2 {
        assert_eq!(found(&run, attempt), "value 0x4a000001");
    }
    run.assert_undisturbed("critical");
}

#[test]
fn an_interrupt_that_the_normal_world_has_in_hand_keeps_none_from_a_program() {
    // FreeRTOS wakes its tasks by interrupts alone.
    let run = beside("$cluster", "", "with-interrupt:4e20")
        .expect("attacker", "isolation: done")
        .until("critical", "deadlines met")
        .run();
    assert_eq!(found(&run, 0), "value 0x3");
    run.assert_undisturbed("critical");
    assert_eq!(run.events("critical", "budget-overrun").count(), 0);
}

#[test]
fn an_interrupt_that_a_program_has_in_hand_keeps_none_from_the_normal_world() {
    let run = beside(
        "$guest",
        "isolation ticks-per-us:62 with-interrupt:f4240",
        "storm:20 storm:20",
    )
    .until("attacker", "isolation: done")
    .run();
    assert!(!run.said("critical", "isolation: done"));
    for attempt in 0..2 {
        assert_eq!(found(&run, attempt), "count 0 32");
    }
}
