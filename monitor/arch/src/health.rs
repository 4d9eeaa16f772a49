//! Health events: each one is recorded, told to whom the manifest says, and answered.

use crate::console;
use crate::cores::Core;
use crate::crash;
use crate::mail;
use crate::report;
use crate::shared;
use partita_abi::MAX_PARTITIONS;
use partita_abi::health::{Action, Kind};
use partita_abi::status::Event;
use partita_abi::table::Response;
use partita_monitor_core::events::{EventLog, describe};
use partita_monitor_core::healing::{Decision, History};
use partita_monitor_core::notices::Notices;
use partita_monitor_core::text::Text;
use spin::mutex::{TicketMutex, ticket::TicketMutexGuard};

/// Events of one partition that are told on the console; all are counted.
const TOLD: u32 = 16;

/// The event log. Held for a bounded time: no lock is taken inside.
pub static LOG: TicketMutex<EventLog> = TicketMutex::new(EventLog::new());

/// When each partition was restarted. Held for a bounded time: no lock is taken inside.
static HISTORIES: TicketMutex<[History; MAX_PARTITIONS]> =
    TicketMutex::new([const { History::new() }; MAX_PARTITIONS]);

/// What each partition is to be told. Held for a bounded time: no lock is taken inside.
static NOTICES: TicketMutex<[Notices; MAX_PARTITIONS]> =
    TicketMutex::new([const { Notices::new() }; MAX_PARTITIONS]);

#[inline(never)]
fn notices() -> TicketMutexGuard<'static, [Notices; MAX_PARTITIONS]> {
    NOTICES.lock()
}

/// Records an event of a partition, tells whom it concerns, and does what the manifest says. Returns
/// whether the partition goes on: if not, all its virtual cores are about to stop. Does not return if
/// the whole system is to end.
pub fn raise(
    core: &mut Core,
    partition: usize,
    kind: Kind,
    cause: u32,
    address: u64,
    program_counter: u64,
) -> bool {
    let event = log(core, partition, kind, cause, address, program_counter);
    notify(core, partition, kind);
    act(core, partition, kind, &event)
}

/// Tells the partition that the manifest names.
fn notify(core: &Core, partition: usize, kind: Kind) {
    let responses = &core.machine.partition(partition).responses;
    let told = match responses.get(kind as usize) {
        Some(response) if response.notify != Response::NOBODY => usize::from(response.notify),
        _ => return,
    };
    let mut all = notices();
    if !all
        .get_mut(told)
        .is_some_and(|notices| notices.put(partition, kind))
    {
        return;
    }
    drop(all);
    let place = core.machine.partition(told).place(0);
    core.post(
        usize::from(place.core),
        usize::from(place.slot),
        mail::NOTICE,
    );
}

/// Takes the oldest notice for a partition; 0 if there is none.
pub fn take_notice(partition: usize) -> u64 {
    notices().get_mut(partition).map_or(0, Notices::take)
}

/// Whether there are notices for a partition.
pub fn has_notices(partition: usize) -> bool {
    let all = notices();
    all.get(partition)
        .is_some_and(|notices| !notices.is_empty())
}

/// Does what the manifest says about an event. Returns whether the partition goes on.
fn act(core: &mut Core, partition: usize, kind: Kind, event: &Event) -> bool {
    let view = core.machine.partition(partition);
    let shared = shared::of(partition);
    let Some(entry) = core.machine.table.partitions.get(partition) else {
        return false;
    };
    let action = view.action(kind);
    let decision = {
        let mut histories = HISTORIES.lock();
        // Two of its cores may have found something at the same time: the first one decides.
        if shared.is_stopping() {
            return false;
        }
        let Some(history) = histories.get_mut(partition) else {
            return false;
        };
        let decision = history.decide(kind, action, &entry.restart, core.now_ns());
        if matches!(decision, Decision::Restart { .. } | Decision::Off(_)) {
            shared.begin_stop(decision, view.virtual_cores as u32);
        }
        decision
    };
    let action = match decision {
        Decision::GoOn => Action::Log,
        Decision::Restart { .. } => Action::Restart,
        Decision::Off(_) => Action::Halt,
        Decision::StopSystem => Action::StopSystem,
        Decision::ResetSystem => Action::ResetSystem,
    };
    crash::capture(core, event, kind, action);
    match decision {
        Decision::GoOn => return true,
        Decision::Restart { .. } | Decision::Off(_) => {}
        Decision::StopSystem => report::stop_system(core, partition, kind),
        Decision::ResetSystem => report::reset_system(core),
    }
    // Each core answers when it next looks at its mail, this one before it enters a partition again.
    for place in view.places.iter().take(view.virtual_cores) {
        core.post(usize::from(place.core), usize::from(place.slot), mail::STOP);
    }
    false
}

/// Puts an event of a partition into the log, and tells it.
fn log(
    core: &Core,
    partition: usize,
    kind: Kind,
    cause: u32,
    address: u64,
    program_counter: u64,
) -> Event {
    let event = Event {
        time_ns: core.now_ns(),
        address,
        program_counter,
        cause,
        partition: partition as u16,
        kind: kind as u8,
        core: core.id as u8,
    };
    let count = LOG.lock().record(event);
    if count > TOLD {
        return event;
    }
    let name = core
        .machine
        .table
        .partitions
        .get(partition)
        .map_or(b"".as_slice(), |entry| entry.name.letters());
    let mut line = Text::<200>::new();
    describe(&mut line, name, &event);
    if count == TOLD {
        line.text(" (further events are only counted)");
    }
    console::monitor_line(core, line.as_bytes());
    event
}
