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
use partita_manifest::Plan;
use std::path::Path;

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

/// JSON for people and tools, with a line feed at its end.
fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
