//! QEMU: which one is used, and which versions do.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::apt::Apt;
use super::version::Version;
use crate::architecture::Qemu as Wanted;
use crate::{paths, process};

/// The oldest version accepted: the first with the CPU property `smepmp`.
pub const OLDEST: Version = Version { major: 8, minor: 2 };
/// The version everything is tested with.
pub const TESTED: Version = Version {
    major: 10,
    minor: 0,
};

/// A QEMU that can be used.
#[derive(Debug)]
pub struct Qemu {
    /// The program.
    pub path: PathBuf,
    /// Its version.
    pub version: Version,
}

/// Whether the person says which QEMU to use.
pub fn is_named(wanted: &Wanted) -> bool {
    env::var_os(wanted.variable).is_some()
}

/// The QEMU to use, or why there is none.
pub fn find(wanted: &Wanted) -> Result<Qemu, String> {
    let (program, variable) = (wanted.program, wanted.variable);
    if let Some(path) = env::var_os(variable) {
        return inspect(Path::new(&path))
            .map_err(|reason| format!("{reason} (it is named by {variable})"));
    }
    let path =
        paths::find_program(program).ok_or_else(|| format!("{program} is not on the PATH"))?;
    inspect(&path)
}

fn inspect(path: &Path) -> Result<Qemu, String> {
    let output = process::output(Command::new(path).arg("--version"))
        .map_err(|error| format!("{} does not run: {error:#}", path.display()))?;
    let version = Version::of_qemu(&output)
        .ok_or_else(|| format!("{} does not tell a QEMU version", path.display()))?;
    if version < OLDEST {
        return Err(format!(
            "{} is version {version}, older than {OLDEST}",
            path.display()
        ));
    }
    // What is started later may run in another folder.
    let path = std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Qemu { path, version })
}

/// A package to install, from backports where the release's own version is too old.
#[derive(Debug, PartialEq, Eq)]
pub struct Choice {
    /// The package.
    pub package: &'static str,
    /// The suite to name to apt, unless the release itself has it.
    pub suite: Option<String>,
}

/// Chooses a package that is new enough among those on offer.
pub fn choose_package(apt: &Apt, wanted: &Wanted) -> Option<Choice> {
    wanted.packages.iter().find_map(|package| {
        let offers = apt.offers(package).ok()?;
        let suite = choose_suite(offers.iter().map(|offer| (&*offer.version, &*offer.suite)))?;
        let is_backport = suite.ends_with("-backports");
        Some(Choice {
            package,
            suite: is_backport.then(|| suite.to_owned()),
        })
    })
}

/// The suite to take a package from: the release's own, if new enough, else the backports.
fn choose_suite<'a>(offers: impl Iterator<Item = (&'a str, &'a str)>) -> Option<&'a str> {
    offers
        .filter(|(version, _)| Version::of_package(version).is_some_and(|found| found >= OLDEST))
        .map(|(_, suite)| suite)
        .min_by_key(|suite| suite.ends_with("-backports"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_release_takes_qemu_from_its_backports() {
        let offers = [
            ("1:10.0.2+ds-2~bpo12+1", "bookworm-backports"),
            ("1:7.2+dfsg-7", "bookworm"),
        ];
        assert_eq!(choose_suite(offers.into_iter()), Some("bookworm-backports"));
    }

    #[test]
    fn a_new_release_keeps_its_own_qemu() {
        let offers = [
            ("1:10.2.0+ds-1~bpo13+1", "trixie-backports"),
            ("1:10.0.2+ds-2", "trixie"),
        ];
        assert_eq!(choose_suite(offers.into_iter()), Some("trixie"));
    }

    #[test]
    fn nothing_is_taken_where_all_is_too_old() {
        assert_eq!(
            choose_suite([("1:7.2+dfsg-7", "bookworm")].into_iter()),
            None
        );
    }
}
