//! Which crash records are kept, and how they are told.

use partita_abi::crash::{BYTES_PER_LINE, Record};
use partita_abi::health::{Action, Kind};

/// Whether the record of an event is told at once. What a partition asked for, or was only denied, is told
/// when somebody asks: at the end of the run.
pub const fn is_told(kind: Kind, action: Action) -> bool {
    !matches!(action, Action::Log) && !matches!(kind, Kind::Reset | Kind::Shutdown)
}

/// Whether an event is worth a record of what the partition was doing. Of what a partition is only denied,
/// the first is enough: it is no end, and a flood of it must not take time from others. What nobody is told
/// of at once does not spoil a record that is being told.
pub fn is_kept(kind: Kind, action: Action, existing: &Record, is_being_told: bool) -> bool {
    let is_fault = matches!(
        kind,
        Kind::AccessFault | Kind::IllegalInstruction | Kind::UnexpectedTrap
    );
    // Whatever was not a record has lost its magic (`survives`).
    let is_worth = action != Action::Log || is_fault && !existing.has_magic();
    is_worth && (!is_being_told || is_told(kind, action))
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

/// A line of a record on its way out: the partition's number, the offset in four digits, and bytes in
/// two digits each.
#[derive(Clone, Debug)]
pub struct CrashLine {
    /// The partition.
    pub partition: usize,
    /// Offset of the next line in the record; 0 if there is none.
    pub offset: usize,
    /// The bytes of this line.
    pub bytes: [u8; BYTES_PER_LINE],
    /// Whether the record ends with this line.
    pub is_last: bool,
    offset_of_line: usize,
    length: usize,
    column: usize,
}

impl CrashLine {
    /// No line.
    pub const fn new() -> Self {
        Self {
            partition: 0,
            offset: 0,
            bytes: [0; BYTES_PER_LINE],
            is_last: false,
            offset_of_line: 0,
            length: 0,
            column: 0,
        }
    }

    /// Starts the line at the offset, where so many bytes are left, and moves the offset on.
    pub fn start(&mut self, left: usize) {
        self.offset_of_line = self.offset;
        self.length = left.min(BYTES_PER_LINE);
        self.column = 0;
        self.is_last = left <= BYTES_PER_LINE;
        self.offset = if self.is_last {
            0
        } else {
            self.offset.saturating_add(BYTES_PER_LINE)
        };
    }

    /// Makes the next line the first one: the record is another one by now.
    pub fn start_over(&mut self) {
        self.offset = 0;
        self.is_last = false;
    }

    /// The next character of the line; a line feed ends it.
    #[expect(clippy::should_implement_trait, reason = "it has no end")]
    pub fn next(&mut self) -> u8 {
        let column = self.column;
        self.column = self.column.saturating_add(1);
        let (value, place) = match column {
            0 => (self.partition, 0),
            2..=5 => (self.offset_of_line, 5 - column),
            1 | 6 => return b' ',
            _ => match self.bytes.get(column.saturating_sub(7) / 2) {
                Some(byte) if column.saturating_sub(7) / 2 < self.length => {
                    (usize::from(*byte), column % 2)
                }
                _ => return b'\n',
            },
        };
        let digit = (value >> (4 * place)) as u8 & 0xf;
        if digit < 10 {
            b'0' + digit
        } else {
            b'a' + digit - 10
        }
    }
}

impl Default for CrashLine {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{CrashLine, is_kept, is_told, survives};
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
    fn a_line_tells_partition_offset_and_bytes() {
        let mut line = CrashLine::new();
        line.partition = 3;
        line.offset = 0x7a0;
        line.bytes = core::array::from_fn(|index| index as u8 * 7);
        line.start(3);
        let text: Vec<u8> = (0..14).map(|_| line.next()).collect();
        assert_eq!(text, b"3 07a0 00070e\n");
        assert!(line.is_last && line.offset == 0);
    }

    #[test]
    fn an_end_is_always_kept_and_a_denial_only_if_there_is_nothing_else() {
        let (some, none) = (record(Action::Log), Record::new_zeroed());
        assert!(is_kept(Kind::Panic, Action::Halt, &some, false));
        assert!(is_kept(Kind::Reset, Action::Restart, &none, false));
        assert!(is_kept(Kind::AccessFault, Action::Log, &none, false));
        assert!(!is_kept(Kind::AccessFault, Action::Log, &some, false));
        assert!(!is_kept(Kind::DeadlineMiss, Action::Log, &none, false));
    }

    #[test]
    fn a_reset_does_not_spoil_the_record_of_a_panic_that_is_being_told() {
        let panic = record(Action::Restart);
        assert!(is_kept(Kind::Reset, Action::Restart, &panic, false));
        assert!(!is_kept(Kind::Reset, Action::Restart, &panic, true));
        assert!(!is_kept(Kind::Shutdown, Action::Halt, &panic, true));
        assert!(is_kept(Kind::Panic, Action::Restart, &panic, true));
        assert!(is_told(Kind::Panic, Action::Restart));
        assert!(!is_told(Kind::Reset, Action::Restart) && !is_told(Kind::Panic, Action::Log));
    }

    #[test]
    fn a_record_survives_a_start_and_counts_it_and_garbage_does_not() {
        let mut sound = record(Action::Halt);
        assert!(survives(&mut sound) && survives(&mut sound));
        assert!(sound.is_sound());
        assert_eq!(sound.board_starts, 2);
        let mut spoilt = sound;
        spoilt.event.program_counter ^= 1;
        assert!(!survives(&mut spoilt));
        assert!(!survives(&mut Record::new_zeroed()));
    }
}
