//! Instructions of probes. Each uses `a0` for its address and its result; a store takes its value from `a2`.

const A0: u32 = 10;
const A2: u32 = 12;
const NOTHING: u32 = 0x0001;

/// An access to memory, its name, and the trap cause when it is denied (privileged specification 3.1.15).
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// What it is called.
    pub name: &'static str,
    /// The instruction.
    pub instruction: u32,
    /// The cause of its denial.
    pub cause: u32,
}

const fn load(name: &'static str, function: u32) -> Access {
    Access {
        name,
        instruction: A0 << 15 | function << 12 | A0 << 7 | 0x03,
        cause: 5,
    }
}

const fn store(name: &'static str, function: u32) -> Access {
    Access {
        name,
        instruction: A2 << 20 | A0 << 15 | function << 12 | 0x23,
        cause: 7,
    }
}

const fn atomic(name: &'static str, function: u32, width: u32, cause: u32) -> Access {
    // `lr` has no second operand.
    let operand = if function == 2 { 0 } else { A0 << 20 };
    Access {
        name,
        instruction: function << 27 | operand | A0 << 15 | width << 12 | A0 << 7 | 0x2f,
        cause,
    }
}

const fn other(name: &'static str, instruction: u32, cause: u32) -> Access {
    Access {
        name,
        instruction,
        cause,
    }
}

/// Loads (unprivileged specification 2.6, 5.3).
pub const LOAD_BYTE: Access = load("read 1 byte", 4);
/// Two bytes.
pub const LOAD_HALF: Access = load("read 2 bytes", 5);
/// Four bytes.
pub const LOAD_WORD: Access = load("read 4 bytes", 6);
/// Eight bytes.
pub const LOAD_DOUBLE: Access = load("read 8 bytes", 3);
/// Stores.
pub const STORE_BYTE: Access = store("write 1 byte", 0);
/// Two bytes.
pub const STORE_HALF: Access = store("write 2 bytes", 1);
/// Four bytes.
pub const STORE_WORD: Access = store("write 4 bytes", 2);
/// Eight bytes.
pub const STORE_DOUBLE: Access = store("write 8 bytes", 3);
/// Atomic operations (chapter 8). A denied one is a store's fault.
pub const ADD: Access = atomic("amoadd.d", 0, 3, 7);
/// Load-reserved, a load.
pub const LOAD_RESERVED: Access = atomic("lr.d", 2, 3, 5);

/// Every other way to reach memory.
pub const FURTHER: [Access; 18] = [
    atomic("amoswap.w", 1, 2, 7),
    atomic("amoswap.d", 1, 3, 7),
    atomic("amoxor.w", 4, 2, 7),
    atomic("amoor.d", 8, 3, 7),
    atomic("amoand.w", 12, 2, 7),
    atomic("amomin.d", 16, 3, 7),
    atomic("amomax.w", 20, 2, 7),
    atomic("amominu.w", 24, 2, 7),
    atomic("amomaxu.d", 28, 3, 7),
    atomic("lr.w", 2, 2, 5),
    // Floating point: 11.5 and 12.3. Compressed: 16.3.
    other("flw", A0 << 15 | 2 << 12 | A0 << 7 | 0x07, 5),
    other("fld", A0 << 15 | 3 << 12 | A0 << 7 | 0x07, 5),
    other("fsw", A0 << 20 | A0 << 15 | 2 << 12 | 0x27, 7),
    other("fsd", A0 << 20 | A0 << 15 | 3 << 12 | 0x27, 7),
    other("c.ld", NOTHING << 16 | 0x6108, 5),
    other("c.lw", NOTHING << 16 | 0x4108, 5),
    other("c.sd", NOTHING << 16 | 0xe108, 7),
    other("c.sw", NOTHING << 16 | 0xc108, 7),
];

/// `sc.d` of `a0` (8.2): without a reservation it does not reach memory.
pub const STORE_CONDITIONAL: u32 = atomic("sc.d", 3, 3, 7).instruction;

/// `csrrs a0, register, zero`.
pub const fn read_register(register: u32) -> u32 {
    register << 20 | 2 << 12 | A0 << 7 | 0x73
}

/// `csrrw a0, register, a0`.
pub const fn swap_register(register: u32) -> u32 {
    register << 20 | A0 << 15 | 1 << 12 | A0 << 7 | 0x73
}

/// `csrrs a0, register, a0`.
pub const fn set_register(register: u32) -> u32 {
    register << 20 | A0 << 15 | 2 << 12 | A0 << 7 | 0x73
}

/// Cache-block operations (CMO extensions 1.0, chapter 3): `inval`, `clean`, `flush`, `zero` by number.
pub const fn cache_block(operation: u32) -> u32 {
    operation << 20 | A0 << 15 | 2 << 12 | 0x0f
}
