//! Versions of programs and packages, as far as set-up has to compare them.

use std::fmt;

/// Major and minor version of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

impl Version {
    /// Reads what `qemu-system-riscv64 --version` prints: `QEMU emulator version 10.0.2 (…)`.
    pub fn of_qemu(output: &str) -> Option<Self> {
        let (_, rest) = output.split_once("version ")?;
        Self::leading(rest)
    }

    /// The upstream version in a Debian package's one, `1:10.0.2+ds-2` (deb-version(7)).
    pub fn of_package(version: &str) -> Option<Self> {
        Self::leading(
            version
                .split_once(':')
                .map_or(version, |(_epoch, rest)| rest),
        )
    }

    fn leading(text: &str) -> Option<Self> {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        Some(Self {
            major: numbers.next()?.parse().ok()?,
            minor: numbers.next()?.parse().ok()?,
        })
    }
}

/// Kernel packages `linux-image-6.12.N[.M…]+deb13[.K]-ARCHITECTURE`: the newest of `names`.
///
/// The archive holds several and drops old ones at each point release, so none is written down here.
/// Debug symbols (`…-dbg`) and other flavours do not match.
pub fn newest_kernel_package<'a>(
    names: impl IntoIterator<Item = &'a str>,
    architecture: &str,
) -> Option<&'a str> {
    names
        .into_iter()
        .filter_map(|name| kernel_version(name, architecture).map(|version| (version, name)))
        .max()
        .map(|(_, name)| name)
}

/// The numbers of a kernel package's release, for comparison.
fn kernel_version(package: &str, architecture: &str) -> Option<(Vec<u32>, Vec<u32>)> {
    let release = package
        .strip_prefix("linux-image-")?
        .strip_suffix(architecture)?
        .strip_suffix('-')?;
    let (upstream, debian) = release.split_once("+deb13")?;
    upstream.strip_prefix("6.12.")?;
    let numbers = |text: &str| -> Option<Vec<u32>> {
        text.split('.').map(|part| part.parse().ok()).collect()
    };
    let revision = match debian {
        "" => Vec::new(),
        more => numbers(more.strip_prefix('.')?)?,
    };
    Some((numbers(upstream)?, revision))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        newest_kernel_package(names, "riscv64")
    }

    const fn version(major: u32, minor: u32) -> Version {
        Version { major, minor }
    }

    #[test]
    fn qemu_says_its_version_in_its_first_line() {
        let debian =
            "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2+deb13u1~bpo12+1)\nCopyright";
        assert_eq!(Version::of_qemu(debian), Some(version(10, 0)));
        assert_eq!(
            Version::of_qemu("QEMU emulator version 9.2.50 (v9.2)"),
            Some(version(9, 2))
        );
        assert_eq!(Version::of_qemu("another program 1.0"), None);
        assert_eq!(Version::of_qemu("version "), None);
    }

    #[test]
    fn a_package_version_is_read_behind_its_epoch() {
        assert_eq!(
            Version::of_package("1:10.0.2+ds-2+deb13u1~bpo12+1"),
            Some(version(10, 0))
        );
        assert_eq!(
            Version::of_package("1:7.2+dfsg-7+deb12u16"),
            Some(version(7, 2))
        );
        assert_eq!(Version::of_package("9.0"), Some(version(9, 0)));
        assert_eq!(Version::of_package("none"), None);
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(version(10, 0) > version(9, 2));
        assert!(version(8, 10) > version(8, 9));
    }

    #[test]
    fn the_newest_kernel_is_taken_by_number_and_debug_symbols_are_not_kernels() {
        let names = [
            "linux-image-6.12.94+deb13-riscv64",
            "linux-image-6.12.107+deb13-riscv64-dbg",
            "linux-image-6.12.107+deb13-riscv64",
            "linux-image-6.12.107+deb13-rt-riscv64",
            "linux-image-6.13.1+deb13-riscv64",
            "linux-image-riscv64",
        ];
        assert_eq!(newest(names), Some("linux-image-6.12.107+deb13-riscv64"));
    }

    #[test]
    fn a_rebuilt_kernel_is_newer_than_its_first_build() {
        let names = [
            "linux-image-6.12.94+deb13.1-riscv64",
            "linux-image-6.12.94+deb13-riscv64",
        ];
        assert_eq!(newest(names), Some("linux-image-6.12.94+deb13.1-riscv64"));
    }

    #[test]
    fn no_kernel_is_taken_where_none_fits() {
        assert_eq!(newest(["linux-image-6.1.0-40-riscv64", "busybox"]), None);
    }
}
