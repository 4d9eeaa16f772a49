//! Who calls whom, and how much stack each function takes.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::code::Code;
use crate::instruction::Effect;

/// One way from a function to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The address of the call or of the jump.
    pub site: u64,
    /// Index of the function that it leads to.
    pub target: usize,
}

/// One function.
#[derive(Default)]
pub struct Node {
    /// Calls and tail calls.
    pub edges: Vec<Edge>,
    /// The most bytes of stack that it takes itself.
    pub frame: u64,
    /// It sets the stack pointer to a new value: what was there before does not count.
    pub sets_stack: bool,
    /// Addresses of calls whose target is not in the code.
    pub unknown_calls: Vec<u64>,
}

/// The functions of a [`Code`], by the same indexes.
pub struct Graph {
    /// The functions.
    pub nodes: Vec<Node>,
}

impl Graph {
    /// Reads all functions.
    pub fn of(code: &Code) -> Result<Self> {
        let nodes = (0..code.functions.len()).map(|index| read(code, index));
        Ok(Self {
            nodes: nodes.collect::<Result<_>>()?,
        })
    }

    /// All functions that some way leads to from `start`.
    pub fn reachable(&self, start: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::from([start]);
        let mut open = vec![start];
        while let Some(index) = open.pop() {
            for edge in &self.nodes[index].edges {
                if found.insert(edge.target) {
                    open.push(edge.target);
                }
            }
        }
        found
    }
}

fn read(code: &Code, index: usize) -> Result<Node> {
    let function = &code.functions[index];
    let mut node = Node::default();
    let (sp, ra) = (code.machine.stack_pointer(), code.machine.return_address());
    let mut nothing = [None::<i64>; 32];
    if let Some(zero) = code.machine.zero() {
        nothing[zero as usize] = Some(0);
    }
    let mut known = nothing;
    let mut address = function.start;
    while address < function.end {
        if code.is_constant(address) {
            address += 2;
            continue;
        }
        let decoded = code.machine.decode(code.bytes_at(address), address);
        let Some((effect, length)) = decoded else {
            break;
        };
        let lead_to = |node: &mut Node, target: u64, links: bool| {
            match code.function_at(target) {
                // A jump inside of the function; a call of itself is an edge.
                Some(found) if found == index && !(links && target == function.start) => {}
                Some(found) => node.edges.push(Edge {
                    site: address,
                    target: found,
                }),
                None => node.unknown_calls.push(address),
            }
        };
        match effect {
            Effect::Jump { target, links } => lead_to(&mut node, target, links),
            Effect::JumpRegister {
                base,
                offset: 0,
                links: false,
            } if base == ra => {}
            Effect::JumpRegister {
                base,
                offset,
                links,
            } => match known[base as usize] {
                Some(value) => {
                    lead_to(&mut node, value.wrapping_add(offset) as u64, links);
                }
                // A jump through a table stays in the function; a call through a pointer could go
                // anywhere.
                None if !links => {}
                None => node.unknown_calls.push(address),
            },
            Effect::UpperAddress { register, .. } if register == sp => node.sets_stack = true,
            Effect::UpperAddress { register, value } => {
                known[register as usize] = Some(value as i64);
            }
            Effect::UpperImmediate { register, value } => known[register as usize] = Some(value),
            Effect::AddImmediate { to, from, value }
                if to == sp && from == sp && !node.sets_stack =>
            {
                node.frame += u64::try_from(-value).unwrap_or(0);
            }
            Effect::AddImmediate { to, from, .. } if to == sp && from != sp => {
                // Frame pointers are not used, so this is a new stack or a mistake of ours.
                node.sets_stack = true;
            }
            Effect::AddImmediate { to, from, value } => {
                let sum = known[from as usize].map(|before| before.wrapping_add(value));
                known[to as usize] = sum;
            }
            Effect::StackByRegister { register, adds } if !node.sets_stack => {
                let Some(value) = known[register as usize] else {
                    bail!("{}: a frame of unknown size at {address:#x}", function.name);
                };
                let taken = if adds { value.wrapping_neg() } else { value };
                node.frame += u64::try_from(taken).unwrap_or(0);
            }
            // Whoever gets a new stack is assembly, and makes no frame on it.
            Effect::StackSet | Effect::StackByRegister { .. } => node.sets_stack = true,
            Effect::Other { writes } => {
                if let Some(register) = writes {
                    known[register as usize] = None;
                }
            }
            Effect::WritesSeveral => known = nothing,
        }
        // What follows a call or a jump has other values in its registers.
        if let Effect::JumpRegister { links: true, .. } | Effect::Jump { links: true, .. } = effect
        {
            known = nothing;
        }
        address += length;
    }
    Ok(node)
}
