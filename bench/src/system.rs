//! The systems that are measured.

use crate::caller;
use crate::environment::Environment;
use crate::symbols::Symbols;
use anyhow::{Context as _, bail};
use partita_board::{Architecture, Board, Window};
use partita_image::{PrivateKey, SystemImage};
use partita_manifest::{Plan, PlannedPartition};
use std::fmt::Write as _;
use std::fs;

/// Floating-point and vector policy of the instrument cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FloatingPoint {
    /// It uses none.
    None,
    /// Its registers are switched each time.
    Eager,
    /// Its vector registers too, of 128 bits as QEMU has them, on a board with vectors.
    Vector,
}

/// A board, and what its cores can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The board's name.
    pub board: &'static str,
    /// Whether its cores have Sstc.
    pub sstc: bool,
    /// Whether its partitions are behind stage 2 of the normal world.
    pub stage_2: bool,
}

impl Target {
    /// Where all other figures are taken.
    pub const VIRT: Self = Self {
        board: "qemu-virt-riscv64",
        sstc: true,
        stage_2: false,
    };
    /// TrustZone, with a GICv3.
    pub const ARM: Self = Self::arm("qemu-virt-aarch64");
    /// The same with a GICv2.
    pub const ARM_GICV2: Self = Self::arm("qemu-virt-aarch64-gicv2");
    /// The others of RISC-V whose latency is measured.
    pub const OTHERS: [Self; 3] = [
        Self {
            board: "qemu-virt-riscv64-aia",
            sstc: true,
            stage_2: false,
        },
        Self {
            board: "qemu-virt-riscv64",
            sstc: false,
            stage_2: false,
        },
        Self {
            board: "sifive-u",
            sstc: false,
            stage_2: false,
        },
    ];

    /// EL2 is the monitor's, with a GICv3.
    pub const ARM_STAGE_2: Self = Self::ARM.behind_stage_2();
    /// The same with a GICv2.
    pub const ARM_GICV2_STAGE_2: Self = Self::ARM_GICV2.behind_stage_2();

    const fn arm(board: &'static str) -> Self {
        Self {
            board,
            sstc: false,
            stage_2: false,
        }
    }

    const fn behind_stage_2(self) -> Self {
        Self {
            stage_2: true,
            ..self
        }
    }

    /// What is known of the board.
    pub fn known(self) -> &'static Board {
        partita_board::by_name(self.board).unwrap_or(&partita_board::QEMU_VIRT_RISCV64)
    }

    /// Whether it is one of Arm.
    pub fn is_arm(self) -> bool {
        self.known().architecture.aarch64().is_some()
    }

    /// Whether its cores could have Sstc, and have it not.
    pub fn lacks_sstc(self) -> bool {
        !self.sstc && !self.is_arm()
    }

    /// What firmware runs at there, in words.
    pub fn level(self) -> &'static str {
        if self.is_arm() { "EL3" } else { "machine mode" }
    }

    /// The board's name in front of what is told of it, unless it is the one where most figures are taken.
    pub fn prefix(self) -> String {
        if self == Self::VIRT {
            String::new()
        } else {
            format!("`{}`{}, ", self.board, self.shape())
        }
    }

    /// What keeps partitions apart, where that is a choice and not the usual one.
    pub const fn shape(self) -> &'static str {
        if self.stage_2 { ", stage 2" } else { "" }
    }

    /// The number of its first usable core.
    fn first_core(self) -> usize {
        self.known().first_core
    }

    /// Nanoseconds in a step of its machine time.
    pub fn step_ns(self) -> u64 {
        self.known().ticks_to_ns(1)
    }

    /// Where the instrument cluster built for it is.
    fn cluster(self) -> String {
        format!(
            "guests/{}/instrument-cluster.elf",
            self.known().architecture.platform()
        )
    }

    /// Where a file of Linux for it is.
    pub fn linux(self, file: &str) -> String {
        format!("linux/{}/{file}", self.known().architecture.name())
    }

    /// What its kernel's command line begins with.
    fn console(self) -> &'static str {
        match self.known().console_port() {
            // Linux takes the port that its device tree names.
            Some(_) if !self.stage_2 => "",
            _ => "console=ttyS0 ",
        }
    }

    /// Lines of `[board]` about what its cores can do.
    fn lines(self, vector: bool) -> String {
        if self.is_arm() {
            return String::new();
        }
        format!("sstc = {}\nvector = {vector}\n", self.sstc)
    }
}

/// A system to measure.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The board.
    pub target: Target,
    /// Number of harts; Linux has all of them.
    pub harts: usize,
    /// The hart of the instrument cluster, if it is there, and its policy.
    pub cluster: Option<(usize, FloatingPoint)>,
    /// What Linux does, see `guest/linux/README.md`.
    pub linux: &'static str,
    /// Makes the command line, and so the run, another one.
    pub seed: u32,
    /// Whether the monitor asks for a signature, and there is one.
    pub signed: bool,
    /// Whether [`crate::caller`] is in Linux's place.
    pub caller: bool,
}

impl Description {
    /// The kernel's command line.
    pub fn command_line(&self) -> String {
        format!(
            "{}quiet partita.run={} partita.seed={}",
            self.target.console(),
            self.linux,
            self.seed
        )
    }

    /// The manifest. The cluster's entry is that of `examples/cockpit`.
    fn manifest(&self, environment: &Environment) -> String {
        let path = |name: &str| environment.artefact(name).display().to_string();
        let first = self.target.first_core();
        let vector = matches!(self.cluster, Some((_, FloatingPoint::Vector)));
        let mut text = format!(
            "[system]\nname = \"bench\"\n{}\n[board]\nname = \"{}\"\nmemory = \"1GiB\"\ncores = {}\n{}",
            if self.target.stage_2 {
                "isolation = \"stage2\"\n"
            } else {
                ""
            },
            self.target.board,
            first + self.harts,
            self.target.lines(vector)
        );
        if let Some((hart, floating_point)) = self.cluster {
            let policy = match floating_point {
                FloatingPoint::None => "fp = \"none\"",
                FloatingPoint::Eager => "fp = \"eager\"",
                FloatingPoint::Vector => "fp = \"eager\"\nvector = \"eager\"",
            };
            let hart = first + hart;
            let image = path(&self.target.cluster());
            let _ = write!(
                text,
                "\n[partition.cluster]\ncriticality = \"ASIL-B\"\nimage = {image:?}\nmemory = \"1MiB\"\n\
                 cores = [{hart}]\n{policy}\nbudget = \"800us\"\nperiod = \"1ms\"\n{}",
                if self.target.stage_2 {
                    ""
                } else {
                    "accept = [\"trusted-base\"]\n"
                }
            );
        }
        let images = if self.caller {
            format!("kernel = {:?}", path(caller::FILE))
        } else {
            let path = |name| path(&self.target.linux(name));
            let (kernel, initramfs) = (path("Image"), path("initramfs.cpio"));
            format!("kernel = {kernel:?}, initramfs = {initramfs:?}")
        };
        let cores: Vec<_> = (first..first + self.harts).collect();
        let _ = write!(
            text,
            "\n[partition.linux]\ncriticality = \"QM\"\nmemory = \"512MiB\"\ncores = {cores:?}\n\
             linux = {{ {images}, command-line = {:?} }}\n\
             \n[run]\nconsole = \"linux\"\n",
            self.command_line()
        );
        text
    }
}

/// How much RAM may there be.
const MOST_RAM: u64 = 1 << 33;

/// Signs the measured systems. Always the same, so that the counts are; it protects nothing.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg
-----END PRIVATE KEY-----
";

/// A system with everything that is known about its addresses.
pub struct System {
    /// The plan.
    pub plan: Plan,
    /// The monitor's ELF file.
    pub monitor_file: Vec<u8>,
    /// Its symbols.
    pub monitor: Symbols,
    /// Symbols of the cluster, as they are linked.
    pub cluster: Symbols,
}

impl System {
    /// The image to boot.
    pub fn image(&self, description: &Description) -> anyhow::Result<SystemImage> {
        let mut image = partita_image::pack(&self.plan, &self.monitor_file)?;
        if description.signed {
            let key = PrivateKey::from_pem(KEY)?;
            image.provision(&key.public(), 0)?.sign(&key)?;
        }
        Ok(image)
    }

    /// Plans the system of a description.
    pub fn new(environment: &Environment, description: &Description) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let path = folder.path().join("system.toml");
        fs::write(&path, description.manifest(environment)).context("cannot write a manifest")?;
        let plan = match partita_manifest::load(&path) {
            Ok(plan) => plan,
            Err(problems) => bail!(
                "the manifest of a measurement is wrong\n{}",
                problems.render(false)
            ),
        };
        let elf = fs::read(environment.artefact(&description.target.cluster()));
        let elf =
            elf.context("cannot read the instrument cluster; run `cargo xtask build` first")?;
        let monitor = environment.monitor_of(description.target.board)?;
        Ok(Self {
            plan,
            monitor: Symbols::read(&monitor)?,
            monitor_file: monitor,
            cluster: Symbols::read(&elf)?,
        })
    }

    /// The first instruction of a trap in the monitor, or its table of vectors.
    pub fn trap_entry(&self) -> anyhow::Result<u64> {
        self.monitor.address(match self.plan.board.architecture {
            Architecture::Riscv64(_) => "trap_entry",
            Architecture::Aarch64(_) => "monitor_vectors",
        })
    }

    /// The first instruction of a trap in FreeRTOS, or its table of vectors.
    pub fn cluster_vector(&self) -> anyhow::Result<u64> {
        self.cluster.address(match self.plan.board.architecture {
            Architecture::Riscv64(_) => "partita_freertos_vector",
            Architecture::Aarch64(_) => "_freertos_vector_table",
        })
    }

    /// The memories of the machine, each with an address in it that is executed before any translation.
    pub fn memories(&self) -> Vec<(Window, u64)> {
        let board = self.plan.board;
        let ram = Window {
            base: board.ram_base,
            size: MOST_RAM,
        };
        let Some(secure) = board.secure else {
            return vec![(ram, board.image_base)];
        };
        // One memory of QEMU's, of which the monitor has the beginning.
        let programs = Window {
            base: secure.monitor.base,
            size: secure.monitor.size + secure.programs.size,
        };
        let is_apart = self
            .partition("cluster")
            .is_some_and(|cluster| cluster.ram.base < board.ram_base);
        let entries = [("linux", ram), ("cluster", programs)];
        let entries = entries
            .into_iter()
            .filter(|(name, _)| is_apart || *name == "linux");
        let partitions = entries.filter_map(|(name, memory)| {
            let partition = self.partition(name)?;
            Some((memory, partition.entry))
        });
        [(secure.flash, board.image_base)]
            .into_iter()
            .chain(partitions)
            .collect()
    }

    /// A partition by its name.
    pub fn partition(&self, name: &str) -> Option<&PlannedPartition> {
        self.plan
            .partitions
            .iter()
            .find(|partition| partition.name == name)
    }
}
