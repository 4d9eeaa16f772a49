//! The emulated watchdog as Linux's driver (`drivers/watchdog/sunxi_wdt.c`) uses it, and as a partition
//! abuses it.

use partita_virtual_riscv64::watchdog::{Effect, read, write};
use proptest::prelude::*;

const CONTROL: u64 = 0x10;
const CONFIGURATION: u64 = 0x14;
const MODE: u64 = 0x18;
const KEY: u32 = 0x16aa_0000;
const RELOAD: u32 = 0x14af;

/// A driver at work: what its writes asked for, one after another.
#[derive(Default)]
struct Driver {
    mode: u32,
    effects: Vec<Effect>,
}

impl Driver {
    fn write(&mut self, offset: u64, value: u32) {
        let (mode, effect) = write(self.mode, offset, value);
        self.mode = mode;
        if effect != Effect::None {
            self.effects.push(effect);
        }
    }

    /// `sunxi_wdt_set_timeout`, which ends in `sunxi_wdt_ping`.
    fn set_timeout(&mut self, number: u32) {
        let mode = read(self.mode, MODE) & !(0xf << 4) | number << 4;
        self.write(MODE, mode | KEY);
        self.write(CONTROL, RELOAD);
    }

    /// `sunxi_wdt_start`.
    fn start(&mut self, number: u32) {
        self.set_timeout(number);
        let configuration = read(self.mode, CONFIGURATION) & !3 | 1;
        self.write(CONFIGURATION, configuration | KEY);
        let mode = read(self.mode, MODE) | 1;
        self.write(MODE, mode | KEY);
    }

    /// `sunxi_wdt_stop`.
    fn stop(&mut self) {
        self.write(MODE, KEY);
    }
}

const SECOND: u64 = 1_000_000_000;

#[test]
fn the_driver_starts_it_resets_it_and_changes_its_time() {
    let mut driver = Driver::default();
    driver.stop();
    assert_eq!(driver.effects, []);
    driver.start(7);
    driver.write(CONTROL, RELOAD);
    driver.set_timeout(11);
    assert_eq!(
        driver.effects,
        [
            Effect::Start {
                timeout_ns: 8 * SECOND
            },
            Effect::Reset,
            Effect::Start {
                timeout_ns: 16 * SECOND
            },
            Effect::Reset,
        ]
    );
}

#[test]
fn nothing_stops_it_once_it_runs() {
    let mut driver = Driver::default();
    driver.start(3);
    driver.effects.clear();
    driver.stop();
    assert_eq!(read(driver.mode, MODE) & 1, 1);
    // The driver has set the interval to the shortest one with it.
    assert_eq!(
        driver.effects,
        [Effect::Start {
            timeout_ns: SECOND / 2
        }]
    );
}

#[test]
fn a_write_without_the_key_does_nothing() {
    let mut driver = Driver::default();
    driver.start(3);
    driver.effects.clear();
    for value in [0, 1, 0x71, 0x16ab_0001, 0xffff_ffff] {
        driver.write(MODE, value);
    }
    assert_eq!((driver.effects.len(), read(driver.mode, MODE)), (0, 0x31));
}

proptest! {
    #[test]
    fn it_never_stops_and_no_time_is_longer_than_the_longest(
        writes in prop::collection::vec((0_u64..0x40, any::<u32>(), any::<bool>()), 0..100),
    ) {
        let mut driver = Driver::default();
        let mut runs = false;
        for (offset, value, keyed) in writes {
            driver.write(offset, if keyed { value & 0xffff | KEY } else { value });
            let enabled = read(driver.mode, MODE) & 1 != 0;
            prop_assert!(enabled || !runs);
            runs = enabled;
        }
        for effect in driver.effects {
            if let Effect::Start { timeout_ns } = effect {
                prop_assert!((SECOND / 2..=16 * SECOND).contains(&timeout_ns));
            }
        }
    }
}
