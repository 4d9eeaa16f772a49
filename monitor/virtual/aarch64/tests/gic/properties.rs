//! The filters against the model, for partitions and accesses of any kind.

use crate::model::{Block, Gic, LINES, Who};
use crate::monitor::{Machine, Space};
use crate::{assert_others_are_untouched, foreign};
use partita_virtual_aarch64::gic::distributor::Distributor;
use partita_virtual_aarch64::gic::redistributor::Redistributors;
use partita_virtual_aarch64::gic::software::{Call, by_distributor, by_register};
use partita_virtual_aarch64::gic::{Access, Owned, Version, WriteEffect};
use proptest::prelude::*;

/// The cores that hardware with all affinities would interrupt (IHI 0069, 12.2.22): those of the partition, and whether
/// there are others.
fn receivers(owned: &Owned, own: u32, value: u64) -> (u32, bool) {
    let count = owned.cores();
    if value >> 40 & 1 != 0 {
        return (
            (0..count)
                .filter(|core| *core != own)
                .map(|core| 1 << core)
                .sum(),
            false,
        );
    }
    let mut cores = 0;
    let mut has_others = false;
    for place in (0..16).filter(|place| value >> place & 1 != 0) {
        let low = (value >> 44 & 0xf) * 16 + place;
        let affinity = (value >> 48 & 0xff) << 32
            | (value >> 32 & 0xff) << 16
            | (value >> 16 & 0xff) << 8
            | low;
        if affinity < u64::from(count) {
            cores |= 1 << affinity;
        } else {
            has_others = true;
        }
    }
    (cores, has_others)
}

fn any_owned() -> impl Strategy<Value = Owned> {
    let lines = prop::array::uniform32(prop_oneof![Just(0_u32), any::<u32>(), Just(u32::MAX)]);
    let cores = Just((0_u8..8).collect::<Vec<_>>()).prop_shuffle();
    (lines, cores, 1_usize..9).prop_map(|(lines, cores, count)| Owned::new(lines, &cores[..count]))
}

/// Offsets of registers that there are, the same again and again, and of some that there are not.
fn any_offset() -> impl Strategy<Value = u64> {
    let word = prop::sample::select(vec![0_u64, 1, 2, 16, 30, 31]);
    prop_oneof![
        4 => prop::sample::select(vec![0_u64, 4, 8, 0xc, 0x10, 0x14, 0x40, 0x70, 0xf00, 0xffd0, 0xffe8]),
        // A bit for each line.
        8 => (0_u64..8, word.clone()).prop_map(|(kind, word)| 0x80 + kind * 0x80 + word * 4),
        // Bytes: priorities and targets.
        4 => (0_u64..2, word.clone(), 0_u64..32)
            .prop_map(|(kind, word, byte)| 0x400 + kind * 0x400 + word * 32 + byte),
        2 => (word.clone(), 0_u64..2).prop_map(|(word, half)| 0xc00 + word * 8 + half * 4),
        2 => 0xf00_u64..0xf30,
        4 => (word, 0_u64..64).prop_map(|(word, half)| 0x6000 + word * 256 + half * 4),
        2 => (0x00_u64..0x8000 / 4).prop_map(|word| word * 4),
        1 => any::<u64>(),
    ]
}

fn any_access() -> impl Strategy<Value = (usize, bool, u64, u8, u64)> {
    let in_frames =
        (any_offset(), any::<bool>(), 0_u64..9).prop_map(|(offset, is_second, frame)| {
            let offset = offset.wrapping_add(u64::from(is_second) << 16);
            offset.wrapping_add(frame << 17)
        });
    let size = prop_oneof![6 => Just(4_u8), 2 => Just(8), 2 => Just(1), 1 => any::<u8>()];
    let value = prop_oneof![
        2 => Just(0),
        2 => Just(0xffff_ffff),
        2 => (0_u32..64).prop_map(|bit| 1_u64 << bit),
        2 => 0_u64..8,
        1 => any::<u64>(),
    ];
    let which = prop_oneof![
        any_offset().prop_map(|offset| (false, offset)),
        in_frames.prop_map(|offset| (true, offset)),
    ];
    (0_usize..8, which, size, value)
        .prop_map(|(own, (in_frames, offset), size, value)| (own, in_frames, offset, size, value))
}

/// The machine that a partition is to believe it has: its own cores, its own lines, all others secure.
fn believed(version: Version, owned: &Owned) -> Gic {
    let last = (0..32)
        .rev()
        .find(|word| owned.word(*word) != 0)
        .unwrap_or(0);
    let mut gic = Gic::new(version, owned.cores() as usize, last as usize);
    for core in 0..owned.cores() as usize {
        for number in 0..LINES {
            if owned.owns(number as u32) {
                let line = gic.line(core, number);
                line.is_normal = true;
                line.priority = 0x80;
                line.route = u64::from(number >= 32 && version == Version::Two);
            }
        }
    }
    gic
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_partition_sees_a_machine_of_its_own(
        owned in any_owned(),
        is_two: bool,
        accesses in prop::collection::vec((any::<bool>(), any_access()), 1..150),
    ) {
        let version = if is_two { Version::Two } else { Version::Three };
        let count = owned.cores() as usize;
        let mut believed = believed(version, &owned);
        let mut machine = Machine::new(version, owned, foreign);
        let before = machine.gic.clone();
        for (is_write, (own, in_frames, offset, size, value)) in accesses {
            let own = own % count;
            // A redistributor mostly of its own.
            let offset = match offset >> 17 {
                4..9 => offset & 0x1_ffff | (own as u64) << 17,
                _ => offset,
            };
            let space = match in_frames && !is_two {
                true => Space::Redistributors,
                false => Space::Distributor,
            };
            let frame = (offset >> 17) as usize;
            let (block, inner) = match space {
                Space::Distributor => (Block::Distributor, offset as usize),
                Space::Redistributors => (Block::Redistributor(frame), offset as usize & 0x1_ffff),
            };
            let who = Who { is_secure: false, core: own };
            let given = value;
            let value = match size {
                1 => value & 0xff,
                8 => value,
                _ => value & 0xffff_ffff,
            };
            if is_write {
                // What is above an access's bytes means nothing.
                if machine.write(own, space, offset, size, given).is_some() {
                    believed.write(who, block, inner, size.into(), value);
                }
                continue;
            }
            let Some(found) = machine.read(own, space, offset, size) else {
                continue;
            };
            let of_another_core = space == Space::Redistributors && frame != own && inner >= 0x1_0000;
            let mut expected = believed.read(who, block, inner, size.into());
            if space == Space::Redistributors && inner == 0xc && size == 4 {
                // The upper half of the type register.
                expected = frame as u64;
            }
            if space == Space::Redistributors && inner == 8 && size == 4 {
                expected &= 0xffff_ffff;
            }
            if of_another_core {
                expected = 0;
            }
            prop_assert_eq!(found, expected, "{:?} {:#x} of {}", space, offset, size);
        }
        assert_others_are_untouched(&before, &mut machine);
        // What the partition did is there, at the cores that its virtual ones are on.
        for own in 0..count {
            let core = machine.core(own);
            for number in (0..LINES).filter(|number| machine.owned.owns(*number as u32)) {
                let mut expected = believed.line(own, number).clone();
                let cores = |set: u64| (0..count).filter(|own| set >> own & 1 != 0)
                    .fold(0, |real, own| real | 1 << machine.core(own));
                expected.senders = cores(expected.senders.into()) as u8;
                expected.route = match (number, is_two) {
                    (0..32, _) => 0,
                    (_, true) => cores(expected.route),
                    (_, false) => machine.core(expected.route as usize) as u64,
                };
                prop_assert_eq!(machine.gic.line(core, number).clone(), expected, "{}", number);
            }
        }
    }

    #[test]
    fn accesses_of_any_kind_end_in_an_effect(
        owned in any_owned(),
        is_two: bool,
        own: u32,
        accesses in prop::collection::vec((any::<bool>(), any::<u64>(), any::<u8>(), any::<u64>()), 100),
    ) {
        let version = if is_two { Version::Two } else { Version::Three };
        for (near, offset, size, value) in accesses {
            let offset = if near { offset & 0xf_ffff } else { offset };
            let Some(access) = Access::new(offset, size) else {
                prop_assert!(!matches!(size, 1 | 2 | 4 | 8) || offset % u64::from(size) != 0);
                continue;
            };
            let distributor = Distributor::new(&owned, version, own);
            let redistributors = Redistributors::new(&owned, own);
            let _ = distributor.read(value as u32, access);
            let _ = redistributors.read(access);
            for effect in [distributor.write(access, value), redistributors.write(access, value)] {
                match effect {
                    WriteEffect::Enable { word, lines, .. } => {
                        prop_assert_eq!(lines & !owned.word(word), 0);
                    }
                    WriteEffect::Route { line, number } => {
                        prop_assert!(line >= 32 && owned.owns(line));
                        prop_assert!(owned.core(number).is_some());
                    }
                    WriteEffect::Call(call) => {
                        prop_assert!(owned.owns(call.interrupt) && call.interrupt < 8);
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn software_interrupts_reach_the_cores_that_hardware_would_choose(
        owned in any_owned(),
        own in 0_u32..8,
        value in prop_oneof![
            any::<u64>(),
            (any::<u16>(), 0_u64..16).prop_map(|(list, number)| u64::from(list) | number << 24),
            (any::<u8>(), 0_u64..8).prop_map(|(list, number)| u64::from(list) | number << 24),
            (any::<u8>(), prop::sample::select(vec![16_u32, 23, 32, 44, 47, 48, 55]))
                .prop_map(|(list, cluster)| u64::from(list) | 1 << cluster),
            (0_u64..16).prop_map(|number| 1 << 40 | number << 24),
        ],
        word in prop_oneof![
            any::<u32>(),
            (0_u32..4, any::<u8>(), 0_u32..16)
                .prop_map(|(choice, list, number)| choice << 24 | u32::from(list) << 16 | number),
        ],
    ) {
        let own = own % owned.cores();
        let interrupt = (value >> 24 & 0xf) as u32;
        let (cores, has_others) = receivers(&owned, own, value);
        let names_cluster = value & 0xff_f0ff_00ff_0000 != 0 && value >> 40 & 1 == 0;
        let expected = (owned.owns(interrupt) && !has_others && !names_cluster)
            .then_some(Call { interrupt, cores });
        prop_assert_eq!(by_register(&owned, own, value), expected);
        // IHI 0048B, 4.3.15: a list, all others, the own one, reserved.
        let cores: Vec<bool> = (0..8).map(|core| match word >> 24 & 3 {
            0 => word >> (16 + core) & 1 != 0,
            1 => core != own && core < owned.cores(),
            2 => core == own,
            _ => false,
        }).collect();
        let is_sound = word >> 24 & 3 != 3
            && owned.owns(word & 0xf)
            && !cores[owned.cores() as usize..].contains(&true);
        let cores = (0..8).filter(|core| cores[*core]).map(|core| 1 << core).sum();
        let expected = is_sound.then_some(Call { interrupt: word & 0xf, cores });
        prop_assert_eq!(by_distributor(&owned, own, word), expected);
    }
}
