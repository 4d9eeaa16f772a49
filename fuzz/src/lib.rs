//! What several fuzz targets need.

use partita_abi::image::CRASH_BYTES;
use partita_board::{Architecture, Board, Window};
use partita_monitor_core::check::{BoardLimits, Reserved, Secure};
use std::fs;
use std::path::PathBuf;

/// A folder of a target's own, with images that a manifest can name.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes it, with `program.elf`, `kernel` and `initramfs.cpio` in it.
    pub fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("partita-fuzz-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for temporary files");
        let folder = Self(folder);
        folder.write("program.elf", &program());
        folder.write("kernel", &kernel());
        folder.write("initramfs.cpio", &[0x77; 100]);
        folder
    }

    /// Writes a file and returns its path.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).expect("a temporary file");
        path
    }
}

/// A static position-independent program of sixteen bytes (System V ABI, "Object Files").
fn program() -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([3, 0, 243, 0, 1, 0, 0, 0]);
    for word in [0_u64, 64, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    file.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    for word in [120_u64, 0, 0, 16, 16, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.extend([0x13; 16]);
    file
}

/// The header of a Linux kernel (Linux, `Documentation/arch/riscv/boot-image-header.rst`).
fn kernel() -> Vec<u8> {
    let mut file = vec![0; 64];
    file[0x08..0x10].copy_from_slice(&0x20_0000_u64.to_le_bytes());
    file[0x10..0x18].copy_from_slice(&0x1000_u64.to_le_bytes());
    file[0x38..0x3c].copy_from_slice(b"RSC\x05");
    file
}

/// What the monitor's check has to know of a board.
pub fn limits<T>(board: &Board, check: impl FnOnce(&BoardLimits<'_>) -> T) -> T {
    const NONE: Window = Window { base: 0, size: 0 };
    let reserve = |window: Window| Reserved {
        base: window.base & !0xfff,
        size: window.size.next_multiple_of(0x1000),
    };
    let (controllers, lines, reachable) = match &board.architecture {
        Architecture::Riscv64(riscv) => (
            [riscv.aclint, NONE, NONE, NONE],
            riscv.controller.lines(),
            riscv.controller.window(),
        ),
        Architecture::Aarch64(arm) => (arm.gic.windows(), arm.gic.lines, NONE),
    };
    let (flash, monitor) = board
        .secure
        .map_or((NONE, NONE), |memory| (memory.flash, memory.monitor));
    let end = |window: Window| window.base + window.size;
    let mut reserved = vec![board.uart.window, board.finisher.window, flash, monitor];
    reserved.extend(controllers);
    reserved.extend(board.secure.and_then(|memory| memory.images_device));
    let reserved: Vec<_> = reserved.into_iter().map(reserve).collect();
    check(&BoardLimits {
        name: board.name,
        ram_base: board.ram_base,
        image_base: board.image_base,
        secure: board.secure.map(|memory| Secure {
            image_end: end(memory.flash),
            crash_base: end(memory.monitor) - CRASH_BYTES,
            programs: reserve(memory.programs),
            stage_2: board
                .architecture
                .aarch64()
                .map(|arm| arm.stage_2)
                .map(reserve),
            linux_is_fetched: memory.images_device.is_some(),
        }),
        first_core: board.first_core as u16,
        lines,
        console_line: board.uart.line,
        reserved: &reserved,
        controller: reserve(reachable),
        streams: board
            .architecture
            .aarch64()
            .and_then(|arm| arm.iommu)
            .map_or(0, |iommu| iommu.streams),
    })
}
