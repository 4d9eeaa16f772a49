//! What keys mean while a run is attached to a terminal.

use partita_abi::console::{COMMAND_END, ESCAPE};

/// The key that ends the run: Ctrl-C.
const INTERRUPT: u8 = 0x03;

/// What the user is told about the keys.
pub const HELP: &str = "keys: Ctrl-C ends the run; Ctrl-] then a digit moves the input to that \
partition, then q ends the run, then c sends Ctrl-C, then Ctrl-] sends itself, then ? shows this";

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this byte to the console in focus.
    Send(u8),
    /// Move the focus to the partition of this index.
    Focus(usize),
    /// End the run.
    End,
    /// Show the help.
    Help,
}

/// Follows the keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys {
    escaped: bool,
}

impl Keys {
    /// What the next key asks for, if anything.
    pub fn press(&mut self, byte: u8) -> Option<Action> {
        if !std::mem::take(&mut self.escaped) {
            return match byte {
                ESCAPE => {
                    self.escaped = true;
                    None
                }
                INTERRUPT => Some(Action::End),
                _ => Some(Action::Send(byte)),
            };
        }
        Some(match byte {
            b'0'..=b'9' => Action::Focus(usize::from(byte - b'0')),
            COMMAND_END | INTERRUPT => Action::End,
            b'c' => Action::Send(INTERRUPT),
            ESCAPE => Action::Send(ESCAPE),
            _ => Action::Help,
        })
    }
}

/// Text as it has to be written to the serial port so that all of it reaches the console in focus.
pub fn encode(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for byte in text {
        if *byte == ESCAPE {
            bytes.push(ESCAPE);
        }
        bytes.push(*byte);
    }
    bytes
}

/// The command that moves the focus to the partition of this index.
pub fn focus(partition: usize) -> Vec<u8> {
    let digit = u8::try_from(partition).unwrap_or(u8::MAX).min(9);
    vec![ESCAPE, b'0' + digit]
}

/// The command that ends the run with a status block.
pub fn end() -> Vec<u8> {
    vec![ESCAPE, COMMAND_END]
}

#[cfg(test)]
mod tests {
    use super::{Action, Keys, encode};

    fn press(keys: &[u8]) -> Vec<Action> {
        let mut state = Keys::default();
        keys.iter().filter_map(|key| state.press(*key)).collect()
    }

    #[test]
    fn plain_keys_go_to_the_console_in_focus() {
        assert_eq!(press(b"a\x1b"), [Action::Send(b'a'), Action::Send(0x1b)]);
    }

    #[test]
    fn control_c_ends_the_run_and_can_still_be_sent() {
        assert_eq!(press(b"\x03"), [Action::End]);
        assert_eq!(press(b"\x1dc"), [Action::Send(3)]);
    }

    #[test]
    fn the_escape_key_starts_one_command_and_no_more() {
        assert_eq!(press(b"\x1d1q"), [Action::Focus(1), Action::Send(b'q')]);
        assert_eq!(press(b"\x1dq"), [Action::End]);
        assert_eq!(press(b"\x1dx"), [Action::Help]);
    }

    #[test]
    fn text_cannot_command_the_monitor() {
        assert_eq!(encode(b"a\x1dq"), b"a\x1d\x1dq");
    }
}
