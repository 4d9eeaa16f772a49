//! The filters in front of the interrupt controller, against a model of it: what a partition sees is what the normal
//! world of a machine sees in which every other line is secure, and nothing of anybody else's changes.

mod linux;
mod model;
mod monitor;
mod properties;

use model::{Gic, LINES, Line};
use monitor::{Machine, Space};
use partita_virtual_aarch64::gic::distributor::forwards;
use partita_virtual_aarch64::gic::interface::{Effect, Register};
use partita_virtual_aarch64::gic::software::Call;
use partita_virtual_aarch64::gic::{HIDDEN, Owned, Version, View, WriteEffect};
use partita_virtual_aarch64::timer::Access as SystemAccess;

/// A line of somebody else's: some shared ones are of another Linux, the rest is secure, and all are in use.
fn foreign(number: usize) -> Line {
    Line {
        is_normal: number >= 32 && number.is_multiple_of(3),
        enabled: true,
        pending: number.is_multiple_of(5),
        active: number.is_multiple_of(7),
        priority: (number * 37) as u8,
        edge: number.is_multiple_of(2),
        route: 1,
        senders: 0,
    }
}

/// Lines 33, 40, 41, 100 and 287, and of the private ones the timers and the software interrupts.
fn usual(cores: &[u8]) -> Owned {
    let mut lines = [0; 32];
    lines[0] = 0xff | 1 << 27 | 1 << 30;
    lines[1] = 1 << 1 | 1 << 8 | 1 << 9;
    lines[3] = 1 << 4;
    lines[8] = 1 << 31;
    Owned::new(lines, cores)
}

#[test]
fn linux_starts_on_version_3_and_gets_its_interrupts() {
    let mut machine = Machine::new(Version::Three, usual(&[2, 0, 5]), foreign);
    let before = machine.gic.clone();
    assert_eq!(linux::start_3(&mut machine), 288);
    assert!(forwards(Version::Three, machine.control));
    for own in 0..3 {
        let lines = linux::start_core_3(&mut machine, own);
        assert_eq!(lines, own as u64 * 0x2_0000 + 0x1_0000);
        for line in [27, 30] {
            linux::enable_private_3(&mut machine, own, lines, line);
        }
        for line in 0..8 {
            let register = lines + 0x100;
            machine
                .write(own, Space::Redistributors, register, 4, 1 << line)
                .unwrap();
        }
    }
    for (line, own) in [(33, 0), (41, 1), (287, 2)] {
        linux::enable_shared(&mut machine, line, own, false);
        let core = machine.core(own as usize);
        assert_eq!(machine.gic.signalled(core).filter(|line| *line >= 32), None);
        machine.gic.line(core, line as usize).pending = true;
        assert_eq!(machine.gic.signalled(core), Some(line as usize));
        machine.gic.line(core, line as usize).pending = false;
        let found = machine.gic.line(core, line as usize).clone();
        assert_eq!((found.priority, found.edge), (0x80 | 0xa0 >> 1, true));
    }
    // From the second core to the other two, then to all others, then to itself.
    machine.send(1, 3 << 24 | 0b101).unwrap();
    machine.send(1, 4 << 24 | 1 << 40).unwrap();
    machine.send(1, 5 << 24 | 0b010).unwrap();
    let sent = |machine: &mut Machine, core: usize| -> Vec<usize> {
        let is_pending = |line: &usize| machine.gic.line(core, *line).pending;
        (0..8).filter(is_pending).collect()
    };
    assert_eq!(sent(&mut machine, 2), [3, 4]);
    assert_eq!(sent(&mut machine, 0), [5]);
    assert_eq!(sent(&mut machine, 5), [3, 4]);
    assert_others_are_untouched(&before, &mut machine);
}

#[test]
fn linux_starts_on_version_2_and_gets_its_interrupts() {
    let mut machine = Machine::new(Version::Two, usual(&[3, 1]), foreign);
    let before = machine.gic.clone();
    assert_eq!(linux::start_2(&mut machine), 288);
    assert!(forwards(Version::Two, machine.control));
    for own in 0..2 {
        linux::start_core_2(&mut machine, own);
        machine
            .write(own, Space::Distributor, 0x100, 4, 1 << 27)
            .unwrap();
    }
    for (line, own) in [(33, 0), (287, 1)] {
        linux::enable_shared(&mut machine, line, own, true);
        let core = machine.core(own as usize);
        machine.gic.line(core, line as usize).pending = true;
        assert_eq!(machine.gic.signalled(core), Some(line as usize));
        machine.gic.line(core, line as usize).pending = false;
    }
    linux::send_2(&mut machine, 1, 0b01, 6);
    assert_eq!(machine.gic.line(3, 6).senders, 1 << 1);
    assert_eq!(machine.gic.signalled(3), Some(6));
    // The receiver sees the virtual core that sent it, and can take it back.
    assert_eq!(machine.read(0, Space::Distributor, 0xf16, 1), Some(1 << 1));
    machine
        .write(0, Space::Distributor, 0xf16, 1, 0xff)
        .unwrap();
    assert_eq!(machine.gic.signalled(3), None);
    let sleeping = machine.gic.clone();
    linux::sleep_2(&mut machine, 288);
    assert_eq!(machine.gic.shared, sleeping.shared);
    assert_others_are_untouched(&before, &mut machine);
}

/// Whether a line, on a core if it is private, is the partition's.
fn is_own(owned: &Owned, core: usize, number: usize) -> bool {
    owned.owns(number as u32) && (number >= 32 || owned.number(core as u32).is_some())
}

fn assert_others_are_untouched(before: &Gic, machine: &mut Machine) {
    let mut before = before.clone();
    for core in 0..8 {
        for number in 0..LINES {
            let after = machine.gic.line(core, number).clone();
            if !is_own(&machine.owned, core, number) {
                assert_eq!(*before.line(core, number), after, "{number} on {core}");
            } else {
                assert!(
                    after.priority >= 0x80,
                    "{number} is as urgent as secure ones"
                );
                let is_own_core = match machine.gic.version {
                    Version::Two => (0..8)
                        .filter(|core| after.route >> core & 1 != 0)
                        .all(|core| machine.owned.number(core).is_some()),
                    Version::Three => machine.owned.number(after.route as u32).is_some(),
                };
                assert!(
                    number < 32 || is_own_core,
                    "{number} goes to {:#x}",
                    after.route
                );
            }
        }
    }
}

#[test]
fn what_no_honest_driver_does_is_denied() {
    let three = Machine::new(Version::Three, usual(&[2, 0]), foreign);
    let two = Machine::new(Version::Two, usual(&[2, 0]), foreign);
    let distributor = Space::Distributor;
    let redistributors = Space::Redistributors;
    // (machine, where, offset, size, value)
    let attempts = [
        (&three, distributor, 0x104, 4, 1 << 2), // enables a line of others
        (&three, distributor, 0x100, 4, 1 << 27), // which version 3 has elsewhere
        (&three, distributor, 0x204, 4, 1 << 2), // raises one
        (&three, distributor, 0x304, 4, 1 << 2), // makes one active
        (&three, distributor, 0x6000 + 33 * 8, 8, 2), // a core that it has not
        (&three, distributor, 0x6000 + 33 * 8, 8, 0x100), // another cluster
        (&three, distributor, 0x6000 + 33 * 8 + 4, 4, 1), // and another `Aff3`
        (&three, distributor, 0x40, 4, 34),      // a message for a line
        (&three, distributor, 0x400 + 33, 2, 0), // no register has two bytes there
        (&three, distributor, 0x104, 1, 2),
        (&three, distributor, 0x104, 8, 2),
        (&three, distributor, 0x105, 4, 2),
        (&three, distributor, 0x1_0000, 4, 0),
        (&three, redistributors, 0x4_0000, 4, 0), // a third redistributor
        (&three, redistributors, 0x1_0100, 4, 1 << 29), // the secure timer
        (&three, redistributors, 0x1_0200, 4, 1 << 15), // the monitor's software interrupt
        (&three, redistributors, 0x3_0100, 4, 1 << 27), // another core's private lines
        (&three, redistributors, 0x0, 4, 1),      // messages
        (&three, redistributors, 0x70, 8, 0x4000_0000), // their table
        (&three, redistributors, 0x40, 8, 0),
        (&three, redistributors, 0x40, 4, 0),
        (&three, redistributors, 0xa0, 4, 8192),
        (&two, distributor, 0x800 + 33, 1, 1 << 2), // a core that it has not
        (&two, distributor, 0xf00, 4, 1 << 18),
        (&two, distributor, 0xf00, 4, 1 << 16 | 15), // the monitor's software interrupt
        (&two, distributor, 0xf00, 4, 1 << 16 | 8),  // a program's
        (&two, distributor, 0xf00, 4, 3 << 24),      // a reserved choice
        (&two, distributor, 0xf20, 1, 1 << 7),       // sent by somebody else
        (&two, distributor, 0xf28, 4, 1),            // a program's, raised
        (&two, distributor, 0x1000, 4, 0),
    ];
    for (machine, space, offset, size, value) in attempts {
        let effect = machine.judge(0, space, offset, size, value);
        assert_eq!(
            effect,
            WriteEffect::Denied,
            "{space:?} {offset:#x} {value:#x}"
        );
    }
}

#[test]
fn what_drivers_write_to_all_lines_is_ignored() {
    let three = Machine::new(Version::Three, usual(&[2, 0]), foreign);
    let two = Machine::new(Version::Two, usual(&[2, 0]), foreign);
    let (distributor, redistributors) = (Space::Distributor, Space::Redistributors);
    let writes = [
        (&three, distributor, 0x84, 4, 0xffff_ffff),  // groups
        (&three, distributor, 0x188, 4, 0xffff_ffff), // disables lines of others
        (&three, distributor, 0x380, 4, 0xffff_ffff), // those of each core are elsewhere
        (&three, distributor, 0x480, 4, 0xa0a0_a0a0), // priorities
        (&three, distributor, 0xc20, 4, 0),           // how they are triggered
        (&three, distributor, 0x6000 + 34 * 8, 8, 7), // routes
        (&three, distributor, 0x6000 + 33 * 8 + 4, 4, 0), // the upper half of its own: none
        (&three, redistributors, 0x2_0014, 4, 0),     // wakes a core
        (&three, redistributors, 0x1_0080, 4, 0xffff_ffff), // groups
        (&three, redistributors, 0x1_0c00, 4, 0),     // software interrupts stay as they are
        (&two, distributor, 0x800, 4, 0x0101_0101),   // targets of private lines
        (&two, distributor, 0x800 + 34, 1, 0xff),     // and of others'
        (&two, distributor, 0x100, 4, 0xff00),        // all software interrupts
    ];
    for (machine, space, offset, size, value) in writes {
        let effect = machine.judge(0, space, offset, size, value);
        assert_eq!(
            effect,
            WriteEffect::Ignored,
            "{space:?} {offset:#x} {value:#x}"
        );
    }
}

#[test]
fn hidden_and_missing_lines_belong_to_nobody() {
    let owned = Owned::new([u32::MAX; 32], &[0, 1, 2, 3, 4, 5, 6, 7, 0]);
    assert_eq!(owned.cores(), 8);
    assert_eq!(owned.all_cores(), 0xff);
    for line in (0..32).filter(|line| HIDDEN >> line & 1 != 0) {
        assert!(!owned.owns(line), "{line}");
    }
    for line in [8, 13, 15, 29, 1020, 1023, 1024, u32::MAX] {
        assert!(!owned.owns(line), "{line}");
    }
    assert!(owned.owns(0) && owned.owns(27) && owned.owns(30) && owned.owns(1019));
    assert_eq!(Owned::new([0; 32], &[1, 8, 2]).cores(), 1);
    assert_eq!(Owned::new([0; 32], &[]).all_cores(), 0);
}

#[test]
fn a_line_that_is_at_a_core_of_others_is_seen_at_the_first() {
    let owned = usual(&[2, 0]);
    assert_eq!(owned.seen(View::Route, 0), 1);
    assert_eq!(owned.seen(View::Route, 2), 0);
    assert_eq!(owned.seen(View::Route, 7), 0);
    assert_eq!(owned.seen(View::Route, u64::MAX), 0);
}

#[test]
fn priorities_are_those_of_the_normal_world() {
    let owned = usual(&[0]);
    let view = View::Priority { lanes: 0b1101 };
    // IHI 0069, 4.8.1: a secure one is zero, and one that it may not see is as well.
    assert_eq!(owned.seen(view, 0xff_c0_f0_40), 0xfe_80_00_00);
    assert_eq!(owned.seen(View::Priority { lanes: 1 }, 0x80), 0);
}

#[test]
fn a_partition_whose_group_is_off_gets_nothing() {
    assert!(!forwards(Version::Two, 0) && !forwards(Version::Three, 0));
    assert!(!forwards(Version::Three, 1) && forwards(Version::Three, 2));
    let mut machine = Machine::new(Version::Three, usual(&[0]), foreign);
    // Affinity routing cannot be switched off, and nothing else is there.
    machine
        .write(0, Space::Distributor, 0, 4, 0xffff_ffed)
        .unwrap();
    assert_eq!(machine.read(0, Space::Distributor, 0, 4), Some(0x11));
    let mut machine = Machine::new(Version::Two, usual(&[0]), foreign);
    machine
        .write(0, Space::Distributor, 0, 4, 0xffff_ffff)
        .unwrap();
    assert_eq!(machine.read(0, Space::Distributor, 0, 4), Some(1));
}

#[test]
fn a_route_can_be_written_in_halves() {
    let machine = Machine::new(Version::Three, usual(&[2, 0]), foreign);
    // What is above the lower half's bits means nothing, nor do those that are reserved or that ask for any core.
    let value = 0x55_aa00_0000 | 1 << 31 | 1;
    let effect = machine.judge(0, Space::Distributor, 0x6000 + 33 * 8, 4, value);
    assert_eq!(
        effect,
        WriteEffect::Route {
            line: 33,
            number: 1
        }
    );
}

#[test]
fn a_driver_waits_until_its_writes_have_taken_effect() {
    let mut machine = Machine::new(Version::Three, usual(&[2, 0]), foreign);
    let (distributor, redistributors) = (Space::Distributor, Space::Redistributors);
    for (is_settling, expected) in [
        (true, [1 << 31 | 1 << 4, 1 << 3, 0]),
        (false, [1 << 4, 0, 0]),
    ] {
        machine.gic.is_settling = is_settling;
        let found = [
            machine.read(1, distributor, 0, 4),
            machine.read(1, redistributors, 0x2_0000, 4),
            // That of another core is not its own to wait for.
            machine.read(1, redistributors, 0, 4),
        ];
        assert_eq!(found, expected.map(Some));
    }
}

/// The syndrome of a trapped access to a system register.
fn system(op0: u64, op1: u64, crn: u64, crm: u64, op2: u64) -> SystemAccess {
    SystemAccess::of(0x18 << 26 | op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | 3 << 5 | crm << 1)
}

#[test]
fn shared_registers_of_the_interface_have_their_names() {
    // IHI 0069, table 12-1.
    let all = [
        (system(3, 0, 12, 11, 5), Some(Register::Send)),
        (system(3, 0, 12, 11, 6), Some(Register::SendOther)),
        (system(3, 0, 12, 11, 7), Some(Register::SendOther)),
        (system(3, 0, 4, 6, 0), Some(Register::Mask)),
        (system(3, 0, 12, 12, 4), Some(Register::Control)),
        (system(3, 0, 12, 11, 1), Some(Register::Deactivate)),
        (system(3, 0, 12, 11, 3), Some(Register::Running)),
        (system(3, 0, 12, 12, 0), None),
        (system(3, 3, 14, 2, 1), None),
    ];
    for (access, expected) in all {
        assert_eq!(Register::of(&access), expected, "{access:?}");
    }
}

#[test]
fn shared_registers_of_the_interface_act_on_own_interrupts_only() {
    let owned = usual(&[2, 0]);
    let write = |register: Register, value| register.write(&owned, 1, value);
    let call = Call {
        interrupt: 3,
        cores: 1,
    };
    assert_eq!(write(Register::Send, 3 << 24 | 1), Effect::Call(call));
    assert_eq!(write(Register::Send, 3 << 24 | 4), Effect::Denied);
    for bit in (16..24).chain(32..40).chain(44..56) {
        assert_eq!(write(Register::Send, 1 << bit | 1), Effect::Denied, "{bit}");
    }
    assert_eq!(write(Register::SendOther, 3 << 24 | 1), Effect::Denied);
    assert_eq!(write(Register::Running, 0), Effect::Denied);
    assert_eq!(write(Register::Deactivate, 33), Effect::Deactivate(33));
    for foreign in [15, 29, 34, 1023, 8192, 1 << 23 | 33] {
        assert_eq!(
            write(Register::Deactivate, foreign),
            Effect::Denied,
            "{foreign}"
        );
    }
    // The way that Linux masks: everything is let through, and what it has is read back.
    assert_eq!(write(Register::Mask, 0xf0), Effect::Mask(0xf8));
    assert_eq!(Register::Mask.seen(0xf8), Some(0xf0));
    assert_eq!(write(Register::Mask, 0xff), Effect::Mask(0xff));
    assert_eq!(Register::Mask.seen(0xff), Some(0xff));
    assert_eq!(write(Register::Mask, 0), Effect::Mask(0x80));
    assert_eq!(Register::Running.seen(0x10), Some(0));
    assert_eq!(write(Register::Control, u64::MAX), Effect::Control(3));
    assert_eq!(Register::Control.seen(0x8402), Some(0x8402));
    assert_eq!(Register::Deactivate.seen(1), None);
}
