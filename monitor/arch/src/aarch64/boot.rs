//! From reset to the first partition.

use crate::arch::halt;
use crate::arch::images_device;
use crate::arch::platform::{Features, order_loads};
use crate::arch::register::{complete_accesses, read, secure_configuration, synchronize, write};
use crate::arch::timer;
use crate::arch::translation::{self, Map};
use crate::arch::vector;
use crate::board::BOARD;
use crate::console;
use crate::cores::Core;
use crate::machine;
use crate::mmio::Registers;
use crate::report;
use crate::serial::Port;
use crate::startup;
use core::arch::asm;
use partita_abi::image::STORE_OFFSET;
use partita_abi::table::RegionKind;
use partita_board::Window;

/// Starts the monitor on the core that calls this: every core comes here from the vector, with its stack; the boot
/// core first, the others when memory is ready.
pub extern "C" fn start_core(id: usize) -> ! {
    let boots = id == BOARD.first_core;
    if boots {
        // SAFETY: the boot core, once, before anybody translates.
        unsafe { translation::prepare(&map()) };
    }
    // SAFETY: the tables are ready, and map text, data and this core's stack to where they are.
    unsafe { translation::enable() };
    timer::silence();
    let features = prepare_core();
    let machine = if boots {
        vector::release();
        release_cores();
        // SAFETY: nobody else uses the port yet.
        unsafe { console::open(Port::new()) };
        let machine = startup::start_machine(features);
        reach_partitions(machine);
        call_others();
        machine
    } else {
        match wait_for_machine() {
            machine if id < machine.cores => machine,
            _ => halt(),
        }
    };
    // SAFETY: once on each core, with its own number.
    let core = unsafe { Core::create(id, machine) };
    if boots {
        core.request_load(machine.start_order[0]);
    }
    vector::run(core)
}

/// What the monitor reaches.
fn map() -> Map {
    const NONE: Window = Window { base: 0, size: 0 };
    let layout = vector::layout();
    let gic = BOARD.architecture.gic.windows();
    let release = BOARD.architecture.release;
    // Without a memory of its own the monitor is in RAM, at the start of the image.
    let (image, data, programs, images_device, ram) = match BOARD.secure {
        Some(secure) => (
            secure.flash,
            secure.monitor,
            secure.programs,
            secure.images_device.unwrap_or(NONE),
            NONE,
        ),
        None => (
            Window {
                base: BOARD.image_base,
                size: STORE_OFFSET,
            },
            Window {
                base: layout.data,
                size: layout.data_used,
            },
            NONE,
            NONE,
            Window {
                base: BOARD.ram_base,
                size: BOARD.ram_sizes.1,
            },
        ),
    };
    Map {
        image,
        text: Window {
            base: layout.text,
            size: layout.code,
        },
        data,
        shared: BOARD.architecture.stage_2,
        programs,
        devices: [
            gic[0],
            gic[1],
            gic[2],
            gic[3],
            BOARD.uart.window,
            BOARD.finisher.window,
            images_device,
            release.map_or(NONE, |release| release.starts),
            release.map_or(NONE, |release| release.reset),
        ],
        ram,
        guards: (
            vector::guard_page(0),
            vector::STACK_STRIDE as u64,
            BOARD.max_cores,
        ),
    }
}

/// Lets the monitor reach the normal world's RAM and devices, as far as partitions have them.
fn reach_partitions(machine: &machine::Machine) {
    for entry in machine.table.partitions {
        let regions = machine.table.regions_of(entry).iter();
        for region in regions {
            let range = Window {
                base: region.base,
                size: region.size,
            };
            if region.kind != RegionKind::Ram as u8 {
                // SAFETY: the boot core, before partitions run; the table was checked.
                unsafe { translation::map_device(range) };
            } else if region.base >= BOARD.ram_base {
                // SAFETY: as above.
                unsafe { translation::map_normal_ram(range) };
            }
        }
    }
    images_device::find();
}

/// Lets the other cores begin, on a board that holds them in reset.
fn release_cores() {
    let Some(release) = BOARD.architecture.release else {
        return;
    };
    // SAFETY: the board's own registers.
    let (starts, reset) = unsafe {
        (
            Registers::new(release.starts),
            Registers::new(release.reset),
        )
    };
    for core in 1..BOARD.max_cores {
        let offset = core.wrapping_mul(8);
        starts.write_u32(offset, BOARD.image_base as u32);
        starts.write_u32(
            offset.wrapping_add(4),
            BOARD.image_base.wrapping_shr(32) as u32,
        );
    }
    complete_accesses();
    reset.write_u32(0, reset.read_u32(0) & !release.held);
}

/// Wakes the cores that wait for the machine.
fn call_others() {
    // SAFETY: an event only wakes.
    unsafe { asm!("dsb sy", "sev", options(nostack, preserves_flags)) };
}

/// Waits until the boot core has made the machine.
fn wait_for_machine() -> &'static machine::Machine {
    loop {
        if let Some(machine) = machine::get() {
            return machine;
        }
        // SAFETY: the boot core sends an event.
        unsafe { asm!("wfe", options(nostack, preserves_flags)) };
    }
}

/// Sets what is the same for every partition, and finds out what the core can do.
fn prepare_core() -> Features {
    match read!("cntfrq_el0") {
        0 => write!("cntfrq_el0", BOARD.timebase_hz),
        found if found == BOARD.timebase_hz => {}
        _ => report::fatal("the system counter has another frequency than the board says"),
    }
    let features = Features::find();
    order_loads(features.mitigations);
    if features.scalable_vectors {
        // `ZCR_EL3`: vectors as long as there are.
        write!("cptr_el3", features.normal.coprocessors);
        synchronize();
        write!("s3_6_c1_c2_0", 0xf);
    }
    if features.scalable_matrices {
        // `SMCR_EL3`: as long as there are, with all instructions and the lookup table where they exist.
        let instructions = read!("s3_0_c0_c4_5");
        let all = instructions & 1 << 63 != 0;
        let table = instructions >> 56 & 0xf != 0;
        let bits = 0xf | u64::from(all) << 31 | u64::from(table) << 30;
        write!("s3_6_c1_c2_6", bits);
    }
    if read!("id_aa64pfr0_el1") >> 40 & 0xf != 0 {
        // `MPAM3_EL3`: memory partitioning does not trap in lower levels.
        write!("s3_6_c10_c5_0", 1 << 63);
    }
    if read!("id_aa64pfr0_el1") >> 44 & 0xf != 0 {
        // `AMCNTENSET0_EL0` and, as many as `AMCGCR_EL0` says, `AMCNTENSET1_EL0`: EL3 alone can let activity be counted.
        write!("s3_3_c13_c2_5", 0xf);
        write!(
            "s3_3_c13_c3_1",
            (1 << (read!("s3_3_c13_c2_2") >> 8 & 0x1f)) - 1
        );
    }
    reset_hypervisor();
    features
}

/// Brings EL2 of this core into the state in which Linux may find it (Linux, Documentation/arch/arm64/booting.rst).
pub fn reset_hypervisor() {
    let configuration = read!("scr_el3");
    let bits = secure_configuration::NON_SECURE
        | secure_configuration::HYPERVISOR_CALLS
        | secure_configuration::AARCH64;
    write!("scr_el3", configuration | bits);
    synchronize();
    restart_hypervisor();
    write!("cptr_el2", 0x33ff);
    write!("hstr_el2", 0);
    write!("cnthctl_el2", 3);
    write!("cntvoff_el2", 0);
    write!("cnthp_ctl_el2", 0);
    write!("vttbr_el2", 0);
    write!("vtcr_el2", 0x8000_0000);
    write!("ttbr0_el2", 0);
    write!("tcr_el2", 0x8080_0000);
    write!("vbar_el2", 0);
    write!("tpidr_el2", 0);
    write!("vpidr_el2", read!("midr_el1"));
    write!("vmpidr_el2", read!("mpidr_el1"));
    write!("mdcr_el2", read!("pmcr_el0") >> 11 & 31);
    if read!("id_aa64mmfr1_el1") >> 8 & 0xf != 0 {
        // `CNTHV_CTL_EL2` (FEAT_VHE).
        write!("s3_4_c14_c3_1", 0);
    }
    if read!("id_aa64pfr0_el1") >> 24 & 0xf != 0 {
        // `ICH_HCR_EL2`.
        write!("s3_4_c12_c11_0", 0);
    }
    synchronize();
    // SAFETY: only translations of lower levels of the normal world on this core are forgotten, of which none runs.
    unsafe {
        asm!(
            "tlbi alle2",
            "tlbi alle1",
            "ic iallu",
            "dsb nsh",
            "isb",
            options(nostack, preserves_flags)
        );
    }
    write!("scr_el3", configuration);
    synchronize();
}

/// Switches translation at EL2 off, and makes EL1 AArch64.
pub fn restart_hypervisor() {
    write!("sctlr_el2", 0x30c5_0830);
    write!("hcr_el2", 1 << 31);
}
