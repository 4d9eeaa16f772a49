//! What a partition on Arm is told of its cores and devices.
//!
//! Cores go by the number in their `MPIDR_EL1`, which is the physical one: nothing can show Linux at EL2
//! another. Interrupts of Linux are encoded as `arm,gic.yaml` and `arm,gic-v3.yaml` of its bindings have it;
//! those of a program are plain numbers, as its interrupt controller reports them.

use super::{CONTROLLER_PHANDLE, Node};
use crate::secure;
use crate::system::{Partition, System};
use partita_abi::monitor_call::SMC_WATCHDOG;
use partita_abi::table::Kind;
use partita_board::{Aarch64, Device, Gic, GicInterface, Window, timer};

const CLOCK_PHANDLE: u32 = 2;
/// Kinds of lines: shared and private peripheral interrupts.
const SHARED: u32 = 0;
const PRIVATE: u32 = 1;
/// Triggers (Linux binding of interrupt types).
const EDGE_RISING: u32 = 1;
const LEVEL_HIGH: u32 = 4;

/// Adds the cores and the devices.
pub(super) fn add(system: &System, arm: &Aarch64, partition: &Partition, root: &mut Node) {
    root.child(processors(system, partition));
    root.child(psci());
    match partition.kind() {
        Kind::Linux => {
            root.cells("interrupt-parent", &[CONTROLLER_PHANDLE]);
            root.child(controller(&arm.gic, true));
            root.child(timers(&arm.gic, partition));
            root.child(performance(&arm.gic, partition));
            root.child(clock(arm));
            if partition.health.watchdog_ns != 0 {
                root.child(watchdog(partition.health.watchdog_ns));
            }
        }
        Kind::Program => {
            root.child(controller(&arm.gic, false));
            let lines = secure::interrupts(system, partition);
            let mut timer = Node::new("timer");
            timer.text("compatible", "partita,timer");
            // With EL2 in the secure world, EL1 has no secure timer (DDI 0487, D24.10).
            let registers = if system.secure_stage_2 {
                "cntp"
            } else {
                "cntps"
            };
            timer.text("registers", registers);
            timer.cells("interrupts", &[lines.timer]);
            timer.cells("clock-frequency", &[system.board.timebase_hz as u32]);
            root.child(timer);
            let mut monitor = Node::new("partita");
            monitor.text("compatible", "partita,monitor");
            monitor.cells("interrupts", &[lines.external, lines.software]);
            root.child(monitor);
        }
    }
    let mut soc = Node::new("soc");
    soc.cells("#address-cells", &[2]);
    soc.cells("#size-cells", &[2]);
    soc.text("compatible", "simple-bus");
    soc.flag("ranges");
    for owned in &partition.devices {
        soc.child(device(owned.value, partition.kind()));
    }
    root.child(soc);
}

fn processors(system: &System, partition: &Partition) -> Node {
    let mut node = Node::new("cpus");
    node.cells("#address-cells", &[1]);
    node.cells("#size-cells", &[0]);
    if partition.kind() == Kind::Program {
        node.cells("timebase-frequency", &[system.board.timebase_hz as u32]);
    }
    for core in &partition.cores {
        let mut entry = Node::new(&format!("cpu@{:x}", core.value));
        entry.text("device_type", "cpu");
        entry.text("compatible", "arm,armv8");
        entry.cells("reg", &[core.value as u32]);
        entry.text("enable-method", "psci");
        node.child(entry);
    }
    node
}

fn psci() -> Node {
    let mut node = Node::new("psci");
    node.texts("compatible", &["arm,psci-1.0", "arm,psci-0.2"]);
    node.text("method", "smc");
    node
}

fn controller(gic: &Gic, is_linux: bool) -> Node {
    let windows: &[Window] = match gic.interface {
        GicInterface::V2 {
            core,
            hypervisor,
            virtual_core,
        } => &[gic.distributor, core, hypervisor, virtual_core],
        GicInterface::V3 { redistributors, .. } => &[gic.distributor, redistributors],
    };
    let shown = if is_linux { windows.len() } else { 2 };
    let reg: Vec<u64> = windows
        .iter()
        .take(shown)
        .flat_map(|window| [window.base, window.size])
        .collect();
    let mut node = Node::new(&format!("interrupt-controller@{:x}", reg[0]));
    node.text(
        "compatible",
        match gic.interface {
            GicInterface::V2 { .. } => "arm,gic-400",
            GicInterface::V3 { .. } => "arm,gic-v3",
        },
    );
    node.addresses("reg", &reg);
    if is_linux {
        node.cells("#address-cells", &[0]);
        node.cells("#interrupt-cells", &[3]);
        node.flag("interrupt-controller");
        node.cells("interrupts", &[PRIVATE, private(timer::MAINTENANCE), 4]);
        node.cells("phandle", &[CONTROLLER_PHANDLE]);
    }
    node
}

/// The number of a private line in its own range.
fn private(line: u16) -> u32 {
    u32::from(line - Gic::FIRST_PRIVATE)
}

/// Which cores a private line of a GICv2 goes to, as flags of a cell; a GICv3 has no such list.
fn targets(gic: &Gic, partition: &Partition) -> u32 {
    match gic.interface {
        GicInterface::V2 { .. } => {
            let cores = partition.cores.iter().map(|core| 1 << core.value);
            cores.fold(0, |mask: u32, core: u32| mask | core) << 8
        }
        GicInterface::V3 { .. } => 0,
    }
}

/// The timers that both worlds do not share.
fn timers(gic: &Gic, partition: &Partition) -> Node {
    let mut node = Node::new("timer");
    node.text("compatible", "arm,armv8-timer");
    let flags = LEVEL_HIGH | targets(gic, partition);
    let lines = [
        ("phys", timer::PHYSICAL),
        ("virt", timer::VIRTUAL),
        ("hyp-phys", timer::HYPERVISOR),
        ("hyp-virt", timer::HYPERVISOR_VIRTUAL),
    ];
    let cells: Vec<u32> = lines
        .iter()
        .flat_map(|(_, line)| [PRIVATE, private(*line), flags])
        .collect();
    node.cells("interrupts", &cells);
    node.texts("interrupt-names", &lines.map(|(name, _)| name));
    node.flag("always-on");
    node
}

fn performance(gic: &Gic, partition: &Partition) -> Node {
    let mut node = Node::new("pmu");
    node.text("compatible", "arm,armv8-pmuv3");
    let flags = LEVEL_HIGH | targets(gic, partition);
    node.cells("interrupts", &[PRIVATE, private(timer::PERFORMANCE), flags]);
    node
}

/// The clock of the serial ports and of all other primecells.
fn clock(arm: &Aarch64) -> Node {
    let mut node = Node::new("apb-pclk");
    node.text("compatible", "fixed-clock");
    node.cells("#clock-cells", &[0]);
    node.cells("clock-frequency", &[arm.uart_clock_hz]);
    node.cells("phandle", &[CLOCK_PHANDLE]);
    node
}

/// The watchdog that the monitor keeps for Linux, by calls (Linux binding `arm-smc-wdt`).
fn watchdog(timeout_ns: u64) -> Node {
    let mut node = Node::new("watchdog");
    node.text("compatible", "arm,smc-wdt");
    node.cells("arm,smc-id", &[SMC_WATCHDOG as u32]);
    // What the driver takes unless it is told another time.
    let seconds = (timeout_ns / 1_000_000_000).clamp(1, u64::from(u32::MAX));
    node.cells("timeout-sec", &[seconds as u32]);
    node
}

/// The node of a device, by its `compatible` string.
fn device(device: &Device, kind: Kind) -> Node {
    let (name, clocks): (&str, &[&str]) = match device.compatible {
        "virtio,mmio" => ("virtio_mmio", &[]),
        "arm,pl011" => ("serial", &["uartclk", "apb_pclk"]),
        "arm,pl031" => ("rtc", &["apb_pclk"]),
        "arm,pl061" => ("gpio", &["apb_pclk"]),
        _ => ("device", &[]),
    };
    let mut node = Node::new(&format!("{name}@{:x}", device.window.base));
    match clocks {
        [] => node.text("compatible", device.compatible),
        _ => node.texts("compatible", &[device.compatible, "arm,primecell"]),
    }
    node.addresses("reg", &[device.window.base, device.window.size]);
    if kind == Kind::Program {
        let lines: Vec<u32> = device.lines.iter().map(|line| u32::from(*line)).collect();
        node.cells("interrupts", &lines);
        return node;
    }
    let trigger = match device.compatible {
        "virtio,mmio" => EDGE_RISING,
        _ => LEVEL_HIGH,
    };
    let lines: Vec<u32> = device
        .lines
        .iter()
        .flat_map(|line| [SHARED, u32::from(line - Gic::FIRST_SHARED), trigger])
        .collect();
    node.cells("interrupts", &lines);
    if !clocks.is_empty() {
        node.cells("clocks", &vec![CLOCK_PHANDLE; clocks.len()]);
        node.texts("clock-names", clocks);
    }
    match device.compatible {
        "virtio,mmio" => node.flag("dma-coherent"),
        "arm,pl061" => {
            node.flag("gpio-controller");
            node.cells("#gpio-cells", &[2]);
            node.flag("interrupt-controller");
            node.cells("#interrupt-cells", &[2]);
        }
        _ => {}
    }
    node
}
