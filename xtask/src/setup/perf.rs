//! Debian's `perf` for riscv64 with the libraries that it is linked with, for a test of performance counters.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::{Dyn, FileHeader, SectionHeader};
use object::{Endianness, elf};

use super::apt::Apt;
use super::guests::RELEASE;
use super::{Missing, Tools, debian, lock_cache};
use crate::architecture::RISCV64;
use crate::paths::Paths;
use crate::progress;

/// The package, and the environment variable in which a person can name a folder instead.
const PACKAGE: &str = "linux-perf";
const VARIABLE: &str = "PARTITA_PERF";
/// The program's name in the folder, beside the libraries.
pub const PROGRAM: &str = "perf";
/// What is taken out of packages, as patterns of tar(1).
const MEMBERS: [&str; 3] = ["./usr/bin/perf", "./usr/lib/*.so*", "./lib/*.so*"];

/// Finds the folder with the program and its libraries, or downloads it.
pub fn ensure(paths: &Paths, tools: &mut Tools, missing: &mut Vec<Missing>) -> Result<()> {
    if let Some(named) = env::var_os(VARIABLE).map(PathBuf::from) {
        let folder = std::path::absolute(&named).unwrap_or(named);
        if folder.join(PROGRAM).is_file() {
            progress::ready(
                PROGRAM,
                &format!("{} (named by {VARIABLE})", folder.display()),
            );
            tools.perf = Some(folder);
        } else {
            let what = format!(
                "{} has no {PROGRAM} (named by {VARIABLE})",
                folder.display()
            );
            missing.push(absent(what));
        }
        return Ok(());
    }
    let cached = paths.cached_linux(&RISCV64).join(PROGRAM);
    if !cached.join(PROGRAM).is_file()
        && let Err(problem) = fetch(paths, &cached)
    {
        missing.push(absent(format!("perf for riscv64: {problem:#}")));
        return Ok(());
    }
    progress::ready(PROGRAM, &cached.display().to_string());
    tools.perf = Some(cached);
    Ok(())
}

fn absent(what: String) -> Missing {
    Missing {
        what,
        remedies: vec![
            format!(
                "name in {VARIABLE} a folder with {PROGRAM} for riscv64 and all libraries that it \
                 needs (Debian {RELEASE}: {PACKAGE})"
            ),
            format!("or name a Debian mirror in {}", debian::MIRROR),
        ],
    }
}

/// Downloads the package with all that it depends on, and puts what the program is linked with into the
/// cache. The folder appears under its name only when it is whole.
fn fetch(paths: &Paths, cached: &Path) -> Result<()> {
    let archives = debian::archives_of(RELEASE).map_err(anyhow::Error::msg)?;
    let _lock = lock_cache(paths)?;
    if cached.join(PROGRAM).is_file() {
        // Another command was faster.
        return Ok(());
    }
    progress::step(
        "downloading",
        &format!("{PACKAGE} for riscv64 with its libraries"),
    );
    let folder = paths.cache.join("apt").join(PACKAGE);
    let apt = Apt::for_architecture(folder, &archives, RISCV64.debian)?;
    apt.update();
    let packages = apt.download_with_dependencies(PACKAGE)?;
    let work = paths.cache.join("unpacking-perf");
    let _ = fs::remove_dir_all(&work);
    let (tree, whole) = (work.join("tree"), work.join(PROGRAM));
    for folder in [&tree, &whole] {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    for package in &packages {
        unpack(package, &tree)?;
    }
    collect(&tree, &whole)?;
    if let Some(folder) = cached.parent() {
        fs::create_dir_all(folder)?;
    }
    let _ = fs::remove_dir_all(cached);
    fs::rename(&whole, cached).with_context(|| format!("cannot write {}", cached.display()))?;
    let _ = fs::remove_dir_all(&work);
    apt.remove();
    Ok(())
}

/// Unpacks the libraries, and the program, of a Debian package. Most packages lack one or the other.
fn unpack(package: &Path, tree: &Path) -> Result<()> {
    let mut reader = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start dpkg-deb")?;
    let stream = reader.stdout.take().context("dpkg-deb has no output")?;
    let unpacked = Command::new("tar")
        .args(["--extract", "--no-same-owner", "--wildcards", "--file=-"])
        .arg("-C")
        .arg(tree)
        .args(MEMBERS)
        .stdin(stream)
        // It complains of every pattern that nothing matches.
        .stderr(Stdio::null())
        .status()
        .context("cannot start tar")?;
    let read = reader.wait()?;
    // tar(1): 2 is a fatal error, which a pattern without a match is too; a damaged package is not read.
    ensure!(
        read.success() && unpacked.code().is_some(),
        "{} cannot be unpacked",
        package.display()
    );
    Ok(())
}

/// Copies the program and all libraries that it needs, directly or not, from a tree into one folder.
fn collect(tree: &Path, whole: &Path) -> Result<()> {
    let mut libraries = BTreeMap::new();
    find_libraries(tree, &mut libraries)?;
    let mut wanted = vec![(PROGRAM.to_owned(), tree.join("usr/bin").join(PROGRAM))];
    while let Some((name, path)) = wanted.pop() {
        let target = whole.join(&name);
        if target.exists() {
            continue;
        }
        let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        for needed in needed(&content).with_context(|| format!("{name} is damaged"))? {
            let path = libraries
                .get(&needed)
                .with_context(|| format!("no package has {needed}, which {name} needs"))?;
            wanted.push((needed, path.clone()));
        }
        fs::write(&target, content)
            .with_context(|| format!("cannot write {}", target.display()))?;
    }
    Ok(())
}

/// All shared libraries under a folder by name; symbolic links count.
fn find_libraries(folder: &Path, found: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if let Ok(name) = entry.file_name().into_string() {
                found.entry(name).or_insert_with(|| entry.path());
            }
        }
    }
    Ok(())
}

/// The libraries that a program or library names as needed (System V ABI, chapter 5, "Dynamic Section").
fn needed(file: &[u8]) -> Result<Vec<String>> {
    let header = FileHeader64::<Endianness>::parse(file)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, file)?;
    let mut names = Vec::new();
    for section in sections.iter() {
        if section.sh_type(endian) != elf::SHT_DYNAMIC {
            continue;
        }
        let Some((entries, link)) = section.dynamic(endian, file)? else {
            continue;
        };
        let strings = sections.strings(endian, file, link)?;
        for entry in entries {
            if entry.tag(endian) == DT_NEEDED {
                let name = entry.string(endian, strings)?;
                names.push(String::from_utf8_lossy(name).into_owned());
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::needed;

    #[test]
    fn this_program_needs_a_c_library_and_what_is_no_program_is_refused() {
        let program = std::fs::read("/proc/self/exe").expect("it runs");
        let names = needed(&program).expect("it is an ELF file");
        assert!(
            names.iter().any(|name| name.starts_with("libc.so")),
            "{names:?}"
        );
        assert!(needed(b"#!/bin/sh\n").is_err());
    }
}
