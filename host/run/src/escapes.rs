//! Partitions' text, made safe for a terminal.
//!
//! A terminal obeys what it prints: it moves its cursor over other partitions' lines, renames its
//! window, answers questions as if the user had typed. A partition may do none of that here. Colours
//! stay where colours are wanted, and the console that the user types to keeps what editing a line
//! needs; everything else is dropped.

/// The longest control sequence that is looked at.
const MAX_SEQUENCE: usize = 24;

/// Which control sequences stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// None: plain text.
    Nothing,
    /// Colours and weights.
    Colors,
    /// Those, and moving and erasing within the line.
    Editing,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Escape,
    /// A control sequence (ECMA-48 5.4): parameters and intermediates so far.
    Sequence(String),
    /// A control string (ECMA-48 5.6): all of it is dropped, up to its terminator.
    String,
    StringEscape,
}

/// Filters one line, in as many pieces as it comes.
#[derive(Clone, Debug)]
pub struct Filter {
    keep: Keep,
    state: State,
    pending: Vec<u8>,
    styled: bool,
}

impl Filter {
    /// A filter for the next line.
    pub const fn new(keep: Keep) -> Self {
        Self {
            keep,
            state: State::Text,
            pending: Vec::new(),
            styled: false,
        }
    }

    /// Filters the whole of a line.
    pub fn line(text: &[u8], keep: Keep) -> String {
        let mut filter = Self::new(keep);
        let mut output = String::new();
        filter.push(text, &mut output);
        filter.finish(&mut output);
        output
    }

    /// Filters the next bytes into `output`.
    pub fn push(&mut self, bytes: &[u8], output: &mut String) {
        for byte in bytes {
            self.state = match std::mem::take(&mut self.state) {
                State::Text => self.text(*byte, output),
                State::Escape => match byte {
                    b'[' => State::Sequence(String::new()),
                    b']' | b'P' | b'_' | b'^' | b'X' => State::String,
                    0x20..=0x2f | 0x1b => State::Escape,
                    _ => State::Text,
                },
                State::Sequence(parameters) => self.sequence(parameters, *byte, output),
                State::String if *byte == 0x1b => State::StringEscape,
                State::String => State::String,
                State::StringEscape if *byte == b'\\' => State::Text,
                State::StringEscape => State::String,
            };
        }
    }

    /// Ends the line: gives back the terminal as it was.
    pub fn finish(&mut self, output: &mut String) {
        self.flush(output);
        if std::mem::take(&mut self.styled) {
            output.push_str("\x1b[0m");
        }
        self.state = State::Text;
    }

    fn text(&mut self, byte: u8, output: &mut String) -> State {
        if byte >= 0x80 {
            self.pending.push(byte);
            self.decode(output);
            return State::Text;
        }
        self.flush(output);
        match byte {
            0x1b => return State::Escape,
            0x08 if self.keep == Keep::Editing => output.push('\u{8}'),
            0x08 => drop(output.pop()),
            b'\t' | 0x20..=0x7e => output.push(char::from(byte)),
            _ => {}
        }
        State::Text
    }

    fn sequence(&mut self, mut parameters: String, byte: u8, output: &mut String) -> State {
        match byte {
            0x20..=0x3f if parameters.len() < MAX_SEQUENCE => {
                parameters.push(char::from(byte));
                State::Sequence(parameters)
            }
            0x1b => State::Escape,
            0x40..=0x7e => {
                self.act(&parameters, byte, output);
                State::Text
            }
            _ => State::Text,
        }
    }

    fn act(&mut self, parameters: &str, action: u8, output: &mut String) {
        let numbers = parameters
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':'));
        let action = match action {
            b'm' if self.keep != Keep::Nothing => 'm',
            // Cursor right and left, erase and delete in the line, insert and delete characters.
            b'C' | b'D' | b'K' | b'P' | b'@' if self.keep == Keep::Editing => char::from(action),
            // Erasing to the end of the screen means the rest of the line to a line editor.
            b'J' if self.keep == Keep::Editing => 'K',
            _ => return,
        };
        if numbers {
            self.styled |= action == 'm';
            output.push_str(&format!("\x1b[{parameters}{action}"));
        }
    }

    /// Hands on a character that is complete, or a mark in place of what never becomes one.
    fn decode(&mut self, output: &mut String) {
        match std::str::from_utf8(&self.pending) {
            // The C1 controls do what escape sequences do.
            Ok(text) => output.extend(text.chars().filter(|char| !char.is_control())),
            Err(error) if error.error_len().is_none() => return,
            Err(_) => output.push(char::REPLACEMENT_CHARACTER),
        }
        self.pending.clear();
    }

    fn flush(&mut self, output: &mut String) {
        if !self.pending.is_empty() {
            output.push(char::REPLACEMENT_CHARACTER);
            self.pending.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Filter, Keep};

    #[test]
    fn colours_stay_only_where_they_are_wanted_and_end_with_the_line() {
        let text = b"a\x1b[31mred";
        assert_eq!(Filter::line(text, Keep::Nothing), "ared");
        assert_eq!(Filter::line(text, Keep::Colors), "a\x1b[31mred\x1b[0m");
    }

    #[test]
    fn a_partition_cannot_move_the_cursor_off_its_line() {
        for text in [
            &b"\x1b[2J\x1b[1;1Hx"[..],
            b"\x1b[5Ax",
            b"\x1bMx",
            b"\x1b7\x1b8x",
            "\u{9b}5Ax".as_bytes(),
        ] {
            let output = Filter::line(text, Keep::Colors);
            assert!(
                output.ends_with('x') && !output.contains(char::is_control),
                "{output:?}"
            );
        }
    }

    #[test]
    fn a_partition_cannot_talk_to_the_terminal() {
        for text in [
            &b"\x1b]52;c;aGk=\x1b\\x"[..],
            b"\x1b[6nx",
            b"\x1b[?1049hx",
            b"\x1bcx",
        ] {
            assert_eq!(Filter::line(text, Keep::Editing), "x", "{text:?}");
        }
    }

    #[test]
    fn a_character_may_come_in_pieces() {
        let mut filter = Filter::new(Keep::Nothing);
        let mut output = String::new();
        for byte in "ä€".bytes() {
            filter.push(&[byte], &mut output);
        }
        filter.push(&[0xff, b'x', 0xe2], &mut output);
        filter.finish(&mut output);
        assert_eq!(output, "ä€\u{fffd}x\u{fffd}");
    }

    #[test]
    fn backspace_takes_back_what_was_written() {
        assert_eq!(Filter::line(b"ab\x08 \x08c", Keep::Nothing), "ac");
    }
}
