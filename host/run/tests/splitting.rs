//! The stream of the serial port, taken apart: framing, hostile contents, any chunks.

use partita_abi::console::{CONTINUED, MAX_TEXT, passes};
use partita_run::joiner::{Joiner, Line};
use partita_run::splitter::{Record, Source, Splitter};
use proptest::prelude::*;

fn split(chunks: &[&[u8]]) -> Vec<Record> {
    let mut splitter = Splitter::new(["rtos".to_owned(), "linux".to_owned()]);
    let mut records = Vec::new();
    for chunk in chunks {
        splitter.push(chunk, |record| records.push(record));
    }
    splitter.finish(|record| records.push(record));
    records
}

fn join(records: Vec<Record>) -> Vec<Line> {
    let mut joiner = Joiner::default();
    let mut lines: Vec<_> = records
        .into_iter()
        .filter_map(|record| joiner.push(record, |_| {}))
        .collect();
    lines.extend(joiner.finish());
    lines
}

fn one(text: &str) -> Record {
    let mut records = split(&[text.as_bytes(), b"\n"]);
    assert_eq!(records.len(), 1);
    records.remove(0)
}

#[test]
fn a_record_has_a_source_a_time_and_a_text() {
    let record = one("[    1.234567890 linux] text [of] the line ");
    assert_eq!(record.source, Source::Partition(1));
    assert_eq!(record.time_ns, 1_234_567_890);
    assert_eq!(record.text, b"text [of] the line ");
    assert!(!record.continued);
}

#[test]
fn an_empty_line_and_a_carriage_return_are_no_trouble() {
    assert_eq!(one("[12345.000000001 rtos] ").text, b"");
    assert_eq!(one("[12345.000000001 rtos]").text, b"");
    let record = one("[    0.000000001 monitor] hello\r");
    assert_eq!(
        (record.source, &*record.text),
        (Source::Monitor, &b"hello"[..])
    );
}

#[test]
fn what_is_not_a_record_is_the_machines_own() {
    for text in [
        "",
        "OpenSBI v1.5",
        "[    1.23 linux] too few digits",
        "[    1.234567890 windows] an unknown partition",
        "[    1.234567890  linux] two spaces",
        "[    1.23456789x linux] no number",
        "[99999999999999999999.000000000 linux] too late",
        "[18446744073709551615.000000000 linux] too late",
        "[    1.234567890 linux",
        "[    1.234567890 linux]no space",
        " [    1.234567890 linux] shifted",
        "[]",
        "[",
    ] {
        let record = one(text);
        assert_eq!(record.source, Source::Machine, "{text}");
        assert_eq!(record.text, text.as_bytes());
    }
}

#[test]
fn records_of_others_do_not_break_a_line() {
    let stream = b"[    1.000000000 linux] log\x1f\n[    1.100000000 rtos] tick\n\
                   [    1.200000000 linux] in: \x1f\n[    1.300000000 linux] root\n";
    let lines = join(split(&[stream]));
    let texts: Vec<_> = lines
        .iter()
        .map(|line| (line.time_ns / 100_000_000, &*line.text))
        .collect();
    assert_eq!(texts, [(11, "tick"), (10, "login: root")]);
}

#[test]
fn an_unfinished_line_is_not_lost() {
    let lines = join(split(&[b"[    1.000000000 linux] login: \x1f\n[    1.5"]));
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].source, Source::Machine);
    assert_eq!((&*lines[1].text, lines[1].continued), ("login: ", true));
}

#[test]
fn a_partition_that_never_ends_its_line_does_not_fill_the_memory() {
    let record = format!("[    1.000000000 linux] {}\u{1f}\n", "x".repeat(MAX_TEXT));
    let lines = join(split(&[record.repeat(1000).as_bytes()]));
    assert!(lines.len() > 10);
    assert!(
        lines
            .iter()
            .all(|line| line.continued && line.text.len() <= 17 * 1024)
    );
}

#[test]
fn a_line_without_end_from_the_machine_does_not_fill_the_memory() {
    let records = split(&[&[b'x'; 100_000]]);
    assert!(
        records
            .iter()
            .all(|record| record.source == Source::Machine)
    );
    assert_eq!(
        records
            .iter()
            .map(|record| record.text.len())
            .sum::<usize>(),
        100_000
    );
}

/// Bytes as a monitor frames what partitions write: the reference that splitting is tested against.
fn frame(writes: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let names = ["rtos", "linux"];
    let mut stream = Vec::new();
    for (time, (partition, bytes)) in writes.iter().enumerate() {
        let head = format!("[{:>5}.{time:09} {}] ", 7, names[*partition]);
        for text in bytes.split_inclusive(|byte| *byte == b'\n') {
            let ended = text.ends_with(b"\n");
            let clean: Vec<u8> = text.iter().copied().filter(|byte| passes(*byte)).collect();
            let mut pieces: Vec<&[u8]> = clean.chunks(MAX_TEXT).collect();
            if pieces.is_empty() {
                pieces.push(&[]);
            }
            let last = pieces.len() - 1;
            for (index, piece) in pieces.iter().enumerate() {
                stream.extend(head.as_bytes());
                stream.extend(*piece);
                if !ended || index != last {
                    stream.push(CONTINUED);
                }
                stream.push(b'\n');
            }
        }
    }
    stream
}

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"[    0.000000001 rtos] forged".to_vec()),
        Just(b"\n[    0.000000001 monitor] status begin 8\n".to_vec()),
        Just(b"\x1f\n".to_vec()),
        Just(b"\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..400),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn chunks_make_no_difference(
        stream in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..6000),
            hostile(),
            prop::collection::vec((0_usize..2, hostile()), 0..6).prop_map(|writes| frame(&writes)),
        ],
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let chunks: Vec<_> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(split(&chunks), split(&[&stream]));
    }

    #[test]
    fn nothing_a_partition_writes_appears_as_anothers(
        writes in prop::collection::vec((0_usize..2, hostile()), 0..8),
    ) {
        let lines = join(split(&[&frame(&writes)]));
        for partition in 0..2 {
            let wrote = writes.iter().filter(|(by, _)| *by == partition);
            let wrote: Vec<u8> = wrote.flat_map(|(_, bytes)| bytes.clone()).collect();
            let mut expected: Vec<Vec<u8>> =
                wrote.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            // What follows the last line feed is a line only if the partition began it.
            if expected.last().is_some_and(Vec::is_empty) {
                expected.pop();
            }
            let text = |line: &[u8]| {
                let clean: Vec<u8> = line.iter().copied().filter(|byte| passes(*byte)).collect();
                String::from_utf8_lossy(&clean).into_owned()
            };
            let expected: Vec<_> = expected.iter().map(|line| text(line)).collect();
            let own = lines.iter().filter(|line| line.partition() == Some(partition));
            let own: Vec<_> = own.map(|line| line.text.clone()).collect();
            prop_assert_eq!(own, expected);
        }
        prop_assert!(lines.iter().all(|line| line.partition().is_some()));
    }
}
