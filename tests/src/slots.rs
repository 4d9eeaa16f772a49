//! How many machines run at a time: they take turns on the host's processors anyway.

use std::sync::{Condvar, Mutex, PoisonError};

/// Machines at a time in one process. With cargo-nextest, where each test is a process, the test group
/// in `.config/nextest.toml` says the same.
const MACHINES: usize = 2;

static FREE: Mutex<usize> = Mutex::new(MACHINES);
static FREED: Condvar = Condvar::new();

/// Leave to run a machine.
pub(crate) struct Slot(());

impl Slot {
    /// Waits for leave.
    pub(crate) fn take() -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = FREED
            .wait_while(free, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Self(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        FREED.notify_one();
    }
}
