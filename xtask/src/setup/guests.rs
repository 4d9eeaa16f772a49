//! Debian's riscv64 kernel, busybox and OpenSBI: downloaded once, unpacked into the cache.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::apt::Apt;
use super::version::newest_kernel_package;
use super::{Missing, Needs, Tools, debian, lock_cache};
use crate::linux::image;
use crate::paths::Paths;
use crate::progress;

/// The Debian release whose kernel is the tested guest.
pub(super) const RELEASE: &str = "trixie";
/// Its architecture, as Debian calls it.
pub(super) const ARCHITECTURE: &str = "riscv64";

/// The environment variable that names a folder of modules, for a kernel that is not Debian's.
const MODULES_VARIABLE: &str = "PARTITA_LINUX_MODULES";

/// One file that comes from the person, from the cache, or from a Debian package.
struct Payload {
    label: &'static str,
    /// What it is, in a sentence.
    what: &'static str,
    /// The environment variable in which the person can name one.
    variable: &'static str,
    /// The package that has it; none for the newest kernel package.
    package: Option<&'static str>,
    /// Its place in the package, as a pattern of tar(1).
    member: &'static str,
    /// Its place in the cache.
    cached: PathBuf,
    /// Tells whether a file is what it should be.
    check: fn(&Path) -> Result<()>,
}

impl Payload {
    fn linux(paths: &Paths) -> Self {
        Self {
            label: "Linux",
            what: "a Linux kernel for riscv64 (an uncompressed `Image`)",
            variable: "PARTITA_LINUX",
            package: None,
            member: "./boot/vmlinu*",
            cached: paths.cached_linux().join("Image"),
            check: image::check,
        }
    }

    fn busybox(paths: &Paths) -> Self {
        Self {
            label: "busybox",
            what: "a static busybox for riscv64",
            variable: "PARTITA_BUSYBOX",
            package: Some("busybox-static"),
            member: "./usr/bin/busybox",
            cached: paths.cached_linux().join("busybox"),
            check: is_file,
        }
    }

    /// A module of the kernel; it goes with the kernel's version.
    fn module(paths: &Paths, name: &'static str, member: &'static str) -> Self {
        Self {
            label: name,
            what: "a module of the kernel for the watchdog, packed by xz",
            variable: MODULES_VARIABLE,
            package: None,
            member,
            cached: paths.cached_linux().join(name),
            check: is_file,
        }
    }

    fn opensbi(paths: &Paths) -> Self {
        Self {
            label: "OpenSBI",
            what: "OpenSBI's fw_dynamic.bin, which `bench` compares with",
            variable: "PARTITA_OPENSBI",
            package: Some("opensbi"),
            member: "./usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin",
            cached: paths.cached_opensbi(),
            check: is_file,
        }
    }

    fn named_by_person(&self) -> Option<PathBuf> {
        let mut path = PathBuf::from(env::var_os(self.variable)?);
        if self.variable == MODULES_VARIABLE {
            path.push(self.label);
        }
        // What reads it may run in another folder.
        Some(std::path::absolute(&path).unwrap_or(path))
    }

    fn is_absent(&self) -> bool {
        self.named_by_person().is_none() && !self.cached.is_file()
    }

    /// The file, said to the person with its origin; the error tells how to supply it.
    fn find(&self, problem: Option<&String>) -> Result<PathBuf, Missing> {
        let named = self.named_by_person();
        let problem = match &named {
            Some(path) => match (self.check)(path) {
                Ok(()) => {
                    let text = format!("{} (named by {})", path.display(), self.variable);
                    progress::ready(self.label, &text);
                    return Ok(path.clone());
                }
                Err(error) => Some(format!("{error:#} (named by {})", self.variable)),
            },
            None if self.cached.is_file() => {
                let origin = fs::read_to_string(origin_of(&self.cached)).unwrap_or_default();
                let text = format!("{} ({})", origin.trim(), self.cached.display());
                progress::ready(self.label, &text);
                return Ok(self.cached.clone());
            }
            None => problem.cloned(),
        };
        let reason = problem
            .map(|problem| format!(": {problem}"))
            .unwrap_or_default();
        let package = self.package.unwrap_or("linux-image-6.12.*+deb13-riscv64");
        Err(Missing {
            what: format!("{}{reason}", self.what),
            remedies: vec![
                format!("name one in {}", self.variable),
                format!(
                    "it is {} in Debian {RELEASE}'s package {package} (dpkg-deb -x unpacks it)",
                    self.member.trim_start_matches('.')
                ),
                format!(
                    "or name a Debian mirror in {} (takes apt and the package \
                     debian-archive-keyring)",
                    debian::MIRROR
                ),
            ],
        })
    }

    /// Downloads the package and puts its one file that matches into the cache.
    ///
    /// The file appears under its name only when it is whole, so that its presence means it can be
    /// used.
    fn fetch(&self, paths: &Paths, apt: &Apt) -> Result<()> {
        let package = match self.package {
            Some(package) => package.to_owned(),
            None => kernel_package(paths, apt)?,
        };
        let offers = apt.offers(&package)?;
        let newest = offers.first().with_context(|| not_in_archives(&package))?;
        let origin = format!("{package} {}", newest.version);
        progress::step("downloading", &format!("{origin} for {ARCHITECTURE}"));
        let work = paths.cache.join("unpacking");
        let _ = fs::remove_dir_all(&work);
        fs::create_dir_all(&work).with_context(|| format!("cannot create {}", work.display()))?;
        apt.download(&[&package], &work)?;
        let unpacked = unpack(&only_entry(&work)?, self.member, &work.join("tree"))?;
        (self.check)(&unpacked)?;
        if let Some(folder) = self.cached.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
        }
        fs::write(origin_of(&self.cached), format!("{origin}\n"))?;
        fs::rename(&unpacked, &self.cached)
            .with_context(|| format!("cannot write {}", self.cached.display()))?;
        let _ = fs::remove_dir_all(&work);
        Ok(())
    }
}

fn is_file(path: &Path) -> Result<()> {
    ensure!(path.is_file(), "{} is not a file", path.display());
    Ok(())
}

/// Beside each cached file stands a note of the package and version it was taken from.
fn origin_of(cached: &Path) -> PathBuf {
    let mut name = cached.as_os_str().to_owned();
    name.push(".origin");
    PathBuf::from(name)
}

/// Finds the files, downloads those that are not there.
pub fn ensure(
    paths: &Paths,
    needs: Needs,
    tools: &mut Tools,
    missing: &mut Vec<Missing>,
) -> Result<()> {
    // Debian's modules fit Debian's kernel only.
    let own_kernel = Payload::linux(paths).named_by_person().is_some();
    let wants_modules = needs.linux && (!own_kernel || env::var_os(MODULES_VARIABLE).is_some());
    let payloads = [
        (needs.linux, Payload::linux(paths)),
        (needs.linux, Payload::busybox(paths)),
        (needs.opensbi, Payload::opensbi(paths)),
        (
            wants_modules,
            Payload::module(
                paths,
                "watchdog.ko.xz",
                "./usr/lib/modules/*/kernel/drivers/watchdog/watchdog.ko.xz",
            ),
        ),
        (
            wants_modules,
            Payload::module(
                paths,
                "sunxi_wdt.ko.xz",
                "./usr/lib/modules/*/kernel/drivers/watchdog/sunxi_wdt.ko.xz",
            ),
        ),
    ];
    let absent: Vec<&Payload> = payloads
        .iter()
        .filter(|(is_needed, payload)| *is_needed && payload.is_absent())
        .map(|(_, payload)| payload)
        .collect();
    let problems = if absent.is_empty() {
        Vec::new()
    } else {
        download(paths, &absent)?
    };
    let mut found = payloads.iter().map(|(is_needed, payload)| {
        let problem = problems.iter().find(|(label, _)| *label == payload.label);
        is_needed.then(|| payload.find(problem.map(|(_, text)| text)))
    });
    let mut take = |is_optional: bool| match found.next()?? {
        Ok(path) => Some(path),
        Err(item) if is_optional => {
            progress::note(&format!(
                "without {}; {}",
                item.what,
                item.remedies.join("; ")
            ));
            None
        }
        Err(item) => {
            missing.push(item);
            None
        }
    };
    tools.linux = take(false);
    tools.busybox = take(false);
    tools.opensbi = take(true);
    tools.modules = [take(true), take(true)].into_iter().flatten().collect();
    Ok(())
}

/// Downloads what is absent; returns the labels of what could not be had, with the reasons.
fn download(paths: &Paths, absent: &[&Payload]) -> Result<Vec<(&'static str, String)>> {
    let archives = match debian::archives_of(RELEASE) {
        Ok(archives) => archives,
        Err(reason) => {
            return Ok(absent
                .iter()
                .map(|payload| (payload.label, reason.clone()))
                .collect());
        }
    };
    let _lock = lock_cache(paths)?;
    let folder = paths.cache.join("apt").join(ARCHITECTURE);
    let apt = Apt::for_architecture(folder, &archives, ARCHITECTURE)?;
    progress::step(
        "fetching",
        &format!("package lists of {RELEASE} for {ARCHITECTURE}"),
    );
    apt.update();
    let problems: Vec<(&'static str, String)> = absent
        .iter()
        // Another command may have been faster, while this one waited for the lock.
        .filter(|payload| payload.is_absent())
        .filter_map(|payload| {
            let error = payload.fetch(paths, &apt).err()?;
            Some((payload.label, format!("{error:#}")))
        })
        .collect();
    if problems.is_empty() {
        apt.remove();
    }
    Ok(problems)
}

fn not_in_archives(package: &str) -> String {
    format!("no apt archive of this machine has {package} of {RELEASE} for {ARCHITECTURE}")
}

/// The package of the kernel that is there already, else of the newest one.
fn kernel_package(paths: &Paths, apt: &Apt) -> Result<String> {
    let origin = fs::read_to_string(origin_of(&Payload::linux(paths).cached));
    if let Some(package) = origin.iter().flat_map(|text| text.split(' ')).next() {
        return Ok(package.to_owned());
    }
    let names = apt.names("linux-image-6.12.")?;
    newest_kernel_package(names.iter().map(String::as_str))
        .map(str::to_owned)
        .with_context(|| not_in_archives("a 6.12 kernel"))
}

/// Unpacks the members of a Debian package that match the pattern; there must be exactly one.
fn unpack(archive: &Path, member: &str, tree: &Path) -> Result<PathBuf> {
    fs::create_dir_all(tree)?;
    let mut reader = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(archive)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start dpkg-deb")?;
    let stream = reader.stdout.take().context("dpkg-deb has no output")?;
    let unpacked = Command::new("tar")
        .args([
            "--extract",
            "--no-same-owner",
            "--wildcards",
            "--file=-",
            "-C",
        ])
        .arg(tree)
        .arg(member)
        .stdin(stream)
        .status()
        .context("cannot start tar")?;
    let read = reader.wait()?;
    ensure!(
        read.success() && unpacked.success(),
        "{} has no {member} that can be unpacked",
        archive.display()
    );
    let mut folder = tree.to_owned();
    loop {
        let entry = only_entry(&folder)?;
        if !entry.is_dir() {
            return Ok(entry);
        }
        folder = entry;
    }
}

/// The one entry of a folder.
fn only_entry(folder: &Path) -> Result<PathBuf> {
    let entries: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    match <[PathBuf; 1]>::try_from(entries) {
        Ok([entry]) => Ok(entry),
        Err(entries) => bail!(
            "{} has {} entries, not one",
            folder.display(),
            entries.len()
        ),
    }
}
