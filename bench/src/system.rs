//! The systems that are measured.

use crate::environment::Environment;
use crate::symbols::Symbols;
use anyhow::{Context as _, bail};
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
}

impl Target {
    /// Where all other figures are taken.
    pub const VIRT: Self = Self {
        board: "qemu-virt-riscv64",
        sstc: true,
    };
    /// The others whose latency is measured.
    pub const OTHERS: [Self; 3] = [
        Self {
            board: "qemu-virt-riscv64-aia",
            sstc: true,
        },
        Self {
            board: "qemu-virt-riscv64",
            sstc: false,
        },
        Self {
            board: "sifive-u",
            sstc: false,
        },
    ];

    /// The number of its first usable core.
    fn first_core(self) -> usize {
        partita_board::by_name(self.board).map_or(0, |board| board.first_core)
    }

    /// Nanoseconds in a step of its machine time.
    pub fn step_ns(self) -> u64 {
        partita_board::by_name(self.board).map_or(0, |board| board.ticks_to_ns(1))
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
}

impl Description {
    /// The kernel's command line.
    pub fn command_line(&self) -> String {
        format!(
            "console=ttyS0 quiet partita.run={} partita.seed={}",
            self.linux, self.seed
        )
    }

    /// The manifest. The cluster's entry is that of `examples/cockpit`.
    fn manifest(&self, environment: &Environment) -> String {
        let path = |name| environment.artefact(name).display().to_string();
        let first = self.target.first_core();
        let mut text = format!(
            "[system]\nname = \"bench\"\n\n[board]\nname = \"{}\"\nmemory = \"1GiB\"\ncores = {}\nsstc = {}\nvector = {}\n",
            self.target.board,
            first + self.harts,
            self.target.sstc,
            matches!(self.cluster, Some((_, FloatingPoint::Vector)))
        );
        if let Some((hart, floating_point)) = self.cluster {
            let policy = match floating_point {
                FloatingPoint::None => "fp = \"none\"",
                FloatingPoint::Eager => "fp = \"eager\"",
                FloatingPoint::Vector => "fp = \"eager\"\nvector = \"eager\"",
            };
            let hart = first + hart;
            let image = path("guests/riscv64/instrument-cluster.elf");
            let _ = write!(
                text,
                "\n[partition.cluster]\ncriticality = \"ASIL-B\"\nimage = {image:?}\nmemory = \"1MiB\"\n\
                 cores = [{hart}]\n{policy}\nbudget = \"800us\"\nperiod = \"1ms\"\n"
            );
        }
        let (kernel, initramfs) = (
            path("linux/riscv64/Image"),
            path("linux/riscv64/initramfs.cpio"),
        );
        let cores: Vec<_> = (first..first + self.harts).collect();
        let _ = write!(
            text,
            "\n[partition.linux]\ncriticality = \"QM\"\nmemory = \"512MiB\"\ncores = {cores:?}\n\
             linux = {{ kernel = {kernel:?}, initramfs = {initramfs:?}, command-line = {:?} }}\n\
             \n[run]\nconsole = \"linux\"\n",
            self.command_line()
        );
        text
    }
}

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
        let elf = fs::read(environment.artefact("guests/riscv64/instrument-cluster.elf"));
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

    /// A partition by its name.
    pub fn partition(&self, name: &str) -> Option<&PlannedPartition> {
        self.plan
            .partitions
            .iter()
            .find(|partition| partition.name == name)
    }
}
