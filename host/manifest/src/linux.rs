//! The header of a Linux kernel (Linux, `Documentation/arch/riscv/boot-image-header.rst` and
//! `Documentation/arch/arm64/booting.rst`, which has the same fields).

use crate::Code;
use crate::problem::Problem;
use partita_board::Architecture;
use std::ops::Range;

/// RAM of Linux starts at a multiple of this, and so do the pieces that Linux maps by itself
/// (Linux, `Documentation/arch/riscv/boot.rst`, "Kernel location").
pub(crate) const ALIGNMENT: u64 = 2 << 20;

const TEXT_OFFSET_AT: usize = 0x08;
const IMAGE_SIZE_AT: usize = 0x10;
const MAGIC_AT: usize = 0x38;

/// What tells the kernels of an architecture.
struct Header {
    architecture: &'static str,
    magic: [u8; 4],
    /// The readable part of the magic.
    word: &'static str,
    file: &'static str,
}

const RISCV64: Header = Header {
    architecture: "RISC-V",
    magic: *b"RSC\x05",
    word: "RSC",
    file: "`arch/riscv/boot/Image` of a riscv64 kernel",
};
const AARCH64: Header = Header {
    architecture: "64-bit Arm",
    magic: *b"ARM\x64",
    word: "ARM",
    file: "`arch/arm64/boot/Image` of an arm64 kernel",
};

impl Header {
    const fn of(architecture: &Architecture) -> &'static Self {
        match architecture {
            Architecture::Riscv64(_) => &RISCV64,
            Architecture::Aarch64(_) => &AARCH64,
        }
    }
}

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
        architecture: &Architecture,
        file: &str,
        span: &Range<usize>,
    ) -> Result<Self, Problem> {
        let header = Header::of(architecture);
        let refuse = |why: &str, help: &str| {
            Problem::error(
                Code::NotALinuxImage,
                format!(
                    "`{file}` is not a {} Linux image: {why}",
                    header.architecture
                ),
            )
            .at(span, "this file")
            .help(help)
        };
        if kernel.len() < HEADER_BYTES || kernel[MAGIC_AT..MAGIC_AT + 4] != header.magic {
            return Err(refuse(
                &match (kernel.get(..4), kernel.get(MAGIC_AT..MAGIC_AT + 4)) {
                    (Some([0x1f, 0x8b, ..]), _) => "it is compressed".to_owned(),
                    (Some(b"\x7fELF"), _) => "it is an ELF file".to_owned(),
                    (_, Some(magic)) if magic == RISCV64.magic => "it is for riscv64".to_owned(),
                    (_, Some(magic)) if magic == AARCH64.magic => "it is for arm64".to_owned(),
                    _ => format!("it has no `{}` magic", header.word),
                },
                &format!("name the uncompressed {}", header.file),
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
