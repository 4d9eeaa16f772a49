//! What partitions ask of the monitor, in whatever way an architecture's calls ask it.

use super::{Core, NOTICES_PENDING};
use crate::arch;
use crate::arch::controller::Controller;
use crate::console;
use crate::crash;
use crate::health;
use crate::machine::PartitionView;
use crate::mail::{self, state};
use crate::measurement;
use crate::shared;
use core::sync::atomic::Ordering::SeqCst;
use partita_abi::crash::Trace;
use partita_abi::health::Kind;
use partita_abi::monitor_call::NOTIFICATION_LINE;
use partita_monitor_core::request::{Failure, Request};

/// The most bytes that one console call takes: it bounds how long the call delays a more critical
/// partition.
const CONSOLE_BYTES: u64 = 8;

/// What a request comes to.
pub enum Done {
    /// It returns a value.
    Value(u64),
    /// It fails.
    Failed(Failure),
    /// It was an event: the schedule has to be asked. If the caller goes on, this is its answer.
    Waits(Result<(), Failure>),
    /// The caller's state is gone.
    Gone,
}

/// Why a virtual core is not started.
pub enum NotStarted {
    /// There is none of this number.
    Absent,
    /// It was asked to start before.
    Pending,
    /// It runs.
    Running,
    /// Its partition is being stopped.
    Stopping,
}

impl Core {
    /// Asks a virtual core of the partition to start at `address`.
    pub fn order_start(
        &self,
        view: &PartitionView,
        number: u32,
        address: u64,
        argument: u64,
    ) -> Result<(), NotStarted> {
        let place = view.place(number);
        let target = usize::from(place.core);
        let Some(order) = mail::of(target).orders.get(usize::from(place.slot)) else {
            return Err(NotStarted::Absent);
        };
        match order
            .state
            .compare_exchange(state::STOPPED, state::START_PENDING, SeqCst, SeqCst)
        {
            Ok(_) => {}
            Err(state::START_PENDING) => return Err(NotStarted::Pending),
            Err(_) => return Err(NotStarted::Running),
        }
        crash::note(self, view.index, Trace::CoreStart, 0, number, address);
        // Looked at after the exchange: whoever stops the partition says so before any core is stopped.
        if shared::of(view.index).is_stopping() {
            order.state.store(state::STOPPED, SeqCst);
            return Err(NotStarted::Stopping);
        }
        order.address.store(address, SeqCst);
        order.argument.store(argument, SeqCst);
        self.post(target, usize::from(place.slot), mail::START);
        Ok(())
    }

    /// The running virtual core waits for an interrupt. Returns false if one is pending already.
    pub fn suspend_running(&mut self) -> bool {
        let waits = self.wait_running();
        if waits && let Some((number, slot, _)) = self.running() {
            slot.suspended = true;
            self.set_state(number, state::SUSPENDED);
        }
        waits
    }

    /// Whether all virtual cores of the partition that runs here but this one are stopped.
    pub fn is_alone(&self, view: &PartitionView) -> bool {
        let mut places = view.places.iter().take(view.virtual_cores);
        places.all(|place| {
            let target = usize::from(place.core);
            let order = mail::of(target).orders.get(usize::from(place.slot));
            target == self.id
                || order.is_none_or(|order| order.state.load(SeqCst) == state::STOPPED)
        })
    }

    /// Carries out what the running partition asks for.
    #[inline(never)]
    pub fn carry_out(&mut self, view: &'static PartitionView, request: Request) -> Done {
        match request {
            Request::ConsoleWrite { bytes } => {
                let length = bytes.length().min(CONSOLE_BYTES);
                Done::Value(console::write(self, view, bytes.address(), length))
            }
            Request::ConsoleRead { buffer } => {
                let length = buffer.length().min(CONSOLE_BYTES);
                Done::Value(console::read(view, buffer.address(), length))
            }
            Request::ConsoleWriteByte { byte } => {
                if console::write_byte(self, view, byte) {
                    Done::Value(0)
                } else {
                    Done::Failed(Failure::Failed)
                }
            }
            Request::ReportDeadlines {
                met,
                missed,
                worst_latency_ns,
            } => {
                let shared = shared::of(view.index);
                shared.deadlines_met.fetch_add(met, SeqCst);
                shared.worst_wakeup_ns.fetch_max(worst_latency_ns, SeqCst);
                if missed == 0 {
                    return Done::Value(0);
                }
                shared.deadlines_missed.fetch_add(missed, SeqCst);
                // The report itself has not failed.
                self.raise_call(view, Kind::DeadlineMiss, 0, 0, Ok(()))
            }
            Request::InterruptClaim => Done::Value(self.claim()),
            Request::InterruptComplete { line } => self.complete(view, line),
            Request::Measurement { index, buffer } => {
                let told = measurement::tell(self.machine, view, index as usize, buffer.address());
                told.map_or(Done::Failed(Failure::InvalidParameter), Done::Value)
            }
            Request::Panic { code } => {
                self.raise_call(view, Kind::Panic, 0, code, Err(Failure::Failed))
            }
            Request::WatchdogStart { timeout_ns } => {
                if self.start_watchdog(view.index, timeout_ns) {
                    Done::Value(0)
                } else {
                    Done::Failed(Failure::NotSupported)
                }
            }
            Request::WatchdogPet => {
                shared::of(view.index).watchdog.reset(self.now());
                Done::Value(0)
            }
            Request::NotificationTake => Done::Value(health::take_notice(view.index)),
        }
    }

    /// An event that is a call. If the partition goes on, `answer` is what it gets.
    #[cold]
    #[inline(never)]
    fn raise_call(
        &mut self,
        view: &PartitionView,
        kind: Kind,
        cause: u32,
        address: u64,
        answer: Result<(), Failure>,
    ) -> Done {
        if health::raise(self, view.index, kind, cause, address, arch::call_counter()) {
            Done::Waits(answer)
        } else {
            Done::Gone
        }
    }

    /// Takes the caller's first pending line. Returns 0 if there is none.
    fn claim(&mut self) -> u64 {
        let table = self.machine.table;
        let Some((_, slot, view)) = self.running() else {
            return 0;
        };
        let ready = slot.pending_lines;
        if ready == 0 {
            return 0;
        }
        let bit = ready.trailing_zeros();
        slot.pending_lines &= !(1 << bit);
        let more = slot.pending_lines != 0;
        let line = if ready == NOTICES_PENDING {
            NOTIFICATION_LINE
        } else {
            slot.claimed_lines |= 1 << bit;
            let lines = table.partitions.get(view.index);
            let line = lines.and_then(|entry| table.lines_of(entry).get(bit as usize));
            line.map_or(0, |line| u64::from(line.line))
        };
        self.line_taken(more);
        line
    }

    /// Ends the handling of a line that the caller has claimed, and lets it interrupt again.
    fn complete(&mut self, view: &PartitionView, line: u32) -> Done {
        let machine = self.machine;
        let owner = machine.mediated.get(line as usize).copied().flatten();
        let id = self.id;
        let Some((number, slot, _)) = self.running() else {
            return Done::Gone;
        };
        let Some(owner) = owner
            .filter(|owner| usize::from(owner.core) == id && usize::from(owner.slot) == number)
        else {
            let failure = Failure::InvalidParameter;
            let cause = failure.cause();
            return self.raise_call(view, Kind::CallDenied, cause, line.into(), Err(failure));
        };
        let bit = 1 << (owner.bit % 32);
        if slot.claimed_lines & bit == 0 {
            return Done::Failed(Failure::InvalidParameter);
        }
        slot.claimed_lines &= !bit;
        Controller.unmask(id, line as u16);
        Done::Value(0)
    }
}
