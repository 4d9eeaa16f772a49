//! The readable side of a system image: what lies where, and its hashes.

use crate::SystemImage;
use crate::pack::Placed;
use partita_abi::image::NORMAL_IMAGES_NAME;
use std::fmt::{self, Display, Formatter};

/// Bytes as lower-case hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl Display for SystemImage {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "System image: {} bytes, loaded at {:#x}\n  sha256 {}\n",
            self.bytes().len(),
            self.base,
            Hex(&self.sha256())
        )?;
        writeln!(
            formatter,
            "Monitor: {} bytes of text and read-only data, {} bytes of data and stacks\n",
            self.text_bytes, self.data_bytes
        )?;
        let width = self
            .placed
            .iter()
            .chain(&self.fetched)
            .map(|placed| placed.name.len())
            .max()
            .unwrap_or(0);
        writeln!(
            formatter,
            "  {:10}  {:>10}  {:width$}  blake2b-256",
            "address", "bytes", "what"
        )?;
        let rows = |formatter: &mut Formatter<'_>, rows: &[Placed]| {
            rows.iter().try_for_each(|placed| {
                writeln!(
                    formatter,
                    "  {:#010x}  {:>10}  {:width$}  {}",
                    placed.address,
                    placed.size,
                    placed.name,
                    Hex(&placed.digest)
                )
            })
        };
        rows(formatter, &self.placed)?;
        let (Some(bytes), Some(hash)) = (self.normal(), self.normal_sha256()) else {
            return Ok(());
        };
        writeln!(
            formatter,
            "\nSecond file, with Linux's parts: {} bytes, given to the machine as {NORMAL_IMAGES_NAME}\n  sha256 {}\n",
            bytes.len(),
            Hex(&hash)
        )?;
        rows(formatter, &self.fetched)
    }
}
