//! What follows a health event: go on, restart now or later, stay off, or end it for everybody.
//!
//! A partition's history of restarts decides whether there is another one, and how long it waits. All
//! times are machine time in nanoseconds.

use partita_abi::health::{Action, Kind, State};
use partita_abi::table::Restart;

/// What to do about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The partition goes on.
    GoOn,
    /// It is restarted, not before this time.
    Restart {
        /// Machine time in nanoseconds.
        not_before_ns: u64,
    },
    /// It stays off, in this state.
    Off(State),
    /// All partitions stay off, and the run ends.
    StopSystem,
    /// The board is reset.
    ResetSystem,
}

/// Restarts whose times are kept.
const MOST: usize = Restart::MOST as usize;

/// When a partition was restarted.
#[derive(Clone, Copy, Debug)]
pub struct History {
    times: [u64; MOST],
    /// Where the next one goes.
    next: usize,
    /// Restarts ever, as far as there is room for their times.
    kept: usize,
}

impl History {
    /// No restart yet.
    pub const fn new() -> Self {
        Self {
            times: [0; MOST],
            next: 0,
            kept: 0,
        }
    }

    /// Decides what follows an event of kind `kind` for which the manifest wants `action`. A restart that
    /// is decided upon is counted.
    pub fn decide(
        &mut self,
        kind: Kind,
        action: Action,
        policy: &Restart,
        now_ns: u64,
    ) -> Decision {
        let off = Decision::Off(if kind == Kind::Shutdown {
            State::Stopped
        } else {
            State::Failed
        });
        let action = match action {
            // There is nothing to start it from, and nothing to go on with.
            Action::Restart | Action::Log if kind == Kind::ImageCorrupt => Action::Halt,
            Action::Restart if self.is_limit_reached(policy, now_ns) => {
                match Action::from_number(policy.then) {
                    Some(then @ (Action::StopSystem | Action::ResetSystem)) => then,
                    _ => Action::Halt,
                }
            }
            action => action,
        };
        match action {
            Action::Log => Decision::GoOn,
            Action::Restart => self.restart(policy, now_ns),
            Action::Halt => off,
            Action::StopSystem => Decision::StopSystem,
            Action::ResetSystem => Decision::ResetSystem,
        }
    }

    /// Restarts within the policy's time up to now.
    fn recent(&self, policy: &Restart, now_ns: u64) -> usize {
        let mut recent = 0_usize;
        for time in self.times.iter().take(self.kept) {
            if now_ns.saturating_sub(*time) < policy.within_ns {
                recent = recent.wrapping_add(1);
            }
        }
        recent
    }

    fn is_limit_reached(&self, policy: &Restart, now_ns: u64) -> bool {
        policy.limit != 0 && self.recent(policy, now_ns) >= usize::from(policy.limit)
    }

    fn restart(&mut self, policy: &Restart, now_ns: u64) -> Decision {
        let recent = self.recent(policy, now_ns) as u32;
        if let Some(place) = self.times.get_mut(self.next) {
            *place = now_ns;
        }
        self.next = self.next.wrapping_add(1) % MOST;
        self.kept = self.kept.wrapping_add(1).min(MOST);
        // Doubled for each recent one, up to the time after which none is recent any more.
        let longest = policy.within_ns.max(policy.back_off_ns);
        let doubled = 1_u64
            .checked_shl(recent)
            .and_then(|factor| policy.back_off_ns.checked_mul(factor));
        let wait_ns = doubled.unwrap_or(longest).min(longest);
        Decision::Restart {
            not_before_ns: now_ns.saturating_add(wait_ns),
        }
    }
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
#[path = "healing_tests.rs"]
mod tests;
