//! What the machine itself says that it has: QEMU describes its registers to debuggers.
//!
//! The description is made from QEMU's own table of control and status registers for the processor that
//! it was started with (`target/riscv/gdbstub.c`, `riscv_gen_dynamic_csr_feature`), so it is a list that no
//! part of this project has made. It is asked for over the protocol of GDB ("Debugging with GDB", appendix
//! E, `qXfer:features:read`), before the machine has executed anything.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long QEMU may take to listen, and to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// A register by whose known number the others' are found: `mstatus` (privileged specification, table 2.5).
const ANCHOR: (&str, u16) = ("mstatus", 0x300);

/// A machine that was started and has executed nothing.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The control and status registers of the machine's first hart, by number.
///
/// # Panics
/// If QEMU cannot be started, or does not describe its registers.
pub fn control_registers(
    program: &Path,
    arguments: &[OsString],
    folder: &Path,
) -> BTreeMap<u16, String> {
    let socket = folder.join("debugger");
    let device = format!(
        "socket,id=debugger,server=on,wait=off,path={}",
        socket.display()
    );
    let machine = Command::new(program)
        .args(arguments)
        .args(["-S", "-chardev", &device, "-gdb", "chardev:debugger"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("QEMU can be started");
    let mut machine = Stopped(machine);
    let given_up = Instant::now() + PATIENCE;
    let stream = loop {
        if let Ok(stream) = UnixStream::connect(&socket) {
            break stream;
        }
        let ended = machine.0.try_wait().expect("QEMU is our child");
        assert_eq!(ended, None, "QEMU did not accept its arguments");
        assert!(Instant::now() < given_up, "QEMU does not listen");
        sleep(Duration::from_millis(10));
    };
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a timeout can be set");
    let mut debugger = Debugger(stream);
    debugger.ask("qSupported:xmlRegisters=riscv");
    numbered(&debugger.description("riscv-csr.xml"))
}

/// The registers of a description, by their numbers as the architecture has them.
fn numbered(description: &str) -> BTreeMap<u16, String> {
    let attribute = |register: &str, name: &str| {
        let rest = register.split_once(&format!(" {name}=\""))?.1;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let registers: Vec<(String, u16)> = description
        .split("<reg")
        .skip(1)
        .map(|register| {
            let number = attribute(register, "regnum").expect("a register has a number");
            let name = attribute(register, "name").expect("a register has a name");
            (name, number.parse().expect("a number of decimal digits"))
        })
        .collect();
    let anchor = registers.iter().find(|(name, _)| name == ANCHOR.0);
    let base = anchor.expect("every machine has `mstatus`").1 - ANCHOR.1;
    let numbered = registers
        .into_iter()
        .map(|(name, number)| (number - base, name));
    numbered.collect()
}

struct Debugger(UnixStream);

impl Debugger {
    fn description(&mut self, name: &str) -> String {
        let mut text = String::new();
        loop {
            let question = format!("qXfer:features:read:{name}:{:x},f00", text.len());
            let answer = self.ask(&question);
            // `l` is the last part, `m` says that there is more.
            let (kind, part) = answer.split_at(1);
            assert!(matches!(kind, "l" | "m"), "QEMU has no {name}: {answer}");
            text.push_str(part);
            if kind == "l" {
                return text;
            }
        }
    }

    /// Sends a packet and returns what comes back, without `$`, `#` and the checksum.
    fn ask(&mut self, question: &str) -> String {
        let sum = question.bytes().fold(0_u8, u8::wrapping_add);
        write!(self.0, "${question}#{sum:02x}").expect("QEMU listens");
        let mut answer = Vec::new();
        let mut byte = [0];
        while answer.len() < 3 || answer[answer.len() - 3] != b'#' {
            self.0.read_exact(&mut byte).expect("QEMU answers");
            // An acknowledgement, or noise, until the packet begins.
            if byte[0] == b'$' {
                answer.clear();
            } else {
                answer.push(byte[0]);
            }
        }
        self.0.write_all(b"+").expect("QEMU listens");
        answer.truncate(answer.len() - 3);
        String::from_utf8(answer).expect("a description is text")
    }
}
