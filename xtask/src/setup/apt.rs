//! apt with package lists, caches and sources of its own, so that the machine's stay untouched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::sources::{self, Entry};
use crate::{process, progress};

/// A private apt state in one folder.
#[derive(Debug)]
pub struct Apt {
    folder: PathBuf,
}

/// A package version that an archive offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The package's version.
    pub version: String,
    /// The suite that has it.
    pub suite: String,
}

impl Apt {
    /// A state that installs packages on this machine from `archives`.
    pub fn for_machine(folder: PathBuf, archives: &[Entry]) -> Result<Self> {
        Self::create(folder, archives, "")
    }

    /// A state that downloads packages of another architecture and knows of none that is installed.
    pub fn for_architecture(folder: PathBuf, archives: &[Entry], name: &str) -> Result<Self> {
        // The machine's pinning of packages must not decide about these.
        let more = format!(
            "APT::Architecture \"{name}\";\n#clear APT::Architectures;\nAPT::Architectures {{ \"{name}\"; }};\n\
             Dir::State::status \"/dev/null\";\n\
             Dir::Etc::preferences \"/dev/null\";\nDir::Etc::preferencesparts \"/dev/null\";\n"
        );
        Self::create(folder, archives, &more)
    }

    /// A state that downloads the source of packages.
    pub fn for_sources(folder: PathBuf, archives: &[Entry]) -> Result<Self> {
        let apt = Self::create(folder, archives, "Dir::State::status \"/dev/null\";\n")?;
        let path = apt.folder.join("archives.sources");
        fs::write(&path, sources::write_for_sources(archives))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(apt)
    }

    fn create(folder: PathBuf, archives: &[Entry], more: &str) -> Result<Self> {
        for part in ["lists/partial", "cache/archives/partial"] {
            let path = folder.join(part);
            fs::create_dir_all(&path)
                .with_context(|| format!("cannot create {}", path.display()))?;
        }
        let apt = Self { folder };
        let write = |name: &str, text: &str| {
            let path = apt.folder.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
        };
        write("archives.sources", &sources::write(archives))?;
        write("apt.conf", &configuration(&apt.folder, more))?;
        Ok(apt)
    }

    /// A call of one of apt's programs in this state.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        // Messages are searched and shown to the person; both want one language.
        command
            .env("LC_ALL", "C.UTF-8")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command.arg("-c").arg(self.folder.join("apt.conf"));
        command
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// Fetches the package lists.
    ///
    /// An archive that fails is only noted: the others may have all that is needed, and what is not
    /// found afterwards is reported then.
    pub fn update(&self) {
        let log = self.log("update");
        if process::run_logged(self.command("apt-get").arg("update"), &log).is_err() {
            progress::note(&format!(
                "apt could not fetch every package list, see {}",
                log.display()
            ));
        }
    }

    /// The names of all packages that begin with `prefix`.
    pub fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let text = process::output(self.command("apt-cache").args(["pkgnames", prefix]))?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// The versions of `package` that the archives offer, the newest first.
    pub fn offers(&self, package: &str) -> Result<Vec<Offer>> {
        let text = process::output(self.command("apt-cache").args(["madison", package]))?;
        Ok(parse_madison(&text))
    }

    /// Downloads `packages` into `folder`.
    pub fn download(&self, packages: &[&str], folder: &Path) -> Result<()> {
        process::run_logged(
            self.command("apt-get")
                .current_dir(folder)
                .arg("download")
                .args(packages),
            &self.log("download"),
        )
    }

    /// Downloads the source of a package into `folder`. apt checks it against the signed lists.
    pub fn download_source(&self, package: &str, folder: &Path) -> Result<()> {
        process::run_logged(
            self.command("apt-get")
                .current_dir(folder)
                .args(["source", "--download-only"])
                .arg(package),
            &self.log("download"),
        )
    }

    /// Downloads `package` and all that it depends on, as if nothing were installed. Returns the files.
    pub fn download_with_dependencies(&self, package: &str) -> Result<Vec<PathBuf>> {
        process::run_logged(
            self.install_command(&[package], None)
                .arg("--download-only"),
            &self.log("download"),
        )?;
        let folder = self.folder.join("cache").join("archives");
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
        Ok(files
            .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .collect())
    }

    /// The call that installs `packages`, with their dependencies out of `suite` where one is given.
    pub fn install_command(&self, packages: &[&str], suite: Option<&str>) -> Command {
        let mut command = self.command("apt-get");
        command.args(["--yes", "--no-install-recommends"]);
        if let Some(suite) = suite {
            command.args(["-t", suite]);
        }
        command.arg("install").args(packages);
        command
    }

    /// Installs `packages`.
    pub fn install(&self, packages: &[&str], suite: Option<&str>) -> Result<()> {
        process::run_logged(
            &mut self.install_command(packages, suite),
            &self.log("install"),
        )
    }

    /// Removes the lists and caches of this state; they are large and fetched anew when needed.
    pub fn remove(self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The configuration of a private state in `folder` (apt.conf(5)).
fn configuration(folder: &Path, more: &str) -> String {
    let folder = folder.display();
    format!(
        "Dir::Etc::sourcelist \"{folder}/archives.sources\";\n\
         Dir::Etc::sourceparts \"/dev/null\";\n\
         Dir::State::Lists \"{folder}/lists\";\n\
         Dir::Cache \"{folder}/cache\";\n\
         APT::Update::Error-Mode \"any\";\n\
         APT::Get::AllowUnauthenticated \"false\";\n\
         Acquire::AllowInsecureRepositories \"false\";\n\
         Acquire::Languages \"none\";\n\
         Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n\
         Acquire::Retries \"3\";\n\
         Acquire::http::Timeout \"30\";\n\
         Acquire::https::Timeout \"30\";\n\
         Dpkg::Use-Pty \"false\";\n\
         {more}"
    )
}

/// Reads `apt-cache madison`: `package | version | URI suite/component architecture Packages`.
fn parse_madison(text: &str) -> Vec<Offer> {
    text.lines()
        .filter_map(|line| {
            let mut columns = line.split(" | ").map(str::trim);
            let (_package, version, origin) = (columns.next()?, columns.next()?, columns.next()?);
            if !origin.ends_with("Packages") {
                return None;
            }
            let (suite, _component) = origin.split_whitespace().nth(1)?.split_once('/')?;
            Some(Offer {
                version: version.to_owned(),
                suite: suite.to_owned(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_read_with_version_and_suite_and_source_packages_are_not_offers() {
        let text = "\
qemu | 1:10.0.2+ds-2~bpo12+1 | http://m.example/debian bookworm-backports/main amd64 Packages
qemu | 1:7.2+dfsg-7 | http://m.example/debian bookworm/main amd64 Packages
qemu | 1:7.2+dfsg-7 | http://m.example/debian bookworm/main Sources
";
        let offer = |version: &str, suite: &str| Offer {
            version: version.into(),
            suite: suite.into(),
        };
        assert_eq!(
            parse_madison(text),
            [
                offer("1:10.0.2+ds-2~bpo12+1", "bookworm-backports"),
                offer("1:7.2+dfsg-7", "bookworm")
            ]
        );
    }

    #[test]
    fn a_private_state_reads_and_writes_in_its_own_folder_and_insists_on_signatures() {
        let text = configuration(Path::new("/cache/apt"), "");
        for line in [
            "Dir::Etc::sourcelist \"/cache/apt/archives.sources\";\n",
            "Dir::Etc::sourceparts \"/dev/null\";\n",
            "Dir::State::Lists \"/cache/apt/lists\";\n",
            "Dir::Cache \"/cache/apt/cache\";\n",
            "APT::Get::AllowUnauthenticated \"false\";\n",
        ] {
            assert!(text.contains(line), "{line:?} is not in {text:?}");
        }
    }
}
