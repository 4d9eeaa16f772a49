//! Makes a flat image, as a Linux partition takes it, of a position-independent program.

use partita_board::Architecture;

/// Where the program starts in the image; the header is before it.
const PROGRAM_AT: usize = 0x1000;
/// Room for the program's zeroed data.
const IMAGE_SIZE: u64 = 1 << 20;
/// Program header and dynamic tag types (System V ABI, chapter 5), and the one relocation here of each architecture.
const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const DT_RELA: u64 = 7;
const DT_RELASZ: u64 = 8;
const R_RISCV_RELATIVE: u64 = 3;
const R_AARCH64_RELATIVE: u64 = 1027;

fn number(bytes: &[u8], at: u64, length: usize) -> u64 {
    let at = usize::try_from(at).expect("an offset in the file");
    let mut number = [0; 8];
    number[..length].copy_from_slice(&bytes[at..at + length]);
    u64::from_le_bytes(number)
}

/// The program `elf`, relocated for an image that is loaded at `base`, behind the header of a Linux
/// image (Linux, `Documentation/arch/riscv/boot-image-header.rst` and `Documentation/arch/arm64/booting.rst`).
pub(crate) fn flat(elf: &[u8], base: u64, architecture: &Architecture) -> Vec<u8> {
    let relative = match architecture {
        Architecture::Riscv64(_) => R_RISCV_RELATIVE,
        Architecture::Aarch64(_) => R_AARCH64_RELATIVE,
    };
    let (table, count) = (number(elf, 0x20, 8), number(elf, 0x38, 2));
    let headers: Vec<_> = (0..count).map(|index| table + 0x38 * index).collect();
    let mut image = vec![0; IMAGE_SIZE as usize];
    for &header in headers.iter().filter(|at| number(elf, **at, 4) == PT_LOAD) {
        let [offset, address, size] =
            [0x08, 0x10, 0x20].map(|at| number(elf, header + at, 8) as usize);
        let place = PROGRAM_AT + address;
        image[place..place + size].copy_from_slice(&elf[offset..offset + size]);
    }
    let (mut relocations, mut bytes) = (0, 0);
    for &header in headers
        .iter()
        .filter(|at| number(elf, **at, 4) == PT_DYNAMIC)
    {
        let [offset, size] = [0x08, 0x20].map(|at| number(elf, header + at, 8));
        for entry in (offset..offset + size).step_by(16) {
            match number(elf, entry, 8) {
                DT_RELA => relocations = number(elf, entry + 8, 8),
                DT_RELASZ => bytes = number(elf, entry + 8, 8),
                _ => {}
            }
        }
    }
    let program = base + PROGRAM_AT as u64;
    for entry in (0..bytes)
        .step_by(24)
        .map(|at| PROGRAM_AT as u64 + relocations + at)
    {
        let [place, kind, addend] = [0, 8, 16].map(|at| number(&image, entry + at, 8));
        assert_eq!(kind, relative, "the program is position independent");
        let place = PROGRAM_AT + place as usize;
        image[place..place + 8].copy_from_slice(&program.wrapping_add(addend).to_le_bytes());
    }
    let entry = PROGRAM_AT as u32 + number(elf, 0x18, 8) as u32;
    let (jump, magic) = match architecture {
        // `jal zero, entry` in the immediate's order of an unconditional jump (unprivileged, chapter 2.5).
        Architecture::Riscv64(_) => (
            (entry & 0x7fe) << 20 | (entry & 0x800) << 9 | entry & 0xf_f000 | 0x6f,
            b"RSC\x05",
        ),
        // `b entry` (DDI 0487, C6.2.26).
        Architecture::Aarch64(_) => (0x1400_0000 | entry >> 2, b"ARM\x64"),
    };
    image[..4].copy_from_slice(&jump.to_le_bytes());
    image[0x10..0x18].copy_from_slice(&IMAGE_SIZE.to_le_bytes());
    image[0x38..0x3c].copy_from_slice(magic);
    // What is behind is zero anyway.
    let end = image.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
    image.truncate(end.next_multiple_of(0x1000));
    image
}
