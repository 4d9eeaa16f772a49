//! The plan for tools.

use crate::plan::{ImageFile, Plan, PlannedPartition};
use crate::protection::{mode_name, rights_name};
use crate::separation::Separation;
use partita_abi::health::{Action, Kind as Event};
use partita_abi::table::{Kind, Route, WatchdogStart};
use serde_json::{Map, Value, json};

/// The plan as JSON. Addresses are numbers; `line` is the line of the manifest behind an entry.
pub fn explain_json(plan: &Plan) -> Value {
    let partitions: Map<String, Value> = plan
        .partitions
        .iter()
        .enumerate()
        .map(|(index, partition)| (partition.name.clone(), explain_one(plan, index, partition)))
        .collect();
    json!({
        "system": plan.system_name,
        "version": plan.security_version,
        "board": plan.board.name,
        "cores": plan.cores,
        "memory": { "base": plan.board.ram_base, "size": plan.memory_bytes },
        "smepmp": plan.smepmp,
        "sstc": plan.sstc,
        "vector": plan.vector,
        "secure_stage_2": plan.secure_stage_2,
        "iommu": plan.has_iommu(),
        "store_end": plan.store_end,
        "console_focus": plan.partitions.get(plan.console_focus).map(|partition| &partition.name),
        "partitions": partitions,
        "warnings": plan.warnings.to_json(),
    })
}

fn explain_one(plan: &Plan, index: usize, partition: &PlannedPartition) -> Value {
    let regions: Vec<Value> = partition
        .regions
        .iter()
        .map(|region| {
            json!({
                "base": region.base,
                "size": region.size,
                "rights": rights_name(region.rights),
                "description": region.description,
                "line": region.line,
            })
        })
        .collect();
    let cores: Vec<Value> = partition
        .virtual_cores
        .iter()
        .map(|core| {
            let entries: Vec<Value> = core
                .protections
                .iter()
                .enumerate()
                .map(|(offset, entry)| {
                    json!({
                        "slot": core.protection_slot + offset,
                        "mode": mode_name(entry.config),
                        "address": entry.address,
                        "config": entry.config,
                        "region": entry.region,
                    })
                })
                .collect();
            json!({ "core": core.core, "line": core.line, "protection": entries })
        })
        .collect();
    let lines: Vec<Value> = partition
        .lines
        .iter()
        .map(|line| {
            json!({
                "line": line.line,
                "device": line.device,
                "route": match line.route {
                    Route::Direct => "direct",
                    Route::Mediated => "mediated",
                },
            })
        })
        .collect();
    let streams: Vec<Value> = partition
        .streams
        .iter()
        .map(|streams| {
            json!({
                "first": streams.first,
                "count": streams.count,
                "device": streams.device,
                "line": streams.line,
            })
        })
        .collect();
    let parts: Vec<Value> = plan
        .parts
        .iter()
        .filter(|part| part.partition == index)
        .map(|part| {
            let digest: String = part
                .digest
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            json!({
                "role": part.role.name(),
                "file": match part.file {
                    ImageFile::System => "system",
                    ImageFile::Normal => "normal",
                },
                "source": part.source,
                "destination": part.destination,
                "size": part.bytes.len(),
                "blake2b256": digest,
            })
        })
        .collect();
    json!({
        "criticality": partition.criticality.name(),
        "kind": match partition.kind {
            Kind::Program => "program",
            Kind::Linux => "linux",
        },
        "line": partition.line,
        "isolation": plan.separation(partition).to_json(),
        "entry": partition.entry,
        "device_tree": partition.device_tree,
        "budget_ns": partition.budget_ns.map(|(budget, _)| budget),
        "period_ns": partition.budget_ns.map(|(_, period)| period),
        "health": health(plan, partition),
        "regions": regions,
        "cores": cores,
        "stage_2": stage_2(plan, partition),
        "interrupts": lines,
        "streams": streams,
        "parts": parts,
    })
}

impl Separation {
    /// What keeps a partition apart: in a word, and what it keeps (`holds`), lacks or costs.
    pub fn to_json(&self) -> Value {
        let statements = self.statements.iter().map(|statement| {
            json!({
                "about": statement.about,
                "holds": statement.holds,
                "text": statement.text,
            })
        });
        json!({ "by": self.by, "statements": statements.collect::<Vec<_>>() })
    }
}

fn stage_2(plan: &Plan, partition: &PlannedPartition) -> Vec<Value> {
    let rows = plan.stage_2(partition).into_iter().map(|row| {
        json!({
            "base": row.base,
            "size": row.size,
            "output": row.output,
            "rights": rights_name(row.rights),
            "memory": row.is_memory,
            "blocks": row.blocks,
            "pages": row.pages,
            "description": row.description,
            "line": row.line,
        })
    });
    rows.collect()
}

fn health(plan: &Plan, partition: &PlannedPartition) -> Value {
    let health = &partition.health;
    let events: Map<String, Value> = Event::ALL
        .into_iter()
        .map(|event| {
            let told = health
                .notified(event)
                .and_then(|told| plan.partitions.get(told));
            let response = json!({
                "action": health.action(event).name(),
                "notify": told.map(|told| &told.name),
            });
            (event.name().to_owned(), response)
        })
        .collect();
    let restart = &health.restart;
    let limited = restart.limit != 0;
    let then = Action::from_number(restart.then).filter(|_| limited);
    let has_watchdog = health.watchdog_ns != 0;
    json!({
        "events": events,
        "restart": {
            "limit": limited.then_some(restart.limit),
            "within_ns": (restart.within_ns != 0).then_some(restart.within_ns),
            "back_off_ns": restart.back_off_ns,
            "then": then.map(Action::name),
        },
        "watchdog": has_watchdog.then(|| json!({
            "timeout_ns": health.watchdog_ns,
            "start": match health.watchdog_start {
                WatchdogStart::Boot => "boot",
                WatchdogStart::FirstUse => "first-use",
            },
        })),
        "interrupts": (health.storm_limit != 0).then(|| json!({
            "limit": health.storm_limit,
            "within_ns": health.storm_within_ns,
        })),
    })
}
