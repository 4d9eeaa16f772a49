//! `partita check`

use super::{load, pretty};
use crate::Status;
use crate::arguments::Check;
use crate::screen::Screen;
use serde_json::json;

/// Checks a manifest.
pub fn check(arguments: &Check, screen: &Screen) -> anyhow::Result<Status> {
    if arguments.json {
        let (status, value) = match partita_manifest::load(&arguments.manifest) {
            Ok(plan) => {
                let warnings = plan.warnings.to_json();
                (
                    Status::Good,
                    json!({ "ok": true, "problems": [], "warnings": warnings }),
                )
            }
            Err(problems) => {
                let problems = problems.to_json();
                (
                    Status::Bad,
                    json!({ "ok": false, "problems": problems, "warnings": [] }),
                )
            }
        };
        screen.result(&pretty(&value))?;
        return Ok(status);
    }
    let Some(plan) = load(&arguments.manifest, screen) else {
        return Ok(Status::Bad);
    };
    let count = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    screen.status(&format!(
        "{}: {} on {} of {}, {}",
        plan.system_name,
        count(plan.partitions.len(), "partition"),
        count(plan.cores, "core"),
        plan.board.name,
        match plan.warnings.len() {
            0 => "no problems".to_owned(),
            warnings => format!("no problems, {}", count(warnings, "warning")),
        }
    ));
    Ok(Status::Good)
}
