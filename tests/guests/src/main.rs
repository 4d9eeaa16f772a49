//! What the tests put into partitions: one program with many parts to play.
//!
//! The first word of the partition's arguments names the part, the others are its numbers:
//! `arguments = "probe load8:0x8000_0000 store4:0x200_0000"`. Each part says on the console what it
//! found, in lines that begin with its name, and is judged from outside.
#![cfg_attr(target_os = "none", no_std, no_main)]

mod arguments;

#[cfg(target_os = "none")]
mod health;
#[cfg(target_os = "none")]
mod idle;
#[cfg(target_os = "none")]
mod isolation;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
#[path = "neighbour_aarch64.rs"]
mod neighbour;
#[cfg(target_os = "none")]
mod neutral;
#[cfg(target_os = "none")]
mod periodic;
#[cfg(target_os = "none")]
mod witness;

#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod conformance;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
#[path = "cores_aarch64.rs"]
mod cores;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod counters;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
mod dma;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod entropy;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
#[path = "float_aarch64.rs"]
mod float;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod harts;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod imsic;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod interplay;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod measurements;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod probe;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod registers;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod rtc;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
#[path = "rtc_aarch64.rs"]
mod rtc;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod sbi_arguments;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
mod scalable;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
#[allow(dead_code, reason = "under Linux there is a static one")]
mod scalable_registers;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod serial;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
#[path = "serial_aarch64.rs"]
mod serial;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod state;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
#[path = "state_aarch64.rs"]
mod state;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod timer;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod trouble;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
#[path = "trouble_aarch64.rs"]
mod trouble;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
mod vector_registers;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod vectors;

#[cfg(target_os = "none")]
partita_guest_rt::entry!(main);

/// Plays the part that the partition's arguments name.
#[cfg(target_os = "none")]
fn main(hart: usize, device_tree: usize) -> ! {
    use partita_guest_rt::{device_tree as tree, monitor, println};

    // SAFETY: this is the address that the monitor gave; nothing changes the tree.
    let text = unsafe { tree::at(device_tree) }.and_then(tree::boot_arguments);
    let arguments = arguments::Arguments::new(text.unwrap_or_default());
    match arguments.part() {
        "echo" => idle::echo(),
        "end" => idle::end(&arguments),
        "forge" => idle::forge(),
        "fault" => trouble::fault(&arguments),
        "idle" => idle::idle(),
        "isolation" => isolation::run(&arguments),
        "listen" => health::listen(),
        "miss" => health::miss(&arguments),
        "periodic" => periodic::run(&arguments),
        "spin" => idle::spin(),
        "state" => state::run(&arguments),
        "state-left" => state::leave(),
        #[cfg(target_arch = "aarch64")]
        "state-el2" => state::run_hypervisor(&arguments),
        "talk" => idle::talk(&arguments),
        "watch" => health::watch(&arguments),
        "witness" => witness::run(&arguments),
        part => {
            play_of_architecture(hart, part, &arguments);
            println!("there is no part `{part}`");
            monitor::panic(99)
        }
    }
}

/// Plays a part that only this architecture has; returns if there is none of that name.
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
fn play_of_architecture(hart: usize, part: &str, arguments: &arguments::Arguments<'_>) {
    match part {
        "conformance" => conformance::run(hart, arguments),
        "count" => interplay::count(arguments),
        "counters" => counters::run(arguments),
        "counters-watch" => counters::watch(arguments),
        "entropy" => entropy::run(arguments),
        "flood" => interplay::flood(arguments),
        "floating-point" => registers::use_floating_point(),
        "floating-point-found" => registers::find_floating_point(),
        "floating-point-left" => registers::leave_floating_point(),
        "greet" => interplay::greet(),
        "hammer" => sbi_arguments::hammer(arguments),
        "harts" => harts::run(arguments),
        "ignore" => interplay::ignore(arguments),
        "imsic-look" => imsic::look(arguments),
        "imsic-pending" => imsic::leave_pending(),
        "lost-stack" => idle::lose_stack(arguments),
        "knock" => interplay::knock(arguments),
        "measurements" => measurements::run(arguments),
        "probe" => probe::run(arguments),
        "registers" => registers::run(arguments),
        "relay" => interplay::relay(arguments),
        "restless" => interplay::restless(arguments),
        "rtc" => rtc::run(arguments),
        "rtc-suspend" => rtc::suspend(arguments),
        "sbi-arguments" => sbi_arguments::run(arguments),
        "rtc-late" => rtc::late(),
        "rtc-leave" => rtc::leave(arguments),
        "rtc-storm" => rtc::storm(arguments),
        "serial" => serial::run(arguments),
        "serial-suspend" => serial::suspend(arguments),
        "system-suspend" => harts::suspend_system(arguments),
        "timer" => timer::run(arguments),
        "vectors" => registers::use_vectors(),
        "vectors-found" => registers::find_vectors(),
        "vectors-left" => registers::leave_vectors(),
        _ => {}
    }
}

/// As above.
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
fn play_of_architecture(_: usize, part: &str, arguments: &arguments::Arguments<'_>) {
    match part {
        "cores" => cores::run(arguments),
        "dma" => dma::run(arguments),
        "dma-leave" => dma::leave(arguments),
        "float" => float::run(arguments),
        "neighbour" => neighbour::run(arguments),
        "rtc" => rtc::run(arguments),
        "rtc-leave" => rtc::leave(),
        "rtc-storm" => rtc::storm(arguments),
        "scalable" => scalable::run(arguments),
        "scalable-left" => scalable::leave(arguments),
        "serial" => serial::run(arguments),
        _ => {}
    }
}

#[cfg(not(target_os = "none"))]
fn main() {}
