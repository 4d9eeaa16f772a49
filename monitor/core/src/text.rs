//! A line of text of bounded length, made without the formatting machinery of `core::fmt`.
//!
//! `core::fmt` costs thousands of instructions a line and a fifth of the monitor's text budget; a
//! health event that a partition can cause must cost neither.

/// A line under construction. What does not fit is cut off.
#[derive(Clone, Debug)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    /// An empty line.
    pub const fn new() -> Self {
        Self {
            bytes: [0; N],
            length: 0,
        }
    }

    /// Makes the line empty.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// The bytes so far.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Appends one byte.
    #[inline]
    pub fn byte(&mut self, byte: u8) -> &mut Self {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length = self.length.saturating_add(1);
        }
        self
    }

    /// Appends bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let room = self.bytes.get_mut(self.length..).unwrap_or_default();
        let bytes = bytes.get(..room.len()).unwrap_or(bytes);
        for (place, byte) in room.iter_mut().zip(bytes) {
            *place = *byte;
        }
        self.length = self.length.saturating_add(bytes.len());
        self
    }

    /// Appends text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Appends a number in decimal, filled up to `width` with `fill`.
    pub fn decimal_padded(&mut self, mut value: u64, width: usize, fill: u8) -> &mut Self {
        let mut digits = [fill; 20];
        let mut used = 0;
        for place in digits.iter_mut().rev() {
            *place = b'0' + (value % 10) as u8;
            used += 1;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        let length = used.max(width.min(digits.len()));
        for digit in digits.iter().skip(digits.len().saturating_sub(length)) {
            self.byte(*digit);
        }
        self
    }

    /// Appends a number in decimal.
    pub fn decimal(&mut self, value: u64) -> &mut Self {
        self.decimal_padded(value, 1, b' ')
    }

    /// Appends a number in hexadecimal with `0x` before it.
    pub fn hex(&mut self, value: u64) -> &mut Self {
        self.text("0x");
        let digits = (64 - value.leading_zeros()).div_ceil(4).max(1);
        for digit in (0..digits).rev() {
            self.nibble(value.wrapping_shr(4 * digit));
        }
        self
    }

    /// Appends a byte as two hexadecimal digits.
    pub fn hex_byte(&mut self, byte: u8) -> &mut Self {
        self.nibble(u64::from(byte >> 4)).nibble(u64::from(byte))
    }

    fn nibble(&mut self, value: u64) -> &mut Self {
        let value = (value & 0xf) as u8;
        self.byte(if value < 10 {
            b'0' + value
        } else {
            b'a' + value - 10
        })
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn numbers_read_as_the_standard_library_writes_them() {
        for value in [0, 1, 9, 10, 0xdead_beef, u64::MAX] {
            let mut text = Text::<64>::new();
            text.decimal(value)
                .byte(b' ')
                .hex(value)
                .byte(b' ')
                .decimal_padded(value, 9, b'0');
            let expected = format!("{value} {value:#x} {value:09}");
            assert_eq!(text.as_bytes(), expected.as_bytes());
        }
    }

    #[test]
    fn what_does_not_fit_is_cut_off() {
        let mut text = Text::<4>::new();
        text.text("abcdef").hex_byte(0xa5);
        assert_eq!(text.as_bytes(), b"abcd");
    }
}
