//! Symbols of ELF files.

use anyhow::Context as _;
use object::{Object as _, ObjectSymbol as _, SymbolKind};
use std::collections::BTreeMap;

/// The symbols of a program's code.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    /// By address: name and size, which is 0 where the file does not tell it.
    by_address: BTreeMap<u64, (String, u64)>,
    /// Name and address of all, as the same name may occur several times.
    all: Vec<(String, u64)>,
}

impl Symbols {
    /// Reads them from an ELF file.
    pub fn read(file: &[u8]) -> anyhow::Result<Self> {
        let elf = object::File::parse(file).context("not an ELF file")?;
        let mut symbols = Self::default();
        for symbol in elf.symbols() {
            let name = symbol.name().unwrap_or_default();
            let is_code = matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Unknown);
            // The assembler's own labels, and the marks of the RISC-V ABI for kinds of code.
            let is_label = name.is_empty() || name.starts_with(['.', '$']);
            if !is_code || is_label || symbol.section_index().is_none() {
                continue;
            }
            let name = format!("{:#}", rustc_demangle::demangle(name));
            symbols.all.push((name.clone(), symbol.address()));
            let entry = symbols.by_address.entry(symbol.address()).or_default();
            if entry.1 <= symbol.size() {
                *entry = (name, symbol.size());
            }
        }
        Ok(symbols)
    }

    /// The addresses of the symbols of this name.
    pub fn addresses(&self, name: &str) -> Vec<u64> {
        let own = self.all.iter().filter(|(own, _)| own == name);
        own.map(|(_, address)| *address).collect()
    }

    /// The address of the symbol of this name.
    pub fn address(&self, name: &str) -> anyhow::Result<u64> {
        let found = self.addresses(name).first().copied();
        found.with_context(|| format!("the program has no symbol `{name}`"))
    }

    /// The function that an address belongs to.
    pub fn function(&self, address: u64) -> &str {
        self.by_address
            .range(..=address)
            .next_back()
            .map_or("?", |(_, (name, _))| name)
    }

    /// The bytes of all functions whose name has one of these in it.
    pub fn bytes_of(&self, modules: &[&str]) -> u64 {
        let is_one = |name: &str| modules.iter().any(|module| name.contains(module));
        let functions = self.largest(usize::MAX).into_iter();
        functions
            .filter(|(name, _)| is_one(name))
            .map(|(_, size)| size)
            .sum()
    }

    /// The largest functions, with their sizes in bytes.
    pub fn largest(&self, count: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<_> = self
            .by_address
            .values()
            .map(|(name, size)| (name.as_str(), *size))
            .collect();
        all.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
        all.truncate(count);
        all
    }
}
