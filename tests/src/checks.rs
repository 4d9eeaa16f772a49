//! An initramfs with the program of `tests/linux` in it, as `check`.

/// The archive, and behind it one more with this program: Linux unpacks both (Linux,
/// Documentation/driver-api/early-userspace/buffer-format.rst).
pub(crate) fn with_checks(initramfs: &[u8], program: &[u8]) -> Vec<u8> {
    let mut bytes = initramfs.to_vec();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    member(&mut bytes, "bin/check", 0o100_755, program);
    member(&mut bytes, "TRAILER!!!", 0, &[]);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// Appends a file in the format `newc`.
fn member(bytes: &mut Vec<u8>, name: &str, mode: u32, content: &[u8]) {
    bytes.extend(b"070701");
    let (size, name_size) = (content.len() as u32, name.len() as u32 + 1);
    // Number, mode, owner, group, links, time, size, four numbers of devices, length of the name, checksum.
    for field in [1, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0] {
        bytes.extend(format!("{field:08x}").into_bytes());
    }
    bytes.extend(name.as_bytes());
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}
