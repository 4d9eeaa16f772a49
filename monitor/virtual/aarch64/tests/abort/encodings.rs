//! A second decoder of loads and stores, driven by the encodings as the architecture prints them (DDI 0487, C6.2): from
//! the highest bit to the lowest. A digit is a fixed bit; `xN` is bit N of a field with that letter.

/// `i`: the offset; `t` and `u`: the registers that are moved; `n`: the base; `m`: the other register; `s`: whether
/// that one is shifted.
const FORMS: &[(&str, &str)] = &[
    // LDP, STP, LDPSW: after, before, plain; LDNP, STNP.
    ("stp w after", "00 101 0 001 0 i7 u5 n5 t5"),
    ("ldp w after", "00 101 0 001 1 i7 u5 n5 t5"),
    ("ldpsw w after", "01 101 0 001 1 i7 u5 n5 t5"),
    ("stp x after", "10 101 0 001 0 i7 u5 n5 t5"),
    ("ldp x after", "10 101 0 001 1 i7 u5 n5 t5"),
    ("stp w before", "00 101 0 011 0 i7 u5 n5 t5"),
    ("ldp w before", "00 101 0 011 1 i7 u5 n5 t5"),
    ("ldpsw w before", "01 101 0 011 1 i7 u5 n5 t5"),
    ("stp x before", "10 101 0 011 0 i7 u5 n5 t5"),
    ("ldp x before", "10 101 0 011 1 i7 u5 n5 t5"),
    ("stp w plain", "00 101 0 010 0 i7 u5 n5 t5"),
    ("ldp w plain", "00 101 0 010 1 i7 u5 n5 t5"),
    ("ldpsw w plain", "01 101 0 010 1 i7 u5 n5 t5"),
    ("stp x plain", "10 101 0 010 0 i7 u5 n5 t5"),
    ("ldp x plain", "10 101 0 010 1 i7 u5 n5 t5"),
    ("stnp w plain", "00 101 0 000 0 i7 u5 n5 t5"),
    ("ldnp w plain", "00 101 0 000 1 i7 u5 n5 t5"),
    ("stnp x plain", "10 101 0 000 0 i7 u5 n5 t5"),
    ("ldnp x plain", "10 101 0 000 1 i7 u5 n5 t5"),
    // One register: the same for each width, with the way to the address in place of `*`.
    ("strb w *", "00 111 0 * 00"),
    ("ldrb w *", "00 111 0 * 01"),
    ("ldrsb x *", "00 111 0 * 10"),
    ("ldrsb w *", "00 111 0 * 11"),
    ("strh w *", "01 111 0 * 00"),
    ("ldrh w *", "01 111 0 * 01"),
    ("ldrsh x *", "01 111 0 * 10"),
    ("ldrsh w *", "01 111 0 * 11"),
    ("str w *", "10 111 0 * 00"),
    ("ldr w *", "10 111 0 * 01"),
    ("ldrsw x *", "10 111 0 * 10"),
    ("str x *", "11 111 0 * 00"),
    ("ldr x *", "11 111 0 * 01"),
];

/// The ways to the address of one register: the bits before `opc`, and those after it.
const WAYS: &[(&str, &str, &str)] = &[
    ("unsigned", "01", "i12 n5 t5"),
    ("unscaled", "00", "0 i9 00 n5 t5"),
    ("after", "00", "0 i9 01 n5 t5"),
    ("unprivileged", "00", "0 i9 10 n5 t5"),
    ("before", "00", "0 i9 11 n5 t5"),
    ("uxtw", "00", "1 m5 010 s1 10 n5 t5"),
    ("lsl", "00", "1 m5 011 s1 10 n5 t5"),
    ("sxtw", "00", "1 m5 110 s1 10 n5 t5"),
    ("sxtx", "00", "1 m5 111 s1 10 n5 t5"),
];

/// A form with each bit on its own: a fixed one, or a letter and its place in the field.
pub struct Form {
    pub name: String,
    bits: Vec<Bit>,
    /// Which bits are fixed, and how.
    fixed: (u32, u32),
}

enum Bit {
    Fixed(u32),
    Field(char, u32),
}

/// What an instruction means, as far as it can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    pub is_write: bool,
    pub bytes: u64,
    pub first: usize,
    pub second: Option<usize>,
    pub base: usize,
    pub index: Option<usize>,
    /// What is in the registers that it depends on: base and index.
    pub address: u64,
    pub write_back: Option<u64>,
    /// What a load of these 64 bits leaves.
    pub loaded: Option<u64>,
}

pub fn forms() -> Vec<Form> {
    let mut all = Vec::new();
    for (name, form) in FORMS {
        match form.split_once(" * ") {
            None => all.push(form_of(name, form)),
            Some((begin, opc)) => all.extend(WAYS.iter().map(|(way, before, after)| {
                form_of(
                    &name.replace('*', way),
                    &format!("{begin} {before} {opc} {after}"),
                )
            })),
        }
    }
    all
}

fn form_of(name: &str, form: &str) -> Form {
    let mut bits = Vec::new();
    for token in form.split_whitespace() {
        match token.chars().next() {
            Some(letter) if letter.is_alphabetic() => {
                let count: u32 = token[1..].parse().expect("a number of bits");
                bits.extend((0..count).rev().map(|place| Bit::Field(letter, place)));
            }
            _ => bits.extend(
                token
                    .chars()
                    .map(|digit| Bit::Fixed(digit.to_digit(2).unwrap())),
            ),
        }
    }
    assert_eq!(bits.len(), 32, "{name}");
    bits.reverse();
    let fixed = |of: fn(&Bit) -> u32| -> u32 {
        let places = bits.iter().enumerate();
        places.map(|(place, bit)| of(bit) << place).sum()
    };
    let mask = fixed(|bit| matches!(bit, Bit::Fixed(_)).into());
    let value = fixed(|bit| match bit {
        Bit::Fixed(value) => *value,
        Bit::Field(..) => 0,
    });
    Form {
        name: name.to_owned(),
        bits,
        fixed: (mask, value),
    }
}

impl Form {
    /// An instruction of this form, with other bits from `random`.
    pub fn instruction(&self, random: u32) -> u32 {
        let (mask, value) = self.fixed;
        random & !mask | value
    }

    fn field(&self, instruction: u32, letter: char) -> Option<(u64, u32)> {
        let (mut value, mut count) = (0, 0);
        for (place, bit) in self.bits.iter().enumerate() {
            if let Bit::Field(found, to) = bit
                && *found == letter
            {
                value |= u64::from(instruction >> place & 1) << to;
                count += 1;
            }
        }
        (count != 0).then_some((value, count))
    }

    fn is_of(&self, instruction: u32) -> bool {
        self.instruction(instruction) == instruction
    }

    fn meaning(&self, instruction: u32, registers: [u64; 2], memory: u64) -> Option<Meaning> {
        let mut words = self.name.split(' ');
        let (Some(mnemonic), Some(width), Some(way)) = (words.next(), words.next(), words.next())
        else {
            panic!("{} has three words", self.name)
        };
        let is_write = mnemonic.starts_with("st");
        let is_pair = self.field(instruction, 'u').is_some();
        let bytes: u64 = match mnemonic.trim_start_matches("ldr").trim_start_matches("str") {
            "b" | "sb" => 1,
            "h" | "sh" => 2,
            "sw" | "ldpsw" => 4,
            _ if width == "w" => 4,
            _ => 8,
        };
        let is_signed = matches!(mnemonic, "ldrsb" | "ldrsh" | "ldrsw" | "ldpsw");
        let is_wide = width == "x" || mnemonic == "ldpsw";
        let number = |letter| {
            self.field(instruction, letter)
                .map(|(value, _)| value as usize)
        };
        let (first, base) = (number('t')?, number('n')?);
        let offset = match self.field(instruction, 'i') {
            Some((value, _)) if way == "unsigned" => value as i64 * bytes as i64,
            Some((value, count)) => {
                let value = if value >> (count - 1) == 1 {
                    value as i64 - (1 << count)
                } else {
                    value as i64
                };
                if is_pair { value * bytes as i64 } else { value }
            }
            None => {
                let index = registers[1];
                let extended = match way {
                    "uxtw" => i64::from(index as u32),
                    "sxtw" => i64::from(index as i32),
                    _ => index as i64,
                };
                let is_shifted = number('s') == Some(1);
                extended.wrapping_mul(if is_shifted { bytes as i64 } else { 1 })
            }
        };
        let sum = registers[0].wrapping_add(offset as u64);
        let changes = matches!(way, "after" | "before");
        let second = number('u');
        // C6.2: what is "CONSTRAINED UNPREDICTABLE" in each description.
        let overlaps = changes && base != 31 && (first == base || second == Some(base));
        if overlaps || !is_write && second == Some(first) {
            return None;
        }
        let bits = memory & u64::MAX >> (64 - 8 * bytes);
        let negative = bits >> (8 * bytes - 1) == 1;
        let loaded = match (is_signed && negative, is_wide) {
            (false, _) => bits,
            (true, true) => bits | u64::MAX << (8 * bytes - 1),
            (true, false) => (bits | u64::MAX << (8 * bytes - 1)) & 0xffff_ffff,
        };
        Some(Meaning {
            is_write,
            bytes,
            first,
            second,
            base,
            index: number('m'),
            address: if way == "after" { registers[0] } else { sum },
            write_back: changes.then_some(sum),
            loaded: (!is_write).then_some(loaded),
        })
    }
}

/// What an instruction means, if it is of one of the forms.
pub fn meaning(
    forms: &[Form],
    instruction: u32,
    registers: [u64; 2],
    memory: u64,
) -> Option<Meaning> {
    let mut found = forms.iter().filter(|form| form.is_of(instruction));
    let form = found.next()?;
    assert!(found.next().is_none(), "{instruction:#x} is of two forms");
    form.meaning(instruction, registers, memory)
}
