//! Points of the twisted Edwards curve −x² + y² = 1 + d·x²·y² over [`Field`] (RFC 8032, 5.1), in extended
//! coordinates: x = X/Z, y = Y/Z, x·y = T/Z.

use crate::field::{Factor as _, Field, Loose};
use crate::scalar::Scalar;

/// The curve's d.
const D: Field = Field::new([
    0x0003_4dca_1359_78a3,
    0x0001_a828_3b15_6ebd,
    0x0005_e7a2_6001_c029,
    0x0007_39c6_63a0_3cbb,
    0x0005_2036_cee2_b6ff,
]);
/// Twice d.
const D2: Field = Field::new([
    0x0006_9b94_26b2_f159,
    0x0003_5050_762a_dd7a,
    0x0003_cf44_c003_8052,
    0x0006_738c_c740_7977,
    0x0002_406d_9dc5_6dff,
]);
/// A square root of −1.
const ROOT: Field = Field::new([
    0x0006_1b27_4a0e_a0b0,
    0x0000_d5a5_fc8f_189d,
    0x0007_ef5e_9cbd_0c60,
    0x0007_8595_a680_4c9e,
    0x0002_b832_4804_fc1d,
]);

/// The base point, whose multiples are the points that signatures are made of.
pub const BASE: Point = Point {
    x: Field::new([
        0x0006_2d60_8f25_d51a,
        0x0004_12a4_b4f6_592a,
        0x0007_5b71_71a4_b31d,
        0x0001_ff60_5271_18fe,
        0x0002_1693_6d3c_d6e5,
    ]),
    y: Field::new([
        0x0006_6666_6666_6658,
        0x0004_cccc_cccc_cccc,
        0x0001_9999_9999_9999,
        0x0003_3333_3333_3333,
        0x0006_6666_6666_6666,
    ]),
    z: Field::ONE,
    t: Field::new([
        0x0006_8ab3_a5b7_dda3,
        0x0000_0eea_2a5e_adbb,
        0x0002_af8d_f483_c27e,
        0x0003_32b3_7527_4732,
        0x0006_7875_f0fd_78b7,
    ]),
};

/// 2^128 times [`BASE`].
const SHIFTED_BASE: Point = Point {
    x: Field::new([
        0x0000_47ae_60b7_e824,
        0x0001_385c_e47c_bf90,
        0x0005_38a6_8263_9a17,
        0x0001_964a_969c_c270,
        0x0004_c27a_fff3_c45f,
    ]),
    y: Field::new([
        0x0002_bd11_4bf5_a66b,
        0x0003_ca34_9893_cb77,
        0x0003_0a70_ea43_42f8,
        0x0004_3eca_f88f_5b13,
        0x0005_f2c9_9e65_26dc,
    ]),
    z: Field::ONE,
    t: Field::new([
        0x0007_31c9_46f1_338a,
        0x0000_4ccc_75b5_3d3c,
        0x0006_492d_a851_e192,
        0x0000_17ea_70ab_0003,
        0x0000_5a16_4fd0_bf46,
    ]),
};

/// Values of one bit of each of four numbers.
const COMBINATIONS: usize = 16;

/// A point.
#[derive(Clone, Copy)]
pub struct Point {
    x: Field,
    y: Field,
    z: Field,
    t: Field,
}

/// A point prepared to be added: Y + X, Y − X, 2Z, 2d·T.
#[derive(Clone, Copy)]
struct Addend {
    sum: Loose,
    difference: Loose,
    twice_z: Loose,
    scaled_t: Field,
}

impl Point {
    const NEUTRAL: Self = Self {
        x: Field::ZERO,
        y: Field::ONE,
        z: Field::ONE,
        t: Field::ZERO,
    };

    /// The negative of the point that 32 bytes stand for (5.1.3); none if they stand for no point, or are
    /// not the one way to write it.
    pub fn negative_from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let is_odd = bytes[31] >> 7 != 0;
        let y = Field::from_bytes(bytes);
        let mut written = y.to_bytes();
        written[31] |= bytes[31] & 0x80;
        if written != *bytes {
            return None;
        }
        let square = y.square();
        let u = square.subtract(&Field::ONE);
        let v = square.times(&D).add(&Field::ONE).carry();
        let cube = v.square().times(&v);
        let seventh = cube.square().times(&v);
        let part = u.times(&seventh).to_root_power();
        let mut x = u.times(&cube).times(&part);
        let check = x.square().times(&v);
        let u = u.carry();
        if !check.subtract(&u).carry().is_zero() {
            if !check.add(&u).carry().is_zero() {
                return None;
            }
            x = x.times(&ROOT);
        }
        if x.is_zero() && is_odd {
            return None;
        }
        if x.is_odd() == is_odd {
            x = x.negate();
        }
        Some(Self::new(x, y))
    }

    /// The point with these coordinates, if it is one: that is not looked at.
    pub fn from_coordinates(x: &[u8; 32], y: &[u8; 32]) -> Self {
        Self::new(Field::from_bytes(x), Field::from_bytes(y))
    }

    fn new(x: Field, y: Field) -> Self {
        Self {
            x,
            y,
            z: Field::ONE,
            t: x.times(&y),
        }
    }

    /// The coordinates.
    pub fn to_coordinates(self) -> ([u8; 32], [u8; 32]) {
        let inverse = self.z.invert();
        let [x, y] = [self.x, self.y].map(|value| value.times(&inverse).to_bytes());
        (x, y)
    }

    /// The 32 bytes that stand for the point (5.1.2).
    pub fn to_bytes(self) -> [u8; 32] {
        let inverse = self.z.invert();
        let is_odd = self.x.times(&inverse).is_odd();
        let mut bytes = self.y.times(&inverse).to_bytes();
        bytes[31] |= u8::from(is_odd) << 7;
        bytes
    }

    /// 2^128 times the point.
    pub fn shifted(mut self) -> Self {
        for _ in 0..128 {
            self.double(true);
        }
        self
    }

    /// `first` times `point` and `second` times [`BASE`], added. With `shifted`, 2^128 times `point`, both
    /// scalars are taken as two halves, so that half of the doublings are saved.
    pub fn combine(point: &Self, shifted: &Self, first: &Scalar, second: &Scalar) -> Self {
        let steps = [point, shifted, &BASE, &SHIFTED_BASE];
        // Each entry is the sum of the points whose bits its index has.
        let mut sums = [Self::NEUTRAL; COMBINATIONS];
        for index in 1..COMBINATIONS {
            let mut sum = sums[index & (index - 1)];
            let step = steps[index.trailing_zeros() as usize % steps.len()];
            sum.add(&step.addend(), true);
            sums[index] = sum;
        }
        let mut result = Self::NEUTRAL;
        for place in (0..Scalar::HALF_BITS).rev() {
            result.double(true);
            let halves = first.halves(place) | second.halves(place) << 2;
            result.add(&sums[halves % COMBINATIONS].addend(), false);
        }
        result
    }

    fn addend(&self) -> Addend {
        Addend {
            sum: self.y.add(&self.x),
            difference: self.y.subtract(&self.x),
            twice_z: self.z.add(&self.z),
            scaled_t: self.t.times(&D2),
        }
    }

    /// 5.1.4. Complete: right for all points, equal and neutral ones too. `with_t` as for
    /// [`finish`](Self::finish).
    #[inline(never)]
    fn add(&mut self, other: &Addend, with_t: bool) {
        let a = self.y.subtract(&self.x).times(&other.difference);
        let b = self.y.add(&self.x).times(&other.sum);
        let c = self.t.times(&other.scaled_t);
        let d = self.z.times(&other.twice_z);
        self.finish(
            &b.subtract(&a),
            &d.subtract(&c),
            &d.add(&c),
            &b.add(&a),
            with_t,
        );
    }

    /// 5.1.4. Does not need T. `with_t` as for [`finish`](Self::finish).
    #[inline(never)]
    fn double(&mut self, with_t: bool) {
        let a = self.x.square();
        let b = self.y.square();
        let z = self.z.square();
        let c = z.add(&z).carry();
        let h = a.add(&b);
        let e = h.carry().subtract(&self.x.add(&self.y).square());
        let g = a.subtract(&b);
        self.finish(&e, &c.add(&g.carry()), &g, &h, with_t);
    }

    /// The end that both have. Without `with_t`, T is left as it was: the next step must be a doubling.
    #[inline(never)]
    fn finish(&mut self, e: &Loose, f: &Loose, g: &Loose, h: &Loose, with_t: bool) {
        self.x = e.times(f);
        self.y = g.times(h);
        self.z = f.times(g);
        if with_t {
            self.t = e.times(h);
        }
    }
}
