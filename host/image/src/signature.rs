//! Signing a system image, provisioning its monitor, and judging an image as the monitor would.

use crate::{ImageError, KeyId, PrivateKey, PublicKey};
use partita_abi::digest::digest;
use partita_abi::image::{SIGNATURE_OFFSET, STORE_OFFSET, TABLE_MAX_BYTES, TABLE_OFFSET};
use partita_abi::signature::{DOMAIN, Provision, SignatureBlock};
use partita_abi::table::{Header, ImagePart, Kind, PartRole, SystemTable};
use partita_manifest::ImageFile;
use partita_signature::system::judge;
pub use partita_signature::system::{Ground, Refusal};
use zerocopy::{FromBytes as _, IntoBytes as _};

/// What a system image turned out to be.
#[derive(Clone, Debug)]
pub struct Verification {
    /// Name of the system.
    pub system: String,
    /// Its security version.
    pub version: u64,
    /// The key that the signature says it was made with, if there is a signature.
    pub signed_with: Option<KeyId>,
    /// What a monitor with the key says.
    pub judgement: Result<Ground, Refusal>,
    /// Whether the table is the one that its header names.
    pub table_matches: bool,
    /// The stored parts, in the order of the table.
    pub parts: Vec<Part>,
    /// What the monitor in the image is provisioned with; none if it has no place for it.
    pub provision: Option<Provision>,
}

/// A stored part of a system image.
#[derive(Clone, Debug)]
pub struct Part {
    /// Name of its partition.
    pub partition: String,
    /// What it is.
    pub role: PartRole,
    /// Its size in bytes.
    pub size: u64,
    /// The digest that the table asks for.
    pub digest: [u8; 32],
    /// What the file holds.
    pub state: PartState,
}

/// What a file holds of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartState {
    /// What the table asks for.
    Matches,
    /// Something else.
    Differs,
    /// Not all of it: the file ends before.
    CutShort,
    /// It is in the second file, which was not given.
    NotGiven,
}

impl Verification {
    /// Whether the monitor would start all of it.
    pub fn is_good(&self) -> bool {
        self.judgement == Ok(Ground::Signed)
            && self.table_matches
            && self
                .parts
                .iter()
                .all(|part| part.state == PartState::Matches)
    }
}

/// A table with the alignment that it is read with.
struct Table {
    words: Vec<u64>,
    length: usize,
}

impl Table {
    fn of(image: &[u8]) -> Result<Self, ImageError> {
        let from = TABLE_OFFSET as usize;
        let to = image.len().min(from + TABLE_MAX_BYTES);
        let bytes = image.get(from..to).ok_or(ImageError::NoImage)?;
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        words.as_mut_bytes()[..bytes.len()].copy_from_slice(bytes);
        let table = Self {
            words,
            length: bytes.len(),
        };
        table.view()?;
        Ok(table)
    }

    fn view(&self) -> Result<SystemTable<'_>, ImageError> {
        SystemTable::parse(&self.words.as_bytes()[..self.length]).map_err(ImageError::Table)
    }
}

/// The bytes that the signature of an image is made over.
///
/// # Errors
/// There is no system table in it.
pub fn signed_bytes(image: &[u8]) -> Result<Vec<u8>, ImageError> {
    let table = Table::of(image)?;
    Ok([&DOMAIN, table.view()?.header.as_bytes()].concat())
}

/// Signs an image, in place. One with damage in it, or in its second file, is not signed.
///
/// # Errors
/// It is no image, or what it holds is not what its table asks for.
pub fn sign(image: &mut [u8], normal: Option<&[u8]>, key: &PrivateKey) -> Result<(), ImageError> {
    let message = signed_bytes(image)?;
    let block = SignatureBlock {
        magic: SignatureBlock::MAGIC,
        key_id: key.public().id().0,
        signature: key.sign(&message),
    };
    let verification = inspect(image, normal, &Provision::NONE)?;
    if !verification.table_matches {
        return Err(ImageError::TableHash);
    }
    if let Some(part) = verification
        .parts
        .iter()
        .find(|part| part.state != PartState::Matches)
    {
        let name = format!("{}: {}", part.partition, part.role.name());
        return Err(match part.state {
            PartState::NotGiven => ImageError::NotGiven(name),
            _ => ImageError::Part(name),
        });
    }
    let place = SIGNATURE_OFFSET as usize;
    image
        .get_mut(place..place + size_of::<SignatureBlock>())
        .ok_or(ImageError::NoImage)?
        .copy_from_slice(block.as_bytes());
    Ok(())
}

/// Fills in what the monitor in an image is provisioned with.
///
/// # Errors
/// The monitor has no place for it.
pub fn provision(image: &mut [u8], provision: &Provision) -> Result<(), ImageError> {
    let place = provision_place(image)?;
    image[place..place + size_of::<Provision>()].copy_from_slice(provision.as_bytes());
    Ok(())
}

/// The provisioning that makes a monitor ask for a signature.
pub const fn require(key: &PublicKey, lowest_version: u64) -> Provision {
    Provision {
        mode: Provision::SIGNED,
        lowest_version,
        public_key: key.prepared().public_key,
        negative_x: key.prepared().negative_x,
        shifted: key.prepared().shifted,
        ..Provision::NONE
    }
}

fn provision_place(image: &[u8]) -> Result<usize, ImageError> {
    let monitor = &image[..image.len().min(TABLE_OFFSET as usize)];
    let mut places = monitor
        .windows(size_of::<Provision>())
        .enumerate()
        .filter(|(_, bytes)| bytes.starts_with(&Provision::MAGIC))
        .map(|(place, _)| place);
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (found, _) => Err(ImageError::ProvisionPlace(match found {
            None => "no place",
            Some(_) => "several places",
        })),
    }
}

/// Judges an image and its second file, if it has one, as a monitor with this key, and this lowest version, would.
///
/// # Errors
/// It is no image that could be judged.
pub fn verify(
    image: &[u8],
    normal: Option<&[u8]>,
    key: &PublicKey,
    lowest_version: u64,
) -> Result<Verification, ImageError> {
    inspect(image, normal, &require(key, lowest_version))
}

fn inspect(
    image: &[u8],
    normal: Option<&[u8]>,
    required: &Provision,
) -> Result<Verification, ImageError> {
    let table = Table::of(image)?;
    let table = table.view()?;
    let header: &Header = table.header;
    let block = image
        .get(SIGNATURE_OFFSET as usize..)
        .and_then(|bytes| SignatureBlock::read_from_prefix(bytes).ok())
        .ok_or(ImageError::NoImage)?
        .0;
    let provision = provision_place(image)
        .ok()
        .and_then(|place| Provision::read_from_prefix(&image[place..]).ok())
        .map(|(provision, _)| provision);
    let parts = table.image_parts.iter();
    Ok(Verification {
        system: header.system.as_str().to_owned(),
        version: header.security_version,
        signed_with: (block.magic == SignatureBlock::MAGIC).then_some(KeyId(block.key_id)),
        judgement: judge(required, header, &block),
        table_matches: digest(table.hashed) == header.hash,
        parts: parts
            .map(|part| judge_part(image, normal, &table, part))
            .collect(),
        provision,
    })
}

fn judge_part(
    image: &[u8],
    normal: Option<&[u8]>,
    table: &SystemTable<'_>,
    part: &ImagePart,
) -> Part {
    let partition = table.partitions.get(usize::from(part.partition));
    let board = partita_board::by_name(table.header.board.as_str());
    let kind = partition.and_then(|partition| Kind::from_number(partition.kind));
    let file = match board.zip(kind) {
        Some((board, kind)) => ImageFile::of(board, kind),
        None => ImageFile::System,
    };
    let (holder, base, first) = match file {
        ImageFile::System => {
            let base = board.map_or(table.header.ram_base, |board| board.image_base);
            (Some(image), base, STORE_OFFSET)
        }
        ImageFile::Normal => (normal, 0, 0),
    };
    let start = part.source.wrapping_sub(base);
    let end = start.saturating_add(part.size);
    let range = usize::try_from(start)
        .ok()
        .zip(usize::try_from(end).ok())
        .map(|(start, end)| start..end);
    let bytes = holder
        .zip(range)
        .and_then(|(holder, range)| holder.get(range));
    Part {
        partition: partition
            .map_or("?", |entry| entry.name.as_str())
            .to_owned(),
        role: PartRole::from_number(part.role).unwrap_or(PartRole::Program),
        size: part.size,
        digest: part.hash,
        state: match bytes {
            _ if start < first => PartState::Differs,
            None if holder.is_none() => PartState::NotGiven,
            None => PartState::CutShort,
            Some(bytes) if digest(bytes) == part.hash => PartState::Matches,
            Some(_) => PartState::Differs,
        },
    }
}
