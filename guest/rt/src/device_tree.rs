//! What a real-time partition reads from its device tree: its command line and the rate of its time.
//!
//! A general device-tree crate would be a third of a small partition's image, which the monitor
//! hashes before it starts; so this reads just the structure block (Devicetree Specification 0.4,
//! chapter 5), and answers `None` to anything malformed.

/// The first word of a device tree.
const MAGIC: u32 = 0xd00d_feed;
/// The tokens of the structure block.
const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROPERTY: u32 = 3;
const NOTHING: u32 = 4;
/// The size of the header, which is all that is read before the size of the tree is known.
const HEADER_BYTES: usize = 40;
/// More than any device tree of a partition has.
const MAX_BYTES: usize = 1 << 20;

/// The bytes of the device tree at `address`, or `None` if there is none.
///
/// # Safety
///
/// `address` is what the monitor gave the partition in `a1`, or points to other memory that stays
/// unchanged; a device tree there lies in the partition's memory as a whole.
#[must_use]
pub unsafe fn at(address: usize) -> Option<&'static [u8]> {
    if address == 0 {
        return None;
    }
    let start = core::ptr::with_exposed_provenance::<u8>(address);
    // SAFETY: by this function's contract there are at least the bytes of a header.
    let header = unsafe { core::slice::from_raw_parts(start, HEADER_BYTES) };
    let size = word(header, 4)? as usize;
    if word(header, 0)? != MAGIC || !(HEADER_BYTES..=MAX_BYTES).contains(&size) {
        return None;
    }
    // SAFETY: by this function's contract the tree of this size lies there as a whole.
    Some(unsafe { core::slice::from_raw_parts(start, size) })
}

/// The value of `/chosen/bootargs`, the partition's command line.
#[must_use]
pub fn boot_arguments(tree: &[u8]) -> Option<&str> {
    let value = property(tree, b"chosen", b"bootargs")?;
    core::str::from_utf8(string(value, 0)?).ok()
}

/// The value of `/cpus/timebase-frequency`: how many ticks `time` has in a second.
#[must_use]
pub fn time_hz(tree: &[u8]) -> Option<u32> {
    word(property(tree, b"cpus", b"timebase-frequency")?, 0)
}

/// The interrupt with this index of a node under the root, where interrupts are plain numbers.
#[must_use]
pub fn interrupt(tree: &[u8], node: &[u8], index: usize) -> Option<u32> {
    word(property(tree, node, b"interrupts")?, index.checked_mul(4)?)
}

/// Whether the text of a property of a node under the root is this.
#[must_use]
pub fn says(tree: &[u8], node: &[u8], name: &[u8], text: &[u8]) -> bool {
    property(tree, node, name).is_some_and(|value| string(value, 0) == Some(text))
}

/// The base address of a window, by its index, in `reg` of the node `node` under the root,
/// if it is `compatible` with this.
#[must_use]
pub fn window(tree: &[u8], node: &[u8], compatible: &[u8], index: usize) -> Option<u64> {
    if string(property(tree, node, b"compatible")?, 0)? != compatible {
        return None;
    }
    let reg = property(tree, node, b"reg")?;
    let at = index.checked_mul(16)?;
    let (high, low) = (word(reg, at)?, word(reg, at.checked_add(4)?)?);
    Some(u64::from(high) << 32 | u64::from(low))
}

/// The value of a property of a node under the root, which may have an address behind its name.
fn property<'a>(tree: &'a [u8], node: &[u8], property: &[u8]) -> Option<&'a [u8]> {
    if word(tree, 0)? != MAGIC {
        return None;
    }
    let mut at = word(tree, 8)? as usize;
    let strings = word(tree, 12)? as usize;
    let mut depth = 0_usize;
    let mut in_node = false;
    loop {
        let token = word(tree, at)?;
        at = at.checked_add(4)?;
        match token {
            BEGIN_NODE => {
                let name = string(tree, at)?;
                at = aligned(at.checked_add(name.len())?.checked_add(1)?)?;
                depth += 1;
                let base = name.split(|byte| *byte == b'@').next();
                in_node = depth == 2 && base == Some(node);
            }
            END_NODE => {
                depth = depth.checked_sub(1)?;
                in_node = false;
            }
            PROPERTY => {
                let length = word(tree, at)? as usize;
                let name = strings.checked_add(word(tree, at.checked_add(4)?)? as usize)?;
                let value = at.checked_add(8)?;
                let end = value.checked_add(length)?;
                if in_node && string(tree, name)? == property {
                    return tree.get(value..end);
                }
                at = aligned(end)?;
            }
            NOTHING => {}
            _ => return None,
        }
    }
}

/// Whether `word` is one of the words of a command line.
#[must_use]
pub fn has_argument(arguments: &str, word: &str) -> bool {
    arguments
        .split_ascii_whitespace()
        .any(|argument| argument == word)
}

/// The big-endian number at `offset`.
fn word(tree: &[u8], offset: usize) -> Option<u32> {
    let bytes = tree.get(offset..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*bytes))
}

/// The bytes from `offset` to the next zero byte.
fn string(tree: &[u8], offset: usize) -> Option<&[u8]> {
    let bytes = tree.get(offset..)?;
    let length = bytes.iter().position(|&byte| byte == 0)?;
    Some(&bytes[..length])
}

/// The next multiple of 4, to which tokens are aligned.
fn aligned(offset: usize) -> Option<usize> {
    offset.checked_next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree from a structure block; the strings are `bootargs`, `reg` and `timebase-frequency`.
    fn tree(structure: &[u8]) -> Vec<u8> {
        let strings = b"bootargs\0reg\0timebase-frequency\0";
        let total = HEADER_BYTES + structure.len() + strings.len();
        let words = [
            MAGIC as usize,
            total,
            HEADER_BYTES,
            HEADER_BYTES + structure.len(),
            0,
            17,
            16,
            0,
            strings.len(),
            structure.len(),
        ];
        let mut tree: Vec<u8> = words
            .iter()
            .flat_map(|&word| u32::try_from(word).unwrap().to_be_bytes())
            .collect();
        tree.extend_from_slice(structure);
        tree.extend_from_slice(strings);
        tree
    }

    fn begin(name: &str) -> Vec<u8> {
        let mut node = BEGIN_NODE.to_be_bytes().to_vec();
        node.extend_from_slice(name.as_bytes());
        node.push(0);
        node.resize(node.len().next_multiple_of(4), 0);
        node
    }

    fn property(name: u32, value: &[u8]) -> Vec<u8> {
        let mut property = PROPERTY.to_be_bytes().to_vec();
        property.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
        property.extend_from_slice(&name.to_be_bytes());
        property.extend_from_slice(value);
        property.resize(property.len().next_multiple_of(4), 0);
        property
    }

    fn end() -> Vec<u8> {
        END_NODE.to_be_bytes().to_vec()
    }

    fn example() -> Vec<u8> {
        let cpus = [
            begin("cpus"),
            property(13, &1_000_000_u32.to_be_bytes()),
            begin("chosen"),
            property(0, b"wrong\0"),
            end(),
            end(),
        ]
        .concat();
        let chosen = [
            begin("chosen"),
            property(9, &[1]),
            property(0, b"measure spin\0"),
            end(),
        ]
        .concat();
        let nothing = NOTHING.to_be_bytes().to_vec();
        tree(
            &[
                begin(""),
                nothing,
                cpus,
                chosen,
                end(),
                9_u32.to_be_bytes().to_vec(),
            ]
            .concat(),
        )
    }

    #[test]
    fn the_boot_arguments_are_those_of_the_chosen_node_under_the_root() {
        assert_eq!(boot_arguments(&example()), Some("measure spin"));
    }

    #[test]
    fn the_rate_of_the_time_is_that_of_the_processors() {
        assert_eq!(time_hz(&example()), Some(1_000_000));
        assert_eq!(time_hz(&tree(&[begin(""), end()].concat())), None);
    }

    #[test]
    fn a_window_is_found_by_the_name_in_front_of_the_address() {
        let reg: Vec<u8> = [0x800_0000_u64, 0x1_0000, 0x801_0000, 0x1_0000]
            .into_iter()
            .flat_map(u64::to_be_bytes)
            .collect();
        let strings = b"compatible\0reg\0";
        let structure = [
            begin(""),
            begin("interrupt-controller@8000000"),
            property(0, b"arm,gic-400\0"),
            property(11, &reg),
            end(),
            end(),
            9_u32.to_be_bytes().to_vec(),
        ]
        .concat();
        let mut tree = tree(&structure);
        let at = word(&tree, 12).unwrap() as usize;
        tree[at..at + strings.len()].copy_from_slice(strings);
        let find = |node, compatible| window(&tree, node, compatible, 1);
        let found = find(b"interrupt-controller" as &[u8], b"arm,gic-400" as &[u8]);
        assert_eq!(found, Some(0x801_0000));
        assert_eq!(find(b"interrupt-controller", b"arm,gic-v3"), None);
        assert_eq!(find(b"interrupt", b"arm,gic-400"), None);
    }

    #[test]
    fn a_tree_without_boot_arguments_has_none() {
        let structure = [
            begin(""),
            begin("chosen"),
            end(),
            end(),
            9_u32.to_be_bytes().to_vec(),
        ];
        assert_eq!(boot_arguments(&tree(&structure.concat())), None);
    }

    #[test]
    fn a_truncated_tree_is_read_without_a_panic() {
        let example = example();
        for length in 0..example.len() {
            let _ = boot_arguments(&example[..length]);
            let _ = time_hz(&example[..length]);
        }
    }

    #[test]
    fn a_tree_with_any_byte_changed_is_read_without_a_panic() {
        let example = example();
        for position in 0..example.len() {
            for value in [0, 1, 2, 3, 4, 0x7f, 0x80, 0xff] {
                let mut changed = example.clone();
                changed[position] = value;
                let _ = boot_arguments(&changed);
                let _ = time_hz(&changed);
            }
        }
    }

    #[test]
    fn an_argument_is_a_whole_word() {
        assert!(has_argument("measure spin", "spin"));
        assert!(!has_argument("measurement spinner", "spin"));
        assert!(!has_argument("", "spin"));
    }
}
