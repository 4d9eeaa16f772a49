//! The SBI as others test it: the cases of the `sbi-testing` crate.

use crate::arguments::Arguments;
use crate::idle::rest;
use partita_guest_rt::println;
use sbi_testing::{BaseCase, DbcnCase, HsmCase, IpiCase, TimerCase};

/// Ticks until the timer of the test fires.
const DELAY: u64 = 10_000;

fn verdict(chapter: &str, passed: bool) {
    println!(
        "conformance: {chapter} {}",
        if passed { "passed" } else { "failed" }
    );
}

/// Runs every chapter; the partition has `harts` harts.
pub fn run(hart: usize, arguments: &Arguments<'_>) -> ! {
    let harts = arguments.number("harts", 1);
    let mut passed = false;
    sbi_testing::test_base(|case| {
        println!("base: {case:?}");
        passed |= matches!(case, BaseCase::Pass);
    });
    verdict("base", passed);

    let mut passed = false;
    sbi_testing::test_timer(DELAY, |case| {
        println!("time: {case:?}");
        passed |= matches!(case, TimerCase::Pass);
    });
    verdict("time", passed);

    let mut passed = false;
    sbi_testing::test_ipi(hart, |case| {
        println!("ipi: {case:?}");
        passed |= matches!(case, IpiCase::Pass);
    });
    verdict("ipi", passed);

    let mut faults = 0;
    sbi_testing::test_dbcn(|case| {
        println!("dbcn: {case:?}");
        faults += usize::from(!matches!(
            case,
            DbcnCase::Begin
                | DbcnCase::WriteByte
                | DbcnCase::WriteSlice
                // A call may take less than it is offered (SBI 2.0, chapter 12.1).
                | DbcnCase::WritingPartialSlice(_)
                | DbcnCase::Read(_)
                | DbcnCase::NonzeroUpperWriteRejected(_)
                | DbcnCase::NonzeroUpperReadRejected(_)
                | DbcnCase::Pass
        ));
    });
    verdict("dbcn", faults == 0);

    if harts > 1 {
        let mut passed = false;
        sbi_testing::test_hsm(hart, (1 << harts) - 1, 0, |case| {
            println!("hsm: {case:?}");
            passed |= matches!(case, HsmCase::Pass);
        });
        verdict("hsm", passed);
    }
    println!("conformance: done");
    rest()
}
