//! The secure physical timer of a partition: its registers, for which the monitor stands in.
//!
//! DDI 0487, D12.2 and D24.10 (`CNTPS_CTL_EL1`, `CNTPS_CVAL_EL1`, `CNTPS_TVAL_EL1`). With `SCR_EL3.ST` clear
//! each access from S-EL1 traps. Where EL2 exists in the secure world, these registers are undefined at EL1; then
//! those of the physical timer (`CNTP_CTL_EL0` and so on) stand for them, which trap to EL2.

/// Of the control register: the timer counts.
const ENABLE: u64 = 1 << 0;
/// Of the control register: it does not interrupt.
const MASKED: u64 = 1 << 1;
/// Of the control register: its time has come.
const STATUS: u64 = 1 << 2;

/// A register of the timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// `CNTPS_TVAL_EL1`.
    Value,
    /// `CNTPS_CTL_EL1`.
    Control,
    /// `CNTPS_CVAL_EL1`.
    Compare,
}

/// A trapped access to a system register (D24.2.40, `ISS` encoding for class 0x18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The general register that gives or gets the value; 31 is none.
    pub general: usize,
    /// Whether the system register is read.
    pub is_read: bool,
    /// The system register: `Op0`, `Op2`, `Op1`, `CRn` and `CRm` where the syndrome has them.
    pub register: u32,
}

impl Access {
    /// Takes a syndrome apart.
    #[must_use]
    pub const fn of(syndrome: u64) -> Self {
        Self {
            general: (syndrome >> 5 & 31) as usize,
            is_read: syndrome & 1 != 0,
            register: (syndrome & 0x3f_fc1e) as u32,
        }
    }

    /// The name of the system register: `Op0`, `Op1`, `CRn`, `CRm`, `Op2`.
    #[must_use]
    pub const fn name(&self) -> (u32, u32, u32, u32, u32) {
        let found = self.register;
        (
            found >> 20 & 3,
            found >> 14 & 7,
            found >> 10 & 0xf,
            found >> 1 & 0xf,
            found >> 17 & 7,
        )
    }

    /// Whether it is about a counter of events, or what controls those (D24.5): a partition behind stage 2 has none, since
    /// they count what others do. They read as zero, and writes are ignored.
    #[must_use]
    pub const fn is_counter_of_events(&self) -> bool {
        matches!(
            self.name(),
            (3, 3, 9, 12..=14, _) | (3, 0, 9, 14, _) | (3, 3, 14, 8..=15, _)
        )
    }

    /// The register of the timer that it is about, if it is.
    #[must_use]
    pub const fn timer(&self) -> Option<Register> {
        match self.register & !OTHER_TIMER {
            VALUE => Some(Register::Value),
            CONTROL => Some(Register::Control),
            COMPARE => Some(Register::Compare),
            _ => None,
        }
    }
}

/// A register's name as a syndrome has it, and [`Access::register`].
pub(crate) const fn name(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> u32 {
    op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | crm << 1
}

const VALUE: u32 = name(3, 3, 14, 2, 0);
const CONTROL: u32 = name(3, 3, 14, 2, 1);
const COMPARE: u32 = name(3, 3, 14, 2, 2);
/// What the names of the secure timer's registers have in addition to those of the physical timer's.
const OTHER_TIMER: u32 = name(0, 4, 0, 0, 0);

/// The timer of one virtual core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timer {
    compare: u64,
    control: u64,
}

impl Timer {
    /// As after reset: off.
    pub const RESET: Self = Self {
        compare: 0,
        control: 0,
    };

    /// When it interrupts, if it is going to.
    #[must_use]
    pub const fn deadline(&self) -> Option<u64> {
        if self.control == ENABLE {
            Some(self.compare)
        } else {
            None
        }
    }

    /// Reads a register at the time `now`.
    #[must_use]
    pub const fn read(&self, register: Register, now: u64) -> u64 {
        match register {
            // D12.2.4: the lower 32 bits of what is left, and its sign.
            Register::Value => self.compare.wrapping_sub(now) & 0xffff_ffff,
            Register::Compare => self.compare,
            Register::Control if self.control & ENABLE != 0 && self.compare <= now => {
                self.control | STATUS
            }
            Register::Control => self.control,
        }
    }

    /// Writes a register at the time `now`.
    pub const fn write(&mut self, register: Register, value: u64, now: u64) {
        match register {
            Register::Value => self.compare = now.wrapping_add(value as u32 as i32 as u64),
            Register::Compare => self.compare = value,
            Register::Control => self.control = value & (ENABLE | MASKED),
        }
    }
}
