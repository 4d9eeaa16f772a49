//! `partita sign`

use super::pretty;
use crate::arguments::Sign;
use crate::screen::Screen;
use crate::{Status, trust};
use anyhow::Context as _;
use partita_image::signature;
use serde_json::json;
use std::fs;

/// Signs a system image.
pub fn sign(arguments: &Sign, screen: &Screen) -> anyhow::Result<Status> {
    let key = trust::private_key(&arguments.key)?;
    let path = &arguments.image;
    let mut image = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    signature::sign(&mut image, &key)
        .with_context(|| format!("{} is not signed", path.display()))?;
    let output = arguments.output.as_ref().unwrap_or(path);
    // A whole image or none, also when the disk is full.
    let mut beside = output.clone().into_os_string();
    beside.push(".part");
    let written = fs::write(&beside, &image).and_then(|()| fs::rename(&beside, output));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.with_context(|| format!("cannot write {}", output.display()))?;
    let verification = signature::verify(&image, &key.public(), 0)?;
    if arguments.json {
        screen.result(&pretty(&json!({
            "system": verification.system,
            "version": verification.version,
            "key": key.public().id().to_string(),
            "image": output,
        })))?;
    } else {
        screen.status(&format!(
            "signed {}: {}, version {}, with key {}",
            output.display(),
            verification.system,
            verification.version,
            key.public().id()
        ));
    }
    Ok(Status::Good)
}
