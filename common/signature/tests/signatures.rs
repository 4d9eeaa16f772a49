//! Signatures: right ones are believed, all others are not, and an independent library agrees.

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use partita_signature::PreparedKey;
use proptest::prelude::*;

/// The order of the base point, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Whether a monitor with the key in these bytes believes a signature.
fn verify(public_key: &[u8; 32], pieces: [&[u8]; 2], signature: &[u8; 64]) -> bool {
    PreparedKey::new(*public_key)
        .is_some_and(|key| partita_signature::verify(&key, pieces, signature))
}

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    assert_eq!(text.len(), 2 * N);
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).unwrap();
    }
    bytes
}

#[test]
fn the_examples_of_the_standard_are_believed() {
    // RFC 8032, 7.1, tests 1 to 3.
    let examples: [(&str, &[u8], &str); 3] = [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            b"",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            &[0x72],
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            &[0xaf, 0x82],
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (key, message, signature) in examples {
        assert!(
            verify(&bytes(key), [message, b""], &bytes(signature)),
            "{key}"
        );
        assert!(
            !verify(&bytes(key), [message, b"x"], &bytes(signature)),
            "{key}"
        );
    }
}

/// Adds L to the second half of a signature: the same number, written in another way.
fn add_order(signature: &mut [u8; 64]) {
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
}

#[test]
fn a_signature_written_in_another_way_is_not_believed() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = key.verifying_key().to_bytes();
    let mut signature = key.sign(b"message").to_bytes();
    assert!(verify(&public, [b"mess", b"age"], &signature));
    add_order(&mut signature);
    assert!(!verify(&public, [b"mess", b"age"], &signature));
}

#[test]
fn bytes_that_are_no_point_are_no_key() {
    let signature = SigningKey::from_bytes(&[7; 32]).sign(b"").to_bytes();
    let mut no_points = 0;
    for first in 0..=255_u8 {
        let mut key = [0x55; 32];
        key[0] = first;
        no_points += u32::from(VerifyingKey::from_bytes(&key).is_err());
        assert!(!verify(&key, [b"", b""], &signature));
    }
    assert!(no_points > 60, "about half of all numbers are no points");
}

#[test]
fn a_key_written_in_another_way_is_not_believed() {
    // The neutral point, whose signatures anybody can make: R = [S]B. As 1, and as 1 + p.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    assert!(verify(&neutral, [b"any", b"thing"], &signature));
    let mut other = [0xff; 32];
    (other[0], other[31]) = (0xee, 0x7f);
    assert!(!verify(&other, [b"any", b"thing"], &signature));
    // x = 0 has no sign.
    neutral[31] = 0x80;
    assert!(!verify(&neutral, [b"any", b"thing"], &signature));
}

#[test]
fn a_key_prepared_from_the_point_of_another_believes_nothing() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let signature = key.sign(b"message").to_bytes();
    let mut prepared = PreparedKey::new(key.verifying_key().to_bytes()).unwrap();
    assert!(partita_signature::verify(
        &prepared,
        [b"message", b""],
        &signature
    ));
    let mut shifted = prepared;
    shifted.shifted[1][0] ^= 1;
    assert!(!partita_signature::verify(
        &shifted,
        [b"message", b""],
        &signature
    ));
    prepared.negative_x[0] ^= 1;
    assert!(!partita_signature::verify(
        &prepared,
        [b"message", b""],
        &signature
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_an_independent_library_signs_is_believed_and_no_bit_of_it_can_change(
        seed: [u8; 32],
        message in proptest::collection::vec(any::<u8>(), 0..300),
        cut: prop::sample::Index,
        bit in 0..8_u8,
        place: prop::sample::Index,
    ) {
        let key = SigningKey::from_bytes(&seed);
        let mut public = key.verifying_key().to_bytes();
        let mut signature = key.sign(&message).to_bytes();
        let mut message = message;
        let (first, second) = message.split_at(cut.index(message.len() + 1));
        prop_assert!(verify(&public, [first, second], &signature));
        let place = place.index(96 + message.len());
        match place {
            0..32 => public[place] ^= 1 << bit,
            32..96 => signature[place - 32] ^= 1 << bit,
            _ => message[place - 96] ^= 1 << bit,
        }
        let ours = verify(&public, [&message, b""], &signature);
        let theirs = VerifyingKey::from_bytes(&public).is_ok_and(|key| {
            key.verify_strict(&message, &ed25519_dalek::Signature::from_bytes(&signature)).is_ok()
        });
        prop_assert!(!ours && !theirs);
    }

    #[test]
    fn on_any_bytes_the_libraries_agree(key: [u8; 32], halves: ([u8; 32], [u8; 32])) {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&halves.0);
        signature[32..].copy_from_slice(&halves.1);
        let theirs = VerifyingKey::from_bytes(&key).is_ok_and(|key| {
            key.verify_strict(b"", &ed25519_dalek::Signature::from_bytes(&signature)).is_ok()
        });
        prop_assert_eq!(verify(&key, [b"", b""], &signature), theirs);
    }
}
