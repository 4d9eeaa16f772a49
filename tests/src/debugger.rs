//! The machine's memory and registers from outside, while it stands still: QEMU as a debugger finds it.
//!
//! A test uses it to do what no partition can: to damage what lies in the monitor's memory, or to be a hart that
//! behaves as none should. The protocol is GDB's ("Debugging with GDB", appendix E).

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long QEMU may take to listen, and to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// A register by whose known number the others' are found: `mstatus` (privileged specification, table 2.5).
const ANCHOR: (&str, u16) = ("mstatus", 0x300);
/// Bytes of memory in one packet: what QEMU takes at least.
const MEMORY_BYTES: usize = 1024;

/// The socket at which QEMU listens for a debugger, in a folder.
pub(crate) fn socket(folder: &Path) -> PathBuf {
    folder.join("debugger")
}

/// What makes QEMU listen at `socket`, and execute nothing until it is told to.
pub(crate) fn arguments(socket: &Path) -> [String; 5] {
    let socket = socket.display();
    let device = format!("socket,id=debugger,server=on,wait=off,path={socket}");
    ["-S", "-chardev", &device, "-gdb", "chardev:debugger"].map(str::to_owned)
}

/// A debugger of a machine that stands still.
#[derive(Debug)]
pub struct Debugger {
    stream: UnixStream,
    /// What the numbers of control and status registers begin with, once it is known.
    register_base: Option<u16>,
    /// Whether addresses are those of the core that has stopped the machine.
    sees_as_core: bool,
}

impl Debugger {
    /// Waits until a QEMU listens that was started with [`arguments`].
    ///
    /// # Panics
    /// If none does, or `is_alive` says that there will be none.
    pub(crate) fn connect(socket: &Path, mut is_alive: impl FnMut() -> bool) -> Self {
        let given_up = Instant::now() + PATIENCE;
        let stream = loop {
            if let Ok(stream) = UnixStream::connect(socket) {
                break stream;
            }
            assert!(is_alive(), "QEMU did not accept its arguments");
            assert!(Instant::now() < given_up, "QEMU does not listen");
            sleep(Duration::from_millis(10));
        };
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout can be set");
        let mut debugger = Self {
            stream,
            register_base: None,
            sees_as_core: false,
        };
        debugger.ask("qSupported:xmlRegisters=riscv");
        debugger
    }

    /// From now on addresses of memory are those of the core that has stopped the machine, in its world and by its
    /// translation. Physical addresses are those of the normal world.
    pub const fn see_as_core(&mut self) {
        self.sees_as_core = true;
    }

    /// What tells QEMU which addresses are meant.
    const fn mode(&self) -> &'static str {
        if self.sees_as_core {
            "Qqemu.PhyMemMode:0"
        } else {
            "Qqemu.PhyMemMode:1"
        }
    }

    /// Writes to physical memory.
    ///
    /// # Panics
    /// If there is none.
    pub fn write_memory(&mut self, address: u64, bytes: &[u8]) {
        self.demand(self.mode());
        for (address, bytes) in (address..)
            .step_by(MEMORY_BYTES)
            .zip(bytes.chunks(MEMORY_BYTES))
        {
            let digits = hexadecimal(bytes);
            self.demand(&format!("M{address:x},{:x}:{digits}", bytes.len()));
        }
    }

    /// Reads physical memory.
    ///
    /// # Panics
    /// If there is none.
    pub fn read_memory(&mut self, address: u64, length: usize) -> Vec<u8> {
        self.demand(self.mode());
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let part = (length - bytes.len()).min(MEMORY_BYTES);
            let answer = self.ask(&format!("m{:x},{part:x}", address + bytes.len() as u64));
            let digits = answer.as_bytes().chunks(2).map(|pair| {
                let pair = str::from_utf8(pair).expect("digits are text");
                u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("no memory: {answer}"))
            });
            bytes.extend(digits);
        }
        bytes
    }

    /// Writes a control and status register of the hart that has stopped the machine.
    ///
    /// # Panics
    /// If there is none.
    pub fn write_register(&mut self, number: u16, value: u64) {
        let base = match self.register_base {
            Some(base) => base,
            None => {
                self.registers();
                self.register_base.expect("it has just been found")
            }
        };
        let digits = hexadecimal(&value.to_le_bytes());
        self.demand(&format!("P{:x}={digits}", base + number));
    }

    /// The control and status registers of the machine's first hart: number and name.
    ///
    /// # Panics
    /// If QEMU does not describe them.
    pub(crate) fn registers(&mut self) -> Vec<(u16, String)> {
        let description = self.description("riscv-csr.xml");
        let attribute = |register: &str, name: &str| {
            let rest = register.split_once(&format!(" {name}=\""))?.1;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let registers: Vec<(u16, String)> = description
            .split("<reg")
            .skip(1)
            .map(|register| {
                let number = attribute(register, "regnum").expect("a register has a number");
                let name = attribute(register, "name").expect("a register has a name");
                (number.parse().expect("a number of decimal digits"), name)
            })
            .collect();
        let anchor = registers.iter().find(|(_, name)| name == ANCHOR.0);
        let base = anchor.expect("every machine has `mstatus`").0 - ANCHOR.1;
        self.register_base = Some(base);
        let numbered = registers.into_iter();
        numbered
            .map(|(number, name)| (number - base, name))
            .collect()
    }

    /// Lets the machine run until a hart comes to `address`, the next time if it is there now. Returns false if
    /// the machine has ended instead.
    pub(crate) fn run_to(&mut self, address: u64) -> bool {
        // A hart that stands at a breakpoint would not get away from it.
        if !self.go("s") {
            return false;
        }
        self.demand(&format!("Z0,{address:x},4"));
        let stopped = self.go("c");
        if stopped {
            self.demand(&format!("z0,{address:x},4"));
        }
        stopped
    }

    /// Lets the machine run, and looks no more.
    pub(crate) fn leave(mut self) {
        self.ask("D");
    }

    /// Lets the machine run until it stops. Returns false if it has ended instead.
    fn go(&mut self, how: &str) -> bool {
        self.send(how);
        self.stream
            .set_read_timeout(None)
            .expect("a timeout can be unset");
        let answer = self.receive();
        self.stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout can be set");
        // `W` and `X` tell of its end.
        answer.is_some_and(|answer| answer.starts_with('T'))
    }

    /// The names of the system registers of an Arm machine's first core.
    ///
    /// # Panics
    /// If QEMU does not describe them.
    pub(crate) fn system_registers(&mut self) -> Vec<String> {
        let description = self.description("system-registers.xml");
        let names = description.split("<reg name=\"").skip(1);
        names
            .filter_map(|register| Some(register.split_once('"')?.0.to_owned()))
            .collect()
    }

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

    /// Sends a packet to which only `OK` is an answer.
    fn demand(&mut self, question: &str) {
        let answer = self.ask(question);
        assert_eq!(answer, "OK", "QEMU refuses `{question}`");
    }

    /// Sends a packet and returns what comes back.
    fn ask(&mut self, question: &str) -> String {
        self.send(question);
        self.receive().expect("QEMU answers")
    }

    fn send(&mut self, question: &str) {
        let sum = question.bytes().fold(0_u8, u8::wrapping_add);
        write!(self.stream, "${question}#{sum:02x}").expect("QEMU listens");
    }

    /// The next packet, without `$`, `#` and the checksum; `None` if QEMU is gone.
    fn receive(&mut self) -> Option<String> {
        let mut answer = Vec::new();
        let mut byte = [0];
        while answer.len() < 3 || answer[answer.len() - 3] != b'#' {
            match self.stream.read_exact(&mut byte) {
                Ok(()) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
                    ) =>
                {
                    return None;
                }
                Err(error) => panic!("QEMU does not answer: {error}"),
            }
            // An acknowledgement, or noise, until the packet begins.
            if byte[0] == b'$' {
                answer.clear();
            } else {
                answer.push(byte[0]);
            }
        }
        // It fails only if QEMU is gone, and then the next packet does not come.
        let _ = self.stream.write_all(b"+");
        answer.truncate(answer.len() - 3);
        Some(String::from_utf8(answer).expect("an answer is text"))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes all");
        text
    })
}
