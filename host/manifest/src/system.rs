//! The checked system: complete, and nothing in it conflicts.

use crate::Criticality;
use crate::health::Health;
use crate::images::Image;
use crate::manifest::Located;
use partita_abi::table::{Console, FloatingPoint, Isolation, Kind};
use partita_board::{Board, Device, Master};
use std::ops::Range;

/// A system that only has to be laid out.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) name: String,
    pub(crate) version: u64,
    pub(crate) board: &'static Board,
    pub(crate) memory: Located<u64>,
    pub(crate) cores: usize,
    /// The processor as QEMU has it, where the manifest chooses one.
    pub(crate) cpu: Option<&'static str>,
    /// Whether programs run behind stage 2 in the secure world.
    pub(crate) secure_stage_2: bool,
    pub(crate) smepmp: bool,
    pub(crate) sstc: bool,
    pub(crate) vector: bool,
    pub(crate) partitions: Vec<Partition>,
    pub(crate) focus: usize,
}

/// A partition of a checked system.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) name: Located<String>,
    pub(crate) criticality: Located<Criticality>,
    /// The criticality as the manifest spells it.
    pub(crate) criticality_name: &'static str,
    pub(crate) image: Image,
    /// Where the manifest names the image.
    pub(crate) image_span: Range<usize>,
    pub(crate) isolation: Isolation,
    /// What the IOMMU knows of those of its devices that it bounds.
    pub(crate) streams: Vec<Located<&'static Master>>,
    pub(crate) arguments: String,
    pub(crate) memory: Located<u64>,
    /// The start of its RAM if it is fixed, and the place in the manifest that fixes it.
    pub(crate) base: Option<Located<u64>>,
    pub(crate) cores: Vec<Located<usize>>,
    pub(crate) floating_point: FloatingPoint,
    pub(crate) vector: FloatingPoint,
    /// Budget and period in nanoseconds.
    pub(crate) budget: Option<(u64, u64)>,
    pub(crate) devices: Vec<Located<&'static Device>>,
    pub(crate) console: Console,
    pub(crate) health: Health,
}

impl System {
    /// Whether a partition is behind stage 2 in the normal world of Arm.
    pub(crate) fn has_stage_2(&self) -> bool {
        let mut partitions = self.partitions.iter();
        partitions.any(|partition| partition.isolation == Isolation::Stage2)
    }
}

impl Partition {
    /// Whether it runs in the secure world of Arm.
    pub(crate) fn is_secure(&self, board: &Board) -> bool {
        board.secure.is_some() && self.kind() == Kind::Program && self.isolation == Isolation::Board
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.image {
            Image::Program(..) => Kind::Program,
            Image::Linux(_) => Kind::Linux,
        }
    }
}
