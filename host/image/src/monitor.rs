//! The monitor's ELF file, reduced to what goes into an image.

use crate::ImageError;
use object::read::elf::{ElfFile64, FileHeader as _, ProgramHeader as _};
use object::{LittleEndian, Object as _, ObjectSection as _, elf};
use partita_abi::image::{SIGNATURE_OFFSET, STORE_OFFSET, TABLE_OFFSET};
use std::ops::Range;

/// End of the page that holds the signature, behind that of the run parameters, as an offset in the image.
const SIGNATURE_END: u64 = SIGNATURE_OFFSET + 0x1000;

/// A monitor that has its place at the start of a board's RAM.
#[derive(Clone, Debug)]
pub struct Monitor {
    /// Its bytes, from the start of RAM on.
    pub bytes: Vec<u8>,
    /// Bytes of its text and read-only data.
    pub text_bytes: u64,
    /// Bytes of its data, zeroed data and stacks.
    pub data_bytes: u64,
}

impl Monitor {
    /// Reads and checks the ELF file of a monitor that runs at `ram_base`.
    ///
    /// # Errors
    /// It cannot be read, is for another machine, or lies where something else belongs.
    pub fn parse(file: &[u8], ram_base: u64) -> Result<Self, ImageError> {
        if let Ok(kind) = object::FileKind::parse(file)
            && kind != object::FileKind::Elf64
        {
            return Err(ImageError::Machine(format!("{kind:?}")));
        }
        let elf = ElfFile64::<LittleEndian>::parse(file)?;
        let header = elf.elf_header();
        let machine = header.e_machine(LittleEndian);
        if machine != elf::EM_RISCV {
            return Err(ImageError::Machine(format!("machine {machine:?}")));
        }
        let at_start = |found| {
            if found == ram_base {
                Ok(())
            } else {
                Err(ImageError::Start {
                    found,
                    expected: ram_base,
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
            let base = segment.p_paddr(LittleEndian);
            lowest = Some(lowest.map_or(base, |lowest: u64| lowest.min(base)));
            if base < ram_base {
                break;
            }
            let content = segment
                .data(LittleEndian, file)
                .map_err(|()| ImageError::Machine("a file that is cut short".to_owned()))?;
            check_place(base, size, content.len() as u64, ram_base)?;
            put(&mut bytes, (base - ram_base) as usize, content);
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
fn check_place(base: u64, size: u64, file_size: u64, ram_base: u64) -> Result<(), ImageError> {
    let segment = base..base.saturating_add(size.max(file_size));
    let table = ram_base + TABLE_OFFSET..ram_base + SIGNATURE_END;
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
    let store = ram_base + STORE_OFFSET;
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
