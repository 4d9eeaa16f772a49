//! Text that is not TOML.

use crate::Code;
use crate::problem::{Problem, Problems};
use std::ops::Range;

/// Reports what the TOML parser found; a key that is there twice with both its lines.
pub(super) fn report(source: &str, error: &toml::de::Error, problems: &mut Problems) {
    let span = error.span().unwrap_or(0..0);
    if !error.message().contains("duplicate key") {
        problems.push(
            Problem::error(
                Code::Syntax,
                format!("this is not TOML: {}", error.message()),
            )
            .at(&span, "here"),
        );
        return;
    }
    let what = source.get(span.clone()).unwrap_or_default();
    let mut problem = Problem::error(Code::DuplicateKey, format!("`{what}` is there twice"))
        .at(&span, "second time")
        .help("remove one, or rename it");
    match first_definition(source, &span) {
        Some(first) => problem = problem.at(&first, "first time"),
        // A key of a table that is there twice: the table is the problem.
        None if !problems.is_empty() => return,
        None => {}
    }
    problems.push(problem);
}

/// Where the key at `second` stands for the first time: the same header anywhere above, or the same
/// key below the header that `second` is under.
fn first_definition(source: &str, second: &Range<usize>) -> Option<Range<usize>> {
    let line_start = source
        .get(..second.start)?
        .rfind('\n')
        .map_or(0, |at| at + 1);
    let line = source.get(line_start..)?.lines().next()?;
    let above = source.get(..line_start)?;
    let is_header = line.trim_start().starts_with('[');
    let from = if is_header {
        0
    } else {
        above.rfind("\n[").map_or(0, |at| at + 1)
    };
    let key = source.get(second.clone())?;
    let mut offset = from;
    for candidate in above.get(from..)?.split_inclusive('\n') {
        let trimmed = candidate.trim_start();
        let matches = if is_header {
            trimmed.trim_end() == line.trim()
        } else {
            trimmed
                .strip_prefix(key)
                .is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        if matches {
            let start = offset + candidate.find(key)?;
            return Some(start..start + key.len());
        }
        offset += candidate.len();
    }
    None
}
