//! One run, from QEMU's first byte to the verdict.

use crate::Sink;
use crate::crash::CrashCollector;
use crate::joiner::{Joiner, Line};
use crate::keys::{self, Action, Keys};
use crate::options::RunOptions;
use crate::outcome::{End, Outcome};
use crate::own::OwnConsole;
use crate::process::QemuProcess;
use crate::qemu::PEER_WARNING;
use crate::report::{ClockReport, Report};
use crate::script::{Player, Script, Step};
use crate::splitter::{Record, Source, Splitter};
use crate::status::{Collector, Status, StatusError};
use crate::system::System;
use crate::threads::{Chunk, Message, Threads};
use partita_manifest::Plan;
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// How the first line of a monitor begins.
const BANNER: &[u8] = b"Partita ";
/// How the last line of a monitor begins that did not start the system, or could not go on.
const LAST_LINE: [&str; 3] = ["system refused: ", "system table refused: ", "stopped: "];
/// How many times its patience an end may take at all, however much the partitions still print.
const LONGEST_END: u32 = 4;
/// How often the monitor is asked again to end the run: it reads nothing while it starts.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How often the loop looks at the clock on the wall.
const TICK: Duration = Duration::from_millis(100);
/// How long QEMU's last words may take to reach us.
const LAST_WORDS: Duration = Duration::from_millis(20);
/// How many of the last lines are kept for the message about a run that failed.
const LAST_LINES: usize = 10;

/// A run that goes on.
pub(crate) struct Session<'a> {
    process: QemuProcess,
    splitter: Splitter,
    /// The console that has a serial port for itself.
    own: Option<OwnConsole>,
    joiner: Joiner,
    collector: Collector,
    crashes: CrashCollector,
    /// The monitor's status, or why it cannot be read.
    status: Option<Result<Status, StatusError>>,
    player: Player,
    /// Waits for what the console in focus prints before the pipe is sent to it.
    gate: Option<Player>,
    /// What came from the pipe before.
    piped: Vec<Chunk>,
    keys: Keys,
    sink: &'a mut dyn Sink,
    to_qemu: Sender<Chunk>,
    /// Where the user's input is to go.
    focus: usize,
    /// Where the monitor sends input as far as it was told.
    focus_sent: usize,
    /// Removed as soon as QEMU has read it.
    image_files: [Option<tempfile::NamedTempFile>; 2],
    /// The partition in focus when the monitor starts.
    first_focus: usize,
    /// Machine time of the latest record.
    latest_ns: u64,
    /// How often the monitor has said that it starts.
    boots: u32,
    /// Whether a record came: before, the monitor may lose what is sent.
    spoken: bool,
    /// Input that waits for the first record.
    held: Vec<Chunk>,
    diagnostics: String,
    lines: Vec<Line>,
    keep_lines: bool,
    /// The end that was asked for.
    ending: Option<Ending>,
    end_patience: Duration,
    /// Whether the machine ends when the monitor has told its status.
    ends_by_itself: bool,
    /// Whether the monitor has said its last line.
    stopped: bool,
    /// When the machine last gave a sign of life.
    last_sign: Instant,
}

/// An end that was asked for.
struct Ending {
    /// When that was.
    begun: Instant,
    /// When the monitor was last asked.
    asked: Instant,
}

impl<'a> Session<'a> {
    /// A session of a QEMU that was just started, with its image in `image_files`.
    pub(crate) fn new(
        plan: &Plan,
        options: &RunOptions,
        process: QemuProcess,
        threads: &Threads,
        image_files: [Option<tempfile::NamedTempFile>; 2],
        sink: &'a mut dyn Sink,
    ) -> Self {
        let names = plan
            .partitions
            .iter()
            .map(|partition| partition.name.clone());
        let focus = options.console.unwrap_or(plan.console_focus);
        sink.focus(focus);
        Self {
            process,
            splitter: Splitter::new(names),
            own: plan
                .own_console()
                .zip(threads.to_own.clone())
                .map(|(partition, port)| OwnConsole::new(partition, port)),
            joiner: Joiner::default(),
            collector: Collector::default(),
            crashes: CrashCollector::default(),
            status: None,
            player: Player::new(options.script.clone()),
            gate: options.input_after.as_ref().map(|text| {
                let script = Script::default().expect(focus, text).end();
                Player::new(script)
            }),
            piped: Vec::new(),
            keys: Keys::default(),
            sink,
            to_qemu: threads.to_qemu.clone(),
            focus,
            focus_sent: plan.console_focus,
            first_focus: plan.console_focus,
            latest_ns: 0,
            boots: 0,
            image_files,
            spoken: false,
            held: Vec::new(),
            diagnostics: String::new(),
            lines: Vec::new(),
            keep_lines: options.keep_lines,
            ending: None,
            end_patience: options.end_patience,
            ends_by_itself: plan.board.finisher.ends_qemu,
            stopped: false,
            last_sign: Instant::now(),
        }
    }

    /// Runs to the end.
    pub(crate) fn run(
        mut self,
        threads: &Threads,
        patience: Option<Duration>,
        system: &System,
        clock: ClockReport,
    ) -> Outcome {
        let start = Instant::now();
        let end = loop {
            if let Some(patience) = patience.filter(|patience| start.elapsed() >= *patience) {
                break End::TimedOut(patience);
            }
            if let Some(ending) = &self.ending {
                let silent = self.last_sign.elapsed() >= self.end_patience;
                if silent || ending.begun.elapsed() >= self.end_patience * LONGEST_END {
                    break End::Killed;
                }
                if ending.asked.elapsed() >= ASK_AGAIN {
                    self.ask_for_end();
                }
            }
            match threads.messages.recv_timeout(TICK) {
                Ok(Message::Output(bytes)) => self.output(&bytes),
                Ok(Message::Diagnostics(text)) => self.diagnose(&text),
                Ok(Message::Input(chunk)) if self.gate.is_some() => self.piped.push(chunk),
                Ok(Message::Input(chunk)) => self.type_in(self.focus, chunk),
                Ok(Message::Own(bytes)) => self.own_output(&bytes),
                Ok(Message::Keys(bytes)) => {
                    if self.press(&bytes) {
                        break End::Killed;
                    }
                }
                Ok(Message::Signal) => {
                    if self.end_asked() {
                        break End::Killed;
                    }
                }
                Ok(Message::OutputEnd) | Err(RecvTimeoutError::Disconnected) => {
                    break self.ended(threads);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if !self.ends_by_itself && self.status.is_some() {
                break End::Reported;
            }
            if !self.ends_by_itself && self.stopped {
                break End::Stopped;
            }
        };
        self.process.kill();
        self.finish();
        let report = match self.status {
            Some(Ok(status)) => {
                let mut report = Report::new(system, clock, &status, &self.crashes);
                report.add_resets(self.boots.saturating_sub(1));
                Some(report)
            }
            _ => None,
        };
        Outcome {
            end,
            report,
            lines: self.lines,
            diagnostics: self.diagnostics,
            script_left: self.player.left(),
        }
    }

    /// The machine's console was closed: QEMU ends.
    fn ended(&mut self, threads: &Threads) -> End {
        let exit = self.process.end(self.end_patience);
        // What QEMU said last may still be on its way.
        while let Ok(message) = threads.messages.recv_timeout(LAST_WORDS) {
            match message {
                Message::Diagnostics(text) => self.diagnose(&text),
                Message::Own(bytes) => self.own_output(&bytes),
                Message::Signal => break,
                _ => {}
            }
        }
        match &self.status {
            Some(Ok(_)) => End::Reported,
            Some(Err(error)) => End::NoStatus {
                exit,
                error: Some(error.clone()),
            },
            None => End::NoStatus { exit, error: None },
        }
    }

    fn output(&mut self, bytes: &[u8]) {
        self.last_sign = Instant::now();
        self.image_files = [None, None];
        let mut records = Vec::new();
        self.splitter.push(bytes, |record| records.push(record));
        for record in records {
            self.record(record);
        }
        if !self.sink.wants_more() && self.ending.is_none() {
            self.begin_end();
        }
    }

    fn finish(&mut self) {
        let mut records = Vec::new();
        self.splitter.finish(|record| records.push(record));
        for record in records {
            self.record(record);
        }
        for line in self.joiner.finish() {
            self.line(line);
        }
    }

    fn record(&mut self, record: Record) {
        self.latest_ns = self.latest_ns.max(record.time_ns);
        let is_own = self
            .own
            .as_ref()
            .map(|own| Source::Partition(own.partition()));
        if !self.spoken && record.source != Source::Machine && is_own != Some(record.source) {
            self.spoken = true;
            let held = std::mem::take(&mut self.held);
            self.move_focus(self.focus);
            held.into_iter().for_each(|chunk| self.send(chunk));
        }
        if record.source == Source::Monitor && record.text.starts_with(BANNER) {
            self.boots += 1;
            // After a reset of the board, input goes where it goes at first.
            self.focus_sent = self.first_focus;
            if self.boots > 1 {
                self.move_focus(self.focus);
            }
        }
        if record.source == Source::Monitor
            && let Ok(text) = std::str::from_utf8(&record.text)
        {
            if let Some(result) = self.collector.push(text) {
                self.status_record(result);
                return;
            }
            self.crashes.push(text);
        }
        let sink = &mut *self.sink;
        let player = &mut self.player;
        let gate = &mut self.gate;
        let line = self.joiner.push(record, |piece| {
            player.saw(piece);
            gate.iter_mut().for_each(|gate| gate.saw(piece));
            sink.piece(piece);
        });
        if let Some(line) = line {
            self.line(line);
        }
        while let Some(step) = self.player.due() {
            self.step(step);
        }
        if self.gate.as_mut().and_then(Player::due).is_some() {
            self.gate = None;
            let piped = std::mem::take(&mut self.piped);
            for chunk in piped {
                self.type_in(self.focus, chunk);
            }
        }
    }

    fn status_record(&mut self, result: Result<Option<Vec<u8>>, StatusError>) {
        match result {
            Ok(None) => {}
            Ok(Some(bytes)) => self.status = Some(Status::decode(&bytes)),
            Err(error) => {
                // The first flaw explains those that follow from it.
                self.status.get_or_insert(Err(error));
            }
        }
    }

    fn line(&mut self, line: Line) {
        self.stopped |= line.source == Source::Monitor
            && LAST_LINE.iter().any(|start| line.text.starts_with(start));
        self.sink.line(&line);
        if !self.keep_lines && self.lines.len() >= LAST_LINES {
            self.lines.remove(0);
        }
        self.lines.push(line);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Expect { .. } => {}
            Step::Send { partition, text } => {
                self.type_in(partition, text.into_bytes().into());
            }
            Step::End => {
                self.begin_end();
            }
        }
    }

    fn diagnose(&mut self, text: &str) {
        const MAX: usize = 64 * 1024;
        for line in text
            .split_inclusive('\n')
            .filter(|line| !line.contains(PEER_WARNING))
        {
            if self.diagnostics.len() + line.len() < MAX {
                self.diagnostics.push_str(line);
            }
        }
    }

    /// Does what keys ask for; true if the run is to end at once.
    fn press(&mut self, bytes: &[u8]) -> bool {
        let mut at_once = false;
        for byte in bytes {
            match self.keys.press(*byte) {
                None => {}
                Some(Action::Send(byte)) => {
                    self.type_in(self.focus, vec![byte].into());
                }
                Some(Action::Focus(partition)) => {
                    if partition < self.splitter.partitions() {
                        self.focus = partition;
                        self.sink.focus(partition);
                        self.move_focus(partition);
                    } else {
                        self.sink
                            .notice(&format!("there is no partition {partition}"));
                    }
                }
                Some(Action::End) => at_once |= self.end_asked(),
                Some(Action::Help) => self.sink.notice(keys::HELP),
            }
        }
        at_once
    }

    /// Types into the console of a partition.
    fn type_in(&mut self, partition: usize, chunk: Chunk) {
        match self.own.as_mut().filter(|own| own.partition() == partition) {
            Some(own) => own.send(chunk),
            None => {
                self.move_focus(partition);
                self.send(chunk.encode());
            }
        }
    }

    /// What came from the serial port that a partition has for itself.
    fn own_output(&mut self, bytes: &[u8]) {
        self.last_sign = Instant::now();
        let Some(own) = &mut self.own else { return };
        let mut records = Vec::new();
        own.push(bytes, self.latest_ns, |record| records.push(record));
        for record in records {
            self.record(record);
        }
        if !self.sink.wants_more() && self.ending.is_none() {
            self.begin_end();
        }
    }

    /// Tells the monitor where input goes from now on.
    fn move_focus(&mut self, partition: usize) {
        let is_own = self.own.as_ref().map(OwnConsole::partition) == Some(partition);
        if self.focus_sent != partition && !is_own {
            self.focus_sent = partition;
            self.send(keys::focus(partition).into());
        }
    }

    /// A person asks for the end; true if it was asked for before, so that the user waits no longer.
    fn end_asked(&mut self) -> bool {
        if self.ending.is_some() {
            return true;
        }
        self.begin_end();
        false
    }

    fn begin_end(&mut self) {
        let begun = Instant::now();
        self.last_sign = begun;
        self.ending = Some(Ending {
            begun,
            asked: begun,
        });
        self.ask_for_end();
    }

    fn ask_for_end(&mut self) {
        if let Some(ending) = self.ending.as_mut() {
            ending.asked = Instant::now();
        }
        if self.spoken {
            self.send(keys::end().into());
        }
    }

    fn send(&mut self, chunk: Chunk) {
        if !self.spoken {
            self.held.push(chunk);
            return;
        }
        // It fails only if QEMU has closed its input, and then its output tells why.
        let _ = self.to_qemu.send(chunk);
    }
}
