//! What a partition on RISC-V is told of its harts and devices.

mod aia;

use super::{CONTROLLER_PHANDLE, Node, uart_name};
use crate::system::{Partition, System};
use partita_abi::console;
use partita_abi::table::{Console, FloatingPoint, Kind};
use partita_board::{Controller, Device, Plic, Riscv64};

/// Clock of the serial port, as QEMU gives it; nothing depends on its value.
const UART_CLOCK_HZ: u32 = 3_686_400;
/// Supervisor external interrupt (Privileged Architecture, `scause`).
const SUPERVISOR_EXTERNAL: u32 = 9;
/// "No interrupt": the context exists, and nobody listens to it.
const NO_INTERRUPT: u32 = u32::MAX;
const IMSIC_PHANDLE: u32 = 2;
/// The longest time that the emulated watchdog can be set to.
const LONGEST_WATCHDOG_SECONDS: u64 = 16;

/// Adds the harts and the devices.
pub(super) fn add(system: &System, riscv: &Riscv64, partition: &Partition, root: &mut Node) {
    root.child(processors(system, riscv, partition));
    root.child(soc(system, riscv, partition));
}

/// The phandle of a virtual core's own interrupt controller.
fn core_phandle(index: usize) -> u32 {
    3 + index as u32
}

fn processors(system: &System, riscv: &Riscv64, partition: &Partition) -> Node {
    let mut node = Node::new("cpus");
    node.cells("#address-cells", &[1]);
    node.cells("#size-cells", &[0]);
    node.cells("timebase-frequency", &[system.board.timebase_hz as u32]);
    let extensions = extensions(system, riscv, partition);
    for index in 0..partition.cores.len() {
        let mut core = Node::new(&format!("cpu@{index:x}"));
        core.text("device_type", "cpu");
        core.cells("reg", &[index as u32]);
        core.text("status", "okay");
        core.text("compatible", "riscv");
        core.text("riscv,isa", &isa_string(&extensions));
        core.text("riscv,isa-base", "rv64i");
        core.texts("riscv,isa-extensions", &extensions);
        core.text("mmu-type", riscv.translation);
        let mut controller = Node::new("interrupt-controller");
        controller.cells("#interrupt-cells", &[1]);
        controller.flag("interrupt-controller");
        controller.text("compatible", "riscv,cpu-intc");
        controller.cells("phandle", &[core_phandle(index)]);
        core.child(controller);
        node.child(core);
    }
    node
}

/// All extensions that the partition may use: single letters first, in canonical order.
fn extensions(system: &System, riscv: &Riscv64, partition: &Partition) -> Vec<&'static str> {
    let has_letter = |letter: &str| riscv.isa_base.trim_start_matches("rv64").contains(letter);
    let has_fp = partition.floating_point != FloatingPoint::None;
    // The interrupt file of a hart belongs to its Linux; nobody else has the registers.
    let is_linux = partition.kind() == Kind::Linux;
    let is_aia = matches!(riscv.controller, Controller::Aia(_));
    let has_vector = partition.vector != FloatingPoint::None;
    let letters = ["i", "m", "a", "f", "d", "c", "v"];
    let letters = letters.into_iter().filter(|letter| match *letter {
        "f" | "d" => has_fp,
        // Without floating point only the integer part of it is left ("V" extension 1.0, chapter 18).
        "v" => has_fp && has_vector,
        letter => has_letter(letter),
    });
    let words = riscv
        .isa_extensions
        .iter()
        .copied()
        .filter(|name| *name != "sstc")
        .chain(system.sstc.then_some("sstc"))
        .chain((has_vector && !has_fp).then_some("zve64x"))
        .chain((is_linux && is_aia).then_some("ssaia"));
    letters.chain(words).collect()
}

fn isa_string(extensions: &[&str]) -> String {
    let (letters, words): (Vec<&str>, Vec<&str>) = extensions
        .iter()
        .copied()
        .partition(|extension| extension.len() == 1);
    let mut isa = format!("rv64{}", letters.concat());
    for word in words {
        isa.push('_');
        isa.push_str(word);
    }
    isa
}

fn soc(system: &System, riscv: &Riscv64, partition: &Partition) -> Node {
    let board = system.board;
    let is_linux = partition.kind() == Kind::Linux;
    let mut node = Node::new("soc");
    node.cells("#address-cells", &[2]);
    node.cells("#size-cells", &[2]);
    node.text("compatible", "simple-bus");
    node.flag("ranges");
    if is_linux {
        node.cells("interrupt-parent", &[CONTROLLER_PHANDLE]);
        match &riscv.controller {
            Controller::Plic(plic) => node.child(plic_node(plic, system, partition)),
            Controller::Aia(aia) => {
                node.child(aia::imsic(aia, partition));
                node.child(aia::aplic(aia));
            }
        }
    }
    if partition.console == Console::Uart16550 {
        let mut serial = Node::new(&uart_name(board));
        serial.text("compatible", "ns16550a");
        let window = board.uart.window;
        serial.addresses("reg", &[window.base, window.size]);
        // No `interrupts`: the port is the monitor's emulation, and a driver polls it.
        serial.cells("clock-frequency", &[UART_CLOCK_HZ]);
        // A driver that polls fills the whole FIFO at each look, so a deep one makes it fast.
        serial.cells("fifo-size", &[console::UART_FIFO_BYTES]);
        node.child(serial);
    }
    if is_linux && partition.health.watchdog_ns != 0 {
        node.child(watchdog(riscv, partition.health.watchdog_ns));
    }
    for owned in &partition.devices {
        node.child(device(riscv, owned.value, is_linux));
    }
    node
}

/// The emulated watchdog, which stock kernels have a driver for (`monitor/virtual/riscv64/src/watchdog.rs`).
fn watchdog(riscv: &Riscv64, timeout_ns: u64) -> Node {
    let window = riscv.watchdog();
    let mut node = Node::new(&format!("watchdog@{:x}", window.base));
    node.text("compatible", "allwinner,sun20i-d1-wdt");
    node.addresses("reg", &[window.base, window.size]);
    // What the driver takes unless it is told another time; it knows none above this.
    let seconds = (timeout_ns / 1_000_000_000).clamp(1, LONGEST_WATCHDOG_SECONDS);
    node.cells("timeout-sec", &[seconds as u32]);
    node
}

/// The name of a device's node: the model in its `compatible` string.
fn device(riscv: &Riscv64, device: &Device, is_linux: bool) -> Node {
    let kind = match device.compatible {
        "virtio,mmio" => "virtio_mmio",
        "google,goldfish-rtc" => "rtc",
        _ => "device",
    };
    let mut node = Node::new(&format!("{kind}@{:x}", device.window.base));
    node.text("compatible", device.compatible);
    node.addresses("reg", &[device.window.base, device.window.size]);
    let is_aplic = is_linux && matches!(riscv.controller, Controller::Aia(_));
    let mut lines = Vec::new();
    for line in device.lines {
        lines.push(u32::from(*line));
        lines.extend(is_aplic.then_some(aia::LEVEL_HIGH));
    }
    if !lines.is_empty() {
        node.cells("interrupts", &lines);
    }
    node
}

/// The PLIC with the contexts of *all* physical harts, since their number is their place in
/// `interrupts-extended`; those that are not the partition's own are connected to nothing.
fn plic_node(plic: &Plic, system: &System, partition: &Partition) -> Node {
    let mut contexts = Vec::new();
    for hart in 0..system.cores {
        let own = partition.cores.iter().position(|core| core.value == hart);
        contexts.extend([core_phandle(0), NO_INTERRUPT]);
        if hart < plic.machine_only_harts {
            continue;
        }
        contexts.extend(match own {
            Some(index) => [core_phandle(index), SUPERVISOR_EXTERNAL],
            None => [core_phandle(0), NO_INTERRUPT],
        });
    }
    let mut node = Node::new(&format!("plic@{:x}", plic.window.base));
    node.texts("compatible", &["sifive,plic-1.0.0", "riscv,plic0"]);
    node.addresses("reg", &[plic.window.base, plic.window.size]);
    node.cells("#address-cells", &[0]);
    node.cells("#interrupt-cells", &[1]);
    node.flag("interrupt-controller");
    node.cells("riscv,ndev", &[u32::from(plic.lines)]);
    node.cells("interrupts-extended", &contexts);
    node.cells("phandle", &[CONTROLLER_PHANDLE]);
    node
}
