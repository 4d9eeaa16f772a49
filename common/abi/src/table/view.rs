//! A table in memory, read in place.

use super::{
    DeviceReset, Header, ImagePart, Line, Partition, Protection, Region, Streams, TableError,
    VirtualCore, entries,
};
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// A structurally sound system table, read in place.
#[derive(Clone, Copy, Debug)]
pub struct SystemTable<'a> {
    /// The header.
    pub header: &'a Header,
    /// All partitions.
    pub partitions: &'a [Partition],
    /// All virtual cores.
    pub virtual_cores: &'a [VirtualCore],
    /// All regions.
    pub regions: &'a [Region],
    /// All protection entries.
    pub protections: &'a [Protection],
    /// All image parts.
    pub image_parts: &'a [ImagePart],
    /// All interrupt lines.
    pub lines: &'a [Line],
    /// All register writes that reset devices.
    pub device_resets: &'a [DeviceReset],
    /// All streams of devices that have an owner.
    pub streams: &'a [Streams],
    /// The bytes that [`Header::hash`] covers.
    pub hashed: &'a [u8],
}

// The arrays follow each other without gaps, so each entry keeps the next array aligned.
const _: () = assert!(
    size_of::<Header>().is_multiple_of(8)
        && size_of::<Partition>().is_multiple_of(8)
        && size_of::<VirtualCore>().is_multiple_of(8)
        && size_of::<Region>().is_multiple_of(8)
        && size_of::<Protection>().is_multiple_of(8)
        && size_of::<ImagePart>().is_multiple_of(8)
        && size_of::<Line>().is_multiple_of(8)
        && size_of::<DeviceReset>().is_multiple_of(8)
        && size_of::<Streams>().is_multiple_of(8)
);

impl<'a> SystemTable<'a> {
    /// Reads a table from `bytes`, which must be aligned to 8 bytes and may be longer than it.
    ///
    /// # Errors
    /// Any flaw in the structure. The hash is not checked here.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TableError> {
        let (header, _) = Header::ref_from_prefix(bytes).map_err(|_| TableError::Truncated)?;
        if header.magic != Header::MAGIC {
            return Err(TableError::Magic);
        }
        if header.version != Header::VERSION {
            return Err(TableError::Version(header.version));
        }
        let total = header.total_bytes as usize;
        let bytes = bytes.get(..total).ok_or(TableError::Truncated)?;
        let hashed = bytes
            .get(Header::HASHED_FROM..)
            .ok_or(TableError::Truncated)?;
        let rest = bytes
            .get(size_of::<Header>()..)
            .ok_or(TableError::Truncated)?;
        let (partitions, rest) = array(rest, header.partitions)?;
        let (virtual_cores, rest) = array(rest, header.virtual_cores)?;
        let (regions, rest) = array(rest, header.regions)?;
        let (protections, rest) = array(rest, header.protections)?;
        let (image_parts, rest) = array(rest, header.image_parts)?;
        let (lines, rest) = array(rest, header.lines)?;
        let (device_resets, rest) = array(rest, header.device_resets)?;
        let (streams, rest) = array(rest, header.streams)?;
        if !rest.is_empty() {
            return Err(TableError::Size);
        }
        let table = Self {
            header,
            partitions,
            virtual_cores,
            regions,
            protections,
            image_parts,
            lines,
            device_resets,
            streams,
            hashed,
        };
        table.check_indexes()?;
        table.check_values()?;
        Ok(table)
    }

    /// The virtual cores of a partition.
    pub fn virtual_cores_of(&self, partition: &Partition) -> &'a [VirtualCore] {
        entries(self.virtual_cores, partition.virtual_cores)
    }

    /// The regions of a partition.
    #[inline(never)]
    pub fn regions_of(&self, partition: &Partition) -> &'a [Region] {
        entries(self.regions, partition.regions)
    }

    /// The image parts of a partition.
    pub fn image_parts_of(&self, partition: &Partition) -> &'a [ImagePart] {
        entries(self.image_parts, partition.image_parts)
    }

    /// The interrupt lines of a partition.
    pub fn lines_of(&self, partition: &Partition) -> &'a [Line] {
        entries(self.lines, partition.lines)
    }

    /// The register writes that reset a partition's devices.
    pub fn device_resets_of(&self, partition: &Partition) -> &'a [DeviceReset] {
        entries(self.device_resets, partition.device_resets)
    }

    /// The protection entries of a virtual core.
    pub fn protections_of(&self, core: &VirtualCore) -> &'a [Protection] {
        entries(self.protections, core.protections)
    }
}

fn array<T: FromBytes + Immutable + KnownLayout>(
    bytes: &[u8],
    count: u16,
) -> Result<(&[T], &[u8]), TableError> {
    <[T]>::ref_from_prefix_with_elems(bytes, usize::from(count)).map_err(|_| TableError::Size)
}
