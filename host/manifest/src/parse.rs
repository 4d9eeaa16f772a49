//! TOML text to a parsed manifest.

mod health;
mod syntax;

use crate::criticality::NAMES as CRITICALITIES;
use crate::manifest::{
    ACCEPTANCES, CONSOLES, FLOATING_POINTS, ISOLATIONS, LinuxEntry, Located, Manifest,
    PartitionEntry, Payload, keys,
};
use crate::problem::{Problem, Problems};
use crate::section::{Entry, Section, wrong_type};
use crate::{Code, quantity, suggest};
use partita_abi::name::Name;
use partita_abi::table::Isolation;
use partita_board::Board;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reads a manifest. Whatever could not be read is in `problems` and missing in the result.
pub(crate) fn parse(
    source: &str,
    boards: &[&'static Board],
    problems: &mut Problems,
) -> Option<Manifest> {
    let (document, errors) = DeTable::parse_recoverable(source);
    if !errors.is_empty() {
        for error in errors {
            syntax::report(source, &error, problems);
        }
        return None;
    }
    let top = 0..source.lines().next().map_or(0, str::len);
    let root = Section::open(
        document.get_ref(),
        "a manifest".to_owned(),
        top,
        keys::ROOT,
        problems,
    );
    let mut manifest = Manifest::default();
    if let Some(system) = table(&root, "system", "[system]", true, keys::SYSTEM, problems) {
        manifest.system_name = system
            .require("name", "name = \"cockpit\"", problems)
            .and_then(|entry| entry.string(problems))
            .filter(|name| check_name(name, "a system", problems));
        manifest.version = system
            .get("version")
            .and_then(|entry| entry.number(problems))
            .and_then(|number| version(&number, problems));
        manifest.isolation = isolation(&system, problems);
    }
    if let Some(board) = table(&root, "board", "[board]", true, keys::BOARD, problems) {
        parse_board(&board, boards, &mut manifest, problems);
    }
    if let Some(run) = table(&root, "run", "[run]", false, keys::RUN, problems) {
        manifest.focus = run.get("console").and_then(|entry| entry.string(problems));
    }
    parse_partitions(&root, &mut manifest, problems);
    Some(manifest)
}

fn isolation(section: &Section<'_>, problems: &mut Problems) -> Option<Located<Isolation>> {
    let entry = section.get("isolation")?;
    word(&entry, &ISOLATIONS, Code::UnknownValue, problems)
}

fn version(number: &Located<i64>, problems: &mut Problems) -> Option<u64> {
    let version = u64::try_from(number.value).ok();
    if version.is_none() {
        problems.push(
            Problem::error(Code::InvalidVersion, "a version cannot be negative")
                .at(&number.span, "below 0")
                .help("count up from 0, by one for each system that must not be replaced by an older one"),
        );
    }
    version
}

fn table<'a>(
    root: &Section<'a>,
    key: &'static str,
    header: &str,
    required: bool,
    keys: &'static [&'static str],
    problems: &mut Problems,
) -> Option<Section<'a>> {
    let entry = if required {
        root.require(key, header, problems)?
    } else {
        root.get(key)?
    };
    entry.table(&format!("`{header}`"), keys, problems)
}

fn parse_board(
    section: &Section<'_>,
    boards: &[&'static Board],
    manifest: &mut Manifest,
    problems: &mut Problems,
) {
    manifest.board = section
        .require("name", "name = \"qemu-virt-riscv64\"", problems)
        .and_then(|entry| entry.string(problems))
        .and_then(|name| {
            let board = boards.iter().find(|board| board.name == name.value);
            if board.is_none() {
                problems.push(
                    Problem::error(
                        Code::UnknownBoard,
                        format!("there is no board `{}`", name.value),
                    )
                    .at(&name.span, "unknown board")
                    .help(suggest::help(
                        &name.value,
                        boards.iter().map(|board| board.name),
                    )),
                );
            }
            board.map(|board| Located::new(*board, name.span))
        });
    manifest.memory = section
        .require("memory", "memory = \"1GiB\"", problems)
        .and_then(|entry| entry.size(problems));
    manifest.cores = section
        .require("cores", "cores = 4", problems)
        .and_then(|entry| entry.number(problems))
        .map(|number| number.map(|cores| usize::try_from(cores).unwrap_or(0)));
    manifest.cpu = section.get("cpu").and_then(|entry| entry.string(problems));
    manifest.smepmp = option(section, "smepmp", problems);
    manifest.sstc = option(section, "sstc", problems);
    manifest.vector = option(section, "vector", problems);
    manifest.iommu = option(section, "iommu", problems);
}

fn option(
    section: &Section<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Located<bool>> {
    let entry = section.get(key)?;
    Some(Located::new(entry.boolean(problems)?, entry.span()))
}

fn parse_partitions(root: &Section<'_>, manifest: &mut Manifest, problems: &mut Problems) {
    let Some(partitions) = root.get("partition") else {
        problems.push(
            Problem::error(Code::NoPartitions, "the system has no partition")
                .at(&root.span, "in this manifest")
                .help("add a table such as `[partition.linux]`"),
        );
        return;
    };
    let Some(table) = partitions.value.get_ref().as_table() else {
        wrong_type::<()>(
            partitions.value,
            "`partition`",
            "tables such as `[partition.linux]`",
            problems,
        );
        return;
    };
    let mut entries: Vec<(&Spanned<_>, &Spanned<DeValue<'_>>)> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let name = Located::new(key.get_ref().as_ref().to_owned(), key.span());
        check_name(&name, "a partition", problems);
        let header = format!("`[partition.{}]`", name.value);
        match value.get_ref().as_table() {
            Some(table) => {
                let keys = keys::PARTITION;
                let section = Section::open(table, header, name.span.clone(), keys, problems);
                let board = manifest.board.as_ref().map(|board| board.value);
                let entry = parse_partition(name, &section, board, problems);
                manifest.partitions.push(entry);
            }
            None => {
                wrong_type::<()>(value, &header, "a table", problems);
            }
        }
    }
    if manifest.partitions.is_empty() {
        problems.push(
            Problem::error(Code::NoPartitions, "the system has no partition")
                .at(&partitions.key_span, "there is none in here")
                .help("add a table such as `[partition.linux]`"),
        );
    }
}

fn parse_partition(
    name: Located<String>,
    section: &Section<'_>,
    board: Option<&'static Board>,
    problems: &mut Problems,
) -> PartitionEntry {
    let criticality = section
        .require("criticality", "criticality = \"QM\"", problems)
        .and_then(|entry| {
            let names = CRITICALITIES.map(|(name, level)| (name, (level, name)));
            word(&entry, &names, Code::UnknownCriticality, problems)
        });
    let (memory, base) = parse_memory(section, problems);
    let cores = section
        .require("cores", "cores = [0]", problems)
        .and_then(|entry| Some(Located::new(entry.numbers(problems)?, entry.span())));
    let devices = section
        .get("devices")
        .map(|entry| entry.strings(problems))
        .unwrap_or_default()
        .into_iter()
        .filter_map(|device| find_device(device, board?, problems))
        .collect();
    let accept = section
        .get("accept")
        .map(|entry| entry.strings(problems))
        .unwrap_or_default()
        .into_iter()
        .filter_map(|text| {
            choose(
                text,
                "accept",
                &ACCEPTANCES,
                Code::UnknownAcceptance,
                problems,
            )
        })
        .collect();
    PartitionEntry {
        criticality,
        payload: parse_payload(section, problems),
        isolation: isolation(section, problems),
        arguments: section
            .get("arguments")
            .and_then(|entry| entry.line(problems)),
        memory,
        base,
        cores,
        floating_point: section
            .get("fp")
            .and_then(|entry| word(&entry, &FLOATING_POINTS, Code::UnknownValue, problems)),
        vector: section
            .get("vector")
            .and_then(|entry| word(&entry, &FLOATING_POINTS, Code::UnknownValue, problems)),
        has_budget: section.get("budget").is_some(),
        has_period: section.get("period").is_some(),
        budget: section.get("budget").and_then(|entry| entry.time(problems)),
        period: section.get("period").and_then(|entry| entry.time(problems)),
        devices,
        console: section
            .get("console")
            .and_then(|entry| word(&entry, &CONSOLES, Code::UnknownValue, problems)),
        health: health::parse(section, problems),
        accept,
        name,
    }
}

fn parse_memory(
    section: &Section<'_>,
    problems: &mut Problems,
) -> (Option<Located<u64>>, Option<Located<u64>>) {
    let Some(entry) = section.require("memory", "memory = \"64MiB\"", problems) else {
        return (None, None);
    };
    if !entry.value.get_ref().is_table() {
        return (entry.size(problems), None);
    }
    let Some(table) = entry.table("`memory`", keys::MEMORY, problems) else {
        return (None, None);
    };
    let size = table
        .require("size", "size = \"64MiB\"", problems)
        .and_then(|entry| entry.size(problems));
    let base = table
        .require("base", "base = \"0x9000_0000\"", problems)
        .and_then(|entry| entry.string(problems))
        .and_then(|text| {
            let address = quantity::parse_address(&text.value);
            if address.is_none() {
                problems.push(
                    Problem::error(
                        Code::InvalidAddress,
                        format!("`base` is not an address: `{}`", text.value),
                    )
                    .at(&text.span, "cannot be read")
                    .help("write it in hexadecimal, as in `0x9000_0000`"),
                );
            }
            Some(Located::new(address?, text.span))
        });
    (size, base)
}

fn parse_payload(section: &Section<'_>, problems: &mut Problems) -> Option<Payload> {
    let image = section.get("image");
    let linux = section.get("linux");
    match (image, linux) {
        (Some(image), Some(linux)) => {
            problems.push(
                Problem::error(
                    Code::TwoImages,
                    format!("{} has both `image` and `linux`", section.name),
                )
                .at(&linux.key_span, "this one runs Linux")
                .at(&image.key_span, "this one runs an ELF file")
                .help("keep the one that the partition runs"),
            );
            None
        }
        (Some(image), None) => image.string(problems).map(Payload::Program),
        (None, Some(linux)) => {
            let table = linux.table("`linux`", keys::LINUX, problems)?;
            let mut path = |key| table.get(key).and_then(|entry| entry.string(problems));
            let initramfs = path("initramfs");
            Some(Payload::Linux(LinuxEntry {
                span: linux.key_span,
                kernel: table
                    .require("kernel", "kernel = \"Image\"", problems)
                    .and_then(|entry| entry.string(problems)),
                initramfs,
                command_line: table
                    .get("command-line")
                    .and_then(|entry| entry.line(problems)),
                kvm: option(&table, "kvm", problems),
            }))
        }
        (None, None) => {
            problems.push(
                Problem::error(
                    Code::NoImage,
                    format!("{} has nothing to run", section.name),
                )
                .at(&section.span, "has neither `image` nor `linux`")
                .help(
                    "add `image = \"program.elf\"`, or \
                     `linux = { kernel = \"Image\", initramfs = \"initramfs.cpio\" }`",
                ),
            );
            None
        }
    }
}

fn word<T: Copy>(
    entry: &Entry<'_>,
    words: &[(&'static str, T)],
    code: Code,
    problems: &mut Problems,
) -> Option<Located<T>> {
    let text = entry.string(problems)?;
    choose(text, entry.key(), words, code, problems)
}

fn choose<T: Copy>(
    text: Located<String>,
    key: &str,
    words: &[(&'static str, T)],
    code: Code,
    problems: &mut Problems,
) -> Option<Located<T>> {
    let found = words.iter().find(|(word, _)| *word == text.value);
    if found.is_none() {
        problems.push(
            Problem::error(code, format!("`{key}` cannot be `{}`", text.value))
                .at(&text.span, "unknown word")
                .help(suggest::help(
                    &text.value,
                    words.iter().map(|(word, _)| *word),
                )),
        );
    }
    found.map(|(_, value)| Located::new(*value, text.span))
}

fn find_device(
    name: Located<String>,
    board: &'static Board,
    problems: &mut Problems,
) -> Option<Located<&'static partita_board::Device>> {
    let device = board.device(&name.value);
    if device.is_none() {
        problems.push(
            Problem::error(
                Code::UnknownDevice,
                format!("the board `{}` has no device `{}`", board.name, name.value),
            )
            .at(&name.span, "unknown device")
            .help(suggest::help(
                &name.value,
                board.devices.iter().map(|device| device.name),
            )),
        );
    }
    device.map(|device| Located::new(device, name.span))
}

fn check_name(name: &Located<String>, what: &str, problems: &mut Problems) -> bool {
    let text = &name.value;
    if Name::new(text).is_none() {
        problems.push(
            Problem::error(
                Code::InvalidName,
                format!("{what} cannot be named `{text}`"),
            )
            .at(&name.span, "not a name")
            .help(format!(
                "use 1 to {} lower-case letters, digits, `-` and `_`",
                Name::MAX_BYTES
            )),
        );
        return false;
    }
    if what == "a partition" && text == partita_abi::console::MONITOR {
        problems.push(
            Problem::error(
                Code::ReservedName,
                format!("{what} cannot be named `{text}`"),
            )
            .at(
                &name.span,
                "the monitor prints its own lines under this name",
            )
            .help("choose another name"),
        );
        return false;
    }
    true
}
