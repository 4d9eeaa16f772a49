//! Reads the image files that a manifest names.

use crate::Code;
use crate::elf::Program;
use crate::linux::Linux;
use crate::manifest::{LinuxEntry, Located, PartitionEntry, Payload};
use crate::placeholder;
use crate::problem::{Problem, Problems};
use partita_board::Architecture;
use std::fs;
use std::path::{Path, PathBuf};

/// A partition's image, read and checked.
#[derive(Clone, Debug)]
pub(crate) enum Image {
    /// A program and its file.
    Program(Program, PathBuf),
    /// Linux.
    Linux(Linux),
}

/// Reads the image of a partition; paths count from `directory`.
pub(crate) fn read_image(
    entry: &PartitionEntry,
    directory: &Path,
    architecture: &Architecture,
    problems: &mut Problems,
) -> Option<Image> {
    match entry.payload.as_ref()? {
        Payload::Program(file) => {
            let file = &placeholder::fill(file, architecture, problems)?;
            let bytes = read(file, directory, problems)?;
            match Program::parse(&bytes, architecture) {
                Ok(program) => Some(Image::Program(program, directory.join(&file.value))),
                Err(refusal) => {
                    problems.push(refusal.at(&file.value, &file.span));
                    None
                }
            }
        }
        Payload::Linux(linux) => {
            read_linux(linux, directory, architecture, problems).map(Image::Linux)
        }
    }
}

fn read_linux(
    entry: &LinuxEntry,
    directory: &Path,
    architecture: &Architecture,
    problems: &mut Problems,
) -> Option<Linux> {
    let initramfs = match &entry.initramfs {
        Some(file) => placeholder::fill(file, architecture, problems)
            .and_then(|file| read(&file, directory, problems))
            .map(Some),
        None => Some(None),
    };
    let file = &placeholder::fill(entry.kernel.as_ref()?, architecture, problems)?;
    let kernel = read(file, directory, problems)?;
    match Linux::parse(
        kernel,
        initramfs.clone().flatten(),
        architecture,
        &file.value,
        &file.span,
    ) {
        Ok(linux) => initramfs.map(|_| linux),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

fn read(file: &Located<String>, directory: &Path, problems: &mut Problems) -> Option<Vec<u8>> {
    let path = directory.join(&file.value);
    match fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            let why = match error.kind() {
                std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
                std::io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
                _ if path.is_dir() => "it is a folder".to_owned(),
                _ => error.to_string().to_lowercase(),
            };
            problems.push(
                Problem::error(
                    Code::FileUnreadable,
                    format!("`{}` cannot be read: {why}", file.value),
                )
                .at(&file.span, "this file")
                .help("paths count from the folder of the manifest"),
            );
            None
        }
    }
}
