//! Finding crash records: in a report of a run, or in what the serial port printed.

use partita_abi::console::MONITOR;
use partita_abi::crash::Record;
use partita_run::crash::{CrashCollector, from_hex};
use serde_json::Value;

/// Why there are no records to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It is JSON, but no report of a run.
    #[error(
        "this JSON is no report of a run; name the file that `partita run --report` wrote, or the \
         log of a serial port"
    )]
    NoReport,
    /// A record in a report is damaged.
    #[error("the crash record of {0} in this report is damaged, or of another version of partita")]
    Damaged(String),
}

/// Finds the records in a text: a report of a run as JSON, the bytes of a serial port, or what `partita run`
/// printed. Those of a report come by name, others in their order.
///
/// # Errors
/// It is JSON but no report, or a record in it is damaged.
pub fn find(text: &[u8]) -> Result<Vec<Record>, SourceError> {
    if text.trim_ascii_start().starts_with(b"{") {
        return in_report(text);
    }
    let mut collector = CrashCollector::default();
    for line in text.split(|byte| *byte == b'\n') {
        if let Some(said) = said_by_monitor(&String::from_utf8_lossy(line)) {
            collector.push(said);
        }
    }
    let records = collector.records().iter();
    Ok(records.map(|(_, record)| *record).collect())
}

/// What the monitor says in a line as the serial port or `partita run` prints it. A partition can write
/// the same words, but not under the monitor's name.
fn said_by_monitor(line: &str) -> Option<&str> {
    let line = line.trim_end_matches('\r');
    let (head, said) = match line.strip_prefix('[') {
        Some(record) => record.split_once("] ")?,
        None => line.split_once(" | ")?,
    };
    let mut words = head.split_ascii_whitespace();
    let time = words.next()?;
    let is_time = time.contains('.') && time.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.'));
    (is_time && words.next() == Some(MONITOR) && words.next().is_none()).then_some(said)
}

fn in_report(text: &[u8]) -> Result<Vec<Record>, SourceError> {
    let report: Value = serde_json::from_slice(text).map_err(|_| SourceError::NoReport)?;
    let partitions = report.get("partitions").and_then(Value::as_object);
    let mut found = Vec::new();
    for (name, partition) in partitions.ok_or(SourceError::NoReport)? {
        let Some(crash) = partition.get("crash").filter(|crash| !crash.is_null()) else {
            continue;
        };
        let hex = crash.get("record").and_then(Value::as_str);
        let record = hex
            .and_then(from_hex)
            .and_then(|bytes| Record::read(&bytes));
        let record = record.ok_or_else(|| SourceError::Damaged(name.clone()))?;
        found.push(record);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{SourceError, find, said_by_monitor};
    use partita_abi::crash::Record;
    use partita_abi::name::Name;
    use partita_run::crash::CrashReport;
    use zerocopy::FromZeros as _;

    fn record(core: u8) -> Record {
        let mut record = Record::new_zeroed();
        record.partition = Name::new("cluster").unwrap();
        record.event.core = core;
        record.stack_words = 5;
        record.seal();
        record
    }

    /// The lines of a record, each behind `head`.
    fn lines(head: &str, record: &Record) -> Vec<String> {
        let hex = CrashReport::new(record).record;
        let pieces = hex.as_bytes().chunks(64).enumerate();
        pieces
            .map(|(index, hex)| {
                let hex = std::str::from_utf8(hex).unwrap();
                format!("{head}crash 1 {:04x} {hex}", 32 * index)
            })
            .collect()
    }

    #[test]
    fn records_are_found_in_the_log_of_a_serial_port_between_other_lines() {
        let mut log = String::from("garbage\n[    0.100000000 linux] hello\r\n");
        for line in lines("[    1.000000000 monitor] ", &record(3)) {
            log.push_str(&format!("{line}\r\n[    1.100000000 linux] noise\n"));
        }
        let found = find(log.as_bytes()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].event.core, 3);
    }

    #[test]
    fn records_are_found_in_what_partita_run_printed() {
        let log = lines("    1.000000 monitor | ", &record(4)).join("\n");
        assert_eq!(find(log.as_bytes()).unwrap()[0].event.core, 4);
    }

    #[test]
    fn a_record_with_a_lost_or_spoilt_line_is_not_believed() {
        let all = lines("[    1.000000000 monitor] ", &record(1));
        for lost in 0..all.len() {
            let mut log = all.clone();
            log.remove(lost);
            assert!(
                find(log.join("\n").as_bytes()).unwrap().is_empty(),
                "{lost}"
            );
        }
        let spoilt = all.join("\n").replacen("0020 0", "0020 1", 1);
        assert!(find(spoilt.as_bytes()).unwrap().is_empty());
    }

    #[test]
    fn a_partition_cannot_forge_a_record() {
        for head in [
            "[    1.000000000 linux] ",
            "[    1.000000000 linux] [    1.000000000 monitor] ",
            "    1.000000 linux |     1.000000 monitor | ",
            "monitor | ",
            "",
        ] {
            let log = lines(head, &record(1)).join("\n");
            assert!(find(log.as_bytes()).unwrap().is_empty(), "{head}");
        }
        assert!(said_by_monitor("[    1.0 monitor] x").is_some());
    }

    #[test]
    fn a_report_has_its_records_by_partition() {
        let crash = CrashReport::new(&record(2));
        let report = serde_json::json!({ "partitions": {
            "cluster": { "crash": crash }, "linux": { "crash": null },
        } });
        let found = find(report.to_string().as_bytes()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].event.core, 2);
        assert_eq!(find(b"{}").unwrap_err(), SourceError::NoReport);
        let damaged = report.to_string().replace("5052", "5053");
        assert_eq!(
            find(damaged.as_bytes()).unwrap_err(),
            SourceError::Damaged("cluster".to_owned())
        );
    }
}
