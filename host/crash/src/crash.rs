//! A crash record with everything in it put into words.

use crate::symbols::{Place, Symbols};
use crate::view::{self, Line, Meaning, View};
use crate::words;
use partita_abi::crash::{Record, flags};
use partita_abi::health::{Action, Kind};
use partita_run::report::event_text;
use serde::Serialize;

/// What a partition was doing when the monitor took it down.
#[derive(Clone, Debug, Serialize)]
pub struct Crash {
    /// Name of the partition.
    pub partition: String,
    /// What was found, such as `access-fault`.
    pub kind: String,
    /// What was found, in words.
    pub text: String,
    /// What followed: `restart`, `halt`, `stop-system`, `reset-system`, or `log`.
    pub action: String,
    /// Machine time in nanoseconds.
    pub time_ns: u64,
    /// Which of the partition's starts it was, from 1.
    pub boots: u32,
    /// How often the board was started since.
    pub board_starts: u32,
    /// The physical core.
    pub core: u8,
    /// The partition's own number for it.
    pub virtual_core: u64,
    /// The hardware's trap cause that the event tells, or 0.
    pub cause: u32,
    /// The address that the event tells, as `0x` and hexadecimal digits.
    pub address: String,
    /// Whether it was in supervisor mode, not in user mode (on Arm: above EL0); null without registers.
    pub supervisor: Option<bool>,
    /// What the register is called that has the return address.
    #[serde(skip)]
    pub(crate) return_name: &'static str,
    /// Where it was, and its registers; empty where the monitor could not know them.
    pub registers: Vec<Register>,
    /// Who called whom, innermost first. Only the program counter's frame is certain.
    pub backtrace: Vec<Frame>,
    /// The last things that the monitor did for the partition, oldest first.
    pub trace: Vec<TraceLine>,
    /// The words on the stack, from the stack pointer upwards, as `0x` and hexadecimal digits.
    pub stack: Vec<String>,
}

/// A register.
#[derive(Clone, Debug, Serialize)]
pub struct Register {
    /// Its name.
    pub name: &'static str,
    /// Its value, as `0x` and hexadecimal digits.
    pub value: String,
    /// What the value means, if that can be told.
    pub meaning: Option<String>,
}

/// A function in the backtrace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// The address, as `0x` and hexadecimal digits.
    pub address: String,
    /// How it is known.
    pub source: FrameSource,
    /// The function and the bytes from its start, if there are names.
    pub function: Option<String>,
    /// File and line of the source, if the program has them.
    pub line: Option<String>,
}

/// How a frame is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrameSource {
    /// The program counter.
    ProgramCounter,
    /// The return-address register. It may be left over from a call that has returned.
    ReturnAddress,
    /// A word on the stack where the chain of frame pointers leads.
    FramePointer {
        /// Bytes from the stack pointer.
        offset: usize,
    },
    /// A word on the stack that is the address behind a call. It may be left over too.
    Stack {
        /// Bytes from the stack pointer.
        offset: usize,
    },
}

/// Something that the monitor did for the partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraceLine {
    /// Machine time in nanoseconds.
    pub time_ns: u64,
    /// The physical core.
    pub core: u8,
    /// What it was.
    pub text: String,
}

fn hex(value: u64) -> String {
    format!("{value:#x}")
}

impl Crash {
    /// Says what a record means, with names if there are any.
    pub fn new(record: &Record, symbols: Option<&Symbols>) -> Self {
        let event = &record.event;
        let has_registers = record.flags & flags::REGISTERS != 0;
        let trace = record
            .trace
            .iter()
            .take(usize::from(record.trace_entries))
            .map(|entry| TraceLine {
                time_ns: entry.time_ns,
                core: entry.core,
                text: words::trace(entry),
            });
        let stack = record.stack.iter().take(usize::from(record.stack_words));
        Self {
            partition: record.partition.as_str().to_owned(),
            kind: Kind::from_number(event.kind)
                .map_or("unknown", Kind::name)
                .to_owned(),
            text: event_text(event),
            action: Action::from_number(record.action)
                .map_or("unknown", Action::name)
                .to_owned(),
            time_ns: event.time_ns,
            boots: record.boots,
            board_starts: record.board_starts,
            core: event.core,
            virtual_core: record.virtual_core,
            cause: event.cause,
            address: hex(event.address),
            supervisor: has_registers.then_some(record.flags & flags::SUPERVISOR != 0),
            return_name: View::of(record).return_name,
            registers: if has_registers {
                registers(record, symbols)
            } else {
                Vec::new()
            },
            backtrace: if has_registers {
                backtrace(record, symbols)
            } else {
                Vec::new()
            },
            trace: trace.collect(),
            stack: stack.map(|word| hex(*word)).collect(),
        }
    }
}

fn registers(record: &Record, symbols: Option<&Symbols>) -> Vec<Register> {
    let counter = Line::place("pc", record.event.program_counter);
    let all = [counter].into_iter().chain(view::lines(record));
    all.map(|line| {
        let meaning = match line.meaning {
            Meaning::Place(address) => {
                let place = symbols.and_then(|symbols| symbols.place(address));
                place.map(|place| place.to_string())
            }
            Meaning::Words(words) => Some(words),
        };
        Register {
            name: line.name,
            value: hex(line.value),
            meaning: meaning.filter(|meaning| !meaning.is_empty()),
        }
    })
    .collect()
}

/// The return addresses where the frame pointer leads, and from there to the next, each with its place on the
/// stack. Many programs have no frame pointers; then this leads nowhere.
fn frame_pointers(record: &Record) -> Vec<(usize, u64)> {
    let view = View::of(record);
    let stack = record.stack.iter().take(usize::from(record.stack_words));
    let stack: Vec<u64> = stack.copied().collect();
    let base = view.stack_pointer & !7;
    let mut pointer = view.frame_pointer;
    let mut found = Vec::new();
    loop {
        let frame = pointer.wrapping_add_signed(view.frame_offset);
        let offset = usize::try_from(frame.wrapping_sub(base)).unwrap_or(usize::MAX);
        let (index, rest) = (offset / 8, offset % 8);
        let words = stack.get(index..).and_then(|words| words.first_chunk());
        let Some([before, address]) = words.filter(|_| rest == 0) else {
            return found;
        };
        found.push((offset + 8, *address));
        // Callers are higher on the stack, so that this ends.
        if *before <= pointer {
            return found;
        }
        pointer = *before;
    }
}

/// Who called whom, as far as frame pointers, or the return address and the stack, show it. Without names
/// nobody can tell a return address on the stack from another number.
fn backtrace(record: &Record, symbols: Option<&Symbols>) -> Vec<Frame> {
    let frame = |address: u64, source, place: Option<Place>| Frame {
        address: hex(address),
        source,
        function: place.as_ref().map(Place::to_string),
        line: place.and_then(|place| place.line),
    };
    let counter = record.event.program_counter;
    let first = symbols.and_then(|symbols| symbols.place(counter));
    let mut frames = vec![frame(counter, FrameSource::ProgramCounter, first)];
    let return_address = View::of(record).return_address;
    // The line of a call is that of the instruction before the one it returns to.
    let caller = |address: u64| {
        let symbols = symbols?;
        let mut place = symbols.place(address)?;
        place.line = symbols.place(address - 1).and_then(|place| place.line);
        Some(place)
    };
    let returns = |address: u64| symbols.is_some_and(|symbols| symbols.is_return_address(address));
    let chain = frame_pointers(record);
    let sound = |(_, address): &(usize, u64)| symbols.is_none() || returns(*address);
    if chain.len() >= 2 && chain.iter().take(2).all(sound) {
        if returns(return_address) && chain[0].1 != return_address {
            let place = caller(return_address);
            frames.push(frame(return_address, FrameSource::ReturnAddress, place));
        }
        let chain = chain.into_iter();
        frames.extend(chain.map(|(offset, address)| {
            let source = FrameSource::FramePointer { offset };
            frame(address, source, caller(address))
        }));
        return frames;
    }
    if returns(return_address) {
        let place = caller(return_address);
        frames.push(frame(return_address, FrameSource::ReturnAddress, place));
    }
    for (index, word) in record
        .stack
        .iter()
        .take(usize::from(record.stack_words))
        .enumerate()
    {
        if !returns(*word) {
            continue;
        }
        // A function that calls saves the register that is still there: the same frame, not another one.
        if frames.len() == 2 && *word == return_address {
            continue;
        }
        let source = FrameSource::Stack { offset: 8 * index };
        frames.push(frame(*word, source, caller(*word)));
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::{Crash, Frame, FrameSource, frame_pointers};
    use partita_abi::crash::{Record, flags};
    use zerocopy::FromZeros as _;

    const STACK: u64 = 0xff20_0000_001d_3810;

    /// A record of two frames with frame pointers, of 32 and 48 bytes.
    fn framed() -> Record {
        let mut record = Record::new_zeroed();
        record.flags = flags::REGISTERS | flags::SUPERVISOR;
        record.event.program_counter = 0x1000;
        record.registers[1] = STACK;
        record.registers[7] = STACK + 32;
        record.stack[2] = STACK + 80;
        record.stack[3] = 0x2000;
        record.stack[9] = 0x3000;
        record.stack_words = 10;
        record
    }

    #[test]
    fn frame_pointers_are_followed_even_without_names() {
        let crash = Crash::new(&framed(), None);
        let frames: Vec<_> = crash
            .backtrace
            .iter()
            .map(|frame| (frame.address.as_str(), frame.source))
            .collect();
        assert_eq!(
            frames,
            [
                ("0x1000", FrameSource::ProgramCounter),
                ("0x2000", FrameSource::FramePointer { offset: 24 }),
                ("0x3000", FrameSource::FramePointer { offset: 72 }),
            ]
        );
    }

    #[test]
    fn frame_pointers_of_arm_point_to_the_frame_itself() {
        let mut record = Record::new_zeroed();
        record.flags = flags::REGISTERS | flags::SUPERVISOR | flags::AARCH64;
        record.scratch = STACK;
        record.registers[29] = STACK + 16;
        record.registers[30] = 0x4000;
        record.stack[2] = STACK + 64;
        record.stack[3] = 0x2000;
        record.stack[9] = 0x3000;
        record.stack_words = 10;
        assert_eq!(frame_pointers(&record), [(24, 0x2000), (72, 0x3000)]);
        assert_eq!(Crash::new(&record, None).return_name, "lr");
    }

    #[test]
    fn frame_pointers_that_lead_in_a_circle_or_nowhere_end() {
        let mut circle = framed();
        circle.stack[8] = STACK + 32;
        assert_eq!(frame_pointers(&circle).len(), 2);
        for pointer in [0, STACK, STACK + 8, STACK + 33, STACK + 88, u64::MAX] {
            let mut record = framed();
            record.registers[7] = pointer;
            assert_eq!(frame_pointers(&record), [], "{pointer:#x}");
        }
    }

    #[test]
    fn a_record_without_registers_shows_none() {
        let mut record = framed();
        record.flags = 0;
        let crash = Crash::new(&record, None);
        assert!(crash.registers.is_empty() && crash.supervisor.is_none());
        assert_eq!(crash.backtrace, Vec::<Frame>::new());
    }
}
