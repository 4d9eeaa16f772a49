//! Exceptions that a partition is made to take, against the pseudocode of the architecture.

use partita_virtual_aarch64::inject::{Features, Reason, Stopped, take};
use proptest::prelude::*;

const VECTORS: u64 = 0xffff_8000_0001_0800;
const READ_ABORT: u64 = 0x24 << 26 | 1 << 25 | 0x7;
const USUAL: Features = Features {
    tags: false,
    unmaskable: false,
};

const fn stopped(state: u64) -> Stopped {
    Stopped {
        state,
        counter: 0x40_1234,
        vectors: VECTORS,
        // As Linux has it: PAN stays as it is.
        control: 1 << 23 | 1,
    }
}

fn denied(syndrome: u64) -> Reason {
    Reason::Denied {
        syndrome,
        address: 0xffff_0000_0900_0004,
    }
}

#[test]
fn the_vector_says_where_the_access_came_from() {
    // D1.3.1: EL1 on the stack of EL0, EL1, EL0, and EL0 in AArch32.
    for (state, offset, class) in [
        (0x4, 0x000, 0x25),
        (0x5, 0x200, 0x25),
        (0x0, 0x400, 0x24),
        (0x10, 0x600, 0x24),
    ] {
        let taken = take(&stopped(state), USUAL, denied(READ_ABORT));
        assert_eq!(taken.counter, VECTORS + offset);
        assert_eq!(taken.syndrome >> 26, class, "{state:#x}");
        assert_eq!(taken.saved, state);
        assert_eq!(taken.link, 0x40_1234);
        assert_eq!(taken.address, Some(0xffff_0000_0900_0004));
    }
}

#[test]
fn an_abort_is_one_of_the_memory_behind() {
    let syndrome = |syndrome| take(&stopped(5), USUAL, denied(syndrome)).syndrome;
    assert_eq!(syndrome(READ_ABORT), 0x25 << 26 | 1 << 25 | 0x10);
    // A store with a valid syndrome: what the syndrome said of the instruction is for stage 2 only.
    let store = READ_ABORT | 1 << 24 | 3 << 22 | 5 << 16 | 1 << 15 | 1 << 6;
    assert_eq!(syndrome(store), 0x25 << 26 | 1 << 25 | 1 << 6 | 0x10);
    // Cache maintenance, which counts as a write, and a walk of its own tables.
    let maintenance = READ_ABORT | 1 << 8 | 1 << 6;
    assert_eq!(
        syndrome(maintenance),
        0x25 << 26 | 1 << 25 | 1 << 8 | 1 << 6 | 0x10
    );
    assert_eq!(syndrome(READ_ABORT | 1 << 7), 0x25 << 26 | 1 << 25 | 0x10);
    // A fetch; the bits of a data abort mean nothing there.
    let fetch = 0x20 << 26 | 1 << 25 | 1 << 6 | 0xf;
    assert_eq!(syndrome(fetch), 0x21 << 26 | 1 << 25 | 0x10);
}

#[test]
fn what_is_not_there_is_undefined() {
    let taken = take(&stopped(5), USUAL, Reason::Undefined);
    assert_eq!(taken.syndrome, 1 << 25);
    assert_eq!(taken.address, None);
}

/// `AArch64.TakeException` (J1.2.1), for EL1, as it goes through the state: a bit of the saved state, and what it
/// becomes.
fn after(before: u64, control: u64, features: Features) -> u64 {
    let mut after = 0;
    for bit in 0..64 {
        let old = before >> bit & 1;
        let new = match bit {
            // N, Z, C, V and DIT are not changed.
            24 | 28..32 => old,
            25 => u64::from(features.tags),
            // PAN, unless SPAN says that it stays.
            22 if control >> 23 & 1 == 0 => 1,
            22 => old,
            // SSBS is DSSBS.
            12 => control >> 44 & 1,
            // ALLINT is the opposite of SPINTMASK.
            13 => u64::from(features.unmaskable && control >> 62 & 1 == 0),
            // D, A, I, F.
            6..10 => 1,
            // EL1 with its own stack.
            0 | 2 => 1,
            // UAO, SS, IL, BTYPE, nRW and the rest.
            _ => 0,
        };
        after |= new << bit;
    }
    after
}

proptest! {
    #[test]
    fn the_state_is_that_of_the_architecture(
        state: u64, control: u64, counter: u64, vectors: u64, syndrome: u64, address: u64,
        tags: bool, unmaskable: bool,
    ) {
        let stopped = Stopped { state, counter, vectors, control };
        let features = Features { tags, unmaskable };
        for reason in [Reason::Undefined, Reason::Denied { syndrome, address }] {
            let taken = take(&stopped, features, reason);
            prop_assert_eq!(taken.state, after(state, control, features));
            // Never another level, and never AArch32.
            prop_assert_eq!(taken.state & 0x1f, 5);
            prop_assert_eq!(taken.link, counter);
            prop_assert_eq!(taken.saved, state);
            prop_assert!(taken.counter.wrapping_sub(vectors) <= 0x600);
        }
    }
}
