//! A queue of bytes of fixed size.

/// Bytes that a queue holds; a power of two.
const BYTES: u32 = 4096;

/// First in, first out.
#[repr(C)]
pub(crate) struct Queue {
    /// Counts of bytes ever put in and taken out, wrapping.
    put: u32,
    taken: u32,
    bytes: [u8; BYTES as usize],
}

impl Queue {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; BYTES as usize],
            put: 0,
            taken: 0,
        }
    }

    /// Whether it has room for so many bytes.
    #[inline]
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.put.wrapping_sub(self.taken) as usize + bytes <= BYTES as usize
    }

    /// Puts a byte in. The caller has seen that there is room; without, the oldest bytes are lost.
    #[inline]
    pub(crate) fn push(&mut self, byte: u8) {
        self.bytes[(self.put % BYTES) as usize] = byte;
        self.put = self.put.wrapping_add(1);
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
    fn bytes_come_out_in_order_and_the_room_is_right() {
        let mut queue = Queue::new();
        // Several times around, with the counts wrapping.
        queue.put = u32::MAX - 5000;
        queue.taken = queue.put;
        for round in 0..5_u32 {
            assert!(queue.has_room(BYTES as usize) && !queue.has_room(BYTES as usize + 1));
            (0..BYTES).for_each(|number| queue.push((number + round) as u8));
            assert!(queue.has_room(0) && !queue.has_room(1));
            for number in 0..BYTES {
                assert_eq!(queue.pop(), Some((number + round) as u8));
            }
            assert_eq!(queue.pop(), None);
        }
    }
}
