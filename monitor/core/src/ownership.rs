//! Who owns a set of registers that the virtual cores of a hart take turns to use.
//!
//! Where the first use cannot be trapped, the registers must be right when a virtual core that may use
//! them is entered. They are saved late: while only virtual cores that do not use them run in between,
//! they stay where they are. Virtual cores are numbered by falling criticality.

use crate::schedule::NOBODY;
use partita_abi::MAX_SHARING;

/// The registers' users and their present owner.
#[derive(Clone, Copy, Debug)]
pub struct Ownership {
    owner: usize,
    users: u8,
    undisturbed: u8,
}

const _: () = assert!(MAX_SHARING <= 8, "a virtual core is a bit of a byte");

/// What has to be done with the registers before a virtual core is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Save them for this virtual core first, or for [`NOBODY`].
    pub save: usize,
    /// Then load those of the virtual core that is entered; otherwise clear them.
    pub load: bool,
}

impl Ownership {
    /// Registers that nobody uses.
    pub const fn new() -> Self {
        Self {
            owner: NOBODY,
            users: 0,
            undisturbed: !0,
        }
    }

    /// Lets a virtual core use the registers.
    pub const fn add_user(&mut self, number: usize) {
        self.users |= bit(number);
        self.set_owner(self.owner);
    }

    /// Whether a virtual core may use the registers.
    pub const fn is_user(&self, number: usize) -> bool {
        self.users & bit(number) != 0
    }

    /// Whether the registers hold what belongs to a virtual core.
    pub const fn is_owned(&self) -> bool {
        self.owner != NOBODY
    }

    /// The virtual cores that can be entered with the registers as they are, one bit each: their
    /// owner; and those that do not use them, unless they are less critical than the owner. A partition
    /// is trusted to keep its word towards those that it could stop anyway, and towards no other.
    #[inline(always)]
    pub const fn undisturbed(&self) -> u8 {
        self.undisturbed
    }

    #[inline(always)]
    const fn set_owner(&mut self, owner: usize) {
        self.owner = owner;
        let others = if owner == NOBODY {
            !self.users
        } else {
            !self.users & bit(owner).wrapping_sub(1) | bit(owner)
        };
        self.undisturbed = others;
    }

    /// Decides what has to be done before a virtual core is entered that is not [undisturbed], and
    /// notes it as done.
    ///
    /// [undisturbed]: Ownership::undisturbed
    #[inline(always)]
    pub const fn enter(&mut self, number: usize) -> Change {
        let load = self.is_user(number);
        let save = self.owner;
        self.set_owner(if load { number } else { NOBODY });
        Change { save, load }
    }

    /// Gives up the registers of a virtual core, if it owns them: then they have to be cleared.
    #[must_use]
    pub fn forget(&mut self, number: usize) -> bool {
        let owned = self.owner == number && number != NOBODY;
        if owned {
            self.set_owner(NOBODY);
        }
        owned
    }
}

impl Default for Ownership {
    fn default() -> Self {
        Self::new()
    }
}

const fn bit(number: usize) -> u8 {
    1_u8.wrapping_shl(number as u32)
}

#[cfg(test)]
mod tests {
    use super::{Change, Ownership};
    use crate::schedule::NOBODY;
    use partita_abi::MAX_SHARING;
    use proptest::prelude::*;

    /// Registers as one word: whose it is, or nothing.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Word {
        Nothing,
        Of(usize, u32),
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Enter(usize),
        Forget(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..MAX_SHARING).prop_map(Step::Enter),
            1 => (0..MAX_SHARING).prop_map(Step::Forget),
        ];
        prop::collection::vec(step, 1..60)
    }

    proptest! {
        #[test]
        fn each_user_finds_what_it_left_and_nobody_finds_what_a_more_critical_one_left(
            users in 0_u8..16,
            steps in steps(),
        ) {
            let mut ownership = Ownership::new();
            for number in (0..MAX_SHARING).filter(|number| users & 1 << number != 0) {
                ownership.add_user(number);
            }
            let mut word = Word::Nothing;
            let mut saved = [Word::Nothing; MAX_SHARING];
            let mut left = [Word::Nothing; MAX_SHARING];
            for (time, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Enter(number) => {
                        let uses = users & 1 << number != 0;
                        if ownership.undisturbed() & 1 << number == 0 {
                            let Change { save, load } = ownership.enter(number);
                            if save != NOBODY {
                                saved[save] = word;
                            }
                            prop_assert_eq!(load, uses);
                            word = if load { saved[number] } else { Word::Nothing };
                        }
                        if uses {
                            prop_assert_eq!(word, left[number]);
                            word = Word::Of(number, time as u32);
                            left[number] = word;
                        } else if let Word::Of(owner, _) = word {
                            prop_assert!(owner > number, "{} finds what {} left", number, owner);
                        }
                    }
                    Step::Forget(number) => {
                        if ownership.forget(number) {
                            prop_assert!(matches!(word, Word::Of(owner, _) if owner == number));
                            word = Word::Nothing;
                        } else {
                            prop_assert!(!matches!(word, Word::Of(owner, _) if owner == number));
                        }
                        (saved[number], left[number]) = (Word::Nothing, Word::Nothing);
                    }
                }
                prop_assert_eq!(ownership.is_owned(), word != Word::Nothing);
            }
        }
    }

    #[test]
    fn a_partition_without_the_registers_that_preempts_costs_nothing() {
        let mut ownership = Ownership::new();
        ownership.add_user(1);
        assert_eq!(ownership.undisturbed() & 0b11, 0b01);
        assert_eq!(
            ownership.enter(1),
            Change {
                save: NOBODY,
                load: true
            }
        );
        for _ in 0..3 {
            assert_eq!(ownership.undisturbed() & 0b11, 0b11);
        }
    }
}
