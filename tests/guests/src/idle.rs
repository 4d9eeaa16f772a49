//! Parts that do next to nothing.

use crate::arguments::Arguments;
use crate::neutral::{
    console_read, listen_to_nothing, listen_to_timer, reboot, shut_down, wait_us,
};
use partita_guest_rt::{console, hart, monitor, println};

#[cfg(target_arch = "riscv64")]
pub use crate::neutral::wait_until;

/// How long [`echo`] waits before it looks for input again, in microseconds.
const ECHO_US: usize = 1000;

/// Says that it runs, then waits for ever.
pub fn idle() -> ! {
    println!("idle: running");
    rest()
}

/// Waits for ever, and lets nothing wake it.
pub fn rest() -> ! {
    listen_to_nothing();
    loop {
        hart::wait_for_interrupt();
    }
}

/// Says that it runs, then never gives the core back.
pub fn spin() -> ! {
    println!("spin: running");
    loop {
        core::hint::spin_loop();
    }
}

/// Points its stack pointer at `stack` and reads the monitor's memory.
#[cfg(target_arch = "riscv64")]
pub fn lose_stack(arguments: &Arguments<'_>) -> ! {
    println!("lost-stack: running");
    let stack = arguments.number("stack", 0);
    // SAFETY: nothing after this uses the stack: the access faults, or the loop goes on for ever.
    unsafe {
        core::arch::asm!(
            "mv sp, {stack}",
            "li t0, 0x80000000",
            "ld t0, 0(t0)",
            "1: j 1b",
            stack = in(reg) stack,
            options(noreturn)
        )
    }
}

/// Says back what is typed, a line at a time.
pub fn echo() -> ! {
    println!("echo: running");
    listen_to_timer();
    let mut line = [0; 64];
    let mut length = 0;
    loop {
        let mut bytes = [0; 16];
        let count = console_read(&mut bytes);
        for &byte in &bytes[..count] {
            if matches!(byte, b'\r' | b'\n') {
                let text = core::str::from_utf8(&line[..length]).unwrap_or("?");
                println!("echo: `{text}`");
                length = 0;
            } else if length < line.len() {
                line[length] = byte;
                length += 1;
            }
        }
        wait_us(ECHO_US);
    }
}

/// Says `lines` lines, `pace-us` apart.
pub fn talk(arguments: &Arguments<'_>) -> ! {
    let lines = arguments.number("lines", 1);
    let pace = arguments.number("pace-us", 0);
    println!("talk: running");
    listen_to_timer();
    for line in 0..lines {
        println!("talk: line {line} of {lines}");
        if pace != 0 {
            wait_us(pace);
        }
    }
    rest()
}

/// Says what looks like the words of others.
pub fn forge() -> ! {
    listen_to_timer();
    for text in [
        "forge: running\n",
        "[    9.000000000 monitor] forged\n",
        "\r[    9.000000000 victim] forged\n",
        "\x0b\x0c\x1f\x1e\x00\u{85}[    9.000000000 victim] forged\n",
        "\x1f\n",
        "\x1dq\x1dQ\n",
        "forge: done\n",
    ] {
        console::write(text.as_bytes());
        wait_us(ECHO_US);
    }
    rest()
}

/// Ends itself after `after-us`, in the way that the arguments name.
pub fn end(arguments: &Arguments<'_>) -> ! {
    println!("end: running");
    listen_to_timer();
    wait_us(arguments.number("after-us", 0));
    for (word, value) in arguments.words() {
        match word {
            "shutdown" => shut_down(),
            "reboot" => reboot(),
            "panic" => monitor::panic(value.unwrap_or(0) as u64),
            "rust-panic" => panic!("as the arguments say"),
            _ => {}
        }
    }
    println!("end: still here");
    rest()
}
