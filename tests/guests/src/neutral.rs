//! What the parts that run on every architecture need of it.

use partita_guest_rt::hart;

#[cfg(target_arch = "aarch64")]
pub use aarch64::*;
#[cfg(target_arch = "riscv64")]
pub use riscv64::*;

/// Gives the core back until the time `ticks`. [`listen_to_timer`] was called before, and interrupts must be off,
/// so that the timer only wakes.
pub fn wait_until(ticks: u64) {
    hart::set_timer(ticks);
    while hart::time() < ticks {
        hart::wait_for_interrupt();
        forget_timer();
    }
}

/// Waits for so many microseconds.
pub fn wait_us(microseconds: usize) {
    wait_until(hart::time() + ticks(microseconds));
}

#[cfg(target_arch = "riscv64")]
mod riscv64 {
    use partita_guest_rt::hart::{self, source};
    use partita_guest_rt::sbi;

    /// Microseconds as ticks of the time, which are 100 ns.
    pub const fn ticks(microseconds: usize) -> u64 {
        10 * microseconds as u64
    }

    /// Ticks of the time as nanoseconds.
    pub const fn nanoseconds(ticks: u64) -> u64 {
        100 * ticks
    }

    /// Lets the timer end a wait.
    pub fn listen_to_timer() {
        hart::enable_sources(source::TIMER);
    }

    /// Lets a device, or a notification, end a wait.
    pub fn listen_to_devices() {
        hart::enable_sources(source::EXTERNAL);
    }

    /// Lets nothing end a wait.
    pub fn listen_to_nothing() {
        hart::disable_sources(source::SOFTWARE | source::TIMER | source::EXTERNAL);
    }

    /// Takes back what ended a wait: a timer that is set anew is no longer pending.
    pub const fn forget_timer() {}

    /// What was typed; how many bytes.
    pub fn console_read(bytes: &mut [u8]) -> usize {
        sbi::console_read(bytes).unwrap_or(0)
    }

    /// Ends this partition.
    pub fn shut_down() {
        let _ = sbi::system_reset(sbi::RESET_TYPE_SHUTDOWN, sbi::RESET_REASON_NO_REASON);
    }

    /// Restarts this partition.
    pub fn reboot() {
        let _ = sbi::system_reset(sbi::RESET_TYPE_COLD_REBOOT, sbi::RESET_REASON_NO_REASON);
    }
}

#[cfg(target_arch = "aarch64")]
mod aarch64 {
    use partita_guest_rt::{hart, interrupts, smc};

    /// Microseconds as ticks of the time.
    pub fn ticks(microseconds: usize) -> u64 {
        microseconds as u64 * (hart::time_hz() / 1000) / 1000
    }

    /// Ticks of the time as nanoseconds.
    pub fn nanoseconds(ticks: u64) -> u64 {
        ticks * (1_000_000_000 / hart::time_hz())
    }

    /// Lets the monitor's interrupts end a wait.
    pub fn listen_to_timer() {
        interrupts::open();
    }

    /// Lets a device, or a notification, end a wait.
    pub fn listen_to_devices() {
        interrupts::open();
    }

    /// Lets no timer end a wait.
    pub fn listen_to_nothing() {
        hart::set_timer(u64::MAX);
    }

    /// Takes back what ended a wait.
    pub fn forget_timer() {
        interrupts::take();
    }

    /// What was typed; how many bytes.
    pub fn console_read(bytes: &mut [u8]) -> usize {
        smc::console_read(bytes).unwrap_or(0)
    }

    /// Ends this partition.
    pub fn shut_down() {
        smc::system_off();
    }

    /// Restarts this partition.
    pub fn reboot() {
        smc::system_reset();
    }
}
