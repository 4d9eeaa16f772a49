//! The Linux payload: kernel image check, cpio archives, the initramfs.

pub mod cpio;
pub mod image;
pub mod initramfs;
