//! The console stream: whatever comes, and in whatever chunks, the records are the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use partita_run::joiner::Joiner;
use partita_run::splitter::{Record, Splitter};
use partita_run::status::Collector;

fn split<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Record> {
    let mut splitter = Splitter::new(["rtos".to_owned(), "linux".to_owned()]);
    let mut records = Vec::new();
    for chunk in chunks {
        splitter.push(chunk, |record| records.push(record));
    }
    splitter.finish(|record| records.push(record));
    records
}

fuzz_target!(|input: (u8, &[u8])| {
    let (chunk, bytes) = input;
    let whole = split(std::iter::once(bytes));
    assert_eq!(split(bytes.chunks(usize::from(chunk).max(1))), whole);
    let mut joiner = Joiner::default();
    let mut collector = Collector::default();
    for record in whole {
        if let Some(line) = joiner.push(record, |_| {}) {
            let _ = collector.push(&line.text);
        }
    }
    let _ = joiner.finish();
});
