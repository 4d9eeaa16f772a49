//! SBI calls: each documented call decodes, each hostile argument gets the error the specification names.

use partita_monitor_core::request::Request;
use partita_virtual_riscv64::sbi::{
    Call, Caller, FenceRange, Identity, MAXIMUM_FENCE_PAGES, Region, Registers, ResetKind,
    ResetReason, SbiError, decode, is_offered, reached_for,
};
use proptest::prelude::*;

const BASE: u64 = 0x10;
const TIME: u64 = 0x5449_4d45;
const IPI: u64 = 0x73_5049;
const RFENCE: u64 = 0x5246_4e43;
const HSM: u64 = 0x48_534d;
const SRST: u64 = 0x5352_5354;
const DBCN: u64 = 0x4442_434e;
const PMU: u64 = 0x50_4d55;
const SUSP: u64 = 0x5355_5350;
const PARTITA: u64 = 0x0850_4152;
const HARTS: u32 = 4;

const RAM: Region = Region {
    base: 0x8000_0000,
    size: 0x10_0000,
    writable: true,
    executable: true,
};
const ROM: Region = Region {
    base: 0x9000_0000,
    size: 0x1000,
    writable: false,
    executable: false,
};
/// A region that ends with the address space.
const TOP: Region = Region {
    base: 0xffff_ffff_ffff_f000,
    size: 0x1000,
    writable: true,
    executable: false,
};

fn call(extension: u64, function: u64, arguments: &[u64]) -> Result<Call, SbiError> {
    let mut all = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    let identity = Identity {
        vendor: 11,
        architecture: 12,
        implementation: 13,
    };
    let memory = [RAM, ROM, TOP];
    let caller = Caller::new(HARTS, &memory, identity);
    decode(
        &Registers {
            extension,
            function,
            arguments: all,
        },
        &caller,
    )
}

#[test]
fn base_answers_at_once() {
    let answers = [0x0200_0000, 0x5041_5254, 1, 1, 11, 12, 13];
    for (function, answer) in answers.into_iter().enumerate() {
        assert_eq!(
            call(BASE, function as u64, &[TIME]),
            Ok(Call::Answer(answer))
        );
    }
    assert_eq!(call(BASE, 7, &[]), Err(SbiError::NotSupported));
}

#[test]
fn a_probe_says_what_is_offered() {
    for extension in [BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN, PMU, SUSP, PARTITA] {
        assert!(is_offered(extension));
        assert_eq!(call(BASE, 3, &[extension]), Ok(Call::Answer(1)));
    }
    // Legacy calls 0 to 8, CPPC, NACL, STA, and of version 3.0 SSE, FWFT, DBTR, MPXY.
    for extension in (0..=8).chain([
        0x4350_5043,
        0x4e41_434c,
        0x53_5441,
        0x53_5345,
        0x4657_4654,
        0x4442_5452,
        0x4d50_5859,
    ]) {
        assert!(!is_offered(extension));
        assert_eq!(call(BASE, 3, &[extension]), Ok(Call::Answer(0)));
        for function in [0, 1, 7, u64::MAX] {
            assert_eq!(call(extension, function, &[]), Err(SbiError::NotSupported));
        }
    }
}

#[test]
fn hart_masks_name_own_harts_only() {
    let harts = |mask, base| match call(IPI, 0, &[mask, base]) {
        Ok(Call::SendIpi { harts }) => Ok(harts.collect::<Vec<_>>()),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    assert_eq!(harts(0b1010, 0), Ok(vec![1, 3]));
    assert_eq!(harts(0b11, 2), Ok(vec![2, 3]));
    assert_eq!(harts(0, u64::MAX), Ok(vec![0, 1, 2, 3]));
    assert_eq!(harts(u64::MAX, u64::MAX), Ok(vec![0, 1, 2, 3]));
    assert_eq!(harts(0, 0), Ok(vec![]));
    for (mask, base) in [
        (0b1_0000, 0),
        (0b111, 2),
        (1 << 63, 1),
        (1, 4),
        (0, 4),
        (1, 64),
        (1, u64::MAX - 1),
    ] {
        assert_eq!(
            harts(mask, base),
            Err(SbiError::InvalidParameter),
            "{mask:#x} {base:#x}"
        );
    }
}

#[test]
fn a_system_suspends_to_ram_and_resumes_in_own_executable_memory_only() {
    match call(SUSP, 0, &[0, 0x8000_0002, 99]) {
        Ok(Call::SystemSuspend { resume, opaque: 99 }) => {
            assert_eq!(resume.address(), 0x8000_0002);
        }
        other => panic!("{other:?}"),
    }
    // The type has 32 bits (13.1).
    assert!(call(SUSP, 0, &[7 << 32, 0x8000_0000, 0]).is_ok());
    for kind in [1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        let answer = call(SUSP, 0, &[kind, 0x8000_0000, 0]);
        assert_eq!(answer, Err(SbiError::InvalidParameter), "{kind:#x}");
    }
    for address in [
        0,
        0x8000_0001,
        0x7fff_fffe,
        0x8010_0000,
        0x9000_0000,
        u64::MAX,
    ] {
        let answer = call(SUSP, 0, &[0, address, 0]);
        assert_eq!(answer, Err(SbiError::InvalidAddress), "{address:#x}");
    }
    assert_eq!(call(SUSP, 1, &[]), Err(SbiError::NotSupported));
}

#[test]
fn calls_that_are_firmware_events_are_known() {
    let event = |call: Result<Call, SbiError>| call.unwrap().firmware_event();
    assert_eq!(event(call(TIME, 0, &[7])), Some(5));
    assert_eq!(event(call(IPI, 0, &[1, 0])), Some(6));
    assert_eq!(event(call(RFENCE, 0, &[1, 0])), Some(8));
    assert_eq!(event(call(RFENCE, 1, &[1, 0, 0, 0])), Some(10));
    assert_eq!(event(call(RFENCE, 2, &[1, 0, 0, 0, 9])), Some(12));
    assert_eq!(event(call(BASE, 0, &[])), None);
    assert_eq!(call(PMU, 0, &[]), Ok(Call::Counters));
}

#[test]
fn timer_and_interrupt_calls_have_one_function() {
    assert_eq!(call(TIME, 0, &[7]), Ok(Call::SetTimer { deadline: 7 }));
    for extension in [TIME, IPI, SRST] {
        assert_eq!(call(extension, 1, &[]), Err(SbiError::NotSupported));
        assert_eq!(call(extension, 1 << 32, &[]), Err(SbiError::NotSupported));
    }
}

#[test]
fn fences_name_harts_pages_and_address_space() {
    let harts = || match call(IPI, 0, &[1, 0]) {
        Ok(Call::SendIpi { harts }) => harts,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        call(RFENCE, 0, &[1, 0]),
        Ok(Call::RemoteInstructionFence { harts: harts() })
    );
    let fence = |range, address_space| {
        Ok(Call::RemoteTranslationFence {
            harts: harts(),
            range,
            address_space,
        })
    };
    let pages = FenceRange::Pages {
        start: 0x1000,
        count: 2,
    };
    assert_eq!(call(RFENCE, 1, &[1, 0, 0x1fff, 2, 9]), fence(pages, None));
    assert_eq!(
        call(RFENCE, 2, &[1, 0, 0x1fff, 2, 9]),
        fence(pages, Some(9))
    );
    assert_eq!(call(RFENCE, 1, &[1, 0, 0, 0]), fence(FenceRange::All, None));
    assert_eq!(
        call(RFENCE, 1, &[1, 0, 5, u64::MAX]),
        fence(FenceRange::All, None)
    );
    assert_eq!(
        call(RFENCE, 1, &[1, 0, u64::MAX - 4, 6]),
        Err(SbiError::InvalidAddress)
    );
    assert_eq!(
        call(RFENCE, 1, &[1 << 9, 0, 0, 0]),
        Err(SbiError::InvalidParameter)
    );
    for hypervisor in 3..=6 {
        assert_eq!(
            call(RFENCE, hypervisor, &[1, 0]),
            Err(SbiError::NotSupported)
        );
    }
}

#[test]
fn harts_start_and_resume_in_own_executable_memory_only() {
    let start = |hart, address| match call(HSM, 0, &[hart, address, 99]) {
        Ok(Call::HartStart {
            hart,
            address,
            opaque: 99,
        }) => Ok((hart, address.address())),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    assert_eq!(start(3, 0x8000_0002), Ok((3, 0x8000_0002)));
    assert_eq!(start(4, 0x8000_0000), Err(SbiError::InvalidParameter));
    assert_eq!(start(1 << 32, 0x8000_0000), Err(SbiError::InvalidParameter));
    for address in [
        0x8000_0001,
        0x7fff_fffe,
        0x8010_0000,
        0x9000_0000,
        0,
        u64::MAX,
    ] {
        assert_eq!(
            start(1, address),
            Err(SbiError::InvalidAddress),
            "{address:#x}"
        );
    }
    assert_eq!(
        start(1, 0x800f_fffe),
        Ok((1, 0x800f_fffe)),
        "the last instruction of the region"
    );
    assert_eq!(call(HSM, 1, &[]), Ok(Call::HartStop));
    assert_eq!(call(HSM, 2, &[2]), Ok(Call::HartStatus { hart: 2 }));
    assert_eq!(call(HSM, 2, &[4]), Err(SbiError::InvalidParameter));
    assert_eq!(call(HSM, 3, &[0]), Ok(Call::HartSuspendRetentive));
    assert!(matches!(
        call(HSM, 3, &[0x8000_0000, 0x8000_0000, 5]),
        Ok(Call::HartSuspendNonRetentive { opaque: 5, .. })
    ));
    assert_eq!(
        call(HSM, 3, &[0x8000_0000, 0x9000_0000, 5]),
        Err(SbiError::InvalidAddress)
    );
    for kind in [1, 0x1000_0000, 0x7fff_ffff, 0x8000_0001, 0xffff_ffff] {
        assert_eq!(
            call(HSM, 3, &[kind, 0x8000_0000]),
            Err(SbiError::InvalidParameter)
        );
    }
    assert_eq!(call(HSM, 4, &[]), Err(SbiError::NotSupported));
}

#[test]
fn resets_are_of_known_kinds_for_known_reasons() {
    let reset = |kind, reason| Ok(Call::Reset { kind, reason });
    assert_eq!(
        call(SRST, 0, &[0, 0]),
        reset(ResetKind::Shutdown, ResetReason::None)
    );
    assert_eq!(
        call(SRST, 0, &[1, 0]),
        reset(ResetKind::ColdReboot, ResetReason::None)
    );
    assert_eq!(
        call(SRST, 0, &[2, 1]),
        reset(ResetKind::WarmReboot, ResetReason::SystemFailure)
    );
    for (kind, reason) in [(3, 0), (0xf000_0000, 0), (0, 2), (0, 0xe000_0000)] {
        assert_eq!(
            call(SRST, 0, &[kind, reason]),
            Err(SbiError::InvalidParameter)
        );
    }
}

#[test]
fn console_buffers_lie_in_one_region_of_own_memory() {
    let write = |length, low, high| match call(DBCN, 0, &[length, low, high]) {
        Ok(Call::Request(Request::ConsoleWrite { bytes })) => Ok((bytes.address(), bytes.length())),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    assert_eq!(write(16, 0x8000_0000, 0), Ok((0x8000_0000, 16)));
    assert_eq!(
        write(0x10_0000, 0x8000_0000, 0),
        Ok((0x8000_0000, 0x10_0000))
    );
    assert_eq!(write(4, 0x9000_0ffc, 0), Ok((0x9000_0ffc, 4)));
    assert_eq!(write(0x1000, TOP.base, 0), Ok((TOP.base, 0x1000)));
    assert_eq!(write(0, 0x8010_0000, 0), Ok((0x8010_0000, 0)));
    for (length, low, high) in [
        (16, 0x8000_0000, 1),
        (16, 0x7fff_fff8, 0),
        (0x10_0001, 0x8000_0000, 0),
        (u64::MAX, 0x8000_0001, 0),
        (u64::MAX - 0x7fff_ffff, 0x8000_0000, 0),
        (0x1001, TOP.base, 0),
        (5, 0x9000_0ffc, 0),
        (0, 0, 0),
    ] {
        assert_eq!(
            write(length, low, high),
            Err(SbiError::InvalidParameter),
            "{length:#x} {low:#x}"
        );
    }
    assert!(matches!(
        call(DBCN, 1, &[4, 0x8000_0000, 0]),
        Ok(Call::Request(Request::ConsoleRead { .. }))
    ));
    let into_rom = call(DBCN, 1, &[4, 0x9000_0000, 0]);
    assert_eq!(
        into_rom,
        Err(SbiError::InvalidParameter),
        "reading writes to memory"
    );
    assert_eq!(
        call(DBCN, 2, &[0x141]),
        Ok(Call::Request(Request::ConsoleWriteByte { byte: 0x41 }))
    );
    assert_eq!(call(DBCN, 3, &[]), Err(SbiError::NotSupported));
}

#[test]
fn partitas_own_calls_decode() {
    let report = Call::Request(Request::ReportDeadlines {
        met: 1,
        missed: 2,
        worst_latency_ns: 3,
    });
    assert_eq!(call(PARTITA, 0, &[1, 2, 3]), Ok(report));
    assert_eq!(
        call(PARTITA, 1, &[]),
        Ok(Call::Request(Request::InterruptClaim))
    );
    assert_eq!(
        call(PARTITA, 2, &[11]),
        Ok(Call::Request(Request::InterruptComplete { line: 11 }))
    );
    for line in [0, 1 << 32, u64::MAX] {
        assert_eq!(call(PARTITA, 2, &[line]), Err(SbiError::InvalidParameter));
    }
    assert_eq!(
        call(PARTITA, 3, &[5]),
        Ok(Call::Request(Request::Panic { code: 5 }))
    );
    let timeout_ns = u64::MAX;
    assert_eq!(
        call(PARTITA, 4, &[timeout_ns]),
        Ok(Call::Request(Request::WatchdogStart { timeout_ns }))
    );
    assert_eq!(
        call(PARTITA, 5, &[]),
        Ok(Call::Request(Request::WatchdogPet))
    );
    assert_eq!(
        call(PARTITA, 7, &[]),
        Ok(Call::Request(Request::NotificationTake))
    );
    assert_eq!(call(PARTITA, 99, &[]), Err(SbiError::NotSupported));
}

#[test]
fn a_measurement_goes_to_the_callers_own_memory_only() {
    let bytes = size_of::<partita_abi::measurement::Measurement>() as u64;
    let end = RAM.base + RAM.size;
    let buffer = |address, length| call(PARTITA, 6, &[7, address, length]);
    for (address, length) in [
        (RAM.base, bytes),
        (end - bytes, bytes),
        (RAM.base, u64::MAX),
    ] {
        let Ok(Call::Request(Request::Measurement { index: 7, buffer })) = buffer(address, length)
        else {
            panic!("{address:#x} is the caller's");
        };
        assert_eq!((buffer.address(), buffer.length()), (address, bytes));
    }
    for (address, length) in [(RAM.base, 0), (RAM.base, bytes - 1), (RAM.base + 4, bytes)] {
        assert_eq!(buffer(address, length), Err(SbiError::InvalidParameter));
    }
    for address in [
        0,
        RAM.base - 8,
        end - bytes + 8,
        end,
        ROM.base,
        u64::MAX - 7,
    ] {
        assert_eq!(
            buffer(address, bytes),
            Err(SbiError::InvalidAddress),
            "{address:#x}"
        );
        assert_eq!(reached(PARTITA, 6, &[0, address, bytes]), Some(address));
    }
}

/// What a refused call reached for.
fn reached(extension: u64, function: u64, arguments: &[u64]) -> Option<u64> {
    let error = call(extension, function, arguments).expect_err("it is refused");
    let mut all = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    let registers = Registers {
        extension,
        function,
        arguments: all,
    };
    let memory = [RAM, ROM, TOP];
    let caller = Caller::new(HARTS, &memory, Identity::default());
    reached_for(&registers, error, &caller)
}

#[test]
fn a_refused_call_that_names_a_foreign_hart_tells_the_first_one() {
    for (extension, functions) in [(IPI, 0..1), (RFENCE, 0..3)] {
        for function in functions {
            let reached = |mask, base| reached(extension, function, &[mask, base]);
            assert_eq!(reached(0b1_0000, 0), Some(4));
            assert_eq!(reached(u64::MAX, 0), Some(4));
            assert_eq!(reached(0b100, 2), Some(4));
            assert_eq!(reached(1 << 63, 1), Some(64));
            assert_eq!(reached(1, 4), Some(4));
            assert_eq!(reached(0, u64::MAX - 1), Some(u64::MAX - 1));
        }
    }
    assert_eq!(reached(HSM, 0, &[7, RAM.base]), Some(7));
    assert_eq!(reached(HSM, 2, &[u64::MAX]), Some(u64::MAX));
}

#[test]
fn a_refused_call_that_names_a_foreign_address_tells_it() {
    assert_eq!(reached(HSM, 0, &[1, 0x1000]), Some(0x1000));
    assert_eq!(reached(HSM, 3, &[0x8000_0000, 0x2000]), Some(0x2000));
    assert_eq!(reached(DBCN, 0, &[16, 0x3000, 0]), Some(0x3000));
    assert_eq!(reached(DBCN, 1, &[16, ROM.base, 0]), Some(ROM.base));
    assert_eq!(reached(DBCN, 0, &[16, RAM.base, 1]), Some(RAM.base));
    let wraps = [1, 0, u64::MAX - 0xfff, 0x2000];
    assert_eq!(reached(RFENCE, 1, &wraps), Some(u64::MAX - 0xfff));
}

#[test]
fn a_call_that_is_not_offered_or_has_a_reserved_value_reaches_for_nothing() {
    assert_eq!(reached(0x0a00_0000, 0, &[RAM.base]), None);
    assert_eq!(reached(IPI, 1, &[1 << 63, 0]), None);
    assert_eq!(reached(RFENCE, 3, &[1 << 63, 0]), None);
    assert_eq!(reached(HSM, 3, &[1, 0]), None);
    assert_eq!(reached(SRST, 0, &[3, 0]), None);
    assert_eq!(reached(DBCN, 3, &[16, 0x3000, 0]), None);
    assert_eq!(reached(PARTITA, 2, &[0]), None);
}

#[test]
fn errors_have_the_numbers_of_the_specification() {
    let codes = [
        SbiError::NotSupported,
        SbiError::InvalidParameter,
        SbiError::InvalidAddress,
    ]
    .map(|error| error.code() as i64);
    assert_eq!(codes, [-2, -3, -5]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn every_accepted_argument_is_within_the_partition(
        extension in proptest::sample::select(vec![BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN, PARTITA]),
        function in 0u64..8,
        hart_count in 0u32..80,
        arguments in proptest::array::uniform6(prop_oneof![
            any::<u64>(),
            0u64..70,
            Just(u64::MAX),
            (0u64..0x20_0000).prop_map(|offset| 0x7ff8_0000 + offset),
            (0u64..0x2000).prop_map(|offset| u64::MAX - offset),
        ]),
    ) {
        let memory = [RAM, ROM, TOP];
        let caller = Caller::new(hart_count, &memory, Identity::default());
        let harts = u64::from(hart_count.min(64));
        let inside = |address: u64, length: u64| memory.iter().any(|region| {
            let (from, to) = (u128::from(region.base), u128::from(region.base) + u128::from(region.size));
            u128::from(address) >= from && u128::from(address) + u128::from(length) <= to
        });
        match decode(&Registers { extension, function, arguments }, &caller) {
            Ok(Call::SendIpi { harts: set } | Call::RemoteInstructionFence { harts: set }) => {
                for hart in set {
                    prop_assert!(u64::from(hart) < harts);
                    let named = arguments[1] == u64::MAX
                        || arguments[0] >> (u64::from(hart) - arguments[1]) & 1 == 1;
                    prop_assert!(named);
                }
                if arguments[1] != u64::MAX {
                    prop_assert_eq!(set.count() as u32, arguments[0].count_ones());
                }
            }
            Ok(Call::RemoteTranslationFence { range: FenceRange::Pages { start, count }, .. }) => {
                prop_assert!((1..=MAXIMUM_FENCE_PAGES).contains(&count));
                let last = arguments[2] + (arguments[3] - 1);
                prop_assert!(start <= arguments[2] && last - start < u64::from(count) * 4096);
            }
            Ok(Call::HartStart { hart, address, .. }) => {
                prop_assert!(u64::from(hart) < harts);
                prop_assert!(address.address() % 2 == 0 && inside(address.address(), 2));
            }
            Ok(Call::HartSuspendNonRetentive { resume, .. }) => {
                prop_assert!(resume.address() % 2 == 0 && inside(resume.address(), 2));
            }
            Ok(Call::HartStatus { hart }) => prop_assert!(u64::from(hart) < harts),
            Ok(Call::Request(Request::ConsoleWrite { bytes: range }) | Call::Request(Request::ConsoleRead { buffer: range })) => {
                prop_assert!(inside(range.address(), range.length()));
                prop_assert_eq!(range.length(), arguments[0]);
            }
            _ => {}
        }
    }

    #[test]
    fn no_registers_panic(extension: u64, function: u64, arguments: [u64; 6], hart_count: u32) {
        let caller = Caller::new(hart_count, &[RAM], Identity::default());
        let _ = decode(&Registers { extension, function, arguments }, &caller);
    }
}
