//! The partition's console, by calls of the monitor: `print!` and `println!`.

#[cfg(target_arch = "riscv64")]
use crate::sbi::console_write;
#[cfg(target_arch = "aarch64")]
use crate::smc::console_write;
use core::fmt::{self, Write};

/// How often a console that takes nothing is asked again before the rest is dropped: a real-time
/// task must not wait for a slow reader.
const ATTEMPTS_WITHOUT_PROGRESS: usize = 16;

/// Writes `bytes` to the console; what it does not take in time is lost.
pub fn write(mut bytes: &[u8]) {
    let mut attempts = 0;
    while !bytes.is_empty() && attempts < ATTEMPTS_WITHOUT_PROGRESS {
        match console_write(bytes) {
            Ok(0) => attempts += 1,
            Ok(taken) => {
                attempts = 0;
                bytes = bytes.get(taken..).unwrap_or_default();
            }
            Err(_) => return,
        }
    }
}

/// Formats for the console, with a line end if `end` says so. Used by `print!` and `println!`.
pub fn print(arguments: fmt::Arguments<'_>, end: &str) {
    let mut line = Line {
        bytes: [0; 128],
        length: 0,
    };
    // `Line` takes everything, and a `Display` that fails has had its say.
    let _ = line.write_fmt(arguments);
    let _ = line.write_str(end);
    line.flush();
}

/// Gathers the pieces of one line, so that the monitor is called once for all of them.
struct Line {
    bytes: [u8; 128],
    length: usize,
}

impl Line {
    fn flush(&mut self) {
        write(&self.bytes[..self.length]);
        self.length = 0;
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.length == self.bytes.len() {
                self.flush();
            }
            self.bytes[self.length] = byte;
            self.length += 1;
        }
        Ok(())
    }
}

/// Prints to the partition's console.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => { $crate::console::print(::core::format_args!($($argument)*), "") };
}

/// Prints a line to the partition's console.
#[macro_export]
macro_rules! println {
    ($($argument:tt)*) => { $crate::console::print(::core::format_args!($($argument)*), "\n") };
}
