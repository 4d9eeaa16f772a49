//! Debian's riscv64 kernel, busybox and OpenSBI: downloaded once, unpacked into the cache.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::apt::Apt;
use super::debian::Machine;
use super::version::newest_kernel_package;
use super::{Missing, Needs, Tools, lock_cache, sources};
use crate::linux::image;
use crate::paths::Paths;
use crate::progress;

/// The Debian release whose kernel is the tested guest.
const RELEASE: &str = "trixie";
const ARCHITECTURE: &str = "riscv64";
const BUSYBOX_PACKAGE: &str = "busybox-static";
const OPENSBI_PACKAGE: &str = "opensbi";

/// One file that comes from the person, from the cache, or from Debian.
struct Payload {
    label: &'static str,
    variable: &'static str,
    cached: PathBuf,
}

impl Payload {
    fn named_by_person(&self) -> Option<PathBuf> {
        env::var_os(self.variable).map(PathBuf::from)
    }

    fn find(&self) -> Option<PathBuf> {
        self.named_by_person()
            .or_else(|| self.cached.is_file().then(|| self.cached.clone()))
    }

    /// Says where the file came from.
    fn report(&self, path: &Path) {
        let origin = match self.named_by_person() {
            Some(_) => format!("from {}", self.variable),
            None => fs::read_to_string(origin_of(&self.cached)).unwrap_or_default(),
        };
        progress::ready(
            self.label,
            &format!("{} ({})", origin.trim(), path.display()),
        );
    }
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
    let linux = Payload {
        label: "Linux",
        variable: "PARTITA_LINUX",
        cached: paths.cached_linux().join("Image"),
    };
    let busybox = Payload {
        label: "busybox",
        variable: "PARTITA_BUSYBOX",
        cached: paths.cached_linux().join("busybox"),
    };
    let opensbi = Payload {
        label: "OpenSBI",
        variable: "PARTITA_OPENSBI",
        cached: paths.cached_opensbi(),
    };
    let absent = [
        needs.linux && linux.find().is_none(),
        needs.linux && busybox.find().is_none(),
        needs.opensbi && opensbi.find().is_none(),
    ];
    let reason = if absent.contains(&true) {
        download(paths, absent)?
    } else {
        None
    };
    let reason = reason
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();

    if needs.linux {
        let usable = linux.find().map(|path| image::check(&path).map(|()| path));
        match usable {
            Some(Ok(path)) => {
                linux.report(&path);
                tools.linux = Some(path);
            }
            absent_or_wrong => missing.push(Missing {
                what: match absent_or_wrong {
                    Some(Err(error)) => format!("a usable Linux kernel for riscv64: {error:#}"),
                    _ => format!("a Linux kernel for riscv64{reason}"),
                },
                remedies: vec![
                    format!("name an uncompressed riscv64 `Image` in {}", linux.variable),
                    format!(
                        "Debian {RELEASE} has one as /boot/vmlinux-* in \
                         linux-image-6.12.*+deb13-{ARCHITECTURE} (unpack it with dpkg-deb -x)"
                    ),
                ],
            }),
        }
        match busybox.find() {
            Some(path) => {
                ensure!(
                    path.is_file(),
                    "PARTITA_BUSYBOX: {} is not a file",
                    path.display()
                );
                busybox.report(&path);
                tools.busybox = Some(path);
            }
            None => missing.push(Missing {
                what: format!("a static busybox for riscv64{reason}"),
                remedies: vec![
                    "name one in PARTITA_BUSYBOX".into(),
                    format!(
                        "Debian {RELEASE} has one as /usr/bin/busybox in {BUSYBOX_PACKAGE} \
                         for {ARCHITECTURE}"
                    ),
                ],
            }),
        }
    }
    if needs.opensbi {
        match opensbi.find() {
            Some(path) => {
                opensbi.report(&path);
                tools.opensbi = Some(path);
            }
            None => progress::note(&format!(
                "there is no OpenSBI to compare with in `bench`{reason}; name an fw_dynamic.bin in {}",
                opensbi.variable
            )),
        }
    }
    Ok(())
}

/// Downloads what is absent (kernel, busybox, OpenSBI); returns why not all could be had.
fn download(paths: &Paths, absent: [bool; 3]) -> Result<Option<String>> {
    let machine = match Machine::find() {
        Ok(machine) => machine,
        Err(reason) => return Ok(Some(reason)),
    };
    let archives = sources::with_release(&machine.archives, &machine.codenames, RELEASE);
    if archives.is_empty() {
        return Ok(Some(
            "this machine's apt sources name no release archive".into(),
        ));
    }
    let _lock = lock_cache(paths)?;
    let folder = paths.cache.join("apt").join(ARCHITECTURE);
    let apt = Apt::for_architecture(folder, &archives, ARCHITECTURE)?;
    progress::step(
        "fetching",
        &format!("package lists of {RELEASE} for {ARCHITECTURE}"),
    );
    apt.update();
    let [kernel, busybox, opensbi] = absent;
    let mut problems = Vec::new();
    let mut note = |result: Result<()>| {
        if let Err(error) = result {
            problems.push(format!("{error:#}"));
        }
    };
    if kernel {
        note(kernel_package(&apt).and_then(|package| {
            let file = paths.cached_linux().join("Image");
            fetch(paths, &apt, &package, "./boot/vmlinu*", &file)
        }));
    }
    if busybox {
        let file = paths.cached_linux().join("busybox");
        note(fetch(
            paths,
            &apt,
            BUSYBOX_PACKAGE,
            "./usr/bin/busybox",
            &file,
        ));
    }
    if opensbi {
        let member = "./usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin";
        note(fetch(
            paths,
            &apt,
            OPENSBI_PACKAGE,
            member,
            &paths.cached_opensbi(),
        ));
    }
    if problems.is_empty() {
        apt.remove();
        return Ok(None);
    }
    Ok(Some(problems.join("\n")))
}

fn kernel_package(apt: &Apt) -> Result<String> {
    let names = apt.names("linux-image-6.12.")?;
    newest_kernel_package(names.iter().map(String::as_str))
        .map(str::to_owned)
        .with_context(|| {
            format!(
                "this machine's apt archives have no 6.12 kernel of {RELEASE} for {ARCHITECTURE}"
            )
        })
}

/// Downloads `package` and puts its one file that matches `member` into the cache as `file`.
///
/// The file appears under its name only when it is whole, so that its presence means it can be used.
fn fetch(paths: &Paths, apt: &Apt, package: &str, member: &str, file: &Path) -> Result<()> {
    let offers = apt.offers(package)?;
    let version = &offers
        .first()
        .with_context(|| format!("this machine's apt archives have no {package} of {RELEASE}"))?
        .version;
    progress::step(
        "downloading",
        &format!("{package} {version} for {ARCHITECTURE}"),
    );
    let work = paths.cache.join("unpacking");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work).with_context(|| format!("cannot create {}", work.display()))?;
    apt.download(&[package], &work)?;
    let archive = only_file(&work)?;
    let unpacked = unpack(&archive, member, &work.join("tree"))?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(origin_of(file), format!("{package} {version}\n"))?;
    fs::rename(&unpacked, file).with_context(|| format!("cannot write {}", file.display()))?;
    let _ = fs::remove_dir_all(&work);
    Ok(())
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
        let entry = only_file(&folder)?;
        if !entry.is_dir() {
            return Ok(entry);
        }
        folder = entry;
    }
}

/// The one entry of a folder.
fn only_file(folder: &Path) -> Result<PathBuf> {
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
