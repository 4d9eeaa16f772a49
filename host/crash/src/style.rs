//! Colours, where they are wanted.

use anstyle::Style;

/// Headings.
pub(crate) const BOLD: Style = Style::new().bold();
/// What is of little interest.
pub(crate) const DIM: Style = Style::new().dimmed();

/// Text in a style, or as it is.
pub(crate) fn paint(color: bool, style: Style, text: &str) -> String {
    if color {
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}
