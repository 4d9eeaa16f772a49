//! Instructions of probes on Arm (DDI 0487, chapter C6). Each uses `x0` for its address and its result; a store takes
//! its value from `x2`.

/// An access to memory, and its name.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// What it is called.
    pub name: &'static str,
    /// The instruction.
    pub instruction: u32,
}

const fn access(name: &'static str, instruction: u32) -> Access {
    Access { name, instruction }
}

/// Loads.
pub const LOAD_BYTE: Access = access("read 1 byte", 0x3940_0000);
/// Four bytes.
pub const LOAD_WORD: Access = access("read 4 bytes", 0xb940_0000);
/// Eight bytes.
pub const LOAD_DOUBLE: Access = access("read 8 bytes", 0xf940_0000);
/// Stores.
pub const STORE_BYTE: Access = access("write 1 byte", 0x3900_0002);
/// Four bytes.
pub const STORE_WORD: Access = access("write 4 bytes", 0xb900_0002);
/// Eight bytes.
pub const STORE_DOUBLE: Access = access("write 8 bytes", 0xf900_0002);

/// Other ways to reach memory.
pub const FURTHER: [Access; 12] = [
    access("ldrh", 0x7940_0000),
    access("ldp", 0xa940_0400),
    access("ldtr", 0xf840_0800),
    access("ldar", 0xc8df_fc00),
    access("ldxr", 0xc85f_7c00),
    access("ldr of 16 bytes", 0x3dc0_0000),
    access("strh", 0x7900_0002),
    access("stp", 0xa900_0802),
    access("sttr", 0xf800_0802),
    access("stlr", 0xc89f_fc02),
    access("str of 16 bytes", 0x3d80_0000),
    access("dc zva", 0xd50b_7420),
];

/// A system register: its name, `op0`, `op1`, `CRn`, `CRm` and `op2`.
#[derive(Clone, Copy, Debug)]
pub struct Register(pub &'static str, pub [u32; 5]);

impl Register {
    /// `mrs x0, register`.
    pub const fn read(&self) -> u32 {
        self.access(1)
    }

    /// `msr register, x0`.
    pub const fn write(&self) -> u32 {
        self.access(0)
    }

    const fn access(&self, read: u32) -> u32 {
        let [op0, op1, crn, crm, op2] = self.1;
        0xd500_0000 | read << 21 | op0 << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5
    }

    /// The syndrome of an access that traps (D24.2.40, class 0x18).
    pub fn syndrome(&self, is_read: bool) -> u64 {
        let [op0, op1, crn, crm, op2] = self.1;
        let register = op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | crm << 1;
        u64::from(0x18 << 26 | 1 << 25 | register | u32::from(is_read))
    }
}
