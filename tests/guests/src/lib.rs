//! Rust guests that the tests put into partitions
