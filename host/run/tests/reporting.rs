//! From status records to a report and its verdict.

mod fake;

use fake::{status, status_records};
use partita_abi::health::{Kind, State};
use partita_abi::status::{Event, Partition};
use partita_run::crash::CrashCollector;
use partita_run::report::{ClockMode, ClockReport};
use partita_run::status::{Collector, Status, StatusError};
use partita_run::{PartitionName, Report, System, report_schema, summary};
use proptest::prelude::*;

fn system() -> System {
    let partition = |name: &str, criticality: &str| PartitionName {
        name: name.to_owned(),
        criticality: criticality.to_owned(),
        is_critical: criticality != "QM",
    };
    System {
        name: "duet".to_owned(),
        board: "board".to_owned(),
        partitions: vec![partition("rtos", "ASIL-D"), partition("linux", "QM")],
    }
}

const CLOCK: ClockReport = ClockReport {
    mode: ClockMode::Virtual,
    shift: Some(3),
    slice_us: Some(20),
};

fn report(change: impl FnOnce(&mut [Partition; 2], &mut Vec<Event>)) -> Report {
    Report::new(
        &system(),
        CLOCK,
        &Status::decode(&status(change)).unwrap(),
        &CrashCollector::default(),
    )
}

fn event(partition: u16, kind: Kind) -> Event {
    Event {
        partition,
        kind: kind as u8,
        address: 0x8000_0000,
        cause: 5,
        ..Event::default()
    }
}

fn collect(records: &str) -> Vec<Result<Vec<u8>, StatusError>> {
    let mut collector = Collector::default();
    let text = |record: &str| record.split_once("] ").unwrap().1.to_owned();
    let results = records
        .lines()
        .filter_map(|record| collector.push(&text(record)));
    results.filter_map(Result::transpose).collect()
}

#[test]
fn a_status_block_comes_back_from_its_records() {
    let block = status(|_, events| events.push(event(1, Kind::Reset)));
    assert_eq!(collect(&status_records(&block)), [Ok(block.clone())]);
    assert_eq!(Status::decode(&block).unwrap().events.len(), 1);
}

#[test]
fn a_missing_record_is_noticed() {
    let records = status_records(&status(|_, _| {}));
    let without_second: Vec<_> = records
        .lines()
        .enumerate()
        .filter(|(index, _)| *index != 2)
        .map(|(_, line)| line)
        .collect();
    let results = collect(&without_second.join("\n"));
    assert_eq!(
        results[0],
        Err(StatusError::Order {
            found: 128,
            expected: 64
        })
    );
    assert!(results.iter().all(Result::is_err));
}

#[test]
fn a_status_block_of_another_version_is_refused() {
    let mut block = status(|_, _| {});
    block[8] = 9;
    assert_eq!(Status::decode(&block).unwrap_err(), StatusError::Header);
}

#[test]
fn a_quiet_run_is_healthy() {
    let report = report(|_, _| {});
    assert!(report.healthy, "{:?}", report.reasons);
    assert_eq!(report.cores[&0].switch_instructions.unwrap().p50, 300);
    assert_eq!(report.partitions["rtos"].first_output_ns, None);
}

#[test]
fn a_linux_that_reboots_shuts_down_or_reaches_out_does_not_make_the_system_unhealthy() {
    let report = report(|partitions, events| {
        partitions[1].state = State::Stopped as u8;
        for kind in [
            Kind::Reset,
            Kind::AccessFault,
            Kind::InterruptDenied,
            Kind::Shutdown,
        ] {
            events.push(event(1, kind));
        }
        partitions[1].events_total = 100;
    });
    assert!(report.healthy, "{:?}", report.reasons);
    assert_eq!(report.partitions["linux"].events.len(), 4);
}

#[test]
fn a_missed_deadline_makes_the_system_unhealthy() {
    for index in 0..2 {
        let report = report(|partitions, _| partitions[index].deadlines_missed = 1);
        assert!(!report.healthy);
        assert!(
            report.reasons[0].contains("missed 1 of 1 deadlines"),
            "{:?}",
            report.reasons
        );
    }
}

#[test]
fn a_critical_partition_may_have_no_health_event_of_any_kind() {
    for kind in Kind::ALL {
        let report = report(|partitions, events| {
            events.push(event(0, kind));
            partitions[0].events_total = 1;
            match kind {
                Kind::DeadlineMiss => partitions[0].deadlines_missed = 1,
                Kind::Shutdown => partitions[0].state = State::Stopped as u8,
                _ => {}
            }
        });
        assert!(!report.healthy, "{}", kind.name());
        assert_eq!(report.reasons.len(), 1, "{:?}", report.reasons);
    }
}

#[test]
fn by_the_hosts_clock_lateness_does_not_count() {
    let block = status(|partitions, events| {
        partitions[0].deadlines_missed = 5;
        partitions[0].events_total = 100;
        events.push(event(0, Kind::DeadlineMiss));
        events.push(event(0, Kind::BudgetOverrun));
    });
    let clock = ClockReport {
        mode: ClockMode::Host,
        shift: None,
        slice_us: None,
    };
    let none = CrashCollector::default();
    let report =
        |block: &[u8]| Report::new(&system(), clock, &Status::decode(block).unwrap(), &none);
    assert!(report(&block).healthy);
    let fault = status(|_, events| events.push(event(0, Kind::AccessFault)));
    assert!(!report(&fault).healthy);
}

#[test]
fn events_that_were_not_kept_still_count() {
    let report = report(|partitions, _| partitions[0].events_total = 3);
    assert_eq!(
        report.reasons,
        ["rtos had 3 earlier health events that are no longer kept"]
    );
}

#[test]
fn a_partition_that_is_not_running_at_the_end_needs_a_reason() {
    for (index, state, healthy) in [
        (0, State::Off, false),
        (0, State::Loading, false),
        (0, State::Stopped, false),
        (0, State::Failed, false),
        (1, State::Off, false),
        (1, State::Loading, false),
        (1, State::Stopped, true),
        (1, State::Failed, false),
    ] {
        let report = report(|partitions, _| partitions[index].state = state as u8);
        assert_eq!(report.healthy, healthy, "{index} {}", state.name());
    }
}

#[test]
fn the_summary_ends_with_the_verdict() {
    let text = |report: &Report| summary(report, &[("rtos", 1), ("linux", 1)], false);
    assert!(text(&report(|_, _| {})).ends_with("\nhealthy\n"));
    let bad = report(|partitions, events| {
        partitions[0].state = State::Failed as u8;
        partitions[0].events_total = 1;
        events.push(event(0, Kind::AccessFault));
    });
    let text = text(&bad);
    let verdict = text.lines().last().unwrap();
    assert!(
        verdict.starts_with("NOT healthy: rtos was stopped by the monitor; "),
        "{verdict}"
    );
    assert!(
        text.contains("rtos read address 0x80000000, behind which nothing is its own"),
        "{text}"
    );
}

/// Checks that `value` has every property that `schema` asks for and no other.
fn matches_schema(schema: &serde_json::Value, root: &serde_json::Value, value: &serde_json::Value) {
    let schema = match schema.get("$ref").and_then(serde_json::Value::as_str) {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    if let (Some(properties), Some(object)) = (schema.get("properties"), value.as_object()) {
        let known = properties.as_object().unwrap();
        let names: Vec<_> = known.keys().collect();
        assert_eq!(object.keys().collect::<Vec<_>>(), names);
        for (name, value) in object {
            assert!(
                known[name].get("description").is_some(),
                "{name} is not described"
            );
            matches_schema(&known[name], root, value);
        }
    } else if let (Some(entry), Some(object)) =
        (schema.get("additionalProperties"), value.as_object())
    {
        object
            .values()
            .for_each(|value| matches_schema(entry, root, value));
    }
}

#[test]
fn a_report_has_the_fields_that_its_schema_describes() {
    let report = report(|_, events| events.push(event(1, Kind::Reset)));
    let schema = report_schema();
    matches_schema(&schema, &schema, &serde_json::to_value(&report).unwrap());
}

proptest! {
    #[test]
    fn no_bytes_upset_the_decoder(bytes in prop::collection::vec(any::<u8>(), 0..400), keep in 0_usize..400) {
        let _ = Status::decode(&bytes);
        let block = status(|_, _| {});
        let mut spoilt = block[..keep.min(block.len())].to_vec();
        spoilt.extend(&bytes);
        if let Ok(status) = Status::decode(&spoilt) {
            let _ = summary(&Report::new(&system(), CLOCK, &status, &CrashCollector::default()), &[("rtos", 1), ("linux", 1)], false);
        }
    }

    #[test]
    fn no_records_upset_the_collector(texts in prop::collection::vec("status (begin |end|[0-9]{1,3} )?[0-9a-fx ]{0,8}", 0..8)) {
        let mut collector = Collector::default();
        for text in texts {
            let _ = collector.push(&text);
        }
    }
}
