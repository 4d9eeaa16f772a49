//! Debian's kernels, busybox and OpenSBI: downloaded once, unpacked into the cache.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::apt::Apt;
use super::version::newest_kernel_package;
use super::{Linux, Missing, Needs, Tools, debian, lock_cache};
use crate::architecture::{self, AARCH64, Architecture, RISCV64};
use crate::linux::image;
use crate::paths::Paths;
use crate::progress;

/// The Debian release whose kernel is the tested guest.
pub(super) const RELEASE: &str = "trixie";
/// One file that comes from the person, from the cache, or from a Debian package.
struct Payload {
    label: &'static str,
    architecture: &'static Architecture,
    /// What it is, in a sentence.
    what: String,
    /// The environment variable in which the person can name one.
    variable: &'static str,
    /// The package that has it; none for the newest kernel package.
    package: Option<&'static str>,
    /// Which kernel that is, as it stands in front of the architecture in the package's name.
    flavour: &'static str,
    /// Its place in the package, as a pattern of tar(1).
    member: &'static str,
    /// Its place in the cache.
    cached: PathBuf,
    /// Whether it is a kernel, which is looked at before it is used.
    is_kernel: bool,
}

impl Payload {
    fn linux(paths: &Paths, architecture: &'static Architecture) -> Self {
        Self {
            label: "Linux",
            architecture,
            what: format!(
                "a Linux kernel for {} (an uncompressed `Image`)",
                architecture.debian
            ),
            variable: architecture.linux.kernel,
            package: None,
            flavour: "",
            member: "./boot/vmlinu*",
            cached: paths.cached_linux(architecture).join("Image"),
            is_kernel: true,
        }
    }

    /// The kernel with PREEMPT_RT, which Debian has for some architectures.
    fn real_time(
        paths: &Paths,
        architecture: &'static Architecture,
        variable: &'static str,
    ) -> Self {
        Self {
            label: "Linux RT",
            what: format!(
                "a Linux kernel with PREEMPT_RT for {} (an uncompressed `Image`)",
                architecture.debian
            ),
            variable,
            flavour: "rt-",
            cached: paths.cached_linux(architecture).join("Image-rt"),
            ..Self::linux(paths, architecture)
        }
    }

    fn busybox(paths: &Paths, architecture: &'static Architecture) -> Self {
        Self {
            label: "busybox",
            architecture,
            what: format!("a static busybox for {}", architecture.debian),
            variable: architecture.linux.busybox,
            package: Some("busybox-static"),
            flavour: "",
            member: "./usr/bin/busybox",
            cached: paths.cached_linux(architecture).join("busybox"),
            is_kernel: false,
        }
    }

    /// A module of the kernel; it goes with the kernel's version.
    fn module(
        paths: &Paths,
        architecture: &'static Architecture,
        (name, member): (&'static str, &'static str),
    ) -> Self {
        Self {
            label: name,
            architecture,
            what: "a module of the kernel for the watchdog, packed by xz".to_owned(),
            variable: architecture.linux.modules,
            package: None,
            flavour: "",
            member,
            cached: paths.cached_linux(architecture).join(name),
            is_kernel: false,
        }
    }

    fn opensbi(paths: &Paths) -> Self {
        Self {
            label: "OpenSBI",
            architecture: &RISCV64,
            what: "OpenSBI's fw_dynamic.bin, which `bench` compares with".to_owned(),
            variable: "PARTITA_OPENSBI",
            package: Some("opensbi"),
            flavour: "",
            member: "./usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin",
            cached: paths.cached_opensbi(),
            is_kernel: false,
        }
    }

    fn check(&self, path: &Path) -> Result<()> {
        if self.is_kernel {
            image::check(path, &self.architecture.linux.header)
        } else {
            is_file(path)
        }
    }

    fn named_by_person(&self) -> Option<PathBuf> {
        let mut path = PathBuf::from(env::var_os(self.variable)?);
        if self.variable == self.architecture.linux.modules {
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
            Some(path) => match self.check(path) {
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
        let debian = self.architecture.debian;
        let kernel = format!("linux-image-6.12.*+deb13-{}{debian}", self.flavour);
        let package = self.package.unwrap_or(&kernel);
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

    /// The package of the kernel that is there already, else of the newest one. A module is of the kernel that is
    /// there.
    fn kernel_package(&self, paths: &Paths, apt: &Apt) -> Result<String> {
        let kernel = if self.is_kernel {
            &self.cached
        } else {
            &Self::linux(paths, self.architecture).cached
        };
        let origin = fs::read_to_string(origin_of(kernel));
        if let Some(package) = origin.iter().flat_map(|text| text.split(' ')).next() {
            return Ok(package.to_owned());
        }
        let names = apt.names("linux-image-6.12.")?;
        let suffix = format!("{}{}", self.flavour, self.architecture.debian);
        newest_kernel_package(names.iter().map(String::as_str), &suffix)
            .map(str::to_owned)
            .with_context(|| not_in_archives("a 6.12 kernel", self.architecture))
    }

    /// Downloads the package and puts its one file that matches into the cache.
    ///
    /// The file appears under its name only when it is whole, so that its presence means it can be
    /// used.
    fn fetch(&self, paths: &Paths, apt: &Apt) -> Result<()> {
        let package = match self.package {
            Some(package) => package.to_owned(),
            None => self.kernel_package(paths, apt)?,
        };
        let offers = apt.offers(&package)?;
        let newest = offers
            .first()
            .with_context(|| not_in_archives(&package, self.architecture))?;
        let origin = format!("{package} {}", newest.version);
        progress::step(
            "downloading",
            &format!("{origin} for {}", self.architecture.debian),
        );
        let work = paths.cache.join("unpacking");
        let _ = fs::remove_dir_all(&work);
        fs::create_dir_all(&work).with_context(|| format!("cannot create {}", work.display()))?;
        apt.download(&[&package], &work)?;
        let unpacked = unpack(&only_entry(&work)?, self.member, &work.join("tree"))?;
        self.check(&unpacked)?;
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
    if needs.linux {
        for architecture in architecture::ALL {
            ensure_linux(paths, architecture, tools, missing)?;
        }
    }
    if needs.real_time_linux {
        let payload = Payload::real_time(paths, &AARCH64, "PARTITA_LINUX_RT_AARCH64");
        for found in supply(paths, &AARCH64, &[payload])? {
            match found {
                Ok(path) => tools.real_time_linux = Some(path),
                Err(item) => missing.push(item),
            }
        }
    }
    if needs.opensbi {
        let found = supply(paths, &RISCV64, &[Payload::opensbi(paths)])?;
        tools.opensbi = found.into_iter().next().and_then(optional);
    }
    Ok(())
}

fn ensure_linux(
    paths: &Paths,
    architecture: &'static Architecture,
    tools: &mut Tools,
    missing: &mut Vec<Missing>,
) -> Result<()> {
    let kernel = Payload::linux(paths, architecture);
    // Debian's modules fit Debian's kernel only.
    let own_kernel = kernel.named_by_person().is_some();
    let wants_modules = !own_kernel || env::var_os(architecture.linux.modules).is_some();
    let mut payloads = vec![kernel, Payload::busybox(paths, architecture)];
    if wants_modules {
        let members = architecture.linux.members.iter();
        payloads.extend(members.map(|member| Payload::module(paths, architecture, *member)));
    }
    let mut found = supply(paths, architecture, &payloads)?.into_iter();
    let mut take = || match found.next()? {
        Ok(path) => Some(path),
        Err(item) => {
            missing.push(item);
            None
        }
    };
    let (kernel, busybox) = (take(), take());
    let modules = found.filter_map(optional).collect();
    if let (Some(kernel), Some(busybox)) = (kernel, busybox) {
        tools.linux.push(Linux {
            architecture,
            kernel,
            busybox,
            modules,
        });
    }
    Ok(())
}

/// What can be done without; the person is told.
fn optional(found: Result<PathBuf, Missing>) -> Option<PathBuf> {
    found
        .inspect_err(|item| {
            progress::note(&format!(
                "without {}; {}",
                item.what,
                item.remedies.join("; ")
            ));
        })
        .ok()
}

/// Each payload, downloaded where that is needed.
fn supply(
    paths: &Paths,
    architecture: &'static Architecture,
    payloads: &[Payload],
) -> Result<Vec<Result<PathBuf, Missing>>> {
    let absent: Vec<&Payload> = payloads
        .iter()
        .filter(|payload| payload.is_absent())
        .collect();
    let problems = if absent.is_empty() {
        Vec::new()
    } else {
        download(paths, architecture, &absent)?
    };
    let find = |payload: &Payload| {
        let problem = problems.iter().find(|(label, _)| *label == payload.label);
        payload.find(problem.map(|(_, text)| text))
    };
    Ok(payloads.iter().map(find).collect())
}

/// Downloads what is absent; returns the labels of what could not be had, with the reasons.
fn download(
    paths: &Paths,
    architecture: &'static Architecture,
    absent: &[&Payload],
) -> Result<Vec<(&'static str, String)>> {
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
    let name = architecture.debian;
    let folder = paths.cache.join("apt").join(name);
    let apt = Apt::for_architecture(folder, &archives, name)?;
    progress::step(
        "fetching",
        &format!("package lists of {RELEASE} for {name}"),
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

fn not_in_archives(package: &str, architecture: &Architecture) -> String {
    let name = architecture.debian;
    format!("no apt archive of this machine has {package} of {RELEASE} for {name}")
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
