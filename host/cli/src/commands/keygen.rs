//! `partita keygen`

use super::pretty;
use crate::Status;
use crate::arguments::Keygen;
use crate::screen::Screen;
use anyhow::{Context as _, bail};
use partita_image::PrivateKey;
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Makes a pair of keys.
pub fn keygen(arguments: &Keygen, screen: &Screen) -> anyhow::Result<Status> {
    let with = |ending: &str| {
        let mut name = arguments.name.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    };
    let (private_path, public_path) = (with(".key"), with(".pub"));
    for path in [&private_path, &public_path] {
        if path.symlink_metadata().is_ok() {
            bail!(
                "{} exists and is not replaced; choose another name, or move it away",
                path.display()
            );
        }
    }
    let key = PrivateKey::generate()?;
    let public = key.public();
    write_new(&private_path, &key.to_pem()?, 0o600)?;
    if let Err(error) = write_new(&public_path, &public.to_pem()?, 0o644) {
        // Half a pair is of no use, and in the way of the next attempt.
        let _ = fs::remove_file(&private_path);
        return Err(error);
    }
    if arguments.json {
        screen.result(&pretty(&json!({
            "key": public.id().to_string(),
            "private": private_path,
            "public": public_path,
        })))?;
        return Ok(Status::Good);
    }
    screen.status(&format!(
        "wrote {} (signs; not encrypted, keep it secret)",
        private_path.display()
    ));
    screen.status(&format!(
        "wrote {} (verifies; for `partita build --key`)",
        public_path.display()
    ));
    screen.result(&format!("{}\n", public.id()))?;
    Ok(Status::Good)
}

fn write_new(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
