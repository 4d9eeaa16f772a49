//! Which virtual core runs on a physical core, and until when.
//!
//! Each physical core has its own [`Schedule`] and decides alone. The order is fixed priority by
//! criticality: slot 0 is the most critical virtual core. A slot with a budget is served by a
//! deferrable server: it may use `budget` ticks in each period; what it did not use is gone at the
//! end of the period, when the budget is filled up again. Periods form a fixed grid from the start
//! of the system, so the most that a slot can take in any window is bounded by the manifest alone.

use partita_abi::MAX_SHARING;

/// "Never", as machine time.
pub const NEVER: u64 = u64::MAX;

/// What a virtual core is doing, as far as its physical core's schedule is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It is not to run: stopped, or not started.
    Off,
    /// It has work.
    Ready,
    /// It waits for an interrupt, or for machine time to reach its deadline.
    Waiting,
}

/// A bound on the time a slot may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Ticks in each period.
    pub ticks: u64,
    /// Length of the period in ticks.
    pub period: u64,
}

/// In place of a slot's number: no slot.
pub const NOBODY: usize = usize::MAX;

#[derive(Clone, Copy, Debug)]
struct Slot {
    activity: Activity,
    deadline: u64,
    /// Ticks in each period, and what is left of them; without a bound more than time itself has.
    budget: Budget,
    left: u64,
    refill_at: u64,
    used: u64,
}

const EMPTY: Slot = Slot {
    activity: Activity::Off,
    deadline: NEVER,
    budget: Budget {
        ticks: NEVER,
        period: NEVER,
    },
    left: NEVER,
    refill_at: NEVER,
    used: 0,
};

impl Slot {
    fn may_run(&self) -> bool {
        self.activity == Activity::Ready && self.left != 0
    }

    /// Fills the budget up at the end of a period, or of several.
    fn refill(&mut self, now: u64) {
        self.left = self.budget.ticks;
        let late = now.saturating_sub(self.refill_at);
        let periods = if late < self.budget.period {
            1
        } else {
            (late / self.budget.period.max(1)).saturating_add(1)
        };
        self.refill_at = self
            .refill_at
            .saturating_add(periods.saturating_mul(self.budget.period));
    }

    /// When this slot, which is not running, may next have to.
    fn wakes_at(&self) -> u64 {
        match self.activity {
            Activity::Off => NEVER,
            Activity::Waiting => self.deadline,
            Activity::Ready => self.refill_at,
        }
    }
}

/// What a core is to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The slot to run; [`NOBODY`] to idle.
    pub run: usize,
    /// Machine time at which to decide again, if nothing happens before.
    pub until: u64,
}

/// The schedule of one physical core.
#[derive(Debug)]
pub struct Schedule {
    slots: [Slot; MAX_SHARING],
    count: usize,
    running: usize,
    charged_until: u64,
    idle: u64,
}

impl Schedule {
    /// A schedule without slots.
    pub const fn new() -> Self {
        Self {
            slots: [EMPTY; MAX_SHARING],
            count: 0,
            running: NOBODY,
            charged_until: 0,
            idle: 0,
        }
    }

    /// Adds the next less critical slot and returns its number, or `None` if there is no room.
    pub fn add(&mut self, budget: Option<Budget>, now: u64) -> Option<usize> {
        let number = self.count;
        let slot = self.slots.get_mut(number)?;
        *slot = EMPTY;
        if let Some(budget) = budget {
            slot.budget = budget;
            slot.left = budget.ticks;
            slot.refill_at = now.saturating_add(budget.period);
        }
        self.count = self.count.saturating_add(1);
        Some(number)
    }

    /// How many slots there are.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The slot that the last [`Schedule::choose`] let run, or [`NOBODY`].
    pub const fn running(&self) -> usize {
        self.running
    }

    /// Ticks that a slot has used.
    pub fn used(&self, slot: usize) -> u64 {
        self.slots.get(slot).map_or(0, |slot| slot.used)
    }

    /// Ticks in which no slot ran.
    pub const fn idle(&self) -> u64 {
        self.idle
    }

    /// What the slot is doing; `Off` for a slot that does not exist.
    pub fn activity(&self, slot: usize) -> Activity {
        self.slots
            .get(slot)
            .map_or(Activity::Off, |slot| slot.activity)
    }

    /// Whether the slot has work and may not run before its next period.
    pub fn is_exhausted(&self, slot: usize) -> bool {
        self.slots
            .get(slot)
            .is_some_and(|slot| slot.activity == Activity::Ready && slot.left == 0)
    }

    /// The slot has work from now on.
    #[inline]
    pub fn wake(&mut self, slot: usize) {
        if let Some(slot) = self.slots.get_mut(slot)
            && slot.activity == Activity::Waiting
        {
            slot.activity = Activity::Ready;
        }
    }

    /// The slot waits until it is woken or machine time reaches `deadline`.
    #[inline]
    pub fn wait(&mut self, slot: usize, deadline: u64) {
        if let Some(slot) = self.slots.get_mut(slot)
            && slot.activity == Activity::Ready
        {
            slot.activity = Activity::Waiting;
            slot.deadline = deadline;
        }
    }

    /// The slot is started (it has work) or stopped.
    pub fn set_on(&mut self, slot: usize, on: bool) {
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.activity = if on { Activity::Ready } else { Activity::Off };
        }
    }

    /// The slot has its whole budget for the rest of this period.
    pub fn refill(&mut self, slot: usize) {
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.left = slot.budget.ticks;
        }
    }

    /// Charges the running slot for the time since the last call. Returns whether it has now used
    /// up its budget with work left: at most once in each period.
    #[inline(always)]
    pub fn charge(&mut self, now: u64) -> bool {
        let used = now.saturating_sub(self.charged_until);
        self.charged_until = now;
        let Some(slot) = self.slots.get_mut(self.running) else {
            self.idle = self.idle.saturating_add(used);
            return false;
        };
        slot.used = slot.used.saturating_add(used);
        if slot.left > used {
            slot.left -= used;
            return false;
        }
        let overrun = slot.left != 0 && slot.activity == Activity::Ready;
        slot.left = 0;
        overrun
    }

    /// Decides what runs from `now` on. [`Schedule::charge`] comes before.
    #[inline]
    pub fn choose(&mut self, now: u64) -> Decision {
        let mut until = NEVER;
        for (number, slot) in self.slots.iter_mut().enumerate().take(self.count) {
            if slot.refill_at <= now {
                slot.refill(now);
            }
            if slot.activity == Activity::Waiting && slot.deadline <= now {
                slot.activity = Activity::Ready;
            }
            if slot.may_run() {
                // A period that ends while the slot runs is a new budget, so look again then.
                let until = until.min(now.saturating_add(slot.left)).min(slot.refill_at);
                self.running = number;
                return Decision { run: number, until };
            }
            until = until.min(slot.wakes_at());
        }
        self.running = NOBODY;
        Decision { run: NOBODY, until }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
