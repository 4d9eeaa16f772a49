//! What the monitor did, in words.

use partita_abi::crash::{Trace, TraceEntry};
use partita_abi::health::{Action, Kind, State};

/// A trace entry.
pub(crate) fn trace(entry: &TraceEntry) -> String {
    let unknown = || format!("entry of unknown kind {}", entry.what);
    let (value, more) = (entry.value, entry.more);
    let text = match Trace::from_number(entry.what) {
        Some(Trace::Loading) => "images verified and copied".to_owned(),
        Some(Trace::Started) => format!("started at {value:#x}, life {more}"),
        Some(Trace::Stopped) => match State::from_number(entry.detail) {
            Some(State::Failed) => "stopped: failed".to_owned(),
            _ => "stopped".to_owned(),
        },
        Some(Trace::Event) => {
            let kind = Kind::from_number(entry.detail).map_or("unknown event", Kind::name);
            let mut text = format!("event {kind}");
            if value != 0 {
                text.push_str(&format!(" {value:#x}"));
            }
            if more != 0 {
                text.push_str(&format!(" cause {more}"));
            }
            text
        }
        Some(Trace::Action) => {
            let action = Action::from_number(entry.detail).map_or("unknown action", Action::name);
            match value {
                0 => action.to_owned(),
                wait => format!("{action} in {} us", wait / 1000),
            }
        }
        Some(Trace::CoreStart) => format!("virtual core {more} is to start at {value:#x}"),
        Some(Trace::CoreStop) => format!("virtual core {more} stopped itself"),
        None => unknown(),
    };
    match entry.repeats {
        0 => text,
        u8::MAX => format!("{text} (255 times more, or oftener)"),
        1 => format!("{text} (once more)"),
        repeats => format!("{text} ({repeats} times more)"),
    }
}
