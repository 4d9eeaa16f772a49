//! `partita check`

use super::{load, pretty};
use crate::Status;
use crate::arguments::Check;
use crate::screen::Screen;
use serde_json::{Map, Value, json};

/// Checks a manifest.
pub fn check(arguments: &Check, screen: &Screen) -> anyhow::Result<Status> {
    if arguments.json {
        let (status, value) = match partita_manifest::load(&arguments.manifest) {
            Ok(plan) => {
                let isolation: Map<String, Value> = plan
                    .partitions
                    .iter()
                    .map(|partition| {
                        let separation = plan.separation(partition);
                        (partition.name.clone(), separation.to_json())
                    })
                    .collect();
                (
                    Status::Good,
                    json!({
                        "ok": true,
                        "problems": [],
                        "warnings": plan.warnings.to_json(),
                        "isolation": isolation,
                    }),
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
    for partition in &plan.partitions {
        let separation = plan.separation(partition);
        let lacks = separation.lacks();
        screen.status(&format!(
            "  {}: kept apart by {}{}{lacks}",
            partition.name,
            separation.name,
            if lacks.is_empty() { "" } else { ", but " },
        ));
    }
    Ok(Status::Good)
}
