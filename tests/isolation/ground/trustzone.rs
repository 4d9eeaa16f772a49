//! The system that is probed on Arm: the other partition is in the secure world, the prober is in Linux's place.

use super::{Foreign, Ground};
use crate::probe::From;
use partita_abi::image::{RUN_PARAMETERS_OFFSET, RunParameters, TABLE_OFFSET};
use partita_manifest::ImageFile;
use partita_tests::System;

/// Where the other partition's memory begins: in secure memory.
pub const OTHER_BASE: u64 = 0xe20_0000;

/// Where the memory of a prober begins that is a program, too: a whole block of stage 2.
pub const PROGRAM_BASE: u64 = 0xe40_0000;

/// The system, where the prober carries out `words`.
pub fn system(ground: &Ground, words: &str) -> System {
    let (trust, cpu) = match ground.variant.processor() {
        Some(cpu) => ("", format!("cpu = \"{cpu}\"")),
        None => ("\"trusted-base\", ", String::new()),
    };
    let prober = match ground.from {
        From::Linux => format!(
            "linux = {{ kernel = \"$flat\", command-line = \"{words}\" }}\n\
             health = {{ unexpected-trap = \"log\" }}"
        ),
        From::Low | From::High => format!(
            "image = \"$guest\"\narguments = \"{words}\"\nhealth = {{ access-fault = \"log\", \
             illegal-instruction = \"log\", unexpected-trap = \"log\" }}"
        ),
    };
    let partitions = format!(
        r#"
        [partition.other]
        criticality = "ASIL-D"
        budget = "500us"
        period = "1ms"
        accept = [{trust}"open-device"]
        image = "$guest"
        arguments = "witness ticks-per-us:{} base:{:#x} end:{:#x} period-us:1000 tolerance-us:40"
        memory = {{ base = "{:#x}", size = "{}KiB" }}
        cores = [0, 1]
        devices = ["{}"]

        [partition.prober]
        criticality = "QM"
        {prober}
        memory = {{ base = "{:#x}", size = "{}KiB" }}
        cores = [0]
        "#,
        ground.ticks_per_us(),
        ground.others,
        ground.other_end,
        ground.others,
        ground.variant.others_size() / 1024,
        ground.others_device(),
        ground.base,
        (ground.end - ground.base) / 1024,
    );
    let board = format!("cores = 2\nmemory = \"2GiB\"\n{cpu}");
    System::on(ground.board.name, &board, &partitions)
}

/// All secure memory, by what it is.
pub fn secure_memory(ground: &Ground) -> Vec<Foreign> {
    let secure = ground.board.secure.expect("the board has secure memory");
    let foreign = |name, base, end| Foreign { name, base, end };
    let mut places = monitors_memory(ground);
    places.push(foreign(
        "the other partition's memory",
        ground.others,
        ground.other_end,
    ));
    places.push(foreign(
        "secure memory that is nobody's",
        ground.other_end,
        secure.programs.base + secure.programs.size,
    ));
    places
}

/// The monitor's part of it.
pub fn monitors_memory(ground: &Ground) -> Vec<Foreign> {
    let system = ground.system("idle");
    let plan = system.plan();
    let secure = plan.board.secure.expect("the board has secure memory");
    let image = plan.board.image_base;
    let stored = || {
        let parts = plan.parts.iter();
        parts.filter(|part| part.file == ImageFile::System)
    };
    let first = stored().next().expect("a program");
    let last = stored().next_back().expect("a program");
    let foreign = |name, base, end| Foreign { name, base, end };
    vec![
        foreign(
            "the monitor's text",
            image,
            system.monitor_symbol("__text_end"),
        ),
        foreign(
            "the system table",
            image + TABLE_OFFSET,
            image + TABLE_OFFSET + plan.table.len() as u64,
        ),
        foreign(
            "the run parameters",
            image + RUN_PARAMETERS_OFFSET,
            image + RUN_PARAMETERS_OFFSET + size_of::<RunParameters>() as u64,
        ),
        foreign(
            "the store",
            first.source,
            last.source + last.bytes.len() as u64,
        ),
        foreign(
            "the rest of the flash",
            (last.source + last.bytes.len() as u64).next_multiple_of(0x1000),
            secure.flash.base + secure.flash.size,
        ),
        foreign("the monitor's memory", secure.monitor.base, plan.crash_base),
        foreign(
            "the crash records",
            plan.crash_base,
            secure.monitor.base + secure.monitor.size,
        ),
    ]
}
