//! Puts the pieces of a system image at their places.

use crate::monitor::put;
use crate::{ImageError, Monitor, PrivateKey, PublicKey, signature};
use partita_abi::digest::digest;
use partita_abi::image::{
    RUN_PARAMETERS_OFFSET, RunParameters, SIGNATURE_OFFSET, STORE_ALIGNMENT, STORE_OFFSET,
    TABLE_MAX_BYTES, TABLE_OFFSET,
};
use partita_abi::signature::SignatureBlock;
use sha2::{Digest as _, Sha256};
use std::ops::Range;
use zerocopy::{FromZeros as _, IntoBytes as _};

/// A stored part of a partition's image, to be placed.
#[derive(Clone, Debug)]
pub struct Piece<'a> {
    /// What it is, for people.
    pub name: String,
    /// Its physical address in the store, or its offset in the second file.
    pub address: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The digest that the table names for it ([`partita_abi::digest`]).
    pub digest: [u8; 32],
}

/// What lies where in a system image.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) name: String,
    pub(crate) address: u64,
    pub(crate) size: u64,
    pub(crate) digest: [u8; 32],
}

/// A system image: one flat file for the start of a board's RAM, or its flash, and on some boards a second one with
/// Linux's parts.
#[derive(Clone, Debug)]
pub struct SystemImage {
    bytes: Vec<u8>,
    normal: Vec<u8>,
    pub(crate) fetched: Vec<Placed>,
    pub(crate) base: u64,
    pub(crate) placed: Vec<Placed>,
    pub(crate) text_bytes: u64,
    pub(crate) data_bytes: u64,
}

impl SystemImage {
    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of the file, to be spoilt by a test of the monitor's own checks.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// The bytes of the second file, if there is one.
    pub fn normal(&self) -> Option<&[u8]> {
        (!self.normal.is_empty()).then_some(&*self.normal)
    }

    /// The bytes of the second file, to be spoilt by a test of the monitor's own checks; none takes it away.
    pub fn normal_mut(&mut self) -> &mut Vec<u8> {
        &mut self.normal
    }

    /// Puts pieces into the second file.
    pub(crate) fn add_normal<'a>(
        &mut self,
        pieces: impl Iterator<Item = Piece<'a>>,
    ) -> Result<(), ImageError> {
        for piece in pieces {
            let end = piece.address.saturating_add(piece.bytes.len() as u64);
            let free_from = self.normal.len() as u64;
            check(&piece, end, free_from, u64::from(u32::MAX))?;
            put(&mut self.normal, piece.address as usize, piece.bytes);
            self.fetched.push(Placed {
                name: piece.name,
                address: piece.address,
                size: piece.bytes.len() as u64,
                digest: piece.digest,
            });
        }
        Ok(())
    }

    /// Cuts the file short, for a test of the monitor's own checks.
    pub fn truncate(&mut self, bytes: usize) {
        self.bytes.truncate(bytes);
    }

    /// Where the file is to be loaded.
    pub const fn load_address(&self) -> u64 {
        self.base
    }

    /// Bytes of the monitor's text and read-only data.
    pub const fn monitor_text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// Bytes of the monitor's data, zeroed data and stacks.
    pub const fn monitor_data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// SHA-256 of the whole file.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes).into()
    }

    /// SHA-256 of the second file, if there is one.
    pub fn normal_sha256(&self) -> Option<[u8; 32]> {
        self.normal().map(|bytes| Sha256::digest(bytes).into())
    }

    /// Makes the monitor ask for systems that are signed for `key`, of `lowest_version` at least.
    ///
    /// # Errors
    /// The monitor has no place for a key.
    pub fn provision(
        &mut self,
        key: &PublicKey,
        lowest_version: u64,
    ) -> Result<&mut Self, ImageError> {
        signature::provision(&mut self.bytes, &signature::require(key, lowest_version))?;
        Ok(self)
    }

    /// Signs the system.
    ///
    /// # Errors
    /// It was changed after it was packed.
    pub fn sign(&mut self, key: &PrivateKey) -> Result<&mut Self, ImageError> {
        let normal = (!self.normal.is_empty()).then_some(&*self.normal);
        signature::sign(&mut self.bytes, normal, key)?;
        Ok(self)
    }

    /// Puts in what the host asks of a run. A real machine's image has none.
    pub fn with_run_parameters(&mut self, parameters: RunParameters) -> &mut Self {
        put(
            &mut self.bytes,
            RUN_PARAMETERS_OFFSET as usize,
            parameters.as_bytes(),
        );
        self
    }
}

/// Packs a system from its pieces, without a plan.
///
/// # Errors
/// Something is out of place, or its hash is wrong.
pub fn assemble<'a>(
    monitor: &Monitor,
    memory: Range<u64>,
    table: &[u8],
    stored: impl IntoIterator<Item = Piece<'a>>,
) -> Result<SystemImage, ImageError> {
    if table.len() > TABLE_MAX_BYTES {
        return Err(ImageError::TableTooLarge {
            size: table.len(),
            limit: TABLE_MAX_BYTES,
        });
    }
    let mut stored: Vec<_> = stored.into_iter().collect();
    stored.sort_by_key(|piece| piece.address);
    let mut bytes = monitor.bytes.clone();
    let mut placed = vec![
        placed("monitor", memory.start, &monitor.bytes),
        placed("system table", memory.start + TABLE_OFFSET, table),
    ];
    put(&mut bytes, TABLE_OFFSET as usize, table);
    put(
        &mut bytes,
        RUN_PARAMETERS_OFFSET as usize,
        RunParameters::default().as_bytes(),
    );
    put(
        &mut bytes,
        SIGNATURE_OFFSET as usize,
        SignatureBlock::new_zeroed().as_bytes(),
    );
    let store = memory.start + STORE_OFFSET;
    let mut before: Option<(String, u64)> = None;
    for piece in stored {
        let end = piece.address.saturating_add(piece.bytes.len() as u64);
        check(&piece, end, store, memory.end)?;
        if let Some((first, _)) = before.take_if(|(_, before_end)| *before_end > piece.address) {
            let address = piece.address;
            return Err(ImageError::Overlap {
                first,
                second: piece.name,
                address,
            });
        }
        put(
            &mut bytes,
            (piece.address - memory.start) as usize,
            piece.bytes,
        );
        before = Some((piece.name.clone(), end));
        placed.push(Placed {
            name: piece.name,
            address: piece.address,
            size: piece.bytes.len() as u64,
            digest: piece.digest,
        });
    }
    Ok(SystemImage {
        bytes,
        normal: Vec::new(),
        fetched: Vec::new(),
        base: memory.start,
        placed,
        text_bytes: monitor.text_bytes,
        data_bytes: monitor.data_bytes,
    })
}

fn check(piece: &Piece<'_>, end: u64, store: u64, ram_end: u64) -> Result<(), ImageError> {
    let name = || piece.name.clone();
    let base = piece.address;
    if base < store || end > ram_end {
        return Err(ImageError::OutsideStore {
            name: name(),
            base,
            end,
            store,
            ram_end,
        });
    }
    if !base.is_multiple_of(STORE_ALIGNMENT) {
        return Err(ImageError::Misaligned {
            name: name(),
            base,
            alignment: STORE_ALIGNMENT,
        });
    }
    if piece.digest != digest(piece.bytes) {
        return Err(ImageError::Hash(name()));
    }
    Ok(())
}

fn placed(name: &str, address: u64, bytes: &[u8]) -> Placed {
    Placed {
        name: name.to_owned(),
        address,
        size: bytes.len() as u64,
        digest: digest(bytes),
    }
}
