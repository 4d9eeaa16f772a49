//! Links the program as a partition image.

use partita_guest_rt::build::{builds_for_a_partition, link_partition};

fn main() {
    link_partition();
    if builds_for_a_partition() {
        // Some parts hold all registers there are, several times over.
        println!("cargo::rustc-link-arg-bins=--defsym=__stack_size=0x10000");
    }
}
