//! Images for the tests, made byte by byte, and a folder to load manifests from.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use partita_abi::image::CRASH_BYTES;
use partita_abi::table::SystemTable;
use partita_board::{Board, Window};
use partita_monitor_core::check::{BoardLimits, Flaw, Reserved, Secure, check};
use std::fs;
use std::path::{Path, PathBuf};
use zerocopy::IntoBytes;

/// ELF types and machines that the tests use.
pub const ET_REL: u16 = 1;
pub const ET_EXEC: u16 = 2;
pub const ET_DYN: u16 = 3;
pub const EM_RISCV: u16 = 243;
pub const EM_X86_64: u16 = 62;
pub const EM_AARCH64: u16 = 183;

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const HEADER_BYTES: usize = 64;
const PROGRAM_HEADER_BYTES: usize = 56;

/// A segment of a test program.
pub struct Segment {
    kind: u32,
    flags: u32,
    address: u64,
    bytes: Vec<u8>,
    memory: u64,
}

/// An ELF file under construction.
pub struct Elf {
    pub kind: u16,
    pub machine: u16,
    pub entry: u64,
    pub segments: Vec<Segment>,
}

impl Elf {
    /// A static position-independent program: 4 KiB of code, and data with one relocation.
    pub fn relocatable() -> Self {
        let mut elf = Self {
            kind: ET_DYN,
            machine: EM_RISCV,
            entry: 0x10,
            segments: Vec::new(),
        };
        elf.load(5, 0, vec![0x13; 0x1000], 0x1000);
        elf
    }

    /// A program for a fixed address.
    pub fn fixed(address: u64) -> Self {
        let mut elf = Self {
            kind: ET_EXEC,
            machine: EM_RISCV,
            entry: address,
            segments: Vec::new(),
        };
        elf.load(5, address, vec![0x13; 0x100], 0x100);
        elf
    }

    /// Adds a loadable segment.
    pub fn load(&mut self, flags: u32, address: u64, bytes: Vec<u8>, memory: u64) {
        self.segment(PT_LOAD, flags, address, bytes, memory);
    }

    fn segment(&mut self, kind: u32, flags: u32, address: u64, bytes: Vec<u8>, memory: u64) {
        self.segments.push(Segment {
            kind,
            flags,
            address,
            bytes,
            memory,
        });
    }

    /// Adds the path of a dynamic linker.
    pub fn interpreter(&mut self) {
        self.segment(PT_INTERP, 4, 0, b"/lib/ld.so\0".to_vec(), 11);
    }

    /// Adds a data segment at `address` with a relocation table, of (address, type, addend), and
    /// the dynamic section that names it, and `extra` dynamic entries.
    pub fn relocate(&mut self, address: u64, entries: &[(u64, u64, u64)], extra: &[(u64, u64)]) {
        let table: Vec<u8> = entries
            .iter()
            .flat_map(|(address, kind, addend)| [*address, *kind, *addend])
            .flat_map(u64::to_le_bytes)
            .collect();
        let mut dynamic = extra.to_vec();
        dynamic.extend([(7, address), (8, table.len() as u64), (9, 24), (0, 0)]);
        let dynamic: Vec<u8> = dynamic
            .iter()
            .flat_map(|(tag, value)| [*tag, *value])
            .flat_map(u64::to_le_bytes)
            .collect();
        let dynamic_size = dynamic.len() as u64;
        let table_size = table.len() as u64;
        self.load(6, address, table, table_size);
        self.segment(PT_DYNAMIC, 6, address + table_size, dynamic, dynamic_size);
    }

    /// The file.
    pub fn build(&self) -> Vec<u8> {
        let mut offset = HEADER_BYTES + PROGRAM_HEADER_BYTES * self.segments.len();
        let mut file = Vec::new();
        file.extend(*b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
        file.extend(self.kind.to_le_bytes());
        file.extend(self.machine.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        file.extend(self.entry.to_le_bytes());
        file.extend((HEADER_BYTES as u64).to_le_bytes());
        file.extend(0u64.to_le_bytes());
        file.extend(0u32.to_le_bytes());
        file.extend((HEADER_BYTES as u16).to_le_bytes());
        file.extend((PROGRAM_HEADER_BYTES as u16).to_le_bytes());
        file.extend((self.segments.len() as u16).to_le_bytes());
        file.extend([0; 6]);
        for segment in &self.segments {
            file.extend(segment.kind.to_le_bytes());
            file.extend(segment.flags.to_le_bytes());
            file.extend((offset as u64).to_le_bytes());
            file.extend(segment.address.to_le_bytes());
            file.extend(segment.address.to_le_bytes());
            file.extend((segment.bytes.len() as u64).to_le_bytes());
            file.extend(segment.memory.to_le_bytes());
            file.extend(0x1000u64.to_le_bytes());
            offset += segment.bytes.len();
        }
        for segment in &self.segments {
            file.extend(&segment.bytes);
        }
        file
    }
}

/// A Linux kernel of `file` bytes that occupies `image` bytes of memory.
pub fn kernel(file: usize, image: u64) -> Vec<u8> {
    let mut kernel = vec![0x55; file];
    kernel[0x08..0x10].copy_from_slice(&0x20_0000u64.to_le_bytes());
    kernel[0x10..0x18].copy_from_slice(&image.to_le_bytes());
    kernel[0x38..0x3c].copy_from_slice(b"RSC\x05");
    kernel
}

/// A Linux kernel for 64-bit Arm of `file` bytes that occupies `image` bytes of memory.
pub fn arm_kernel(file: usize, image: u64) -> Vec<u8> {
    let mut kernel = kernel(file, image);
    kernel[0x08..0x10].copy_from_slice(&0u64.to_le_bytes());
    kernel[0x38..0x3c].copy_from_slice(b"ARM\x64");
    kernel
}

/// A fresh folder for a test, with the images that test manifests name.
pub fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in images() {
        fs::write(folder.join(name), bytes).unwrap();
    }
    folder
}

/// Every image that test manifests name.
fn images() -> Vec<(&'static str, Vec<u8>)> {
    let program = Elf::relocatable();
    let mut big = Elf::relocatable();
    big.load(6, 0x1000, vec![1; 0x10], 0x20_0000);
    let mut relocated = Elf::relocatable();
    relocated.load(6, 0x2000, vec![0; 0x20], 0x40);
    relocated.relocate(0x3000, &[(0x2008, 3, 0x123)], &[]);
    let mut absolute = Elf::relocatable();
    absolute.relocate(0x3000, &[(0x8, 2, 0x123)], &[]);
    let mut dynamic = Elf::relocatable();
    dynamic.interpreter();
    let mut needed = Elf::relocatable();
    needed.relocate(0x3000, &[], &[(1, 0)]);
    let mut scattered = Elf::relocatable();
    for index in 1..=16 {
        scattered.load(6, index * 0x10_0000, vec![1; 8], 8);
    }
    let mut overlapping = Elf::relocatable();
    overlapping.load(6, 0x800, vec![1; 8], 8);
    let mut outside_entry = Elf::relocatable();
    outside_entry.entry = 0x10_0000;
    let mut odd_entry = Elf::relocatable();
    odd_entry.entry = 0x11;
    let mut object = Elf::relocatable();
    object.kind = ET_REL;
    let mut foreign = Elf::relocatable();
    foreign.machine = EM_X86_64;
    let mut narrow = Elf::relocatable().build();
    narrow[4] = 1;
    let empty = Elf {
        segments: Vec::new(),
        ..Elf::relocatable()
    };
    let mut arm = Elf::relocatable();
    arm.machine = EM_AARCH64;
    let mut arm_fixed = Elf::fixed(0x4000_0000);
    arm_fixed.machine = EM_AARCH64;
    let mut arm_relocated = Elf::relocatable();
    arm_relocated.machine = EM_AARCH64;
    arm_relocated.load(6, 0x2000, vec![0; 0x20], 0x40);
    arm_relocated.relocate(0x3000, &[(0x2008, 1027, 0x123)], &[]);
    let mut shrunk = kernel(0x1000, 0x1000);
    shrunk[0x10..0x18].copy_from_slice(&0x10u64.to_le_bytes());
    vec![
        ("program.elf", program.build()),
        ("big.elf", big.build()),
        ("relocated.elf", relocated.build()),
        ("absolute.elf", absolute.build()),
        ("dynamic.elf", dynamic.build()),
        ("needed.elf", needed.build()),
        ("scattered.elf", scattered.build()),
        ("overlapping.elf", overlapping.build()),
        ("outside-entry.elf", outside_entry.build()),
        ("odd-entry.elf", odd_entry.build()),
        ("object.elf", object.build()),
        ("x86.elf", foreign.build()),
        ("narrow.elf", narrow),
        ("empty.elf", empty.build()),
        ("fixed.elf", Elf::fixed(0x9000_0000).build()),
        ("cut.elf", program.build()[..0x100].to_vec()),
        ("text.elf", b"not an ELF file".to_vec()),
        ("Image", kernel(0x1000, 0x5_0000)),
        ("Image.gz", b"\x1f\x8b\x08\0compressed".to_vec()),
        ("Image.shrunk", shrunk),
        ("program-riscv64.elf", program.build()),
        ("relocated-riscv64.elf", relocated.build()),
        ("program-aarch64.elf", arm.build()),
        ("fixed-aarch64.elf", arm_fixed.build()),
        ("relocated-aarch64.elf", arm_relocated.build()),
        ("Image-riscv64", kernel(0x1000, 0x5_0000)),
        ("Image-aarch64", arm_kernel(0x1000, 0x5_0000)),
        ("initramfs.cpio", vec![0x77; 0x1234]),
    ]
}

/// What the monitor's own check says of a table for a board with secure memory.
pub fn checked(table: &[u8], board: &Board) -> Result<(), Flaw> {
    let mut words = vec![0_u64; table.len().div_ceil(8)];
    words.as_mut_bytes()[..table.len()].copy_from_slice(table);
    let table = SystemTable::parse(&words.as_bytes()[..table.len()]).unwrap();
    let arm = board.architecture.aarch64().unwrap();
    let secure = board.secure.unwrap();
    let reserve = |window: Window| Reserved {
        base: window.base,
        size: window.size,
    };
    let mut reserved: Vec<_> = arm.gic.windows().map(reserve).to_vec();
    reserved.extend([secure.flash, secure.monitor, secure.programs].map(reserve));
    reserved.extend([board.uart.window, board.finisher.window].map(reserve));
    reserved.extend(secure.images_device.map(reserve));
    check(
        &table,
        &BoardLimits {
            name: board.name,
            ram_base: board.ram_base,
            image_base: board.image_base,
            secure: Some(Secure {
                image_end: secure.flash.base + secure.flash.size,
                crash_base: secure.monitor.base + secure.monitor.size - CRASH_BYTES,
                programs: reserve(secure.programs),
                stage_2: Some(reserve(arm.stage_2)),
                linux_is_fetched: secure.images_device.is_some(),
            }),
            first_core: board.first_core as u16,
            lines: arm.gic.lines,
            console_line: board.uart.line,
            reserved: &reserved,
            controller: reserve(arm.gic.distributor),
            streams: arm.iommu.map_or(0, |iommu| iommu.streams),
        },
    )
}
