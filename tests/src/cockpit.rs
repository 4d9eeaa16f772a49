//! The system that most tests with Linux boot: FreeRTOS's instrument cluster and Debian's kernel on the same cores.

use crate::System;

/// A cockpit that has not become a system yet.
#[derive(Clone, Copy, Debug)]
pub struct Cockpit<'a> {
    /// The board.
    pub board: &'a str,
    /// More lines of `[board]`.
    pub board_lines: &'a str,
    /// How many cores it has. The cluster is on the last one.
    pub cores: usize,
    /// The first core of Linux, which has all from there on.
    pub first_core: usize,
    /// What Linux's command line says after `panic=`: the seconds from a panic to a restart, 0 for none.
    pub panic: &'a str,
    /// The words that tell Linux's user space what to do.
    pub run: &'a str,
    /// More lines of `[partition.linux]`.
    pub linux_lines: &'a str,
    /// Its kernel.
    pub kernel: &'a str,
    /// Its initramfs.
    pub initramfs: &'a str,
}

impl<'a> Cockpit<'a> {
    /// A cockpit on QEMU's `virt` machine, whose Linux does what the words of `run` say and restarts a second
    /// after a panic.
    pub const fn new(cores: usize, run: &'a str) -> Self {
        Self {
            board: "qemu-virt-riscv64",
            board_lines: "",
            cores,
            first_core: 0,
            panic: "1",
            run,
            linux_lines: "",
            kernel: "$kernel",
            initramfs: "$initramfs",
        }
    }

    /// The system. An instruction takes 2 ns, so that Linux is not loaded for ever.
    ///
    /// # Panics
    /// If the manifest does not pass, or something has not been built.
    pub fn system(self) -> System {
        let Self {
            board,
            board_lines,
            cores,
            first_core,
            linux_lines,
            kernel,
            initramfs,
            ..
        } = self;
        let last = cores - 1;
        let memory = match initramfs {
            "$large" => "256MiB",
            _ => "128MiB",
        };
        let all: Vec<_> = (first_core..cores).collect();
        let mut command_line = command_line(self.panic, self.run);
        if partita_board::by_name(board).is_some_and(|board| board.console_port().is_some()) {
            // Linux takes the port that its device tree names.
            command_line = command_line.replace("console=ttyS0 ", "");
        }
        System::on(
            board,
            &format!("cores = {cores}\nmemory = \"512MiB\"\n{board_lines}"),
            &format!(
                r#"
                [partition.cluster]
                criticality = "ASIL-B"
                image = "$cluster"
                memory = "1MiB"
                cores = [{last}]
                fp = "none"
                budget = "400us"
                period = "1ms"
                accept = ["trusted-base"]

                [partition.linux]
                criticality = "QM"
                linux = {{ kernel = "{kernel}", initramfs = "{initramfs}", command-line = "{command_line}" }}
                memory = "{memory}"
                cores = {all:?}
                {linux_lines}
                "#
            ),
        )
        .shift(1)
        .for_ms(20_000)
    }
}

/// Linux's command line: the kernel says little; `panic` and `run` as in [`Cockpit`].
pub fn command_line(panic: &str, run: &str) -> String {
    format!("console=ttyS0 quiet panic={panic} partita.run={run}")
}
