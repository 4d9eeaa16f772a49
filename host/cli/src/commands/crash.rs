//! `partita crash`

use super::{load, pretty};
use crate::Status;
use crate::arguments::Crash;
use crate::screen::Screen;
use anyhow::Context as _;
use partita_abi::crash::Record;
use partita_crash::Symbols;
use partita_manifest::Plan;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;

/// Shows crash records.
pub fn crash(arguments: &Crash, screen: &Screen) -> anyhow::Result<Status> {
    let text = read(arguments)?;
    let mut records = partita_crash::find(&text)
        .with_context(|| format!("cannot read {}", arguments.file.display()))?;
    if let Some(name) = &arguments.partition {
        records.retain(|record| record.partition.as_str() == name);
    }
    if !arguments.all {
        records = latest(records);
    }
    let plan = match &arguments.manifest {
        None => None,
        Some(manifest) => match load(manifest, screen) {
            Some(plan) => Some(plan),
            None => return Ok(Status::Bad),
        },
    };
    let files = files(arguments, plan.as_ref());
    let mut crashes = Vec::new();
    for record in &records {
        let symbols = match files.get(record.partition.as_str()) {
            // The names are a help: without them the numbers still say something.
            Some((path, base)) => Symbols::read(path, *base)
                .inspect_err(|error| screen.error(&error.to_string()))
                .ok(),
            None => None,
        };
        crashes.push(partita_crash::Crash::new(record, symbols.as_ref()));
    }
    if arguments.json {
        let json = serde_json::json!({ "crashes": crashes });
        screen.result(&pretty(&json))?;
    } else {
        let texts: Vec<String> = crashes
            .iter()
            .map(|crash| partita_crash::show(crash, screen.color))
            .collect();
        screen.result(&texts.join("\n"))?;
    }
    if crashes.is_empty() {
        screen.status(&format!(
            "there is no crash record in {}",
            arguments.file.display()
        ));
        return Ok(Status::Bad);
    }
    Ok(Status::Good)
}

fn read(arguments: &Crash) -> anyhow::Result<Vec<u8>> {
    if arguments.file.as_os_str() == "-" {
        let mut text = Vec::new();
        io::stdin()
            .read_to_end(&mut text)
            .context("cannot read standard input")?;
        return Ok(text);
    }
    let file = &arguments.file;
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

/// The last record of each partition.
fn latest(records: Vec<Record>) -> Vec<Record> {
    let mut latest: Vec<Record> = Vec::new();
    for record in records {
        latest.retain(|other| other.partition != record.partition);
        latest.push(record);
    }
    latest
}

/// The file with each partition's names, and where a position-independent program lies.
fn files(arguments: &Crash, plan: Option<&Plan>) -> BTreeMap<String, (PathBuf, u64)> {
    let mut files = BTreeMap::new();
    let partitions = plan.map(|plan| plan.partitions.as_slice());
    for partition in partitions.unwrap_or_default() {
        if let Some(elf) = &partition.elf {
            let file = (elf.clone(), partition.ram.base);
            files.insert(partition.name.clone(), file);
        }
    }
    for (name, path) in &arguments.symbols {
        let base = partitions
            .unwrap_or_default()
            .iter()
            .find(|partition| partition.name == *name)
            .map_or(0, |partition| partition.ram.base);
        files.insert(name.clone(), (path.clone(), base));
    }
    files
}
