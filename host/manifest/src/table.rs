//! The plan as bytes: the system table that the monitor reads.

use crate::plan::{Plan, PlannedPartition};
use partita_abi::digest::digest;
use partita_abi::name::Name;
use partita_abi::table::Console;
use partita_abi::table::{
    DeviceReset, Header, ImagePart, Line, Partition, Protection, Region, Span, Streams, VirtualCore,
};
use zerocopy::{FromZeros, Immutable, IntoBytes};

/// The arrays behind the header.
#[derive(Default)]
struct Arrays {
    partitions: Vec<Partition>,
    virtual_cores: Vec<VirtualCore>,
    regions: Vec<Region>,
    protections: Vec<Protection>,
    image_parts: Vec<ImagePart>,
    lines: Vec<Line>,
    device_resets: Vec<DeviceReset>,
    streams: Vec<Streams>,
}

/// The table of a plan, with its hash.
pub(crate) fn encode(plan: &Plan) -> Vec<u8> {
    let mut arrays = Arrays::default();
    for (index, partition) in plan.partitions.iter().enumerate() {
        add_partition(plan, index, partition, &mut arrays);
    }
    let mut body = Vec::new();
    append(&mut body, &arrays.partitions);
    append(&mut body, &arrays.virtual_cores);
    append(&mut body, &arrays.regions);
    append(&mut body, &arrays.protections);
    append(&mut body, &arrays.image_parts);
    append(&mut body, &arrays.lines);
    append(&mut body, &arrays.device_resets);
    append(&mut body, &arrays.streams);
    let header = Header {
        magic: Header::MAGIC,
        version: Header::VERSION,
        total_bytes: (size_of::<Header>() + body.len()) as u32,
        hash: [0; 32],
        system: name(&plan.system_name),
        board: name(plan.board.name),
        partitions: arrays.partitions.len() as u16,
        virtual_cores: arrays.virtual_cores.len() as u16,
        regions: arrays.regions.len() as u16,
        protections: arrays.protections.len() as u16,
        image_parts: arrays.image_parts.len() as u16,
        lines: arrays.lines.len() as u16,
        console_focus: plan.console_focus as u16,
        cores: plan.cores as u16,
        device_resets: arrays.device_resets.len() as u16,
        streams: arrays.streams.len() as u16,
        secure_stage_2: u8::from(plan.secure_stage_2),
        reserved: [0; 3],
        security_version: plan.security_version,
        ram_base: plan.board.ram_base,
        ram_size: plan.memory_bytes,
        store_end: plan.store_end,
        crash_base: plan.crash_base,
    };
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(body);
    let hash: [u8; 32] = digest(&bytes[Header::HASHED_FROM..]);
    bytes[Header::HASHED_FROM - hash.len()..Header::HASHED_FROM].copy_from_slice(&hash);
    bytes
}

/// Names were checked when the manifest was read.
fn name(text: &str) -> Name {
    Name::new(text).unwrap_or_else(Name::new_zeroed)
}

fn append<T: IntoBytes + Immutable>(bytes: &mut Vec<u8>, entries: &[T]) {
    bytes.extend(entries.iter().flat_map(IntoBytes::as_bytes));
}

fn span(first: usize, end: usize) -> Span {
    Span {
        first: first as u16,
        count: (end - first) as u16,
    }
}

fn add_partition(plan: &Plan, index: usize, partition: &PlannedPartition, arrays: &mut Arrays) {
    let number = index as u16;
    let first_region = arrays.regions.len();
    arrays
        .regions
        .extend(partition.regions.iter().map(|region| Region {
            base: region.base,
            size: region.size,
            partition: number,
            kind: region.kind as u8,
            rights: region.rights,
            reserved: 0,
        }));
    let first_core = arrays.virtual_cores.len();
    for (own, core) in partition.virtual_cores.iter().enumerate() {
        let first = arrays.protections.len();
        arrays
            .protections
            .extend(core.protections.iter().map(|entry| Protection {
                address: entry.address,
                config: entry.config,
                reserved: 0,
                region: (first_region + entry.region) as u16,
                reserved2: 0,
            }));
        let mut entry = VirtualCore::new_zeroed();
        entry.partition = number;
        entry.index = own as u16;
        entry.core = core.core as u16;
        entry.protection_slot = core.protection_slot as u16;
        entry.protections = span(first, arrays.protections.len());
        arrays.virtual_cores.push(entry);
    }
    let first_part = arrays.image_parts.len();
    let own_parts = plan.parts.iter().filter(|part| part.partition == index);
    arrays.image_parts.extend(own_parts.map(|part| ImagePart {
        source: part.source,
        destination: part.destination,
        size: part.bytes.len() as u64,
        hash: part.digest,
        partition: number,
        role: part.role as u8,
        reserved: [0; 5],
    }));
    let first_line = arrays.lines.len();
    arrays.lines.extend(partition.lines.iter().map(|line| Line {
        line: line.line,
        partition: number,
        route: line.route as u8,
        target: 0,
        reserved: 0,
    }));
    let first_reset = arrays.device_resets.len();
    let resets = partition.devices.iter().flat_map(|device| {
        device.reset.iter().map(|write| DeviceReset {
            address: device.window.base + write.offset,
            value: write.value,
            partition: number,
            width: write.width,
            reserved: 0,
        })
    });
    arrays.device_resets.extend(resets);
    arrays
        .streams
        .extend(partition.streams.iter().map(|streams| Streams {
            first: streams.first,
            count: streams.count,
            partition: number,
            reserved: [0; 3],
        }));
    let has_uart = partition.console == Console::Uart16550;
    let (budget_ns, period_ns) = partition.budget_ns.unwrap_or((0, 0));
    arrays.partitions.push(Partition {
        name: name(&partition.name),
        criticality: partition.criticality.level(),
        kind: partition.kind as u8,
        floating_point: partition.floating_point as u8,
        vector: partition.vector as u8,
        console: partition.console as u8,
        watchdog_start: partition.health.watchdog_start as u8,
        isolation: partition.isolation as u8,
        reserved: 0,
        virtual_cores: span(first_core, arrays.virtual_cores.len()),
        regions: span(first_region, arrays.regions.len()),
        image_parts: span(first_part, arrays.image_parts.len()),
        lines: span(first_line, arrays.lines.len()),
        device_resets: span(first_reset, arrays.device_resets.len()),
        reserved2: 0,
        responses: partition.health.responses,
        restart: partition.health.restart,
        watchdog_ns: partition.health.watchdog_ns,
        storm_limit: partition.health.storm_limit,
        storm_within_ns: partition.health.storm_within_ns,
        entry: partition.entry,
        device_tree: partition.device_tree,
        uart_base: if has_uart {
            plan.board.uart.window.base
        } else {
            0
        },
        budget_ns,
        period_ns,
    });
}
