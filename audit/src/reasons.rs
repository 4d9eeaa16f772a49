//! The list of panic sites that may be there, each with the reason why no partition reaches it.
//!
//! One site on a line, `KIND in FUNCTION: REASON`; lines that start with `#` are comments.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::panics::Site;

/// The list, and which of its lines were needed.
pub struct Reasons {
    lines: BTreeMap<(String, String), (String, bool)>,
}

impl Reasons {
    /// Reads the list.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("cannot read {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let mut lines = BTreeMap::new();
        let entries = text
            .lines()
            .enumerate()
            .map(|(number, line)| (number + 1, line.trim()));
        for (number, line) in entries.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        {
            let parts = line.split_once(" in ").and_then(|(kind, rest)| {
                let (function, reason) = rest.split_once(": ")?;
                Some((kind, function, reason))
            });
            let Some((kind, function, reason)) = parts else {
                bail!("line {number} is not `KIND in FUNCTION: REASON`");
            };
            let key = (kind.to_owned(), function.to_owned());
            if lines.insert(key, (reason.to_owned(), false)).is_some() {
                bail!("line {number} says what another line says");
            }
        }
        Ok(Self { lines })
    }

    /// The reason why a site cannot be reached.
    pub fn find(&mut self, site: &Site) -> Option<String> {
        let key = (site.kind.clone(), site.function.clone());
        let (reason, used) = self.lines.get_mut(&key)?;
        *used = true;
        Some(reason.clone())
    }

    /// Lines that no site needs any more.
    pub fn unused(&self) -> Vec<String> {
        let unused = self.lines.iter().filter(|(_, (_, used))| !used);
        unused
            .map(|((kind, function), _)| {
                format!("there is no {kind} in {function} any more: remove its line")
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Reasons;
    use crate::panics::Site;

    fn site(kind: &str) -> Site {
        Site {
            function: "a::b".to_owned(),
            kind: kind.to_owned(),
            place: String::new(),
        }
    }

    #[test]
    fn a_site_needs_a_line_and_a_line_needs_a_site() {
        let mut reasons = Reasons::parse("# text\npanic_fmt in a::b: only at boot\n").unwrap();
        assert_eq!(reasons.find(&site("panic_bounds_check")), None);
        assert_eq!(reasons.unused().len(), 1);
        assert_eq!(
            reasons.find(&site("panic_fmt")).as_deref(),
            Some("only at boot")
        );
        assert!(reasons.unused().is_empty());
    }

    #[test]
    fn a_line_without_a_reason_is_refused() {
        assert!(Reasons::parse("panic_fmt in a::b").is_err());
        assert!(Reasons::parse("panic_fmt in a::b: x\npanic_fmt in a::b: y").is_err());
    }
}
