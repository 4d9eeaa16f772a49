//! What the measurements need, and where it is.

use crate::system::Target;
use anyhow::{Context as _, bail};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The plugin's file as cargo names it.
const PLUGIN: &str = "libpartita_bench_plugin.so";

/// What the measurements need.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The root of the repository.
    pub root: PathBuf,
    /// The folder with everything that was built for the target.
    pub artefacts: PathBuf,
    /// The plugin.
    pub plugin: PathBuf,
    /// Debian's OpenSBI, if it is there.
    pub opensbi: Option<PathBuf>,
    /// The folder with Debian's Trusted Firmware-A, built for QEMU, if it is there.
    pub trusted_firmware: Option<PathBuf>,
    /// What QEMU says about its version.
    pub qemu_version: String,
    /// The Linux kernel's version.
    pub kernel_version: String,
    /// Fewer seeds and shorter runs.
    pub quick: bool,
    /// How many machines run at the same time.
    pub jobs: usize,
    /// The only boards to measure; all if there are none.
    pub boards: Vec<String>,
}

impl Environment {
    /// Finds everything.
    pub fn find(quick: bool, jobs: usize) -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("the crate has moved")?;
        let artefacts = root.join("target").join("partita");
        let kernel = read(&artefacts.join("linux/riscv64/Image"))?;
        Ok(Self {
            plugin: plugin()?,
            opensbi: env::var_os("PARTITA_OPENSBI")
                .map(PathBuf::from)
                .filter(|path| path.is_file()),
            trusted_firmware: env::var_os("PARTITA_TFA")
                .map(PathBuf::from)
                .filter(|path| path.is_dir()),
            qemu_version: qemu_version()?,
            kernel_version: kernel_version(&kernel)
                .context("the kernel does not tell its version")?,
            root: root.to_owned(),
            artefacts,
            quick,
            jobs: jobs.max(1),
            boards: Vec::new(),
        })
    }

    /// Whether the board of this name is to be measured.
    pub fn measures(&self, board: &str) -> bool {
        self.boards.is_empty() || self.boards.iter().any(|name| name == board)
    }

    /// Those of some targets that are to be measured.
    pub fn chosen<const N: usize>(&self, targets: [Target; N]) -> impl Iterator<Item = Target> {
        let targets = targets.into_iter();
        targets.filter(|target| self.measures(target.board))
    }

    /// The monitor's ELF file for a board.
    pub fn monitor_of(&self, board: &str) -> anyhow::Result<Vec<u8>> {
        read(&self.artefact(&format!("boards/{board}/monitor.elf")))
    }

    /// A file that was built for the target.
    pub fn artefact(&self, path: &str) -> PathBuf {
        self.artefacts.join(path)
    }
}

/// Reads a file that was built for the target.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let hint = || {
        format!(
            "cannot read {}; run `cargo xtask build` first",
            path.display()
        )
    };
    fs::read(path).with_context(hint)
}

/// Cargo lays the plugin beside this program, or in `deps` there, as it is one of its libraries.
fn plugin() -> anyhow::Result<PathBuf> {
    let program = env::current_exe().context("cannot tell where this program lies")?;
    let folder = program.parent().context("this program lies nowhere")?;
    let places = [folder.join("deps").join(PLUGIN), folder.join(PLUGIN)];
    let Some(found) = places.iter().find(|path| path.is_file()) else {
        bail!("there is no {PLUGIN} beside this program; run it by `cargo xtask bench`");
    };
    Ok(found.clone())
}

/// The program that `partita_run` starts, too.
fn qemu_version() -> anyhow::Result<String> {
    let named = env::var_os(partita_run::qemu::PROGRAM_VARIABLE).filter(|name| !name.is_empty());
    let program = named.unwrap_or_else(|| "qemu-system-riscv64".into());
    let output = Command::new(&program).arg("--version").output();
    let output = output.with_context(|| format!("cannot start {}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().unwrap_or_default();
    let version = line
        .split_once("version ")
        .map_or(line, |(_, version)| version);
    Ok(version.to_owned())
}

/// The version in a kernel's image that is not compressed: `Linux version 6.12… (…)`.
fn kernel_version(image: &[u8]) -> Option<String> {
    const BEFORE: &[u8] = b"Linux version ";
    let starts = image
        .windows(BEFORE.len())
        .enumerate()
        .filter(|(_, bytes)| *bytes == BEFORE);
    let versions = starts.map(|(at, _)| {
        let rest = image[at + BEFORE.len()..].iter().copied();
        rest.take_while(u8::is_ascii_graphic)
            .map(char::from)
            .collect::<String>()
    });
    versions
        .into_iter()
        .find(|version| version.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::kernel_version;

    #[test]
    fn the_version_of_a_kernel_is_in_its_image() {
        let image = b"\0Linux version %s\0\0Linux version 6.12.107+deb13-riscv64 (debian)\0";
        assert_eq!(
            kernel_version(image).as_deref(),
            Some("6.12.107+deb13-riscv64")
        );
        assert_eq!(kernel_version(b"nothing"), None);
    }
}
