//! The serial port, and the consoles of all partitions behind one lock.
//!
//! The lock is held for a bounded time. A partition's output is only queued in its own trap; it goes
//! out in the port's interrupts, a FIFO's worth at a time, on the core whose partitions are the least
//! critical, and never while a partition above QM runs there that shares the core.

use crate::arch;
use crate::arch::controller::Controller;
use crate::arch::guest_memory::Physical;
use crate::board::BOARD;
use crate::cores::Core;
use crate::crash::Records;
use crate::machine::{Machine, PartitionView};
use crate::report;
use crate::serial::Port;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;
use partita_abi::MAX_PARTITIONS;
use partita_abi::console::{COMMAND_END, ESCAPE};
use partita_abi::status::BYTES_PER_RECORD;
use partita_monitor_core::console::{Console, SerialPort};
use partita_monitor_core::text::Text;
use partita_monitor_core::uart16550::{Effect, Uart16550};
use spin::mutex::{TicketMutex, ticket::TicketMutexGuard};

/// Bytes sent in one interrupt of the port: what bounds the delay of a more critical partition.
const INTERRUPT_BYTES: usize = 8;
/// The most bytes sent at a time where nobody waits.
const FLUSH_BYTES: usize = 16;
/// Bytes taken from the port in one interrupt.
const INPUT_BYTES: usize = 16;

/// Registers of an emulated 16550 that are looked at here.
const DATA: u64 = 0;
#[allow(dead_code, reason = "used where accesses to a UART trap")]
const INTERRUPT_IDENTITY: u64 = 2;
const LINE_STATUS: u64 = 5;
const DATA_READY: u8 = 1 << 0;

struct Consoles {
    output: Console,
    port: Option<Port>,
    /// The partitions' emulated UARTs. One without holds the input for its console calls in it.
    uarts: [Uart16550; MAX_PARTITIONS],
    focus: usize,
    escaped: bool,
}

static CONSOLES: TicketMutex<Consoles> = TicketMutex::new(Consoles {
    output: Console::new(),
    port: None,
    uarts: [const { Uart16550::new() }; MAX_PARTITIONS],
    focus: 0,
    escaped: false,
});

/// Waits for the lock. Out of line, as nearly everything here takes it.
#[inline(never)]
fn lock() -> TicketMutexGuard<'static, Consoles> {
    CONSOLES.lock()
}

impl Consoles {
    /// Lets the port interrupt if there is something to send: its interrupt sends it.
    #[inline]
    fn kick(&mut self) {
        if self.output.has_output()
            && let Some(port) = self.port.as_mut()
        {
            port.interrupt_when_empty(true);
        }
    }
}

/// Prepares the port.
///
/// # Safety
/// Only this module uses the port from now on.
pub unsafe fn open(mut port: Port) {
    port.open();
    lock().port = Some(port);
}

/// Names the partitions' consoles and lets the port interrupt.
pub fn configure(machine: &Machine) {
    let consoles = &mut *lock();
    let count = machine.table.partitions.len();
    for (rank, partition) in machine.start_order.iter().enumerate().take(count) {
        if let Some(entry) = machine.table.partitions.get(*partition) {
            consoles
                .output
                .name(Console::source_of(*partition), &entry.name, rank + 1);
        }
    }
    consoles.focus = usize::from(machine.table.header.console_focus);
    if let Some(port) = consoles.port.as_mut() {
        port.interrupt_for_input();
    }
    let line = BOARD.uart.line;
    Controller.open_console(machine.console_core, line);
}

/// A line of the monitor itself.
pub fn monitor_line(core: &Core, line: &[u8]) {
    let consoles = &mut *lock();
    consoles.output.monitor_line(line, core.now_ns());
    consoles.kick();
}

/// Has the crash record of a partition told.
pub fn tell_crash(partition: usize) {
    let consoles = &mut *lock();
    consoles.output.tell_crash(partition);
    consoles.kick();
}

/// Whether the crash record of a partition has not been told to its end.
pub fn is_telling_crash(partition: usize) -> bool {
    lock().output.is_telling(partition)
}

/// A line of the monitor before there are cores: it is out when this returns.
pub fn boot_line(now_ns: u64, line: &[u8]) {
    let consoles = &mut *lock();
    consoles.output.monitor_line(line, now_ns);
    flush(consoles);
}

/// Sends everything there is. Only before partitions run, and at the end.
fn flush(consoles: &mut Consoles) {
    let Some(port) = consoles.port.as_mut() else {
        return;
    };
    while consoles.output.has_output() {
        consoles.output.drain(port, FLUSH_BYTES, &Records);
    }
}

/// A partition starts anew: its UART is as after power-on, and input typed before is gone.
pub fn reset(partition: usize) {
    if let Some(uart) = lock().uarts.get_mut(partition) {
        *uart = Uart16550::new();
    }
}

/// Debug console write (SBI 12.1): returns how many bytes were taken.
pub fn write(core: &Core, view: &PartitionView, address: u64, length: u64) -> u64 {
    if !view.has_console {
        return length;
    }
    let now_ns = core.now_ns();
    UNSENT.store(true, Relaxed);
    let memory = Physical::of_running(view);
    let consoles = &mut *lock();
    let source = Console::source_of(view.index);
    let mut taken = 0;
    while taken < length {
        let Some(byte) = memory.read_u8(address.wrapping_add(taken)) else {
            break;
        };
        if !consoles.output.put(source, byte, || now_ns) {
            break;
        }
        taken += 1;
    }
    consoles.kick();
    taken
}

/// Debug console write byte (SBI 12.3): returns whether the byte was taken.
pub fn write_byte(core: &Core, view: &PartitionView, byte: u8) -> bool {
    if !view.has_console {
        return true;
    }
    let now_ns = core.now_ns();
    UNSENT.store(true, Relaxed);
    let consoles = &mut *lock();
    let taken = consoles
        .output
        .put(Console::source_of(view.index), byte, || now_ns);
    consoles.kick();
    taken
}

/// Debug console read (SBI 12.2): returns how many bytes were read.
pub fn read(view: &PartitionView, address: u64, length: u64) -> u64 {
    let memory = Physical::of_running(view);
    let consoles = &mut *lock();
    let Some(uart) = consoles.uarts.get_mut(view.index) else {
        return 0;
    };
    let mut taken = 0;
    while taken < length && uart.read(LINE_STATUS, true) & DATA_READY != 0 {
        let byte = uart.read(DATA, true);
        if !memory.write_u8(address.wrapping_add(taken), byte) {
            break;
        }
        taken += 1;
    }
    taken
}

/// A partition reads a register of its emulated UART. Polling it also sends lines that have no end.
#[allow(dead_code, reason = "used where accesses to a UART trap")]
#[inline(always)]
pub fn uart_read(view: &PartitionView, offset: u64) -> u8 {
    let consoles = &mut *lock();
    let source = Console::source_of(view.index);
    // A driver that waits for input looks for interrupts, one that sends only at the line status.
    if offset == INTERRUPT_IDENTITY && consoles.output.has_unsent() {
        consoles.output.flush_stale(arch::timer::now_ns());
        consoles.kick();
    }
    let ready = consoles.output.is_ready(source);
    match consoles.uarts.get_mut(view.index) {
        Some(uart) => uart.read(offset, ready),
        None => 0,
    }
}

/// A partition writes a register of its emulated UART.
#[allow(dead_code, reason = "used where accesses to a UART trap")]
#[inline(always)]
pub fn uart_write(view: &PartitionView, offset: u64, value: u8) {
    let consoles = &mut *lock();
    let Some(uart) = consoles.uarts.get_mut(view.index) else {
        return;
    };
    // What is transmitted is what was written.
    if matches!(uart.write(offset, value), Effect::Transmit(_)) {
        let source = Console::source_of(view.index);
        if !consoles.output.put(source, value, now_with_service) {
            consoles.output.count_dropped(source, 1);
        }
        if value == b'\n' {
            consoles.kick();
        }
    }
}

/// The port interrupts: it has input, or room.
pub fn serve_interrupt(core: &mut Core) {
    let mut end = false;
    {
        let consoles = &mut *lock();
        for _ in 0..INPUT_BYTES {
            let Some(byte) = consoles.port.as_ref().and_then(Port::receive) else {
                break;
            };
            end |= input(consoles, core.machine, byte);
        }
        if let Some(port) = consoles.port.as_mut() {
            for _ in 0..port.rounds() {
                consoles.output.drain(port, INTERRUPT_BYTES, &Records);
            }
            port.interrupt_when_empty(consoles.output.has_output());
        }
    }
    if end {
        report::finish(core);
    }
}

/// Takes a byte of input. Returns whether the run is to end.
fn input(consoles: &mut Consoles, machine: &Machine, byte: u8) -> bool {
    if consoles.escaped {
        consoles.escaped = false;
        match byte {
            COMMAND_END => return true,
            b'0'..=b'9' => {
                let partition = usize::from(byte - b'0');
                if partition < machine.table.partitions.len() {
                    consoles.focus = partition;
                }
                return false;
            }
            ESCAPE => {}
            _ => return false,
        }
    } else if byte == ESCAPE {
        consoles.escaped = true;
        return false;
    }
    if let Some(uart) = consoles.uarts.get_mut(consoles.focus) {
        // A partition that does not read loses input, as on a real line.
        let _taken = uart.receive(byte);
    }
    false
}

/// Whether a source has started a line that nobody has sent yet. Read without the lock.
static UNSENT: AtomicBool = AtomicBool::new(false);

/// Machine time in nanoseconds, for a byte that may start a line: somebody has to send it.
#[allow(dead_code, reason = "used where accesses to a UART trap")]
fn now_with_service() -> u64 {
    UNSENT.store(true, Relaxed);
    arch::timer::now_ns()
}

/// Whether [`serve`] may have something to do.
#[inline(always)]
pub fn needs_service() -> bool {
    UNSENT.load(Relaxed)
}

/// Moves output on, and sends started lines that nobody ends. Only where no partition above QM waits.
#[cold]
#[inline(never)]
pub fn serve(core: &Core) {
    let consoles = &mut *lock();
    consoles.output.flush_stale(core.now_ns());
    consoles.kick();
    UNSENT.store(consoles.output.has_unsent(), Relaxed);
}

/// Sends what is left, before the board is reset.
pub fn flush_all() {
    let consoles = &mut *lock();
    consoles.output.flush();
    flush(consoles);
}

/// Sends what is left, then the status block of so many bytes that `fill` gives, and leaves the port silent.
pub fn last_words(now_ns: u64, length: usize, fill: impl FnOnce(&mut StatusBlock<'_>)) {
    let consoles = &mut *lock();
    consoles.output.flush();
    flush(consoles);
    let mut block = StatusBlock {
        consoles,
        now_ns,
        line: Text::new(),
        bytes: 0,
    };
    block.line.text("status begin ").decimal(length as u64);
    block.end_line();
    fill(&mut block);
    if !block.bytes.is_multiple_of(BYTES_PER_RECORD) {
        block.end_line();
    }
    block.line.text("status end");
    block.end_line();
}

/// The status block that is being sent.
pub struct StatusBlock<'a> {
    consoles: &'a mut Consoles,
    now_ns: u64,
    line: Text<200>,
    /// How many bytes there were.
    bytes: usize,
}

impl StatusBlock<'_> {
    /// Appends bytes.
    #[inline(never)]
    pub fn put(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.bytes.is_multiple_of(BYTES_PER_RECORD) {
                self.line
                    .text("status ")
                    .decimal(self.bytes as u64)
                    .byte(b' ');
            }
            self.line.hex_byte(*byte);
            self.bytes = self.bytes.saturating_add(1);
            if self.bytes.is_multiple_of(BYTES_PER_RECORD) {
                self.end_line();
            }
        }
    }

    /// Machine time at which a partition first wrote something, in nanoseconds, or 0 if it has not; and bytes that it has
    /// lost.
    pub fn of_partition(&self, partition: usize) -> (u64, u32) {
        self.consoles.output.counts(Console::source_of(partition))
    }

    fn end_line(&mut self) {
        self.consoles
            .output
            .monitor_line(self.line.as_bytes(), self.now_ns);
        self.line.clear();
        flush(self.consoles);
    }
}

/// The last line of a monitor that cannot go on; it does not wait for the lock, whose holder may be
/// the one that failed.
///
/// # Safety
/// Nothing else of the monitor runs on this core any more.
pub unsafe fn dying_line(port: &mut Port, line: &[u8]) {
    let head = b"\n[    0.000000000 monitor] ";
    for byte in head.iter().chain(line).chain(b"\n") {
        for _ in 0..100_000 {
            if port.room() != 0 {
                break;
            }
        }
        port.send(*byte);
    }
}
