//! An emulated 16550A UART, as a state machine of its eight byte registers.
//!
//! After the National Semiconductor PC16550D data sheet (June 1995); section numbers below are its own.
//! It differs from that device in three ways, none of which a driver can rely on:
//!
//! - The receiver holds [`RECEIVE_DEPTH`] bytes, also while the FIFOs are off, so that a pasted line
//!   survives a busy partition. A byte that finds no room stays with the caller: nothing overruns.
//! - Sending takes no time. The caller says whether it can take bytes (`transmit_ready`).
//! - Bytes below the receive trigger level are announced at once, as a timeout.
//!
//! The bus is one byte wide: of a wider access only the lowest byte reaches the device.

/// How many received bytes wait for the partition.
pub const RECEIVE_DEPTH: usize = 128;

/// How many bytes a driver may send after it has once seen the transmitter empty: the depth of the
/// transmit FIFO of a 16550A. `transmit_ready` promises room for that many.
pub const TRANSMIT_DEPTH: usize = partita_abi::console::UART_FIFO_BYTES as usize;

/// What the caller has to do after a register was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Effect {
    /// Nothing to send. [`Uart16550::interrupt_pending`] may have changed.
    None,
    /// Send this byte. [`Uart16550::interrupt_pending`] may have changed.
    Transmit(u8),
}

/// IER bits (8.7).
mod interrupt_enable {
    pub const RECEIVED: u8 = 1 << 0;
    pub const TRANSMITTER_EMPTY: u8 = 1 << 1;
    pub const LINE_STATUS: u8 = 1 << 2;
    pub const MODEM_STATUS: u8 = 1 << 3;
    pub const ALL: u8 = 0x0f;
}

/// IIR values (8.6), in falling priority.
mod interrupt_identity {
    pub const LINE_STATUS: u8 = 0x06;
    pub const RECEIVED: u8 = 0x04;
    pub const TIMEOUT: u8 = 0x0c;
    pub const TRANSMITTER_EMPTY: u8 = 0x02;
    pub const MODEM_STATUS: u8 = 0x00;
    pub const NONE: u8 = 0x01;
    pub const FIFOS_ENABLED: u8 = 0xc0;
}

/// LSR bits (8.4).
mod line_status {
    pub const DATA_READY: u8 = 1 << 0;
    pub const OVERRUN: u8 = 1 << 1;
    pub const TRANSMITTER_EMPTY: u8 = 1 << 5 | 1 << 6;
}

/// FCR bits (8.5).
mod fifo_control {
    pub const ENABLE: u8 = 1 << 0;
    pub const CLEAR_RECEIVER: u8 = 1 << 1;
}

/// MCR bits (8.8).
mod modem_control {
    pub const LOOPBACK: u8 = 1 << 4;
    pub const ALL: u8 = 0x1f;
}

/// MSR bits (8.9): the lines in bits 7:4, which of them changed in bits 3:0.
mod modem_status {
    pub const CLEAR_TO_SEND: u8 = 1 << 4;
    pub const DATA_SET_READY: u8 = 1 << 5;
    pub const RING: u8 = 1 << 6;
    pub const CARRIER: u8 = 1 << 7;
    /// A terminal that is always there.
    pub const CONNECTED: u8 = CLEAR_TO_SEND | DATA_SET_READY | CARRIER;
}

const DIVISOR_LATCH_ACCESS: u8 = 1 << 7;

/// One emulated UART.
#[derive(Clone, Debug)]
pub struct Uart16550 {
    receive: [u8; RECEIVE_DEPTH],
    /// The position of the oldest received byte; always taken modulo the depth.
    receive_head: u8,
    /// How many bytes are received, at most the depth.
    receive_count: u8,
    interrupt_enable: u8,
    line_control: u8,
    modem_control: u8,
    modem_changes: u8,
    /// What would interrupt if it were enabled, in the bits of the interrupt enable register. The
    /// transmitter counts as due until the driver has been told, even while it is not ready.
    due: u8,
    scratch: u8,
    divisor: [u8; 2],
    fifos_enabled: bool,
    receive_trigger: u8,
}

impl Uart16550 {
    /// A UART after reset.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            receive: [0; RECEIVE_DEPTH],
            receive_head: 0,
            receive_count: 0,
            interrupt_enable: 0,
            line_control: 0,
            modem_control: 0,
            modem_changes: 0,
            due: 0,
            scratch: 0,
            divisor: [0; 2],
            fifos_enabled: false,
            receive_trigger: 1,
        }
    }

    /// Reads the register at byte `offset`; an offset beyond the eight registers reads as zero.
    ///
    /// `transmit_ready`: the caller can take [`TRANSMIT_DEPTH`] bytes to send.
    #[inline(always)]
    pub fn read(&mut self, offset: u64, transmit_ready: bool) -> u8 {
        // The register that a sending driver polls comes first.
        if offset == 5 {
            return self.read_line_status(transmit_ready);
        }
        self.read_other(offset, transmit_ready)
    }

    #[inline(never)]
    fn read_other(&mut self, offset: u64, transmit_ready: bool) -> u8 {
        match offset {
            2 => self.read_interrupt_identity(transmit_ready),
            0 if self.divisor_latch() => self.divisor[0],
            0 => self.take_received(),
            1 if self.divisor_latch() => self.divisor[1],
            1 => self.interrupt_enable,
            3 => self.line_control,
            4 => self.modem_control,
            6 => self.read_modem_status(),
            7 => self.scratch,
            _ => 0,
        }
    }

    /// Writes the register at byte `offset`; read-only registers and offsets beyond the eight registers
    /// ignore it.
    #[inline(always)]
    pub fn write(&mut self, offset: u64, value: u8) -> Effect {
        if offset == 0 && !self.divisor_latch() && !self.loopback() {
            self.due |= interrupt_enable::TRANSMITTER_EMPTY;
            return Effect::Transmit(value);
        }
        self.write_other(offset, value)
    }

    #[inline(never)]
    fn write_other(&mut self, offset: u64, value: u8) -> Effect {
        match offset {
            0 if !self.divisor_latch() => return self.transmit(value),
            0 => self.divisor[0] = value,
            1 if self.divisor_latch() => self.divisor[1] = value,
            1 => self.write_interrupt_enable(value),
            2 => self.write_fifo_control(value),
            3 => self.line_control = value,
            4 => self.write_modem_control(value),
            7 => self.scratch = value,
            _ => {}
        }
        Effect::None
    }

    /// Hands the UART a byte from outside. `false`: no room now (or in loopback, where the line is
    /// disconnected): keep the byte and try again later.
    #[inline]
    #[must_use]
    pub fn receive(&mut self, byte: u8) -> bool {
        !self.loopback() && self.push_received(byte)
    }

    /// Whether [`Uart16550::receive`] would take a byte.
    #[inline]
    #[must_use]
    pub const fn can_receive(&self) -> bool {
        !self.loopback() && (self.receive_count as usize) < RECEIVE_DEPTH
    }

    /// The level of the interrupt line. It can change with every read, write and received byte, and
    /// with `transmit_ready`.
    #[inline]
    #[must_use]
    pub const fn interrupt_pending(&self, transmit_ready: bool) -> bool {
        self.pending(transmit_ready) != 0
    }

    #[inline]
    const fn divisor_latch(&self) -> bool {
        self.line_control & DIVISOR_LATCH_ACCESS != 0
    }

    #[inline]
    const fn loopback(&self) -> bool {
        self.modem_control & modem_control::LOOPBACK != 0
    }

    #[inline]
    fn transmit(&mut self, byte: u8) -> Effect {
        self.due |= interrupt_enable::TRANSMITTER_EMPTY;
        if self.loopback() {
            // 8.8: what is sent is received at once, and nothing leaves the device.
            if !self.push_received(byte) {
                self.due |= interrupt_enable::LINE_STATUS;
            }
            return Effect::None;
        }
        Effect::Transmit(byte)
    }

    #[inline]
    fn push_received(&mut self, byte: u8) -> bool {
        let count = self.receive_count as usize;
        let tail = (self.receive_head as usize).wrapping_add(count) % RECEIVE_DEPTH;
        match self.receive.get_mut(tail) {
            Some(slot) if count < RECEIVE_DEPTH => {
                *slot = byte;
                self.receive_count = self.receive_count.wrapping_add(1);
                self.due |= interrupt_enable::RECEIVED;
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn take_received(&mut self) -> u8 {
        if self.receive_count == 0 {
            return 0;
        }
        let head = self.receive_head as usize % RECEIVE_DEPTH;
        self.receive_head = (head as u8).wrapping_add(1) % RECEIVE_DEPTH as u8;
        self.receive_count = self.receive_count.wrapping_sub(1);
        if self.receive_count == 0 {
            self.due &= !interrupt_enable::RECEIVED;
        }
        self.receive.get(head).copied().unwrap_or(0)
    }

    #[inline]
    fn read_line_status(&mut self, transmit_ready: bool) -> u8 {
        let due = self.due;
        let mut status = if due & interrupt_enable::RECEIVED != 0 {
            line_status::DATA_READY
        } else {
            0
        };
        if transmit_ready || self.loopback() {
            status |= line_status::TRANSMITTER_EMPTY;
        }
        if due & interrupt_enable::LINE_STATUS != 0 {
            // 8.4: reading the register ends the indication.
            self.due = due & !interrupt_enable::LINE_STATUS;
            status |= line_status::OVERRUN;
        }
        status
    }

    /// The enabled interrupts that are pending, in the bits of the interrupt enable register.
    #[inline]
    const fn pending(&self, transmit_ready: bool) -> u8 {
        let pending = self.due & self.interrupt_enable;
        if transmit_ready || self.loopback() {
            pending
        } else {
            pending & !interrupt_enable::TRANSMITTER_EMPTY
        }
    }

    /// The pending interrupt with the highest priority (8.6, table VI), without the FIFO bits.
    const fn interrupt_identity(&self, transmit_ready: bool) -> u8 {
        let pending = self.pending(transmit_ready);
        if pending & interrupt_enable::LINE_STATUS != 0 {
            interrupt_identity::LINE_STATUS
        } else if pending & interrupt_enable::RECEIVED != 0 {
            let reached = !self.fifos_enabled || self.receive_count >= self.receive_trigger;
            if reached {
                interrupt_identity::RECEIVED
            } else {
                interrupt_identity::TIMEOUT
            }
        } else if pending & interrupt_enable::TRANSMITTER_EMPTY != 0 {
            interrupt_identity::TRANSMITTER_EMPTY
        } else if pending & interrupt_enable::MODEM_STATUS != 0 {
            interrupt_identity::MODEM_STATUS
        } else {
            interrupt_identity::NONE
        }
    }

    #[inline]
    fn read_interrupt_identity(&mut self, transmit_ready: bool) -> u8 {
        let identity = self.interrupt_identity(transmit_ready);
        if identity == interrupt_identity::TRANSMITTER_EMPTY {
            // Table VI: reading the register, when this is the source, resets it.
            self.due &= !interrupt_enable::TRANSMITTER_EMPTY;
        }
        if self.fifos_enabled {
            identity | interrupt_identity::FIFOS_ENABLED
        } else {
            identity
        }
    }

    #[inline]
    fn write_interrupt_enable(&mut self, value: u8) {
        let enabled = value & interrupt_enable::ALL;
        // Enabling the interrupt while the transmitter is empty raises it, also when it was read away
        // before. Linux checks this at start-up and else falls back to polling by a timer.
        if enabled & !self.interrupt_enable & interrupt_enable::TRANSMITTER_EMPTY != 0 {
            self.due |= interrupt_enable::TRANSMITTER_EMPTY;
        }
        self.interrupt_enable = enabled;
    }

    fn write_fifo_control(&mut self, value: u8) {
        let enable = value & fifo_control::ENABLE != 0;
        // 8.5: switching the FIFOs clears them. The other bits count only with the FIFOs on.
        if enable != self.fifos_enabled || (enable && value & fifo_control::CLEAR_RECEIVER != 0) {
            self.receive_count = 0;
            self.due &= !interrupt_enable::RECEIVED;
        }
        self.fifos_enabled = enable;
        if enable {
            self.receive_trigger = match value >> 6 {
                0 => 1,
                1 => 4,
                2 => 8,
                _ => 14,
            };
        }
    }

    fn write_modem_control(&mut self, value: u8) {
        let before = self.modem_lines();
        self.modem_control = value & modem_control::ALL;
        let now = self.modem_lines();
        // 8.9: any change counts, of the ring line only its end.
        let changed = (before ^ now) & !modem_status::RING | before & !now & modem_status::RING;
        self.modem_changes |= changed >> 4;
        if self.modem_changes != 0 {
            self.due |= interrupt_enable::MODEM_STATUS;
        }
    }

    fn read_modem_status(&mut self) -> u8 {
        let changes = self.modem_changes;
        self.modem_changes = 0;
        self.due &= !interrupt_enable::MODEM_STATUS;
        self.modem_lines() | changes
    }

    /// The modem lines: in loopback the four outputs (8.8), else those of a connected terminal.
    const fn modem_lines(&self) -> u8 {
        if !self.loopback() {
            return modem_status::CONNECTED;
        }
        let outputs = self.modem_control;
        // DTR → DSR, RTS → CTS, OUT1 → RI, OUT2 → DCD.
        (outputs & 1) << 5 | (outputs & 2) << 3 | (outputs & 0b1100) << 4
    }
}

impl Default for Uart16550 {
    fn default() -> Self {
        Self::new()
    }
}
