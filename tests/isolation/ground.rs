//! The systems that the probes run in: who is where.

pub mod stage_2;
pub mod trustzone;

use crate::probe::{From, Machine, Variant};
use partita_abi::image::{CRASH_BYTES, RUN_PARAMETERS_OFFSET, RunParameters, TABLE_OFFSET};
use partita_board::{Aia, Board, Controller, Plic, Riscv64};
use partita_tests::System;

/// Where the prober's memory begins. It ends where the other partition's begins.
pub const BASE: u64 = System::FLAT_BASE;
/// Where in the prober's memory is what its program does not use: a slot of 16 bytes for each probe's instruction.
const SLOTS_OFFSET: u64 = 0x10_0000;
/// Behind them, tables and code that probes prepare.
pub const SCRATCH: u64 = BASE + 0x11_0000;
/// The more critical of the two, which cannot take the whole core.
const ASIL_D: &str = "criticality = \"ASIL-D\"\nbudget = \"500us\"\nperiod = \"1ms\"";

/// A place in memory that is not the prober's.
#[derive(Clone, Copy, Debug)]
pub struct Foreign {
    /// What it is.
    pub name: &'static str,
    /// Its first address.
    pub base: u64,
    /// Its end.
    pub end: u64,
}

/// Where things are, as one of the three sees it.
pub struct Ground {
    /// Who makes the probes.
    pub from: From,
    /// On which board.
    pub variant: Variant,
    /// What the machine and the system are like.
    pub machine: Machine,
    /// The board.
    pub board: Board,
    /// Where the prober's memory begins.
    pub base: u64,
    /// Its end.
    pub end: u64,
    /// Where the other partition's memory begins.
    pub others: u64,
    /// Its end.
    pub other_end: u64,
    /// The system's virtual hart numbers of the prober end here.
    pub harts: u64,
}

impl Ground {
    /// Of one of the three.
    pub fn new(from: From, variant: Variant, machine: Machine) -> Self {
        let size = match from {
            From::Linux if variant.is_behind_stage_2() => stage_2::LINUX_SIZE,
            From::Linux => 0x40_0000,
            From::Low | From::High => 0x20_0000,
        };
        let (base, others) = match (variant, from) {
            (Variant::TrustZone, _) | (Variant::SecureHypervisor, From::Linux) => {
                (BASE, trustzone::OTHER_BASE)
            }
            (Variant::SecureHypervisor, _) => (trustzone::PROGRAM_BASE, trustzone::OTHER_BASE),
            _ => (BASE, BASE + size),
        };
        Self {
            from,
            variant,
            machine,
            board: variant.board(),
            base,
            end: base + size,
            others,
            other_end: others + variant.others_size(),
            harts: if matches!(machine, Machine::TwoHarts) {
                2
            } else {
                1
            },
        }
    }

    /// Where the prober's slots are.
    pub const fn slots(&self) -> u64 {
        self.base + SLOTS_OFFSET
    }

    /// What its board has of RISC-V.
    ///
    /// # Panics
    /// If it is of another architecture.
    pub const fn riscv64(&self) -> &Riscv64 {
        self.board
            .architecture
            .riscv64()
            .expect("a board of RISC-V")
    }

    /// The system, where the prober carries out `words`.
    pub fn system(&self, words: &str) -> System {
        if self.variant.is_behind_stage_2() {
            return stage_2::system(self, words);
        }
        if self.variant.is_arm() {
            return trustzone::system(self, words);
        }
        let mut board = format!(
            "cores = {}\nmemory = \"512MiB\"\nvector = {}",
            self.core(2),
            self.machine == Machine::Vector
        );
        if self.variant == Variant::Calls {
            board.push_str("\nsstc = false");
        }
        let partitions = format!("{}\n{}", self.other(), self.prober(words));
        let system = System::on(self.board.name, &board, &partitions);
        if self.machine == Machine::Napot {
            let cpu = self.board.qemu.cpu.expect("a processor is chosen");
            let sstc = self.variant.has_own_timers();
            let cpu = format!("{cpu},sstc={sstc},smepmp=true,svnapot=true");
            system.qemu(&["-cpu", &cpu])
        } else {
            system
        }
    }

    /// The partition that must not be disturbed.
    fn other(&self) -> String {
        let has_clock = self.machine != Machine::OwnClock;
        let device = format!("{:?}", self.others_device());
        let devices = if has_clock { &*device } else { "" };
        let alarm = match (has_clock, self.variant) {
            (false, _) => String::new(),
            (true, Variant::Unleashed) => {
                let port = self.board.device(self.others_device());
                let port = port.expect("the board has it").window.base;
                format!("port:{port:#x} line:{}", self.others_line())
            }
            (true, _) => "clock:1".to_owned(),
        };
        let manifest = match self.from {
            From::Low | From::Linux => ASIL_D,
            From::High => "criticality = \"QM\"",
        };
        let timing = match (self.from, self.machine) {
            // It may have to wait for the other's budget, twice back to back.
            (From::High, _) => "period-us:3000 tolerance-us:1200",
            // The harts take turns of 20 us.
            (_, Machine::TwoHarts) => "period-us:1000 tolerance-us:100",
            // A step of loading the prober is not interrupted.
            _ => "period-us:1000 tolerance-us:40",
        };
        format!(
            r#"
            [partition.other]
            {manifest}
            image = "$guest"
            arguments = "witness ticks-per-us:{} {alarm} base:{:#x} end:{:#x} {timing}"
            memory = {{ base = "{:#x}", size = "{}KiB" }}
            cores = [{}, {}]
            devices = [{devices}]
            "#,
            self.ticks_per_us(),
            self.end,
            self.other_end,
            self.end,
            self.variant.others_size() / 1024,
            self.core(0),
            self.core(1),
        )
    }

    fn prober(&self, words: &str) -> String {
        let devices = match (self.machine, self.from) {
            (Machine::OwnClock, _) => format!("devices = [{:?}]", self.others_device()),
            (_, From::Linux) => {
                let accept = match self.own_device() {
                    "virtio0" => "accept = [\"dma\"]",
                    _ => "",
                };
                format!("devices = [{:?}]\n{accept}", self.own_device())
            }
            _ => String::new(),
        };
        let manifest = match self.from {
            From::High => ASIL_D,
            From::Low | From::Linux => "criticality = \"QM\"",
        };
        let program = match self.from {
            From::Linux => format!(
                "linux = {{ kernel = \"$flat\", command-line = \"{words}\" }}\nhealth = {{ double-trap = \"halt\" }}"
            ),
            From::Low | From::High => format!(
                "image = \"$guest\"\narguments = \"{words}\"\nhealth = {{ access-fault = \"log\", double-trap = \"halt\" }}"
            ),
        };
        let vector = match self.machine {
            Machine::Vector => "vector = \"eager\"",
            _ => "",
        };
        format!(
            r#"
            [partition.prober]
            {manifest}
            {program}
            memory = {{ base = "{BASE:#x}", size = "{}KiB" }}
            cores = {}
            {devices}
            {vector}
            "#,
            (self.end - BASE) / 1024,
            if self.harts == 2 {
                format!("[{}, {}]", self.core(0), self.core(1))
            } else {
                format!("[{}]", self.core(0))
            },
        )
    }

    /// Whether there is such a system on the board.
    pub const fn exists(&self) -> bool {
        match self.variant {
            Variant::Virt | Variant::Aia => true,
            Variant::Calls => !matches!(self.machine, Machine::Napot | Machine::Vector),
            Variant::Unleashed => matches!(self.machine, Machine::Usual | Machine::TwoHarts),
            _ => matches!(self.machine, Machine::Usual),
        }
    }

    /// The number of the core that is the partitions' first, second and so on.
    pub const fn core(&self, number: usize) -> usize {
        self.board.first_core + number
    }

    /// Ticks of machine time in a microsecond.
    pub const fn ticks_per_us(&self) -> u64 {
        self.board.timebase_hz / 1_000_000
    }

    /// The device of the other partition, which interrupts it in each of its periods.
    pub const fn others_device(&self) -> &'static str {
        match self.variant {
            Variant::Unleashed => "uart1",
            _ => "rtc",
        }
    }

    /// The device of Linux, with a direct line.
    pub const fn own_device(&self) -> &'static str {
        match self.variant {
            Variant::Unleashed => "pwm0",
            Variant::Stage2 | Variant::Stage2Max => "gpio",
            _ => "virtio0",
        }
    }

    /// A register of the interrupt controller that Linux may read as 0 and not write, and what it is.
    pub const fn filtered_register(&self) -> (&'static str, u64) {
        match self.riscv64().controller {
            Controller::Plic(plic) => {
                let context = plic.machine_context(self.core(0));
                (
                    "machine mode's threshold",
                    plic.window.base + Plic::context_offset(context),
                )
            }
            Controller::Aia(aia) => (
                "where machine level's messages go",
                aia.supervisor_domain.base + Aia::MACHINE_ADDRESS as u64,
            ),
        }
    }

    /// All memory that is not the prober's, by what it is.
    pub fn foreign_memory(&self) -> Vec<Foreign> {
        let system = self.system("idle");
        let plan = system.plan();
        let ram = self.board.ram_base;
        let symbol = |name: &str| system.monitor_symbol(name);
        let (first, last) = (&plan.parts[0], &plan.parts[plan.parts.len() - 1]);
        let crash = plan.store_end - CRASH_BYTES;
        let foreign = |name, base, end| Foreign { name, base, end };
        vec![
            foreign("the monitor's text", ram, symbol("__text_end")),
            foreign(
                "the monitor's data",
                symbol("__data_start"),
                symbol("__stacks"),
            ),
            foreign(
                "the monitor's stacks",
                symbol("__stacks"),
                symbol("__data_end"),
            ),
            foreign(
                "the system table",
                ram + TABLE_OFFSET,
                ram + TABLE_OFFSET + plan.table.len() as u64,
            ),
            foreign(
                "the run parameters",
                ram + RUN_PARAMETERS_OFFSET,
                ram + RUN_PARAMETERS_OFFSET + size_of::<RunParameters>() as u64,
            ),
            foreign(
                "the store",
                first.source,
                last.source + last.bytes.len() as u64,
            ),
            foreign("the crash records", crash, plan.store_end),
            foreign("the other partition's memory", self.end, self.other_end),
            foreign(
                "memory that is nobody's",
                self.other_end,
                ram + plan.memory_bytes,
            ),
        ]
    }

    /// The interrupt controller.
    ///
    /// # Panics
    /// If it is another one.
    pub const fn controller(&self) -> Plic {
        match self.riscv64().controller {
            Controller::Plic(plic) => plic,
            Controller::Aia(_) => panic!("this board has an APLIC"),
        }
    }

    /// The other kind of interrupt controller.
    ///
    /// # Panics
    /// If it is another one.
    pub const fn aia(&self) -> Aia {
        match self.riscv64().controller {
            Controller::Plic(_) => panic!("this board has a PLIC"),
            Controller::Aia(aia) => aia,
        }
    }

    /// A register of the interrupt controller.
    pub const fn plic(&self, offset: u64) -> u64 {
        self.controller().window.base + offset
    }

    /// The line of the other partition's device.
    pub fn others_line(&self) -> u16 {
        let device = self.board.device(self.others_device());
        device.expect("the board has it").lines[0]
    }

    /// Contexts of the interrupt controller that are not the prober's, by what they are.
    pub const fn contexts(&self) -> [(&'static str, usize); 4] {
        [
            (
                "own hart, machine mode",
                self.controller().machine_context(self.core(0)),
            ),
            (
                "own hart, supervisor mode",
                self.controller().supervisor_context(self.core(0)),
            ),
            (
                "other hart, machine mode",
                self.controller().machine_context(self.core(1)),
            ),
            (
                "other hart, supervisor mode",
                self.controller().supervisor_context(self.core(1)),
            ),
        ]
    }
}
