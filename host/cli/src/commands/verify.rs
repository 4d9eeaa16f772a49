//! `partita verify`

use super::{pretty, read_second};
use crate::arguments::Verify;
use crate::screen::Screen;
use crate::{Status, trust};
use anyhow::Context as _;
use partita_abi::signature::Provision;
use partita_image::signature::{self, Part, PartState, Refusal, Verification};
use partita_image::{ImageError, KeyId, PublicKey};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;

/// Judges a system image as the board's monitor would.
pub fn verify(arguments: &Verify, screen: &Screen) -> anyhow::Result<Status> {
    let key = trust::public_key(&arguments.key)?;
    let path = &arguments.image;
    let image = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lowest = arguments.lowest_version;
    let normal = read_second(path)?;
    let verification = match signature::verify(&image, normal.as_deref(), &key, lowest) {
        Ok(verification) => verification,
        Err(error @ (ImageError::NoImage | ImageError::Table(_))) => {
            let problem = error.to_string();
            if arguments.json {
                screen.result(&pretty(&json!({ "ok": false, "problems": [problem] })))?;
            } else {
                screen.error(&format!("{}: {problem}", path.display()));
            }
            return Ok(Status::Bad);
        }
        Err(error) => return Err(error.into()),
    };
    let problems = problems(&verification, &key, lowest);
    if arguments.json {
        screen.result(&pretty(&to_json(&verification, &problems)))?;
    } else {
        for problem in &problems {
            screen.error(&format!("{}: {problem}", path.display()));
        }
        if problems.is_empty() && !screen.is_quiet() {
            screen.result(&text(&verification, &key))?;
        }
    }
    Ok(if problems.is_empty() {
        Status::Good
    } else {
        Status::Bad
    })
}

/// Everything that keeps a board with the key from starting all of the image.
fn problems(verification: &Verification, key: &PublicKey, lowest: u64) -> Vec<String> {
    let mut problems = Vec::new();
    match verification.judgement {
        Ok(_) => {}
        Err(Refusal::Unsigned) => problems.push("it is not signed".to_owned()),
        Err(Refusal::OtherKey) => problems.push(format!(
            "it is signed with key {}, not with {}",
            verification
                .signed_with
                .map_or_else(String::new, |id| id.to_string()),
            key.id()
        )),
        Err(Refusal::Version { found, .. }) => problems.push(format!(
            "it has version {found}, the lowest accepted is {lowest}"
        )),
        Err(refusal @ (Refusal::Signature | Refusal::Provision)) => {
            problems.push(format!(
                "system table: {}: it was changed after it was signed",
                refusal.describe()
            ));
        }
    }
    if !verification.table_matches {
        problems.push("system table: it does not match its digest".to_owned());
    }
    for part in &verification.parts {
        let what = match part.state {
            PartState::Matches => continue,
            PartState::Differs => "it does not match its digest",
            PartState::CutShort => "the file ends before it does",
            PartState::NotGiven => "there is no .normal.img file beside the image",
        };
        problems.push(format!("{}: {}: {what}", part.partition, part.role.name()));
    }
    if let Some(provision) = required(verification)
        && provision.public_key != *key.bytes()
    {
        problems.push(format!(
            "monitor: it asks for key {}",
            KeyId::of(&provision.public_key)
        ));
    }
    problems
}

/// What the monitor in the image asks for, if it asks for anything.
fn required(verification: &Verification) -> Option<&Provision> {
    let provision = verification.provision.as_ref();
    provision.filter(|provision| provision.mode == Provision::SIGNED)
}

fn text(verification: &Verification, key: &PublicKey) -> String {
    let mut text = format!(
        "{}, version {}, signed with key {}\n",
        verification.system,
        verification.version,
        key.id()
    );
    // Writing to a string cannot fail.
    for part in &verification.parts {
        let _ = writeln!(
            text,
            "  {}: {}, {} bytes, {}",
            part.partition,
            part.role.name(),
            part.size,
            hex(&part.digest)
        );
    }
    let _ = match required(verification) {
        Some(provision) => writeln!(
            text,
            "the monitor in it asks for this key and version {} or above",
            provision.lowest_version
        ),
        None => writeln!(
            text,
            "the monitor in it has no key and starts every system (development)"
        ),
    };
    text
}

fn to_json(verification: &Verification, problems: &[String]) -> Value {
    let parts: Vec<_> = verification.parts.iter().map(part_to_json).collect();
    json!({
        "ok": problems.is_empty(),
        "problems": problems,
        "system": verification.system,
        "version": verification.version,
        "signed_with": verification.signed_with.map(|id| id.to_string()),
        "parts": parts,
        "monitor": match required(verification) {
            Some(provision) => json!({
                "key": KeyId::of(&provision.public_key).to_string(),
                "lowest_version": provision.lowest_version,
            }),
            None => Value::Null,
        },
    })
}

fn part_to_json(part: &Part) -> Value {
    json!({
        "partition": part.partition,
        "part": part.role.name(),
        "bytes": part.size,
        "digest": hex(&part.digest),
        "state": match part.state {
            PartState::Matches => "matches",
            PartState::Differs => "differs",
            PartState::CutShort => "cut-short",
            PartState::NotGiven => "not-given",
        },
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
