//! Small partitions that run, and end, as the manifest says.

use partita_tests::System;

#[test]
fn a_periodic_partition_keeps_its_deadlines_beside_one_that_spins() {
    let run = System::new(
        1,
        r#"
        [partition.critical]
        criticality = "ASIL-B"
        image = "$guest"
        arguments = "periodic period-us:1000 work-us:100 tolerance-us:20"
        memory = "1MiB"
        cores = [0]
        fp = "none"
        budget = "300us"
        period = "1ms"

        [partition.spinner]
        criticality = "QM"
        image = "$guest"
        arguments = "spin"
        memory = "1MiB"
        cores = [0]
        "#,
    )
    .for_ms(300)
    .run();
    run.assert_undisturbed("critical");
    run.assert_said("spinner", "spin: running");
    assert!(run.report().cores[&0].switches > 400);
}
