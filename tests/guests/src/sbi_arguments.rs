//! Calls with arguments that no honest system makes, and what they must be answered.

use crate::arguments::Arguments;
use crate::idle::rest;
use crate::isolation::Answers;
use core::sync::atomic::{AtomicU8, Ordering::SeqCst};
use partita_guest_rt::{println, probe, sbi};
use sbi_spec::binary::{RET_ERR_ALREADY_AVAILABLE, RET_ERR_INVALID_ADDRESS, RET_ERR_INVALID_PARAM};
use sbi_spec::binary::{RET_ERR_ALREADY_STOPPED, RET_ERR_NO_SHMEM};
use sbi_spec::binary::{RET_ERR_NOT_SUPPORTED, RET_SUCCESS};
use sbi_spec::{base, dbcn, hsm, pmu, rfnc, spi, srst, susp, time};

/// The Partita extension.
const PARTITA: usize = 0x0850_4152;
/// Calls of the random part.
const RANDOM_CALLS: usize = 1000;
/// Room that calls may read and write.
static ROOM: [AtomicU8; 256] = [const { AtomicU8::new(b'.') }; 256];
/// Right behind the room: nothing may change it.
static GUARD: [AtomicU8; 64] = [const { AtomicU8::new(0x77) }; 64];

struct Checker {
    right: usize,
    wrong: usize,
}

impl Checker {
    /// Makes a call and compares the error that it returns.
    fn expect(&mut self, name: &str, expected: usize, call: (usize, usize), arguments: &[usize]) {
        let mut all = [0; 6];
        all[..arguments.len()].copy_from_slice(arguments);
        // SAFETY: the calls of this module write to `ROOM` at most, and start no hart.
        let answer = unsafe { sbi::call(call.0, call.1, all) };
        if answer.error == expected {
            self.right += 1;
        } else {
            self.wrong += 1;
            let (error, expected) = (answer.error as isize, expected as isize);
            println!("sbi: {name} answers {error}, not {expected}");
        }
    }
}

/// Expects `harts` own harts, memory of somebody else at `foreign`, and own RAM to end at `end`.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let harts = arguments.number("harts", 1);
    let foreign = arguments.number("foreign", 0x8000_0000);
    let end = arguments.number("end", 0);
    let mut checker = Checker { right: 0, wrong: 0 };
    hart_masks(&mut checker, harts);
    hart_states(&mut checker, harts, foreign, end);
    consoles(&mut checker, foreign, end);
    resets(&mut checker);
    counters(&mut checker);
    suspends(&mut checker, foreign, end);
    strangers(&mut checker);
    println!("sbi: {} right, {} wrong", checker.right, checker.wrong);
    random(harts, foreign);
    println!("");
    let intact = GUARD.iter().all(|byte| byte.load(SeqCst) == 0x77);
    println!("sbi: {RANDOM_CALLS} random calls, guard intact {intact}");
    rest()
}

/// Makes the calls that take longest, for ever, to keep the monitor busy: `console:1`, `fences:1`,
/// `faults:1`, `timers:1`; all of them if none is named.
pub fn hammer(arguments: &Arguments<'_>) -> ! {
    let named = |key| arguments.number(key, 0) != 0;
    let all = !["console", "fences", "faults", "timers"]
        .into_iter()
        .any(named);
    let room = ROOM.as_ptr() as usize;
    println!("hammer: running");
    loop {
        if all || named("console") {
            let write = [ROOM.len(), room, 0, 0, 0, 0];
            // SAFETY: reads the room.
            let _ = unsafe { sbi::call(dbcn::EID_DBCN, dbcn::CONSOLE_WRITE, write) };
        }
        if all || named("fences") {
            let _ = sbi::remote_sfence_vma(0, usize::MAX, 0, 0);
            let _ = sbi::remote_fence_i(0, usize::MAX);
        }
        if all || named("faults") {
            let _ = probe::load_u64(0x8000_0000);
        }
        if all || named("timers") {
            let _ = sbi::set_timer(u64::MAX);
            let _ = sbi::send_ipi(1, 0);
        }
    }
}

fn hart_masks(checker: &mut Checker, harts: usize) {
    let invalid = RET_ERR_INVALID_PARAM;
    let all = (1 << harts) - 1;
    for (name, call) in [
        ("ipi", (spi::EID_SPI, spi::SEND_IPI)),
        ("fence.i", (rfnc::EID_RFNC, rfnc::REMOTE_FENCE_I)),
        ("sfence", (rfnc::EID_RFNC, rfnc::REMOTE_SFENCE_VMA)),
        (
            "sfence asid",
            (rfnc::EID_RFNC, rfnc::REMOTE_SFENCE_VMA_ASID),
        ),
    ] {
        checker.expect(name, RET_SUCCESS, call, &[all, 0]);
        checker.expect(name, RET_SUCCESS, call, &[usize::MAX, usize::MAX]);
        checker.expect(name, RET_SUCCESS, call, &[0, usize::MAX]);
        checker.expect(name, RET_SUCCESS, call, &[0, 0]);
        checker.expect(name, invalid, call, &[all << 1 | 1, 0]);
        checker.expect(name, invalid, call, &[1 << 63, 0]);
        checker.expect(name, invalid, call, &[usize::MAX, 0]);
        checker.expect(name, invalid, call, &[1, harts]);
        checker.expect(name, invalid, call, &[1, 63]);
        checker.expect(name, invalid, call, &[1, 64]);
        checker.expect(name, invalid, call, &[1, 1 << 32]);
        checker.expect(name, invalid, call, &[1, usize::MAX - 1]);
        checker.expect(name, invalid, call, &[2, harts - 1]);
    }
    let sfence = (rfnc::EID_RFNC, rfnc::REMOTE_SFENCE_VMA);
    checker.expect("sfence all", RET_SUCCESS, sfence, &[all, 0, 0, usize::MAX]);
    checker.expect("sfence none", RET_SUCCESS, sfence, &[all, 0, 0x1000, 0]);
    let wrapping = &[all, 0, usize::MAX - 0xfff, 0x2000];
    checker.expect("sfence wraps", RET_ERR_INVALID_ADDRESS, sfence, wrapping);
    for function in [3, 4, 5, 6, 7, usize::MAX] {
        let call = (rfnc::EID_RFNC, function);
        checker.expect("hfence", RET_ERR_NOT_SUPPORTED, call, &[all, 0]);
    }
}

fn hart_states(checker: &mut Checker, harts: usize, foreign: usize, end: usize) {
    let start = (hsm::EID_HSM, hsm::HART_START);
    let status = (hsm::EID_HSM, hsm::HART_GET_STATUS);
    let suspend = (hsm::EID_HSM, hsm::HART_SUSPEND);
    let own = run as *const () as usize;
    let other = harts - 1;
    for address in [
        foreign,
        0,
        0x200_0000,
        0x1000_0000,
        0xc00_0000,
        end,
        end - 1,
        own | 1,
    ] {
        checker.expect(
            "start there",
            RET_ERR_INVALID_ADDRESS,
            start,
            &[other, address],
        );
    }
    checker.expect(
        "start wraps",
        RET_ERR_INVALID_ADDRESS,
        start,
        &[other, usize::MAX],
    );
    checker.expect("start self", RET_ERR_ALREADY_AVAILABLE, start, &[0, own]);
    for hart in [harts, 63, 64, 1 << 32, usize::MAX] {
        checker.expect("start nobody", RET_ERR_INVALID_PARAM, start, &[hart, own]);
        checker.expect("status nobody", RET_ERR_INVALID_PARAM, status, &[hart]);
    }
    checker.expect("status self", RET_SUCCESS, status, &[0]);
    for kind in [
        1,
        0x0fff_ffff,
        0x1000_0000,
        0x7fff_ffff,
        0x8000_0001,
        0xffff_ffff,
    ] {
        checker.expect("suspend kind", RET_ERR_INVALID_PARAM, suspend, &[kind, own]);
    }
    let resume = &[0x8000_0000, foreign];
    checker.expect("resume there", RET_ERR_INVALID_ADDRESS, suspend, resume);
    for function in [4, 100, usize::MAX] {
        checker.expect("hsm", RET_ERR_NOT_SUPPORTED, (hsm::EID_HSM, function), &[0]);
    }
}

fn consoles(checker: &mut Checker, foreign: usize, end: usize) {
    let invalid = RET_ERR_INVALID_PARAM;
    let room = ROOM.as_ptr() as usize;
    let write = (dbcn::EID_DBCN, dbcn::CONSOLE_WRITE);
    let read = (dbcn::EID_DBCN, dbcn::CONSOLE_READ);
    for (name, call) in [("write", write), ("read", read)] {
        for (length, address, high) in [
            (16, foreign, 0),
            (16, 0x1000_0000, 0),
            (16, 0x8000_0000, 0),
            (1, end, 0),
            (16, end - 8, 0),
            (usize::MAX, room, 0),
            (usize::MAX - room + 1, room, 0),
            (usize::MAX - room + 2, room, 0),
            (1 << 40, room, 0),
            (2, usize::MAX, 0),
            (16, room, 1),
            (16, room, usize::MAX),
        ] {
            checker.expect(name, invalid, call, &[length, address, high]);
        }
        checker.expect(name, RET_SUCCESS, call, &[0, room, 0]);
    }
    checker.expect("console", RET_ERR_NOT_SUPPORTED, (dbcn::EID_DBCN, 3), &[0]);
}

fn resets(checker: &mut Checker) {
    let reset = (srst::EID_SRST, srst::SYSTEM_RESET);
    for (kind, reason) in [
        (3, 0),
        (0x0fff_ffff, 0),
        (0xf000_0000, 0),
        (0xffff_ffff, 0),
        (0, 2),
        (1, 0xdfff_ffff),
        (2, 0xffff_ffff),
    ] {
        checker.expect("reset", RET_ERR_INVALID_PARAM, reset, &[kind, reason]);
    }
    checker.expect("srst", RET_ERR_NOT_SUPPORTED, (srst::EID_SRST, 1), &[0]);
}

fn counters(checker: &mut Checker) {
    let invalid = RET_ERR_INVALID_PARAM;
    let call = |function| (pmu::EID_PMU, function);
    checker.expect("counters", RET_SUCCESS, call(pmu::NUM_COUNTERS), &[]);
    for number in [0, 1, 2, 31, 63, 64, 1 << 32, usize::MAX] {
        checker.expect("counter", invalid, call(pmu::COUNTER_GET_INFO), &[number]);
        checker.expect("read", invalid, call(pmu::COUNTER_FW_READ), &[number]);
        for function in [
            pmu::COUNTER_CONFIG_MATCHING,
            pmu::COUNTER_START,
            pmu::COUNTER_STOP,
        ] {
            checker.expect("counter set", invalid, call(function), &[number, 1, 0, 1]);
        }
    }
    let configure = call(pmu::COUNTER_CONFIG_MATCHING);
    for event in [0, 0xffff, 0xf_0000, 0xf_ffff, 1 << 20 | 1, usize::MAX] {
        let arguments = &[3, 1, 0, event];
        checker.expect("event", RET_ERR_NOT_SUPPORTED, configure, arguments);
    }
    checker.expect("flags", invalid, configure, &[3, 1, 1 << 8, 1]);
    let (start, stop) = (call(pmu::COUNTER_START), call(pmu::COUNTER_STOP));
    checker.expect("start", invalid, start, &[3, 1, 0, 0]);
    checker.expect("stop", RET_ERR_ALREADY_STOPPED, stop, &[3, 1, 0]);
    checker.expect("snapshot", RET_ERR_NO_SHMEM, stop, &[3, 1, 2]);
    let room = ROOM.as_ptr() as usize;
    for function in [pmu::SNAPSHOT_SET_SHMEM, pmu::EVENT_GET_INFO, 9, usize::MAX] {
        let unknown = RET_ERR_NOT_SUPPORTED;
        checker.expect("counters", unknown, call(function), &[room, 0, 0]);
    }
}

fn suspends(checker: &mut Checker, foreign: usize, end: usize) {
    let suspend = (susp::EID_SUSP, susp::SUSPEND);
    let own = run as *const () as usize;
    for kind in [1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        checker.expect("sleep", RET_ERR_INVALID_PARAM, suspend, &[kind, own]);
    }
    for address in [foreign, 0, 0x200_0000, end, end - 1, own | 1, usize::MAX] {
        checker.expect("resume", RET_ERR_INVALID_ADDRESS, suspend, &[0, address]);
    }
    let other = (susp::EID_SUSP, 1);
    checker.expect("susp", RET_ERR_NOT_SUPPORTED, other, &[0, own]);
}

fn strangers(checker: &mut Checker) {
    let unknown = RET_ERR_NOT_SUPPORTED;
    // The legacy extensions, CPPC, NACL, STA, SSE, FWFT, DBTR, MPXY, nobody's.
    for extension in [
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        0x4350_5043,
        0x4e41_434c,
        0x53_5441,
        0x53_5345,
        0x4657_4654,
        0x4442_5452,
        0x4d50_5859,
        0x0a00_0000,
        usize::MAX,
    ] {
        checker.expect("extension", unknown, (extension, 0), &[0]);
        let available = sbi::probe_extension(extension);
        if available != 0 {
            checker.wrong += 1;
            println!("sbi: extension {extension:#x} says it is there");
        }
    }
    checker.expect("time", unknown, (time::EID_TIME, 1), &[0]);
    checker.expect("ipi", unknown, (spi::EID_SPI, 1), &[0]);
    checker.expect("base", unknown, (base::EID_BASE, 7), &[0]);
    checker.expect("partita", unknown, (PARTITA, 4), &[0]);
    checker.expect("claim", RET_SUCCESS, (PARTITA, 1), &[0]);
    for line in [0, 1, 10, 11, 96, 1 << 32, usize::MAX] {
        checker.expect("complete", RET_ERR_INVALID_PARAM, (PARTITA, 2), &[line]);
    }
    // Bits above those of the number are part of it.
    checker.expect("extension", unknown, (1 << 32 | base::EID_BASE, 0), &[0]);
    checker.expect("function", unknown, (base::EID_BASE, 1 << 32), &[0]);
}

/// Makes calls chosen by chance, always the same ones. Left out is what would rightly end or stop the
/// caller, start a hart somewhere in the middle, or wait for ever.
pub fn random(harts: usize, foreign: usize) -> Answers {
    let mut answers = Answers::default();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        // George Marsaglia, "Xorshift RNGs" (2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let room = ROOM.as_ptr() as usize;
    let values = [
        0,
        1,
        2,
        7,
        24,
        63,
        64,
        255,
        256,
        harts,
        0xfff,
        0x1000,
        1 << 31,
        1 << 32,
        1 << 63,
        room,
        room + 1,
        room + 255,
        foreign,
        foreign + 8,
        0x1000_0000,
        0x200_0000,
        0xc00_0000,
        usize::MAX - 1,
        usize::MAX,
    ];
    let extensions = [
        base::EID_BASE,
        time::EID_TIME,
        spi::EID_SPI,
        rfnc::EID_RFNC,
        hsm::EID_HSM,
        srst::EID_SRST,
        dbcn::EID_DBCN,
        pmu::EID_PMU,
        susp::EID_SUSP,
        PARTITA,
        0x0a00_0000,
    ];
    while answers.made < RANDOM_CALLS {
        let extension = extensions[next() % extensions.len()];
        let function = next() % 8;
        let mut arguments = [0; 6];
        for argument in &mut arguments {
            *argument = values[next() % values.len()];
        }
        match (extension, function) {
            (srst::EID_SRST, srst::SYSTEM_RESET) => arguments[0] |= 4,
            (hsm::EID_HSM, hsm::HART_STOP | hsm::HART_SUSPEND) | (PARTITA, 0 | 3..=5) => continue,
            (PARTITA, 6) | (hsm::EID_HSM, hsm::HART_START) | (susp::EID_SUSP, _) => {
                arguments[1] = foreign;
            }
            (dbcn::EID_DBCN, dbcn::CONSOLE_READ) if arguments[1] != room => arguments[1] = foreign,
            _ => {}
        }
        if extension == dbcn::EID_DBCN && arguments[0] < 1 << 31 {
            arguments[0] = arguments[0].min(8);
        }
        // SAFETY: what could hurt this program was taken out above; `ROOM` holds 8 bytes.
        let answer = unsafe { sbi::call(extension, function, arguments) };
        answers.made += 1;
        match answer.error {
            RET_ERR_INVALID_PARAM => answers.parameter += 1,
            RET_ERR_INVALID_ADDRESS => answers.address += 1,
            _ => {}
        }
    }
    answers
}
