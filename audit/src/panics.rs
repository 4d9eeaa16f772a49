//! The places from which the panic machinery can be reached.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::code::Code;
use crate::graph::Graph;
use crate::reasons::Reasons;

/// A place that panics.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// The function whose source says so, without its crate's version.
    pub function: String,
    /// What went wrong, as the name of the function in `core` says; see [`kind`].
    pub kind: String,
    /// Its place in the source.
    pub place: String,
}

/// Prints all sites. Returns what is wrong.
pub fn report(code: &Code, graph: &Graph, reasons: &mut Reasons) -> Result<Vec<String>> {
    let mut sites = BTreeSet::new();
    for (index, node) in graph
        .nodes
        .iter()
        .enumerate()
        .filter(|(index, _)| !code.functions[*index].panics())
    {
        for edge in node
            .edges
            .iter()
            .filter(|edge| code.functions[edge.target].panics())
        {
            sites.insert(site(
                code,
                index,
                edge.site,
                &code.functions[edge.target].name,
            ));
        }
    }
    println!("  {} panic sites", sites.len());
    let mut flaws = Vec::new();
    for site in sites {
        match reasons.find(&site) {
            Some(reason) => println!("    {} in {}: {reason}", site.kind, site.function),
            None => flaws.push(format!(
                "{} in {} at {} has no reason why no partition reaches it",
                site.kind, site.function, site.place
            )),
        }
    }
    Ok(flaws)
}

fn site(code: &Code, function: usize, address: u64, panic: &str) -> Site {
    // The innermost frame outside of the standard library is ours.
    let frames = code.lines_of(address);
    let own = frames
        .iter()
        .find(|(_, file, line)| *line != 0 && !file.contains("/library/"))
        .or(frames.last());
    let name = own.map_or(code.functions[function].name.clone(), |(name, ..)| {
        name.clone()
    });
    let place = own.map_or(format!("{address:#x}"), |(_, file, line)| {
        format!("{file}:{line}")
    });
    Site {
        function: name,
        kind: kind(panic.rsplit("::").next().unwrap_or(panic)).to_owned(),
        place,
    }
}

/// What went wrong. The functions for overflow, division by zero and the like are the same code, of which the compiler
/// keeps any one.
fn kind(function: &str) -> &str {
    const CONSTANT: &str = "panic_const";
    if function.starts_with(CONSTANT) {
        CONSTANT
    } else {
        function
    }
}
