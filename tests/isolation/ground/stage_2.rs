//! The system that is probed on Arm where everybody is at EL1 of the normal world, behind stage 2: the other partition,
//! the prober, and a neighbour in Linux's place.

use super::{Foreign, Ground, trustzone};
use crate::probe::{From, Variant};
use partita_tests::System;

/// Where the neighbour's memory begins.
pub const NEIGHBOUR_BASE: u64 = System::SECOND_FLAT_BASE;
const NEIGHBOUR_END: u64 = NEIGHBOUR_BASE + LINUX_SIZE;
/// Memory of a partition in Linux's place.
pub const LINUX_SIZE: u64 = 0x21_0000;
/// Size of the board's ordinary memory.
const MEMORY: u64 = 2 << 30;

/// The system, where the prober carries out `words`.
pub fn system(ground: &Ground, words: &str) -> System {
    let cpu = match ground.variant.processor() {
        Some(cpu) => format!("cpu = \"{cpu}\""),
        None => String::new(),
    };
    let prober = match ground.from {
        From::Linux => format!(
            "linux = {{ kernel = \"$flat\", command-line = \"{words}\" }}\ndevices = [\"{}\"]\n\
             health = {{ unexpected-trap = \"log\" }}",
            ground.own_device(),
        ),
        From::Low | From::High => format!(
            "image = \"$guest\"\narguments = \"{words}\"\nhealth = {{ access-fault = \"log\", \
             illegal-instruction = \"log\", unexpected-trap = \"log\" }}"
        ),
    };
    // Where the neighbour has the other core, cores take turns, and it begins with much to do.
    let (others_limit, neighbours_core, neighbours_limit) = if is_neighbour_apart(ground) {
        (("500us", "2ms"), 1, ("1400us", "2ms"))
    } else {
        (("500us", "1ms"), 0, ("400us", "1ms"))
    };
    let critical = |level: &str, (budget, period): (&str, &str)| {
        format!("criticality = \"{level}\"\nbudget = \"{budget}\"\nperiod = \"{period}\"")
    };
    let low = "criticality = \"QM\"".to_owned();
    let neighbours = critical("ASIL-A", neighbours_limit);
    let (others, probers) = match ground.from {
        From::High => (low, critical("ASIL-D", others_limit)),
        From::Low | From::Linux => (critical("ASIL-D", others_limit), low),
    };
    // The other may have to wait for a more critical prober's budget, twice back to back.
    let timing = match ground.from {
        From::High => "period-us:3000 tolerance-us:1200",
        From::Low | From::Linux => "period-us:1000 tolerance-us:60",
    };
    let ticks = ground.ticks_per_us();
    let partitions = format!(
        r#"
        [partition.other]
        isolation = "stage2"
        {others}
        image = "$guest"
        arguments = "witness ticks-per-us:{ticks} base:{:#x} end:{:#x} {timing}"
        memory = {{ base = "{:#x}", size = "{}KiB" }}
        cores = [0, 1]
        devices = ["{}"]

        [partition.neighbour]
        isolation = "stage2"
        {neighbours}
        linux = {{ kernel = "$second-flat", command-line = "neighbour ticks-per-us:{ticks} base:{NEIGHBOUR_BASE:#x} end:{NEIGHBOUR_END:#x} {timing}" }}
        memory = {{ base = "{NEIGHBOUR_BASE:#x}", size = "{}KiB" }}
        cores = [{neighbours_core}]

        [partition.prober]
        isolation = "stage2"
        {probers}
        {prober}
        memory = {{ base = "{:#x}", size = "{}KiB" }}
        cores = [0]
        "#,
        ground.others,
        ground.other_end,
        ground.others,
        ground.variant.others_size() / 1024,
        ground.others_device(),
        LINUX_SIZE / 1024,
        ground.base,
        (ground.end - ground.base) / 1024,
    );
    let board = format!("cores = 2\nmemory = \"{}MiB\"\n{cpu}", MEMORY >> 20);
    System::on(ground.board.name, &board, &partitions)
}

/// Two of Linux's kind cannot share a core that has scalable vectors.
fn is_neighbour_apart(ground: &Ground) -> bool {
    (ground.variant, ground.from) == (Variant::Stage2Max, From::Linux)
}

/// All memory that is not the prober's, by what it is.
pub fn foreign_memory(ground: &Ground) -> Vec<Foreign> {
    let foreign = |name, base, end| Foreign { name, base, end };
    let secure = ground.board.secure.expect("the board has secure memory");
    let arm = ground.board.architecture.aarch64();
    let window = arm.map(|board| board.stage_2);
    let window = window.expect("its tables are in ordinary memory");
    let ram = ground.board.ram_base;
    let tables_end = window.base + window.size;
    let mut places = trustzone::monitors_memory(ground);
    places.extend([
        foreign(
            "the secure world's other memory",
            secure.programs.base,
            secure.programs.base + secure.programs.size,
        ),
        foreign("EL2's vectors", window.base, window.base + 0x1000),
        foreign("the tables of stage 2", window.base + 0x1000, tables_end),
        foreign("memory that is nobody's", tables_end, NEIGHBOUR_BASE),
        foreign("the neighbour's memory", NEIGHBOUR_BASE, NEIGHBOUR_END),
        foreign("what is between the two", NEIGHBOUR_END, ground.base),
        foreign(
            "the other partition's memory",
            ground.others,
            ground.other_end,
        ),
        foreign(
            "further memory that is nobody's",
            ground.other_end,
            ram + MEMORY,
        ),
        foreign("what is behind all memory", ram + MEMORY, 1 << 32),
    ]);
    places
}
