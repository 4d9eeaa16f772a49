//! The binary contracts between the monitor, the partitions and the host tools
