//! Compiles the FreeRTOS kernel and the controller's tasks into the partition's image.

fn main() {
    partita_guest_freertos::build::Partition::new("tasks")
        .files(["main.c", "control.c", "report.c"])
        .build();
}
