//! The threads of a run: each waits for one thing and hands it to the session.

use crate::keys;
use crate::options::Input;
use crate::process::Pipes;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// What happened.
pub(crate) enum Message {
    /// Bytes came from the serial port that a partition has for itself.
    Own(Vec<u8>),
    /// Bytes came from the serial port.
    Output(Vec<u8>),
    /// The serial port is closed.
    OutputEnd,
    /// QEMU wrote to its standard error.
    Diagnostics(String),
    /// Bytes for the console in focus.
    Input(Chunk),
    /// Keys were pressed.
    Keys(Vec<u8>),
    /// A signal asks for the end.
    Signal,
}

/// Bytes on their way to the serial port.
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    /// Dropped when they are written, which wakes whoever waits for that.
    _written: Option<Sender<()>>,
}

impl Chunk {
    /// Encodes the bytes for the port that all consoles share.
    pub(crate) fn encode(mut self) -> Self {
        self.bytes = keys::encode(&self.bytes);
        self
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            _written: None,
        }
    }
}

/// The running threads. They end with the things they wait for; nothing waits for them, as a read from
/// the keyboard cannot be called off.
pub(crate) struct Threads {
    pub(crate) messages: Receiver<Message>,
    pub(crate) to_qemu: Sender<Chunk>,
    /// To the serial port that a partition has for itself, if one has.
    pub(crate) to_own: Option<Sender<Chunk>>,
    signals: Option<Handle>,
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(signals) = &self.signals {
            signals.close();
        }
    }
}

impl Threads {
    /// `own` is our end of the serial port that a partition has for itself.
    pub(crate) fn start(
        pipes: Pipes,
        own: Option<UnixStream>,
        input: Input,
        signals: bool,
    ) -> io::Result<Self> {
        let (sender, messages) = channel();
        let (to_qemu, chunks) = channel();
        let signals = if signals {
            Some(watch_signals(sender.clone())?)
        } else {
            None
        };
        let Pipes {
            input: qemu_input,
            output,
            errors,
        } = pipes;
        thread::spawn(move || write_all(qemu_input, &chunks));
        match input {
            Input::None => {}
            Input::Keys => {
                let sender = sender.clone();
                thread::spawn(move || {
                    read_all(io::stdin(), |bytes| {
                        sender.send(Message::Keys(bytes)).is_ok()
                    })
                });
            }
            Input::Pipe => {
                let sender = sender.clone();
                thread::spawn(move || read_all(io::stdin(), |bytes| pipe(&sender, &bytes)));
            }
        }
        let mut to_own = None;
        if let Some(own) = own {
            let (to, chunks) = channel();
            to_own = Some(to);
            let writer = own.try_clone()?;
            thread::spawn(move || write_all(writer, &chunks));
            let sender = sender.clone();
            thread::spawn(move || read_all(own, |bytes| sender.send(Message::Own(bytes)).is_ok()));
        }
        let diagnostics = sender.clone();
        thread::spawn(move || {
            read_all(errors, |bytes| {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                diagnostics.send(Message::Diagnostics(text)).is_ok()
            });
        });
        thread::spawn(move || {
            read_all(output, |bytes| sender.send(Message::Output(bytes)).is_ok());
            let _ = sender.send(Message::OutputEnd);
        });
        Ok(Self {
            messages,
            to_qemu,
            to_own,
            signals,
        })
    }
}

/// Hands on a piece of a pipe and waits until the machine has taken it, so that a long pipe waits in
/// the pipe and not in our memory.
fn pipe(sender: &Sender<Message>, bytes: &[u8]) -> bool {
    let (written, wait) = channel();
    let chunk = Chunk {
        bytes: bytes.to_vec(),
        _written: Some(written),
    };
    let sent = sender.send(Message::Input(chunk)).is_ok();
    let _ = wait.recv();
    sent
}

fn watch_signals(sender: Sender<Message>) -> io::Result<Handle> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let handle = signals.handle();
    thread::spawn(move || {
        for _ in signals.forever() {
            if sender.send(Message::Signal).is_err() {
                break;
            }
        }
    });
    Ok(handle)
}

fn read_all(mut from: impl Read, mut to: impl FnMut(Vec<u8>) -> bool) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                if !to(buffer[..count].to_vec()) {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
}

fn write_all(mut to: impl io::Write, chunks: &Receiver<Chunk>) {
    for chunk in chunks {
        if to
            .write_all(&chunk.bytes)
            .and_then(|()| to.flush())
            .is_err()
        {
            break;
        }
    }
}
