//! What a run was like: the report, and the verdict in it.
//!
//! The fields are documented for users in `docs/report.md`, and for tools by [`report_schema`].

use crate::crash::{CrashCollector, CrashReport};
use crate::status::Status;
use crate::system::{PartitionName, System};
use partita_abi::crash::Record;
use partita_abi::health::{Kind, State};
use partita_abi::status::{Event as StatusEvent, Partition as StatusPartition};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The report of one run of a system.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Name of the system.
    pub system: String,
    /// Name of the board.
    pub board: String,
    /// Machine time at which the run ended, in nanoseconds.
    pub virtual_ns: u64,
    /// What drove the machine's time.
    pub clock: ClockReport,
    /// The partitions, by name.
    pub partitions: BTreeMap<String, PartitionReport>,
    /// The cores, by number.
    pub cores: BTreeMap<usize, CoreReport>,
    /// The monitor.
    pub monitor: MonitorReport,
    /// Health events that were no longer kept, of all partitions together.
    pub events_lost: u32,
    /// The health event that ended the run; null if none did.
    pub stopped_by: Option<StoppedBy>,
    /// How often a health event reset the board. All else in the report is since the last time.
    pub resets: u32,
    /// Whether the system was healthy to the end.
    pub healthy: bool,
    /// If not: why not, each reason in words.
    pub reasons: Vec<String>,
}

/// The health event that ended a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StoppedBy {
    /// The partition.
    pub partition: String,
    /// What was found, such as `access-fault`.
    pub kind: String,
}

/// What drove the machine's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClockReport {
    /// The kind of clock.
    pub mode: ClockMode,
    /// An instruction took 2^shift nanoseconds of machine time; null for the host's clock.
    pub shift: Option<u8>,
    /// The longest time one core ran before the next had its turn, in microseconds; null without one.
    pub slice_us: Option<u32>,
}

/// The kind of clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClockMode {
    /// The instructions executed: repeatable.
    Virtual,
    /// The host's clock: deadlines are informative only.
    Host,
}

/// One partition.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PartitionReport {
    /// Its criticality as the manifest has it.
    pub criticality: String,
    /// Its state at the end: `off`, `loading`, `running`, `stopped` (by itself) or `failed` (stopped
    /// by the monitor).
    pub state: String,
    /// How often it was started.
    pub boots: u32,
    /// Machine time of its first console byte in nanoseconds; null if it never spoke.
    pub first_output_ns: Option<u64>,
    /// Machine time of its first instruction in nanoseconds; null if it never ran.
    pub first_entry_ns: Option<u64>,
    /// The deadlines that it reported.
    pub deadlines: Deadlines,
    /// The worst wake-up latency that it reported, in nanoseconds.
    pub worst_wakeup_ns: u64,
    /// Core time that it used in nanoseconds, summed over its cores.
    pub cpu_ns: u64,
    /// Console bytes that were dropped because the serial port was slower.
    pub console_dropped: u32,
    /// Health events in all, those that are no longer kept too.
    pub events_total: u32,
    /// The latest health events, oldest first.
    pub events: Vec<EventReport>,
    /// What it was doing when the monitor last took it down; null if it never did.
    pub crash: Option<CrashReport>,
}

/// Deadlines as a partition reported them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Deadlines {
    /// Deadlines met.
    pub met: u64,
    /// Deadlines missed.
    pub missed: u64,
}

/// One health event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EventReport {
    /// Machine time in nanoseconds.
    pub time_ns: u64,
    /// What was found, such as `access-fault`.
    pub kind: String,
    /// The physical core.
    pub core: u8,
    /// The address accessed or the panic code, as `0x` and hexadecimal digits.
    pub address: String,
    /// The program counter, as `0x` and hexadecimal digits.
    pub program_counter: String,
    /// The hardware's trap cause, or 0.
    pub cause: u32,
    /// The event in words.
    pub text: String,
}

/// One core.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CoreReport {
    /// Switches between partitions.
    pub switches: u64,
    /// Length of a switch from trap to return, in instructions; null for the host's clock or if there
    /// was none.
    pub switch_instructions: Option<Instructions>,
    /// Time in which no partition ran, in nanoseconds.
    pub idle_ns: u64,
}

/// Instructions: a median and a worst case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Instructions {
    /// The median.
    pub p50: u32,
    /// The most.
    pub max: u32,
}

/// The monitor's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MonitorReport {
    /// Bytes of its text and read-only data.
    pub text_bytes: u32,
    /// Bytes of its data, zeroed data and stacks.
    pub data_bytes: u32,
}

/// The JSON Schema of a report.
pub fn report_schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}

impl Report {
    /// Says what a status block means.
    pub fn new(
        system: &System,
        clock: ClockReport,
        status: &Status,
        crashes: &CrashCollector,
    ) -> Self {
        let mut reasons = Vec::new();
        let stopped_by = stopped_by(system, status.header.stopped_by);
        if let Some(StoppedBy { partition, kind }) = &stopped_by {
            reasons.push(format!("{kind} of {partition} stopped the system"));
        }
        let mut partitions = BTreeMap::new();
        for (index, name) in system.partitions.iter().enumerate() {
            let Some(partition) = status.partitions.get(index) else {
                reasons.push(format!("the monitor tells nothing of {}", name.name));
                continue;
            };
            let own = |event: &&StatusEvent| usize::from(event.partition) == index;
            let events: Vec<_> = status.events.iter().filter(own).copied().collect();
            if stopped_by.is_none() || partition.state != State::Stopped as u8 {
                judge(name, partition, &events, clock.mode, &mut reasons);
            }
            partitions.insert(
                name.name.clone(),
                partition_report(name, partition, &events, crashes.latest(index)),
            );
        }
        let core = |core: &partita_abi::status::Core| {
            // Under QEMU's instruction counting `minstret` counts instructions, of all cores.
            let shift = clock.shift.filter(|_| core.switches != 0);
            let switch_instructions = shift.map(|shift| Instructions {
                p50: instructions(&system.board, core.switch_p50, shift),
                max: instructions(&system.board, core.switch_max, shift),
            });
            CoreReport {
                switches: core.switches,
                switch_instructions,
                idle_ns: core.idle_ns,
            }
        };
        Self {
            system: system.name.clone(),
            board: system.board.clone(),
            virtual_ns: status.header.virtual_ns,
            clock,
            partitions,
            cores: status.cores.iter().map(core).enumerate().collect(),
            monitor: MonitorReport {
                text_bytes: status.header.text_bytes,
                data_bytes: status.header.data_bytes,
            },
            events_lost: status.header.events_lost,
            stopped_by,
            resets: 0,
            healthy: reasons.is_empty(),
            reasons,
        }
    }
}

/// Instructions from the measure of length that the monitor has on a board. On Arm these are ticks of the system
/// counter, which QEMU derives from the instructions of all cores, 2^shift ns each.
fn instructions(board: &str, length: u32, shift: u8) -> u32 {
    match partita_board::by_name(board) {
        Some(board) if board.architecture.aarch64().is_some() => {
            let ns = board.ticks_to_ns(length.into());
            u32::try_from(ns.checked_shr(shift.into()).unwrap_or(0)).unwrap_or(u32::MAX)
        }
        _ => length,
    }
}

impl Report {
    /// Adds that the board was reset so often before the boot that the report is about.
    pub fn add_resets(&mut self, resets: u32) {
        if resets == 0 {
            return;
        }
        self.resets += resets;
        self.healthy = false;
        self.reasons.push(match resets {
            1 => "the board was reset once".to_owned(),
            _ => format!("the board was reset {resets} times"),
        });
    }
}

/// Reads the field of the status block that names the event that ended the run.
fn stopped_by(system: &System, value: u32) -> Option<StoppedBy> {
    let partition = system.partitions.get((value >> 8 & 0xff) as usize)?;
    let kind = Kind::from_number(value as u8)?;
    Some(StoppedBy {
        partition: partition.name.clone(),
        kind: kind.name().to_owned(),
    })
}

fn partition_report(
    name: &PartitionName,
    partition: &StatusPartition,
    events: &[StatusEvent],
    crash: Option<&Record>,
) -> PartitionReport {
    let known = |time_ns: u64| (time_ns != 0).then_some(time_ns);
    PartitionReport {
        criticality: name.criticality.clone(),
        state: State::from_number(partition.state)
            .map_or("unknown", State::name)
            .to_owned(),
        boots: partition.boots,
        first_output_ns: known(partition.first_output_ns),
        first_entry_ns: known(partition.first_entry_ns),
        deadlines: Deadlines {
            met: partition.deadlines_met,
            missed: partition.deadlines_missed,
        },
        worst_wakeup_ns: partition.worst_wakeup_ns,
        cpu_ns: partition.cpu_ns,
        console_dropped: partition.console_dropped,
        events_total: partition.events_total,
        events: events.iter().map(event_report).collect(),
        // The place may hold a record of another system that ran on the board before.
        crash: crash
            .filter(|record| record.partition.as_str() == name.name)
            .map(CrashReport::new),
    }
}

fn event_report(event: &StatusEvent) -> EventReport {
    let kind = Kind::from_number(event.kind);
    EventReport {
        time_ns: event.time_ns,
        kind: kind.map_or("unknown", Kind::name).to_owned(),
        core: event.core,
        address: format!("{:#x}", event.address),
        program_counter: format!("{:#x}", event.program_counter),
        cause: event.cause,
        text: event_text(event),
    }
}

/// An event in words, as what its partition did.
pub fn event_text(event: &StatusEvent) -> String {
    let kind = Kind::from_number(event.kind);
    let at = format!("at {:#x}", event.program_counter);
    let address = event.address;
    match kind {
        Some(Kind::AccessFault) if event.cause & Kind::CAUSE_DEVICE != 0 => {
            let stream = event.program_counter;
            format!("its device of stream {stream:#x} reached for {address:#x}; denied")
        }
        Some(Kind::AccessFault) => {
            // RISC-V privileged architecture, table of `mcause`: 1, 5, 7 are the access faults. Arm (DDI 0487,
            // D24.2.40): the class of the exception, 0x20 that of a fetch, 0x2f asynchronous.
            let what = match event.cause {
                1 | 0x20 => "fetched from",
                5 => "read",
                7 => "wrote",
                0x2f => {
                    return format!(
                        "accessed what is not its own, some time before it was {at} (syndrome {address:#x}); denied"
                    );
                }
                _ => "accessed",
            };
            // The hardware tells the address as the partition counts it, by its own page tables.
            format!("{what} address {address:#x}, behind which nothing is its own, {at}; denied")
        }
        Some(Kind::IllegalInstruction) if event.cause == TRAPPED_REGISTER => {
            let register = system_register(address);
            format!("used the system register {register}, which it may not use, {at}")
        }
        Some(Kind::IllegalInstruction) if event.cause == 0 => {
            format!("executed an undefined instruction, {at}")
        }
        Some(Kind::IllegalInstruction) => {
            format!("used the instruction {address:#x}, which it may not use, {at}")
        }
        Some(Kind::UnexpectedTrap) => {
            format!(
                "caused a trap (cause {}) that it should have handled itself, {at}",
                event.cause
            )
        }
        Some(Kind::FloatingPoint) if event.cause == Kind::CAUSE_VECTOR => {
            "used vectors, though its manifest entry does not have vector = \"eager\"".to_owned()
        }
        Some(Kind::FloatingPoint) => {
            "used floating point, though its manifest entry has fp = \"none\"".to_owned()
        }
        Some(Kind::Panic) => format!("gave up with code {address:#x}"),
        Some(Kind::Reset) => "reset itself".to_owned(),
        Some(Kind::Shutdown) => "shut itself down".to_owned(),
        Some(Kind::BudgetOverrun) => "used up its budget with work left".to_owned(),
        Some(Kind::ImageCorrupt) => "its stored image does not match its hash".to_owned(),
        Some(Kind::DeadlineMiss) => "missed a deadline".to_owned(),
        Some(Kind::InterruptDenied) => {
            format!("wrote the interrupt register {address:#x} of a line that is not its own")
        }
        Some(Kind::DoubleTrap) => format!("its own trap handler {address:#x} faulted, {at}"),
        Some(Kind::Watchdog) => "did not reset its watchdog in time".to_owned(),
        Some(Kind::Storm) => {
            "got more interrupts than its manifest entry allows; they waited".to_owned()
        }
        Some(Kind::CallDenied) => {
            format!("named {address:#x}, which is not its own, in a monitor call, {at}; denied")
        }
        None => format!("event of unknown kind {}", event.kind),
    }
}

/// On Arm the cause of an event is the class of the exception; this one is that of a trapped access to a system
/// register (DDI 0487, D24.2.40).
const TRAPPED_REGISTER: u32 = 0x18;

/// The system register that the syndrome of a trapped access names, as assemblers take it.
fn system_register(syndrome: u64) -> String {
    let field = |shift: u32, bits: u64| syndrome >> shift & bits;
    format!(
        "S{}_{}_C{}_C{}_{}",
        field(20, 3),
        field(14, 7),
        field(10, 15),
        field(1, 15),
        field(17, 7)
    )
}

/// Whether an event of this kind speaks against a partition that has a safety integrity level. All do:
/// such a partition is not expected even to reset itself.
///
/// A partition without one (QM) may do what it likes, as the others are undisturbed by it; what counts
/// there is that it was not stopped by the monitor and kept the deadlines that it reported.
fn judge(
    name: &PartitionName,
    partition: &StatusPartition,
    events: &[StatusEvent],
    clock: ClockMode,
    reasons: &mut Vec<String>,
) {
    // By the host's clock a partition is late whenever the host is busy with something else.
    let time_counts = clock == ClockMode::Virtual;
    let mut reason = |text: String| reasons.push(format!("{} {text}", name.name));
    match State::from_number(partition.state) {
        Some(State::Running) => {}
        Some(State::Failed) => reason("was stopped by the monitor".to_owned()),
        Some(State::Stopped) if name.is_critical => reason("shut itself down".to_owned()),
        Some(State::Stopped) => {}
        Some(State::Off | State::Loading) => {
            reason("had not started when the run ended".to_owned());
        }
        None => reason(format!("is in the unknown state {}", partition.state)),
    }
    let missed = partition.deadlines_missed;
    if missed != 0 && time_counts {
        let total = missed.saturating_add(partition.deadlines_met);
        reason(format!("missed {missed} of {total} deadlines"));
    }
    if !name.is_critical {
        return;
    }
    for kind in Kind::ALL {
        match kind {
            // Told above already.
            Kind::DeadlineMiss | Kind::Shutdown => continue,
            Kind::BudgetOverrun if !time_counts => continue,
            _ => {}
        }
        let mut of_kind = events.iter().filter(|event| event.kind == kind as u8);
        if let Some(first) = of_kind.next() {
            let more = match of_kind.count() {
                0 => String::new(),
                more => format!(" (and {more} more such events)"),
            };
            reason(format!("{}{more}", event_text(first)));
        }
    }
    let lost = u64::from(partition.events_total).saturating_sub(events.len() as u64);
    if lost != 0 && time_counts {
        reason(format!(
            "had {lost} earlier health events that are no longer kept"
        ));
    }
}
