//! SBI calls: a call that is let through names only what the caller owns.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use partita_monitor_core::request::Request;
use partita_virtual_riscv64::sbi::{
    Call, Caller, Identity, Region, Registers, decode, reached_for,
};

#[derive(Arbitrary, Debug)]
struct Input {
    extension: u8,
    odd_extension: u64,
    function: u64,
    arguments: [u64; 6],
    harts: u8,
    regions: Vec<(u64, u64, bool, bool)>,
}

/// Interrupts between harts.
const IPI: u64 = 0x73_5049;

/// What the monitor offers, for a fuzzer that would need long to find it.
const EXTENSIONS: [u64; 10] = [
    0x10,
    0x5449_4d45,
    IPI,
    0x5246_4e43,
    0x48_534d,
    0x5352_5354,
    0x4442_434e,
    0x50_4d55,
    0x5355_5350,
    0x0850_4152,
];

fn lies_in(
    regions: &[Region],
    address: u64,
    length: u64,
    permits: impl Fn(&Region) -> bool,
) -> bool {
    regions
        .iter()
        .filter(|region| permits(region))
        .any(|region| {
            let (base, size) = (u128::from(region.base), u128::from(region.size));
            let (address, length) = (u128::from(address), u128::from(length));
            address >= base && address + length <= base + size
        })
}

fuzz_target!(|input: Input| {
    let regions: Vec<_> = input
        .regions
        .iter()
        .map(|(base, size, writable, executable)| Region {
            base: *base,
            size: *size,
            writable: *writable,
            executable: *executable,
        })
        .collect();
    let harts = u32::from(input.harts);
    let caller = Caller::new(harts, &regions, Identity::default());
    let known = EXTENSIONS.get(usize::from(input.extension) % 11);
    let registers = Registers {
        extension: known.copied().unwrap_or(input.odd_extension),
        function: input.function,
        arguments: input.arguments,
    };
    let all = u128::MAX >> (128 - harts.min(64)).min(127) & if harts == 0 { 0 } else { u128::MAX };
    match decode(&registers, &caller) {
        Err(error) => {
            assert!((error.code() as i64) < 0);
            // What it was denied for is not its own.
            let reached = reached_for(&registers, error, &caller);
            let [mask, base, ..] = input.arguments;
            if let (IPI, Some(hart)) = (registers.extension, reached) {
                assert!(hart >= u64::from(harts.min(64)));
                assert!(hart >= base && (hart == base || mask >> (hart - base) & 1 != 0));
            }
        }
        Ok(Call::SendIpi { harts } | Call::RemoteInstructionFence { harts })
        | Ok(Call::RemoteTranslationFence { harts, .. }) => {
            assert_eq!(u128::from(harts.bits()) & !all, 0);
        }
        Ok(Call::HartStatus { hart }) => assert!(hart < harts.min(64)),
        Ok(Call::HartStart { hart, address, .. }) => {
            assert!(hart < harts.min(64));
            assert!(lies_in(&regions, address.address(), 2, |region| region.executable));
        }
        Ok(Call::HartSuspendNonRetentive { resume, .. } | Call::SystemSuspend { resume, .. }) => {
            assert!(lies_in(&regions, resume.address(), 2, |region| region.executable));
        }
        Ok(Call::Request(Request::ConsoleWrite { bytes })) => {
            assert!(lies_in(&regions, bytes.address(), bytes.length(), |_| true));
        }
        Ok(Call::Request(Request::ConsoleRead { buffer })) => {
            assert!(lies_in(
                &regions,
                buffer.address(),
                buffer.length(),
                |region| region.writable
            ));
        }
        Ok(Call::Request(Request::Measurement { buffer, .. })) => {
            let (address, length) = (buffer.address(), buffer.length());
            assert_eq!(address % 8, 0);
            assert!(lies_in(&regions, address, length, |region| region.writable));
        }
        Ok(Call::Request(Request::InterruptComplete { line })) => assert_ne!(line, 0),
        Ok(_) => {}
    }
});
