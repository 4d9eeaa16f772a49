//! Set-up, build, demo, test and bench of this repository

fn main() {}
