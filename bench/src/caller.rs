//! A kernel for 64-bit Arm that calls the firmware by `SMC` and does nothing else.

use crate::environment::Environment;
use anyhow::Context as _;
use std::fs;

/// Its file among those that were built.
pub const FILE: &str = "bench/caller.image";

/// How often each call is made.
const TIMES: usize = 4;

/// The functions that are called, each with its first argument (PSCI, DEN0022, 5.2; SMCCC, DEN0028, 7).
const CALLS: [(u32, u32); 4] = [
    // PSCI_VERSION.
    (0x8400_0000, 0),
    // PSCI_FEATURES of CPU_ON.
    (0x8400_000a, 0xc400_0003),
    // SMCCC_VERSION.
    (0x8000_0000, 0),
    (UNKNOWN, 0),
];
/// A function that nobody has.
pub const UNKNOWN: u32 = 0x8200_ff00;
/// The call that ends it.
const SYSTEM_OFF: u32 = 0x8400_0008;

/// Bytes of the header of an `Image` (Linux, `Documentation/arch/arm64/booting.rst`).
const HEADER: usize = 64;
/// Pages of 4 KiB, and anywhere in memory.
const FLAGS: u64 = 1 << 1 | 1 << 3;
const SIZE: usize = 4096;

/// `smc #0`, and an instruction that jumps to itself.
const SMC: u32 = 0xd400_0003;
const STAY: u32 = 0x1400_0000;

/// Lays it where [`FILE`] says.
pub fn write(environment: &Environment) -> anyhow::Result<()> {
    let path = environment.artefact(FILE);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Never half of it, as another run may read it.
    let temporary = path.with_extension(format!("{:?}", std::thread::current().id()));
    fs::write(&temporary, image())
        .and_then(|()| fs::rename(&temporary, &path))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn image() -> Vec<u8> {
    let mut words = vec![STAY | (HEADER / 4) as u32, 0];
    let wide = |value: u64| [value as u32, (value >> 32) as u32];
    words.extend(
        [
            wide(0),
            wide(SIZE as u64),
            wide(FLAGS),
            [0; 2],
            [0; 2],
            [0; 2],
        ]
        .concat(),
    );
    words.extend([u32::from_le_bytes(*b"ARM\x64"), 0]);
    for (function, argument) in CALLS {
        words.extend(call(function, argument).repeat(TIMES));
    }
    words.extend(call(SYSTEM_OFF, 0));
    words.push(STAY);
    words.resize(SIZE / 4, STAY);
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// The instructions of a call.
fn call(function: u32, argument: u32) -> [u32; 5] {
    let [low, high] = set(0, function);
    let [argument_low, argument_high] = set(1, argument);
    [low, high, argument_low, argument_high, SMC]
}

/// `movz` and `movk`: the lower half of a general register.
const fn set(register: u32, value: u32) -> [u32; 2] {
    [
        0x5280_0000 | (value & 0xffff) << 5 | register,
        0x72a0_0000 | (value >> 16) << 5 | register,
    ]
}

#[cfg(test)]
mod tests {
    use super::{HEADER, SIZE, image, set};

    #[test]
    fn it_is_an_image_of_linux_by_its_header() {
        let image = image();
        assert_eq!(image.len(), SIZE);
        assert_eq!(&image[56..60], b"ARM\x64");
        assert_eq!(
            &image[..4],
            [HEADER as u8 / 4, 0, 0, 0x14],
            "a jump behind it"
        );
        assert_eq!(set(1, 0xc400_0003), [0x5280_0061, 0x72b8_8001]);
    }
}
