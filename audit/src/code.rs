//! The functions of a monitor, as its symbols and sections tell them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use object::{Architecture, Object, ObjectSection, ObjectSymbol, SymbolKind, SymbolSection};

use crate::instruction::Machine;

/// One function or assembly routine: everything up to the next symbol.
pub struct Function {
    /// Its name, readable.
    pub name: String,
    /// First address.
    pub start: u64,
    /// End of its code.
    pub end: u64,
}

impl Function {
    /// Whether it is a part of the panic machinery of the standard library, which does not return.
    pub fn panics(&self) -> bool {
        let last = self.name.rsplit("::").next().unwrap_or(&self.name);
        let fails = last.starts_with("panic") || last.ends_with("fail") || last.ends_with("failed");
        self.name.starts_with("core::") && fails
    }
}

/// A monitor's text.
pub struct Code {
    text: Vec<u8>,
    base: u64,
    /// By address.
    pub functions: Vec<Function>,
    symbols: BTreeMap<String, u64>,
    lines: addr2line::Loader,
    /// What its instructions are of.
    pub machine: Machine,
    /// By address: from there on there are constants, or instructions again.
    constants: BTreeMap<u64, bool>,
}

impl Code {
    /// Reads an ELF file.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path)?;
        let file = object::File::parse(&*bytes)?;
        let section = file.section_by_name(".text").context("it has no .text")?;
        let (base, text) = (section.address(), section.data()?.to_vec());
        let end = base + text.len() as u64;
        let machine = match file.architecture() {
            Architecture::Aarch64 => Machine::Aarch64,
            Architecture::Riscv64 => Machine::Riscv64,
            other => bail!("the audit cannot read {other:?}"),
        };
        let mut constants = BTreeMap::new();
        let mut symbols = BTreeMap::new();
        let mut starts = BTreeMap::new();
        for symbol in file.symbols() {
            let Ok(name) = symbol.name() else { continue };
            symbols.insert(name.to_owned(), symbol.address());
            // Mapping symbols (ELF for the Arm 64-bit Architecture, 5.6; RISC-V ELF psABI, "Mapping Symbol").
            let is_here = symbol.section_index() == Some(section.index());
            if is_here && (name.starts_with("$d") || name.starts_with("$x")) {
                constants.insert(symbol.address(), name.starts_with("$d"));
            }
            let is_code = !matches!(symbol.section(), SymbolSection::Absolute)
                && symbol.address() >= base
                && symbol.address() < end;
            // Labels inside of functions are local and without a type; entries of assembly are global.
            let starts_something = match symbol.kind() {
                SymbolKind::Text => symbol.size() != 0 || symbol.is_global(),
                _ => symbol.is_global(),
            };
            if is_code && starts_something && !name.starts_with('$') {
                starts.insert(symbol.address(), readable(name));
            }
        }
        // The way into partitions is part of RISC-V's trap vector, which falls through into it.
        if machine == Machine::Riscv64
            && let Some(address) = symbols.get("enter_partition")
        {
            starts.remove(address);
        }
        ensure!(!starts.is_empty(), "it has no symbols");
        let ends: Vec<u64> = starts.keys().skip(1).copied().chain([end]).collect();
        let functions = starts
            .into_iter()
            .zip(ends)
            .map(|((start, name), end)| Function { name, start, end })
            .collect();
        let lines = addr2line::Loader::new(path)
            .map_err(|error| anyhow::anyhow!("cannot read its debug information: {error}"))?;
        Ok(Self {
            text,
            base,
            functions,
            symbols,
            lines,
            machine,
            constants,
        })
    }

    /// The index of the function that holds an address.
    pub fn function_at(&self, address: u64) -> Option<usize> {
        let after = self
            .functions
            .partition_point(|function| function.start <= address);
        let index = after.checked_sub(1)?;
        (address < self.functions[index].end).then_some(index)
    }

    /// Whether there are constants at an address, and no instruction.
    pub fn is_constant(&self, address: u64) -> bool {
        let before = self.constants.range(..=address).next_back();
        before.is_some_and(|(_, is_constant)| *is_constant)
    }

    /// The code from an address on.
    pub fn bytes_at(&self, address: u64) -> &[u8] {
        let offset = address.checked_sub(self.base).map(|offset| offset as usize);
        offset
            .and_then(|offset| self.text.get(offset..))
            .unwrap_or_default()
    }

    /// The address of a symbol.
    pub fn symbol(&self, name: &str) -> Option<u64> {
        self.symbols.get(name).copied()
    }

    /// The functions that an address was inlined into, innermost first, with file and line.
    pub fn lines_of(&self, address: u64) -> Vec<(String, String, u32)> {
        let mut found = Vec::new();
        let Ok(mut frames) = self.lines.find_frames(address) else {
            return found;
        };
        while let Ok(Some(frame)) = frames.next() {
            let name = frame
                .function
                .and_then(|name| name.raw_name().ok().map(|name| readable(&name)));
            let (file, line) = frame.location.map_or(("", 0), |location| {
                (location.file.unwrap_or(""), location.line.unwrap_or(0))
            });
            found.push((name.unwrap_or_default(), file.to_owned(), line));
        }
        found
    }
}

/// A symbol name without mangling and hash.
fn readable(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
