//! A virtual machine by KVM: memory, a processor, some instructions of it, accesses to a device that is this program,
//! and its end by a call of PSCI (Linux, Documentation/virt/kvm/api.rst).

use crate::kernel::{self, control, control_with, map, say};
use core::arch::global_asm;

const GET_API_VERSION: u64 = 0xae00;
const CREATE_VM: u64 = 0xae01;
const GET_VCPU_MMAP_SIZE: u64 = 0xae04;
const CREATE_VCPU: u64 = 0xae41;
const SET_USER_MEMORY_REGION: u64 = 0x4020_ae46;
const RUN: u64 = 0xae80;
const SET_ONE_REGISTER: u64 = 0x4010_aeac;
const ARM_VCPU_INIT: u64 = 0x4020_aeae;
const ARM_PREFERRED_TARGET: u64 = 0x8020_aeaf;
const CREATE_DEVICE: u64 = 0xc00c_aee0;

/// Only asks whether such a device can be.
const DEVICE_TEST: u32 = 1;
/// Interrupt controllers, by the name that is said.
const CONTROLLERS: [(&str, u32); 2] = [("GICv2", 5), ("GICv3", 7)];

/// The processor has PSCI 0.2 or later.
const PSCI: u32 = 1 << 2;
/// `KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE_REG(regs.pc)`.
const PROGRAM_COUNTER: u64 = 0x6030_0000_0010_0040;

/// Where its memory is, as it sees it.
const MEMORY: u64 = 0x8000_0000;
const MEMORY_BYTES: u64 = 0x1_0000;
/// Where nothing is: accesses come here.
const DEVICE: u64 = 0x1000_0000;

/// Offsets in the structure that is shared with the kernel, and reasons why a run ends.
const EXIT_REASON: usize = 8;
const MMIO_ADDRESS: usize = 32;
const MMIO_DATA: usize = 40;
const MMIO_IS_WRITE: usize = 52;
const EXIT_MMIO: u32 = 6;
const EXIT_SYSTEM_EVENT: u32 = 24;

/// What it reads from the device.
const ANSWER: u32 = 0x1233;
/// How often its loop goes round: long enough to be interrupted many times.
const ROUNDS: u32 = 0x40_0000;

global_asm!(
    r#"
    .pushsection .rodata.kvm, "a", @progbits
    .balign 8
    .global partita_check_machine
partita_check_machine:
    mov     x0, #0x10000000
    mov     w1, #6
    mov     w2, #7
    mul     w1, w1, w2
    str     w1, [x0]
    ldr     w3, [x0, #8]
    add     w3, w3, #1
    str     w3, [x0, #4]
    mov     w5, wzr
    mov     w6, #0x400000
1:  add     w5, w5, #1
    cmp     w5, w6
    b.ne    1b
    str     w5, [x0, #12]
    /* PSCI's SYSTEM_OFF. */
    mov     w0, #0x0008
    movk    w0, #0x8400, lsl #16
    hvc     #0
    .balign 8
    .global partita_check_machine_end
partita_check_machine_end:
    .popsection
"#
);

unsafe extern "C" {
    /// What it executes, and what is behind that.
    static partita_check_machine: u8;
    static partita_check_machine_end: u8;
}

#[repr(C)]
#[derive(Default)]
struct MemoryRegion {
    slot: u32,
    flags: u32,
    guest_address: u64,
    bytes: u64,
    own_address: u64,
}

#[repr(C)]
#[derive(Default)]
struct VcpuInit {
    target: u32,
    features: [u32; 7],
}

#[repr(C)]
struct OneRegister {
    id: u64,
    address: u64,
}

#[repr(C)]
struct CreateDevice {
    kind: u32,
    file: u32,
    flags: u32,
}

/// Does it, and says what came of each step.
pub fn run() {
    match machine() {
        Ok(()) => say!("kvm works"),
        Err(error) => say!("kvm: error {error}"),
    }
}

fn machine() -> Result<(), i64> {
    let kvm = kernel::open(c"/dev/kvm")?;
    say!("kvm version {}", control(kvm, GET_API_VERSION, 0)?);
    let machine = control(kvm, CREATE_VM, 0)?;
    let memory = map(None, MEMORY_BYTES)?;
    let (first, end) = (
        &raw const partita_check_machine,
        &raw const partita_check_machine_end,
    );
    // SAFETY: the instructions between these two labels are fewer than the memory that was mapped, of which nobody
    // else knows.
    unsafe { memory.copy_from_nonoverlapping(first, end as usize - first as usize) };
    let mut region = MemoryRegion {
        guest_address: MEMORY,
        bytes: MEMORY_BYTES,
        own_address: memory as u64,
        ..MemoryRegion::default()
    };
    control_with(machine, SET_USER_MEMORY_REGION, &mut region)?;
    let processor = control(machine, CREATE_VCPU, 0)?;
    for (name, kind) in CONTROLLERS {
        let mut device = CreateDevice {
            kind,
            file: 0,
            flags: DEVICE_TEST,
        };
        if control_with(machine, CREATE_DEVICE, &mut device).is_ok() {
            say!("kvm has a virtual {name}");
        }
    }
    let mut init = VcpuInit::default();
    control_with(machine, ARM_PREFERRED_TARGET, &mut init)?;
    init.features[0] |= PSCI;
    control_with(processor, ARM_VCPU_INIT, &mut init)?;
    let mut counter = MEMORY;
    let mut register = OneRegister {
        id: PROGRAM_COUNTER,
        address: (&raw mut counter) as u64,
    };
    control_with(processor, SET_ONE_REGISTER, &mut register)?;
    let shared = map(Some(processor), control(kvm, GET_VCPU_MMAP_SIZE, 0)?)?;
    // It ends by itself within these.
    for _ in 0..8 {
        control(processor, RUN, 0)?;
        // SAFETY: the kernel has filled the structure, which it leaves alone until the next run.
        let reason = unsafe { shared.add(EXIT_REASON).cast::<u32>().read_volatile() };
        match reason {
            EXIT_MMIO => access(shared),
            EXIT_SYSTEM_EVENT => {
                say!("kvm shut down");
                return Ok(());
            }
            reason => {
                say!("kvm ended for reason {reason}");
                return Err(0);
            }
        }
    }
    Err(0)
}

/// Answers an access to the device.
fn access(shared: *mut u8) {
    // SAFETY: as in `machine`.
    let (address, is_write, data) = unsafe {
        (
            shared.add(MMIO_ADDRESS).cast::<u64>().read_volatile(),
            shared.add(MMIO_IS_WRITE).read_volatile() != 0,
            shared.add(MMIO_DATA).cast::<u32>().read_volatile(),
        )
    };
    let offset = address.wrapping_sub(DEVICE);
    if !is_write {
        say!("kvm reads {offset}");
        // SAFETY: as above; the next run takes it from there.
        unsafe { shared.add(MMIO_DATA).cast::<u32>().write_volatile(ANSWER) };
    } else if data == ROUNDS {
        say!("kvm writes all rounds to {offset}");
    } else {
        say!("kvm writes {data:#x} to {offset}");
    }
}
