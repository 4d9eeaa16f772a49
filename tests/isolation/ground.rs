//! The systems that the probes run in: who is where.

use crate::probe::{From, Machine};
use partita_abi::image::{CRASH_BYTES, RUN_PARAMETERS_OFFSET, RunParameters, TABLE_OFFSET};
use partita_board::{Aia, Board, Controller, Plic, Riscv64};
use partita_tests::System;

/// Where the prober's memory begins. It ends where the other partition's begins.
pub const BASE: u64 = System::FLAT_BASE;
/// The prober's memory that its program does not use: a slot of 16 bytes for each probe's instruction.
pub const SLOTS: u64 = BASE + 0x10_0000;
/// Behind them, tables and code that probes prepare.
pub const SCRATCH: u64 = BASE + 0x11_0000;
/// Size of the other partition's memory.
const OTHER_SIZE: u64 = 0x4_0000;
/// The device of the other partition: the clock, which interrupts it in each of its periods.
pub const OTHERS_DEVICE: &str = "rtc";
/// The more critical of the two, which cannot take the whole core.
const ASIL_D: &str = "criticality = \"ASIL-D\"\nbudget = \"500us\"\nperiod = \"1ms\"";
/// The device of Linux, with a direct line.
pub const OWN_DEVICE: &str = "virtio0";

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
    /// What the machine and the system are like.
    pub machine: Machine,
    /// The board.
    pub board: Board<Riscv64>,
    /// End of the prober's memory.
    pub end: u64,
    /// End of the other partition's memory, which begins at [`Ground::end`].
    pub other_end: u64,
    /// The system's virtual hart numbers of the prober end here.
    pub harts: u64,
}

impl Ground {
    /// Of one of the three.
    pub fn new(from: From, machine: Machine) -> Self {
        let size = if from == From::Linux {
            0x40_0000
        } else {
            0x20_0000
        };
        Self {
            from,
            machine,
            board: match machine {
                Machine::Aia => partita_board::QEMU_VIRT_RISCV64_AIA,
                _ => partita_board::QEMU_VIRT_RISCV64,
            }
            .riscv64()
            .expect("a board of RISC-V"),
            end: BASE + size,
            other_end: BASE + size + OTHER_SIZE,
            harts: if machine == Machine::TwoHarts { 2 } else { 1 },
        }
    }

    /// The system, where the prober carries out `words`.
    pub fn system(&self, words: &str) -> System {
        let board = format!(
            "cores = 2\nmemory = \"512MiB\"\nvector = {}",
            self.machine == Machine::Vector
        );
        let partitions = format!("{}\n{}", self.other(), self.prober(words));
        let system = System::on(self.board.name, &board, &partitions);
        if self.machine == Machine::Napot {
            system.qemu(&["-cpu", "rv64,h=false,smepmp=true,svnapot=true"])
        } else {
            system
        }
    }

    /// The partition that must not be disturbed.
    fn other(&self) -> String {
        let has_clock = self.machine != Machine::OwnClock;
        let devices = if has_clock { "\"rtc\"" } else { "" };
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
            arguments = "witness clock:{} base:{:#x} end:{:#x} {timing}"
            memory = {{ base = "{:#x}", size = "{}KiB" }}
            cores = [0, 1]
            devices = [{devices}]
            "#,
            u8::from(has_clock),
            self.end,
            self.other_end,
            self.end,
            OTHER_SIZE / 1024,
        )
    }

    fn prober(&self, words: &str) -> String {
        let devices = match (self.machine, self.from) {
            (Machine::OwnClock, _) => "devices = [\"rtc\"]",
            (_, From::Linux) => "devices = [\"virtio0\"]\naccept = [\"dma\"]",
            _ => "",
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
            if self.harts == 2 { "[0, 1]" } else { "[0]" },
        )
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
        match self.board.architecture.controller {
            Controller::Plic(plic) => plic,
            Controller::Aia(_) => panic!("this board has an APLIC"),
        }
    }

    /// The other kind of interrupt controller.
    ///
    /// # Panics
    /// If it is another one.
    pub const fn aia(&self) -> Aia {
        match self.board.architecture.controller {
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
        let device = self.board.device(OTHERS_DEVICE);
        device.expect("the board has it").lines[0]
    }

    /// Contexts of the interrupt controller that are not the prober's, by what they are.
    pub const fn contexts(&self) -> [(&'static str, usize); 4] {
        [
            (
                "own hart, machine mode",
                self.controller().machine_context(0),
            ),
            (
                "own hart, supervisor mode",
                self.controller().supervisor_context(0),
            ),
            (
                "other hart, machine mode",
                self.controller().machine_context(1),
            ),
            (
                "other hart, supervisor mode",
                self.controller().supervisor_context(1),
            ),
        ]
    }
}
