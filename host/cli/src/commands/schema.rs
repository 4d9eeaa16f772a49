//! `partita schema`

use super::pretty;
use crate::Status;
use crate::arguments::Schema;
use crate::screen::Screen;

/// Prints a JSON Schema.
pub fn schema(arguments: &Schema, screen: &Screen) -> anyhow::Result<Status> {
    let schema = if arguments.report {
        partita_run::report_schema()
    } else {
        partita_manifest::schema()
    };
    screen.result(&pretty(&schema))?;
    Ok(Status::Good)
}
