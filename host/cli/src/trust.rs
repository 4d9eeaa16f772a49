//! Keys on disk, and what `--key`, `--lowest-version` and `--sign` make of a packed image.

use crate::arguments::TrustArguments;
use anyhow::{Context as _, bail};
use partita_image::{PrivateKey, PublicKey, SystemImage};
use std::fs;
use std::path::Path;

/// Reads a public key.
pub fn public_key(path: &Path) -> anyhow::Result<PublicKey> {
    let text = read(path)?;
    PublicKey::from_pem(&text)
        .with_context(|| format!("{} is no key to verify with", path.display()))
}

/// Reads a private key.
pub fn private_key(path: &Path) -> anyhow::Result<PrivateKey> {
    let text = read(path)?;
    PrivateKey::from_pem(&text)
        .with_context(|| format!("{} is no key to sign with", path.display()))
}

fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Provisions the monitor in an image, and signs the system, as the arguments say. `version` is the
/// system's own.
pub fn apply(
    arguments: &TrustArguments,
    version: u64,
    image: &mut SystemImage,
) -> anyhow::Result<()> {
    let public = arguments.key.as_deref().map(public_key).transpose()?;
    let private = arguments.sign.as_deref().map(private_key).transpose()?;
    if let (Some(public), Some(private)) = (&public, &private)
        && private.public() != *public
    {
        bail!(
            "the system would be signed with key {}, but the board would ask for key {}; give the two keys of one pair",
            private.public().id(),
            public.id()
        );
    }
    if let Some(key) = &public {
        let lowest = arguments.lowest_version.unwrap_or(version);
        if version < lowest {
            bail!(
                "the system has version {version}, the board would accept {lowest} and above; raise `version` in [system]"
            );
        }
        image.provision(key, lowest)?;
    }
    if let Some(key) = &private {
        image.sign(key)?;
    }
    Ok(())
}
