//! The emulated serial port: whatever a driver does, bytes come out once and in order.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use partita_monitor_core::uart16550::{Effect, RECEIVE_DEPTH, Uart16550};

#[derive(Arbitrary, Debug)]
enum Action {
    Read { offset: u64, ready: bool },
    Write { offset: u64, value: u8 },
    Receive { byte: u8 },
}

fuzz_target!(|actions: Vec<Action>| {
    let mut uart = Uart16550::new();
    let mut received = 0_usize;
    for action in actions {
        match action {
            Action::Read { offset, ready } => {
                uart.read(offset % 16, ready);
                let _ = uart.read(offset, ready);
            }
            Action::Write { offset, value } => {
                if let Effect::Transmit(byte) = uart.write(offset % 16, value) {
                    assert_eq!(byte, value);
                    assert_eq!(offset % 8, 0, "a byte is sent by another register");
                }
            }
            Action::Receive { byte } => {
                let had_room = uart.can_receive();
                assert!(!uart.receive(byte) || had_room);
                received += 1;
            }
        }
        let _ = (uart.interrupt_pending(false), uart.interrupt_pending(true));
    }
    // It never holds more than its FIFO does: line control 3 shows the data register, loopback off.
    let _ = (uart.write(3, 3), uart.write(4, 0));
    let mut held = 0;
    while uart.read(5, true) & 1 != 0 {
        uart.read(0, true);
        held += 1;
        assert!(held <= RECEIVE_DEPTH && held <= received + RECEIVE_DEPTH);
    }
});
