//! Finds the monitor of a board.

use anyhow::{Context as _, bail};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The environment variable that names the folder with a folder for each board.
const BOARDS_VARIABLE: &str = "PARTITA_BOARDS";
/// The monitor's file in its board's folder.
const FILE: &str = "monitor.elf";

/// Reads the monitor of `board`, from `given` if the user gave one.
pub fn read(board: &str, given: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    let path = match given {
        Some(path) => path.to_owned(),
        None => find(board)?,
    };
    fs::read(&path).with_context(|| format!("cannot read the monitor {}", path.display()))
}

fn find(board: &str) -> anyhow::Result<PathBuf> {
    if let Some(folder) = env::var_os(BOARDS_VARIABLE).filter(|folder| !folder.is_empty()) {
        let path = Path::new(&folder).join(board).join(FILE);
        if path.is_file() {
            return Ok(path);
        }
        bail!(
            "there is no {}, where {BOARDS_VARIABLE} says that it is",
            path.display()
        );
    }
    let executable = env::current_exe().context("cannot tell where this program lies")?;
    let executable = executable.canonicalize().unwrap_or(executable);
    let candidates = candidates(&executable, board);
    if let Some(path) = candidates.iter().find(|path| path.is_file()) {
        return Ok(path.clone());
    }
    let list: Vec<_> = candidates
        .iter()
        .map(|path| format!("  {}", path.display()))
        .collect();
    bail!(
        "there is no monitor for {board}; build it with `cargo xtask build`, or name it with \
         --monitor or its folder in {BOARDS_VARIABLE}; looked for\n{}",
        list.join("\n")
    )
}

/// Where the monitor lies beside an installed program, and where it lies in the repository.
fn candidates(executable: &Path, board: &str) -> Vec<PathBuf> {
    let in_board = |boards: PathBuf| boards.join("boards").join(board).join(FILE);
    let mut candidates = Vec::new();
    let folder = executable.parent();
    if let Some(prefix) = folder.and_then(Path::parent) {
        candidates.push(in_board(prefix.join("share").join("partita")));
    }
    // target/release/partita, and target/release/deps/… for tests.
    let targets = folder
        .into_iter()
        .flat_map(|folder| folder.ancestors().skip(1).take(3));
    candidates.extend(
        targets
            .filter(|target| target.file_name().is_some_and(|name| name == "target"))
            .map(|target| in_board(target.join("partita"))),
    );
    candidates
}

#[cfg(test)]
mod tests {
    use super::candidates;
    use std::path::Path;

    #[test]
    fn an_installed_program_finds_its_boards_beside_it() {
        let found = candidates(Path::new("/usr/bin/partita"), "virt");
        assert_eq!(
            found,
            [Path::new("/usr/share/partita/boards/virt/monitor.elf")]
        );
    }

    #[test]
    fn a_program_in_the_repository_finds_what_was_built_there() {
        let found = candidates(
            Path::new("/home/me/repository/target/release/partita"),
            "virt",
        );
        let built = Path::new("/home/me/repository/target/partita/boards/virt/monitor.elf");
        assert!(found.iter().any(|path| path == built), "{found:?}");
    }
}
