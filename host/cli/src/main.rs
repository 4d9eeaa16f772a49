//! The partita command: check, explain, build and run mixed-criticality systems

fn main() {}
