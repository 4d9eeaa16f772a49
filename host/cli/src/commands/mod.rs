//! What the commands do.

mod build;
mod check;
mod crash;
mod explain;
mod keygen;
mod run;
mod schema;
mod sign;
mod verify;

pub use build::build;
pub use check::check;
pub use crash::crash;
pub use explain::explain;
pub use keygen::keygen;
pub use run::run;
pub use schema::schema;
pub use sign::sign;
pub use verify::verify;

use crate::screen::Screen;
use anyhow::Context as _;
use partita_manifest::Plan;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Loads a manifest; tells its problems and returns `None` if there are any.
fn load(manifest: &Path, screen: &Screen) -> Option<Plan> {
    match partita_manifest::load(manifest) {
        Ok(plan) => {
            if !screen.is_quiet() {
                screen.diagnostics(&plan.warnings.render(screen.error_color));
            }
            Some(plan)
        }
        Err(problems) => {
            screen.diagnostics(&problems.render(screen.error_color));
            None
        }
    }
}

/// The file beside a system image that has Linux's parts, where a board takes them by a device.
fn second_file(image: &Path) -> PathBuf {
    image.with_extension("normal.img")
}

/// Reads it, if it is there.
fn read_second(image: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let path = second_file(image);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// JSON for people and tools, with a line feed at its end.
fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
