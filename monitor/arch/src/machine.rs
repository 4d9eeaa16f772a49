//! What does not change after boot: the board, the system table, and views made from it.

use crate::arch;
use crate::arch::platform::Features;
use crate::board::BOARD;
use partita_abi::health::{Action, Kind};
use partita_abi::table::{self, Console, FloatingPoint, RegionKind, Response, Route, SystemTable};
use partita_abi::{MAX_CORES, MAX_PARTITIONS, MAX_SHARING};
use partita_monitor_core::memory::Region;
use spin::Once;

/// The most RAM regions of one partition.
const MAX_RAM: usize = 4;
/// The highest interrupt line that a board may have, plus one.
pub const MAX_LINES: usize = 192;

/// In [`PartitionView::uart`] and [`PartitionView::watchdog`]: there is none. No physical address is that high (56 bits).
pub const NO_DEVICE: u64 = 0xffff_ffff_ffff_f000;

/// Where a virtual core lives.
#[derive(Clone, Copy, Default)]
pub struct Place {
    /// The core.
    pub core: u8,
    /// Its slot in the core's schedule.
    pub slot: u8,
}

/// What the monitor needs to know of a partition at a trap.
pub struct PartitionView {
    /// Its index in the table.
    pub index: usize,
    ram: [Region; MAX_RAM],
    ram_count: usize,
    /// Where its virtual cores live, by its own numbers.
    pub places: [Place; MAX_CORES],
    /// How many virtual cores it has.
    pub virtual_cores: usize,
    /// Where its emulated UART is, or [`NO_DEVICE`].
    pub uart: u64,
    /// Where its emulated watchdog is, or [`NO_DEVICE`].
    pub watchdog: u64,
    /// Whether it has a console at all.
    pub has_console: bool,
    /// What the architecture knows of it.
    pub arch: arch::platform::View,
    /// What happens after each kind of health event.
    pub responses: [Response; Kind::COUNT],
    /// Whether it is a program, not Linux.
    pub is_program: bool,
    /// Whether it may use floating point.
    pub floating_point: bool,
    /// Whether it may use vector registers.
    pub vectors: bool,
    /// 0 to 4.
    pub criticality: u8,
}

impl PartitionView {
    const EMPTY: Self = Self {
        index: 0,
        ram: [Region::EMPTY; MAX_RAM],
        ram_count: 0,
        places: [Place { core: 0, slot: 0 }; MAX_CORES],
        virtual_cores: 0,
        uart: NO_DEVICE,
        watchdog: NO_DEVICE,
        has_console: false,
        arch: arch::platform::View::EMPTY,
        responses: [Response {
            action: Action::Halt as u8,
            notify: Response::NOBODY,
        }; Kind::COUNT],
        is_program: false,
        floating_point: false,
        vectors: false,
        criticality: 0,
    };

    /// Whether `[address, address + size)` lies in one RAM region of the partition.
    #[inline(always)]
    pub fn is_ram(&self, address: u64, size: u64) -> bool {
        // Nearly every partition has one region.
        let Region {
            base, size: length, ..
        } = self.ram[0];
        let offset = address.wrapping_sub(base);
        (offset < length && length - offset >= size) || self.is_further_ram(address, size)
    }

    #[cold]
    #[inline(never)]
    fn is_further_ram(&self, address: u64, size: u64) -> bool {
        self.ram.iter().skip(1).any(|region| {
            let offset = address.wrapping_sub(region.base);
            offset < region.size && region.size - offset >= size
        })
    }

    /// The partition's RAM.
    #[inline]
    pub fn memory(&self) -> &[Region] {
        self.ram.get(..self.ram_count).unwrap_or_default()
    }

    /// What to do after an event.
    pub fn action(&self, kind: Kind) -> Action {
        let response = self.responses.get(kind as usize);
        response
            .and_then(|response| Action::from_number(response.action))
            .unwrap_or(Action::Halt)
    }

    /// Where a virtual core lives; numbers come from checked calls.
    #[inline]
    pub fn place(&self, virtual_core: u32) -> Place {
        self.places[virtual_core as usize % MAX_CORES]
    }
}

/// A virtual core in a core's slot.
#[derive(Clone, Copy)]
pub struct Resident {
    /// Index of its partition.
    pub partition: usize,
    /// The partition's own number for it.
    pub number: usize,
    /// Its index in the table.
    pub virtual_core: usize,
}

/// Who a mediated line belongs to.
#[derive(Clone, Copy)]
pub struct LineOwner {
    /// The core that its virtual core lives on.
    pub core: u8,
    /// The slot of the virtual core on its core.
    pub slot: u8,
    /// Its bit among the partition's lines.
    pub bit: u8,
}

/// Everything that is fixed after boot.
pub struct Machine {
    /// The checked system table.
    pub table: SystemTable<'static>,
    /// What the cores can do.
    pub features: Features,
    /// Views of the partitions, as many as the table has.
    pub partitions: [PartitionView; MAX_PARTITIONS],
    /// Who lives on each core, most critical first.
    pub residents: [[Option<Resident>; MAX_SHARING]; MAX_CORES],
    /// Owners of mediated lines, by line.
    pub mediated: [Option<LineOwner>; MAX_LINES],
    /// Partitions by falling criticality: the order of the first start.
    pub start_order: [usize; MAX_PARTITIONS],
    /// The core that serves the serial port.
    pub console_core: usize,
    /// The boot core: those below it have no supervisor mode and stay off.
    pub first_core: usize,
    /// All cores of the system have a number below this.
    pub cores: usize,
    /// Machine time at which the run ends, in ticks; `u64::MAX` is never.
    pub end_ticks: u64,
}

static MACHINE: Once<Machine> = Once::new();

/// The machine, once the boot core has made it.
pub fn get() -> Option<&'static Machine> {
    MACHINE.get()
}

/// Makes the machine known to all cores.
pub fn publish(machine: Machine) -> &'static Machine {
    MACHINE.call_once(|| machine)
}

impl Machine {
    /// Prepares the views of a checked table.
    pub fn new(table: SystemTable<'static>, features: Features, end_ticks: u64) -> Self {
        let mut machine = Self {
            table,
            features,
            partitions: [const { PartitionView::EMPTY }; MAX_PARTITIONS],
            residents: [[None; MAX_SHARING]; MAX_CORES],
            mediated: [None; MAX_LINES],
            start_order: [0; MAX_PARTITIONS],
            console_core: BOARD.first_core,
            first_core: BOARD.first_core,
            cores: usize::from(table.header.cores),
            end_ticks,
        };
        machine.order_by_criticality();
        machine.place_virtual_cores();
        machine.view_partitions();
        machine.choose_console_core();
        machine
    }

    /// The view of a partition.
    #[inline]
    pub fn partition(&self, index: usize) -> &PartitionView {
        &self.partitions[index % MAX_PARTITIONS]
    }

    fn criticality(&self, partition: usize) -> u8 {
        self.table
            .partitions
            .get(partition)
            .map_or(0, |partition| partition.criticality)
    }

    fn order_by_criticality(&mut self) {
        let count = self.table.partitions.len().min(MAX_PARTITIONS);
        for (index, place) in self.start_order.iter_mut().enumerate() {
            *place = index;
        }
        let table = self.table;
        if let Some(order) = self.start_order.get_mut(..count) {
            // Insertion sort: stable, and no recursion.
            for end in 1..count {
                for index in (1..=end).rev() {
                    let of = |partition: usize| {
                        table.partitions.get(partition).map_or(0, |p| p.criticality)
                    };
                    if of(order[index]) > of(order[index - 1]) {
                        order.swap(index, index - 1);
                    }
                }
            }
        }
    }

    fn place_virtual_cores(&mut self) {
        let order = self.start_order;
        for partition in order.into_iter().take(self.table.partitions.len()) {
            let Some(entry) = self.table.partitions.get(partition) else {
                continue;
            };
            let first = usize::from(entry.virtual_cores.first);
            for (number, core) in self.table.virtual_cores_of(entry).iter().enumerate() {
                let core = usize::from(core.core);
                let Some(slots) = self.residents.get_mut(core) else {
                    continue;
                };
                let Some(slot) = slots.iter().position(Option::is_none) else {
                    continue;
                };
                let virtual_core = first + number;
                slots[slot] = Some(Resident {
                    partition,
                    number,
                    virtual_core,
                });
                if let Some(place) = self.partitions[partition].places.get_mut(number) {
                    *place = Place {
                        core: core as u8,
                        slot: slot as u8,
                    };
                }
            }
        }
    }

    fn view_partitions(&mut self) {
        let table = self.table;
        for (index, entry) in table.partitions.iter().enumerate().take(MAX_PARTITIONS) {
            let view = &mut self.partitions[index];
            view.index = index;
            view.virtual_cores = usize::from(entry.virtual_cores.count).min(MAX_CORES);
            view.criticality = entry.criticality;
            view.responses = entry.responses;
            view.is_program = entry.kind == table::Kind::Program as u8;
            view.floating_point = entry.floating_point == FloatingPoint::Eager as u8;
            view.vectors = entry.vector == FloatingPoint::Eager as u8;
            if !view.is_program && entry.watchdog_ns != 0 {
                view.watchdog = arch::platform::watchdog();
            }
            view.has_console = entry.console != Console::None as u8;
            if entry.console == Console::Uart16550 as u8 {
                view.uart = entry.uart_base;
            }
            let ram = table
                .regions_of(entry)
                .iter()
                .filter(|r| r.kind == RegionKind::Ram as u8);
            for (place, region) in view.ram.iter_mut().zip(ram) {
                *place = Region {
                    base: region.base,
                    size: region.size,
                    writable: true,
                    executable: true,
                };
                view.ram_count = view.ram_count.wrapping_add(1);
            }
            let mut direct = [0_u32; 32];
            for (bit, line) in table.lines_of(entry).iter().enumerate() {
                if line.route == Route::Direct as u8 {
                    if let Some(word) = direct.get_mut(usize::from(line.line) / 32) {
                        *word |= 1 << (line.line % 32);
                    }
                } else if let Some(place) = self.mediated.get_mut(usize::from(line.line)) {
                    let target = view.place(u32::from(line.target));
                    *place = Some(LineOwner {
                        core: target.core,
                        slot: target.slot,
                        bit: bit as u8,
                    });
                }
            }
            view.complete(&table, entry, direct);
        }
    }

    /// The serial port is served where that delays the least critical work.
    fn choose_console_core(&mut self) {
        let weight = |core: usize| {
            self.residents
                .get(core)
                .and_then(|slots| slots[0])
                .map_or(0, |resident| {
                    u32::from(self.criticality(resident.partition)) + 1
                })
        };
        self.console_core = (self.first_core..self.cores)
            .min_by_key(|core| weight(*core))
            .unwrap_or(self.first_core);
    }
}
