//! Links the program as a partition image.

fn main() {
    partita_guest_rt::build::link_partition();
}
