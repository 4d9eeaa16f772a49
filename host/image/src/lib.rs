//! Packs the monitor, the system table and the partition images into one system image.
//!
//! A system image is one flat file that the board loads at the start of its RAM, or has in its flash; where things lie
//! in it is told by [`partita_abi::image`]. The monitor is linked once for a board and is the same in
//! every system: packing puts the plan's table and parts beside it and compiles nothing. On a board with a device for
//! Linux's images these are in a second file.
#![forbid(unsafe_code)]

mod error;
mod keys;
mod monitor;
mod pack;
pub mod signature;
mod text;

pub use error::ImageError;
pub use keys::{KeyError, KeyId, PrivateKey, PublicKey};
pub use monitor::Monitor;
pub use pack::{Piece, SystemImage, assemble};

use partita_manifest::{ImageFile, Plan, StoredPart};

/// Packs `plan` and the board's monitor into a system image.
///
/// # Errors
/// The monitor is not one for the plan's board, or two things would lie at the same place.
pub fn pack<'a>(plan: &'a Plan, monitor_elf: &[u8]) -> Result<SystemImage, ImageError> {
    let monitor = Monitor::parse(monitor_elf, plan.board)?;
    let in_file = |file| plan.parts.iter().filter(move |part| part.file == file);
    let piece = |part: &'a StoredPart| {
        let name = plan
            .partitions
            .get(part.partition)
            .map_or("?", |partition| &partition.name);
        Piece {
            name: format!("{name}: {}", part.role.name()),
            address: part.source,
            bytes: &part.bytes,
            digest: part.digest,
        }
    };
    let stored = in_file(ImageFile::System).map(piece);
    let fetched = in_file(ImageFile::Normal).map(piece);
    let end = match plan.board.secure {
        None => plan.board.ram_base.saturating_add(plan.memory_bytes),
        Some(secure) => secure.flash.base.saturating_add(secure.flash.size),
    };
    let mut image = assemble(&monitor, plan.board.image_base..end, &plan.table, stored)?;
    image.add_normal(fetched)?;
    Ok(image)
}
