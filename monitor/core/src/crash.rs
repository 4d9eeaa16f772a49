//! Which crash records are kept, and how they are told.

use partita_abi::crash::{BYTES_PER_LINE, Record};
use partita_abi::health::{Action, Kind};

/// Whether an event is worth a record of what the partition was doing. What a partition is only denied is
/// no end, so it never replaces the record of one.
pub fn is_kept(kind: Kind, action: Action, existing: &Record) -> bool {
    if action != Action::Log {
        return true;
    }
    let is_fault = matches!(
        kind,
        Kind::AccessFault | Kind::IllegalInstruction | Kind::UnexpectedTrap
    );
    let covers = existing.is_sound() && existing.action != Action::Log as u8;
    is_fault && !covers
}

/// Looks at a record as memory holds it when the board starts. Returns whether it is one, and then counts
/// the start; anything else is wiped.
pub fn survives(record: &mut Record) -> bool {
    if record.is_sound() {
        record.board_starts = record.board_starts.saturating_add(1);
        record.seal();
        return true;
    }
    record.magic = [0; 8];
    false
}

/// Where the telling of a record has got to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Telling {
    /// Bytes told in lines before this one.
    pub offset: usize,
    /// Characters told of this line.
    column: usize,
}

/// Digits of the offset in a line.
const OFFSET_DIGITS: usize = 4;

const fn digit(value: u8) -> u8 {
    let value = value & 0xf;
    if value < 10 {
        b'0' + value
    } else {
        b'a' + value - 10
    }
}

impl Telling {
    /// The next character of the record's lines. A line feed ends each line; `None` follows the last one.
    pub fn next(&mut self, bytes: &[u8]) -> Option<u8> {
        let rest = bytes.get(self.offset..)?;
        let line = rest.len().min(BYTES_PER_LINE);
        if line == 0 {
            return None;
        }
        let column = self.column;
        self.column += 1;
        if let Some(left) = OFFSET_DIGITS.checked_sub(column + 1) {
            return Some(digit((self.offset >> (4 * left)) as u8));
        }
        let Some(place) = column.checked_sub(OFFSET_DIGITS + 1) else {
            return Some(b' ');
        };
        match rest.get(place / 2) {
            Some(byte) if place / 2 < line => {
                Some(digit(if place % 2 == 0 { byte >> 4 } else { *byte }))
            }
            _ => {
                self.column = 0;
                self.offset += line;
                Some(b'\n')
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Telling, is_kept, survives};
    use partita_abi::crash::Record;
    use partita_abi::health::{Action, Kind};
    use partita_abi::name::Name;
    use zerocopy::FromZeros;

    fn record(action: Action) -> Record {
        let mut record = Record::new_zeroed();
        record.partition = Name::new("cluster").unwrap();
        record.action = action as u8;
        record.stack_words = 2;
        record.seal();
        record
    }

    #[test]
    fn a_record_is_told_in_lines_that_read_back() {
        let record = record(Action::Halt);
        let mut telling = Telling::default();
        let mut text = String::new();
        while let Some(byte) = telling.next(record.used()) {
            text.push(char::from(byte));
        }
        let mut bytes = Vec::new();
        for line in text.lines() {
            let (offset, hex) = line.split_once(' ').unwrap();
            assert_eq!(usize::from_str_radix(offset, 16), Ok(bytes.len()));
            assert_eq!(offset.len(), 4);
            let pairs = hex.as_bytes().chunks(2);
            bytes.extend(
                pairs.map(|pair| {
                    u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()
                }),
            );
        }
        assert!(text.ends_with('\n'));
        assert_eq!(bytes, record.used());
    }

    #[test]
    fn an_end_is_always_kept_and_never_replaced_by_a_denial() {
        let (end, denial) = (record(Action::Restart), record(Action::Log));
        assert!(is_kept(Kind::Panic, Action::Halt, &end));
        assert!(is_kept(Kind::Reset, Action::Restart, &denial));
        assert!(is_kept(Kind::AccessFault, Action::Log, &denial));
        assert!(!is_kept(Kind::AccessFault, Action::Log, &end));
        assert!(!is_kept(Kind::DeadlineMiss, Action::Log, &denial));
    }

    #[test]
    fn a_record_survives_a_start_and_counts_it_and_garbage_does_not() {
        let mut sound = record(Action::Halt);
        assert!(survives(&mut sound) && survives(&mut sound));
        assert!(sound.is_sound());
        assert_eq!(sound.board_starts, 2);
        let mut spoilt = sound;
        spoilt.program_counter ^= 1;
        assert!(!survives(&mut spoilt));
        assert!(!survives(&mut Record::new_zeroed()));
    }
}
