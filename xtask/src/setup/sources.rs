//! apt source lists: read in both formats, reduced to the distribution's own entries, rewritten.
//!
//! The formats are those of sources.list(5): one line an entry (`.list`) and deb822 (`.sources`).
//! What is written is always deb822.

/// Which of the two formats a file has; apt decides by the file's extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `deb [options] URI suite component…`
    OneLine,
    /// Stanzas of `Field: value` lines.
    Deb822,
}

/// One archive for binary packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    uris: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
    /// Fields about trust, as deb822 writes them; a value keeps its continuation lines.
    trust: Vec<(String, String)>,
}

/// Names that a sources file may use in place of a release's code name.
const ALIASES: [&str; 5] = ["stable", "oldstable", "testing", "unstable", "sid"];
/// Of those, and of code names, the ones that have no backports.
const WITHOUT_BACKPORTS: [&str; 3] = ["testing", "unstable", "sid"];
/// Components that the distribution itself keeps; Ubuntu has QEMU and cross compilers in `universe`.
const COMPONENTS: [&str; 2] = ["main", "universe"];
/// What the distribution itself appends to a suite's name; others (`bookworm-pgdg`) are third parties.
const RELEASE_PARTS: [&str; 6] = [
    "",
    "updates",
    "security",
    "backports",
    "proposed-updates",
    "proposed",
];
/// The fields that decide what apt trusts; all others (architectures, languages, …) describe the
/// machine and are left behind.
const TRUST_FIELDS: [&str; 4] = ["Signed-By", "Trusted", "Check-Valid-Until", "Check-Date"];

/// All archives for binary packages in one file.
pub fn parse(text: &str, format: Format) -> Vec<Entry> {
    match format {
        Format::OneLine => text.lines().filter_map(parse_line).collect(),
        Format::Deb822 => stanzas(text)
            .iter()
            .filter_map(|fields| parse_stanza(fields))
            .collect(),
    }
}

fn parse_line(line: &str) -> Option<Entry> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?;
    // Not `deb-src`.
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace().map(str::to_owned);
    let uri = words.next()?;
    let suite = words.next()?;
    let trust = options
        .split_whitespace()
        .filter_map(|option| option.split_once('='))
        .filter_map(|(name, value)| Some((trust_field(name)?, value.replace(',', " "))))
        .collect();
    Some(Entry {
        uris: vec![uri],
        suites: vec![suite],
        components: words.collect(),
        trust,
    })
}

fn parse_stanza(fields: &[(String, String)]) -> Option<Entry> {
    let value = |name: &str| {
        fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    };
    let words = |name: &str| -> Vec<String> {
        value(name)
            .into_iter()
            .flat_map(|text| text.split_whitespace())
            .map(Into::into)
            .collect()
    };
    if value("Enabled").is_some_and(|enabled| ["no", "false", "0"].contains(&enabled.trim())) {
        return None;
    }
    if !words("Types").iter().any(|kind| kind == "deb") {
        return None;
    }
    let trust = fields
        .iter()
        .filter_map(|(field, value)| Some((trust_field(field)?, value.clone())))
        .collect();
    Some(Entry {
        uris: words("URIs"),
        suites: words("Suites"),
        components: words("Components"),
        trust,
    })
}

fn trust_field(name: &str) -> Option<String> {
    TRUST_FIELDS
        .iter()
        .find(|field| field.eq_ignore_ascii_case(name))
        .map(|&field| field.into())
}

/// Splits deb822 text into stanzas of (field, value with its continuation lines).
fn stanzas(text: &str) -> Vec<Vec<(String, String)>> {
    let mut all = vec![Vec::<(String, String)>::new()];
    for line in text.lines() {
        if line.starts_with('#') {
            continue;
        }
        let Some(stanza) = all.last_mut() else {
            continue;
        };
        if line.trim().is_empty() {
            all.push(Vec::new());
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = stanza.last_mut() {
                value.push('\n');
                value.push_str(line);
            }
        } else if let Some((field, value)) = line.split_once(':') {
            stanza.push((field.trim().to_owned(), value.trim().to_owned()));
        }
    }
    all
}

impl Entry {
    /// The `main` component of one release on a mirror, checked with one keyring.
    pub fn of_mirror(uri: &str, release: &str, keyring: &str) -> Self {
        Self {
            uris: vec![uri.to_owned()],
            suites: vec![release.to_owned()],
            components: vec!["main".to_owned()],
            trust: vec![("Signed-By".to_owned(), keyring.to_owned())],
        }
    }

    /// The release's own suite in this entry, without `-updates`, `-security`, `-backports`.
    fn base_suite(&self, codenames: &[String]) -> Option<&String> {
        self.suites.iter().find(|suite| is_base(suite, codenames))
    }

    fn belongs_to_release(&self, codenames: &[String]) -> bool {
        self.components
            .iter()
            .any(|component| COMPONENTS.contains(&component.as_str()))
            && self.uris.iter().all(|uri| !uri.starts_with("cdrom:"))
            && self.suites.iter().any(|suite| {
                let (base, part) = suite.split_once(['-', '/']).unwrap_or((suite, ""));
                is_base(base, codenames) && RELEASE_PARTS.contains(&part)
            })
    }

    fn signed_by(&self) -> Option<&str> {
        self.trust
            .iter()
            .find(|(field, _)| field == "Signed-By")
            .map(|(_, value)| value.as_str())
    }
}

fn is_base(suite: &str, codenames: &[String]) -> bool {
    codenames.iter().any(|name| name == suite) || ALIASES.contains(&suite)
}

/// The distribution's own archives: those of its suites with a component of its own.
///
/// Third parties may use the same suite and component names. Where some entries are checked with a
/// key of the distribution itself, only these count; else those that leave the key to apt.
pub fn own_entries(entries: &[Entry], codenames: &[String]) -> Vec<Entry> {
    let own: Vec<&Entry> = entries
        .iter()
        .filter(|entry| entry.belongs_to_release(codenames))
        .collect();
    let by_distribution = |entry: &&&Entry| {
        entry
            .signed_by()
            .is_some_and(|key| key.contains("debian-archive") || key.contains("ubuntu-archive"))
    };
    let by_default = |entry: &&&Entry| entry.signed_by().is_none();
    for trusted in [&by_distribution as &dyn Fn(&&&Entry) -> bool, &by_default] {
        let chosen: Vec<Entry> = own
            .iter()
            .filter(trusted)
            .map(|&entry| entry.clone())
            .collect();
        if chosen
            .iter()
            .any(|entry| entry.base_suite(codenames).is_some())
        {
            return chosen;
        }
    }
    own.into_iter().cloned().collect()
}

/// The same archives with another release: only its main suite, which alone holds every package of
/// its last point release, and only component `main`.
pub fn with_release(own: &[Entry], codenames: &[String], release: &str) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    for entry in own
        .iter()
        .filter(|entry| entry.base_suite(codenames).is_some())
    {
        let replaced = Entry {
            suites: vec![release.to_owned()],
            components: vec!["main".to_owned()],
            ..entry.clone()
        };
        // One-line lists often have a line for each component.
        if !all.contains(&replaced) {
            all.push(replaced);
        }
    }
    all
}

/// The own archives followed by the same with the backports suite. apt resolves what comes from
/// backports only where it sees both.
pub fn with_backports(own: &[Entry], codenames: &[String]) -> Vec<Entry> {
    let mut all = own.to_vec();
    let present: Vec<&String> = own.iter().flat_map(|entry| &entry.suites).collect();
    for entry in own {
        let Some(base) = entry.base_suite(codenames) else {
            continue;
        };
        let suite = format!("{base}-backports");
        if WITHOUT_BACKPORTS.contains(&base.as_str()) || present.contains(&&suite) {
            continue;
        }
        all.push(Entry {
            suites: vec![suite],
            ..entry.clone()
        });
    }
    all
}

/// Writes entries as deb822.
pub fn write(entries: &[Entry]) -> String {
    write_as("deb", entries)
}

/// The same for the source of packages.
pub fn write_for_sources(entries: &[Entry]) -> String {
    write_as("deb-src", entries)
}

fn write_as(kind: &str, entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        text += &format!(
            "Types: {kind}\nURIs: {}\nSuites: {}\n",
            entry.uris.join(" "),
            entry.suites.join(" ")
        );
        if !entry.components.is_empty() {
            text += &format!("Components: {}\n", entry.components.join(" "));
        }
        for (field, value) in &entry.trust {
            text += &format!("{field}: {value}\n");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;
