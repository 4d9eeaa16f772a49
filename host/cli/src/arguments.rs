//! The arguments of the command and their help.

use crate::units;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Runs systems of different criticality on the same cores, kept apart
///
/// A manifest (TOML) says which partitions a system has and what each may use. partita checks it,
/// explains it, builds one bootable image from it and runs that in QEMU. No firmware is compiled: the
/// monitor is built once for each board.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Examples:
  partita check system.toml                     find every problem of a manifest
  partita explain system.toml                   see who gets what, and why
  partita run system.toml                       boot it; Ctrl-C ends it with a summary
  partita run system.toml --headless --for 10s --report report.json
  partita build system.toml -o out              one image for the board
  partita keygen vendor                         a pair of keys, to sign and verify images

Exit status:
  0  the manifest is right; the system ran and was healthy; the image is the one that was signed
  1  the manifest has problems, the system was not healthy, or the image must not be trusted
  2  the arguments are wrong
  3  it could not be done (no QEMU, no monitor, the run did not come to its end, ...)"
)]
pub struct Arguments {
    /// When to use colours; `auto` is: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Say nothing but results and errors: no progress, warnings or summaries
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a manifest: every problem, each with the lines it comes from
    Check(Check),
    /// Explain the plan: memory, protection entries, interrupts, cores, device trees, limits
    Explain(Explain),
    /// Build one bootable system image and a readable report of it
    Build(Build),
    /// Boot the system in QEMU and watch its partitions
    Run(Run),
    /// Make a pair of keys, to sign system images with and to verify them
    Keygen(Keygen),
    /// Sign a system image
    Sign(Sign),
    /// Verify a system image as a board with the key would, naming what does not match
    Verify(Verify),
    /// Show what a partition was doing when the monitor took it down, with names of functions
    Crash(Crash),
    /// Print the JSON Schema of the manifest (for editors) or of the run report
    Schema(Schema),
}

/// `partita check`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  partita check system.toml
  partita check system.toml --json | jq '.problems[].message'

Exit status: 0 if there is no problem, 1 if there is one. Warnings do not change it.")]
pub struct Check {
    /// The manifest
    #[arg(value_name = "SYSTEM.toml", value_hint = ValueHint::FilePath)]
    pub manifest: PathBuf,
    /// Print the problems and warnings as JSON on standard output
    #[arg(long)]
    pub json: bool,
}

/// `partita explain`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  partita explain system.toml | less -R
  partita explain system.toml --json")]
pub struct Explain {
    /// The manifest
    #[arg(value_name = "SYSTEM.toml", value_hint = ValueHint::FilePath)]
    pub manifest: PathBuf,
    /// Print the plan as JSON
    #[arg(long)]
    pub json: bool,
}

/// `partita build`
#[derive(Debug, Args)]
#[command(
    after_help = "Writes DIR/NAME.img (the image, to be loaded at the start of the board's RAM, or into its flash) and
DIR/NAME.txt (the plan, the layout and all hashes), where NAME is the system's name, the device tree
of each partition as DIR/NAME-PARTITION.dtb, and prints the QEMU command that boots the image. On
qemu-virt-aarch64 Linux's kernel, file system and device tree are in a second file, DIR/NAME.normal.img.

Without --key the image starts every system that is put into it, signed or not: for development. With
--key its monitor starts only what is signed with the private key of the pair.

Examples:
  partita build system.toml -o out
  partita build system.toml -o out --key vendor.pub --sign vendor.key
  partita build system.toml -o out --key vendor.pub   # signed later, by `partita sign`"
)]
pub struct Build {
    /// The manifest
    #[arg(value_name = "SYSTEM.toml", value_hint = ValueHint::FilePath)]
    pub manifest: PathBuf,
    /// The folder to write to; it is made if it is missing
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// The board's monitor
    #[command(flatten)]
    pub monitor: MonitorArgument,
    /// Whose systems the board starts
    #[command(flatten)]
    pub trust: TrustArguments,
}

/// Whose systems a board starts, and who signs this one.
#[derive(Debug, Args)]
pub struct TrustArguments {
    /// Start only systems that are signed for this public key
    #[arg(long, value_name = "FILE.pub", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
    /// With --key: start no system of a version below this one [default: the version in the manifest]
    #[arg(long, value_name = "VERSION", requires = "key")]
    pub lowest_version: Option<u64>,
    /// Sign the system with this private key
    #[arg(long, value_name = "FILE.key", value_hint = ValueHint::FilePath)]
    pub sign: Option<PathBuf>,
}

/// `partita keygen`
#[derive(Debug, Args)]
#[command(
    after_help = "Writes NAME.key (PKCS#8 in PEM, not encrypted, readable by you only) and NAME.pub
(SubjectPublicKeyInfo in PEM), which OpenSSL reads too, and prints the key's id. Files that exist are
never replaced.

Example:
  partita keygen vendor"
)]
pub struct Keygen {
    /// What the two files are called, without .key and .pub
    #[arg(value_name = "NAME", value_hint = ValueHint::FilePath)]
    pub name: PathBuf,
    /// Print the id and the names of the files as JSON
    #[arg(long)]
    pub json: bool,
}

/// `partita sign`
#[derive(Debug, Args)]
#[command(
    after_help = "An image that was damaged after it was built is not signed. A signature that is
there is replaced. The monitor in the image is neither signed nor changed. The signature covers Linux's
parts in IMAGE's second file too, NAME.normal.img, which is looked for beside it.

Example:
  partita sign out/cockpit.img --key vendor.key"
)]
pub struct Sign {
    /// The system image, as `partita build` wrote it
    #[arg(value_name = "IMAGE", value_hint = ValueHint::FilePath)]
    pub image: PathBuf,
    /// The private key
    #[arg(long, value_name = "FILE.key", value_hint = ValueHint::FilePath)]
    pub key: PathBuf,
    /// Write the signed image to this file, and leave the other as it is
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Print what was signed as JSON
    #[arg(long)]
    pub json: bool,
}

/// `partita verify`
#[derive(Debug, Args)]
#[command(
    after_help = "Checks the signature, the version, and the digests of the system table and of each part, by the
same code as the monitor's. Linux's parts may be in a second file, NAME.normal.img, beside IMAGE.

Examples:
  partita verify out/cockpit.img --key vendor.pub
  partita verify out/cockpit.img --key vendor.pub --json | jq '.problems[]'

Exit status: 0 if the board would start all of it, 1 if not, naming each part that does not match."
)]
pub struct Verify {
    /// The system image
    #[arg(value_name = "IMAGE", value_hint = ValueHint::FilePath)]
    pub image: PathBuf,
    /// The public key
    #[arg(long, value_name = "FILE.pub", value_hint = ValueHint::FilePath)]
    pub key: PathBuf,
    /// The lowest version that is accepted
    #[arg(long, value_name = "VERSION", default_value_t = 0)]
    pub lowest_version: u64,
    /// Print what was found as JSON
    #[arg(long)]
    pub json: bool,
}

/// Which monitor to use.
#[derive(Debug, Args)]
pub struct MonitorArgument {
    /// The board's monitor (an ELF file); else the one in the folder that PARTITA_BOARDS names, else the
    /// one that was installed or built with this program
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub monitor: Option<PathBuf>,
}

/// `partita run`
#[derive(Debug, Args)]
#[command(
    after_help = "Each line is printed with its machine time and its partition. At a terminal, keys go to one
partition's console:
  Ctrl-C           end the run, with a summary; again: at once
  Ctrl-] DIGIT     move to the console of partition 0, 1, ...
  Ctrl-] c         send Ctrl-C to the partition
  Ctrl-] q, ?      end the run; show the keys
A pipe at standard input is sent to that console as it is. A system that still boots forgets what
came before it listened; --after waits for its prompt.

Examples:
  partita run system.toml --clock host
  partita run system.toml --headless --for 10s --report report.json
  echo 'uname -a' | partita run system.toml --console linux --after '# ' --for 20s
  partita run system.toml -- -d guest_errors -D qemu.log

Exit status:
  0  the system was healthy to the end of the run
  1  the manifest has problems, or the system was not healthy: the last line says why
  2  the arguments are wrong
  3  the run could not start, or did not come to an end with the monitor's status

Environment:
  PARTITA_QEMU    the QEMU program
  PARTITA_BOARDS  the folder that holds BOARD/monitor.elf
  NO_COLOR        no colours"
)]
pub struct Run {
    /// The manifest
    #[arg(value_name = "SYSTEM.toml", value_hint = ValueHint::FilePath)]
    pub manifest: PathBuf,
    /// Leave standard input alone
    #[arg(long)]
    pub headless: bool,
    /// End after this much machine time, such as 10s, 500ms or 2m
    #[arg(long = "for", value_name = "TIME", value_parser = units::duration)]
    pub time: Option<Duration>,
    /// Write a report of the run to this file, as JSON
    #[arg(long, value_name = "FILE.json", value_hint = ValueHint::FilePath)]
    pub report: Option<PathBuf>,
    /// The partition that input goes to at first, by name
    #[arg(long, value_name = "PARTITION")]
    pub console: Option<String>,
    /// Send a pipe at standard input only when the console has printed this text, such as a prompt
    #[arg(long, value_name = "TEXT", conflicts_with = "headless")]
    pub after: Option<String>,
    /// What drives the machine's time
    #[arg(long, value_name = "CLOCK", default_value = "virtual")]
    pub clock: ClockArgument,
    /// Give up after this much time on the wall [default: with --for 120s + 60 times that, else never]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub timeout: Option<Duration>,
    /// The board's monitor
    #[command(flatten)]
    pub monitor: MonitorArgument,
    /// Whose systems the board starts
    #[command(flatten)]
    pub trust: TrustArguments,
    /// With the virtual clock: an instruction takes 2^N ns [default: 0 for one core, 2 for several]
    #[arg(
        long,
        value_name = "N",
        help_heading = "Advanced",
        hide_short_help = true
    )]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=10))]
    pub shift: Option<u8>,
    /// With the virtual clock: cores take turns of this many µs, 0 is as long as they like
    /// [default: 0 for one core, 20 for several]
    #[arg(long = "slice", value_name = "MICROSECONDS", help_heading = "Advanced")]
    #[arg(hide_short_help = true)]
    pub slice_us: Option<u32>,
    /// More arguments for QEMU, after `--`
    #[arg(last = true, value_name = "QEMU ARGUMENT")]
    pub extra: Vec<OsString>,
}

/// What drives the machine's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ClockArgument {
    /// The instructions executed: each run is the same, deadlines count
    Virtual,
    /// The host's clock: pleasant to type at, deadlines are informative only
    Host,
}

/// `partita crash`
#[derive(Debug, Args)]
#[command(
    after_help = "FILE is a report of a run (partita run --report), what a serial port printed, or what
partita run printed; - is standard input. With the manifest, the program of each partition gives the
names of functions. The kernel of a Linux partition has no names in it: name a vmlinux, a System.map,
or a copy of its /proc/kallsyms.

Examples:
  partita crash report.json -m system.toml
  partita crash serial.log -m system.toml --symbols linux=System.map
  partita crash report.json --json | jq '.crashes[].backtrace'

Exit status:
  0  there is a crash record
  1  there is none, or the manifest has problems
  2  the arguments are wrong
  3  the file cannot be read"
)]
pub struct Crash {
    /// A report of a run, or a log of the serial port
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The manifest of the system
    #[arg(long, short, value_name = "SYSTEM.toml", value_hint = ValueHint::FilePath)]
    pub manifest: Option<PathBuf>,
    /// A file with the names of a partition: an ELF file that was not stripped, or a System.map
    #[arg(long, value_name = "PARTITION=FILE", value_parser = symbols)]
    pub symbols: Vec<(String, PathBuf)>,
    /// Only this partition
    #[arg(long, short, value_name = "PARTITION")]
    pub partition: Option<String>,
    /// All records of a partition that are in a log, not only the last one
    #[arg(long)]
    pub all: bool,
    /// Print the records as JSON
    #[arg(long)]
    pub json: bool,
}

fn symbols(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_owned(), path.into()))
        }
        _ => Err("write it as PARTITION=FILE, such as linux=System.map".to_owned()),
    }
}

/// `partita schema`
#[derive(Debug, Args)]
#[command(after_help = "Example:
  partita schema > partita.schema.json")]
pub struct Schema {
    /// The schema of the report that `partita run --report` writes
    #[arg(long)]
    pub report: bool,
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_declared_consistently() {
        Arguments::command().debug_assert();
    }
}
