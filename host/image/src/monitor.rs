//! The monitor's ELF file, reduced to what goes into an image.

use crate::ImageError;
use object::read::elf::{ElfFile64, FileHeader as _, ProgramHeader as _};
use object::{LittleEndian, Object as _, ObjectSection as _, elf};
use partita_abi::image::{SIGNATURE_OFFSET, STORE_OFFSET, TABLE_OFFSET};
use partita_board::{Architecture, Board};
use std::ops::Range;

/// End of the page that holds the signature, behind that of the run parameters, as an offset in the image.
const SIGNATURE_END: u64 = SIGNATURE_OFFSET + 0x1000;

/// A monitor that has its place at the start of a board's system image.
#[derive(Clone, Debug)]
pub struct Monitor {
    /// Its bytes, from the start of the image on.
    pub bytes: Vec<u8>,
    /// Bytes of its text and read-only data.
    pub text_bytes: u64,
    /// Bytes of its data, zeroed data and stacks.
    pub data_bytes: u64,
}

impl Monitor {
    /// Reads and checks the ELF file of the monitor of a board.
    ///
    /// # Errors
    /// It cannot be read, is for another machine, or lies where something else belongs.
    pub fn parse(file: &[u8], board: &Board) -> Result<Self, ImageError> {
        let base_of_image = board.image_base;
        let (wanted, name) = match board.architecture {
            Architecture::Riscv64(_) => (elf::EM_RISCV, "64-bit RISC-V"),
            Architecture::Aarch64(_) => (elf::EM_AARCH64, "64-bit Arm"),
        };
        let other = |found| ImageError::Machine {
            found,
            wanted: name,
        };
        if let Ok(kind) = object::FileKind::parse(file)
            && kind != object::FileKind::Elf64
        {
            return Err(other(format!("{kind:?}")));
        }
        let elf = ElfFile64::<LittleEndian>::parse(file)?;
        let header = elf.elf_header();
        let machine = header.e_machine(LittleEndian);
        if machine != wanted {
            return Err(other(format!("machine {machine:?}")));
        }
        let at_start = |found| {
            if found == base_of_image {
                Ok(())
            } else {
                Err(ImageError::Start {
                    found,
                    expected: base_of_image,
                })
            }
        };
        at_start(elf.entry())?;
        let mut bytes = Vec::new();
        let mut lowest = None;
        for segment in elf.elf_program_headers() {
            let size = segment.p_memsz(LittleEndian);
            if segment.p_type(LittleEndian) != elf::PT_LOAD || size == 0 {
                continue;
            }
            // Data may have its first values elsewhere; zeroed data has none.
            let base = match segment.p_filesz(LittleEndian) {
                0 => segment.p_vaddr(LittleEndian),
                _ => segment.p_paddr(LittleEndian),
            };
            // Zeroed data in a memory of its own is in no file.
            if segment.p_filesz(LittleEndian) == 0 && board.secure.is_some() {
                continue;
            }
            lowest = Some(lowest.map_or(base, |lowest: u64| lowest.min(base)));
            if base < base_of_image {
                break;
            }
            let content = segment
                .data(LittleEndian, file)
                .map_err(|()| other("a file that is cut short".to_owned()))?;
            // Where the image is read-only, a segment takes no more of it than its bytes.
            let size = match board.secure {
                None => size,
                Some(_) => content.len() as u64,
            };
            check_place(base, size, content.len() as u64, base_of_image)?;
            put(&mut bytes, (base - base_of_image) as usize, content);
        }
        at_start(lowest.unwrap_or(0))?;
        let (text_bytes, data_bytes) = sizes(&elf);
        Ok(Self {
            bytes,
            text_bytes,
            data_bytes,
        })
    }
}

/// A segment's bytes must end before the table; its zeroed memory may lie between the signature
/// and the store too, but never on either.
fn check_place(base: u64, size: u64, file_size: u64, image: u64) -> Result<(), ImageError> {
    let segment = base..base.saturating_add(size.max(file_size));
    let table = image + TABLE_OFFSET..image + SIGNATURE_END;
    let overlap = |what, limit| {
        Err(ImageError::MonitorOverlap {
            base,
            end: segment.end,
            what,
            limit,
        })
    };
    if intersects(&segment, &table) || (file_size != 0 && segment.start >= table.end) {
        return overlap("the system table", table.start);
    }
    let store = image + STORE_OFFSET;
    if segment.end > store {
        return overlap("the store of partition images", store);
    }
    Ok(())
}

fn intersects(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}

/// Writes `content` at `offset`, filling what lies before with zeros.
pub(crate) fn put(bytes: &mut Vec<u8>, offset: usize, content: &[u8]) {
    let end = offset + content.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(content);
}

/// Sizes of what cannot and what can be written, by the sections that take memory.
fn sizes(elf: &ElfFile64<'_, LittleEndian>) -> (u64, u64) {
    let mut text = 0;
    let mut data = 0;
    for section in elf.sections() {
        let object::SectionFlags::Elf { sh_flags, .. } = section.flags() else {
            continue;
        };
        if !sh_flags.contains(elf::SHF_ALLOC) {
            continue;
        }
        if !sh_flags.contains(elf::SHF_WRITE) {
            text += section.size();
        } else {
            data += section.size();
        }
    }
    (text, data)
}
