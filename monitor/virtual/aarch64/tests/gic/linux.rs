//! What Linux's drivers for the controller do, as accesses: `drivers/irqchip/irq-gic-v3.c` and `irq-gic.c` of 6.12, from
//! the probe to the first interrupts. Nothing of it may be denied.

use crate::monitor::{Machine, Space};
use Space::{Distributor, Redistributors};

impl Machine {
    fn get(&mut self, own: usize, space: Space, offset: u64, size: u8) -> u64 {
        self.read(own, space, offset, size)
            .unwrap_or_else(|| panic!("{space:?}: read of {size} at {offset:#x}"))
    }

    fn put(&mut self, own: usize, space: Space, offset: u64, size: u8, value: u64) {
        self.write(own, space, offset, size, value)
            .unwrap_or_else(|| panic!("{space:?}: {size} at {offset:#x}: {value:#x}"));
    }
}

/// Version 3 on the first core: the number of lines.
pub fn start_3(machine: &mut Machine) -> u64 {
    let get = |machine: &mut Machine, offset| machine.get(0, Distributor, offset, 4);
    assert_eq!(get(machine, 0xffe8) & 0xf0, 0x30, "the version");
    let kind = get(machine, 0x4);
    assert_eq!(kind >> 8 & 1, 0, "no extended lines");
    assert_eq!(kind >> 17 & 1, 0, "no messages");
    get(machine, 0xc);
    get(machine, 0x8);
    // The properties of all redistributors.
    assert_eq!(machine.get(0, Redistributors, 0xffe8, 4) & 0xf0, 0x30);
    let mut base = 0;
    loop {
        let kind = machine.get(0, Redistributors, base + 8, 8);
        assert_eq!(kind & 0b1000_0011, 0, "nothing that is optional");
        machine.get(0, Redistributors, base, 4);
        base += 0x2_0000;
        if kind & 1 << 4 != 0 {
            break;
        }
    }
    let lines = (((kind & 0x1f) + 1) * 32).min(1020);
    let put = |machine: &mut Machine, offset, value| machine.put(0, Distributor, offset, 4, value);
    put(machine, 0, 0);
    wait_3(machine, 0, Distributor, 0);
    for line in (32..lines).step_by(32) {
        put(machine, 0x80 + line / 8, 0xffff_ffff);
    }
    configure(machine, lines);
    put(machine, 0, 0x13);
    wait_3(machine, 0, Distributor, 0);
    for line in 32..lines {
        machine.put(0, Distributor, 0x6000 + line * 8, 8, 0);
    }
    lines
}

/// Both versions: all shared lines triggered by level, of one priority, and off.
fn configure(machine: &mut Machine, lines: u64) {
    let mut put = |offset, value| machine.put(0, Distributor, offset, 4, value);
    for line in (32..lines).step_by(16) {
        put(0xc00 + line / 4, 0);
    }
    for line in (32..lines).step_by(4) {
        put(0x400 + line, 0xa0a0_a0a0);
    }
    for line in (32..lines).step_by(32) {
        put(0x380 + line / 8, 0xffff_ffff);
        put(0x180 + line / 8, 0xffff_ffff);
    }
}

fn wait_3(machine: &mut Machine, own: usize, space: Space, offset: u64) {
    let bit = if space == Distributor { 31 } else { 3 };
    assert_eq!(machine.get(own, space, offset, 4) >> bit & 1, 0);
}

/// Version 3 on each core, which finds its redistributor by its affinity.
pub fn start_core_3(machine: &mut Machine, own: usize) -> u64 {
    let mut base = 0;
    loop {
        let kind = machine.get(own, Redistributors, base + 8, 8);
        if kind >> 32 == own as u64 {
            break;
        }
        assert_eq!(kind & 1 << 4, 0, "no redistributor for {own}");
        base += 0x2_0000;
    }
    let waker = machine.get(own, Redistributors, base + 0x14, 4);
    machine.put(own, Redistributors, base + 0x14, 4, waker & !2);
    assert_eq!(machine.get(own, Redistributors, base + 0x14, 4) & 4, 0);
    let lines = base + 0x1_0000;
    let mut put = |offset, value| machine.put(own, Redistributors, lines + offset, 4, value);
    put(0x80, 0xffff_ffff);
    put(0x380, 0xffff_ffff);
    put(0x180, 0xffff_ffff);
    for line in (0..32).step_by(4) {
        put(0x400 + line, 0xa0a0_a0a0);
    }
    wait_3(machine, own, Redistributors, base);
    lines
}

/// Version 3: enables a private line, as the timers' drivers ask for: triggered by level.
pub fn enable_private_3(machine: &mut Machine, own: usize, lines: u64, line: u64) {
    let fields = lines + 0xc00 + line / 16 * 4;
    let before = machine.get(own, Redistributors, fields, 4);
    let after = before & !(2 << (line % 16 * 2));
    if after != before {
        machine.put(own, Redistributors, fields, 4, after);
        assert_eq!(machine.get(own, Redistributors, fields, 4), after);
    }
    machine.put(own, Redistributors, lines + 0x400 + line, 1, 0xa0);
    machine.put(own, Redistributors, lines + 0x100, 4, 1 << line);
}

/// Both versions: has a device's line come to a core, by edges.
pub fn enable_shared(machine: &mut Machine, line: u64, core: u64, is_two: bool) {
    let bit = 1 << (line % 32);
    let fields = 0xc00 + line / 16 * 4;
    let before = machine.get(0, Distributor, fields, 4);
    let after = before | 2 << (line % 16 * 2);
    machine.put(0, Distributor, fields, 4, after);
    assert_eq!(machine.get(0, Distributor, fields, 4), after);
    let enabled = machine.get(0, Distributor, 0x100 + line / 32 * 4, 4) & bit != 0;
    if enabled {
        machine.put(0, Distributor, 0x180 + line / 32 * 4, 4, bit);
    }
    if is_two {
        machine.put(0, Distributor, 0x800 + line, 1, 1 << core);
    } else {
        machine.put(0, Distributor, 0x6000 + line * 8, 8, core);
    }
    machine.put(0, Distributor, 0x100 + line / 32 * 4, 4, bit);
}

/// Version 2 on the first core: the number of lines.
pub fn start_2(machine: &mut Machine) -> u64 {
    let lines = ((machine.get(0, Distributor, 4, 4) & 0x1f) + 1) * 32;
    let lines = lines.min(1020);
    machine.put(0, Distributor, 0, 4, 0);
    let mask = mask_2(machine, 0);
    for line in (32..lines).step_by(4) {
        machine.put(0, Distributor, 0x800 + line, 4, mask * 0x0101_0101);
    }
    configure(machine, lines);
    machine.put(0, Distributor, 0, 4, 1);
    lines
}

/// The driver finds out by the private lines' targets which core it is on.
fn mask_2(machine: &mut Machine, own: usize) -> u64 {
    for line in (0..32).step_by(4) {
        let found = machine.get(own, Distributor, 0x800 + line, 4);
        let found = found | found >> 16;
        let found = (found | found >> 8) & 0xff;
        if found != 0 {
            return found;
        }
    }
    panic!("no core has the interface of {own}");
}

/// Version 2 on each core, with what older drivers do: they enable all software interrupts.
pub fn start_core_2(machine: &mut Machine, own: usize) {
    assert_eq!(mask_2(machine, own), 1 << own);
    let mut put = |offset, value| machine.put(own, Distributor, offset, 4, value);
    put(0x380, 0xffff_ffff);
    put(0x180, 0xffff_0000);
    put(0x100, 0xffff);
    for line in (0..32).step_by(4) {
        put(0x400 + line, 0xa0a0_a0a0);
    }
}

/// Version 2: saves all and puts it back, as around a sleep.
pub fn sleep_2(machine: &mut Machine, lines: u64) {
    let saved = |machine: &mut Machine, first: u64, lines_each: u64| -> Vec<(u64, u64)> {
        let offsets = (0..lines.div_ceil(lines_each)).map(|number| first + number * 4);
        offsets
            .map(|offset| (offset, machine.get(0, Distributor, offset, 4)))
            .collect()
    };
    let fields = saved(machine, 0xc00, 16);
    let targets = saved(machine, 0x800, 4);
    let enabled = saved(machine, 0x100, 32);
    machine.put(0, Distributor, 0, 4, 0);
    for (offset, value) in fields.into_iter().chain(targets).chain(enabled) {
        machine.put(0, Distributor, offset, 4, value);
    }
    machine.put(0, Distributor, 0, 4, 1);
}

/// Version 2: a software interrupt to a set of cores.
pub fn send_2(machine: &mut Machine, own: usize, cores: u64, number: u64) {
    machine.put(own, Distributor, 0xf00, 4, cores << 16 | number);
}
