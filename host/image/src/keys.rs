//! The keys of signed images: PKCS#8 and SubjectPublicKeyInfo in PEM, as OpenSSL writes and reads them.

use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
    KeypairBytes, spki::der::pem::LineEnding,
};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use partita_abi::signature::key_id;
use partita_signature::PreparedKey;
use std::fmt::{self, Debug, Display, Formatter};

/// Why a key cannot be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// It is a public key where a private one is wanted.
    #[error(
        "this is a public key; give the private key that belongs to it (`partita keygen` writes both)"
    )]
    PublicForPrivate,
    /// It is a private key where a public one is wanted.
    #[error(
        "this is a private key; give the public key that belongs to it, and keep this one at home"
    )]
    PrivateForPublic,
    /// It is no private key.
    #[error(
        "this is not an unencrypted Ed25519 private key (PKCS#8 in PEM); `partita keygen` makes one"
    )]
    Private,
    /// It is no public key.
    #[error(
        "this is not an Ed25519 public key (SubjectPublicKeyInfo in PEM); `partita keygen` makes one"
    )]
    Public,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers ({0})")]
    Random(String),
}

const PRIVATE_LABEL: &str = "PRIVATE KEY-----";
const PUBLIC_LABEL: &str = "-----BEGIN PUBLIC KEY-----";

/// A key that signs. Its memory is wiped when it is dropped.
pub struct PrivateKey {
    signing: SigningKey,
    public: PublicKey,
}

/// A key that verifies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(PreparedKey);

/// The first bytes of a public key's digest, by which people tell keys apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId(pub [u8; 8]);

impl PrivateKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| KeyError::Random(error.to_string()))?;
        let key = SigningKey::from_bytes(&seed);
        seed.fill(0);
        Self::new(key)
    }

    fn new(signing: SigningKey) -> Result<Self, KeyError> {
        let public = PublicKey::new(&signing.verifying_key())?;
        Ok(Self { signing, public })
    }

    /// Reads a key.
    ///
    /// # Errors
    /// It is none.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        if text.contains(PUBLIC_LABEL) {
            return Err(KeyError::PublicForPrivate);
        }
        SigningKey::from_pkcs8_pem(text.trim())
            .map_err(|_| KeyError::Private)
            .and_then(Self::new)
    }

    /// The key as text. It is not encrypted: who reads it can sign.
    ///
    /// # Errors
    /// The key cannot be written, which does not happen.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        // Without the public key in it (version 1 of PKCS#8), as OpenSSL 3.0 reads no other.
        let bytes = KeypairBytes {
            secret_key: self.signing.to_bytes(),
            public_key: None,
        };
        let text = bytes.to_pkcs8_pem(LineEnding::LF);
        text.map(|text| text.to_string())
            .map_err(|_| KeyError::Private)
    }

    /// The public key that belongs to it.
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs a message.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message).to_bytes()
    }
}

impl Debug for PrivateKey {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "PrivateKey({})", self.public().id())
    }
}

impl PublicKey {
    fn new(key: &VerifyingKey) -> Result<Self, KeyError> {
        PreparedKey::new(key.to_bytes())
            .map(Self)
            .ok_or(KeyError::Public)
    }

    /// Reads a key.
    ///
    /// # Errors
    /// It is none, or one for which anybody can sign.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        if text.contains(PRIVATE_LABEL) {
            return Err(KeyError::PrivateForPublic);
        }
        match VerifyingKey::from_public_key_pem(text.trim()) {
            Ok(key) if !key.is_weak() => Self::new(&key),
            _ => Err(KeyError::Public),
        }
    }

    /// The key as text.
    ///
    /// # Errors
    /// The bytes are no key.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let key = VerifyingKey::from_bytes(self.bytes()).map_err(|_| KeyError::Public)?;
        key.to_public_key_pem(LineEnding::LF)
            .map_err(|_| KeyError::Public)
    }

    /// Its bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0.public_key
    }

    /// The key as a monitor is provisioned with it.
    pub const fn prepared(&self) -> &PreparedKey {
        &self.0
    }

    /// What people tell it by.
    pub fn id(&self) -> KeyId {
        KeyId::of(self.bytes())
    }
}

impl Debug for PublicKey {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", self.id())
    }
}

impl KeyId {
    /// The id of the key with these bytes.
    pub fn of(public_key: &[u8; 32]) -> Self {
        Self(key_id(public_key))
    }
}

impl Display for KeyId {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}
