//! The machine's own apt archives, where it has apt at all.

use std::fs;
use std::path::{Path, PathBuf};

use super::release::Release;
use super::sources::{self, Entry, Format};
use crate::paths;

/// A machine with apt and the archives of its distribution.
#[derive(Debug)]
pub struct Machine {
    /// The distribution's archives, third parties left out.
    pub archives: Vec<Entry>,
    /// Names under which these archives know the machine's release.
    pub codenames: Vec<String>,
}

impl Machine {
    /// Looks at this machine; the error says why apt cannot be used here.
    pub fn find() -> Result<Self, String> {
        let release = Release::of_this_machine();
        for program in ["apt-get", "apt-cache", "dpkg-deb"] {
            if paths::find_program(program).is_none() {
                return Err(format!("{} has no {program}", release.name));
            }
        }
        let entries: Vec<Entry> = source_files()
            .into_iter()
            .filter_map(|(path, format)| {
                Some(sources::parse(&fs::read_to_string(path).ok()?, format))
            })
            .flatten()
            .collect();
        let archives = sources::own_entries(&entries, &release.codenames);
        if archives.is_empty() {
            return Err(format!(
                "the apt sources of {} name none of its own archives",
                release.name
            ));
        }
        Ok(Self {
            archives,
            codenames: release.codenames,
        })
    }
}

/// All source lists, in apt's order.
fn source_files() -> Vec<(PathBuf, Format)> {
    let mut files = vec![(PathBuf::from("/etc/apt/sources.list"), Format::OneLine)];
    let mut parts: Vec<PathBuf> = fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    parts.sort();
    files.extend(parts.into_iter().filter_map(|path| {
        let format = match path.extension().and_then(|extension| extension.to_str()) {
            Some("list") => Format::OneLine,
            Some("sources") => Format::Deb822,
            _ => return None,
        };
        Some((path, format))
    }));
    files
}

/// Whether this process may install packages.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    Path::new("/proc/self")
        .metadata()
        .is_ok_and(|metadata| metadata.uid() == 0)
}
