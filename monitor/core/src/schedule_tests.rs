//! The schedule against a brute-force oracle that looks at every single tick.

use super::{Activity, Budget, NEVER, NOBODY, Schedule};
use proptest::prelude::*;

/// One slot as the oracle sees it: no events, only "what is true at this tick".
#[derive(Clone)]
struct OracleSlot {
    budget: Option<Budget>,
    used_in_period: u64,
    ready: bool,
    deadline: u64,
    on: bool,
}

/// What happens to a slot at some tick, from outside.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Wake(usize),
    /// If the slot runs at this tick, it waits for so many ticks.
    Wait(usize, u64),
    Stop(usize),
    Start(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    let slot = 0..4_usize;
    prop_oneof![
        slot.clone().prop_map(Happening::Wake),
        (slot.clone(), 1..30_u64).prop_map(|(slot, ticks)| Happening::Wait(slot, ticks)),
        (slot.clone(), Just(NEVER)).prop_map(|(slot, ticks)| Happening::Wait(slot, ticks)),
        slot.clone().prop_map(Happening::Stop),
        slot.prop_map(Happening::Start),
    ]
}

fn budget() -> impl Strategy<Value = Option<Budget>> {
    proptest::option::of((1..12_u64, 0..20_u64).prop_map(|(ticks, more)| Budget {
        ticks,
        period: ticks + more,
    }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// The schedule is asked only when it said it wants to be, or when something happens; the oracle
    /// looks at each tick. Both must run the same slot at each tick.
    #[test]
    fn the_schedule_agrees_with_a_tick_by_tick_oracle(
        budgets in proptest::collection::vec(budget(), 1..=4),
        script in proptest::collection::btree_map(0..300_u64, happening(), 0..60),
    ) {
        let mut schedule = Schedule::new();
        let mut oracle: Vec<OracleSlot> = Vec::new();
        for budget in &budgets {
            let slot = schedule.add(*budget, 0).unwrap();
            schedule.set_on(slot, true);
            oracle.push(OracleSlot {
                budget: *budget, used_in_period: 0, ready: true, deadline: NEVER, on: true,
            });
        }
        let mut decision = schedule.choose(0);
        for now in 0..300_u64 {
            for slot in &mut oracle {
                if let Some(budget) = slot.budget && now % budget.period == 0 {
                    slot.used_in_period = 0;
                }
                if slot.deadline <= now {
                    slot.ready = true;
                    slot.deadline = NEVER;
                }
            }
            if now >= decision.until {
                schedule.charge(now);
                decision = schedule.choose(now);
            }
            if let Some(happening) = script.get(&now) {
                schedule.charge(now);
                match *happening {
                    Happening::Wake(slot) if slot < oracle.len() => {
                        schedule.wake(slot);
                        oracle[slot].ready = true;
                        oracle[slot].deadline = NEVER;
                    }
                    Happening::Wait(slot, ticks) if decision.run == slot => {
                        let deadline = now.saturating_add(ticks);
                        schedule.wait(slot, deadline);
                        oracle[slot].ready = false;
                        oracle[slot].deadline = deadline;
                    }
                    Happening::Stop(slot) if slot < oracle.len() => {
                        schedule.set_on(slot, false);
                        oracle[slot].on = false;
                    }
                    Happening::Start(slot) if slot < oracle.len() => {
                        schedule.set_on(slot, true);
                        oracle[slot].on = true;
                        oracle[slot].ready = true;
                        oracle[slot].deadline = NEVER;
                    }
                    _ => {}
                }
                decision = schedule.choose(now);
            }
            let expected = oracle.iter().position(|slot| {
                slot.on && slot.ready
                    && slot.budget.is_none_or(|budget| slot.used_in_period < budget.ticks)
            });
            prop_assert_eq!(decision.run, expected.unwrap_or(NOBODY), "at tick {}", now);
            if let Some(running) = expected {
                oracle[running].used_in_period += 1;
            }
        }
    }
}

#[test]
fn a_spinning_slot_is_held_to_its_budget() {
    let mut schedule = Schedule::new();
    let budget = Budget {
        ticks: 30,
        period: 100,
    };
    let spinner = schedule.add(Some(budget), 0).unwrap();
    let other = schedule.add(None, 0).unwrap();
    schedule.set_on(spinner, true);
    schedule.set_on(other, true);
    let (mut now, mut overruns) = (0, 0);
    while now < 1000 {
        overruns += u32::from(schedule.charge(now));
        now = schedule.choose(now).until.min(1000);
    }
    schedule.charge(now);
    assert_eq!((schedule.used(spinner), schedule.used(other)), (300, 700));
    assert_eq!((overruns, schedule.idle()), (10, 0));
}

#[test]
fn a_slot_that_was_never_started_does_not_run() {
    let mut schedule = Schedule::new();
    let slot = schedule.add(None, 0).unwrap();
    schedule.wake(slot);
    assert_eq!(schedule.choose(5).run, NOBODY);
    assert_eq!(schedule.activity(slot), Activity::Off);
}
