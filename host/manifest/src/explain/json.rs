//! The plan for tools.

use crate::plan::{Plan, PlannedPartition};
use crate::protection::{mode_name, rights_name};
use partita_abi::table::{Kind, Route};
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
        "board": plan.board.name,
        "cores": plan.cores,
        "memory": { "base": plan.board.ram_base, "size": plan.memory_bytes },
        "smepmp": plan.smepmp,
        "sstc": plan.sstc,
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
        "entry": partition.entry,
        "device_tree": partition.device_tree,
        "budget_ns": partition.budget_ns.map(|(budget, _)| budget),
        "period_ns": partition.budget_ns.map(|(_, period)| period),
        "regions": regions,
        "cores": cores,
        "interrupts": lines,
        "parts": parts,
    })
}
