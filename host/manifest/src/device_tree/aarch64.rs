//! What a partition on Arm is told of its cores and devices.
//!
//! Cores go by the number in their `MPIDR_EL1`. It is the physical one in the two worlds, since nothing can show
//! Linux at EL2 another, and the partition's own behind stage 2. Interrupts of Linux are encoded as `arm,gic.yaml` and `arm,gic-v3.yaml` of its bindings have it;
//! those of a program are plain numbers, as its interrupt controller reports them.

mod pcie;

use super::{CONTROLLER_PHANDLE, Node, uart_name};
use crate::plan::interface_registers;
use crate::secure;
use crate::system::{Partition, System};
use partita_abi::console;
use partita_abi::monitor_call::SMC_WATCHDOG;
use partita_abi::table::{Console, Isolation, Kind};
use partita_board::{Aarch64, Board, Device, Gic, GicInterface, Window, timer};

/// A host bridge of PCI Express.
const PCIE: &str = "pci-host-ecam-generic";
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
            root.child(controller(&arm.gic, partition));
            root.child(timers(&arm.gic, partition));
            if partition.isolation == Isolation::Board {
                root.child(performance(&arm.gic, partition));
            }
            root.child(clock(arm));
            if partition.health.watchdog_ns != 0 {
                root.child(watchdog(partition.health.watchdog_ns));
            }
        }
        Kind::Program => {
            root.child(controller(&arm.gic, partition));
            let lines = secure::interrupts(system, partition);
            let mut timer = Node::new("timer");
            timer.text("compatible", "partita,timer");
            // EL1 has no secure timer with EL2 in the secure world (DDI 0487, D24.10), and none in the normal one.
            let has_secure_timer = partition.is_secure(system.board) && !system.secure_stage_2;
            let registers = if has_secure_timer { "cntps" } else { "cntp" };
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
    if partition.console == Console::Uart16550 {
        soc.child(serial(system.board, arm));
    }
    for owned in &partition.devices {
        soc.child(match &arm.host_bridge {
            Some(bridge) if owned.value.compatible == PCIE && partition.kind() == Kind::Linux => {
                pcie::node(bridge)
            }
            _ => device(owned.value, partition.kind()),
        });
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
    for number in core_numbers(partition) {
        let mut entry = Node::new(&format!("cpu@{number:x}"));
        entry.text("device_type", "cpu");
        entry.text("compatible", "arm,armv8");
        entry.cells("reg", &[number as u32]);
        entry.text("enable-method", "psci");
        node.child(entry);
    }
    node
}

/// The numbers by which a partition knows its cores.
fn core_numbers(partition: &Partition) -> Vec<usize> {
    match partition.isolation {
        Isolation::Board => partition.cores.iter().map(|core| core.value).collect(),
        Isolation::Stage2 => (0..partition.cores.len()).collect(),
    }
}

fn psci() -> Node {
    let mut node = Node::new("psci");
    node.texts("compatible", &["arm,psci-1.0", "arm,psci-0.2"]);
    node.text("method", "smc");
    node
}

/// The registers of the interrupt controller that a partition has or finds something in its place.
fn controller_windows(gic: &Gic, partition: &Partition) -> Vec<Window> {
    let is_linux = partition.kind() == Kind::Linux;
    let distributor = gic.distributor;
    match (gic.interface, partition.isolation) {
        (GicInterface::V3 { redistributors, .. }, Isolation::Board) => {
            vec![distributor, redistributors]
        }
        // Those of its own cores, side by side: what it finds there is made for it.
        (GicInterface::V3 { redistributors, .. }, Isolation::Stage2) if is_linux => {
            let size = Gic::REDISTRIBUTOR_BYTES * partition.cores.len() as u64;
            vec![
                distributor,
                Window {
                    size,
                    ..redistributors
                },
            ]
        }
        (GicInterface::V3 { .. }, Isolation::Stage2) => Vec::new(),
        (
            GicInterface::V2 {
                core,
                hypervisor,
                virtual_core,
            },
            Isolation::Board,
        ) if is_linux => vec![distributor, core, hypervisor, virtual_core],
        (GicInterface::V2 { core, .. }, Isolation::Board) => vec![distributor, core],
        (GicInterface::V2 { core, .. }, Isolation::Stage2) if is_linux => {
            vec![distributor, interface_registers(core)]
        }
        (GicInterface::V2 { core, .. }, Isolation::Stage2) => vec![interface_registers(core)],
    }
}

fn controller(gic: &Gic, partition: &Partition) -> Node {
    let windows = controller_windows(gic, partition);
    let reg: Vec<u64> = windows
        .iter()
        .flat_map(|window| [window.base, window.size])
        .collect();
    let mut node = match windows.first() {
        Some(first) => Node::new(&format!("interrupt-controller@{:x}", first.base)),
        None => Node::new("interrupt-controller"),
    };
    node.text(
        "compatible",
        match gic.interface {
            GicInterface::V2 { .. } => "arm,gic-400",
            GicInterface::V3 { .. } => "arm,gic-v3",
        },
    );
    if !reg.is_empty() {
        node.addresses("reg", &reg);
    }
    if partition.kind() == Kind::Linux {
        node.cells("#address-cells", &[0]);
        node.cells("#interrupt-cells", &[3]);
        node.flag("interrupt-controller");
        if partition.isolation == Isolation::Board {
            node.cells("interrupts", &[PRIVATE, private(timer::MAINTENANCE), 4]);
        }
        node.cells("phandle", &[CONTROLLER_PHANDLE]);
    }
    node
}

/// The serial port that the monitor stands in for.
fn serial(board: &Board, arm: &Aarch64) -> Node {
    let mut node = Node::new(&uart_name(board));
    node.text("compatible", "ns16550a");
    let window = board.uart.window;
    node.addresses("reg", &[window.base, window.size]);
    // No `interrupts`: the port is the monitor's emulation, and a driver polls it.
    node.cells("clock-frequency", &[arm.uart_clock_hz]);
    // A driver that polls fills the whole FIFO at each look, so a deep one makes it fast.
    node.cells("fifo-size", &[console::UART_FIFO_BYTES]);
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
            let cores = core_numbers(partition).into_iter().map(|core| 1 << core);
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
    // Only at EL2 does it have those of the hypervisor.
    let lines = match partition.isolation {
        Isolation::Board => &lines[..],
        Isolation::Stage2 => &lines[..2],
    };
    let cells: Vec<u32> = lines
        .iter()
        .flat_map(|(_, line)| [PRIVATE, private(*line), flags])
        .collect();
    node.cells("interrupts", &cells);
    let names: Vec<&str> = lines.iter().map(|(name, _)| *name).collect();
    node.texts("interrupt-names", &names);
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
    let primecell = Some("arm,primecell");
    let (name, also, clocks): (&str, Option<&str>, &[&str]) = match device.compatible {
        "virtio,mmio" => ("virtio_mmio", None, &[]),
        "arm,pl011" => ("serial", primecell, &["uartclk", "apb_pclk"]),
        "arm,pl031" => ("rtc", primecell, &["apb_pclk"]),
        "arm,pl061" => ("gpio", primecell, &["apb_pclk"]),
        "xlnx,zynqmp-uart" => ("serial", Some("cdns,uart-r1p12"), &["uart_clk", "pclk"]),
        _ => ("device", None, &[]),
    };
    let mut node = Node::new(&format!("{name}@{:x}", device.window.base));
    match also {
        None => node.text("compatible", device.compatible),
        Some(also) => node.texts("compatible", &[device.compatible, also]),
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
