//! One TOML table being read: keys are taken out, and what nobody took is unknown.

use crate::manifest::Located;
use crate::problem::{Problem, Problems};
use crate::{Code, quantity, suggest};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table of the manifest.
pub(crate) struct Section<'a> {
    table: &'a DeTable<'a>,
    /// What the table is called in messages, such as "`[board]`".
    pub(crate) name: String,
    /// Where the table is named.
    pub(crate) span: Range<usize>,
    keys: &'static [&'static str],
}

/// A key that is there, with its value.
pub(crate) struct Entry<'a> {
    key: &'static str,
    /// Where the key stands.
    pub(crate) key_span: Range<usize>,
    /// The value and where it stands.
    pub(crate) value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Section<'a> {
    /// Opens a table that may have `keys`, and reports every other key in it.
    pub(crate) fn open(
        table: &'a DeTable<'a>,
        name: String,
        span: Range<usize>,
        keys: &'static [&'static str],
        problems: &mut Problems,
    ) -> Self {
        for (key, _) in table {
            let text = key.get_ref().as_ref();
            if !keys.contains(&text) {
                problems.push(
                    Problem::error(Code::UnknownKey, format!("{name} has no key `{text}`"))
                        .at(&key.span(), "unknown key")
                        .help(suggest::help(text, keys.iter().copied())),
                );
            }
        }
        Self {
            table,
            name,
            span,
            keys,
        }
    }

    /// The entry of `key`, if it is there.
    pub(crate) fn get(&self, key: &'static str) -> Option<Entry<'a>> {
        debug_assert!(self.keys.contains(&key), "{key} is not declared");
        self.table
            .iter()
            .find(|(name, _)| name.get_ref().as_ref() == key)
            .map(|(name, value)| Entry {
                key,
                key_span: name.span(),
                value,
            })
    }

    /// The entry of `key`; its absence is a problem.
    pub(crate) fn require(
        &self,
        key: &'static str,
        example: &str,
        problems: &mut Problems,
    ) -> Option<Entry<'a>> {
        let entry = self.get(key);
        if entry.is_none() {
            problems.push(
                Problem::error(
                    Code::MissingKey,
                    format!("{} lacks the key `{key}`", self.name),
                )
                .at(&self.span, "in this table")
                .help(format!("add a line such as `{example}`")),
            );
        }
        entry
    }
}

impl<'a> Entry<'a> {
    /// The key.
    pub(crate) fn key(&self) -> &'static str {
        self.key
    }

    /// Where the value stands.
    pub(crate) fn span(&self) -> Range<usize> {
        self.value.span()
    }

    fn wrong_type<T>(&self, wanted: &str, problems: &mut Problems) -> Option<T> {
        wrong_type(self.value, &format!("`{}`", self.key), wanted, problems)
    }

    /// The value as a string.
    pub(crate) fn string(&self, problems: &mut Problems) -> Option<Located<String>> {
        match self.value.get_ref().as_str() {
            Some(text) => Some(Located::new(text.to_owned(), self.span())),
            None => self.wrong_type("a string in quotes", problems),
        }
    }

    /// The value as a string that a device tree can hold.
    pub(crate) fn line(&self, problems: &mut Problems) -> Option<Located<String>> {
        let text = self.string(problems)?;
        if text
            .value
            .contains(|character: char| character.is_control())
        {
            problems.push(
                Problem::error(
                    Code::InvalidText,
                    format!("`{}` has a control character in it", self.key),
                )
                .at(&self.span(), "goes into the device tree as it is")
                .help("keep it to one line of printable characters"),
            );
            return None;
        }
        Some(text)
    }

    /// The value as `true` or `false`.
    pub(crate) fn boolean(&self, problems: &mut Problems) -> Option<bool> {
        match self.value.get_ref().as_bool() {
            Some(value) => Some(value),
            None => self.wrong_type("`true` or `false`", problems),
        }
    }

    /// The value as a whole number.
    pub(crate) fn number(&self, problems: &mut Problems) -> Option<Located<i64>> {
        match integer(self.value.get_ref()) {
            Some(number) => Some(Located::new(number, self.span())),
            None => self.wrong_type("a whole number", problems),
        }
    }

    /// The value as a list.
    pub(crate) fn list(&self, problems: &mut Problems) -> Option<Vec<&'a Spanned<DeValue<'a>>>> {
        match self.value.get_ref().as_array() {
            Some(array) => Some(array.iter().collect()),
            None => self.wrong_type("a list in brackets", problems),
        }
    }

    /// The value as a list of strings.
    pub(crate) fn strings(&self, problems: &mut Problems) -> Vec<Located<String>> {
        let what = format!("an entry of `{}`", self.key);
        self.list(problems)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|value| match value.get_ref().as_str() {
                Some(text) => Some(Located::new(text.to_owned(), value.span())),
                None => wrong_type(value, &what, "a string in quotes", problems),
            })
            .collect()
    }

    /// The value as a list of whole numbers; nothing if no entry of it is one.
    pub(crate) fn numbers(&self, problems: &mut Problems) -> Option<Vec<Located<i64>>> {
        let what = format!("an entry of `{}`", self.key);
        let list = self.list(problems)?;
        let was_empty = list.is_empty();
        let numbers: Vec<Located<i64>> = list
            .into_iter()
            .filter_map(|value| match integer(value.get_ref()) {
                Some(number) => Some(Located::new(number, value.span())),
                None => wrong_type(value, &what, "a whole number", problems),
            })
            .collect();
        (was_empty || !numbers.is_empty()).then_some(numbers)
    }

    /// The value as a table that may have `keys`.
    pub(crate) fn table(
        &self,
        name: &str,
        keys: &'static [&'static str],
        problems: &mut Problems,
    ) -> Option<Section<'a>> {
        match self.value.get_ref().as_table() {
            Some(table) => Some(Section::open(
                table,
                name.to_owned(),
                self.key_span.clone(),
                keys,
                problems,
            )),
            None if name.contains('[') => {
                self.wrong_type(&format!("a table under the line {name}"), problems)
            }
            None => self.wrong_type("a table in braces", problems),
        }
    }

    /// The value as a size in bytes.
    pub(crate) fn size(&self, problems: &mut Problems) -> Option<Located<u64>> {
        let (code, parse) = (Code::InvalidSize, quantity::parse_size);
        self.quantity("a size", "B", "MiB", code, parse, problems)
    }

    /// The value as a time in nanoseconds.
    pub(crate) fn time(&self, problems: &mut Problems) -> Option<Located<u64>> {
        let (code, parse) = (Code::InvalidTime, quantity::parse_time);
        self.quantity("a time", "us", "us", code, parse, problems)
    }

    fn quantity(
        &self,
        what: &str,
        first_unit: &str,
        second_unit: &str,
        code: Code,
        parse: fn(&str) -> Result<u64, String>,
        problems: &mut Problems,
    ) -> Option<Located<u64>> {
        if let Some(number) = integer(self.value.get_ref()) {
            let suggestion = if first_unit == second_unit || number >= 1 << 16 {
                first_unit
            } else {
                second_unit
            };
            problems.push(
                Problem::error(
                    Code::MissingUnit,
                    format!("`{}` is {what} and needs a unit", self.key),
                )
                .at(&self.span(), "a plain number")
                .help(format!("write `{} = \"{number}{suggestion}\"`", self.key)),
            );
            return None;
        }
        let text = match self.value.get_ref().as_str() {
            Some(text) => text,
            None => return self.wrong_type(&format!("{what} in quotes"), problems),
        };
        match parse(text) {
            Ok(0) => {
                problems.push(
                    Problem::error(Code::Zero, format!("`{}` is zero", self.key))
                        .at(&self.span(), "must be more")
                        .help(format!("give `{}` a size or time above zero", self.key)),
                );
                None
            }
            Ok(value) => Some(Located::new(value, self.span())),
            Err(usage) => {
                problems.push(
                    Problem::error(code, format!("`{}` is not {what}: `{text}`", self.key))
                        .at(&self.span(), "cannot be read")
                        .help(usage),
                );
                None
            }
        }
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// Reports a value of the wrong TOML type.
pub(crate) fn wrong_type<T>(
    value: &Spanned<DeValue<'_>>,
    what: &str,
    wanted: &str,
    problems: &mut Problems,
) -> Option<T> {
    let found = match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    problems.push(
        Problem::error(Code::WrongType, format!("{what} must be {wanted}"))
            .at(&value.span(), format!("this is {found}"))
            .help(format!("write {wanted}")),
    );
    None
}
