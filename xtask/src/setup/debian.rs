//! The machine's own apt archives, where it has apt at all.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::release::Release;
use super::sources::{self, Entry, Format};
use crate::paths;

/// The environment variable that names a Debian mirror, for machines whose own archives are not
/// Debian's.
pub const MIRROR: &str = "PARTITA_DEBIAN_MIRROR";

/// Debian's archive keys, as its package debian-archive-keyring installs them.
const KEYRINGS: [&str; 2] = [
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/debian-archive-keyring.pgp",
];

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
        check_programs(&release)?;
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

/// Where packages of the Debian release `release` come from: a mirror that the person names in
/// [`MIRROR`], else this machine's own archives with the release replaced.
pub fn archives_of(release: &str) -> Result<Vec<Entry>, String> {
    let Some(mirror) = env::var_os(MIRROR) else {
        let machine = Machine::find()?;
        let archives = sources::with_release(&machine.archives, &machine.codenames, release);
        return if archives.is_empty() {
            Err("this machine's apt sources name no release archive".into())
        } else {
            Ok(archives)
        };
    };
    check_programs(&Release::of_this_machine())?;
    let keyring = KEYRINGS
        .into_iter()
        .find(|path| Path::new(path).is_file())
        .ok_or("the package debian-archive-keyring, which checks signatures, is not installed")?;
    Ok(vec![Entry::of_mirror(
        &mirror.to_string_lossy(),
        release,
        keyring,
    )])
}

fn check_programs(release: &Release) -> Result<(), String> {
    let mut programs = ["apt-get", "apt-cache", "dpkg-deb", "tar"].into_iter();
    match programs.find(|program| paths::find_program(program).is_none()) {
        Some(program) => Err(format!("{} has no {program}", release.name)),
        None => Ok(()),
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
