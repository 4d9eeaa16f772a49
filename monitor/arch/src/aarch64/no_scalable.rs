//! Cores with a GICv2 have no scalable vectors: nothing here does anything.

use crate::arch::context::Switched;

/// What there is on one core.
pub struct Scalable;

impl Scalable {
    /// Whether this does anything.
    pub const IS_SWITCHED: bool = false;

    /// Saves nothing.
    #[expect(clippy::unused_self, reason = "with a GICv3 there is something")]
    pub const fn save(&self, _: &Switched) -> bool {
        false
    }

    /// Brings back nothing.
    #[expect(clippy::unused_self, reason = "as above")]
    pub const fn restore(&self, _: &Switched) -> bool {
        false
    }

    /// Clears nothing.
    #[expect(clippy::unused_self, reason = "as above")]
    pub const fn clear(&self, _: &Switched) {}
}
