//! Rows of text with aligned columns.

use super::style::{DIM, Paint};

/// How the cells of a column are aligned.
#[derive(Clone, Copy)]
pub(super) enum Column {
    /// To the left.
    Left,
    /// To the right.
    Right,
}

/// A table without lines.
pub(super) struct Grid {
    columns: Vec<Column>,
    rows: Vec<(Vec<String>, bool)>,
}

impl Grid {
    pub(super) fn new(columns: &[Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push((cells.into(), false));
    }

    /// Adds a row of little interest.
    pub(super) fn faint<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push((cells.into(), true));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Appends the rows, indented.
    pub(super) fn print(&self, paint: Paint, out: &mut String) {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|(row, _)| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        for (row, faint) in &self.rows {
            let mut text = String::new();
            for (index, cell) in row.iter().enumerate() {
                let width = width(index);
                text.push_str("  ");
                match self.columns.get(index) {
                    Some(Column::Right) => text.push_str(&format!("{cell:>width$}")),
                    _ => text.push_str(&format!("{cell:<width$}")),
                }
            }
            let text = text.trim_end();
            let text = if *faint {
                paint.with(DIM, text)
            } else {
                text.to_owned()
            };
            out.push_str(&format!("  {text}\n"));
        }
    }
}
