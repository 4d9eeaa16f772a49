//! A queue of bytes of fixed size.

/// Bytes that a queue holds; a power of two.
const BYTES: u32 = 4096;

/// First in, first out.
pub(crate) struct Queue {
    bytes: [u8; BYTES as usize],
    /// Counts of bytes ever put in and taken out, wrapping.
    put: u32,
    taken: u32,
}

impl Queue {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; BYTES as usize],
            put: 0,
            taken: 0,
        }
    }

    /// How many bytes it has room for.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        (BYTES - self.put.wrapping_sub(self.taken).min(BYTES)) as usize
    }

    /// Puts a byte in; without room it is lost.
    #[inline]
    pub(crate) fn push(&mut self, byte: u8) {
        if self.room() != 0 {
            self.bytes[(self.put % BYTES) as usize] = byte;
            self.put = self.put.wrapping_add(1);
        }
    }

    /// Takes the oldest byte out.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<u8> {
        if self.put == self.taken {
            return None;
        }
        let byte = self.bytes[(self.taken % BYTES) as usize];
        self.taken = self.taken.wrapping_add(1);
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES, Queue};

    #[test]
    fn bytes_come_out_in_order_and_none_beyond_the_room_is_taken() {
        let mut queue = Queue::new();
        // Several times around, with the counts wrapping.
        queue.put = u32::MAX - 5000;
        queue.taken = queue.put;
        for round in 0..5_u32 {
            let fits = queue.room() as u32;
            assert_eq!(fits, BYTES);
            (0..fits + 3).for_each(|number| queue.push((number + round) as u8));
            assert_eq!(queue.room(), 0);
            for number in 0..fits {
                assert_eq!(queue.pop(), Some((number + round) as u8));
            }
            assert_eq!(queue.pop(), None);
        }
    }
}
