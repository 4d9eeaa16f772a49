//! What a partition's health events lead to.

use partita_abi::health::{Action, Kind};
use partita_abi::table::{self, Response, Restart, WatchdogStart};

/// A partition's part of the health table.
#[derive(Clone, Debug)]
pub struct Health {
    /// What to do about each event, by the number of its kind.
    pub responses: [Response; Kind::COUNT],
    /// How often and how soon it is restarted.
    pub restart: Restart,
    /// The longest time in nanoseconds in which it must reset its watchdog; 0: it has none.
    pub watchdog_ns: u64,
    /// When the watchdog starts.
    pub watchdog_start: WatchdogStart,
    /// Interrupts that it may get within `storm_within_ns`; 0 is no bound.
    pub storm_limit: u64,
    /// The time to which `storm_limit` applies, in nanoseconds.
    pub storm_within_ns: u64,
}

impl Health {
    /// What a manifest that says nothing means.
    pub(crate) fn defaults(kind: table::Kind) -> Self {
        let mut health = Self {
            responses: [Response {
                action: Action::Log as u8,
                notify: Response::NOBODY,
            }; Kind::COUNT],
            restart: Restart {
                limit: 0,
                then: Action::Halt as u8,
                reserved: [0; 5],
                within_ns: 0,
                back_off_ns: 0,
            },
            watchdog_ns: 0,
            watchdog_start: WatchdogStart::FirstUse,
            storm_limit: 0,
            storm_within_ns: 0,
        };
        if kind == table::Kind::Program {
            // What fails again and again will not be healed by one more restart. People reboot a
            // Linux as often as they like, so it has no limit.
            health.restart.limit = 3;
            health.restart.within_ns = 10_000_000_000;
            health.restart.back_off_ns = 1_000_000;
            health.storm_limit = 1000;
            health.storm_within_ns = 10_000_000;
        }
        for event in Kind::ALL {
            health.set(event, Self::default_action(kind, event));
        }
        health
    }

    fn default_action(kind: table::Kind, event: Kind) -> Action {
        match event {
            Kind::AccessFault if kind == table::Kind::Linux => Action::Log,
            Kind::AccessFault
            | Kind::UnexpectedTrap
            | Kind::FloatingPoint
            | Kind::Panic
            | Kind::Reset
            | Kind::DoubleTrap
            | Kind::Watchdog => Action::Restart,
            Kind::Shutdown | Kind::ImageCorrupt => Action::Halt,
            Kind::IllegalInstruction
            | Kind::BudgetOverrun
            | Kind::DeadlineMiss
            | Kind::InterruptDenied
            | Kind::Storm
            | Kind::CallDenied => Action::Log,
        }
    }

    /// The action for an event.
    pub fn action(&self, event: Kind) -> Action {
        let response = self.responses.get(event as usize);
        response
            .and_then(|response| Action::from_number(response.action))
            .unwrap_or(Action::Halt)
    }

    /// The index of the partition that is told of an event.
    pub fn notified(&self, event: Kind) -> Option<usize> {
        let response = self.responses.get(event as usize)?;
        (response.notify != Response::NOBODY).then_some(usize::from(response.notify))
    }

    pub(crate) fn set(&mut self, event: Kind, action: Action) {
        if let Some(response) = self.responses.get_mut(event as usize) {
            response.action = action as u8;
        }
    }

    pub(crate) fn tell(&mut self, event: Kind, partition: usize) {
        if let Some(response) = self.responses.get_mut(event as usize) {
            response.notify = partition as u8;
        }
    }

    /// Why an action cannot follow an event, if it cannot.
    pub(crate) fn objection(event: Kind, action: Action) -> Option<&'static str> {
        match (event, action) {
            (Kind::ImageCorrupt, Action::Log) => Some("a spoilt image is never started"),
            (Kind::ImageCorrupt, Action::Restart) => Some("the image stays spoilt"),
            (Kind::FloatingPoint, Action::Log) => {
                Some("its registers are not kept apart from those of others")
            }
            (Kind::Panic, Action::Log) => Some("the partition said that it cannot go on"),
            (Kind::Reset, Action::Log) => Some("the partition asked for its end"),
            (Kind::Shutdown, Action::Log) => Some("the partition asked for its end"),
            (Kind::DoubleTrap, Action::Log) => Some("it would fault for ever"),
            _ => None,
        }
    }
}
