//! Places the partitions' RAM.

use std::cmp::Reverse;
use std::ops::Range;

/// RAM that a partition wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// Size in bytes.
    pub(crate) size: u64,
    /// What its start must be a multiple of.
    pub(crate) granule: u64,
    /// Where it must be, if that is fixed.
    pub(crate) fixed: Option<u64>,
}

/// Finds a place in `space` for every request, in their order. Largest first; a power of two is
/// aligned to its size, so that one protection entry serves it, as long as that leaves room.
pub(crate) fn place(requests: &[Request], space: Range<u64>) -> Option<Vec<u64>> {
    let aligned = |request: &Request| {
        if request.size.is_power_of_two() {
            request.size.max(request.granule)
        } else {
            request.granule
        }
    };
    place_with(requests, space.clone(), aligned)
        .or_else(|| place_with(requests, space, |request| request.granule))
}

fn place_with(
    requests: &[Request],
    space: Range<u64>,
    alignment: impl Fn(&Request) -> u64,
) -> Option<Vec<u64>> {
    let mut taken: Vec<Range<u64>> = requests
        .iter()
        .filter_map(|request| Some(request.fixed?..request.fixed? + request.size))
        .collect();
    let mut order: Vec<usize> = (0..requests.len()).collect();
    order.sort_by_key(|index| Reverse(requests[*index].size));
    let mut bases = vec![0; requests.len()];
    for index in order {
        let request = &requests[index];
        bases[index] = match request.fixed {
            Some(base) => base,
            None => {
                let base = first_fit(&taken, &space, request.size, alignment(request))
                    .or_else(|| first_fit(&taken, &space, request.size, request.granule))?;
                taken.push(base..base + request.size);
                base
            }
        };
    }
    Some(bases)
}

/// The lowest start of `size` free bytes with this alignment.
fn first_fit(taken: &[Range<u64>], space: &Range<u64>, size: u64, alignment: u64) -> Option<u64> {
    let mut candidates: Vec<u64> = std::iter::once(space.start)
        .chain(taken.iter().map(|range| range.end))
        .filter_map(|start| start.checked_next_multiple_of(alignment))
        .collect();
    candidates.sort_unstable();
    candidates.into_iter().find(|start| {
        let Some(end) = start.checked_add(size) else {
            return false;
        };
        let free = |range: &Range<u64>| end <= range.start || range.end <= *start;
        *start >= space.start && end <= space.end && taken.iter().all(free)
    })
}

#[cfg(test)]
mod tests {
    use super::{Request, place};

    fn request(size: u64) -> Request {
        Request {
            size,
            granule: 0x1000,
            fixed: None,
        }
    }

    #[test]
    fn a_power_of_two_is_aligned_to_its_size() {
        let places = place(&[request(0x1000), request(0x4000)], 0x1000..0x1_0000).unwrap();
        assert_eq!(places, [0x1000, 0x4000]);
    }

    #[test]
    fn alignment_gives_way_when_room_is_short() {
        let places = place(&[request(0x4000)], 0x1000..0x5000).unwrap();
        assert_eq!(places, [0x1000]);
    }

    #[test]
    fn fixed_memory_is_left_alone() {
        let fixed = Request {
            fixed: Some(0x2000),
            ..request(0x1000)
        };
        let places = place(&[request(0x2000), fixed], 0x1000..0x6000).unwrap();
        assert_eq!(places, [0x4000, 0x2000]);
    }

    #[test]
    fn too_much_is_refused() {
        assert_eq!(place(&[request(0x3000), request(0x3000)], 0..0x5000), None);
    }
}
