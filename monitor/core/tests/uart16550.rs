//! The emulated UART against what drivers do with a 16550A: the register sequences below are those of
//! Linux's 8250 driver (6.12: `autoconfig`, `autoconfig_16550a`, `serial8250_do_startup`).

use partita_monitor_core::uart16550::{Effect, RECEIVE_DEPTH, TRANSMIT_DEPTH, Uart16550};
use proptest::prelude::*;

const DATA: u64 = 0;
const INTERRUPT_ENABLE: u64 = 1;
const INTERRUPT_IDENTITY: u64 = 2;
const FIFO_CONTROL: u64 = 2;
const LINE_CONTROL: u64 = 3;
const MODEM_CONTROL: u64 = 4;
const LINE_STATUS: u64 = 5;
const MODEM_STATUS: u64 = 6;
const SCRATCH: u64 = 7;

/// A UART whose transmitter is ready, as a driver sees it.
struct Ready(Uart16550);

impl Ready {
    fn new() -> Self {
        Self(Uart16550::new())
    }

    fn read(&mut self, offset: u64) -> u8 {
        self.0.read(offset, true)
    }

    fn write(&mut self, offset: u64, value: u8) {
        assert_eq!(self.0.write(offset, value), Effect::None, "offset {offset}");
    }

    fn write_and_read(&mut self, offset: u64, value: u8) -> u8 {
        self.write(offset, value);
        self.read(offset)
    }
}

#[test]
fn linux_probes_a_16550a_and_nothing_more_capable() {
    let mut uart = Ready::new();

    // The interrupt enable register holds four bits.
    assert_eq!(uart.write_and_read(INTERRUPT_ENABLE, 0) & 0x0f, 0);
    assert_eq!(uart.write_and_read(INTERRUPT_ENABLE, 0x0f), 0x0f);
    uart.write(INTERRUPT_ENABLE, 0);

    // In loopback OUT2 and RTS come back as DCD and CTS.
    uart.write(MODEM_CONTROL, 0x10 | 0x0a);
    assert_eq!(uart.read(MODEM_STATUS) & 0xf0, 0x90);
    uart.write(MODEM_CONTROL, 0);

    // Enhanced features off (this chip has none: it is the FIFO control register), FIFOs on.
    uart.write(LINE_CONTROL, 0xbf);
    uart.write(FIFO_CONTROL, 0);
    uart.write(LINE_CONTROL, 0);
    uart.write(FIFO_CONTROL, 1);
    assert_eq!(
        uart.read(INTERRUPT_IDENTITY) >> 6,
        3,
        "a 16550A has working FIFOs"
    );

    // No enhanced feature register, with either key: it reads as the interrupt identity, not as zero.
    uart.write(LINE_CONTROL, 0x80);
    assert_ne!(uart.read(2), 0);
    uart.write(LINE_CONTROL, 0xbf);
    assert_ne!(uart.read(2), 0);

    // Not a National Semiconductor SuperIO: bit 4 of register 2 does not follow the loopback bit.
    uart.write(LINE_CONTROL, 0);
    let modem_control = uart.read(MODEM_CONTROL);
    uart.write(LINE_CONTROL, 0xe0);
    let before = uart.read(2);
    uart.write(LINE_CONTROL, 0);
    uart.write(MODEM_CONTROL, modem_control ^ 0x10);
    uart.write(LINE_CONTROL, 0xe0);
    let after = uart.read(2);
    uart.write(LINE_CONTROL, 0);
    uart.write(MODEM_CONTROL, modem_control);
    assert_eq!((before ^ after) & 0x10, 0);

    // Not a TI16C750: the 64-byte bit shows neither without nor with the divisor latch access.
    uart.write(LINE_CONTROL, 0);
    uart.write(FIFO_CONTROL, 0x21);
    assert_eq!(uart.read(INTERRUPT_IDENTITY) >> 5, 6);
    uart.write(FIFO_CONTROL, 1);
    uart.write(LINE_CONTROL, 0x80);
    uart.write(FIFO_CONTROL, 0x21);
    assert_eq!(uart.read(INTERRUPT_IDENTITY) >> 5, 6);
    uart.write(FIFO_CONTROL, 1);
    uart.write(LINE_CONTROL, 0);

    // Not an XScale: bit 6 of the interrupt enable register does not stick.
    assert_eq!(uart.write_and_read(INTERRUPT_ENABLE, 0x40) & 0x40, 0);
    assert_eq!(uart.write_and_read(SCRATCH, 0xa5), 0xa5);
}

#[test]
fn linux_finds_no_transmitter_interrupt_bug_at_start_up() {
    let mut uart = Ready::new();
    uart.write(FIFO_CONTROL, 1);
    uart.write(FIFO_CONTROL, 7);
    uart.write(FIFO_CONTROL, 0);
    for register in [LINE_STATUS, DATA, INTERRUPT_IDENTITY, MODEM_STATUS] {
        uart.read(register);
    }
    uart.write(LINE_CONTROL, 3);

    // The THRE test: enabling must raise the interrupt again although it was read away.
    uart.write(INTERRUPT_ENABLE, 2);
    let first = uart.read(INTERRUPT_IDENTITY);
    uart.write(INTERRUPT_ENABLE, 0);
    uart.write(INTERRUPT_ENABLE, 2);
    let second = uart.read(INTERRUPT_IDENTITY);
    uart.write(INTERRUPT_ENABLE, 0);
    assert_eq!((first & 1, second & 1), (0, 0));

    // The TXEN test: transmitter empty, and an interrupt after enabling it.
    uart.write(INTERRUPT_ENABLE, 2);
    assert_eq!(uart.read(LINE_STATUS) & 0x40, 0x40);
    assert_eq!(uart.read(INTERRUPT_IDENTITY) & 1, 0);
    uart.write(INTERRUPT_ENABLE, 0);
}

#[test]
fn a_written_byte_is_transmitted_and_its_interrupt_waits_until_the_transmitter_is_ready() {
    let mut uart = Uart16550::new();
    assert_eq!(uart.write(INTERRUPT_ENABLE, 2), Effect::None);
    assert_eq!(uart.read(INTERRUPT_IDENTITY, true), 0x02);
    assert!(!uart.interrupt_pending(true));
    for byte in 0..TRANSMIT_DEPTH as u8 {
        assert_eq!(uart.write(DATA, byte), Effect::Transmit(byte));
    }
    assert_eq!(uart.read(LINE_STATUS, false), 0);
    assert!(!uart.interrupt_pending(false));
    assert_eq!(
        uart.read(INTERRUPT_IDENTITY, false),
        0x01,
        "asking too early must not lose it"
    );
    assert!(uart.interrupt_pending(true));
    assert_eq!(uart.read(LINE_STATUS, true), 0x60);
}

#[test]
fn a_pasted_line_survives_and_the_byte_without_room_stays_with_the_caller() {
    let mut uart = Uart16550::new();
    let line: Vec<u8> = (0..RECEIVE_DEPTH as u8).collect();
    assert!(line.iter().all(|byte| uart.receive(*byte)));
    assert!(!uart.can_receive() && !uart.receive(0xff));
    let read: Vec<u8> = line.iter().map(|_| uart.read(DATA, true)).collect();
    assert_eq!(read, line);
    assert_eq!(
        uart.read(LINE_STATUS, true) & 0x03,
        0,
        "no data left, no overrun"
    );
}

#[test]
fn interrupts_are_told_by_priority() {
    let mut uart = Ready::new();
    uart.write(FIFO_CONTROL, 0x41);
    uart.write(MODEM_CONTROL, 0x10);
    for byte in 0..=RECEIVE_DEPTH as u8 {
        uart.write(DATA, byte);
    }
    uart.write(INTERRUPT_ENABLE, 0x0f);
    assert_eq!(uart.read(INTERRUPT_IDENTITY), 0xc6, "overrun first");
    assert_eq!(uart.read(LINE_STATUS), 0x63);
    assert_eq!(uart.read(INTERRUPT_IDENTITY), 0xc4, "then received data");
    for _ in 0..RECEIVE_DEPTH - 3 {
        uart.read(DATA);
    }
    assert_eq!(
        uart.read(INTERRUPT_IDENTITY),
        0xcc,
        "below the trigger of 4 bytes, as a timeout"
    );
    for _ in 0..3 {
        uart.read(DATA);
    }
    assert_eq!(
        uart.read(INTERRUPT_IDENTITY),
        0xc2,
        "then the empty transmitter"
    );
    assert_eq!(uart.read(INTERRUPT_IDENTITY), 0xc0, "then the modem lines");
    uart.read(MODEM_STATUS);
    assert_eq!(uart.read(INTERRUPT_IDENTITY), 0xc1, "then nothing");
    assert!(!uart.0.interrupt_pending(true));
}

#[test]
fn loopback_reaches_the_driver_and_not_the_outside() {
    let mut uart = Ready::new();
    uart.write(MODEM_CONTROL, 0x10);
    uart.write(DATA, 0x5a);
    assert!(!uart.0.receive(0x11) && !uart.0.can_receive());
    assert_eq!(uart.0.read(LINE_STATUS, false), 0x61);
    assert_eq!(uart.read(DATA), 0x5a);
}

#[test]
fn the_divisor_latch_hides_data_and_interrupt_enable() {
    let mut uart = Ready::new();
    uart.write(INTERRUPT_ENABLE, 5);
    uart.write(LINE_CONTROL, 0x83);
    uart.write(0, 0x12);
    uart.write(1, 0x34);
    assert_eq!((uart.read(0), uart.read(1)), (0x12, 0x34));
    uart.write(LINE_CONTROL, 0x03);
    assert_eq!(uart.read(INTERRUPT_ENABLE), 5);
    assert_eq!(uart.0.write(DATA, 0x41), Effect::Transmit(0x41));
}

#[test]
fn clearing_or_switching_the_fifos_drops_what_was_received() {
    for control in [0x00, 0x03] {
        let mut uart = Ready::new();
        uart.write(FIFO_CONTROL, 1);
        assert!(uart.0.receive(1));
        uart.write(FIFO_CONTROL, control);
        assert_eq!(uart.read(LINE_STATUS) & 1, 0);
    }
}

proptest! {
    #[test]
    fn received_bytes_come_out_in_order_whatever_else_the_driver_does(
        steps in proptest::collection::vec((0u8..3, 0u64..16, any::<u8>(), any::<bool>()), 0..400)
    ) {
        let mut uart = Uart16550::new();
        let mut expected = std::collections::VecDeque::new();
        for (step, offset, value, ready) in steps {
            match step {
                0 => {
                    let room = expected.len() < RECEIVE_DEPTH;
                    prop_assert_eq!(uart.can_receive(), room);
                    if uart.receive(value) {
                        expected.push_back(value);
                    }
                }
                1 => {
                    let latch = uart.read(LINE_CONTROL, ready) & 0x80 != 0;
                    let found = uart.read(offset, ready);
                    if offset == DATA && !latch {
                        prop_assert_eq!(found, expected.pop_front().unwrap_or(0));
                    }
                }
                // Not into loopback and not clearing: those are tested above.
                _ => {
                    let value = if offset == MODEM_CONTROL { value & !0x10 } else { value };
                    if offset != FIFO_CONTROL {
                        let latch = uart.read(LINE_CONTROL, ready) & 0x80 != 0;
                        let effect = uart.write(offset, value);
                        let sent = effect == Effect::Transmit(value);
                        prop_assert_eq!(sent, offset == DATA && !latch);
                    }
                }
            }
            let status = uart.read(LINE_STATUS, ready);
            prop_assert_eq!(status & 1 != 0, !expected.is_empty());
            prop_assert_eq!(status & 0x60 != 0, ready);
        }
    }

    #[test]
    fn the_interrupt_line_is_what_the_identity_register_says(
        steps in proptest::collection::vec(any::<(u8, u64, u8, bool)>(), 0..400)
    ) {
        let mut uart = Uart16550::new();
        for (step, offset, value, ready) in steps {
            match step % 3 {
                0 => { let _ = uart.receive(value); }
                1 => { let _ = uart.read(offset % 9, ready); }
                _ => { let _ = uart.write(offset % 9, value); }
            }
            let line = uart.interrupt_pending(ready);
            let identity = uart.clone().read(INTERRUPT_IDENTITY, ready);
            prop_assert_eq!(line, identity & 1 == 0);
            // Reading what an interrupt is about ends it, so no driver loops for ever.
            for _ in 0..=RECEIVE_DEPTH {
                let latch = uart.read(LINE_CONTROL, true);
                let _ = uart.write(LINE_CONTROL, latch & 0x7f);
                uart.read(DATA, true);
                let _ = uart.write(LINE_CONTROL, latch);
            }
            for register in [LINE_STATUS, INTERRUPT_IDENTITY, MODEM_STATUS] {
                uart.read(register, true);
            }
            uart.read(INTERRUPT_IDENTITY, true);
            prop_assert!(!uart.interrupt_pending(true));
        }
    }
}
