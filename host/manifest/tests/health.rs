//! What a manifest says about health comes out in the system table, and what it does not say is what the
//! reference promises.

mod common;

use partita_abi::health::{Action, Kind as Event};
use partita_abi::table::{self, Response, SystemTable, WatchdogStart};
use partita_manifest::{Plan, explain, explain_json, load};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const START: &str = r#"
[system]
name = "healthy"

[board]
name = "qemu-virt-riscv64"
memory = "1GiB"
cores = 2

[partition.linux]
criticality = "QM"
linux = { kernel = "Image" }
memory = "64MiB"
cores = [0]

[partition.logger]
criticality = "ASIL-A"
image = "program.elf"
memory = "1MiB"
cores = [1]

[partition.engine]
criticality = "ASIL-D"
image = "program.elf"
memory = "1MiB"
cores = [1]
"#;

fn plan(test: &str, engine: &str) -> Plan {
    let folder = common::folder(test);
    let path = folder.join("system.toml");
    fs::write(&path, format!("{START}{engine}")).unwrap();
    load(&path).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The entry of a partition in the system table.
fn entry(plan: &Plan, name: &str) -> table::Partition {
    // The table wants eight-byte alignment, which a vector of bytes does not promise.
    let mut words = vec![0_u64; plan.table.len().div_ceil(8)];
    let bytes = zerocopy::IntoBytes::as_mut_bytes(words.as_mut_slice());
    bytes[..plan.table.len()].copy_from_slice(&plan.table);
    let table = SystemTable::parse(bytes).unwrap();
    let mut partitions = table.partitions.iter();
    *partitions
        .find(|partition| partition.name.as_str() == name)
        .unwrap()
}

fn response(partition: &table::Partition, event: Event) -> (Action, Option<u8>) {
    let response = partition.responses[event as usize];
    let told = (response.notify != Response::NOBODY).then_some(response.notify);
    (Action::from_number(response.action).unwrap(), told)
}

#[test]
fn actions_and_who_is_told_reach_the_system_table() {
    let plan = plan(
        "health-actions",
        r#"
        [partition.engine.health]
        access-fault = "stop-system"
        panic = { action = "reset-system", notify = "logger" }
        reset = { notify = "logger" }
        "#,
    );
    let engine = entry(&plan, "engine");
    assert_eq!(
        response(&engine, Event::AccessFault),
        (Action::StopSystem, None)
    );
    assert_eq!(
        response(&engine, Event::Panic),
        (Action::ResetSystem, Some(1))
    );
    // Only the action that is usual for it is left.
    assert_eq!(response(&engine, Event::Reset), (Action::Restart, Some(1)));
    assert_eq!(response(&engine, Event::Shutdown), (Action::Halt, None));
}

#[test]
fn limits_and_times_reach_the_system_table() {
    let plan = plan(
        "health-limits",
        r#"
        restart = { limit = 5, within = "20s", back-off = "2ms", then = "stop-system" }
        watchdog = { timeout = "20ms", start = "first-use" }
        interrupts = { limit = 10, within = "1ms" }
        "#,
    );
    let engine = entry(&plan, "engine");
    let restart = engine.restart;
    assert_eq!((restart.limit, restart.within_ns), (5, 20_000_000_000));
    assert_eq!(restart.back_off_ns, 2_000_000);
    assert_eq!(restart.then, Action::StopSystem as u8);
    assert_eq!(engine.watchdog_ns, 20_000_000);
    assert_eq!(engine.watchdog_start, WatchdogStart::FirstUse as u8);
    assert_eq!(
        (engine.storm_limit, engine.storm_within_ns),
        (10, 1_000_000)
    );
}

#[test]
fn an_empty_restart_table_takes_limit_and_back_off_away() {
    let engine = entry(&plan("health-unlimited", "restart = {}\n"), "engine");
    assert_eq!((engine.restart.limit, engine.restart.within_ns), (0, 0));
    assert_eq!(engine.restart.back_off_ns, 0);
}

#[test]
fn a_watchdog_starts_with_a_program_and_at_the_first_use_with_linux() {
    let manifest = START.replace("cores = [0]", "cores = [0]\nwatchdog = \"2s\"");
    let folder = common::folder("health-watchdog");
    let path = folder.join("system.toml");
    fs::write(&path, format!("{manifest}watchdog = \"20ms\"\n")).unwrap();
    let plan = load(&path).unwrap();
    let linux = entry(&plan, "linux");
    assert_eq!(linux.watchdog_ns, 2_000_000_000);
    assert_eq!(linux.watchdog_start, WatchdogStart::FirstUse as u8);
    assert_eq!(
        entry(&plan, "engine").watchdog_start,
        WatchdogStart::Boot as u8
    );
}

#[test]
fn the_reference_tells_the_usual_action_of_each_event() {
    let plan = plan("health-reference", "");
    let json = explain_json(&plan);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manifest.md");
    let page = fs::read_to_string(page).unwrap();
    let told: BTreeSet<String> = page
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let event = cells.get(1)?.trim_matches('`');
            Event::ALL.iter().find(|kind| kind.name() == event)?;
            let &[_, _, _, program, linux, _] = cells.as_slice() else {
                return None;
            };
            Some(format!("{event} {program} {linux}"))
        })
        .collect();
    let promised: BTreeSet<String> = Event::ALL
        .into_iter()
        .map(|event| {
            let action = |partition: &str| {
                let health = &json["partitions"][partition]["health"];
                health["events"][event.name()]["action"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            };
            format!(
                "{} `{}` `{}`",
                event.name(),
                action("engine"),
                action("linux")
            )
        })
        .collect();
    assert_eq!(told, promised);
}

#[test]
fn the_explanation_tells_what_follows_each_event() {
    let plan = plan(
        "health-explain",
        "health = { panic = { notify = \"logger\" } }\nwatchdog = \"20ms\"\n",
    );
    let text = explain(&plan, false);
    let engine = text.split("Partition engine").nth(1).unwrap();
    for shown in [
        "restart  access-fault, unexpected-trap, floating-point, panic (tells logger), reset",
        "halt     shutdown, image-corrupt",
        "3 restarts in 10s, then halt; the first waits 1ms, each further one twice as long",
        "watchdog of 20ms, starts with the partition",
    ] {
        assert!(engine.contains(shown), "{shown} in\n{engine}");
    }
    let json = explain_json(&plan);
    let health = &json["partitions"]["engine"]["health"];
    assert_eq!(health["events"]["panic"]["notify"], "logger");
    assert_eq!(health["restart"]["limit"], 3);
    assert_eq!(health["restart"]["then"], "halt");
    assert_eq!(health["watchdog"]["timeout_ns"], 20_000_000);
    let linux = &json["partitions"]["linux"]["health"];
    assert!(linux["restart"]["limit"].is_null() && linux["watchdog"].is_null());
}
