//! The monitor's access to the memory of the partition that runs.
//!
//! Every load here is made *as the partition* (`mstatus.MPRV`, privileged specification 3.1.6.3): the
//! hardware applies the partition's own protection entries to it. So even a mistake in the checks
//! that come before it cannot make the monitor read for a partition what that partition cannot read
//! itself. With Smepmp there is no other way: machine mode has no access to partitions' memory.

use crate::arch::csr::{self, status};
use crate::machine::PartitionView;
use core::arch::asm;
use core::marker::PhantomData;
use partita_virtual_riscv64::walk::{EntryRead, MAXIMUM_LEVELS, TableMemory};

/// While this exists, the partition's loads are not translated, so that physical addresses of the
/// partition can be read. It must run (its context is live) and be in a trap.
///
/// It is not `Send`: it stands for a state of this hart.
pub struct Physical<'a> {
    partition: &'a PartitionView,
    satp: u64,
    not_send: PhantomData<*const ()>,
}

impl<'a> Physical<'a> {
    /// Switches translation off for the partition, which runs on this hart.
    #[inline]
    pub fn of_running(partition: &'a PartitionView) -> Self {
        let satp = csr::read!("satp");
        // Takes effect at once, without a fence (4.1.11).
        csr::write!("satp", 0);
        Self {
            partition,
            satp,
            not_send: PhantomData,
        }
    }

    /// Reads a byte of the partition's RAM; `None` if it is not the partition's.
    #[inline]
    pub fn read_u8(&self, address: u64) -> Option<u8> {
        if !self.partition.is_ram(address, 1) {
            return None;
        }
        let value: u64;
        // SAFETY: the byte lies in RAM of the partition that runs, which the hardware checks again
        // under MPRV; memory of a partition is never referenced by the monitor's own data.
        unsafe {
            asm!(
                "csrs mstatus, {modify}",
                "lbu {value}, 0({address})",
                "csrc mstatus, {modify}",
                modify = in(reg) status::MPRV,
                address = in(reg) address,
                value = out(reg) value,
                options(nostack, preserves_flags)
            );
        }
        Some(value as u8)
    }

    /// Writes a byte of the partition's RAM; returns whether it is the partition's.
    #[inline]
    pub fn write_u8(&self, address: u64, value: u8) -> bool {
        if !self.partition.is_ram(address, 1) {
            return false;
        }
        // SAFETY: as in `read_u8`.
        unsafe {
            asm!(
                "csrs mstatus, {modify}",
                "sb {value}, 0({address})",
                "csrc mstatus, {modify}",
                modify = in(reg) status::MPRV,
                address = in(reg) address,
                value = in(reg) u64::from(value),
                options(nostack, preserves_flags)
            );
        }
        true
    }

    /// Writes 8 bytes, at a multiple of 8, of the partition's RAM; returns whether they are the partition's.
    #[inline(never)]
    pub fn write_u64(&self, address: u64, value: u64) -> bool {
        if !address.is_multiple_of(8) || !self.partition.is_ram(address, 8) {
            return false;
        }
        // SAFETY: as in `read_u8`.
        unsafe {
            asm!(
                "csrs mstatus, {modify}",
                "sd {value}, 0({address})",
                "csrc mstatus, {modify}",
                modify = in(reg) status::MPRV,
                address = in(reg) address,
                value = in(reg) value,
                options(nostack, preserves_flags)
            );
        }
        true
    }
}

impl Physical<'_> {
    /// Reads whole words of the partition's RAM from `address`, a multiple of 8; returns whether they all
    /// are the partition's.
    pub fn read_words(&self, address: u64, words: &mut [u64]) -> bool {
        if !self.partition.is_ram(address, 8 * words.len() as u64) {
            return false;
        }
        let mut address = address;
        let (eights, rest) = words.as_chunks_mut::<8>();
        for eight in eights {
            let [a, b, c, d, e, f, g, h] = eight;
            // SAFETY: as in `read_u8`; the words go through registers, as the monitor's own memory is out
            // of reach under MPRV.
            unsafe {
                asm!(
                    "csrs mstatus, {modify}",
                    "ld {a}, 0({address})",
                    "ld {b}, 8({address})",
                    "ld {c}, 16({address})",
                    "ld {d}, 24({address})",
                    "ld {e}, 32({address})",
                    "ld {f}, 40({address})",
                    "ld {g}, 48({address})",
                    "ld {h}, 56({address})",
                    "csrc mstatus, {modify}",
                    modify = in(reg) status::MPRV,
                    address = in(reg) address,
                    a = out(reg) *a,
                    b = out(reg) *b,
                    c = out(reg) *c,
                    d = out(reg) *d,
                    e = out(reg) *e,
                    f = out(reg) *f,
                    g = out(reg) *g,
                    h = out(reg) *h,
                    options(nostack, preserves_flags)
                );
            }
            address = address.wrapping_add(64);
        }
        for word in rest {
            *word = self.read_u64(address).unwrap_or(0);
            address = address.wrapping_add(8);
        }
        true
    }
}

impl TableMemory for Physical<'_> {
    #[inline(always)]
    fn read_u64(&self, physical: u64) -> Option<u64> {
        if !self.partition.is_ram(physical, 8) {
            return None;
        }
        let value: u64;
        // SAFETY: as in `read_u8`; the walker aligns the address to 8.
        unsafe {
            asm!(
                "csrs mstatus, {modify}",
                "ld {value}, 0({address})",
                "csrc mstatus, {modify}",
                modify = in(reg) status::MPRV,
                address = in(reg) physical,
                value = out(reg) value,
                options(nostack, preserves_flags)
            );
        }
        Some(value)
    }

    #[inline(always)]
    fn entries_hold(&self, reads: &[EntryRead; MAXIMUM_LEVELS]) -> bool {
        let changed: u64;
        // SAFETY: as in `read_u64`; every position was read there before. The monitor's own memory is
        // out of reach under MPRV, so what was read is fetched into registers first.
        unsafe {
            asm!(
                "ld {a}, 0({reads})",
                "ld {b}, 16({reads})",
                "ld {c}, 32({reads})",
                "ld {d}, 48({reads})",
                "ld {e}, 64({reads})",
                "csrs mstatus, {modify}",
                "ld {a}, 0({a})",
                "ld {b}, 0({b})",
                "ld {c}, 0({c})",
                "ld {d}, 0({d})",
                "ld {e}, 0({e})",
                "csrc mstatus, {modify}",
                "ld {modify}, 8({reads})",
                "xor {a}, {a}, {modify}",
                "ld {modify}, 24({reads})",
                "xor {b}, {b}, {modify}",
                "or {a}, {a}, {b}",
                "ld {modify}, 40({reads})",
                "xor {c}, {c}, {modify}",
                "or {a}, {a}, {c}",
                "ld {modify}, 56({reads})",
                "xor {d}, {d}, {modify}",
                "or {a}, {a}, {d}",
                "ld {modify}, 72({reads})",
                "xor {e}, {e}, {modify}",
                "or {a}, {a}, {e}",
                modify = inout(reg) status::MPRV => _,
                reads = in(reg) reads.as_ptr(),
                a = out(reg) changed,
                b = out(reg) _,
                c = out(reg) _,
                d = out(reg) _,
                e = out(reg) _,
                options(nostack, preserves_flags)
            );
        }
        changed == 0
    }
}

impl Drop for Physical<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        csr::write!("satp", self.satp);
    }
}

/// The instruction at a virtual address of the partition that runs, read through the partition's own
/// translation; `None` if that faults, as it can when another hart of the partition changes a table.
/// Of a compressed instruction the upper half is undefined.
#[inline(always)]
pub fn fetch(address: u64) -> Option<u32> {
    let value: u64;
    let failed: u64;
    // SAFETY: the loads are made with the partition's rights. A fault in one lands behind them, and
    // the state that a trap changes (`mepc`, `mstatus`) is put back; the vector is restored either way.
    // Aligned words do not cross a page; an instruction that is not aligned is read in halves, the
    // second one only if there is one.
    unsafe {
        asm!(
            "csrr  {counter}, mepc",
            "csrr  {status}, mstatus",
            "la    {vector}, 2f",
            "csrrw {vector}, mtvec, {vector}",
            "li    {failed}, 1",
            "csrs  mstatus, {modify}",
            "andi  {half}, {address}, 2",
            "bnez  {half}, 3f",
            "lwu   {value}, 0({address})",
            "4:",
            "li    {failed}, 0",
            "j     2f",
            "3:",
            "lhu   {value}, 0({address})",
            "andi  {half}, {value}, 3",
            "addi  {half}, {half}, -3",
            "bnez  {half}, 4b",
            "lhu   {half}, 2({address})",
            "slli  {half}, {half}, 16",
            "or    {value}, {value}, {half}",
            "j     4b",
            ".balign 4",
            "2:",
            "csrw  mstatus, {status}",
            "csrw  mepc, {counter}",
            "csrw  mtvec, {vector}",
            counter = out(reg) _,
            status = out(reg) _,
            vector = out(reg) _,
            half = out(reg) _,
            failed = out(reg) failed,
            modify = in(reg) status::MPRV | status::MXR,
            address = in(reg) address & !1,
            value = out(reg) value,
            options(nostack)
        );
    }
    if failed == 0 {
        Some(value as u32)
    } else {
        None
    }
}
