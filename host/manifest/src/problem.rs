//! What is wrong with a manifest, with the lines that cause it.

use crate::Code;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};
use std::fmt;
use std::ops::Range;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// There is no plan.
    Error,
    /// There is a plan, with a limit that a person should know.
    Warning,
}

/// A place in the manifest and what it has to do with the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Length in characters, at least 1.
    pub length: usize,
    /// What this place has to do with it.
    pub text: String,
    span: Range<usize>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its stable name.
    pub code: Code,
    /// Whether it is an error.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where; the first is the place to look at first.
    pub labels: Vec<Label>,
    /// What to change.
    pub help: Option<String>,
}

impl Problem {
    pub(crate) fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            labels: Vec::new(),
            help: None,
        }
    }

    pub(crate) fn warning(code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    pub(crate) fn at(mut self, span: &Range<usize>, text: impl Into<String>) -> Self {
        // Lines and columns are filled in by the list, which knows the source.
        self.labels.push(Label {
            line: 0,
            column: 0,
            length: 0,
            text: text.into(),
            span: span.clone(),
        });
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// All that is wrong with one manifest, and its source to show it in.
#[derive(Clone, Default)]
pub struct Problems {
    path: String,
    source: String,
    problems: Vec<Problem>,
}

impl Problems {
    pub(crate) fn new(path: String, source: String) -> Self {
        Self {
            path,
            source,
            problems: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, mut problem: Problem) {
        for label in &mut problem.labels {
            label.span.end = label.span.end.min(self.source.len());
            label.span.start = label.span.start.min(label.span.end);
            let (line, column) = self.position(label.span.start);
            label.line = line;
            label.column = column;
            let text = self.source.get(label.span.clone()).unwrap_or_default();
            label.length = text
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .count()
                .max(1);
        }
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Line and column, from 1, of a byte of the source.
    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.source.get(..offset).unwrap_or(&self.source);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(start..).unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.iter()
            .any(|problem| problem.severity == Severity::Error)
    }

    /// Puts the problems into the order of the manifest.
    pub(crate) fn sort(&mut self) {
        self.problems
            .sort_by_key(|problem| problem.labels.first().map(|label| label.span.start));
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// How many things are wrong.
    pub fn len(&self) -> usize {
        self.problems.len()
    }

    /// Everything that is wrong, in the order of the manifest.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.problems.iter()
    }

    /// The manifest as it was named.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// All problems for a person, with the lines of the manifest that cause them.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let rendered: Vec<String> = self
            .iter()
            .map(|problem| renderer.render(&self.groups(problem)) + "\n")
            .collect();
        rendered.join("\n")
    }

    fn groups<'a>(&'a self, problem: &'a Problem) -> Vec<Group<'a>> {
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level
            .primary_title(problem.message.as_str())
            .id(problem.code.name());
        let snippet: Snippet<'_, Annotation<'_>> = Snippet::source(self.source.as_str())
            .path(self.path.as_str())
            .annotations(problem.labels.iter().enumerate().map(|(index, label)| {
                let kind = if index == 0 {
                    AnnotationKind::Primary
                } else {
                    AnnotationKind::Context
                };
                kind.span(label.span.clone()).label(label.text.as_str())
            }));
        let group = if problem.labels.is_empty() {
            Group::with_title(title)
        } else {
            title.element(snippet)
        };
        let group = match &problem.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        };
        vec![group]
    }

    /// All problems for tools: a list of objects with the members of [`Problem`] and [`Label`].
    pub fn to_json(&self) -> Value {
        self.iter()
            .map(|problem| {
                let labels: Vec<Value> = problem
                    .labels
                    .iter()
                    .map(|label| {
                        json!({
                            "file": self.path,
                            "line": label.line,
                            "column": label.column,
                            "length": label.length,
                            "text": label.text,
                        })
                    })
                    .collect();
                json!({
                    "code": problem.code.name(),
                    "severity": match problem.severity {
                        Severity::Error => "error",
                        Severity::Warning => "warning",
                    },
                    "message": problem.message,
                    "labels": labels,
                    "help": problem.help,
                })
            })
            .collect()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl fmt::Debug for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl std::error::Error for Problems {}
