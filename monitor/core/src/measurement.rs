//! What a partition is told of the images that the system was started from.

use partita_abi::measurement::Measurement;
use partita_abi::name::Name;
use partita_abi::table::SystemTable;

/// How many measurements there are: the table's, and one for each image part.
pub const fn count(table: &SystemTable<'_>) -> usize {
    table.image_parts.len().saturating_add(1)
}

/// The fields of a [`Measurement`], where they are: none is copied before it goes to the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields<'a> {
    /// [`Measurement::digest`].
    pub digest: &'a [u8; 32],
    /// [`Measurement::name`].
    pub name: &'a Name,
    /// [`Measurement::size`].
    pub size: u64,
    /// [`Measurement::partition`].
    pub partition: u16,
    /// [`Measurement::role`].
    pub role: u8,
}

impl Fields<'_> {
    /// The last 8 bytes of the [`Measurement`], with this [`Measurement::standing`].
    pub const fn last_word(&self, standing: u8) -> u64 {
        self.partition as u64 | (self.role as u64) << 16 | (standing as u64) << 24
    }
}

/// The measurement with this index; none beyond the last.
pub fn measure<'a>(table: &SystemTable<'a>, index: usize) -> Option<Fields<'a>> {
    let Some(part) = index.checked_sub(1) else {
        return Some(Fields {
            digest: &table.header.hash,
            name: &table.header.system,
            size: u64::from(table.header.total_bytes),
            partition: Measurement::TABLE,
            role: 0,
        });
    };
    let part = table.image_parts.get(part)?;
    let partition = table.partitions.get(usize::from(part.partition))?;
    Some(Fields {
        digest: &part.hash,
        name: &partition.name,
        size: part.size,
        partition: part.partition,
        role: part.role,
    })
}

#[cfg(test)]
mod tests {
    use super::{count, measure};
    use crate::check::tests::TestTable;
    use partita_abi::measurement::Measurement;
    use zerocopy::{FromBytes as _, IntoBytes as _};

    #[test]
    fn the_table_comes_first_and_then_every_part_with_the_name_of_its_partition() {
        let mut table = TestTable::sound();
        table.image_parts[1].hash = [7; 32];
        table.image_parts[1].role = 2;
        let bytes = table.to_bytes();
        let view = bytes.view();
        let first = measure(&view, 0).unwrap();
        assert_eq!(*first.digest, view.header.hash);
        assert_eq!(first.partition, Measurement::TABLE);
        assert_eq!(*first.name, view.header.system);
        let part = measure(&view, 2).unwrap();
        assert_eq!((*part.digest, part.role, part.partition), ([7; 32], 2, 1));
        assert_eq!(*part.name, view.partitions[1].name);
        assert_eq!(part.size, view.image_parts[1].size);
        assert_eq!(count(&view), 3);
        assert_eq!(measure(&view, 3), None);
        assert_eq!(measure(&view, usize::MAX), None);
    }

    #[test]
    fn the_fields_in_their_order_are_a_measurement() {
        let bytes = TestTable::sound().to_bytes();
        let fields = measure(&bytes.view(), 2).unwrap();
        let mut laid_out = Vec::new();
        laid_out.extend(fields.digest);
        laid_out.extend(fields.name.as_bytes());
        laid_out.extend(fields.size.to_le_bytes());
        laid_out.extend(fields.last_word(3).to_le_bytes());
        let measurement = Measurement::read_from_bytes(&laid_out).unwrap();
        assert_eq!(measurement.digest, *fields.digest);
        assert_eq!(measurement.name, *fields.name);
        assert_eq!(measurement.size, fields.size);
        assert_eq!(measurement.partition, fields.partition);
        assert_eq!((measurement.role, measurement.standing), (fields.role, 3));
        assert_eq!(measurement.reserved, [0; 4]);
    }
}
