//! Breakpoints and watchpoints of EL1 and EL0, where more than one Linux behind stage 2 shares a core: six and four, as
//! Arm's processors have (DDI 0487, D24.3). With one Linux on the core they stay where they are, and `MDSCR_EL1`, which
//! every switch changes, keeps others from hitting them.

use crate::arch::register::{field, read};

macro_rules! registers {
    ($($field:ident $register:literal,)+) => {
        /// Those of a virtual core that is not on the core.
        #[derive(Clone, Copy)]
        pub struct Breakpoints {$(
            $field: u64,
        )+}

        impl Breakpoints {
            /// None is set.
            pub const NONE: Self = Self {$($field: 0,)+};

            /// Takes them off the core.
            pub fn keep(&mut self) {
                $(self.$field = read!($register);)+
            }

            /// Puts them onto the core.
            pub fn write(&self) {
                $(crate::arch::register::write!($register, self.$field);)+
            }
        }
    };
}

registers! {
    value_0 "dbgbvr0_el1",
    value_1 "dbgbvr1_el1",
    value_2 "dbgbvr2_el1",
    value_3 "dbgbvr3_el1",
    value_4 "dbgbvr4_el1",
    value_5 "dbgbvr5_el1",
    control_0 "dbgbcr0_el1",
    control_1 "dbgbcr1_el1",
    control_2 "dbgbcr2_el1",
    control_3 "dbgbcr3_el1",
    control_4 "dbgbcr4_el1",
    control_5 "dbgbcr5_el1",
    watch_value_0 "dbgwvr0_el1",
    watch_value_1 "dbgwvr1_el1",
    watch_value_2 "dbgwvr2_el1",
    watch_value_3 "dbgwvr3_el1",
    watch_control_0 "dbgwcr0_el1",
    watch_control_1 "dbgwcr1_el1",
    watch_control_2 "dbgwcr2_el1",
    watch_control_3 "dbgwcr3_el1",
}

/// Whether the core has as many as are switched (`ID_AA64DFR0_EL1.BRPs` and `WRPs`).
pub fn are_as_expected() -> bool {
    let features = read!("id_aa64dfr0_el1");
    field(features, 12) == 5 && field(features, 20) == 3
}
