//! The deepest stack from each entry into the monitor. Ways into the panic machinery do not count: they
//! are listed apart ([`crate::panics`]).

use std::collections::{BTreeMap, BTreeSet};

use crate::code::Code;
use crate::graph::Graph;
use crate::instruction::Machine;

/// Where the hardware enters the monitor, and with which stack.
const fn entries(machine: Machine) -> [(&'static str, &'static str); 3] {
    [
        ("_start", "a core starts, or boots the system"),
        (
            machine.trap_entry(),
            "a trap from a partition, or an interrupt of the monitor's",
        ),
        (
            "monitor_fault",
            "a trap in the monitor itself; has a stack of its own",
        ),
    ]
}

/// Bytes of the guard page below each stack.
const GUARD: u64 = 4096;

struct Depth {
    bytes: u64,
    path: Vec<usize>,
}

/// Prints the deepest paths. Returns what is wrong.
pub fn report(code: &Code, graph: &Graph, frames: bool) -> Vec<String> {
    let mut flaws = Vec::new();
    if frames {
        for (function, node) in code.functions.iter().zip(&graph.nodes) {
            println!("  frame {:6}  {}", node.frame, function.name);
        }
    }
    let room = room(code);
    for (entry, meaning) in entries(code.machine) {
        let Some(start) = code
            .symbol(entry)
            .and_then(|address| code.function_at(address))
        else {
            flaws.push(format!("there is no {entry}"));
            continue;
        };
        for index in graph.reachable(start) {
            for site in &graph.nodes[index].unknown_calls {
                flaws.push(format!(
                    "{} calls through a pointer at {site:#x}",
                    code.functions[index].name
                ));
            }
        }
        match Search::new(code, graph).deepest(start) {
            Ok(depth) => {
                println!("  stack {:6} bytes from {entry}: {meaning}", depth.bytes);
                for index in depth
                    .path
                    .iter()
                    .filter(|index| graph.nodes[**index].frame != 0)
                {
                    let frame = graph.nodes[*index].frame;
                    println!("        {frame:6}   {}", code.functions[*index].name);
                }
                if depth.bytes > room {
                    flaws.push(format!(
                        "{entry} needs {} of {room} bytes of stack",
                        depth.bytes
                    ));
                }
            }
            Err(index) => {
                flaws.push(format!("{} can call itself", code.functions[index].name));
            }
        }
    }
    println!("  stack {room:6} bytes are there for each core, above a guard page");
    flaws
}

fn room(code: &Code) -> u64 {
    let stride = code.symbol("__stack_stride").unwrap_or(0);
    stride.saturating_sub(GUARD)
}

/// The deepest ways down, each found once.
struct Search<'a> {
    code: &'a Code,
    graph: &'a Graph,
    /// Functions on the way to the one that is looked at.
    above: BTreeSet<usize>,
    /// Of each function: the bytes below and with it, and where the deepest way goes on.
    known: BTreeMap<usize, (u64, Option<usize>)>,
}

impl<'a> Search<'a> {
    const fn new(code: &'a Code, graph: &'a Graph) -> Self {
        Self {
            code,
            graph,
            above: BTreeSet::new(),
            known: BTreeMap::new(),
        }
    }

    /// The deepest way down from a function, or a function that can call itself.
    fn deepest(&mut self, start: usize) -> Result<Depth, usize> {
        let bytes = self.measure(start)?;
        let next = |index: &usize| self.known.get(index).and_then(|(_, next)| *next);
        let path = std::iter::successors(Some(start), next).collect();
        Ok(Depth { bytes, path })
    }

    fn measure(&mut self, index: usize) -> Result<u64, usize> {
        if let Some((bytes, _)) = self.known.get(&index) {
            return Ok(*bytes);
        }
        if !self.above.insert(index) {
            return Err(index);
        }
        let node = &self.graph.nodes[index];
        let mut most = (0, None);
        for edge in &node.edges {
            if self.code.functions[edge.target].panics() {
                continue;
            }
            let below = self.measure(edge.target)?;
            if below > most.0 || most.1.is_none() {
                most = (below, Some(edge.target));
            }
        }
        self.above.remove(&index);
        let bytes = node.frame + most.0;
        self.known.insert(index, (bytes, most.1));
        Ok(bytes)
    }
}
