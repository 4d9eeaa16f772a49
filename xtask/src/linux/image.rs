//! Recognises a Linux `Image` by its header.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Offset of the magic number that tells the architecture (Linux, Documentation/arch/riscv/boot-image-header.rst
/// and Documentation/arch/arm64/booting.rst).
const MAGIC_OFFSET: usize = 0x38;

/// What the kernels of an architecture have in their header.
#[derive(Debug)]
pub struct Header {
    /// The magic number.
    pub magic: [u8; 4],
    /// What a file without it is.
    pub otherwise: &'static str,
}

/// Checks that `path` is a kernel that can be put into a partition as it is.
pub fn check(path: &Path, wanted: &Header) -> Result<()> {
    let mut header = Vec::new();
    File::open(path)
        .and_then(|file| file.take(64).read_to_end(&mut header))
        .with_context(|| format!("cannot read {}", path.display()))?;
    if let Err(found) = recognise(&header, wanted) {
        bail!("{} is {found}", path.display());
    }
    Ok(())
}

/// The error says what the file is instead.
fn recognise(header: &[u8], wanted: &Header) -> Result<(), &'static str> {
    let magic = header.get(MAGIC_OFFSET..MAGIC_OFFSET + wanted.magic.len());
    if magic == Some(&wanted.magic) {
        Ok(())
    } else if header.starts_with(b"\x1f\x8b") {
        Err("compressed with gzip")
    } else if header.starts_with(b"\x28\xb5\x2f\xfd") {
        Err("compressed with zstd")
    } else if header.starts_with(b"\x7fELF") {
        Err("an ELF file")
    } else {
        Err(wanted.otherwise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::{AARCH64, RISCV64};

    #[test]
    fn an_image_is_known_by_the_magic_number_of_its_architecture() {
        let mut header = vec![0; 64];
        header[0x38..0x3c].copy_from_slice(b"RSC\x05");
        assert_eq!(recognise(&header, &RISCV64.linux.header), Ok(()));
        assert_eq!(
            recognise(&header, &AARCH64.linux.header),
            Err("no arm64 Linux kernel")
        );
        header[0x38..0x3c].copy_from_slice(b"ARM\x64");
        assert_eq!(recognise(&header, &AARCH64.linux.header), Ok(()));
    }

    #[test]
    fn other_files_are_named_for_what_they_are() {
        let recognise = |header| recognise(header, &RISCV64.linux.header);
        assert_eq!(recognise(b"\x1f\x8b\x08"), Err("compressed with gzip"));
        assert_eq!(recognise(b"\x7fELF\x02"), Err("an ELF file"));
        assert_eq!(recognise(b""), Err("no riscv64 Linux kernel"));
    }
}
