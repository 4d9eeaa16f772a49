//! `partita sign`

use super::{pretty, read_second, second_file};
use crate::arguments::Sign;
use crate::screen::Screen;
use crate::{Status, trust};
use anyhow::Context as _;
use partita_image::signature;
use serde_json::json;
use std::fs;
use std::path::Path;

/// Signs a system image.
pub fn sign(arguments: &Sign, screen: &Screen) -> anyhow::Result<Status> {
    let key = trust::private_key(&arguments.key)?;
    let path = &arguments.image;
    let mut image = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let normal = read_second(path)?;
    signature::sign(&mut image, normal.as_deref(), &key)
        .with_context(|| format!("{} is not signed", path.display()))?;
    let output = arguments.output.as_ref().unwrap_or(path);
    if let Some(normal) = normal.as_deref().filter(|_| output != path) {
        write_whole(&second_file(output), normal)?;
    }
    write_whole(output, &image)?;
    let verification = signature::verify(&image, normal.as_deref(), &key.public(), 0)?;
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

/// A whole file or none, also when the disk is full.
fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut beside = path.to_owned().into_os_string();
    beside.push(".part");
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}
