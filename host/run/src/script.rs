//! Input typed by a script: wait for a text, send a text.

use crate::joiner::Piece;
use crate::splitter::Source;
use std::collections::VecDeque;

/// How much of a partition's output is kept to look for a text that is awaited.
const MAX_SEEN: usize = 16 * 1024;

/// One step of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Waits until a source has written this text (on one line, after what earlier steps matched).
    Expect {
        /// Who is to write it.
        source: Source,
        /// What.
        text: String,
    },
    /// Sends text to a partition's console. A line ends in `\n` for most systems.
    Send {
        /// The partition.
        partition: usize,
        /// What to send.
        text: String,
    },
    /// Ends the run with a report.
    End,
}

/// Steps, done one after the other.
///
/// A text is looked for in the source's output as it comes, so a prompt need not end its line.
///
/// ```
/// use partita_run::Script;
/// let (rtos, linux) = (0, 1);
/// let script = Script::default()
///     .expect(linux, "~ # ")
///     .send(linux, "poweroff -f\n")
///     .expect_monitor("shutdown")
///     .expect(rtos, "deadlines met")
///     .end();
/// # let _ = script;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: VecDeque<Step>,
}

impl Script {
    /// A script of these steps.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
        }
    }

    /// Adds a wait for a partition's text, after what the step before waited for.
    #[must_use]
    pub fn expect(mut self, partition: usize, text: &str) -> Self {
        let source = Source::Partition(partition);
        self.steps.push_back(Step::Expect {
            source,
            text: text.to_owned(),
        });
        self
    }

    /// Adds a wait for the monitor's text.
    #[must_use]
    pub fn expect_monitor(mut self, text: &str) -> Self {
        self.steps.push_back(Step::Expect {
            source: Source::Monitor,
            text: text.to_owned(),
        });
        self
    }

    /// Adds a text to send.
    #[must_use]
    pub fn send(mut self, partition: usize, text: &str) -> Self {
        self.steps.push_back(Step::Send {
            partition,
            text: text.to_owned(),
        });
        self
    }

    /// Adds the end of the run.
    #[must_use]
    pub fn end(mut self) -> Self {
        self.steps.push_back(Step::End);
        self
    }
}

/// A script that is being carried out.
#[derive(Clone, Debug)]
pub(crate) struct Player {
    steps: VecDeque<Step>,
    seen: Vec<(Source, Vec<u8>)>,
}

impl Player {
    pub(crate) fn new(script: Script) -> Self {
        Self {
            steps: script.steps,
            seen: Vec::new(),
        }
    }

    /// Takes note of output.
    pub(crate) fn saw(&mut self, piece: &Piece<'_>) {
        let awaits =
            |step: &Step| matches!(step, Step::Expect { source, .. } if *source == piece.source);
        if !self.steps.iter().any(awaits) {
            return;
        }
        let index = match self
            .seen
            .iter()
            .position(|(source, _)| *source == piece.source)
        {
            Some(index) => index,
            None => {
                self.seen.push((piece.source, Vec::new()));
                self.seen.len() - 1
            }
        };
        let seen = &mut self.seen[index].1;
        seen.extend_from_slice(piece.text);
        if piece.ends_line {
            seen.push(b'\n');
        }
        let surplus = seen.len().saturating_sub(MAX_SEEN);
        seen.drain(..surplus);
    }

    /// The next step that is due now: a [`Step::Send`] or [`Step::End`].
    pub(crate) fn due(&mut self) -> Option<Step> {
        while let Some(step) = self.steps.front() {
            let Step::Expect { source, text } = step else {
                return self.steps.pop_front();
            };
            let (_, seen) = self
                .seen
                .iter_mut()
                .find(|(seen_source, _)| seen_source == source)?;
            let end = find(seen, text.as_bytes())?;
            seen.drain(..end);
            let met = *source;
            // What the others said before belongs to the past, too.
            self.seen.retain(|(source, _)| *source == met);
            self.steps.pop_front();
        }
        None
    }

    /// The steps that were not reached.
    pub(crate) fn left(self) -> Vec<Step> {
        self.steps.into()
    }
}

/// End of the first `needle` in `text`.
fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return Some(0);
    }
    text.windows(needle.len())
        .position(|window| window == needle)
        .map(|start| start + needle.len())
}

#[cfg(test)]
mod tests {
    use super::{Player, Script, Step};
    use crate::joiner::Piece;
    use crate::splitter::Source;

    fn say(player: &mut Player, partition: usize, text: &str) -> Option<Step> {
        player.saw(&Piece {
            source: Source::Partition(partition),
            time_ns: 0,
            text: text.as_bytes(),
            starts_line: true,
            ends_line: true,
        });
        player.due()
    }

    #[test]
    fn what_another_partition_said_before_does_not_meet_a_later_step() {
        let script = Script::default().expect(0, "down").expect(1, "met").end();
        let mut player = Player::new(script);
        assert!(say(&mut player, 1, "1100 met").is_none());
        assert!(say(&mut player, 0, "going down").is_none());
        assert!(matches!(say(&mut player, 1, "1100 met"), Some(Step::End)));
    }
}
