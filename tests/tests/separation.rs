//! Separation in space: what a partition cannot reach, from either side.

use partita_abi::image::{STORE_OFFSET, TABLE_OFFSET};
use partita_tests::{Run, System};

const RAM: u64 = 0x8000_0000;
const PLIC: u64 = 0xc00_0000;

/// Doors of the board that are closed to everyone: the monitor's memory and devices, and the interrupt
/// controller.
fn doors_of_the_board() -> Vec<String> {
    let (table, store) = (RAM + TABLE_OFFSET, RAM + STORE_OFFSET);
    let mut doors = Vec::new();
    // The monitor's text and data, the system table, the store, memory that is nobody's, and none.
    for address in [
        RAM,
        RAM + 0x1_0000,
        table,
        store,
        RAM + 0x1fff_f000,
        0,
        0x4000_0000,
        u64::MAX - 7,
    ] {
        for access in [
            "load1", "load8", "store1", "store8", "amo", "reserve", "execute",
        ] {
            doors.push(format!("{access}:{address:#x}"));
        }
    }
    let supervisor = |hart: u64| 2 * hart + 1;
    let enable = |context: u64| PLIC + 0x2000 + 0x80 * context;
    let context_page = |context: u64| PLIC + 0x20_0000 + 0x1000 * context;
    for register in [
        // The serial port, the finisher, the clock, a virtio slot, flash and the firmware's window.
        0x1000_0000,
        0x1000_0005,
        0x10_0000,
        0x10_1000,
        0x1000_1000,
        0x2000_0000,
        0x1010_0000,
        // Software interrupts, timers and time of the core-local interruptor.
        0x200_0000,
        0x200_4000,
        0x200_bff8,
        // The interrupt controller: priority, pending, enable, threshold and claim of both privileges.
        PLIC + 4 * 11,
        PLIC + 0x1000,
        enable(0),
        enable(supervisor(0)),
        context_page(0),
        context_page(0) + 4,
        context_page(supervisor(0)),
        context_page(supervisor(0)) + 4,
    ] {
        doors.push(format!("load4:{register:#x}"));
        doors.push(format!("store4:{register:#x}"));
    }
    doors
}

/// The edges of somebody else's memory, and accesses that begin in front of them.
fn doors_of_a_neighbour(base: u64, size: u64) -> Vec<String> {
    let last = base + size - 8;
    let mut doors = Vec::new();
    for address in [base, base + size / 2, last] {
        for access in [
            "load1", "load2", "load4", "load8", "store1", "store2", "store4", "store8", "amo",
            "reserve", "float", "execute",
        ] {
            doors.push(format!("{access}:{address:#x}"));
        }
    }
    for address in [base - 1, base + size - 1] {
        doors.push(format!("load8:{address:#x}"));
        doors.push(format!("store8:{address:#x}"));
    }
    doors
}

/// Both sides of a shared core; `doors` are for the partition whose name comes first.
fn system(knocker: &str, doors: &str) -> System {
    let doors = |name: &str| if name == knocker { doors } else { "" };
    System::new(
        1,
        &format!(
            r#"
            [partition.critical]
            criticality = "ASIL-D"
            image = "$guest"
            arguments = "{critical} {critical_doors}"
            memory = {{ base = "0x9000_0000", size = "1MiB" }}
            cores = [0]
            health = {{ access-fault = "log" }}
            budget = "500us"
            period = "1ms"

            [partition.ordinary]
            criticality = "QM"
            image = "$guest"
            arguments = "{ordinary} {ordinary_doors}"
            memory = {{ base = "0x9010_0000", size = "1MiB" }}
            cores = [0]
            health = {{ access-fault = "log" }}
            "#,
            critical = if knocker == "critical" {
                "probe"
            } else {
                "periodic work-us:50 tolerance-us:20 report:20"
            },
            ordinary = if knocker == "ordinary" {
                "probe"
            } else {
                "spin"
            },
            critical_doors = doors("critical"),
            ordinary_doors = doors("ordinary"),
        ),
    )
    .shift(1)
}

fn assert_all_denied(run: &Run, name: &str, doors: &[String]) {
    for door in doors {
        let (access, address) = door.split_once(':').expect("a door has an address");
        run.assert_said(name, &format!("probe: {access} {address} denied cause"));
    }
    run.assert_said(name, &format!("probe: {} denied, 0 allowed", doors.len()));
}

#[test]
fn nothing_that_is_not_its_own_opens_to_an_ordinary_partition() {
    let mut doors = doors_of_the_board();
    doors.extend(doors_of_a_neighbour(0x9000_0000, 0x10_0000));
    doors.extend(["zero:0x90000000".to_owned(), "zero:0x80000000".to_owned()]);
    let run = system("ordinary", &doors.join(" "))
        .expect("ordinary", "denied, ")
        .until("critical", "met, ")
        .run();
    assert_all_denied(&run, "ordinary", &doors);
    run.assert_undisturbed("critical");
    // Execution of what is no instruction is not the monitor's business; each access is.
    let events = run.partition("ordinary").events_total as usize;
    assert!(
        events + 2 >= doors.len(),
        "{events} of {} were recorded",
        doors.len()
    );
}

#[test]
fn nothing_that_is_not_its_own_opens_to_a_critical_partition() {
    let mut doors = doors_of_the_board();
    doors.extend(doors_of_a_neighbour(0x9010_0000, 0x10_0000));
    let run = system("critical", &doors.join(" "))
        .until("critical", "denied, ")
        .run();
    assert_all_denied(&run, "critical", &doors);
    assert_eq!(run.partition("ordinary").events_total, 0);
}

#[test]
fn a_denied_access_is_recorded_with_its_address_and_kind() {
    let run = system(
        "ordinary",
        "load8:0x90000010 store4:0x90080000 execute:0x900ffffc",
    )
    .until("ordinary", "denied, ")
    .run();
    let events: Vec<_> = run
        .events("ordinary", "access-fault")
        .map(|event| (event.address.as_str(), event.cause, event.core))
        .collect();
    assert_eq!(
        events,
        [
            ("0x90000010", 5, 0),
            ("0x90080000", 7, 0),
            ("0x900ffffc", 1, 0)
        ]
    );
    run.assert_said("monitor", "ordinary: access-fault");
    run.assert_said(
        "ordinary",
        "probe: load8 0x90000010 denied cause 5 value 0x90000010",
    );
    run.assert_said(
        "ordinary",
        "probe: store4 0x90080000 denied cause 7 value 0x90080000",
    );
    run.assert_said(
        "ordinary",
        "probe: execute 0x900ffffc denied cause 1 value 0x900ffffc",
    );
}

#[test]
fn machine_mode_is_out_of_reach_for_its_instructions_and_registers() {
    // Whether `wfi` traps or not, every illegal instruction of a program passes the monitor.
    for knocker in ["critical", "ordinary"] {
        let run = system(knocker, "csr instructions")
            .until(knocker, "denied, ")
            .run();
        run.assert_said(knocker, "probe: 58 denied, 0 allowed");
        assert_eq!(run.count(knocker, "denied cause 2"), 58);
        assert_eq!(run.partition(knocker).events_total, 58);
        assert_eq!(run.events(knocker, "illegal-instruction").count(), 32);
    }
}

#[test]
fn a_storm_of_denied_accesses_disturbs_nobody() {
    let run = system("ordinary", "storm:0x90000000 times:3000")
        .for_ms(120)
        .run();
    run.assert_said("ordinary", "probe: storm of 3000, 3000 denied");
    run.assert_undisturbed("critical");
    assert_eq!(run.partition("ordinary").events_total, 3000);
    assert!(
        run.count("monitor", "access-fault") < 20,
        "the console is not flooded"
    );
}

#[test]
fn an_own_device_is_reached_and_nothing_beside_it() {
    let run = System::new(
        1,
        r#"
        [partition.owner]
        criticality = "ASIL-B"
        image = "$guest"
        arguments = "probe load4:0x101000 store4:0x101008 load4:0x100ffc load4:0x102000 store4:0x100000"
        memory = "1MiB"
        cores = [0]
        devices = ["rtc"]
        health = { access-fault = "log" }
        "#,
    )
    .until("owner", "denied, ")
    .run();
    run.assert_said("owner", "probe: load4 0x101000 allowed");
    run.assert_said("owner", "probe: 3 denied, 2 allowed");
}

#[test]
fn a_partition_that_faults_is_stopped_and_its_neighbour_goes_on() {
    let run = System::new(
        2,
        r#"
        [partition.critical]
        criticality = "ASIL-D"
        image = "$guest"
        arguments = "periodic work-us:50 report:20"
        memory = "1MiB"
        cores = [0]
        budget = "500us"
        period = "1ms"

        [partition.faulty]
        criticality = "ASIL-A"
        image = "$guest"
        arguments = "probe load8:0x80000000 load8:0x80000000"
        memory = "1MiB"
        cores = [0, 1]
        health = { access-fault = "halt" }
        "#,
    )
    .for_ms(100)
    .run();
    run.assert_undisturbed("critical");
    let faulty = run.partition("faulty");
    assert_eq!(
        (faulty.state.as_str(), faulty.boots, faulty.events_total),
        ("failed", 1, 1)
    );
    assert_eq!(faulty.events[0].address, "0x80000000");
    assert!(!run.said("faulty", "probe:"), "it goes on after its fault");
    assert!(!run.report().healthy);
    assert!(run.report().cores[&1].idle_ns > 0);
}
