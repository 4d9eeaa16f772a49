//! Ed25519 signatures (RFC 8032): the verifying half, in a few kilobytes.
//!
//! The monitor has 64 KiB for all of its text, and the usual libraries take a quarter of that. What makes
//! them large is speed and secrecy, and neither matters here: one signature is verified at each boot, and
//! all that goes into it is public. The arithmetic of the field is that of Fiat Cryptography, with its proof.
//!
//! [`verify`] is strict: a signature, and a key, can be written in one way only, and the equation is the one
//! without the cofactor. The host tools use it too, so they and the monitor cannot disagree; an independent
//! library is its oracle in the tests.
//!
//! No signing and no secrets: nothing here takes care to take the same time for all.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod field;
mod point;
mod scalar;
mod sha512;
pub mod system;
mod words;

use point::Point;
use scalar::Scalar;
use sha512::sha512;

/// Bytes of a public key.
pub const PUBLIC_KEY_BYTES: usize = 32;
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// A public key with what verifying needs of it worked out.
///
/// Holding one proves nothing: all parts are taken as they are. Where they do not belong together no
/// signature is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreparedKey {
    /// The key.
    pub public_key: [u8; PUBLIC_KEY_BYTES],
    /// The coordinate x of the negative of its point, little-endian.
    pub negative_x: [u8; 32],
    /// The coordinates x and y of 2^128 times that.
    pub shifted: [[u8; 32]; 2],
}

impl PreparedKey {
    /// Works it out; none if the bytes are no point, or are not the one way to write it. The monitor has it
    /// from the host tools instead: a square root is a kilobyte
    /// of text, and a point moved up half way saves a fifth of the work.
    pub fn new(public_key: [u8; PUBLIC_KEY_BYTES]) -> Option<Self> {
        let negative = Point::negative_from_bytes(&public_key)?;
        let (x, y) = negative.shifted().to_coordinates();
        Some(Self {
            public_key,
            negative_x: negative.to_coordinates().0,
            shifted: [x, y],
        })
    }
}

/// Whether `signature` is the key's signature of `pieces`, one behind the other (5.1.7).
#[must_use]
pub fn verify(key: &PreparedKey, pieces: [&[u8]; 2], signature: &[u8; SIGNATURE_BYTES]) -> bool {
    let ([point_bytes, scalar_bytes], []) = signature.as_chunks::<32>() else {
        return false;
    };
    let Some(scalar) = Scalar::from_bytes(scalar_bytes) else {
        return false;
    };
    let negative_key = Point::from_coordinates(&key.negative_x, &key.public_key);
    let [first, second] = pieces;
    let challenge = Scalar::reduce(&sha512(&[point_bytes, &key.public_key, first, second]));
    let [shifted_x, shifted_y] = &key.shifted;
    let shifted_key = Point::from_coordinates(shifted_x, shifted_y);
    let point = Point::combine(&negative_key, &shifted_key, &challenge, &scalar);
    point.to_bytes() == *point_bytes
}
