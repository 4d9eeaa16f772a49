//! Trusted Firmware-A for QEMU's `virt`, built from Debian's source package outside this tree: the yardstick of `bench`
//! for calls on Arm.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::apt::Apt;
use super::guests::RELEASE;
use super::{compiler, debian, lock_cache};
use crate::architecture::AARCH64;
use crate::paths::Paths;
use crate::{process, progress};

/// The source package, and the environment variable in which a person can name a folder with what was built.
const PACKAGE: &str = "arm-trusted-firmware";
const VARIABLE: &str = "PARTITA_TFA";
/// What is in the folder: the machine's flash, the part that answers calls with its symbols, where it is from.
const FLASH: &str = "flash.bin";
const RUNTIME: &str = "bl31.elf";
const ORIGIN: &str = "origin";
/// Where in the flash the second file begins (TF-A, `plat/qemu/qemu/include/platform_def.h`).
const SECOND: usize = 0x4_0000;
/// What is built: as QEMU's documentation of TF-A says, with a kernel at an address of its own behind it.
const OPTIONS: [&str; 6] = [
    "PLAT=qemu",
    "DEBUG=0",
    "QEMU_USE_GIC_DRIVER=QEMU_GICV3",
    "ARM_LINUX_KERNEL_AS_BL33=1",
    "PRELOADED_BL33_BASE=0x40200000",
    "ARM_PRELOADED_DTB_BASE=0x40000000",
];

/// The folder. It can be done without, so a person is only told.
pub fn find(paths: &Paths) -> Option<PathBuf> {
    let found = supply(paths).inspect_err(|error| {
        progress::note(&format!(
            "without Trusted Firmware-A, which `bench` compares with: {error:#}; name a folder with {FLASH} and \
             {RUNTIME} in {VARIABLE}"
        ));
    });
    found.ok()
}

fn supply(paths: &Paths) -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).map(PathBuf::from) {
        let folder = std::path::absolute(&named).unwrap_or(named);
        check(&folder)?;
        return Ok(folder);
    }
    let folder = paths.cached_trusted_firmware();
    if check(&folder).is_err() {
        let _lock = lock_cache(paths)?;
        build(paths, &folder)?;
    }
    let origin = fs::read_to_string(folder.join(ORIGIN)).unwrap_or_default();
    let text = format!("{} ({})", origin.trim(), folder.display());
    progress::ready("Trusted Firmware-A", &text);
    Ok(folder)
}

fn check(folder: &Path) -> Result<()> {
    for name in [FLASH, RUNTIME] {
        let path = folder.join(name);
        ensure!(path.is_file(), "{} is not a file", path.display());
    }
    Ok(())
}

/// Downloads and builds it. The folder appears when all of it is there.
fn build(paths: &Paths, folder: &Path) -> Result<()> {
    let compiler =
        compiler::find(&AARCH64.compiler).context("there is no C compiler for aarch64")?;
    let prefix = compiler.to_string_lossy().into_owned();
    let prefix = prefix
        .strip_suffix("gcc")
        .context("the C compiler for aarch64 is not one of GNU's")?;
    let archives = debian::archives_of(RELEASE).map_err(anyhow::Error::msg)?;
    let apt = Apt::for_sources(paths.cache.join("apt").join("source"), &archives)?;
    progress::step("fetching", &format!("lists of {RELEASE}'s source packages"));
    apt.update();
    let work = paths.cache.join("unpacking");
    let _ = fs::remove_dir_all(&work);
    let source = work.join("source");
    fs::create_dir_all(&source).with_context(|| format!("cannot create {}", source.display()))?;
    progress::step("downloading", &format!("the source of {PACKAGE}"));
    apt.download_source(PACKAGE, &work)?;
    let archive = file(&work, ".orig.tar.xz")?;
    let log = |name: &str| work.join(format!("{name}.log"));
    process::run_logged(
        Command::new("tar")
            .args([
                "--extract",
                "--no-same-owner",
                "--strip-components=1",
                "--file",
            ])
            .arg(&archive)
            .arg("-C")
            .arg(&source),
        &log("tar"),
    )?;
    progress::step("building", PACKAGE);
    let built = work.join("build");
    process::run_logged(
        Command::new("make")
            .arg("-C")
            .arg(&source)
            .args(["-j2", &format!("CROSS_COMPILE={prefix}")])
            .arg(format!("BUILD_BASE={}", built.display()))
            .args(OPTIONS)
            .args(["all", "fip"]),
        &log("make"),
    )?;
    let release = built.join("qemu").join("release");
    let read = |name: &str| {
        let path = release.join(name);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let mut flash = read("bl1.bin")?;
    ensure!(
        flash.len() <= SECOND,
        "the first file of the flash is too large"
    );
    flash.resize(SECOND, 0);
    flash.extend(read("fip.bin")?);
    let ready = work.join("ready");
    fs::create_dir_all(&ready)?;
    fs::write(ready.join(FLASH), flash)?;
    fs::write(ready.join(RUNTIME), read("bl31/bl31.elf")?)?;
    fs::write(
        ready.join(ORIGIN),
        format!("Debian's {}\n", version(&work)?),
    )?;
    let _ = fs::remove_dir_all(folder);
    fs::rename(&ready, folder).with_context(|| format!("cannot write {}", folder.display()))?;
    let _ = fs::remove_dir_all(&work);
    apt.remove();
    Ok(())
}

/// The package with its version, by the name of its description.
fn version(work: &Path) -> Result<String> {
    let description = file(work, ".dsc")?;
    let name = description
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    Ok(name.replacen('_', " ", 1))
}

/// The file in a folder whose name ends so.
fn file(folder: &Path, end: &str) -> Result<PathBuf> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(end) {
            return Ok(path);
        }
    }
    bail!("the source package has no file {end}")
}
