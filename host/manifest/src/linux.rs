//! The header of a RISC-V Linux kernel (Linux, `Documentation/arch/riscv/boot-image-header.rst`).

use crate::Code;
use crate::problem::Problem;
use std::ops::Range;

/// RAM of Linux starts at a multiple of this, and so do the pieces that Linux maps by itself
/// (Linux, `Documentation/arch/riscv/boot.rst`, "Kernel location").
pub(crate) const ALIGNMENT: u64 = 2 << 20;

const TEXT_OFFSET_AT: usize = 0x08;
const IMAGE_SIZE_AT: usize = 0x10;
const MAGIC_AT: usize = 0x38;
const MAGIC: [u8; 4] = *b"RSC\x05";
const HEADER_BYTES: usize = 0x40;

/// A Linux kernel and what it starts with.
#[derive(Clone, Debug)]
pub(crate) struct Linux {
    /// The kernel's file.
    pub(crate) kernel: Vec<u8>,
    /// Where the kernel goes, from the start of RAM.
    pub(crate) text_offset: u64,
    /// Memory that the kernel occupies from there, zeroed data included.
    pub(crate) image_size: u64,
    /// The initial file system's archive, if there is one.
    pub(crate) initramfs: Option<Vec<u8>>,
}

impl Linux {
    /// Where the initramfs goes, from the start of RAM.
    pub(crate) fn initramfs_offset(&self) -> u64 {
        (self.text_offset + self.image_size).next_multiple_of(ALIGNMENT)
    }

    /// End of kernel and initramfs, from the start of RAM.
    pub(crate) fn end_offset(&self) -> u64 {
        let initramfs = self.initramfs.as_ref().map_or(0, Vec::len) as u64;
        self.initramfs_offset() + initramfs
    }

    /// Reads a kernel named at `span` of the manifest.
    pub(crate) fn parse(
        kernel: Vec<u8>,
        initramfs: Option<Vec<u8>>,
        file: &str,
        span: &Range<usize>,
    ) -> Result<Self, Problem> {
        let refuse = |why: &str, help: &str| {
            Problem::error(
                Code::NotALinuxImage,
                format!("`{file}` is not a RISC-V Linux image: {why}"),
            )
            .at(span, "this file")
            .help(help)
        };
        if kernel.len() < HEADER_BYTES || kernel[MAGIC_AT..MAGIC_AT + 4] != MAGIC {
            return Err(refuse(
                match kernel.get(..4) {
                    Some([0x1f, 0x8b, ..]) => "it is compressed",
                    Some(b"\x7fELF") => "it is an ELF file",
                    _ => "it has no `RSC` magic",
                },
                "name the uncompressed `arch/riscv/boot/Image` of a riscv64 kernel",
            ));
        }
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&kernel[at..at + 8]);
            u64::from_le_bytes(word)
        };
        let text_offset = word(TEXT_OFFSET_AT);
        let image_size = word(IMAGE_SIZE_AT);
        let reasonable = 1 << 32;
        if text_offset % ALIGNMENT != 0 || text_offset > reasonable {
            return Err(refuse(
                &format!("its text offset is {text_offset:#x}"),
                "take the kernel as its build made it",
            ));
        }
        if image_size < kernel.len() as u64 || image_size > reasonable {
            return Err(refuse(
                &format!(
                    "its header says {image_size} bytes, the file has {}",
                    kernel.len()
                ),
                "take the kernel as its build made it",
            ));
        }
        Ok(Self {
            kernel,
            text_offset,
            image_size,
            initramfs,
        })
    }
}
