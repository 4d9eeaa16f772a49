//! Recording health events, and stopping the partition they are about.

use crate::console;
use crate::crash;
use crate::hart::Hart;
use crate::mail;
use crate::shared::{self, Afterwards};
use partita_abi::health::{Action, Kind};
use partita_abi::status::Event;
use partita_monitor_core::events::{EventLog, describe};
use partita_monitor_core::text::Text;
use spin::mutex::TicketMutex;

/// Events of one partition that are told on the console; all are counted.
const TOLD: u32 = 16;

/// The event log. Held for a bounded time: no lock is taken inside.
pub static LOG: TicketMutex<EventLog> = TicketMutex::new(EventLog::new());

/// Records an event of a partition that goes on.
pub fn record(
    hart: &Hart,
    partition: usize,
    kind: Kind,
    cause: u32,
    address: u64,
    program_counter: u64,
) {
    let event = log(hart, partition, kind, cause, address, program_counter);
    crash::capture(hart, &event, kind, Action::Log);
}

/// Puts an event of a partition into the log, and tells it.
fn log(
    hart: &Hart,
    partition: usize,
    kind: Kind,
    cause: u32,
    address: u64,
    program_counter: u64,
) -> Event {
    let event = Event {
        time_ns: hart.now_ns(),
        address,
        program_counter,
        cause,
        partition: partition as u16,
        kind: kind as u8,
        core: hart.id as u8,
    };
    let count = LOG.lock().record(event);
    if count > TOLD {
        return event;
    }
    let name = hart
        .machine
        .table
        .partitions
        .get(partition)
        .map_or("", |entry| entry.name.as_str());
    let mut line = Text::<200>::new();
    describe(&mut line, name, &event);
    if count == TOLD {
        line.text(" (further events are only counted)");
    }
    console::monitor_line(hart, line.as_bytes());
    event
}

/// Records an event and stops the partition for good.
pub fn fail(
    hart: &Hart,
    partition: usize,
    kind: Kind,
    cause: u32,
    address: u64,
    program_counter: u64,
) {
    end(
        hart,
        partition,
        kind,
        (cause, address, program_counter),
        Afterwards::Failed,
    );
}

/// Records an event, and what the partition was doing, and stops it.
pub fn end(
    hart: &Hart,
    partition: usize,
    kind: Kind,
    (cause, address, program_counter): (u32, u64, u64),
    afterwards: Afterwards,
) {
    let event = log(hart, partition, kind, cause, address, program_counter);
    let action = match afterwards {
        Afterwards::Reload => Action::Restart,
        Afterwards::Stopped | Afterwards::Failed => Action::Halt,
    };
    crash::capture(hart, &event, kind, action);
    stop(hart, partition, afterwards);
}

/// Asks all virtual cores of a partition to stop. Each hart answers when it next looks at its mail,
/// this one before it enters a partition again.
fn stop(hart: &Hart, partition: usize, afterwards: Afterwards) {
    let view = hart.machine.partition(partition);
    if !shared::of(partition).begin_stop(afterwards, view.virtual_cores as u32) {
        return;
    }
    for place in view.places.iter().take(view.virtual_cores) {
        hart.post(usize::from(place.hart), usize::from(place.slot), mail::STOP);
    }
}
