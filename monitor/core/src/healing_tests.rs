//! Decisions against the rules in words, and against a history without an end.

use super::{Decision, History};
use partita_abi::health::{Action, Kind, State};
use partita_abi::table::Restart;
use proptest::prelude::*;

const MS: u64 = 1_000_000;

fn policy(limit: u16, then: Action, within_ns: u64, back_off_ns: u64) -> Restart {
    Restart {
        limit,
        then: then as u8,
        reserved: [0; 5],
        within_ns,
        back_off_ns,
    }
}

/// What follows a watchdog event with the action `restart`.
fn restart(history: &mut History, policy: &Restart, now_ns: u64) -> Decision {
    history.decide(Kind::Watchdog, Action::Restart, policy, now_ns)
}

fn at(not_before_ns: u64) -> Decision {
    Decision::Restart { not_before_ns }
}

#[test]
fn each_action_is_what_it_says() {
    let policy = policy(0, Action::Halt, 0, 0);
    let mut history = History::new();
    let mut decide = |action| history.decide(Kind::Panic, action, &policy, 7);
    assert_eq!(decide(Action::Log), Decision::GoOn);
    assert_eq!(decide(Action::Restart), at(7));
    assert_eq!(decide(Action::Halt), Decision::Off(State::Failed));
    assert_eq!(decide(Action::StopSystem), Decision::StopSystem);
    assert_eq!(decide(Action::ResetSystem), Decision::ResetSystem);
}

#[test]
fn a_partition_that_shut_itself_down_has_not_failed() {
    let policy = policy(0, Action::Halt, 0, 0);
    let decision = History::new().decide(Kind::Shutdown, Action::Halt, &policy, 0);
    assert_eq!(decision, Decision::Off(State::Stopped));
}

#[test]
fn a_partition_without_a_sound_image_is_never_started() {
    let policy = policy(0, Action::Halt, 0, 0);
    for action in [Action::Log, Action::Restart, Action::Halt] {
        let decision = History::new().decide(Kind::ImageCorrupt, action, &policy, 0);
        assert_eq!(decision, Decision::Off(State::Failed), "{action:?}");
    }
}

#[test]
fn the_restart_beyond_the_limit_is_not_done_until_the_time_is_over() {
    let policy = policy(2, Action::ResetSystem, 10 * MS, 0);
    let mut history = History::new();
    assert_eq!(restart(&mut history, &policy, 0), at(0));
    assert_eq!(restart(&mut history, &policy, 5 * MS), at(5 * MS));
    assert_eq!(
        restart(&mut history, &policy, 10 * MS - 1),
        Decision::ResetSystem
    );
    assert_eq!(restart(&mut history, &policy, 10 * MS), at(10 * MS));
    assert_eq!(
        restart(&mut history, &policy, 11 * MS),
        Decision::ResetSystem
    );
}

#[test]
fn after_the_limit_there_is_no_restart_even_if_the_manifest_says_so() {
    for then in [Action::Log, Action::Restart, Action::Halt] {
        let policy = policy(1, then, 10 * MS, 0);
        let mut history = History::new();
        restart(&mut history, &policy, 0);
        assert_eq!(
            restart(&mut history, &policy, 1),
            Decision::Off(State::Failed),
            "{then:?}"
        );
    }
}

#[test]
fn each_restart_within_the_time_waits_twice_as_long_as_the_one_before() {
    let policy = policy(0, Action::Halt, 100 * MS, MS);
    let mut history = History::new();
    for (number, wait) in [1, 2, 4, 8, 16, 32, 64, 100, 100].into_iter().enumerate() {
        let now = number as u64;
        assert_eq!(restart(&mut history, &policy, now), at(now + wait * MS));
    }
    let later = 200 * MS;
    assert_eq!(restart(&mut history, &policy, later), at(later + MS));
}

#[test]
fn without_a_time_no_wait_grows() {
    let policy = policy(0, Action::Halt, 0, MS);
    let mut history = History::new();
    for now in 0..100 {
        assert_eq!(restart(&mut history, &policy, now), at(now + MS));
    }
}

proptest! {
    #[test]
    fn decisions_are_those_of_a_history_without_an_end(
        limit in 1..=Restart::MOST,
        within in 1_u64..1000,
        back_off in 0_u64..50,
        steps in prop::collection::vec(0_u64..100, 1..200),
    ) {
        let policy = policy(limit, Action::Halt, within, back_off);
        let mut history = History::new();
        let (mut restarts, mut now) = (Vec::<u64>::new(), 0);
        for step in steps {
            now += step;
            let recent = restarts.iter().filter(|time| now - **time < within).count();
            let expected = if recent >= usize::from(limit) {
                Decision::Off(State::Failed)
            } else {
                restarts.push(now);
                let wait = u128::from(back_off) << recent;
                at(now + wait.min(u128::from(within.max(back_off))) as u64)
            };
            prop_assert_eq!(restart(&mut history, &policy, now), expected);
        }
    }

    #[test]
    fn no_policy_and_no_time_make_it_panic(
        limit: u16, then: u8, within: u64, back_off: u64,
        times in prop::collection::vec(any::<u64>(), 0..100),
    ) {
        let policy = Restart { then, ..policy(limit, Action::Halt, within, back_off) };
        let mut history = History::new();
        for now in times {
            for kind in Kind::ALL {
                for action in Action::ALL {
                    history.decide(kind, action, &policy, now);
                }
            }
        }
    }
}
