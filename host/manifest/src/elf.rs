//! ELF files of programs: what they need in memory, and what makes them refusable.

use crate::Code;
use crate::problem::Problem;
use object::LittleEndian;
use object::elf;
use object::read::elf::{FileHeader, ProgramHeader};
use partita_board::Architecture;
use std::ops::Range;

/// Gaps up to this many bytes between segments are stored as zeros rather than split a part.
const MERGE_GAP: u64 = 0x1000;
/// The most separate pieces of one program, so that the system table stays small.
const MAX_PIECES: usize = 16;

/// Physical addresses have 56 bits (Privileged Architecture, "Sv39").
const HIGHEST_ADDRESS: u64 = 1 << 56;

type File = elf::FileHeader64<LittleEndian>;

/// A program that can be placed.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Whether it runs at any address: then all addresses here count from the start of its RAM.
    pub(crate) relocatable: bool,
    /// Address of its first instruction.
    pub(crate) entry: u64,
    /// All memory that it occupies, zeroed data included.
    pub(crate) extent: Range<u64>,
    /// What must be in memory before it starts.
    pub(crate) pieces: Vec<Piece>,
    /// Where the start of its RAM has to be added, and to what.
    relocations: Vec<Relocation>,
}

/// Consecutive bytes of a program.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) address: u64,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Relocation {
    address: u64,
    addend: u64,
}

/// Why a file is not a program that can be placed.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) help: String,
}

impl Refusal {
    fn new(code: Code, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            help: help.into(),
        }
    }

    /// The refusal as a problem of the file named at `span`.
    pub(crate) fn at(self, file: &str, span: &Range<usize>) -> Problem {
        Problem::error(self.code, format!("`{file}` {}", self.message))
            .at(span, "this file")
            .help(self.help)
    }
}

const LINK_HELP: &str = "link it as a static position-independent executable (`-static-pie`, or \
                         `--pie --no-dynamic-linker` for the linker itself), or at a fixed address \
                         in its memory (`-static -no-pie`)";
/// What programs of an architecture are made of.
#[derive(Clone, Copy)]
struct Machine {
    number: elf::Machine,
    /// Its name in messages.
    name: &'static str,
    /// The relocation that adds the start of RAM, and the one that does nothing.
    relative: elf::RelocationType,
    none: elf::RelocationType,
    relative_name: &'static str,
    help: &'static str,
}

const RISCV64: Machine = Machine {
    number: elf::EM_RISCV,
    name: "RISC-V",
    relative: elf::R_RISCV_RELATIVE,
    none: elf::R_RISCV_NONE,
    relative_name: "R_RISCV_RELATIVE",
    help: "build it for riscv64, such as `riscv64imac-unknown-none-elf`",
};
const AARCH64: Machine = Machine {
    number: elf::EM_AARCH64,
    name: "AArch64",
    relative: elf::R_AARCH64_RELATIVE,
    none: elf::R_AARCH64_NONE,
    relative_name: "R_AARCH64_RELATIVE",
    help: "build it for 64-bit Arm, such as `aarch64-unknown-none-softfloat`",
};

impl Machine {
    const fn of(architecture: &Architecture) -> Self {
        match architecture {
            Architecture::Riscv64(_) => RISCV64,
            Architecture::Aarch64(_) => AARCH64,
        }
    }
}

impl Program {
    /// Reads an ELF file for a board of `architecture`.
    pub(crate) fn parse(data: &[u8], architecture: &Architecture) -> Result<Self, Refusal> {
        let machine = Machine::of(architecture);
        let header = check_header(data, machine)?;
        let broken = |error: object::Error| {
            Refusal::new(
                Code::NotAnElf,
                format!(
                    "is a damaged ELF file: {}",
                    error.to_string().to_lowercase()
                ),
                "build it again",
            )
        };
        let endian = LittleEndian;
        let segments = header.program_headers(endian, data).map_err(broken)?;
        let mut program = Self {
            relocatable: header.e_type(endian) == elf::ET_DYN,
            entry: header.e_entry(endian),
            extent: 0..0,
            pieces: Vec::new(),
            relocations: Vec::new(),
        };
        let mut executable = Vec::new();
        for segment in segments {
            match segment.p_type(endian) {
                elf::PT_INTERP => {
                    return Err(Refusal::new(
                        Code::ElfDynamic,
                        "needs a dynamic linker, and there is none in a partition",
                        LINK_HELP,
                    ));
                }
                elf::PT_LOAD if segment.p_memsz(endian) != 0 => {
                    let bytes = segment.data(endian, data).map_err(|()| {
                        Refusal::new(
                            Code::NotAnElf,
                            "is a damaged ELF file: a segment lies beyond its end",
                            "build it again",
                        )
                    })?;
                    let range =
                        program.load(segment.p_vaddr(endian), segment.p_memsz(endian), bytes)?;
                    if segment.p_flags(endian).contains(elf::PF_X) {
                        executable.push(range);
                    }
                }
                _ => {}
            }
        }
        if program.extent.is_empty() {
            return Err(Refusal::new(
                Code::ElfSegments,
                "has nothing to load",
                "link it with its sections in loadable segments",
            ));
        }
        if !executable
            .iter()
            .any(|range| range.contains(&program.entry))
        {
            return Err(Refusal::new(
                Code::ElfEntry,
                format!("starts at {:#x}, which is not in its code", program.entry),
                "name the entry in the linker script with `ENTRY(…)`",
            ));
        }
        if !program.entry.is_multiple_of(2) {
            return Err(Refusal::new(
                Code::ElfEntry,
                format!("starts at {:#x}, an odd address", program.entry),
                "correct the linker script",
            ));
        }
        program.merge_pieces()?;
        if program.relocatable {
            program.read_relocations(header, data, machine)?;
        }
        Ok(program)
    }

    fn load(&mut self, address: u64, size: u64, bytes: &[u8]) -> Result<Range<u64>, Refusal> {
        let end = address
            .checked_add(size)
            .filter(|end| *end <= HIGHEST_ADDRESS && bytes.len() as u64 <= size);
        let Some(end) = end else {
            return Err(Refusal::new(
                Code::NotAnElf,
                "is a damaged ELF file: a segment has an impossible size",
                "build it again",
            ));
        };
        self.extent = if self.extent.is_empty() {
            address..end
        } else {
            self.extent.start.min(address)..self.extent.end.max(end)
        };
        if !bytes.is_empty() {
            self.pieces.push(Piece {
                address,
                bytes: bytes.to_vec(),
            });
        }
        Ok(address..end)
    }

    fn merge_pieces(&mut self) -> Result<(), Refusal> {
        self.pieces.sort_by_key(|piece| piece.address);
        let mut merged: Vec<Piece> = Vec::new();
        for piece in std::mem::take(&mut self.pieces) {
            match merged.last_mut() {
                Some(last) if piece.address < last.end() => {
                    return Err(Refusal::new(
                        Code::ElfSegments,
                        format!("has two segments at {:#x}", piece.address),
                        "correct the linker script",
                    ));
                }
                Some(last) if piece.address - last.end() <= MERGE_GAP => {
                    let gap = piece.address - last.end();
                    last.bytes.extend((0..gap).map(|_| 0));
                    last.bytes.extend(piece.bytes);
                }
                _ => merged.push(piece),
            }
        }
        if merged.len() > MAX_PIECES {
            return Err(Refusal::new(
                Code::ElfSegments,
                format!(
                    "is scattered over {} places, {MAX_PIECES} at most can be loaded",
                    merged.len()
                ),
                "put its sections next to each other in the linker script",
            ));
        }
        self.pieces = merged;
        Ok(())
    }

    fn read_relocations(
        &mut self,
        header: &File,
        data: &[u8],
        machine: Machine,
    ) -> Result<(), Refusal> {
        let endian = LittleEndian;
        let refuse = |message: String| Refusal::new(Code::ElfRelocation, message, LINK_HELP);
        let damaged = || refuse("has a damaged relocation table".to_owned());
        let segments = header
            .program_headers(endian, data)
            .map_err(|_| damaged())?;
        let (mut table, mut size) = (0, 0);
        for segment in segments {
            let dynamic = segment.dynamic(endian, data).map_err(|_| damaged())?;
            let Some(dynamic) = dynamic else { continue };
            for entry in dynamic {
                let value = entry.d_val.get(endian);
                match entry.d_tag.get(endian) {
                    elf::DT_RELA => table = value,
                    elf::DT_RELASZ => size = value as usize,
                    elf::DT_NEEDED => {
                        return Err(Refusal::new(
                            Code::ElfDynamic,
                            "needs shared libraries, and there are none in a partition",
                            LINK_HELP,
                        ));
                    }
                    elf::DT_RELRSZ | elf::DT_PLTRELSZ | elf::DT_RELSZ if value != 0 => {
                        return Err(refuse(format!(
                            "has relocations that are not in a plain table of {} entries",
                            machine.relative_name
                        )));
                    }
                    elf::DT_NULL => break,
                    _ => {}
                }
            }
        }
        if size == 0 {
            return Ok(());
        }
        let bytes = self.bytes_at(table, size).ok_or_else(damaged)?.to_vec();
        for entry in bytes.chunks_exact(24) {
            let word = |index: usize| {
                let mut word = [0; 8];
                word.copy_from_slice(&entry[index * 8..index * 8 + 8]);
                u64::from_le_bytes(word)
            };
            let (address, info, addend) = (word(0), word(1), word(2));
            match elf::RelocationType(info as u32) {
                other if other == machine.none => {}
                other if other == machine.relative && info >> 32 == 0 => {
                    if self.bytes_at(address, 8).is_none() {
                        return Err(refuse(format!(
                            "has a relocation at {address:#x}, outside its initialised data"
                        )));
                    }
                    self.relocations.push(Relocation { address, addend });
                }
                other => {
                    return Err(refuse(format!(
                        "has a relocation of type {} at {address:#x}, only {} can be applied",
                        other.0, machine.relative_name
                    )));
                }
            }
        }
        Ok(())
    }

    fn bytes_at(&mut self, address: u64, size: usize) -> Option<&mut [u8]> {
        let piece = self
            .pieces
            .iter_mut()
            .find(|piece| (piece.address..piece.end()).contains(&address))?;
        let start = (address - piece.address) as usize;
        piece.bytes.get_mut(start..start.checked_add(size)?)
    }

    /// The program at its final place: its pieces with physical addresses, and its entry.
    pub(crate) fn placed(&self, ram_base: u64) -> (Vec<Piece>, u64) {
        if !self.relocatable {
            return (self.pieces.clone(), self.entry);
        }
        let mut placed = self.clone();
        for relocation in &self.relocations {
            let value = ram_base.wrapping_add(relocation.addend);
            if let Some(bytes) = placed.bytes_at(relocation.address, 8) {
                bytes.copy_from_slice(&value.to_le_bytes());
            }
        }
        for piece in &mut placed.pieces {
            piece.address += ram_base;
        }
        (placed.pieces, ram_base + self.entry)
    }
}

impl Piece {
    fn end(&self) -> u64 {
        self.address + self.bytes.len() as u64
    }
}

fn check_header(data: &[u8], wanted: Machine) -> Result<&File, Refusal> {
    let identity = data
        .get(..16)
        .filter(|bytes| bytes.starts_with(&elf::ELFMAG));
    let Some(identity) = identity else {
        return Err(Refusal::new(
            Code::NotAnElf,
            "is not an ELF file",
            "name the linked program, not a binary extracted from it",
        ));
    };
    if identity[4] != elf::ELFCLASS64.0 || identity[5] != elf::ELFDATA2LSB.0 {
        return Err(Refusal::new(
            Code::ElfClass,
            "is not a 64-bit little-endian ELF file",
            wanted.help,
        ));
    }
    let header = File::parse(data)
        .map_err(|_| Refusal::new(Code::NotAnElf, "is a damaged ELF file", "build it again"))?;
    let machine = header.e_machine(LittleEndian);
    if machine != wanted.number {
        let name = match machine {
            elf::EM_X86_64 => "x86-64".to_owned(),
            elf::EM_AARCH64 => AARCH64.name.to_owned(),
            elf::EM_RISCV => RISCV64.name.to_owned(),
            other => format!("machine number {}", other.0),
        };
        return Err(Refusal::new(
            Code::ElfMachine,
            format!("is for {name}, the board's cores are {}", wanted.name),
            wanted.help,
        ));
    }
    match header.e_type(LittleEndian) {
        elf::ET_EXEC | elf::ET_DYN => Ok(header),
        _ => Err(Refusal::new(
            Code::ElfType,
            "is not a linked program",
            LINK_HELP,
        )),
    }
}
