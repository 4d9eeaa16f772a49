//! Numbers modulo 2^255 − 19, the field that Curve25519 is over.
//!
//! Multiplication, addition and carrying are those of Fiat Cryptography, which come with a machine-checked
//! proof. Its two types keep the proof's bounds: a *tight* number is what may be added, a *loose* one what
//! may be multiplied. Nothing here is secret, so nothing here takes care to take the same time for all.

use crate::words;
use fiat_crypto::curve25519_64::{
    fiat_25519_add, fiat_25519_carry, fiat_25519_carry_mul, fiat_25519_carry_square,
    fiat_25519_loose_field_element, fiat_25519_sub, fiat_25519_tight_field_element,
};

/// Bits of a limb.
const BITS: u32 = 51;
const MASK: u64 = (1 << BITS) - 1;

/// A number whose limbs are small enough to be added.
#[derive(Clone, Copy)]
pub struct Field(fiat_25519_tight_field_element);

/// A sum or a difference, to be multiplied.
#[derive(Clone, Copy)]
pub struct Loose(fiat_25519_loose_field_element);

impl Field {
    pub const ZERO: Self = Self::new([0; 5]);
    pub const ONE: Self = Self::new([1, 0, 0, 0, 0]);

    /// A number of five limbs of 51 bits, the lowest first.
    pub const fn new(limbs: [u64; 5]) -> Self {
        Self(fiat_25519_tight_field_element(limbs))
    }

    /// The number in 32 bytes, little-endian, without the highest bit.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let [a, b, c, d] = words::from_bytes(bytes);
        Self::new([
            a & MASK,
            (a >> 51 | b << 13) & MASK,
            (b >> 38 | c << 26) & MASK,
            (c >> 25 | d << 39) & MASK,
            d >> 12 & MASK,
        ])
    }

    /// The 32 bytes of the number, little-endian, each number in one way only.
    #[inline(never)]
    pub fn to_bytes(self) -> [u8; 32] {
        let mut limbs = self.0.0;
        // Twice around brings every limb to its bits; a third time, begun with 19 more, tells whether the
        // number is at least 2^255 − 19, as then a bit leaves at the top.
        carry(&mut limbs);
        carry(&mut limbs);
        let mut spare = limbs;
        spare[0] += 19;
        if carry(&mut spare) {
            // What left at the top came in again as 19 at the bottom, which the begin had added already.
            spare[0] -= 19;
            limbs = spare;
        }
        let [a, b, c, d, e] = limbs;
        words::to_bytes([
            a | b << 51,
            b >> 13 | c << 38,
            c >> 26 | d << 25,
            d >> 39 | e << 12,
        ])
    }

    #[inline(never)]
    pub fn add(&self, other: &Self) -> Loose {
        let mut sum = fiat_25519_loose_field_element([0; 5]);
        fiat_25519_add(&mut sum, &self.0, &other.0);
        Loose(sum)
    }

    #[inline(never)]
    pub fn subtract(&self, other: &Self) -> Loose {
        let mut difference = fiat_25519_loose_field_element([0; 5]);
        fiat_25519_sub(&mut difference, &self.0, &other.0);
        Loose(difference)
    }

    pub fn square(&self) -> Self {
        square(&self.0.0)
    }

    pub fn negate(&self) -> Self {
        Self::ZERO.subtract(self).carry()
    }

    pub fn is_zero(&self) -> bool {
        self.to_bytes() == [0; 32]
    }

    /// Whether the number, as it is written, is odd.
    pub fn is_odd(&self) -> bool {
        self.to_bytes()[0] & 1 != 0
    }

    /// The number to the power of 2^`times`.
    fn squared(mut self, times: u32) -> Self {
        for _ in 0..times {
            self = self.square();
        }
        self
    }

    /// The number to the power of 2^250 − 1.
    fn to_long_power(self) -> Self {
        // From 2^n − 1 to 2^2n − 1, and from there to 2^(2n + 1) − 1 where 250 has a bit.
        let mut power = self;
        for shift in (0..7).rev() {
            power = power.squared(250 >> (shift + 1)).times(&power);
            if 250 >> shift & 1 != 0 {
                power = power.square().times(&self);
            }
        }
        power
    }

    /// One divided by the number; zero for zero. The number to the power of 2^255 − 21.
    pub fn invert(self) -> Self {
        let square = self.square();
        let eleventh = square.squared(2).times(&square).times(&self);
        self.to_long_power().squared(5).times(&eleventh)
    }

    /// The number to the power of 2^252 − 3, from which a square root is made.
    pub fn to_root_power(self) -> Self {
        self.to_long_power().squared(2).times(&self)
    }
}

impl Loose {
    #[inline(never)]
    pub fn carry(&self) -> Field {
        let mut number = fiat_25519_tight_field_element([0; 5]);
        fiat_25519_carry(&mut number, &self.0);
        Field(number)
    }

    pub fn square(&self) -> Field {
        square(&self.0.0)
    }
}

/// What may be multiplied: anything, as what is tight is loose too.
pub trait Factor {
    /// Its limbs.
    fn limbs(&self) -> &[u64; 5];

    /// The product.
    fn times(&self, other: &impl Factor) -> Field {
        multiply(self.limbs(), other.limbs())
    }
}

impl Factor for Field {
    fn limbs(&self) -> &[u64; 5] {
        &self.0.0
    }
}

impl Factor for Loose {
    fn limbs(&self) -> &[u64; 5] {
        &self.0.0
    }
}

#[inline(never)]
fn multiply(one: &[u64; 5], other: &[u64; 5]) -> Field {
    let mut product = fiat_25519_tight_field_element([0; 5]);
    let one = fiat_25519_loose_field_element(*one);
    let other = fiat_25519_loose_field_element(*other);
    fiat_25519_carry_mul(&mut product, &one, &other);
    Field(product)
}

#[inline(never)]
fn square(limbs: &[u64; 5]) -> Field {
    let mut square = fiat_25519_tight_field_element([0; 5]);
    fiat_25519_carry_square(&mut square, &fiat_25519_loose_field_element(*limbs));
    Field(square)
}

/// Carries once around. Returns whether a bit left at the top, which comes in again as 19.
fn carry(limbs: &mut [u64; 5]) -> bool {
    let mut over = 0;
    for limb in limbs.iter_mut() {
        *limb += over;
        over = *limb >> BITS;
        *limb &= MASK;
    }
    limbs[0] += over * 19;
    over != 0
}
