//! Recognises a riscv64 Linux `Image` by its header.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Offset of the second magic number, and its value (Linux, Documentation/arch/riscv/boot-image-header.rst).
const MAGIC: (usize, &[u8; 4]) = (0x38, b"RSC\x05");

/// Checks that `path` is a kernel that can be put into a partition as it is.
pub fn check(path: &Path) -> Result<()> {
    let mut header = Vec::new();
    File::open(path)
        .and_then(|file| file.take(64).read_to_end(&mut header))
        .with_context(|| format!("cannot read {}", path.display()))?;
    if let Err(found) = recognise(&header) {
        bail!("{} is {found}", path.display());
    }
    Ok(())
}

/// The error says what the file is instead.
fn recognise(header: &[u8]) -> Result<(), &'static str> {
    let (offset, magic) = MAGIC;
    if header.get(offset..offset + magic.len()) == Some(magic) {
        Ok(())
    } else if header.starts_with(b"\x1f\x8b") {
        Err("compressed with gzip")
    } else if header.starts_with(b"\x28\xb5\x2f\xfd") {
        Err("compressed with zstd")
    } else if header.starts_with(b"\x7fELF") {
        Err("an ELF file")
    } else {
        Err("no riscv64 Linux kernel")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_its_second_magic_number() {
        let mut header = vec![0; 64];
        header[0x38..0x3c].copy_from_slice(b"RSC\x05");
        assert_eq!(recognise(&header), Ok(()));
    }

    #[test]
    fn other_files_are_named_for_what_they_are() {
        assert_eq!(recognise(b"\x1f\x8b\x08"), Err("compressed with gzip"));
        assert_eq!(recognise(b"\x7fELF\x02"), Err("an ELF file"));
        assert_eq!(recognise(b""), Err("no riscv64 Linux kernel"));
    }
}
