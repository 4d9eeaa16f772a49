//! The few kinds of instructions that matter here.

/// What an instruction is to the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A call of the next higher level.
    Call,
    /// The return from firmware.
    MachineReturn,
    /// The return from an operating system's trap handler.
    SupervisorReturn,
    /// One or the other, by where it is.
    Return,
    /// Waits for an interrupt.
    Wait,
    /// A load or a store of 64 bits.
    Access,
    /// The machine's time is read into this general register.
    TimeRead(usize),
    /// The timer of the firmware, or of the real-time partition, is set by this general register.
    TimerWrite(usize),
    /// Anything else.
    Other,
}
