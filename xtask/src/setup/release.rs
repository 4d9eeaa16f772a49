//! Which distribution this machine runs, from os-release(5).

use std::fs;

/// The parts of os-release that set-up needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Release {
    /// The name for people, `Debian GNU/Linux 12 (bookworm)`.
    pub name: String,
    /// Code names of the release, as its apt suites are called; a derivative of Debian may have two.
    pub codenames: Vec<String>,
}

impl Release {
    /// Reads this machine's; empty where there is none.
    pub fn of_this_machine() -> Self {
        ["/etc/os-release", "/usr/lib/os-release"]
            .iter()
            .find_map(|path| fs::read_to_string(path).ok())
            .map(|text| Self::parse(&text))
            .unwrap_or_default()
    }

    fn parse(text: &str) -> Self {
        let value = |key: &str| {
            text.lines()
                .filter_map(|line| line.trim().split_once('='))
                .find(|(name, _)| *name == key)
                .map(|(_, value)| value.trim_matches(['"', '\'']).to_owned())
                .filter(|value| !value.is_empty())
        };
        Self {
            name: value("PRETTY_NAME").unwrap_or_else(|| "this machine".into()),
            codenames: ["VERSION_CODENAME", "DEBIAN_CODENAME"]
                .into_iter()
                .filter_map(value)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_and_without_quotes() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_CODENAME=bookworm\n";
        let release = Release::parse(text);
        assert_eq!(release.name, "Debian GNU/Linux 12 (bookworm)");
        assert_eq!(release.codenames, ["bookworm"]);
    }

    #[test]
    fn a_derivative_also_names_the_debian_release_it_stands_on() {
        let text = "PRETTY_NAME='LMDE 6'\nVERSION_CODENAME=faye\nDEBIAN_CODENAME=bookworm\n";
        assert_eq!(Release::parse(text).codenames, ["faye", "bookworm"]);
    }

    #[test]
    fn a_system_without_code_names_has_none() {
        assert_eq!(Release::parse("ID=arch\n").codenames, Vec::<String>::new());
    }
}
