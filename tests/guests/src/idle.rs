//! Parts that do next to nothing.

use crate::arguments::Arguments;
use partita_guest_rt::hart::source;
use partita_guest_rt::{console, hart, monitor, println, sbi};

/// How long [`echo`] waits before it looks for input again, in ticks of 100 ns.
const ECHO_TICKS: u64 = 10_000;

/// Says that it runs, then waits for ever.
pub fn idle() -> ! {
    println!("idle: running");
    rest()
}

/// Waits for ever, and lets nothing wake it.
pub fn rest() -> ! {
    hart::disable_sources(source::SOFTWARE | source::TIMER | source::EXTERNAL);
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
    hart::enable_sources(source::TIMER);
    let mut line = [0; 64];
    let mut length = 0;
    loop {
        let mut bytes = [0; 16];
        let count = sbi::console_read(&mut bytes).unwrap_or(0);
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
        wait_until(hart::time() + ECHO_TICKS);
    }
}

/// Says `lines` lines, `pace-us` apart.
pub fn talk(arguments: &Arguments<'_>) -> ! {
    let lines = arguments.number("lines", 1);
    let pace = 10 * arguments.number("pace-us", 0) as u64;
    println!("talk: running");
    hart::enable_sources(source::TIMER);
    for line in 0..lines {
        println!("talk: line {line} of {lines}");
        if pace != 0 {
            wait_until(hart::time() + pace);
        }
    }
    rest()
}

/// Says what looks like the words of others.
pub fn forge() -> ! {
    hart::enable_sources(source::TIMER);
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
        wait_until(hart::time() + ECHO_TICKS);
    }
    rest()
}

/// Ends itself after `after-us`, in the way that the arguments name.
pub fn end(arguments: &Arguments<'_>) -> ! {
    println!("end: running");
    hart::enable_sources(source::TIMER);
    wait_until(hart::time() + 10 * arguments.number("after-us", 0) as u64);
    for (word, value) in arguments.words() {
        match word {
            "shutdown" => {
                let _ = sbi::system_reset(sbi::RESET_TYPE_SHUTDOWN, sbi::RESET_REASON_NO_REASON);
            }
            "reboot" => {
                let _ = sbi::system_reset(sbi::RESET_TYPE_COLD_REBOOT, sbi::RESET_REASON_NO_REASON);
            }
            "panic" => monitor::panic(value.unwrap_or(0) as u64),
            "rust-panic" => panic!("as the arguments say"),
            _ => {}
        }
    }
    println!("end: still here");
    rest()
}

/// Gives the core back until the time `ticks`. The timer must be an enabled source, and interrupts
/// must be off, so that it only wakes.
pub fn wait_until(ticks: u64) {
    let _ = sbi::set_timer(ticks);
    while hart::time() < ticks {
        hart::wait_for_interrupt();
    }
}
