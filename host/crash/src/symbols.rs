//! The names of a program's functions: from its ELF file, or from a list such as Linux's `System.map`.

use object::{
    Object as _, ObjectKind, ObjectSection as _, ObjectSymbol as _, SectionKind, SymbolKind,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Why a file has no names.
#[derive(Debug, thiserror::Error)]
pub enum SymbolError {
    /// It cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// It is neither an ELF file nor a list of symbols.
    #[error(
        "{} is neither an ELF file nor a list of symbols such as System.map or /proc/kallsyms",
        .0.display()
    )]
    Unknown(PathBuf),
    /// It has no symbols.
    #[error("{} has no symbols; name a file that was not stripped", .0.display())]
    Empty(PathBuf),
}

/// A symbol.
#[derive(Clone, Debug)]
struct Symbol {
    name: String,
    /// Its size in bytes; 0 where the file does not tell it.
    size: u64,
    is_code: bool,
}

/// The symbols of a program where it lies in memory.
pub struct Symbols {
    by_address: BTreeMap<u64, Symbol>,
    /// Pieces of code, by their address in memory.
    code: Vec<(u64, Vec<u8>)>,
    /// Whether that is code for Arm.
    is_aarch64: bool,
    /// What was added to the addresses of the file.
    base: u64,
    lines: Option<addr2line::Loader>,
}

/// What an address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The function or object.
    pub name: String,
    /// Bytes from its start.
    pub offset: u64,
    /// File and line of the source, where the program has that.
    pub line: Option<String>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}+{:#x}", self.name, self.offset)
    }
}

impl Symbols {
    /// Reads the names of a file. A position-independent program lies at `base`.
    ///
    /// # Errors
    /// The file has none.
    pub fn read(path: &Path, base: u64) -> Result<Self, SymbolError> {
        let bytes = fs::read(path).map_err(|error| SymbolError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
        let symbols = if bytes.starts_with(b"\x7fELF") {
            Self::of_elf(path, &bytes, base)
        } else {
            std::str::from_utf8(&bytes).ok().and_then(Self::of_list)
        };
        let symbols = symbols.ok_or_else(|| SymbolError::Unknown(path.to_owned()))?;
        if symbols.by_address.is_empty() {
            return Err(SymbolError::Empty(path.to_owned()));
        }
        Ok(symbols)
    }

    fn of_elf(path: &Path, bytes: &[u8], base: u64) -> Option<Self> {
        let elf = object::File::parse(bytes).ok()?;
        let base = if elf.kind() == ObjectKind::Dynamic {
            base
        } else {
            0
        };
        let mut by_address: BTreeMap<u64, Symbol> = BTreeMap::new();
        for symbol in elf.symbols() {
            let name = symbol.name().unwrap_or_default();
            let is_code = match symbol.kind() {
                SymbolKind::Text => true,
                SymbolKind::Data => false,
                SymbolKind::Unknown => true,
                _ => continue,
            };
            // The assembler's own labels, and the marks of the RISC-V ABI for kinds of code.
            let is_label = name.is_empty() || name.starts_with(['.', '$']);
            if is_label || symbol.section_index().is_none() {
                continue;
            }
            let found = Symbol {
                name: format!("{:#}", rustc_demangle::demangle(name)),
                size: symbol.size(),
                is_code,
            };
            let address = symbol.address().wrapping_add(base);
            // Of several at one place, the largest names what is there.
            match by_address.get(&address) {
                Some(known) if known.size >= found.size => {}
                _ => {
                    by_address.insert(address, found);
                }
            }
        }
        let code = elf
            .sections()
            .filter(|section| section.kind() == SectionKind::Text)
            .filter_map(|section| {
                let bytes = section.data().ok()?.to_vec();
                Some((section.address().wrapping_add(base), bytes))
            })
            .collect();
        Some(Self {
            by_address,
            code,
            is_aarch64: elf.architecture() == object::Architecture::Aarch64,
            base,
            lines: addr2line::Loader::new(path).ok(),
        })
    }

    /// Reads lines `ADDRESS KIND NAME`, as `nm` and the kernel write them.
    fn of_list(text: &str) -> Option<Self> {
        let mut by_address = BTreeMap::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let mut words = line.split_ascii_whitespace();
            let address = u64::from_str_radix(words.next()?, 16).ok()?;
            let kind = words.next().filter(|kind| kind.len() == 1)?;
            let name = words.next()?;
            // A kernel that hides its addresses shows zero for all.
            if address != 0 && !name.starts_with(['.', '$']) {
                let is_code = matches!(kind, "t" | "T" | "w" | "W");
                by_address.entry(address).or_insert_with(|| Symbol {
                    name: name.to_owned(),
                    size: 0,
                    is_code,
                });
            }
        }
        Some(Self {
            by_address,
            code: Vec::new(),
            is_aarch64: false,
            base: 0,
            lines: None,
        })
    }

    /// The function or object that an address lies in.
    pub fn place(&self, address: u64) -> Option<Place> {
        let (start, symbol) = self.by_address.range(..=address).next_back()?;
        let offset = address - start;
        // Behind the last symbol of a list there may be anything.
        let known = match symbol.size {
            // A label of assembly language in the code, or a line of a list.
            0 if self.code.is_empty() => {
                let is_last = self.by_address.range(start + 1..).next().is_none();
                !is_last && offset < 1 << 20
            }
            0 => self.is_code(address),
            size => offset < size,
        };
        known.then(|| Place {
            name: symbol.name.clone(),
            offset,
            line: symbol.is_code.then(|| self.line(address)).flatten(),
        })
    }

    fn is_code(&self, address: u64) -> bool {
        self.code
            .iter()
            .any(|(start, bytes)| address.wrapping_sub(*start) < bytes.len() as u64)
    }

    /// File and line of an address.
    fn line(&self, address: u64) -> Option<String> {
        let lines = self.lines.as_ref()?;
        let location = lines
            .find_location(address.wrapping_sub(self.base))
            .ok()??;
        let file = location.file.map(shorten)?;
        Some(match location.line {
            Some(line) => format!("{file}:{line}"),
            None => file,
        })
    }

    /// Whether an address may be where a call returns to: in code, and behind a call where the code is known.
    pub fn is_return_address(&self, address: u64) -> bool {
        // No call returns to the start of a function: that is a pointer to it.
        let symbol = self.by_address.range(..=address).next_back();
        let is_inside = symbol.is_some_and(|(start, symbol)| symbol.is_code && *start != address);
        if !is_inside || self.place(address).is_none() {
            return false;
        }
        // Of a list nobody knows the instructions.
        self.code.is_empty()
            || self.code.iter().any(|(start, bytes)| {
                let Some(end) = address.checked_sub(*start).map(|offset| offset as usize) else {
                    return false;
                };
                let half = |back: usize| {
                    let from = end.checked_sub(back)?;
                    let bytes = bytes.get(from..from + 2)?;
                    Some(u16::from_le_bytes([bytes[0], bytes[1]]))
                };
                let wide = half(4).zip(half(2));
                let wide = wide.map(|(low, high)| u32::from(low) | u32::from(high) << 16);
                let is_behind_call = if self.is_aarch64 {
                    wide.is_some_and(is_branch_with_link)
                } else {
                    half(2).is_some_and(is_short_call) || wide.is_some_and(is_call)
                };
                end <= bytes.len() && is_behind_call
            })
    }
}

/// `jal ra` or `jalr ra` (unprivileged specification 2.5).
const fn is_call(instruction: u32) -> bool {
    let links = instruction >> 7 & 31 == 1;
    links && (instruction & 0x7f == 0x6f || instruction & 0x707f == 0x67)
}

/// `c.jalr` (unprivileged specification, "C" 16.4).
const fn is_short_call(instruction: u16) -> bool {
    instruction & 0xf07f == 0x9002 && instruction & 0xf80 != 0
}

/// `bl` or `blr` (DDI 0487, C6.2).
const fn is_branch_with_link(instruction: u32) -> bool {
    instruction & 0xfc00_0000 == 0x9400_0000 || instruction & 0xffff_fc1f == 0xd63f_0000
}

/// The last parts of a path, which say enough.
fn shorten(file: &str) -> String {
    let parts: Vec<&str> = file.split('/').filter(|part| !part.is_empty()).collect();
    let first = parts.len().saturating_sub(2);
    parts.get(first..).unwrap_or_default().join("/")
}

#[cfg(test)]
mod tests {
    use super::{Symbols, is_branch_with_link, is_call, is_short_call};

    #[test]
    fn a_list_of_the_kernel_is_read() {
        let list = "ffffffff80000000 T _start\nffffffff80001000 t panic\t[module]\n\
                    ffffffff80002000 D data\n";
        let symbols = Symbols::of_list(list).unwrap();
        let place = symbols.place(0xffff_ffff_8000_1010).unwrap();
        assert_eq!(place.to_string(), "panic+0x10");
        assert!(symbols.is_return_address(0xffff_ffff_8000_1010));
        assert!(!symbols.is_return_address(0xffff_ffff_8000_1000));
        assert!(symbols.place(0x1000).is_none());
        assert!(symbols.place(0xffff_ffff_8000_3000).is_none(), "behind all");
    }

    #[test]
    fn other_text_is_no_list() {
        assert!(Symbols::of_list("hello world\n").is_none());
        assert!(Symbols::of_list("00000000 T\n").is_none());
    }

    #[test]
    fn calls_are_told_from_other_instructions() {
        assert!(is_call(0x0100_00ef) && is_call(0x0000_80e7));
        // `j`, `ret` and `addi`.
        assert!(!is_call(0x0100_006f) && !is_call(0x0000_8067) && !is_call(0x0010_8093));
        // `bl`, `blr x1`; `b`, `br x1`, `ret`.
        assert!(is_branch_with_link(0x9400_0010) && is_branch_with_link(0xd63f_0020));
        assert!(
            [0x1400_0010, 0xd61f_0020, 0xd65f_03c0]
                .iter()
                .all(|other| !is_branch_with_link(*other))
        );
        assert!(is_short_call(0x9502) && !is_short_call(0x8502) && !is_short_call(0x9002));
    }
}
