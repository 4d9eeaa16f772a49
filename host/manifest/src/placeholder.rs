//! Placeholders in the names of image files, so that one manifest serves boards of several architectures.

use crate::Code;
use crate::manifest::Located;
use crate::problem::{Problem, Problems};
use partita_board::Architecture;

/// The placeholders that there are, without their braces: what the board's cores are, and what programs for it are
/// built for.
const ARCHITECTURE: &str = "arch";
const PLATFORM: &str = "platform";

/// The name of a file with `{arch}` and `{platform}` replaced by what they are on the board.
pub(crate) fn fill(
    file: &Located<String>,
    architecture: &Architecture,
    problems: &mut Problems,
) -> Option<Located<String>> {
    let mut filled = String::new();
    let mut rest = file.value.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        let (found, behind) = match after.split_once('}') {
            Some((ARCHITECTURE | PLATFORM, behind)) => (None, behind),
            Some((name, behind)) => (
                Some(format!("there is no placeholder `{{{name}}}`")),
                behind,
            ),
            None => (Some("there is a `{` that nothing closes".to_owned()), ""),
        };
        if let Some(found) = found {
            problems.push(
                Problem::error(Code::UnknownPlaceholder, found)
                    .at(&file.span, "in this file name")
                    .help(
                        "`{arch}` stands for the architecture of the board, such as `riscv64`, and \
                         `{platform}` for what its programs are built for",
                    ),
            );
            return None;
        }
        filled.push_str(before);
        filled.push_str(match after.starts_with(PLATFORM) {
            true => architecture.platform(),
            false => architecture.name(),
        });
        rest = behind;
    }
    filled.push_str(rest);
    Some(Located::new(filled, file.span.clone()))
}
