//! EL2 of the secure world, on cores that have one (FEAT_SEL2): stage 2 under the programs there.
//!
//! Nothing runs at that EL2. The monitor sets its registers so that EL1 is translated by the program's table. What
//! traps there comes to one instruction ([`VECTORS`]), which traps to EL3 at once.
//!
//! EL2 has one set of registers for both worlds (DDI 0487, D24.2). While a program runs, those that act on EL1 hold
//! the monitor's values, and [`Displaced`] holds the normal world's. Those that act only through a bit of `SCR_EL3` which
//! is clear for programs stay as they are: `HCRX_EL2` (`HXEn`), the fine-grained traps (`FGTEn`, `FGTEn2`),
//! `CNTPOFF_EL2` (`ECVEn`), `TCR2_EL2` and `SCTLR2_EL2`; so do those of EL2's own translation, which is off.
//!
//! A core with a GICv2 has no such EL2: that firmware has none of this.

use crate::arch::register::{field, read, write};
use crate::arch::stage_2::Root;
use partita_virtual_aarch64::stage_2::{CONTROL, SECURE_CONTROL};

/// Whether this firmware has this part at all.
pub const HERE: bool = cfg!(not(feature = "gicv2"));

/// Whether the core has EL2 in the secure world (`ID_AA64PFR0_EL1.SEL2`).
pub fn exists() -> bool {
    HERE && field(read!("id_aa64pfr0_el1"), 36) != 0
}

/// Puts the tables of another program onto the core. What was translated by the last one's is found no more, as the
/// number differs; what this one left when it was restarted has to be forgotten.
pub fn select(root: Root) {
    // `VSTTBR_EL2`, `VSTCR_EL2`.
    write!("s3_4_c2_c6_0", root.secure);
    write!("s3_4_c2_c6_2", SECURE_CONTROL);
    write!("vttbr_el2", root.normal);
}

macro_rules! displaced {
    ($($field:ident $register:literal $before:ident = $value:expr,)+; $($kept:ident $kept_register:literal,)+) => {
        /// Linux's registers of EL2, while a program runs.
        pub struct Displaced {
            $($field: u64,)+
            $($kept: u64,)+
        }

        impl Displaced {
            /// Of nobody.
            pub const NOTHING: Self = Self {$($field: 0,)+ $($kept: 0,)+};

            /// Keeps Linux's registers, and sets those with which a program runs. `normal` is that of its [`Root`].
            #[inline(never)]
            pub fn take(&mut self, normal: u64) {
                $(self.$kept = read!($kept_register);)+
                $(
                    let $before = read!($register);
                    self.$field = $before;
                    write!($register, $value);
                )+
                write!("vttbr_el2", normal);
            }

            /// Brings Linux's registers back.
            #[inline(never)]
            pub fn give_back(&self) {
                $(write!($register, self.$field);)+
                $(write!($kept_register, self.$kept);)+
            }
        }
    };
}

displaced! {
    configuration "hcr_el2" _before = hypervisor::CONFIGURATION,
    normal_control "vtcr_el2" _before = CONTROL,
    normal_base "vttbr_el2" _before = 0,
    coprocessors "cptr_el2" _before = hypervisor::COPROCESSORS,
    debug "mdcr_el2" before = before & hypervisor::DEBUG_KEPT,
    counter_control "cnthctl_el2" _before = hypervisor::COUNTER,
    counter_offset "cntvoff_el2" _before = 0,
    system_traps "hstr_el2" _before = 0,
    processor "vpidr_el2" _before = read!("midr_el1"),
    affinity "vmpidr_el2" _before = read!("mpidr_el1"),
    interface "icc_sre_el2" _before = hypervisor::SYSTEM_REGISTERS,
    // `ICH_HCR_EL2`.
    virtual_interface "s3_4_c12_c11_0" _before = 0,
    control "sctlr_el2" _before = hypervisor::CONTROL,
    vector "vbar_el2" _before = (&raw const VECTORS) as u64,
    ;
    exception_counter "elr_el2",
    exception_status "spsr_el2",
    syndrome "esr_el2",
    fault_address "far_el2",
    fault_page "hpfar_el2",
}

/// The vectors of EL2 in the secure world, which executes them without translation. What a program does that is taken
/// there comes to the synchronous ones of a lower level, AArch64 and AArch32 (D1.3.1): to `mrs xzr, mdscr_el1`, which
/// `MDCR_EL3.TDA` traps to EL3. Nothing comes to the others: interrupts are not taken there.
#[repr(C, align(2048))]
struct Vectors([u32; 512]);

/// Among data, since the monitor itself never executes it.
#[unsafe(link_section = ".data.vectors")]
static VECTORS: Vectors = {
    const TRAP: u32 = 0xd530_025f;
    let mut instructions = [0; 512];
    instructions[0x400 / 4] = TRAP;
    instructions[0x600 / 4] = TRAP;
    Vectors(instructions)
};

/// What the registers of EL2 hold while a program runs.
mod hypervisor {
    /// `HCR_EL2`: stage 2; the program's own tables are not in device memory; what invalidates a cache by set and way
    /// cleans it; keys are left to EL3 to trap; EL1 is AArch64.
    pub const CONFIGURATION: u64 = 1 << 0 | 1 << 1 | 1 << 2 | 3 << 40 | 1 << 31;
    /// `CPTR_EL2`: nothing traps here, `CPTR_EL3` says it all. Bits 13, 9 and 7 to 0 read as one.
    pub const COPROCESSORS: u64 = 0x22ff;
    /// `MDCR_EL2`: how counters are divided, and when they count.
    pub const DEBUG_KEPT: u64 = 0x1f | 1 << 7 | 1 << 17 | 1 << 23 | 1 << 26 | 1 << 28;
    /// `CNTHCTL_EL2`: the counter does not trap, the physical timer does: it stands for the secure one, which is
    /// undefined at EL1 (D24.10.19).
    pub const COUNTER: u64 = 1;
    /// `ICC_SRE_EL2`: EL1 uses its interface.
    pub const SYSTEM_REGISTERS: u64 = 0xf;
    /// `SCTLR_EL2`: no translation.
    pub const CONTROL: u64 = 0x30c5_0830;
}

/// Has `act` find Linux's registers of EL2, whoever is live.
pub fn with_linux(displaced: &mut Displaced, act: fn()) {
    use crate::arch::register::secure_configuration::SECURE_HYPERVISOR;
    if !HERE || read!("scr_el3") & SECURE_HYPERVISOR == 0 {
        return act();
    }
    // An exception of the program that is live may not have been answered yet.
    let before = (read!("elr_el2"), read!("spsr_el2"), read!("esr_el2"));
    let addresses = (read!("far_el2"), read!("hpfar_el2"));
    let normal = read!("vttbr_el2");
    displaced.give_back();
    act();
    displaced.take(normal);
    write!("elr_el2", before.0);
    write!("spsr_el2", before.1);
    write!("esr_el2", before.2);
    write!("far_el2", addresses.0);
    write!("hpfar_el2", addresses.1);
}
