//! What partitions ask of their own virtual cores, in whatever way an architecture's calls ask it.

use super::Core;
use crate::crash;
use crate::machine::PartitionView;
use crate::mail::{self, state};
use crate::shared;
use core::sync::atomic::Ordering::SeqCst;
use partita_abi::crash::Trace;

/// Why a virtual core is not started.
pub enum NotStarted {
    /// There is none of this number.
    Absent,
    /// It was asked to start before.
    Pending,
    /// It runs.
    Running,
    /// Its partition is being stopped.
    Stopping,
}

impl Core {
    /// Asks a virtual core of the partition to start at `address`.
    pub fn order_start(
        &self,
        view: &PartitionView,
        number: u32,
        address: u64,
        argument: u64,
    ) -> Result<(), NotStarted> {
        let place = view.place(number);
        let target = usize::from(place.core);
        let Some(order) = mail::of(target).orders.get(usize::from(place.slot)) else {
            return Err(NotStarted::Absent);
        };
        match order
            .state
            .compare_exchange(state::STOPPED, state::START_PENDING, SeqCst, SeqCst)
        {
            Ok(_) => {}
            Err(state::START_PENDING) => return Err(NotStarted::Pending),
            Err(_) => return Err(NotStarted::Running),
        }
        crash::note(self, view.index, Trace::CoreStart, 0, number, address);
        // Looked at after the exchange: whoever stops the partition says so before any core is stopped.
        if shared::of(view.index).is_stopping() {
            order.state.store(state::STOPPED, SeqCst);
            return Err(NotStarted::Stopping);
        }
        order.address.store(address, SeqCst);
        order.argument.store(argument, SeqCst);
        self.post(target, usize::from(place.slot), mail::START);
        Ok(())
    }

    /// The running virtual core waits for an interrupt. Returns false if one is pending already.
    pub fn suspend_running(&mut self) -> bool {
        let waits = self.wait_running();
        if waits && let Some((number, slot, _)) = self.running() {
            slot.suspended = true;
            self.set_state(number, state::SUSPENDED);
        }
        waits
    }

    /// Whether all virtual cores of the partition that runs here but this one are stopped.
    pub fn is_alone(&self, view: &PartitionView) -> bool {
        let mut places = view.places.iter().take(view.virtual_cores);
        places.all(|place| {
            let target = usize::from(place.core);
            let order = mail::of(target).orders.get(usize::from(place.slot));
            target == self.id
                || order.is_none_or(|order| order.state.load(SeqCst) == state::STOPPED)
        })
    }
}
