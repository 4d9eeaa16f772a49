//! A sound table passes; every single lie in it is found.

use super::{BoardLimits, Flaw, Reserved, Secure, check};
use partita_abi::digest::digest;
use partita_abi::health::Kind;
use partita_abi::name::Name;
use partita_abi::table::{
    DeviceReset, Header, ImagePart, Line, Partition, Protection, Region, RegionKind, Response,
    Restart, Route, Span, Streams, SystemTable, VirtualCore,
};
use zerocopy::IntoBytes;

const CONTROLLER: Reserved = Reserved {
    base: 0xc00_0000,
    size: 0x60_0000,
};

/// A table as plain vectors, to be bent and then laid out.
#[derive(Clone)]
pub(crate) struct TestTable {
    pub header: Header,
    pub partitions: Vec<Partition>,
    pub virtual_cores: Vec<VirtualCore>,
    pub regions: Vec<Region>,
    pub protections: Vec<Protection>,
    pub image_parts: Vec<ImagePart>,
    pub lines: Vec<Line>,
    pub device_resets: Vec<DeviceReset>,
    pub streams: Vec<Streams>,
}

/// Laid-out bytes, aligned for [`SystemTable::parse`].
pub(crate) struct TableBytes {
    words: Vec<u64>,
    length: usize,
}

impl TableBytes {
    pub fn view(&self) -> SystemTable<'_> {
        SystemTable::parse(&self.words.as_bytes()[..self.length]).unwrap()
    }
}

fn region(partition: u16, base: u64, size: u64, kind: RegionKind) -> Region {
    Region {
        base,
        size,
        partition,
        kind: kind as u8,
        rights: 7,
        reserved: 0,
    }
}

impl TestTable {
    /// Two partitions: RAM at 0x8040_0000 and 0x8050_0000, one device each, both on core 0.
    pub fn sound() -> Self {
        let partition = |index: u16, criticality| Partition {
            name: Name::new(if index == 0 { "a" } else { "b" }).unwrap(),
            criticality,
            kind: 0,
            floating_point: 0,
            vector: 0,
            console: 1,
            watchdog_start: 0,
            isolation: 0,
            reserved: 0,
            virtual_cores: Span {
                first: index,
                count: 1,
            },
            regions: Span {
                first: 2 * index,
                count: 2,
            },
            image_parts: Span {
                first: index,
                count: 1,
            },
            lines: Span {
                first: index,
                count: 1,
            },
            device_resets: Span {
                first: index,
                count: 1,
            },
            reserved2: 0,
            responses: [Response {
                action: 0,
                notify: Response::NOBODY,
            }; Kind::COUNT],
            restart: Restart {
                limit: 3,
                then: 2,
                reserved: [0; 5],
                within_ns: 1_000_000_000,
                back_off_ns: 0,
            },
            watchdog_ns: 0,
            storm_limit: 0,
            storm_within_ns: 0,
            entry: 0x8040_0000 + 0x10_0000 * u64::from(index),
            device_tree: 0x8040_1000 + 0x10_0000 * u64::from(index),
            uart_base: 0,
            budget_ns: 0,
            period_ns: 0,
        };
        let core = |index| VirtualCore {
            partition: index,
            index: 0,
            core: 0,
            protection_slot: 2,
            protections: Span { first: 0, count: 0 },
            reserved: 0,
        };
        let part = |index: u16| ImagePart {
            source: 0x8020_0000 + 0x10000 * u64::from(index),
            destination: 0x8040_0800 + 0x10_0000 * u64::from(index),
            size: 100,
            hash: [0; 32],
            partition: index,
            role: 0,
            reserved: [0; 5],
        };
        let line = |line, partition| Line {
            line,
            partition,
            route: Route::Mediated as u8,
            target: 0,
            reserved: 0,
        };
        let reset = |partition, address| DeviceReset {
            address,
            value: 0,
            partition,
            width: 4,
            reserved: 0,
        };
        Self {
            header: Header {
                magic: Header::MAGIC,
                version: Header::VERSION,
                total_bytes: 0,
                hash: [0; 32],
                system: Name::new("test").unwrap(),
                board: Name::new("board").unwrap(),
                partitions: 0,
                virtual_cores: 0,
                regions: 0,
                protections: 0,
                image_parts: 0,
                lines: 0,
                console_focus: 0,
                cores: 1,
                device_resets: 0,
                streams: 0,
                secure_stage_2: 0,
                reserved: [0; 3],
                security_version: 0,
                ram_base: 0x8000_0000,
                ram_size: 0x80_0000,
                store_end: 0x8040_0000,
                crash_base: 0x803f_c000,
            },
            partitions: vec![partition(0, 2), partition(1, 0)],
            virtual_cores: vec![core(0), core(1)],
            regions: vec![
                region(0, 0x8040_0000, 0x10000, RegionKind::Ram),
                region(0, 0x10_1000, 0x1000, RegionKind::Device),
                region(1, 0x8050_0000, 0x10000, RegionKind::Ram),
                region(1, 0x1000_1000, 0x1000, RegionKind::Device),
            ],
            protections: vec![],
            image_parts: vec![part(0), part(1)],
            lines: vec![line(11, 0), line(1, 1)],
            device_resets: vec![reset(0, 0x10_1010), reset(1, 0x1000_1070)],
            streams: vec![],
        }
    }

    pub fn to_bytes(&self) -> TableBytes {
        let mut header = self.header;
        header.partitions = self.partitions.len() as u16;
        header.virtual_cores = self.virtual_cores.len() as u16;
        header.regions = self.regions.len() as u16;
        header.protections = self.protections.len() as u16;
        header.image_parts = self.image_parts.len() as u16;
        header.lines = self.lines.len() as u16;
        header.device_resets = self.device_resets.len() as u16;
        header.streams = self.streams.len() as u16;
        let rest = [
            self.partitions.as_bytes(),
            self.virtual_cores.as_bytes(),
            self.regions.as_bytes(),
            self.protections.as_bytes(),
            self.image_parts.as_bytes(),
            self.lines.as_bytes(),
            self.device_resets.as_bytes(),
            self.streams.as_bytes(),
        ]
        .concat();
        header.total_bytes = (size_of::<Header>() + rest.len()) as u32;
        let mut bytes = [header.as_bytes(), &rest].concat();
        let hash = digest(&bytes[Header::HASHED_FROM..]);
        bytes[16..48].copy_from_slice(&hash);
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        words.as_mut_bytes()[..bytes.len()].copy_from_slice(&bytes);
        TableBytes {
            words,
            length: bytes.len(),
        }
    }

    fn flaw(&self) -> Result<(), Flaw> {
        self.flaw_with(None)
    }

    fn flaw_with(&self, secure: Option<Secure>) -> Result<(), Flaw> {
        let limits = BoardLimits {
            name: "board",
            ram_base: 0x8000_0000,
            image_base: secure.map_or(0x8000_0000, |_| 0),
            secure,
            first_core: 0,
            lines: 95,
            console_line: 10,
            reserved: &[Reserved {
                base: 0x1000_0000,
                size: 0x1000,
            }],
            controller: CONTROLLER,
            streams: 0x200,
        };
        check(&self.to_bytes().view(), &limits)
    }
}

#[test]
fn a_sound_table_passes() {
    assert_eq!(TestTable::sound().flaw(), Ok(()));
}

#[test]
fn a_changed_byte_is_found_by_the_hash() {
    let mut bytes = TestTable::sound().to_bytes();
    let last = bytes.words.len() - 2;
    bytes.words[last] ^= 1 << 40;
    let limits = BoardLimits {
        name: "board",
        ram_base: 0x8000_0000,
        image_base: 0x8000_0000,
        secure: None,
        first_core: 0,
        lines: 95,
        console_line: 10,
        reserved: &[],
        controller: CONTROLLER,
        streams: 0x200,
    };
    assert_eq!(check(&bytes.view(), &limits), Err(Flaw::Hash));
}

/// Gives both partitions the same page of the interrupt controller.
fn share_controller(table: &mut TestTable, rights: u8) {
    // Their devices are gone by that.
    table.device_resets.clear();
    for partition in &mut table.partitions {
        partition.device_resets = Span { first: 0, count: 0 };
    }
    for index in [1, 3] {
        let region = &mut table.regions[index];
        region.kind = RegionKind::InterruptController as u8;
        (region.base, region.size, region.rights) = (CONTROLLER.base + 0x1000, 0x1000, rights);
    }
}

#[test]
fn several_partitions_may_read_the_interrupt_controller() {
    let mut table = TestTable::sound();
    share_controller(&mut table, 1);
    // Each on a core of its own: there is one of what a core has for direct lines.
    assert_eq!(table.flaw(), Err(Flaw::VirtualCore(0)));
    table.virtual_cores[1].core = 1;
    table.header.cores = 2;
    assert_eq!(table.flaw(), Ok(()));
}

#[test]
fn every_lie_in_a_table_is_found() {
    type Lie = fn(&mut TestTable);
    let lies: &[(Lie, Flaw)] = &[
        (
            |t| t.header.board = Name::new("other").unwrap(),
            Flaw::Board,
        ),
        (|t| share_controller(t, 3), Flaw::Overlap(3, 1)),
        (|t| t.header.ram_size = u64::MAX, Flaw::Memory),
        (|t| t.header.ram_base = 0, Flaw::Memory),
        (|t| t.header.store_end = 0x8000_1000, Flaw::Memory),
        (|t| t.header.store_end = 0x9000_0000, Flaw::Memory),
        (|t| t.header.store_end += 8, Flaw::Memory),
        (|t| t.header.crash_base += 0x1000, Flaw::Memory),
        (|t| t.regions[0].base = 0x8000_0000, Flaw::Region(0)),
        (|t| t.regions[0].base = 0x803f_f000, Flaw::Region(0)),
        (|t| t.regions[0].size = 0, Flaw::Region(0)),
        (|t| t.regions[0].size = 0x1800, Flaw::Region(0)),
        (|t| t.regions[0].size = u64::MAX - 0xfff, Flaw::Region(0)),
        (|t| t.regions[0].base += 8, Flaw::Region(0)),
        (|t| t.regions[0].rights = 8, Flaw::Region(0)),
        (|t| t.regions[1].base = 0x1000_0000, Flaw::Region(1)),
        (|t| t.regions[1].base = 0x8000_0000, Flaw::Region(1)),
        (|t| t.regions[1].base = 0xc00_1000, Flaw::Region(1)),
        (
            |t| t.regions[1].kind = RegionKind::InterruptController as u8,
            Flaw::Region(1),
        ),
        (|t| t.regions[2].base = 0x8040_f000, Flaw::Overlap(2, 0)),
        (|t| t.regions[3].base = 0x10_1000, Flaw::Overlap(3, 1)),
        (|t| t.regions[1].partition = 1, Flaw::Partition(0)),
        (
            |t| t.image_parts[0].source = 0x8010_0000,
            Flaw::ImagePart(0),
        ),
        (|t| t.image_parts[0].size = u64::MAX, Flaw::ImagePart(0)),
        (
            |t| t.image_parts[1].destination = 0x8040_0000,
            Flaw::ImagePart(1),
        ),
        (|t| t.image_parts[1].partition = 0, Flaw::ImagePart(1)),
        (|t| t.partitions[0].entry = 0x8050_0000, Flaw::Partition(0)),
        (|t| t.partitions[0].entry += 1, Flaw::Partition(0)),
        (|t| t.partitions[1].device_tree = 0, Flaw::Partition(1)),
        (|t| t.partitions[0].criticality = 5, Flaw::Partition(0)),
        (|t| t.partitions[0].budget_ns = 5, Flaw::Partition(0)),
        (
            |t| (t.partitions[0].budget_ns, t.partitions[0].period_ns) = (5, 4),
            Flaw::Partition(0),
        ),
        (
            |t| t.partitions[0].virtual_cores.count = 0,
            Flaw::Partition(0),
        ),
        (|t| t.partitions[1].criticality = 2, Flaw::VirtualCore(0)),
        (|t| t.virtual_cores[1].partition = 0, Flaw::VirtualCore(1)),
        (|t| t.virtual_cores[1].index = 1, Flaw::VirtualCore(1)),
        (|t| t.lines[1].line = 11, Flaw::Line(1)),
        (|t| t.lines[1].line = 0, Flaw::Line(1)),
        (|t| t.lines[1].line = 96, Flaw::Line(1)),
        (|t| t.lines[1].line = 10, Flaw::Line(1)),
        (|t| t.lines[1].target = 1, Flaw::Line(1)),
        (|t| t.lines[1].partition = 0, Flaw::Line(1)),
        (|t| t.partitions[1].lines.first = 0, Flaw::Line(0)),
        (|t| t.partitions[0].lines.count = 2, Flaw::Line(1)),
        (
            |t| {
                t.lines = (11..=43).map(|line| Line { line, ..t.lines[0] }).collect();
                t.partitions[0].lines = Span {
                    first: 0,
                    count: 33,
                };
                t.partitions[1].lines = Span { first: 0, count: 0 };
            },
            Flaw::Line(32),
        ),
        (
            |t| t.image_parts[0].source = 0x803f_d000,
            Flaw::ImagePart(0),
        ),
        (|t| t.partitions[0].storm_limit = 1, Flaw::Partition(0)),
        (
            |t| t.partitions[0].restart.within_ns = 0,
            Flaw::Partition(0),
        ),
        (
            |t| t.device_resets[0].address = 0x1000_1070,
            Flaw::DeviceReset(0),
        ),
        (
            |t| t.device_resets[1].address = 0x1000_1ffe,
            Flaw::DeviceReset(1),
        ),
        (|t| t.device_resets[1].partition = 0, Flaw::DeviceReset(1)),
    ];
    for (number, (lie, flaw)) in lies.iter().enumerate() {
        let mut table = TestTable::sound();
        lie(&mut table);
        assert_eq!(table.flaw(), Err(*flaw), "lie {number}");
    }
}

#[test]
fn streams_are_whole_units_that_the_board_has_and_of_one_partition_behind_stage_2() {
    let with = |lie: fn(&mut TestTable)| {
        let mut table = TestTable::sound();
        table.partitions[1].isolation = 1;
        table.streams = vec![Streams {
            first: 0x40,
            count: 0x80,
            partition: 1,
            reserved: [0; 3],
        }];
        lie(&mut table);
        table.flaw()
    };
    assert_eq!(with(|_| {}), Ok(()));
    assert_eq!(with(|t| t.streams[0].count = 0x1c0), Ok(()));
    let lies: &[fn(&mut TestTable)] = &[
        |t| t.streams[0].count = 0x81,
        |t| t.streams[0].count = 0,
        |t| t.streams[0].first = 0x20,
        |t| t.streams[0].count = 0x200,
        |t| t.streams[0].first = 0x200,
        |t| t.streams[0].count = 0xffff_ffc0,
        |t| t.streams[0].partition = 0,
    ];
    for (number, lie) in lies.iter().enumerate() {
        assert_eq!(with(*lie), Err(Flaw::Streams(0)), "lie {number}");
    }
    assert_eq!(
        with(|t| {
            t.streams.push(Streams {
                first: 0x100,
                ..t.streams[0]
            });
        }),
        Err(Flaw::Streams(1))
    );
}

/// The sound table on a board with memory of the secure world: `a` is a program, `b` runs Linux.
fn on_a_secure_board() -> (TestTable, Secure) {
    let mut table = TestTable::sound();
    table.partitions[1].kind = 1;
    table.header.store_end = 0x30_0000;
    table.header.crash_base = 0xe1f_c000;
    table.regions[0].base = 0xe20_0000;
    table.partitions[0].entry = 0xe20_0000;
    table.partitions[0].device_tree = 0xe20_1000;
    table.image_parts[0].destination = 0xe20_0800;
    for (index, part) in table.image_parts.iter_mut().enumerate() {
        part.source = 0x20_0000 + 0x1_0000 * index as u64;
    }
    let secure = Secure {
        image_end: 0x400_0000,
        crash_base: 0xe1f_c000,
        programs: Reserved {
            base: 0xe20_0000,
            size: 0xe0_0000,
        },
        stage_2: None,
        linux_is_fetched: false,
    };
    (table, secure)
}

#[test]
fn a_sound_table_for_a_board_with_secure_memory_passes() {
    let (table, secure) = on_a_secure_board();
    assert_eq!(table.flaw_with(Some(secure)), Ok(()));
}

#[test]
fn with_secure_memory_a_program_is_in_it_and_linux_is_not() {
    type Lie = fn(&mut TestTable);
    let lies: &[(Lie, Flaw)] = &[
        (|t| t.regions[0].base = 0x8040_0000, Flaw::Region(0)),
        (|t| t.regions[0].base = 0xe1f_0000, Flaw::Region(0)),
        (|t| t.regions[0].base = 0xeff_f000, Flaw::Region(0)),
        (|t| t.regions[2].base = 0xe40_0000, Flaw::Region(2)),
        (|t| t.partitions[0].kind = 1, Flaw::Region(0)),
        (|t| t.partitions[1].kind = 0, Flaw::Region(2)),
        (|t| t.header.crash_base -= 0x1000, Flaw::Memory),
        (|t| t.header.store_end = 0x400_1000, Flaw::Memory),
        (|t| t.header.store_end = 0x1f_f000, Flaw::Memory),
        (|t| t.image_parts[0].source = 0x1f_0000, Flaw::ImagePart(0)),
        (|t| t.image_parts[0].source = 0x30_0000, Flaw::ImagePart(0)),
    ];
    for (number, (lie, flaw)) in lies.iter().enumerate() {
        let (mut table, secure) = on_a_secure_board();
        lie(&mut table);
        assert_eq!(table.flaw_with(Some(secure)), Err(*flaw), "lie {number}");
    }
}

#[test]
fn parts_of_linux_from_a_file_of_their_own_leave_room_for_the_transfer() {
    type Change = fn(&mut TestTable);
    let end = 0x8051_0000;
    let changes: &[(Change, Result<(), Flaw>)] = &[
        (|t| t.image_parts[1].source = 0, Ok(())),
        (|t| t.image_parts[1].source = 0xffff_0000, Ok(())),
        (
            |t| t.image_parts[1].source = 0xffff_fff8,
            Err(Flaw::ImagePart(1)),
        ),
        (|t| t.image_parts[1].source = 4, Err(Flaw::ImagePart(1))),
        (|t| t.image_parts[0].source = 0, Err(Flaw::ImagePart(0))),
        (
            |t| t.image_parts[1].destination = 0x8051_0000 - t.image_parts[1].size - 64,
            Ok(()),
        ),
        (
            |t| t.image_parts[1].destination = 0x8051_0000 - t.image_parts[1].size - 63,
            Err(Flaw::ImagePart(1)),
        ),
        (
            |t| t.image_parts[1].size = u64::MAX,
            Err(Flaw::ImagePart(1)),
        ),
    ];
    for (number, (change, expected)) in changes.iter().enumerate() {
        let (mut table, secure) = on_a_secure_board();
        assert_eq!(table.regions[2].base + table.regions[2].size, end);
        let secure = Secure {
            stage_2: None,
            linux_is_fetched: true,
            ..secure
        };
        change(&mut table);
        assert_eq!(table.flaw_with(Some(secure)), *expected, "change {number}");
    }
}
