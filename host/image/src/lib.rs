//! Packs the monitor, the system table and the partition images into one system image
