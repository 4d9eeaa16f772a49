//! The board's serial port: a 16550, SiFive's UART, a PL011 or Cadence's UART. The rate is left as the stage before has set it.

use crate::board::BOARD;
use crate::mmio::Registers;
use partita_board::UartModel;
use partita_monitor_core::console::SerialPort;

/// Registers of a 16550 (National Semiconductor PC16550D, register descriptions 8.1 to 8.10).
mod ns16550 {
    pub const DATA: usize = 0;
    pub const INTERRUPT_ENABLE: usize = 1;
    pub const FIFO_CONTROL: usize = 2;
    pub const LINE_CONTROL: usize = 3;
    pub const LINE_STATUS: usize = 5;
    pub const DATA_READY: u8 = 1 << 0;
    pub const TRANSMITTER_EMPTY: u8 = 1 << 5;
    pub const RECEIVE_INTERRUPT: u8 = 1 << 0;
    pub const TRANSMIT_INTERRUPT: u8 = 1 << 1;
    pub const FIFO_BYTES: usize = 16;
}

/// Registers of SiFive's UART (FU540-C000 manual v1p4, 13.2 to 13.9).
mod sifive {
    pub const TRANSMIT_DATA: usize = 0x00;
    pub const RECEIVE_DATA: usize = 0x04;
    pub const TRANSMIT_CONTROL: usize = 0x08;
    pub const RECEIVE_CONTROL: usize = 0x0c;
    pub const INTERRUPT_ENABLE: usize = 0x10;
    pub const EMPTY: u32 = 1 << 31;
    pub const FULL: u32 = 1 << 31;
    pub const ENABLE: u32 = 1 << 0;
    /// The watermark: the transmitter is pending when it holds fewer bytes than this.
    pub const WATERMARK_ONE: u32 = 1 << 16;
    pub const TRANSMIT_INTERRUPT: u32 = 1 << 0;
    pub const RECEIVE_INTERRUPT: u32 = 1 << 1;
    /// Bytes of its FIFO, which tells only whether it is full.
    pub const FIFO_BYTES: usize = 8;
}

/// Registers of a PL011 (Arm DDI 0183, 3.3).
mod pl011 {
    pub const DATA: usize = 0x00;
    pub const FLAGS: usize = 0x18;
    pub const LINE_CONTROL: usize = 0x2c;
    pub const CONTROL: usize = 0x30;
    pub const INTERRUPT_MASK: usize = 0x38;
    pub const INTERRUPT_CLEAR: usize = 0x44;
    /// Eight data bits, FIFOs on.
    pub const EIGHT_BITS_FIFO: u32 = 0b11 << 5 | 1 << 4;
    /// Port, transmitter and receiver on.
    pub const ENABLE: u32 = 1 << 9 | 1 << 8 | 1 << 0;
    pub const RECEIVE_EMPTY: u32 = 1 << 4;
    pub const TRANSMIT_EMPTY: u32 = 1 << 7;
    /// Bytes have come, or have waited for a while.
    pub const RECEIVE_INTERRUPTS: u32 = 1 << 6 | 1 << 4;
    pub const TRANSMIT_INTERRUPT: u32 = 1 << 5;
    pub const ALL_INTERRUPTS: u32 = 0x7ff;
    /// Of the oldest version.
    pub const FIFO_BYTES: usize = 16;
}

/// Registers of Cadence's UART (Xilinx UG1087, module UART).
mod cadence {
    pub const CONTROL: usize = 0x00;
    pub const MODE: usize = 0x04;
    pub const INTERRUPT_ENABLE: usize = 0x08;
    pub const INTERRUPT_DISABLE: usize = 0x0c;
    pub const INTERRUPT_STATUS: usize = 0x14;
    pub const RECEIVE_TRIGGER: usize = 0x20;
    pub const STATUS: usize = 0x2c;
    pub const DATA: usize = 0x30;
    /// Transmitter and receiver on, their FIFOs emptied.
    pub const ENABLE: u32 = 1 << 4 | 1 << 2 | 1 << 1 | 1 << 0;
    /// Eight data bits, no parity.
    pub const EIGHT_BITS: u32 = 1 << 5;
    pub const RECEIVE_EMPTY: u32 = 1 << 1;
    pub const TRANSMIT_EMPTY: u32 = 1 << 3;
    /// There are as many bytes as the trigger says. It stays until it is cleared, as the next one does.
    pub const RECEIVE_INTERRUPT: u32 = 1 << 0;
    pub const TRANSMIT_INTERRUPT: u32 = 1 << 3;
    pub const ALL_INTERRUPTS: u32 = 0x1fff;
    pub const FIFO_BYTES: usize = 64;
}

/// The serial port.
pub struct Port {
    /// Whether it interrupts when it is empty.
    sends: bool,
}

impl Port {
    /// The port that the board describes.
    ///
    /// # Safety
    /// Nobody else uses the port.
    pub const unsafe fn new() -> Self {
        Self { sends: false }
    }

    #[inline(always)]
    fn registers() -> Registers {
        // SAFETY: the board's own serial port.
        unsafe { Registers::new(BOARD.uart.window) }
    }

    /// Prepares the port: 8 data bits, FIFOs on, no interrupt yet.
    pub fn open(&mut self) {
        match BOARD.uart.model {
            UartModel::Ns16550 { stride } => {
                self.write_byte(stride, ns16550::INTERRUPT_ENABLE, 0);
                self.write_byte(stride, ns16550::LINE_CONTROL, 3);
                self.write_byte(stride, ns16550::FIFO_CONTROL, 7);
            }
            UartModel::SiFive => {
                Self::registers().write_u32(sifive::INTERRUPT_ENABLE, 0);
                let transmit = sifive::ENABLE | sifive::WATERMARK_ONE;
                Self::registers().write_u32(sifive::TRANSMIT_CONTROL, transmit);
                Self::registers().write_u32(sifive::RECEIVE_CONTROL, sifive::ENABLE);
            }
            UartModel::Pl011 => {
                let registers = Self::registers();
                registers.write_u32(pl011::INTERRUPT_MASK, 0);
                registers.write_u32(pl011::INTERRUPT_CLEAR, pl011::ALL_INTERRUPTS);
                registers.write_u32(pl011::LINE_CONTROL, pl011::EIGHT_BITS_FIFO);
                registers.write_u32(pl011::CONTROL, pl011::ENABLE);
            }
            UartModel::Cadence => {
                let registers = Self::registers();
                registers.write_u32(cadence::INTERRUPT_DISABLE, cadence::ALL_INTERRUPTS);
                registers.write_u32(cadence::MODE, cadence::EIGHT_BITS);
                registers.write_u32(cadence::RECEIVE_TRIGGER, 1);
                registers.write_u32(cadence::CONTROL, cadence::ENABLE);
            }
        }
    }

    /// How often in one interrupt the port is asked for room: one that only says whether it is full takes
    /// one byte at a time.
    pub fn rounds(&self) -> usize {
        match BOARD.uart.model {
            UartModel::Ns16550 { .. } | UartModel::Pl011 | UartModel::Cadence => 1,
            UartModel::SiFive => sifive::FIFO_BYTES,
        }
    }

    /// The next byte received, if there is one.
    pub fn receive(&self) -> Option<u8> {
        match BOARD.uart.model {
            UartModel::Ns16550 { stride } => {
                let status = self.read_byte(stride, ns16550::LINE_STATUS);
                (status & ns16550::DATA_READY != 0).then(|| self.read_byte(stride, ns16550::DATA))
            }
            UartModel::SiFive => {
                let data = Self::registers().read_u32(sifive::RECEIVE_DATA);
                (data & sifive::EMPTY == 0).then_some(data as u8)
            }
            UartModel::Pl011 => {
                let flags = Self::registers().read_u32(pl011::FLAGS);
                let received = flags & pl011::RECEIVE_EMPTY == 0;
                received.then(|| Self::registers().read_u32(pl011::DATA) as u8)
            }
            UartModel::Cadence => {
                // What comes after this interrupts again.
                Self::clear(cadence::RECEIVE_INTERRUPT);
                let status = Self::registers().read_u32(cadence::STATUS);
                let received = status & cadence::RECEIVE_EMPTY == 0;
                received.then(|| Self::registers().read_u32(cadence::DATA) as u8)
            }
        }
    }

    /// Lets the port interrupt for input.
    pub fn interrupt_for_input(&mut self) {
        self.sends = false;
        self.enable();
    }

    /// Lets the port interrupt also when it is empty, or no longer.
    #[inline]
    pub fn interrupt_when_empty(&mut self, wanted: bool) {
        if wanted != self.sends {
            self.sends = wanted;
            self.enable();
        }
    }

    fn enable(&self) {
        match BOARD.uart.model {
            UartModel::Ns16550 { stride } => {
                let sends = if self.sends {
                    ns16550::TRANSMIT_INTERRUPT
                } else {
                    0
                };
                let interrupts = ns16550::RECEIVE_INTERRUPT | sends;
                self.write_byte(stride, ns16550::INTERRUPT_ENABLE, interrupts);
            }
            UartModel::SiFive => {
                let sends = if self.sends {
                    sifive::TRANSMIT_INTERRUPT
                } else {
                    0
                };
                let interrupts = sifive::RECEIVE_INTERRUPT | sends;
                Self::registers().write_u32(sifive::INTERRUPT_ENABLE, interrupts);
            }
            UartModel::Pl011 => {
                let sends = if self.sends {
                    pl011::TRANSMIT_INTERRUPT
                } else {
                    0
                };
                let interrupts = pl011::RECEIVE_INTERRUPTS | sends;
                Self::registers().write_u32(pl011::INTERRUPT_MASK, interrupts);
            }
            UartModel::Cadence => {
                let registers = Self::registers();
                registers.write_u32(cadence::INTERRUPT_ENABLE, cadence::RECEIVE_INTERRUPT);
                let sends = if self.sends {
                    cadence::INTERRUPT_ENABLE
                } else {
                    cadence::INTERRUPT_DISABLE
                };
                registers.write_u32(sends, cadence::TRANSMIT_INTERRUPT);
            }
        }
    }

    /// Clears an interrupt of Cadence's UART.
    fn clear(interrupt: u32) {
        Self::registers().write_u32(cadence::INTERRUPT_STATUS, interrupt);
    }

    /// Reads a register of a 16550.
    fn read_byte(&self, stride: u8, register: usize) -> u8 {
        if stride == 1 {
            Self::registers().read_u8(register)
        } else {
            Self::registers().read_u32(register * usize::from(stride)) as u8
        }
    }

    /// Writes a register of a 16550.
    fn write_byte(&self, stride: u8, register: usize, value: u8) {
        if stride == 1 {
            Self::registers().write_u8(register, value);
        } else {
            let offset = register * usize::from(stride);
            Self::registers().write_u32(offset, u32::from(value));
        }
    }
}

impl SerialPort for Port {
    #[inline]
    fn room(&mut self) -> usize {
        match BOARD.uart.model {
            UartModel::Ns16550 { stride } => {
                let status = self.read_byte(stride, ns16550::LINE_STATUS);
                if status & ns16550::TRANSMITTER_EMPTY != 0 {
                    ns16550::FIFO_BYTES
                } else {
                    0
                }
            }
            // The interrupt's watermark would tell that it is empty, but not in QEMU 10.0.
            UartModel::SiFive => {
                let data = Self::registers().read_u32(sifive::TRANSMIT_DATA);
                usize::from(data & sifive::FULL == 0)
            }
            UartModel::Pl011 => {
                let flags = Self::registers().read_u32(pl011::FLAGS);
                if flags & pl011::TRANSMIT_EMPTY != 0 {
                    pl011::FIFO_BYTES
                } else {
                    0
                }
            }
            UartModel::Cadence => {
                // When it is empty after this, it interrupts again.
                Self::clear(cadence::TRANSMIT_INTERRUPT);
                let status = Self::registers().read_u32(cadence::STATUS);
                if status & cadence::TRANSMIT_EMPTY != 0 {
                    cadence::FIFO_BYTES
                } else {
                    0
                }
            }
        }
    }

    #[inline]
    fn send(&mut self, byte: u8) {
        match BOARD.uart.model {
            UartModel::Ns16550 { stride } => self.write_byte(stride, ns16550::DATA, byte),
            UartModel::SiFive => {
                Self::registers().write_u32(sifive::TRANSMIT_DATA, u32::from(byte))
            }
            UartModel::Pl011 => Self::registers().write_u32(pl011::DATA, u32::from(byte)),
            UartModel::Cadence => Self::registers().write_u32(cadence::DATA, u32::from(byte)),
        }
    }
}
