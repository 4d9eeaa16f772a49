//! Links the program as a partition image.

use partita_guest_rt::build::link_partition_with_stack;

fn main() {
    // Some parts hold all registers there are, several times over.
    link_partition_with_stack(0x1_0000);
}
