//! A system to be tested: its manifest, and how it is to run.

use crate::checks::with_checks;
use crate::debugger::{self, Debugger};
use crate::flat::flat;
use crate::machine::{control_registers, system_registers};
use crate::parent;
use crate::run::Run;
use crate::slots::Slot;
use object::{Object as _, ObjectSymbol as _};
use partita_abi::digest::digest;
use partita_abi::image::TABLE_OFFSET;
use partita_abi::table::Header;
use partita_image::SystemImage;
use partita_manifest::{ImageFile, PartRole, Plan, PlannedPartition};
use partita_run::{Files, Qemu, RunOptions};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{env, fs};

/// Names another folder of built artefacts than `target/partita`.
const ARTEFACTS_VARIABLE: &str = "PARTITA_ARTEFACTS";
/// When a run ends that waits for something that does not come, in machine time.
const LONGEST: Duration = Duration::from_secs(5);
/// Bytes of `$large`: all of the flash that Arm boards have.
const LARGE_BYTES: usize = 64 << 20;
/// How long a run may take on the wall. Only a run that hangs ever does.
const SAFETY_NET: Duration = Duration::from_secs(240);

/// Something that is done to the machine when a hart comes to an instruction.
struct Intervention {
    /// The instruction.
    address: u64,
    /// How many times, from the first one on.
    times: usize,
    change: Box<dyn FnMut(&mut Debugger) + Send>,
}

impl Intervention {
    /// Waits for the machine, and does it.
    fn carry_out(mut self, socket: &Path) {
        let mut debugger = Debugger::connect(socket, || true);
        for _ in 0..self.times {
            if !debugger.run_to(self.address) {
                return;
            }
            (self.change)(&mut debugger);
        }
        debugger.leave();
    }
}

/// A system that has not run yet.
pub struct System {
    plan: Plan,
    image: SystemImage,
    options: RunOptions,
    /// What is done to the machine from outside.
    intervention: Option<Intervention>,
    /// The manifest is in here, if it was written for this.
    _folder: tempfile::TempDir,
}

impl System {
    /// Where the memory of a partition begins that has `$flat` as its kernel.
    pub const FLAT_BASE: u64 = 0x9000_0000;

    /// The same for `$second-flat`.
    pub const SECOND_FLAT_BASE: u64 = 0x8fc0_0000;

    /// A system with `cores` cores and these partitions: the `[partition.NAME]` tables of a manifest,
    /// and `[run]` if need be. `$guest`, `$cluster`, `$kernel` and `$initramfs` stand for the built
    /// images, `$real-time-kernel` for what `cargo xtask build --rt` gets, `$checks` for an initramfs of Arm with the program of `tests/linux`, `$large` for one with so many
    /// zeros behind it that it fits into no flash, and `$flat` for the tests' program as a kernel whose partition is at
    /// [`System::FLAT_BASE`], or `$second-flat` at [`System::SECOND_FLAT_BASE`].
    ///
    /// # Panics
    /// If the manifest does not pass, or something has not been built.
    pub fn new(cores: usize, partitions: &str) -> Self {
        Self::on_board(&format!("cores = {cores}\nmemory = \"512MiB\""), partitions)
    }

    /// As [`System::new`], with these lines in `[board]`.
    ///
    /// # Panics
    /// If the manifest does not pass, or something has not been built.
    pub fn on_board(board: &str, partitions: &str) -> Self {
        Self::on("qemu-virt-riscv64", board, partitions)
    }

    /// As [`System::on_board`], on the board of this name.
    ///
    /// # Panics
    /// If the manifest does not pass, or something has not been built.
    pub fn on(name: &str, board: &str, partitions: &str) -> Self {
        Self::made_of("", name, board, partitions)
    }

    /// As [`System::on`], with these lines in `[system]`.
    ///
    /// # Panics
    /// If the manifest does not pass, or something has not been built.
    pub fn made_of(system: &str, name: &str, board: &str, partitions: &str) -> Self {
        let folder = temporary();
        let path = folder.path().join("system.toml");
        let mut text = format!(
            "[system]\nname = \"test\"\n{system}\n[board]\nname = \"{name}\"\n{board}\n\n{partitions}"
        );
        let board = partita_board::by_name(name).expect("the board exists");
        let arch = board.architecture.name();
        for (name, file) in [
            ("$guest", "guests/{arch}/test-guest.elf"),
            ("$cluster", "guests/{platform}/instrument-cluster.elf"),
            ("$real-time-kernel", "linux/{arch}/Image-rt"),
            ("$kernel", "linux/{arch}/Image"),
            ("$initramfs", "linux/{arch}/initramfs.cpio"),
            ("$perf", "linux/riscv64/initramfs-perf.cpio"),
        ] {
            text = text.replace(name, &artefact(file).display().to_string());
        }
        if text.contains("$checks") {
            let read = |file| fs::read(artefact(file)).expect("it has been built");
            let archive = with_checks(
                &read("linux/aarch64/initramfs.cpio"),
                &read("guests/aarch64/linux-check.elf"),
            );
            let file = folder.path().join("checks.cpio");
            fs::write(&file, archive).expect("an archive can be written");
            text = text.replace("$checks", &file.display().to_string());
        }
        if text.contains("$large") {
            let mut bytes = fs::read(artefact(&format!("linux/{arch}/initramfs.cpio")))
                .expect("it has been built");
            // Zeros behind an archive are nothing to Linux.
            bytes.resize(LARGE_BYTES, 0);
            let file = folder.path().join("large.cpio");
            fs::write(&file, bytes).expect("a file can be written");
            text = text.replace("$large", &file.display().to_string());
        }
        for (name, base) in [
            ("$flat", Self::FLAT_BASE),
            ("$second-flat", Self::SECOND_FLAT_BASE),
        ] {
            if text.contains(name) {
                let program = artefact(&format!("guests/{arch}/test-guest.elf"));
                let program = fs::read(program).expect("it has been built");
                let image = flat(&program, base, &board.architecture);
                let file = folder.path().join(&name[1..]);
                fs::write(&file, image).expect("an image can be written");
                text = text.replace(name, &file.display().to_string());
            }
        }
        fs::write(&path, &text).expect("the manifest can be written");
        Self::load(&path, folder)
    }

    /// The system of an example, by its folder.
    ///
    /// # Panics
    /// If the manifest does not pass, or something has not been built.
    pub fn example(name: &str) -> Self {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
        Self::load(&examples.join(name).join("system.toml"), temporary())
    }

    /// The system of a manifest. `folder` is kept as long as the system.
    fn load(path: &Path, folder: tempfile::TempDir) -> Self {
        let plan = match partita_manifest::load(path) {
            Ok(plan) => plan,
            Err(problems) => panic!("{}", problems.render(false)),
        };
        let monitor = monitor(plan.board.name);
        let image = match partita_image::pack(&plan, &monitor) {
            Ok(image) => image,
            Err(error) => panic!("{error}"),
        };
        let options = RunOptions {
            // Nobody waits, and the host may be busy.
            end_patience: Duration::from_secs(60),
            end: Some(LONGEST),
            timeout: Some(SAFETY_NET),
            ..RunOptions::default()
        };
        Self {
            plan,
            image,
            options,
            intervention: None,
            _folder: folder,
        }
    }

    /// What was planned for a partition.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn planned(&self, partition: &str) -> &PlannedPartition {
        &self.plan.partitions[self.index(partition)]
    }

    /// The whole plan.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The address of a symbol of the monitor's.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn monitor_symbol(&self, name: &str) -> u64 {
        symbol(&monitor(self.plan.board.name), name).0
    }

    /// Where a symbol of a partition's program is in its memory.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn program_symbol(&self, partition: &str, name: &str) -> u64 {
        let planned = self.planned(partition);
        let path = planned.elf.as_ref().expect("it is a program");
        let (address, entry) = symbol(&fs::read(path).expect("it has been built"), name);
        planned.entry - entry + address
    }

    fn index(&self, partition: &str) -> usize {
        let mut names = self.plan.partitions.iter();
        names
            .position(|planned| planned.name == partition)
            .unwrap_or_else(|| panic!("there is no partition `{partition}`"))
    }

    /// Ends the run at this machine time.
    #[must_use]
    pub fn for_ms(mut self, milliseconds: u64) -> Self {
        self.options.end = Some(Duration::from_millis(milliseconds));
        self
    }

    /// A run that takes long on the wall too, and does not hang.
    #[must_use]
    pub fn patient(mut self) -> Self {
        self.options.timeout = None;
        self
    }

    /// Ends the run as soon as a partition, or the `monitor`, has written a line with this text in it.
    #[must_use]
    pub fn until(mut self, partition: &str, text: &str) -> Self {
        self = self.expect(partition, text);
        let script = std::mem::take(&mut self.options.script);
        self.options.script = script.end();
        self
    }

    /// Waits for a text of a partition, or of the `monitor`, before whatever is said after this.
    #[must_use]
    pub fn expect(mut self, partition: &str, text: &str) -> Self {
        let script = std::mem::take(&mut self.options.script);
        self.options.script = if partition == "monitor" {
            script.expect_monitor(text)
        } else {
            script.expect(self.index(partition), text)
        };
        self
    }

    /// Types at a partition's console.
    #[must_use]
    pub fn send(mut self, partition: &str, text: &str) -> Self {
        let index = self.index(partition);
        let script = std::mem::take(&mut self.options.script);
        self.options.script = script.send(index, text);
        self
    }

    /// Lets an instruction take 2^shift nanoseconds.
    #[must_use]
    pub const fn shift(mut self, shift: u8) -> Self {
        self.options.shift = Some(shift);
        self
    }

    /// Gives QEMU more arguments.
    #[must_use]
    pub fn qemu(mut self, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).into());
        self.options.extra.extend(arguments);
        self
    }

    /// Spoils the packed image at an offset, by flipping all bits of one byte.
    ///
    /// # Panics
    /// If the image ends before.
    #[must_use]
    pub fn spoil(mut self, offset: u64) -> Self {
        let offset = usize::try_from(offset).expect("an offset in the image");
        let byte = &mut self.image.bytes_mut()[offset];
        *byte = !*byte;
        self
    }

    /// Spoils a part of a partition, in whichever file it is, by flipping all bits of its last byte.
    ///
    /// # Panics
    /// If it has no such part.
    #[must_use]
    pub fn spoil_part(mut self, partition: &str, role: PartRole) -> Self {
        let index = self.index(partition);
        let mut parts = self.plan.parts.iter();
        let part = parts.find(|part| part.partition == index && part.role == role);
        let part = part.expect("it has such a part");
        let last = part.source + part.bytes.len() as u64 - 1;
        let (file, offset) = match part.file {
            ImageFile::System => (self.image.bytes_mut(), last - self.plan.board.image_base),
            ImageFile::Normal => (&mut self.image.normal_mut()[..], last),
        };
        let byte = &mut file[usize::try_from(offset).expect("an offset in the image")];
        *byte = !*byte;
        self
    }

    /// Changes the packed image.
    #[must_use]
    pub fn with_image(mut self, change: impl FnOnce(&mut SystemImage)) -> Self {
        change(&mut self.image);
        self
    }

    /// Writes a number into the system table at an offset, and puts the table's hash right: what a host
    /// tool with a mistake in it would make.
    ///
    /// # Panics
    /// If the table ends before.
    #[must_use]
    pub fn forge_table(mut self, offset: usize, value: u64) -> Self {
        let start = usize::try_from(TABLE_OFFSET).expect("an offset in the image");
        let length = self.plan.table.len();
        let table = &mut self.image.bytes_mut()[start..start + length];
        table[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
        let hash = digest(&table[Header::HASHED_FROM..]);
        let place = offset_of!(Header, hash);
        table[place..place + hash.len()].copy_from_slice(&hash);
        self
    }

    /// The control and status registers that the machine says it has, by number.
    ///
    /// # Panics
    /// If QEMU cannot be started, or does not tell.
    pub fn control_registers(&self) -> BTreeMap<u16, String> {
        self.ask_machine(control_registers)
    }

    /// The names of the system registers that a machine of Arm says it has, of all levels.
    ///
    /// # Panics
    /// If QEMU cannot be started, or does not tell.
    pub fn system_registers(&self) -> Vec<String> {
        self.ask_machine(system_registers)
    }

    fn ask_machine<T>(&self, question: impl FnOnce(&Path, &[OsString], &Path) -> T) -> T {
        let qemu = match Qemu::find(&self.plan, self.options.qemu.as_deref()) {
            Ok(qemu) => qemu,
            Err(error) => panic!("{error}"),
        };
        // It executes nothing, so what it loads does not matter.
        let nothing = self._folder.path().join("nothing");
        fs::write(&nothing, [0; 4096]).expect("a file can be written");
        let files = Files {
            image: &nothing,
            normal: None,
        };
        let arguments = qemu.arguments(&self.plan, &files, "null", &self.options);
        question(qemu.program(), &arguments, self._folder.path())
    }

    /// Stops the machine when a hart is about to execute the instruction at `address`, the first `times` times, and
    /// lets `change` do to it what no partition can. Machine time stands still meanwhile.
    #[must_use]
    pub fn at(
        mut self,
        address: u64,
        times: usize,
        change: impl FnMut(&mut Debugger) + Send + 'static,
    ) -> Self {
        self.intervention = Some(Intervention {
            address,
            times,
            change: Box::new(change),
        });
        self
    }

    /// Runs it.
    ///
    /// # Panics
    /// If QEMU cannot be started.
    pub fn run(self) -> Run {
        parent::follow();
        let _slot = Slot::take();
        let Self {
            plan,
            image,
            mut options,
            intervention,
            _folder,
        } = self;
        let intervening = intervention.map(|intervention| {
            let socket = debugger::socket(_folder.path());
            let arguments = debugger::arguments(&socket).map(Into::into);
            options.extra.extend(arguments);
            thread::spawn(move || intervention.carry_out(&socket))
        });
        match partita_run::run_image(&plan, image, options, &mut ()) {
            Ok(outcome) => {
                let run = Run::new(&plan, outcome);
                if let Some(Err(_)) = intervening.map(JoinHandle::join) {
                    panic!("the machine could not be changed from outside");
                }
                run
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// The address of a symbol in an ELF file, and that of its first instruction.
fn symbol(file: &[u8], name: &str) -> (u64, u64) {
    let elf = object::File::parse(file).expect("it is an ELF file");
    let symbol = elf.symbol_by_name(name);
    let symbol = symbol.unwrap_or_else(|| panic!("there is no `{name}`"));
    (symbol.address(), elf.entry())
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

/// The monitor's file for a board.
fn monitor(board: &str) -> Vec<u8> {
    let path = artefact(&format!("boards/{board}/monitor.elf"));
    fs::read(&path).unwrap_or_else(|error| {
        let path = path.display();
        panic!("{path}: {error}; `cargo xtask build` makes it")
    })
}

/// How many bytes the monitor's text and read-only data take on a board.
pub fn monitor_text_bytes(board: &partita_board::Board) -> u64 {
    match partita_image::Monitor::parse(&monitor(board.name), board) {
        Ok(monitor) => monitor.text_bytes,
        Err(error) => panic!("{}: {error}", board.name),
    }
}

/// The path of something built.
fn artefact(file: &str) -> PathBuf {
    let folder = env::var_os(ARTEFACTS_VARIABLE).map(PathBuf::from);
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/partita");
    folder.unwrap_or_else(built).join(file)
}
