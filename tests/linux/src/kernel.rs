//! Calls of Linux on 64-bit Arm (Linux, `include/uapi/asm-generic/unistd.h`), and the program's beginning and end.

use core::arch::{asm, global_asm};
use core::fmt::{self, Write};

const IOCTL: u64 = 29;
const OPENAT: u64 = 56;
const WRITE: u64 = 64;
const EXIT_GROUP: u64 = 94;
const PRCTL: u64 = 167;
const MMAP: u64 = 222;

/// The folder that relative paths start from.
const HERE: u64 = -100_i64 as u64;
const READ_WRITE: u64 = 2;
const PROTECTION_READ_WRITE: u64 = 3;
const MAP_SHARED: u64 = 1;
const MAP_ANONYMOUS: u64 = 0x20;
const STANDARD_OUTPUT: u64 = 1;

/// What the kernel answers if it does not do it: its number of the reason.
pub type Answer = Result<u64, i64>;

/// A call of the kernel.
///
/// # Safety
/// What it does to memory and files is the caller's duty.
unsafe fn call(number: u64, arguments: [u64; 6]) -> Answer {
    let answer: i64;
    // SAFETY: the kernel keeps all registers but this one.
    unsafe {
        asm!(
            "svc #0",
            in("x8") number,
            inlateout("x0") arguments[0] => answer,
            in("x1") arguments[1],
            in("x2") arguments[2],
            in("x3") arguments[3],
            in("x4") arguments[4],
            in("x5") arguments[5],
            options(nostack),
        );
    }
    if (-4095..0).contains(&answer) {
        Err(answer)
    } else {
        Ok(answer as u64)
    }
}

/// Opens a file to read and write it.
pub fn open(path: &core::ffi::CStr) -> Answer {
    // SAFETY: it reads the path only.
    unsafe { call(OPENAT, [HERE, path.as_ptr() as u64, READ_WRITE, 0, 0, 0]) }
}

/// Asks a driver, with a number.
pub fn control(file: u64, request: u64, argument: u64) -> Answer {
    // SAFETY: the requests that this program makes with a number touch no memory of it.
    unsafe { call(IOCTL, [file, request, argument, 0, 0, 0]) }
}

/// Asks a driver, with a structure that it reads or writes as its own.
pub fn control_with<T>(file: u64, request: u64, argument: &mut T) -> Answer {
    // SAFETY: the request says the structure's size, which is that of `T` for all that this program makes.
    unsafe { call(IOCTL, [file, request, (&raw mut *argument) as u64, 0, 0, 0]) }
}

/// Asks for a length of vectors in bytes, of scalable vectors or those of streaming mode (Linux,
/// Documentation/arch/arm64/sve.rst and sme.rst).
pub fn set_vector_length(is_streaming: bool, bytes: u64) -> Answer {
    let option = if is_streaming { 63 } else { 50 };
    // SAFETY: it changes registers that the program does not use yet.
    unsafe { call(PRCTL, [option, bytes, 0, 0, 0, 0]) }
}

/// Maps memory of a file, or new memory.
pub fn map(file: Option<u64>, bytes: u64) -> Result<*mut u8, i64> {
    let flags = MAP_SHARED | if file.is_none() { MAP_ANONYMOUS } else { 0 };
    let arguments = [
        0,
        bytes,
        PROTECTION_READ_WRITE,
        flags,
        file.unwrap_or(u64::MAX),
        0,
    ];
    // SAFETY: the kernel chooses a place that is free.
    let address = unsafe { call(MMAP, arguments) }?;
    Ok(core::ptr::with_exposed_provenance_mut(address as usize))
}

/// A line on standard output.
pub struct Line {
    bytes: [u8; 128],
    length: usize,
}

impl Line {
    /// Writes a line of these words.
    pub fn say(words: fmt::Arguments<'_>) {
        let mut line = Self {
            bytes: [0; 128],
            length: 0,
        };
        // What is too long is cut.
        let _ = writeln!(line, "check: {words}");
        // SAFETY: it reads the line only.
        let _ = unsafe {
            call(
                WRITE,
                [
                    STANDARD_OUTPUT,
                    line.bytes.as_ptr() as u64,
                    line.length as u64,
                    0,
                    0,
                    0,
                ],
            )
        };
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            let place = self.bytes.get_mut(self.length).ok_or(fmt::Error)?;
            *place = byte;
            self.length += 1;
        }
        Ok(())
    }
}

/// Says a line.
macro_rules! say {
    ($($argument:tt)*) => { $crate::kernel::Line::say(core::format_args!($($argument)*)) };
}
pub(crate) use say;

/// Ends the program.
pub fn exit(status: u64) -> ! {
    loop {
        // SAFETY: it does not return.
        let _ = unsafe { call(EXIT_GROUP, [status, 0, 0, 0, 0, 0]) };
    }
}

/// What the kernel says that the processor can do: `AT_HWCAP` and `AT_HWCAP2` (Linux,
/// Documentation/arch/arm64/elf_hwcaps.rst).
pub fn capabilities(arguments: &Arguments) -> [u64; 2] {
    let mut found = [0; 2];
    // SAFETY: behind the arguments' pointers and a zero the kernel has put those to the environment and a zero, and
    // then pairs up to one whose first is zero (System V ABI, figure 3.11).
    unsafe {
        let mut place = arguments.stack.add(2 + *arguments.stack as usize);
        while *place != 0 {
            place = place.add(1);
        }
        place = place.add(1);
        while *place != 0 {
            match *place {
                16 => found[0] = *place.add(1),
                26 => found[1] = *place.add(1),
                _ => {}
            }
            place = place.add(2);
        }
    }
    found
}

/// The words of the command line.
pub struct Arguments {
    stack: *const u64,
}

impl Arguments {
    /// The word with this index; 0 is the program.
    pub fn get(&self, index: u64) -> Option<&[u8]> {
        // SAFETY: the kernel has put their count at the stack pointer, and behind it a pointer to each.
        unsafe {
            let pointer = (index < *self.stack).then(|| *self.stack.add(1 + index as usize))?;
            let text = core::ptr::with_exposed_provenance(pointer as usize);
            Some(core::ffi::CStr::from_ptr(text).to_bytes())
        }
    }

    /// The word with this index as a number; 0 if there is none.
    pub fn number(&self, index: u64) -> u64 {
        let digits = self.get(index).unwrap_or_default().iter();
        digits.fold(0, |number, digit| {
            number * 10 + u64::from(digit.wrapping_sub(b'0'))
        })
    }
}

global_asm!(
    r#"
    .pushsection .text._start, "ax", @progbits
    .global _start
_start:
    mov     x29, xzr
    mov     x30, xzr
    mov     x0, sp
    bl      {begin}
    brk     #0
    .popsection
"#,
    begin = sym begin,
);

extern "C" fn begin(stack: *const u64) -> ! {
    crate::main(&Arguments { stack });
    exit(0)
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say!("{}", info.message());
    exit(101)
}
