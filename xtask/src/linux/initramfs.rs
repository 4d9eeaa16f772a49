//! Puts the initramfs together: busybox and the scripts of `guest/linux`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::cpio::{Archive, Device};
use crate::paths::Paths;
use crate::process;
use crate::setup::perf::PROGRAM;

/// Folders that `/init` mounts on, or that programs expect.
const FOLDERS: [&str; 10] = [
    "bin",
    "dev",
    "etc",
    "lib",
    "lib/modules",
    "proc",
    "root",
    "run",
    "sys",
    "tmp",
];

/// Applets that `/init` calls before it has busybox install all of them.
const APPLETS: [&str; 2] = ["sh", "mount"];

/// Scripts: from `guest/linux/` to their place in the initramfs.
const SCRIPTS: [(&str, &str, u32); 2] =
    [("init", "init", 0o755), ("profile", "etc/profile", 0o644)];

/// Builds the archive from `busybox`, kernel modules packed by xz, and the scripts in the source tree. With
/// `perf`, a folder that holds it and its libraries, they are in it too.
pub fn build(
    paths: &Paths,
    busybox: &Path,
    modules: &[PathBuf],
    perf: Option<&Path>,
) -> Result<Vec<u8>> {
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let mut archive = Archive::default();
    for folder in FOLDERS {
        archive.directory(folder, 0o755);
    }
    // The kernel opens it for `/init` before that could mount anything.
    archive.character_device("dev/console", 0o600, Device { major: 5, minor: 1 });
    archive.file("bin/busybox", 0o755, &read(busybox)?);
    for applet in APPLETS {
        archive.link(&format!("bin/{applet}"), "busybox");
    }
    for (source, target, permissions) in SCRIPTS {
        let content = read(&paths.root.join("guest").join("linux").join(source))?;
        archive.file(target, permissions, &content);
    }
    for module in modules {
        // busybox loads what is not packed.
        let content = process::output_bytes(Command::new("xz").arg("-dc").arg(module))?;
        let name = module.file_stem().and_then(OsStr::to_str);
        let name = name.with_context(|| format!("{} has no name", module.display()))?;
        archive.file(&format!("lib/modules/{name}"), 0o644, &content);
    }
    if let Some(folder) = perf {
        let mut files: Vec<_> = fs::read_dir(folder)
            .and_then(Iterator::collect::<Result<_, _>>)
            .with_context(|| format!("cannot read {}", folder.display()))?;
        files.sort_by_key(fs::DirEntry::file_name);
        for file in files {
            let name = file.file_name();
            let name = name.to_string_lossy();
            // The dynamic linker looks for libraries in `/lib` whatever it is told.
            let target = if name == PROGRAM { "bin" } else { "lib" };
            archive.file(&format!("{target}/{name}"), 0o755, &read(&file.path())?);
        }
    }
    Ok(archive.finish())
}
