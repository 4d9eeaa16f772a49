//! Packing: where things end up, and what is refused.

use partita_abi::image::{RUN_PARAMETERS_OFFSET, RunParameters, STORE_OFFSET, TABLE_OFFSET};
use partita_board::{QEMU_VIRT_AARCH64, QEMU_VIRT_RISCV64};
use partita_image::{ImageError, Monitor, Piece, SystemImage, assemble};

const RAM: u64 = 0x8000_0000;
const RAM_END: u64 = RAM + 0x1000_0000;
const RISC_V: u16 = 243;
const AARCH64: u16 = 183;
const WRITABLE: u64 = 1;
const ALLOCATED: u64 = 2;

/// A segment of a generated ELF file, which gets one section of the same size.
struct Segment {
    address: u64,
    content: Vec<u8>,
    size: u64,
    section_flags: u64,
}

fn segment(address: u64, content: &[u8], size: u64, section_flags: u64) -> Segment {
    Segment {
        address,
        content: content.to_vec(),
        size,
        section_flags,
    }
}

/// An ELF file for a 64-bit machine.
fn elf(machine: u16, entry: u64, segments: &[Segment]) -> Vec<u8> {
    let count = segments.len();
    let content_start = 64 + 56 * count;
    let content: usize = segments.iter().map(|segment| segment.content.len()).sum();
    let mut file = Elf(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec());
    file.halves(&[2, machine]).words(&[1]);
    file.longs(&[entry, 64, (content_start + content) as u64])
        .words(&[0]);
    file.halves(&[64, 56, count as u16, 64, count as u16 + 2, count as u16 + 1]);
    let mut offset = content_start as u64;
    for Segment {
        address,
        content,
        size,
        ..
    } in segments
    {
        let bytes = content.len() as u64;
        file.words(&[1, 7])
            .longs(&[offset, *address, *address, bytes, *size, 0x1000]);
        offset += bytes;
    }
    segments
        .iter()
        .for_each(|segment| file.0.extend(&segment.content));
    file.0.extend([0; 64]);
    for Segment {
        address,
        size,
        section_flags,
        ..
    } in segments
    {
        // No bits in the file: only the size counts here.
        file.words(&[0, 8])
            .longs(&[*section_flags, *address, 0, *size]);
        file.words(&[0, 0]).longs(&[1, 0]);
    }
    // The names of the sections: one zero byte, as the header has some.
    file.words(&[0, 3])
        .longs(&[0, 0, 8, 1])
        .words(&[0, 0])
        .longs(&[1, 0]);
    file.0
}

/// Little-endian numbers, one behind the other.
struct Elf(Vec<u8>);

impl Elf {
    fn halves(&mut self, values: &[u16]) -> &mut Self {
        values
            .iter()
            .for_each(|value| self.0.extend(value.to_le_bytes()));
        self
    }

    fn words(&mut self, values: &[u32]) -> &mut Self {
        values
            .iter()
            .for_each(|value| self.0.extend(value.to_le_bytes()));
        self
    }

    fn longs(&mut self, values: &[u64]) -> &mut Self {
        values
            .iter()
            .for_each(|value| self.0.extend(value.to_le_bytes()));
        self
    }
}

fn text() -> Segment {
    segment(RAM, b"text", 4, ALLOCATED)
}

fn monitor() -> Monitor {
    let data = segment(RAM + 0x1000, b"data", 0x100, ALLOCATED | WRITABLE);
    let stacks = segment(RAM + 0x12_0000, b"", 0x4000, ALLOCATED | WRITABLE);
    Monitor::parse(
        &elf(RISC_V, RAM, &[text(), data, stacks]),
        &QEMU_VIRT_RISCV64,
    )
    .unwrap()
}

fn piece(name: &str, address: u64, bytes: &'static [u8]) -> Piece<'static> {
    Piece {
        name: name.to_owned(),
        address,
        bytes,
        digest: partita_abi::digest::digest(bytes),
    }
}

fn pack(pieces: Vec<Piece<'static>>) -> Result<SystemImage, ImageError> {
    assemble(&monitor(), RAM..RAM_END, b"table", pieces)
}

fn at(image: &SystemImage, offset: u64, length: usize) -> &[u8] {
    &image.bytes()[offset as usize..][..length]
}

#[test]
fn everything_lies_where_the_contract_says() {
    let store = RAM + STORE_OFFSET;
    let image = pack(vec![
        piece("b", store + 64, b"second"),
        piece("a", store, b"first"),
    ])
    .unwrap();
    assert_eq!(at(&image, 0, 4), b"text");
    assert_eq!(at(&image, 0x1000, 8), b"data\0\0\0\0");
    assert_eq!(at(&image, TABLE_OFFSET, 6), b"table\0");
    assert_eq!(at(&image, RUN_PARAMETERS_OFFSET, 16), [0; 16]);
    assert_eq!(at(&image, STORE_OFFSET, 5), b"first");
    assert_eq!(at(&image, STORE_OFFSET + 64, 6), b"second");
    assert_eq!(image.bytes().len() as u64, STORE_OFFSET + 64 + 6);
    assert_eq!(image.monitor_text_bytes(), 4);
    assert_eq!(image.monitor_data_bytes(), 0x100 + 0x4000);
}

#[test]
fn run_parameters_change_nothing_else() {
    let before = pack(vec![]).unwrap();
    let mut after = before.clone();
    after.with_run_parameters(RunParameters {
        magic: RunParameters::MAGIC,
        end_ns: 258,
    });
    assert_eq!(at(&after, RUN_PARAMETERS_OFFSET, 8), RunParameters::MAGIC);
    assert_eq!(at(&after, RUN_PARAMETERS_OFFSET + 8, 3), [2, 1, 0]);
    let start = RUN_PARAMETERS_OFFSET as usize;
    assert_eq!(before.bytes()[..start], after.bytes()[..start]);
    assert_eq!(before.bytes()[start + 16..], after.bytes()[start + 16..]);
}

#[test]
fn the_text_names_every_piece_with_its_address_and_hash() {
    let text = pack(vec![piece("linux: kernel", RAM + STORE_OFFSET, b"kernel")]).unwrap();
    let text = text.to_string();
    let line = text
        .lines()
        .find(|line| line.contains("linux: kernel"))
        .unwrap();
    // What `printf kernel | b2sum -l 256` prints.
    let hash = "61b08010c7db75b199734e5526f6b478087a92e58b436ce6214f1e7278835b2d";
    assert!(
        line.contains("0x80200000") && line.ends_with(hash),
        "{line}"
    );
}

#[test]
fn a_monitor_for_another_place_or_machine_is_refused() {
    let parse = |file: &[u8]| Monitor::parse(file, &QEMU_VIRT_RISCV64).unwrap_err();
    assert!(matches!(parse(b"no elf"), ImageError::Elf(_)));
    assert!(matches!(
        parse(&elf(62, RAM, &[text()])),
        ImageError::Machine { .. }
    ));
    let entry = parse(&elf(RISC_V, RAM + 4, &[text()]));
    assert!(
        matches!(
            entry,
            ImageError::Start {
                found: 0x8000_0004,
                ..
            }
        ),
        "{entry}"
    );
    let low = segment(RAM - 0x1000, b"low", 3, ALLOCATED);
    assert!(matches!(
        parse(&elf(RISC_V, RAM, &[low, text()])),
        ImageError::Start { .. }
    ));
    let nothing = parse(&elf(RISC_V, RAM, &[]));
    assert!(
        matches!(nothing, ImageError::Start { found: 0, .. }),
        "{nothing}"
    );
}

#[test]
fn a_monitor_that_reaches_into_others_places_is_refused() {
    for (address, content, size) in [
        (RAM + TABLE_OFFSET - 4, &b"12345"[..], 5),
        (RAM + TABLE_OFFSET - 4, b"", 5),
        (RAM + TABLE_OFFSET, b"x", 1),
        (RAM + RUN_PARAMETERS_OFFSET, b"", 8),
        (RAM + 0x12_0000, b"x", 1),
        (RAM + STORE_OFFSET - 4, b"", 5),
        (RAM + 0x2000, b"", u64::MAX - RAM),
    ] {
        let bad = segment(address, content, size, ALLOCATED | WRITABLE);
        let error =
            Monitor::parse(&elf(RISC_V, RAM, &[text(), bad]), &QEMU_VIRT_RISCV64).unwrap_err();
        assert!(
            matches!(error, ImageError::MonitorOverlap { .. }),
            "{address:#x}: {error}"
        );
    }
}

#[test]
fn a_piece_out_of_place_is_refused() {
    let store = RAM + STORE_OFFSET;
    let error = |pieces| pack(pieces).unwrap_err();
    let below = error(vec![piece("a", store - 64, b"x")]);
    assert!(matches!(below, ImageError::OutsideStore { .. }), "{below}");
    let above = error(vec![piece("a", RAM_END, b"x")]);
    assert!(matches!(above, ImageError::OutsideStore { .. }), "{above}");
    let crooked = error(vec![piece("a", store + 1, b"x")]);
    assert!(
        matches!(crooked, ImageError::Misaligned { .. }),
        "{crooked}"
    );
    let both = error(vec![piece("b", store, b"x"), piece("a", store, b"x")]);
    assert!(matches!(both, ImageError::Overlap { .. }), "{both}");
    let wrong = Piece {
        digest: [0; 32],
        ..piece("a", store, b"x")
    };
    assert!(matches!(error(vec![wrong]), ImageError::Hash(name) if name == "a"));
}

#[test]
fn a_table_that_does_not_fit_is_refused() {
    let table = vec![0; 0x1_0001];
    let error = assemble(&monitor(), RAM..RAM_END, &table, []).unwrap_err();
    assert!(matches!(error, ImageError::TableTooLarge { .. }), "{error}");
}

#[test]
fn a_monitor_for_flash_takes_no_more_of_it_than_its_bytes() {
    let text = segment(0, &[0x11; 0x2000], 0x2000, ALLOCATED);
    let data = segment(0x2000, &[0x22; 0x100], 0x8000, ALLOCATED | WRITABLE);
    // Zeroed data is in another memory, and in no file.
    let stacks = segment(0xe00_8000, &[], 0x8_0000, ALLOCATED | WRITABLE);
    let file = elf(AARCH64, 0, &[text, data, stacks]);
    let monitor = Monitor::parse(&file, &QEMU_VIRT_AARCH64).unwrap();
    assert_eq!(monitor.bytes.len(), 0x2100);
    assert_eq!(monitor.bytes[0x2000], 0x22);
    let piece = Piece {
        name: "kernel".to_owned(),
        address: STORE_OFFSET,
        bytes: b"kernel",
        digest: partita_abi::digest::digest(b"kernel"),
    };
    let image = assemble(&monitor, 0..0x400_0000, b"table", [piece]).unwrap();
    assert_eq!(image.load_address(), 0);
    assert_eq!(&image.bytes()[STORE_OFFSET as usize..], b"kernel");
}

#[test]
fn a_monitor_of_another_architecture_is_refused() {
    let error = Monitor::parse(&elf(AARCH64, RAM, &[text()]), &QEMU_VIRT_RISCV64).unwrap_err();
    assert!(
        error.to_string().contains("not for 64-bit RISC-V"),
        "{error}"
    );
    let error = Monitor::parse(&elf(RISC_V, 0, &[text()]), &QEMU_VIRT_AARCH64).unwrap_err();
    assert!(error.to_string().contains("not for 64-bit Arm"), "{error}");
}
