//! Writes cpio archives in the `newc` format that Linux unpacks as its initramfs.
//!
//! The format is that of Linux, Documentation/driver-api/early-userspace/buffer-format.rst. The same
//! content gives the same bytes: times are zero, owners are root, inodes count up.

/// File type bits of a mode (inode(7)).
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMBOLIC_LINK: u32 = 0o120_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

/// An archive being written.
#[derive(Debug, Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

/// Numbers of a device node.
#[derive(Debug, Clone, Copy, Default)]
pub struct Device {
    /// The driver.
    pub major: u32,
    /// The device of that driver.
    pub minor: u32,
}

impl Archive {
    /// Adds a folder.
    pub fn directory(&mut self, path: &str, permissions: u32) {
        self.entry(path, DIRECTORY | permissions, Device::default(), &[]);
    }

    /// Adds a file.
    pub fn file(&mut self, path: &str, permissions: u32, content: &[u8]) {
        self.entry(path, REGULAR | permissions, Device::default(), content);
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) {
        self.entry(
            path,
            SYMBOLIC_LINK | 0o777,
            Device::default(),
            target.as_bytes(),
        );
    }

    /// Adds a character device.
    pub fn character_device(&mut self, path: &str, permissions: u32, device: Device) {
        self.entry(path, CHARACTER_DEVICE | permissions, device, &[]);
    }

    /// Ends the archive and returns it.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, Device::default(), &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, device: Device, content: &[u8]) {
        self.entries += 1;
        // Sizes are 32 bits wide in this format; an initramfs is far from that.
        let length = |bytes: usize| u32::try_from(bytes).expect("an entry is smaller than 4 GiB");
        let fields = [
            self.entries,           // inode
            mode,                   //
            0,                      // user
            0,                      // group
            1,                      // links
            0,                      // modification time
            length(content.len()),  //
            0,                      // device that holds the file: major
            0,                      // and minor
            device.major,           // device that the file is
            device.minor,           //
            length(path.len() + 1), // with its terminating zero
            0,                      // checksum, unused in this format
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    /// Headers and contents begin at multiples of four bytes.
    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(header: &[u8], index: usize) -> u32 {
        let start = 6 + index * 8;
        let text = std::str::from_utf8(&header[start..start + 8]).expect("digits");
        u32::from_str_radix(text, 16).expect("hexadecimal digits")
    }

    /// Path, mode, device and content of an entry.
    type Entry = (String, u32, (u32, u32), Vec<u8>);

    /// Reads an archive back.
    fn read(mut bytes: &[u8]) -> Vec<Entry> {
        let mut entries = Vec::new();
        while !bytes.is_empty() {
            assert!(bytes.starts_with(b"070701"));
            let size = number(bytes, 6) as usize;
            let name_size = number(bytes, 11) as usize;
            let name = String::from_utf8(bytes[110..110 + name_size - 1].to_vec()).expect("UTF-8");
            let content = (110 + name_size).next_multiple_of(4);
            entries.push((
                name,
                number(bytes, 1),
                (number(bytes, 9), number(bytes, 10)),
                bytes[content..content + size].to_vec(),
            ));
            bytes = &bytes[(content + size).next_multiple_of(4)..];
        }
        entries
    }

    fn sample() -> Vec<u8> {
        let mut archive = Archive::default();
        archive.directory("dev", 0o755);
        archive.character_device("dev/console", 0o600, Device { major: 5, minor: 1 });
        archive.file("init", 0o755, b"#!/bin/sh\n");
        archive.link("bin/sh", "busybox");
        archive.finish()
    }

    #[test]
    fn what_was_added_is_read_back_in_order_and_the_trailer_ends_it() {
        let expected = [
            ("dev", 0o040_755, (0, 0), &b""[..]),
            ("dev/console", 0o020_600, (5, 1), b""),
            ("init", 0o100_755, (0, 0), b"#!/bin/sh\n"),
            ("bin/sh", 0o120_777, (0, 0), b"busybox"),
            ("TRAILER!!!", 0, (0, 0), b""),
        ]
        .map(|(name, mode, device, content)| (name.to_owned(), mode, device, content.to_vec()));
        assert_eq!(read(&sample()), expected);
    }

    #[test]
    fn every_header_begins_at_a_multiple_of_four_bytes() {
        let bytes = sample();
        assert_eq!(bytes.len() % 4, 0);
        let starts = bytes
            .windows(6)
            .enumerate()
            .filter(|(_, window)| *window == b"070701");
        assert!(starts.clone().count() == 5 && starts.into_iter().all(|(at, _)| at % 4 == 0));
    }

    #[test]
    fn the_same_content_gives_the_same_bytes() {
        assert_eq!(sample(), sample());
    }
}
