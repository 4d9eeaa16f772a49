//! Building a FreeRTOS partition: called from the `build.rs` of a binary crate.

use crate::arm_port;
use crate::supervisor_port::{self, ChangedUpstream};
use std::path::{Path, PathBuf};
use std::{env, fs, process::Command};

/// The kernel's sources, from the crate that carries them.
const KERNEL: &str = env!("PARTITA_FREERTOS_KERNEL");

/// A file of the port, by its name, with its text: so the build depends on no path of this crate.
macro_rules! port_files {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("../port/", $name)))),*] };
}

/// The part of the port that is written for a partition.
const PORT_FILES: [(&str, &str); 11] = port_files![
    "partition.c",
    "partition.h",
    "line.c",
    "lateness.c",
    "lateness.h",
    "include/hidden.h",
    "include/stdlib.h",
    "include/string.h",
    "include/partita.h",
    "include/partita_freertos_config.h",
    "include/freertos_risc_v_chip_specific_extensions.h",
];

/// What differs between the architectures that a partition can be built for.
struct Architecture {
    /// As the build script is told it.
    name: &'static str,
    /// Its part of the port.
    files: &'static [(&'static str, &'static str)],
    /// The folder of upstream's port, and its files.
    upstream: (&'static str, &'static [&'static str]),
    /// What a file of upstream's port becomes.
    convert: fn(&str, &str) -> Result<String, ChangedUpstream>,
    /// The cross compilers that are looked for, in this order.
    compilers: &'static [&'static str],
    /// Their Debian package.
    package: &'static str,
    /// Options of the compiler.
    flags: &'static [&'static str],
}

const RISCV64: Architecture = Architecture {
    name: "riscv64",
    files: &port_files!["trap.S", "riscv64.c"],
    upstream: ("GCC/RISC-V", &supervisor_port::FILES),
    convert: supervisor_port::convert,
    compilers: &[
        "riscv64-linux-gnu-gcc",
        "riscv64-unknown-elf-gcc",
        "riscv64-unknown-linux-gnu-gcc",
    ],
    package: "gcc-riscv64-linux-gnu",
    // The target's own flags come first; these override them.
    flags: &["-march=rv64imac_zicsr", "-mabi=lp64", "-mcmodel=medany"],
};

const AARCH64: Architecture = Architecture {
    name: "aarch64",
    files: &port_files!["aarch64_vectors.S", "aarch64.c"],
    upstream: (
        "GCC/ARM_AARCH64_SRE",
        &["port.c", "portASM.S", "portmacro.h"],
    ),
    convert: |_, upstream| Ok(upstream.to_owned()),
    compilers: &["aarch64-linux-gnu-gcc", "aarch64-none-elf-gcc"],
    package: "gcc-aarch64-linux-gnu",
    flags: &[
        // Nothing but integers, and no access that device memory refuses: translation is off.
        "-march=armv8-a",
        "-mgeneral-regs-only",
        "-mstrict-align",
        "-mno-outline-atomics",
        // Upstream's way to say "EL1", and that its tick does not run at the lowest priority.
        "-DGUEST",
        "-DQEMU",
    ],
};

/// With a GICv2, whose interface is a device. For packages with the feature `gicv2`.
const AARCH64_GICV2: Architecture = Architecture {
    upstream: ("GCC/ARM_AARCH64", AARCH64.upstream.1),
    convert: arm_port::convert,
    flags: &[
        "-march=armv8-a",
        "-mgeneral-regs-only",
        "-mstrict-align",
        "-mno-outline-atomics",
        "-DGUEST",
        "-DQEMU",
        "-DPARTITA_GICV2",
        // Upstream warns of its own way to say "EL1".
        "-Wno-cpp",
    ],
    ..AARCH64
};

impl Architecture {
    /// The one that the calling package is built for.
    fn wanted() -> &'static Self {
        let name = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets CARGO_CFG_TARGET_ARCH");
        if name == AARCH64.name && env::var_os("CARGO_FEATURE_GICV2").is_some() {
            return &AARCH64_GICV2;
        }
        let mut known = [&RISCV64, &AARCH64].into_iter();
        known
            .find(|architecture| architecture.name == name)
            .unwrap_or_else(|| panic!("there is no port for {name}"))
    }
}

/// The kernel's files that depend on nothing but the port. What an application leaves out is not
/// linked.
const KERNEL_FILES: [&str; 7] = [
    "croutine.c",
    "event_groups.c",
    "list.c",
    "queue.c",
    "stream_buffer.c",
    "tasks.c",
    "timers.c",
];

/// A partition that runs FreeRTOS: the application's C files and its `FreeRTOSConfig.h`.
#[derive(Debug)]
pub struct Partition {
    directory: PathBuf,
    files: Vec<PathBuf>,
}

impl Partition {
    /// A partition whose C files and `FreeRTOSConfig.h` lie in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            files: Vec::new(),
        }
    }

    /// Adds C files, named relative to the directory.
    #[must_use]
    pub fn files<'a>(mut self, files: impl IntoIterator<Item = &'a str>) -> Self {
        self.files
            .extend(files.into_iter().map(|file| self.directory.join(file)));
        self
    }

    /// Compiles the kernel, the port and the application, and links them with the calling package's
    /// binary as a partition image. Does nothing when that is built for the developer's machine.
    ///
    /// # Panics
    ///
    /// If called outside a build script, and, with a message that says what to do, if there is no
    /// cross compiler, if a file does not compile, or if the kernel's port is an unknown one.
    pub fn build(&self) {
        partita_guest_rt::build::link_partition();
        if !partita_guest_rt::build::builds_for_a_partition() {
            return;
        }
        println!("cargo::rerun-if-changed={}", self.directory.display());
        let architecture = Architecture::wanted();
        let port = write_port(architecture);
        let mut compiler = compiler(architecture, &port);
        compiler
            .include(&self.directory)
            .include(port.join("include"))
            .include(Path::new(KERNEL).join("include"))
            .include(&port)
            .files(KERNEL_FILES.map(|file| Path::new(KERNEL).join(file)))
            .files(
                architecture
                    .upstream
                    .1
                    .iter()
                    .chain(
                        PORT_FILES
                            .iter()
                            .chain(architecture.files)
                            .map(|(name, _)| name),
                    )
                    .filter(|name| !name.ends_with(".h"))
                    .map(|name| port.join(name)),
            )
            .files(&self.files);
        // Whole, as the port's handlers replace weak symbols of the kernel.
        compiler
            .link_lib_modifier("+whole-archive")
            .compile("partita-freertos");
    }
}

/// Writes the port's files into the build directory, and returns where.
fn write_port(architecture: &Architecture) -> PathBuf {
    let output = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("port");
    let write = |name: &str, text: &str| {
        let path = output.join(name);
        fs::create_dir_all(path.parent().expect("the file is in the port's directory"))
            .and_then(|()| fs::write(&path, text))
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    };
    let (folder, files) = architecture.upstream;
    for file in files {
        let upstream = Path::new(KERNEL).join("portable").join(folder).join(file);
        let text = fs::read_to_string(&upstream)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", upstream.display()));
        match (architecture.convert)(file, &text) {
            Ok(text) => write(file, &text),
            Err(error) => panic!("{error}"),
        }
    }
    for (name, text) in PORT_FILES.iter().chain(architecture.files) {
        write(name, text);
    }
    output
}

/// The cross compiler with the flags of a partition, for the port's files in `port`.
fn compiler(architecture: &Architecture, port: &Path) -> cc::Build {
    let mut build = cc::Build::new();
    if !names_a_compiler() {
        let mut compilers = architecture.compilers.iter();
        let compiler = compilers.find(|name| runs(name)).unwrap_or_else(|| {
            panic!(
                "no C compiler for {} is installed: run `cargo xtask setup`, install Debian's {}, or name \
                 one in CC_{}",
                architecture.name,
                architecture.package,
                env::var("TARGET").unwrap_or_default().replace('-', "_")
            )
        });
        build
            .compiler(compiler)
            .archiver(compiler.replace("-gcc", "-ar"));
    }
    build
        .flags(architecture.flags)
        // With every symbol hidden, position independence costs no indirection by a GOT.
        .flag("-fPIE")
        .flag("-include")
        .flag(port.join("include/hidden.h"))
        .flag("-std=gnu11")
        .flag("-ffreestanding")
        .flag("-fno-stack-protector")
        .flag("-fno-asynchronous-unwind-tables")
        .flag("-ffunction-sections")
        .flag("-fdata-sections")
        .flag("-fno-common")
        .force_frame_pointer(false)
        .warnings(true)
        .extra_warnings(false)
        .flag_if_supported("-Wno-unused-parameter");
    build
}

/// Whether the environment names a compiler, by one of the variables that the `cc` crate reads.
fn names_a_compiler() -> bool {
    let target = env::var("TARGET").expect("cargo sets TARGET");
    let names = [
        format!("CC_{target}"),
        format!("CC_{}", target.replace('-', "_")),
        "TARGET_CC".to_owned(),
        "CROSS_COMPILE".to_owned(),
    ];
    names.iter().any(|name| {
        println!("cargo::rerun-if-env-changed={name}");
        env::var_os(name).is_some()
    })
}

/// Whether the compiler is there.
fn runs(compiler: &str) -> bool {
    Command::new(compiler)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}
