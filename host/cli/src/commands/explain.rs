//! `partita explain`

use super::{load, pretty};
use crate::Status;
use crate::arguments::Explain;
use crate::screen::Screen;

/// Explains the plan of a manifest.
pub fn explain(arguments: &Explain, screen: &Screen) -> anyhow::Result<Status> {
    let Some(plan) = load(&arguments.manifest, screen) else {
        return Ok(Status::Bad);
    };
    let text = if arguments.json {
        pretty(&partita_manifest::explain_json(&plan))
    } else {
        partita_manifest::explain(&plan, screen.color)
    };
    screen.result(&text)?;
    Ok(Status::Good)
}
