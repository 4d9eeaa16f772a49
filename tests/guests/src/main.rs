//! What the tests put into partitions: one program with many parts to play.
//!
//! The first word of the partition's arguments names the part, the others are its numbers:
//! `arguments = "probe load8:0x8000_0000 store4:0x200_0000"`. Each part says on the console what it
//! found, in lines that begin with its name, and is judged from outside.
#![cfg_attr(target_os = "none", no_std, no_main)]

mod arguments;

#[cfg(target_os = "none")]
mod conformance;
#[cfg(target_os = "none")]
mod counters;
#[cfg(target_os = "none")]
mod entropy;
#[cfg(target_os = "none")]
mod harts;
#[cfg(target_os = "none")]
mod health;
#[cfg(target_os = "none")]
mod idle;
#[cfg(target_os = "none")]
mod imsic;
#[cfg(target_os = "none")]
mod interplay;
#[cfg(target_os = "none")]
mod isolation;
#[cfg(target_os = "none")]
mod measurements;
#[cfg(target_os = "none")]
mod periodic;
#[cfg(target_os = "none")]
mod probe;
#[cfg(target_os = "none")]
mod registers;
#[cfg(target_os = "none")]
mod rtc;
#[cfg(target_os = "none")]
mod sbi_arguments;
#[cfg(target_os = "none")]
mod serial;
#[cfg(target_os = "none")]
mod state;
#[cfg(target_os = "none")]
mod timer;
#[cfg(target_os = "none")]
mod vectors;
#[cfg(target_os = "none")]
mod witness;

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
        "conformance" => conformance::run(hart, &arguments),
        "count" => interplay::count(&arguments),
        "counters" => counters::run(&arguments),
        "counters-watch" => counters::watch(&arguments),
        "entropy" => entropy::run(&arguments),
        "echo" => idle::echo(),
        "end" => idle::end(&arguments),
        "flood" => interplay::flood(&arguments),
        "floating-point" => registers::use_floating_point(),
        "floating-point-found" => registers::find_floating_point(),
        "floating-point-left" => registers::leave_floating_point(),
        "forge" => idle::forge(),
        "greet" => interplay::greet(),
        "fault" => health::fault(&arguments),
        "hammer" => sbi_arguments::hammer(&arguments),
        "harts" => harts::run(&arguments),
        "idle" => idle::idle(),
        "ignore" => interplay::ignore(&arguments),
        "imsic-look" => imsic::look(&arguments),
        "imsic-pending" => imsic::leave_pending(),
        "isolation" => isolation::run(&arguments),
        "lost-stack" => idle::lose_stack(&arguments),
        "knock" => interplay::knock(&arguments),
        "measurements" => measurements::run(&arguments),
        "listen" => health::listen(),
        "miss" => health::miss(&arguments),
        "periodic" => periodic::run(&arguments),
        "probe" => probe::run(&arguments),
        "registers" => registers::run(&arguments),
        "relay" => interplay::relay(&arguments),
        "restless" => interplay::restless(&arguments),
        "rtc" => rtc::run(&arguments),
        "rtc-suspend" => rtc::suspend(&arguments),
        "sbi-arguments" => sbi_arguments::run(&arguments),
        "rtc-late" => rtc::late(),
        "rtc-leave" => rtc::leave(&arguments),
        "rtc-storm" => rtc::storm(&arguments),
        "serial" => serial::run(&arguments),
        "serial-suspend" => serial::suspend(&arguments),
        "spin" => idle::spin(),
        "system-suspend" => harts::suspend_system(&arguments),
        "talk" => idle::talk(&arguments),
        "state" => state::run(&arguments),
        "watch" => health::watch(&arguments),
        "state-left" => state::leave(),
        "timer" => timer::run(&arguments),
        "vectors" => registers::use_vectors(),
        "vectors-found" => registers::find_vectors(),
        "vectors-left" => registers::leave_vectors(),
        "witness" => witness::run(&arguments),
        part => {
            println!("there is no part `{part}`");
            monitor::panic(99)
        }
    }
}

#[cfg(not(target_os = "none"))]
fn main() {}
