//! A neighbour in Linux's place, at EL1 behind stage 2: it has interrupts of its own, which it takes itself, a timer
//! that the hardware keeps for it, and translation. Whoever disturbs one of them is found out.

use crate::arguments::Arguments;
use crate::vector_registers;
use core::arch::asm;
use core::ptr::{with_exposed_provenance, with_exposed_provenance_mut};
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
use partita_guest_rt::{hart, monitor, println};

/// Memory that only this partition writes, and what it holds.
static ROOM: AtomicU64 = AtomicU64::new(PATTERN);
const PATTERN: u64 = 0x0fed_cba9_8765_4321;
/// What the registers hold; no other partition of the tests has it.
const OWN: u64 = 0x5a1e_7b0b_5a1e_7b0b;

/// What registers hold that keep addresses only.
const ADDRESS: u64 = 0x1e7b_0b50;

/// The interrupt of the virtual timer, and where a core's registers for it are (GICv3, IHI 0069, 12.9 and 12.11).
const TIMER: u32 = 27;
const DISTRIBUTOR: usize = 0x0800_0000;
const ENABLE: usize = 0x080b_0100;
const PRIORITY: usize = 0x080b_0400;
/// Priorities: of the timer, and those that come.
const URGENT: u32 = 0xa0;
const MASK: u64 = 0xf0;
/// From this number on it is no interrupt.
const NONE: u32 = 1020;

/// The same memory once more, for the prober has something else at these addresses.
const ALIAS: usize = 1 << 32;

fn read(address: usize) -> u32 {
    // SAFETY: the virtual interrupt controller of this partition.
    unsafe { with_exposed_provenance::<u32>(address).read_volatile() }
}

fn write(address: usize, value: u32) {
    // SAFETY: as above.
    unsafe { with_exposed_provenance_mut::<u32>(address).write_volatile(value) }
}

/// Lets the timer interrupt.
fn prepare_interrupts() {
    write(DISTRIBUTOR, 2);
    write(PRIORITY + (TIMER as usize & !3), URGENT << 24);
    write(ENABLE, 1 << TIMER);
    // SAFETY: this core's own interface: ICC_SRE_EL1, ICC_PMR_EL1, ICC_IGRPEN1_EL1.
    unsafe {
        asm!(
            "msr S3_0_C12_C12_5, {one}",
            "isb",
            "msr S3_0_C4_C6_0, {mask}",
            "msr S3_0_C12_C12_7, {one}",
            "isb",
            one = in(reg) 1_u64,
            mask = in(reg) MASK,
            options(nostack)
        );
    }
}

/// Whether the interrupt controller is as this partition left it.
fn interrupts_hold() -> bool {
    let (mask, group): (u64, u64);
    // SAFETY: reads this core's own interface.
    unsafe {
        asm!("mrs {}, S3_0_C4_C6_0", "mrs {}, S3_0_C12_C12_7", out(reg) mask, out(reg) group, options(nostack));
    }
    let priority = read(PRIORITY + (TIMER as usize & !3)) >> 24;
    let state = (
        read(DISTRIBUTOR) & 3,
        read(ENABLE),
        priority,
        mask,
        group & 1,
    );
    state == (2, 1 << TIMER, URGENT, MASK, 1)
}

/// Takes the most urgent interrupt.
fn take() -> u32 {
    let taken: u64;
    // SAFETY: this core's own interface (ICC_IAR1_EL1).
    unsafe { asm!("mrs {}, S3_0_C12_C12_0", "dsb sy", out(reg) taken, options(nostack)) };
    taken as u32
}

/// Ends it.
fn end(taken: u32) {
    // SAFETY: this core's own interface (ICC_EOIR1_EL1).
    unsafe { asm!("msr S3_0_C12_C12_1, {}", "isb", in(reg) u64::from(taken), options(nostack)) };
}

/// Sets the virtual timer, or turns it off.
fn set_timer(deadline: u64) {
    let on = u64::from(deadline != u64::MAX);
    // SAFETY: this core's own timer.
    unsafe {
        asm!(
            "msr cntv_cval_el0, {}",
            "msr cntv_ctl_el0, {}",
            "isb",
            in(reg) deadline,
            in(reg) on,
            options(nostack)
        );
    }
}

/// Waits until this time. Returns how many interrupts came that nobody asked for.
fn wait(release: u64) -> usize {
    set_timer(release);
    let mut strange = 0;
    loop {
        hart::wait_for_interrupt();
        let taken = take();
        if taken >= NONE {
            continue;
        }
        let is_timer = taken == TIMER;
        if is_timer {
            set_timer(u64::MAX);
        }
        end(taken);
        if is_timer && hart::time() >= release {
            return strange;
        }
        strange += 1;
    }
}

/// Translates the first 4 GiB onto themselves, and from [`ALIAS`] on once more in another order.
fn translate() {
    #[repr(align(4096))]
    struct Table([u64; 8]);
    /// Blocks of 1 GiB, accessed, of the first kind of memory (DDI 0487, D8.3).
    const BLOCK: u64 = 1 << 10 | 1;
    const fn gigabyte(number: u64) -> u64 {
        number << 30 | BLOCK
    }
    static TABLE: Table = Table([
        gigabyte(0),
        gigabyte(1),
        gigabyte(2),
        gigabyte(3),
        gigabyte(2),
        gigabyte(2),
        gigabyte(2),
        gigabyte(2),
    ]);
    /// 33 bits of address in 4 KiB pages, read without caches, by the first table alone; 40 bits of physical address.
    const CONTROL: u64 = 2 << 32 | 1 << 23 | 31;
    // SAFETY: everything stays where it is, as normal memory without caches.
    unsafe {
        asm!(
            "msr mair_el1, {kind}",
            "msr tcr_el1, {control}",
            "msr ttbr0_el1, {table}",
            "tlbi vmalle1",
            "dsb sy",
            "isb",
            "mrs {system}, sctlr_el1",
            "orr {system}, {system}, #1",
            "msr sctlr_el1, {system}",
            "isb",
            kind = in(reg) 0x44_u64,
            control = in(reg) CONTROL,
            table = in(reg) TABLE.0.as_ptr(),
            system = out(reg) _,
            options(nostack)
        );
    }
}

/// Whether memory is what it was, however it is reached.
fn memory_holds(ends: [usize; 2], values: [u64; 2]) -> bool {
    let own = (&raw const ROOM).addr() & 0x3fff_ffff;
    // SAFETY: this partition's own memory, translated above.
    let alias = (0..4).all(|number| unsafe {
        let place = ALIAS + (number << 30) + own;
        with_exposed_provenance::<u64>(place).read_volatile() == PATTERN
    });
    alias && ROOM.load(SeqCst) == PATTERN && read_ends(ends) == values
}

fn read_ends(ends: [usize; 2]) -> [u64; 2] {
    // SAFETY: the manifest's words name the first and the last 8 bytes of this partition's memory.
    ends.map(|address| unsafe { with_exposed_provenance::<u64>(address).read_volatile() })
}

fn write_registers() {
    // SAFETY: registers that neither Rust nor the runtime uses.
    unsafe {
        asm!(
            "msr tpidr_el0, {own}",
            "msr tpidrro_el0, {own}",
            "msr tpidr_el1, {own}",
            "msr far_el1, {own}",
            "msr elr_el1, {own}",
            "msr cntp_cval_el0, {own}",
            "msr dbgbvr0_el1, {address}",
            "msr dbgwvr3_el1, {address}",
            // A breakpoint of somebody else's would stop it.
            "msr daifclr, #8",
            address = in(reg) ADDRESS,
            own = in(reg) OWN,
            options(nostack)
        );
    }
    vector_registers::fill(OWN);
}

fn registers_hold() -> bool {
    let differences: u64;
    // SAFETY: reads registers.
    unsafe {
        asm!(
            "mov {all}, xzr",
            ".irp register, tpidr_el0, tpidrro_el0, tpidr_el1, far_el1, elr_el1, cntp_cval_el0",
            "mrs {one}, \\register",
            "eor {one}, {one}, {own}",
            "orr {all}, {all}, {one}",
            ".endr",
            ".irp register, dbgbvr0_el1, dbgwvr3_el1",
            "mrs {one}, \\register",
            "eor {one}, {one}, {address}",
            "orr {all}, {all}, {one}",
            ".endr",
            address = in(reg) ADDRESS,
            all = out(reg) differences,
            one = out(reg) _,
            own = in(reg) OWN,
            options(nostack)
        );
    }
    differences | vector_registers::differences(OWN) == 0
}

/// Wakes each `period-us` by its own timer and reports every `report` periods; the words are those of the witness.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let ticks = arguments.number("ticks-per-us", 10) as u64;
    let period = ticks * arguments.number("period-us", 1000) as u64;
    let tolerance = ticks * arguments.number("tolerance-us", 20) as u64;
    // The more critical one comes first.
    let tolerance = tolerance + 100 * ticks;
    let report = arguments.number("report", 20) as u64;
    let ends = [arguments.number("base", 0), arguments.number("end", 8) - 8];
    let values = read_ends(ends);
    vector_registers::turn_on();
    prepare_interrupts();
    translate();
    write_registers();
    println!("neighbour: running");
    let (mut met, mut missed, mut worst) = (0, 0, 0);
    let (mut strange, mut spoilt, mut periods) = (0, 0, 0);
    let mut release = hart::time() + period;
    loop {
        strange += wait(release);
        let late = hart::time() - release;
        worst = worst.max(late);
        if late > tolerance {
            missed += 1;
        } else {
            met += 1;
        }
        if !memory_holds(ends, values) || !registers_hold() || !interrupts_hold() {
            spoilt += 1;
            write_registers();
        }
        periods += 1;
        if periods % report == 0 {
            let _ = monitor::report_deadlines(met, missed, 1000 * worst / ticks);
            println!(
                "neighbour: {periods} periods, {missed} missed, {strange} strange, {spoilt} spoilt"
            );
            (met, missed, worst) = (0, 0, 0);
        }
        release += period;
    }
}
