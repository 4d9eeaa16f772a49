//! Emphasis by terminal escape sequences, or none.

/// Bold.
pub(super) const BOLD: &str = "\x1b[1m";
/// Faint.
pub(super) const DIM: &str = "\x1b[2m";

/// Whether text is emphasised.
#[derive(Clone, Copy)]
pub(super) struct Paint {
    color: bool,
}

impl Paint {
    pub(super) fn new(color: bool) -> Self {
        Self { color }
    }

    /// The text in this style.
    pub(super) fn with(self, style: &str, text: &str) -> String {
        if self.color && !text.is_empty() {
            format!("{style}{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
