//! Calls by `SMC`: PSCI, the calling convention's own functions and Partita's.
//!
//! `partita_virtual_aarch64::smc` decodes a call and checks every argument against the caller's own
//! partition. What arrives here is sound; here it is carried out.

use crate::arch;
use crate::arch::boot;
use crate::arch::context::{Context, Shape};
use crate::arch::platform;
use crate::arch::translation;
use crate::board::BOARD;
use crate::cores::Core;
use crate::cores::calls::{Done, NotStarted};
use crate::crash;
use crate::health;
use crate::machine::{self, PartitionView};
use crate::mail::{self, state};
use crate::shared;
use core::sync::atomic::Ordering::SeqCst;
use partita_abi::crash::Trace;
use partita_abi::health::Kind;
use partita_monitor_core::request::Failure;
use partita_virtual_aarch64::smc::watchdog::Wish;
use partita_virtual_aarch64::smc::{self, Call, Registers, answer};

/// What a call comes to.
enum Outcome {
    /// It returns what it is answered with: PSCI's calls in one register.
    Answer(u64),
    /// It returns no error and a value.
    Value(u64),
    /// It returns an error.
    Error(u64),
    /// It returns the answer, and the schedule has to be asked.
    Waits(u64),
    /// It does not return: the caller's state is gone or moved on.
    Gone,
}

impl From<Done> for Outcome {
    #[inline]
    fn from(done: Done) -> Self {
        match done {
            Done::Value(value) => Self::Value(value),
            Done::Failed(failure) => Self::Error(failure.code()),
            Done::Waits(answer) => Self::Waits(answer.map_or_else(Failure::code, |()| 0)),
            Done::Gone => Self::Gone,
        }
    }
}

/// Answers calls that only ask for a fact. Returns false, having done nothing, if it is another one. Called by the
/// vector.
pub extern "C" fn quick(context: &mut Context) -> bool {
    let [function, first, ..] = context.registers;
    let Some(machine) = machine::get() else {
        return false;
    };
    let mitigations = machine.features.mitigations;
    if smc::forgets_branches(function as u32) {
        if mitigations.branch_predictor {
            translation::forget_branches();
        }
        return true;
    }
    match smc::at_once(function as u32, first, mitigations) {
        Some(value) => {
            context.registers[0] = value;
            true
        }
        None => false,
    }
}

/// Answers the call that the running partition makes.
#[inline(never)]
pub fn answer(core: &mut Core, started: u64) -> *const Context {
    let mitigations = core.machine.features.mitigations;
    let Some((_, slot, view)) = core.running() else {
        return core.reschedule(started);
    };
    let saved = &slot.context.registers;
    let registers = Registers {
        function: saved[0] as u32,
        arguments: [saved[1], saved[2], saved[3]],
    };
    let caller = view.caller(slot.resident.number);
    let call = smc::decode(&registers, &caller, mitigations);
    let outcome = carry_out(core, view, call);
    let two = |error, value| (error, Some(value));
    let ((first, second), resumes) = match outcome {
        Outcome::Answer(value) => ((value, None), true),
        Outcome::Value(value) => (two(0, value), true),
        Outcome::Error(error) => (two(error, 0), true),
        Outcome::Waits(value) => ((value, None), false),
        Outcome::Gone => return core.reschedule(started),
    };
    if let Some((_, slot, _)) = core.running() {
        slot.context.registers[0] = first;
        if let Some(second) = second {
            slot.context.registers[1] = second;
        }
    }
    if resumes {
        core.resume()
    } else {
        core.reschedule(started)
    }
}

/// An event that is a call. If the partition goes on, the call is answered with `answer`.
#[cold]
#[inline(never)]
fn raise(
    core: &mut Core,
    view: &PartitionView,
    kind: Kind,
    cause: u32,
    address: u64,
    answer: u64,
) -> Outcome {
    if health::raise(core, view.index, kind, cause, address, arch::call_counter()) {
        Outcome::Waits(answer)
    } else {
        Outcome::Gone
    }
}

#[inline]
fn carry_out(core: &mut Core, view: &'static PartitionView, call: Call) -> Outcome {
    match call {
        Call::Answer(value) => Outcome::Answer(value),
        Call::Fail(failure) => Outcome::Error(failure.code()),
        Call::Deny { answer, reached } => {
            let cause = answer.wrapping_neg() as u32;
            raise(core, view, Kind::CallDenied, cause, reached, answer)
        }
        Call::CoreOn {
            core: number,
            entry,
            context,
        } => start(core, view, number, entry.address(), context),
        Call::CoreOff => {
            if let Some((_, slot, _)) = core.running() {
                let number = slot.resident.number as u32;
                crash::note(core, view.index, Trace::CoreStop, 0, number, 0);
            }
            core.stop_running();
            Outcome::Gone
        }
        Call::CoreState { core: number } => {
            let place = view.place(number);
            let order = mail::of(usize::from(place.core))
                .orders
                .get(usize::from(place.slot));
            // DEN0022, 5.7.3: on, off, on its way.
            let found = order.map_or(state::STOPPED, |order| order.state.load(SeqCst));
            Outcome::Answer(match found {
                state::STOPPED => 1,
                state::START_PENDING => 2,
                _ => 0,
            })
        }
        Call::Standby => {
            core.suspend_running();
            Outcome::Waits(answer::SUCCESS)
        }
        Call::SystemSuspend { .. } if !core.is_alone(view) => Outcome::Answer(answer::DENIED),
        Call::PowerDown { resume, context } | Call::SystemSuspend { resume, context } => {
            core.suspend_running();
            resume_at(core, resume.address(), context);
            Outcome::Gone
        }
        Call::SystemOff => raise(core, view, Kind::Shutdown, 0, 0, answer::INTERNAL_FAILURE),
        Call::SystemReset => raise(core, view, Kind::Reset, 0, 0, answer::INTERNAL_FAILURE),
        Call::Entropy { function, bits } => Outcome::Answer(entropy(core, function, bits)),
        Call::EntropyIdentity => {
            let [first, rest @ ..] = smc::entropy::IDENTITY;
            Outcome::Answer(give(core, first, rest))
        }
        Call::Watchdog(wish) => Outcome::Answer(watchdog(core, view, wish)),
        Call::CallCores { cores } => {
            call_cores(view, cores);
            Outcome::Value(0)
        }
        Call::Request(request) => core.carry_out(view, request).into(),
    }
}

/// Returns further values, in `x1` to `x3`, with the `answer` in `x0`.
fn give(core: &mut Core, answer: u64, values: [u64; 3]) -> u64 {
    if let Some((_, slot, _)) = core.running() {
        let [_, x1, x2, x3, ..] = &mut slot.context.registers;
        [*x1, *x2, *x3] = values;
    }
    answer
}

/// Random bits, if the source has them now.
#[cold]
#[inline(never)]
fn entropy(core: &mut Core, function: u32, bits: u32) -> u64 {
    let mut words = [0; 3];
    for word in &mut words {
        match platform::random() {
            Some(random) => *word = random,
            None => return answer::NO_ENTROPY,
        }
    }
    let values = smc::entropy::spread(function, bits, words);
    give(core, answer::SUCCESS, values)
}

/// What a partition wants of its watchdog. The time that it will take is kept in `mode`, in seconds; 0 is the manifest's.
#[cold]
#[inline(never)]
fn watchdog(core: &mut Core, view: &PartitionView, wish: Wish) -> u64 {
    let state = &shared::of(view.index).watchdog;
    let partitions = core.machine.table.partitions;
    let longest = partitions
        .get(view.index)
        .map_or(0, |entry| entry.watchdog_ns);
    let now = core.now();
    let left = state.left(now);
    let starts = match wish {
        _ if longest == 0 => return answer::NOT_SUPPORTED,
        Wish::Tell => {
            let (shortest, longest) = smc::watchdog::range(longest);
            return give(core, answer::SUCCESS, [shortest, longest, 0]);
        }
        Wish::Left => {
            let seconds = smc::watchdog::seconds(BOARD.ticks_to_ns(left));
            return give(core, answer::SUCCESS, [seconds, 0, 0]);
        }
        Wish::SetTime { seconds } if smc::watchdog::time(seconds, longest).is_none() => {
            return answer::INVALID_PARAMETERS;
        }
        Wish::SetTime { seconds } => {
            state.mode.store(seconds, SeqCst);
            left != 0
        }
        Wish::Start => true,
        Wish::Stop if left != 0 => return answer::DENIED,
        Wish::Stop => false,
        Wish::Reset => {
            state.reset(now);
            false
        }
    };
    if starts {
        // No time, if none was set, stands for the manifest's.
        let time = smc::watchdog::time(state.mode.load(SeqCst), longest);
        core.start_watchdog(view.index, time.unwrap_or(0));
    }
    answer::SUCCESS
}

/// Has each of these cores look at its mail, where it finds a software interrupt.
fn call_cores(view: &PartitionView, cores: u64) {
    let mut left = cores;
    while left != 0 {
        let place = view.place(left.trailing_zeros());
        left &= left.wrapping_sub(1);
        let (target, slot) = (usize::from(place.core), usize::from(place.slot));
        if mail::of(target).request(slot, mail::SOFTWARE_INTERRUPT) {
            crate::arch::interrupt(target);
        }
    }
}

/// `CPU_ON` (DEN0022, 5.6).
fn start(core: &Core, view: &PartitionView, number: u32, address: u64, context: u64) -> Outcome {
    Outcome::Answer(match core.order_start(view, number, address, context) {
        Ok(()) => answer::SUCCESS,
        Err(NotStarted::Absent) => answer::INVALID_PARAMETERS,
        Err(NotStarted::Pending) => answer::ON_PENDING,
        Err(NotStarted::Running) => answer::ALREADY_ON,
        Err(NotStarted::Stopping) => answer::INTERNAL_FAILURE,
    })
}

/// A core whose power was down goes on at `address`. Its interrupts and timers stay as they are.
fn resume_at(core: &mut Core, address: u64, argument: u64) {
    let Some((_, slot, _)) = core.running() else {
        return;
    };
    slot.context.start(address, (argument, 0));
    slot.context.lower.keep_timers();
    slot.context.restore();
    if slot.context.shape == Shape::Hypervisor {
        boot::restart_hypervisor();
    }
}
