//! Compiles the FreeRTOS kernel and the cluster's tasks into the partition's image.

fn main() {
    partita_guest_freertos::build::Partition::new("tasks")
        .files([
            "main.c",
            "periodic.c",
            "vehicle.c",
            "gauges.c",
            "self_test.c",
            "report.c",
            "warnings.c",
        ])
        .build();
}
