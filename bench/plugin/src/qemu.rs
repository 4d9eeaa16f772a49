//! QEMU's interface for TCG plugins, as far as it is used here.
//!
//! Signatures are those of `include/qemu/qemu-plugin.h` of QEMU 9.1 to 10.0 (plugin interface
//! versions 2 to 4; what is used here is the same in all of them). The functions are looked up when
//! QEMU loads the plugin and not when this is linked, so that the crate is a library like any other,
//! and an unsuitable QEMU gets a message in place of a crash.

use std::ffi::{CStr, c_char, c_int, c_void};

/// The plugin interface that this is written for. QEMU takes any from its oldest to its newest one.
pub const INTERFACE: c_int = 2;

/// QEMU's `struct qemu_plugin_tb`.
#[repr(C)]
pub struct RawBlock {
    opaque: [u8; 0],
}

/// QEMU's `struct qemu_plugin_insn`.
#[repr(C)]
pub struct RawInstruction {
    opaque: [u8; 0],
}

/// GLib's `GArray` and `GByteArray`, whose public fields are the same.
#[repr(C)]
struct Array {
    data: *mut u8,
    length: u32,
}

/// QEMU's `qemu_plugin_reg_descriptor`.
#[repr(C)]
struct RegisterDescriptor {
    handle: *mut c_void,
    name: *const c_char,
    feature: *const c_char,
}

/// QEMU's `qemu_plugin_mem_value`: the enumeration (3 is 64 bits), and the value.
#[repr(C)]
pub struct MemoryValue {
    kind: c_int,
    low: u64,
    high: u64,
}

/// QEMU's `QEMU_PLUGIN_MEM_VALUE_U64`.
const VALUE_U64: c_int = 3;
/// QEMU's `QEMU_PLUGIN_CB_NO_REGS`.
const NO_REGISTERS: c_int = 0;
/// QEMU's `QEMU_PLUGIN_CB_R_REGS`.
const READS_REGISTERS: c_int = 1;
/// QEMU's `QEMU_PLUGIN_MEM_RW`.
const READS_AND_WRITES: c_int = 3;

/// Called when a virtual CPU starts.
pub type CpuStarts = extern "C" fn(id: u64, cpu: u32);
/// Called when a block was translated.
pub type BlockTranslated = extern "C" fn(id: u64, block: *mut RawBlock);
/// Called before an instruction is executed, or at the end.
pub type Executes = extern "C" fn(cpu: u32, data: *mut c_void);
/// Called after an access to memory.
pub type Accesses = extern "C" fn(cpu: u32, info: u32, address: u64, data: *mut c_void);

unsafe extern "C" {
    /// `dlsym(3)`.
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    /// `_exit(2)`.
    fn _exit(status: c_int) -> !;
}

/// Ends QEMU on the spot, with success.
pub fn end_process() -> ! {
    // SAFETY: `_exit` has no precondition. It runs no clean-up of QEMU, whose devices hold nothing
    // that is to be kept.
    unsafe { _exit(0) }
}

macro_rules! interface {
    ($($field:ident = $symbol:literal: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions that QEMU and its GLib offer.
        pub struct Qemu {
            $($field: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Qemu {
            /// Looks the functions up in the process that loaded this plugin.
            ///
            /// # Errors
            /// The name of one that there is none of.
            pub fn find() -> Result<Self, &'static str> {
                Ok(Self {
                    $($field: {
                        let name: &CStr = $symbol;
                        // SAFETY: the name ends with a zero byte; a null handle stands for all that
                        // the process has loaded (`RTLD_DEFAULT` on Linux and FreeBSD).
                        let found = unsafe { dlsym(std::ptr::null_mut(), name.as_ptr()) };
                        if found.is_null() {
                            return Err(name.to_str().unwrap_or("a function"));
                        }
                        type Function = unsafe extern "C" fn($($argument),*) $(-> $result)?;
                        // SAFETY: the symbol of this name is a function with this signature, in all
                        // versions of QEMU that take a plugin of this `INTERFACE`.
                        unsafe { std::mem::transmute::<*mut c_void, Function>(found) }
                    },)*
                })
            }
        }
    };
}

interface! {
    register_start = c"qemu_plugin_register_vcpu_init_cb": fn(u64, CpuStarts);
    register_translation = c"qemu_plugin_register_vcpu_tb_trans_cb": fn(u64, BlockTranslated);
    register_end = c"qemu_plugin_register_atexit_cb": fn(u64, Executes, *mut c_void);
    block_length = c"qemu_plugin_tb_n_insns": fn(*const RawBlock) -> usize;
    block_instruction = c"qemu_plugin_tb_get_insn":
        fn(*const RawBlock, usize) -> *mut RawInstruction;
    instruction_bytes = c"qemu_plugin_insn_data":
        fn(*const RawInstruction, *mut u8, usize) -> usize;
    instruction_address = c"qemu_plugin_insn_vaddr": fn(*const RawInstruction) -> u64;
    instruction_host_address = c"qemu_plugin_insn_haddr": fn(*const RawInstruction) -> *mut c_void;
    block_call = c"qemu_plugin_register_vcpu_tb_exec_cb":
        fn(*mut RawBlock, Executes, c_int, *mut c_void);
    instruction_call = c"qemu_plugin_register_vcpu_insn_exec_cb":
        fn(*mut RawInstruction, Executes, c_int, *mut c_void);
    access_call = c"qemu_plugin_register_vcpu_mem_cb":
        fn(*mut RawInstruction, Accesses, c_int, c_int, *mut c_void);
    access_value = c"qemu_plugin_mem_get_value": fn(u32) -> MemoryValue;
    access_is_store = c"qemu_plugin_mem_is_store": fn(u32) -> bool;
    registers = c"qemu_plugin_get_registers": fn() -> *mut Array;
    read_register = c"qemu_plugin_read_register": fn(*mut c_void, *mut Array) -> c_int;
    bytes_new = c"g_byte_array_new": fn() -> *mut Array;
    bytes_resize = c"g_byte_array_set_size": fn(*mut Array, u32) -> *mut Array;
}

/// A register's handle, the same for every virtual CPU.
#[derive(Clone, Copy)]
pub struct Register(*mut c_void);

// SAFETY: QEMU's register handles are numbers in the form of pointers.
unsafe impl Send for Register {}

/// A buffer for registers' values.
pub struct Buffer(*mut Array);

// SAFETY: the array is owned, and reached through `&mut Buffer` only.
unsafe impl Send for Buffer {}

/// A block of instructions, just translated.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    qemu: &'a Qemu,
    raw: *mut RawBlock,
}

/// An instruction of such a block.
#[derive(Clone, Copy)]
pub struct Instruction<'a> {
    qemu: &'a Qemu,
    raw: *mut RawInstruction,
}

impl Qemu {
    /// Has `starts` called for each virtual CPU.
    pub fn on_start(&self, id: u64, starts: CpuStarts) {
        // SAFETY: `id` is the one that QEMU gave to this plugin; functions live for ever.
        unsafe { (self.register_start)(id, starts) }
    }

    /// Has `translated` called for each translated block.
    pub fn on_translation(&self, id: u64, translated: BlockTranslated) {
        // SAFETY: as above.
        unsafe { (self.register_translation)(id, translated) }
    }

    /// Has `ends` called when QEMU ends.
    pub fn on_end(&self, id: u64, ends: Executes) {
        // SAFETY: as above; the data is not used.
        unsafe { (self.register_end)(id, ends, std::ptr::null_mut()) }
    }

    /// The register of this name. Only while a virtual CPU starts.
    pub fn register(&self, name: &str) -> Option<Register> {
        // SAFETY: the caller is in a CPU's start, where registers are known. The array holds as many
        // descriptors as it says, whose names live as long as QEMU. It is kept for ever, as it is
        // asked for a few times only.
        unsafe {
            let array = (self.registers)();
            let array = array.as_ref()?;
            let descriptors = array.data.cast::<RegisterDescriptor>();
            let descriptors = std::slice::from_raw_parts(descriptors, array.length as usize);
            let found = descriptors
                .iter()
                .find(|register| CStr::from_ptr(register.name).to_bytes() == name.as_bytes());
            found.map(|register| Register(register.handle))
        }
    }

    /// A buffer for [`Qemu::read`].
    pub fn buffer(&self) -> Buffer {
        // SAFETY: no precondition.
        Buffer(unsafe { (self.bytes_new)() })
    }

    /// A register's value on the virtual CPU that runs. Only where an instruction executes.
    pub fn read(&self, register: Register, buffer: &mut Buffer) -> u64 {
        // SAFETY: the array is valid and ours; the call appends what it reads, so that afterwards
        // `length` bytes are there. All calls on execution are registered with `READS_REGISTERS`.
        unsafe {
            (self.bytes_resize)(buffer.0, 0);
            if (self.read_register)(register.0, buffer.0) <= 0 {
                return 0;
            }
            let bytes = std::slice::from_raw_parts((*buffer.0).data, (*buffer.0).length as usize);
            let mut value = [0; 8];
            let length = bytes.len().min(8);
            value[..length].copy_from_slice(&bytes[..length]);
            u64::from_le_bytes(value)
        }
    }

    /// The 64-bit value of an access, and whether it was a store. Only in its call.
    pub fn access(&self, info: u32) -> Option<(u64, bool)> {
        // SAFETY: `info` is what QEMU gave to the call in which this runs.
        let (value, is_store) =
            unsafe { ((self.access_value)(info), (self.access_is_store)(info)) };
        (value.kind == VALUE_U64).then_some((value.low, is_store))
    }

    /// A block, for the time of its translation.
    ///
    /// # Safety
    /// QEMU gave `raw` to the call in which this runs.
    pub unsafe fn block(&self, raw: *mut RawBlock) -> Block<'_> {
        Block { qemu: self, raw }
    }
}

impl<'a> Block<'a> {
    /// Its instructions.
    pub fn instructions(self) -> impl Iterator<Item = Instruction<'a>> {
        // SAFETY: the block is valid, see `Qemu::block`.
        let length = unsafe { (self.qemu.block_length)(self.raw) };
        (0..length).map(move |index| Instruction {
            qemu: self.qemu,
            // SAFETY: the block is valid and the index is below its length.
            raw: unsafe { (self.qemu.block_instruction)(self.raw, index) },
        })
    }

    /// Calls `executes` each time before the block is executed. It reads no registers.
    pub fn count(self, executes: Executes, data: usize) {
        // SAFETY: the block is valid; the data is a number and never followed.
        unsafe { (self.qemu.block_call)(self.raw, executes, NO_REGISTERS, data as *mut c_void) }
    }
}

impl Instruction<'_> {
    /// Its bytes, zero-extended.
    pub fn encoding(self) -> u32 {
        let mut bytes = [0; 4];
        // SAFETY: the instruction is valid in its block's translation; the buffer has 4 bytes.
        unsafe { (self.qemu.instruction_bytes)(self.raw, bytes.as_mut_ptr(), 4) };
        u32::from_le_bytes(bytes)
    }

    /// Its virtual address.
    pub fn address(self) -> u64 {
        // SAFETY: as above.
        unsafe { (self.qemu.instruction_address)(self.raw) }
    }

    /// Where it lies in QEMU's own memory; 0 if not in RAM.
    pub fn host_address(self) -> u64 {
        // SAFETY: as above.
        unsafe { (self.qemu.instruction_host_address)(self.raw) as u64 }
    }

    /// Calls `executes` each time before it is executed. It reads no registers.
    pub fn count(self, executes: Executes, data: usize) {
        // SAFETY: as above; the data is a number and never followed.
        unsafe {
            (self.qemu.instruction_call)(self.raw, executes, NO_REGISTERS, data as *mut c_void)
        }
    }

    /// Calls `executes` each time before it is executed.
    pub fn call(self, executes: Executes, data: usize) {
        // SAFETY: as above; the data is a number and never followed.
        unsafe {
            (self.qemu.instruction_call)(self.raw, executes, READS_REGISTERS, data as *mut c_void)
        }
    }

    /// Calls `accesses` after each of its accesses to memory.
    pub fn call_at_access(self, accesses: Accesses) {
        let data = std::ptr::null_mut();
        // SAFETY: as above; the data is not used.
        unsafe {
            (self.qemu.access_call)(self.raw, accesses, READS_REGISTERS, READS_AND_WRITES, data)
        }
    }
}
