//! A minimal runtime for real-time partitions written in Rust
