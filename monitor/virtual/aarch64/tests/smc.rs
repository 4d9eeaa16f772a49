//! Calls by `SMC` against the caller's own memory and cores.

use partita_monitor_core::request::{Failure, Request};
use partita_virtual_aarch64::caller::{Caller, Region};
use partita_virtual_aarch64::smc::watchdog::Wish;
use partita_virtual_aarch64::smc::{
    Call, Mitigations, PARTITA, Registers, answer, at_once, decode, entropy, forgets_branches,
    watchdog,
};
use proptest::prelude::*;

const RAM: u64 = 0x4000_0000;
const SIZE: u64 = 0x20_0000;
const MEMORY: [Region; 1] = [Region {
    base: RAM,
    size: SIZE,
    writable: true,
    executable: true,
}];
/// Its virtual cores 0 and 1 are on cores 1 and 3.
const AFFINITIES: [u64; 2] = [1, 3];

fn call(function: u32, arguments: [u64; 3]) -> Call {
    let caller = Caller::new(&MEMORY, &AFFINITIES, 0);
    let registers = Registers {
        function,
        arguments,
    };
    decode(&registers, &caller, Mitigations::default())
}

const CPU_SUSPEND: u32 = 0xc400_0001;
const CPU_OFF: u32 = 0x8400_0002;
const CPU_ON: u32 = 0xc400_0003;
const CPU_ON_32: u32 = 0x8400_0003;
const AFFINITY_INFO: u32 = 0xc400_0004;
const SYSTEM_OFF: u32 = 0x8400_0008;
const SYSTEM_RESET: u32 = 0x8400_0009;
const PSCI_FEATURES: u32 = 0x8400_000a;
const SYSTEM_SUSPEND: u32 = 0xc400_000e;
const SYSTEM_RESET2: u32 = 0xc400_0012;

#[test]
fn versions_are_told() {
    assert_eq!(call(0x8400_0000, [0; 3]), Call::Answer(0x1_0001));
    assert_eq!(call(0x8000_0000, [0; 3]), Call::Answer(0x1_0004));
    assert_eq!(call(0x8400_0006, [0; 3]), Call::Answer(2));
}

#[test]
fn a_core_starts_in_the_callers_ram_only() {
    let start = |target, address| call(CPU_ON, [target, address, 7]);
    let Call::CoreOn {
        core: 1,
        entry,
        context: 7,
    } = start(3, RAM + 8)
    else {
        panic!("{:?}", start(3, RAM + 8));
    };
    assert_eq!(entry.address(), RAM + 8);
    let refused = |address| {
        let answer = answer::INVALID_ADDRESS;
        let reached = address;
        assert_eq!(start(3, address), Call::Deny { answer, reached });
    };
    for address in [0, RAM - 4, RAM + 2, RAM + SIZE, RAM + SIZE - 2, u64::MAX] {
        refused(address);
    }
}

#[test]
fn a_core_of_another_partition_is_not_started() {
    for target in [0, 2, 4, 0x1_0000_0001, u64::MAX] {
        let answer = answer::INVALID_PARAMETERS;
        let reached = target;
        assert_eq!(
            call(CPU_ON, [target, RAM, 0]),
            Call::Deny { answer, reached }
        );
        assert_eq!(
            call(AFFINITY_INFO, [target, 0, 0]),
            Call::Deny { answer, reached }
        );
    }
}

#[test]
fn a_call_with_32_bits_takes_the_lower_halves() {
    let high = 0xffff_ffff_0000_0000;
    let found = call(CPU_ON_32, [high | 1, high | RAM, high | 9]);
    let Call::CoreOn {
        core: 0,
        entry,
        context: 9,
    } = found
    else {
        panic!("{found:?}");
    };
    assert_eq!(entry.address(), RAM);
}

#[test]
fn affinity_is_told_at_the_lowest_level_only() {
    assert_eq!(call(AFFINITY_INFO, [3, 0, 0]), Call::CoreState { core: 1 });
    assert_eq!(
        call(AFFINITY_INFO, [3, 1, 0]),
        Call::Answer(answer::INVALID_PARAMETERS)
    );
}

#[test]
fn suspending_tells_standby_from_power_down() {
    assert_eq!(call(CPU_SUSPEND, [1, 0, 0]), Call::Standby);
    assert!(matches!(
        call(CPU_SUSPEND, [1 << 16, RAM, 5]),
        Call::PowerDown { context: 5, .. }
    ));
    assert!(matches!(
        call(CPU_SUSPEND, [1 << 16, 0, 5]),
        Call::Deny { reached: 0, .. }
    ));
    assert_eq!(
        call(CPU_SUSPEND, [1 << 31, RAM, 5]),
        Call::Answer(answer::INVALID_PARAMETERS)
    );
    assert!(matches!(
        call(SYSTEM_SUSPEND, [RAM, 5, 0]),
        Call::SystemSuspend { context: 5, .. }
    ));
}

#[test]
fn ends_and_restarts_are_of_the_caller() {
    assert_eq!(call(SYSTEM_OFF, [0; 3]), Call::SystemOff);
    assert_eq!(call(SYSTEM_RESET, [0; 3]), Call::SystemReset);
    assert_eq!(call(SYSTEM_RESET2, [0; 3]), Call::SystemReset);
    assert_eq!(
        call(SYSTEM_RESET2, [0x8000_0000, 0, 0]),
        Call::Answer(answer::INVALID_PARAMETERS)
    );
    assert_eq!(call(CPU_OFF, [0; 3]), Call::CoreOff);
}

#[test]
fn every_call_that_is_announced_is_there() {
    for function in (0x8400_0000..0x8400_0020)
        .chain(0xc400_0000..0xc400_0020)
        .chain([0x8000_0000])
    {
        let announced = call(PSCI_FEATURES, [u64::from(function), 0, 0]);
        let found = call(function, [0x8400_0000, 0, 0]);
        let is_there = found != Call::Answer(answer::NOT_SUPPORTED);
        let is_announced = announced != Call::Answer(answer::NOT_SUPPORTED);
        assert_eq!(is_there, is_announced, "{function:#x}");
    }
}

#[test]
fn a_workaround_that_is_not_needed_is_said_so() {
    const NONE: Mitigations = Mitigations {
        branch_predictor: false,
        loads_in_order: false,
        entropy: false,
    };
    let answers = |mitigations| {
        [0x8000_8000, 0x8000_7fff, 0x8000_3fff]
            .map(|workaround| at_once(0x8000_0001, workaround, mitigations).unwrap())
    };
    assert_eq!(answers(NONE), [1, answer::NOT_SUPPORTED, 1]);
    let misled = Mitigations {
        branch_predictor: true,
        loads_in_order: true,
        ..NONE
    };
    assert_eq!(answers(misled), [0, 1, 0]);
    assert!(forgets_branches(0x8000_8000) && forgets_branches(0x8000_3fff));
    assert!(!forgets_branches(0x8000_7fff) && !forgets_branches(0x8400_0000));
}

#[test]
fn states_are_chosen_by_the_monitor_alone() {
    const SET_SUSPEND_MODE: u32 = 0x8400_000f;
    let set = |mode| call(SET_SUSPEND_MODE, [mode, 0, 0]);
    assert_eq!(set(0), Call::Answer(answer::SUCCESS));
    assert_eq!(set(1), Call::Answer(answer::NOT_SUPPORTED));
    assert_eq!(set(2), Call::Answer(answer::INVALID_PARAMETERS));
}

#[test]
fn random_numbers_are_offered_where_the_cores_have_a_source() {
    let with = |entropy, function, first| {
        let caller = Caller::new(&MEMORY, &AFFINITIES, 0);
        let registers = Registers {
            function,
            arguments: [first, 0, 0],
        };
        let mitigations = Mitigations {
            entropy,
            ..Mitigations::default()
        };
        decode(&registers, &caller, mitigations)
    };
    for function in [
        0x8400_0050,
        0x8400_0051,
        0x8400_0052,
        0x8400_0053,
        0xc400_0053,
    ] {
        assert_eq!(
            with(false, function, 32),
            Call::Answer(answer::NOT_SUPPORTED)
        );
        let announced = with(true, 0x8400_0051, function.into());
        assert_eq!(announced, Call::Answer(answer::SUCCESS));
    }
    assert_eq!(with(true, 0x8400_0050, 0), Call::Answer(0x1_0000));
    assert_eq!(
        with(true, 0x8400_0051, 0x8400_0054),
        Call::Answer(answer::NOT_SUPPORTED)
    );
    assert_eq!(with(true, 0x8400_0052, 0), Call::EntropyIdentity);
    for (function, most) in [(0x8400_0053, 96), (0xc400_0053, 192)] {
        for bits in [1, most] {
            let bits = bits as u32;
            let wanted = Call::Entropy { function, bits };
            assert_eq!(with(true, function, bits.into()), wanted);
        }
        for bits in [0, most + 1, u64::from(u32::MAX)] {
            let refused = Call::Answer(answer::INVALID_PARAMETERS);
            assert_eq!(with(true, function, bits), refused);
        }
    }
}

#[test]
fn random_bits_are_as_many_as_were_asked_for_from_the_last_register_on() {
    let spread = |function, bits| entropy::spread(function, bits, [u64::MAX; 3]);
    assert_eq!(spread(0xc400_0053, 192), [u64::MAX; 3]);
    assert_eq!(spread(0xc400_0053, 129), [1, u64::MAX, u64::MAX]);
    assert_eq!(spread(0xc400_0053, 64), [0, 0, u64::MAX]);
    assert_eq!(spread(0xc400_0053, 1), [0, 0, 1]);
    let half = u64::from(u32::MAX);
    assert_eq!(spread(0x8400_0053, 96), [half; 3]);
    assert_eq!(spread(0x8400_0053, 33), [0, 1, half]);
}

#[test]
fn linuxs_watchdog_is_asked_in_the_words_of_its_driver() {
    const WATCHDOG: u32 = 0x8200_3d06;
    let wish = |what, argument| call(WATCHDOG, [what, argument, 0]);
    for (what, argument, wanted) in [
        (0, 0, Wish::Tell),
        (1, 30, Wish::SetTime { seconds: 30 }),
        (2, 1, Wish::Start),
        (2, 0, Wish::Stop),
        (3, 0, Wish::Reset),
        (4, 0, Wish::Left),
    ] {
        assert_eq!(wish(what, argument), Call::Watchdog(wanted));
    }
    for (what, argument) in [(2, 2), (5, 0), (u64::from(u32::MAX), 0)] {
        assert_eq!(
            wish(what, argument),
            Call::Answer(answer::INVALID_PARAMETERS)
        );
    }
}

#[test]
fn a_watchdog_takes_whole_seconds_up_to_the_manifests_time() {
    const SECOND: u64 = 1_000_000_000;
    assert_eq!(watchdog::range(2 * SECOND + 5), (1, 2));
    assert_eq!(watchdog::range(SECOND / 2), (1, 1));
    assert_eq!(watchdog::time(2, 2 * SECOND), Some(2 * SECOND));
    assert_eq!(watchdog::time(3, 2 * SECOND), None);
    assert_eq!(watchdog::time(0, 2 * SECOND), None);
    assert_eq!(watchdog::seconds(2 * SECOND - 1), 1);
}

#[test]
fn a_hint_about_vector_registers_changes_nothing() {
    assert_eq!(call(SYSTEM_OFF | 1 << 16, [0; 3]), call(SYSTEM_OFF, [0; 3]));
}

#[test]
fn partitas_own_calls_are_those_of_the_interface() {
    assert_eq!(
        call(PARTITA, [1, 2, 3]),
        Call::Request(Request::ReportDeadlines {
            met: 1,
            missed: 2,
            worst_latency_ns: 3
        })
    );
    assert_eq!(
        call(PARTITA | 1, [0; 3]),
        Call::Request(Request::InterruptClaim)
    );
    assert_eq!(
        call(PARTITA | 2, [0; 3]),
        Call::Fail(Failure::InvalidParameter)
    );
    assert_eq!(
        call(PARTITA | 2, [48, 0, 0]),
        Call::Request(Request::InterruptComplete { line: 48 })
    );
    assert_eq!(
        call(PARTITA | 3, [9, 0, 0]),
        Call::Request(Request::Panic { code: 9 })
    );
    assert_eq!(
        call(PARTITA | 10, [0x141, 0, 0]),
        Call::Request(Request::ConsoleWriteByte { byte: 0x41 })
    );
    assert_eq!(
        call(PARTITA | 0x77, [0; 3]),
        Call::Fail(Failure::NotSupported)
    );
}

#[test]
fn only_own_cores_are_called() {
    for cores in [0, 1, 2, 3] {
        assert_eq!(call(PARTITA | 12, [cores, 0, 0]), Call::CallCores { cores });
    }
    for (cores, reached) in [(4, 2), (0xff, 2), (1 << 63, 63)] {
        let answer = Failure::InvalidParameter.code();
        assert_eq!(
            call(PARTITA | 12, [cores, 0, 0]),
            Call::Deny { answer, reached }
        );
    }
}

#[test]
fn a_buffer_that_is_not_the_callers_is_denied() {
    for number in [8, 9] {
        for (address, length) in [(RAM - 1, 2), (RAM + SIZE - 1, 2), (u64::MAX, 2)] {
            assert_eq!(
                call(PARTITA | number, [address, length, 0]),
                Call::Deny {
                    answer: Failure::InvalidParameter.code(),
                    reached: address
                }
            );
        }
    }
}

proptest! {
    /// Whatever the registers hold, what a call names lies in the caller.
    #[test]
    fn what_a_call_names_is_the_callers(
        function in prop_oneof![any::<u32>(), (0u32..32).prop_map(|n| 0x8400_0000 | n),
            (0u32..32).prop_map(|n| 0xc400_0000 | n), (0u32..16).prop_map(|n| PARTITA | n)],
        arguments in prop::array::uniform3(prop_oneof![any::<u64>(), RAM - 16..RAM + SIZE + 16, 0u64..8]),
    ) {
        let inside = |address: u64, length: u64| {
            address >= RAM && address.checked_add(length).is_some_and(|end| end <= RAM + SIZE)
        };
        match call(function, arguments) {
            Call::CoreOn { core, entry, .. } => {
                prop_assert!((core as usize) < AFFINITIES.len());
                prop_assert_eq!(AFFINITIES[core as usize], arguments[0] & 0xffff_ffff);
                prop_assert!(inside(entry.address(), 4) && entry.address() % 4 == 0);
            }
            Call::CoreState { core } => prop_assert!((core as usize) < AFFINITIES.len()),
            Call::PowerDown { resume, .. } | Call::SystemSuspend { resume, .. } => {
                prop_assert!(inside(resume.address(), 4));
            }
            Call::Request(Request::ConsoleWrite { bytes: range })
            | Call::Request(Request::ConsoleRead { buffer: range })
            | Call::Request(Request::Measurement { buffer: range, .. }) => {
                prop_assert!(inside(range.address(), range.length()));
            }
            _ => {}
        }
    }
}

#[test]
fn who_has_a_serial_port_of_its_own_has_no_console_by_calls() {
    let caller = Caller::new(&MEMORY, &AFFINITIES, 0);
    let asks = |caller: &Caller<'_>, number: u32, arguments| {
        let registers = Registers {
            function: PARTITA | number,
            arguments,
        };
        decode(&registers, caller, Mitigations::default())
    };
    for (number, arguments) in [(8, [RAM, 8, 0]), (9, [RAM, 8, 0]), (10, [65, 0, 0])] {
        assert!(matches!(asks(&caller, number, arguments), Call::Request(_)));
        let own_port = caller.with_own_port(true);
        assert_eq!(
            asks(&own_port, number, arguments),
            Call::Fail(Failure::NotSupported)
        );
    }
    // Memory of others is denied all the same.
    let foreign = asks(&caller.with_own_port(true), 8, [RAM - 8, 8, 0]);
    assert!(matches!(foreign, Call::Deny { .. }));
}
