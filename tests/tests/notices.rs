//! Partitions that are told of what goes wrong in others.

use partita_tests::System;

#[test]
fn a_partition_is_told_of_the_events_that_the_manifest_names() {
    let run = System::new(
        2,
        r#"
        [partition.listener]
        criticality = "ASIL-B"
        image = "$guest"
        arguments = "listen"
        memory = "256KiB"
        cores = [0]

        [partition.troubled]
        criticality = "QM"
        image = "$guest"
        arguments = "fault after-us:2000 call access"
        memory = "256KiB"
        cores = [1]
        restart = { limit = 1, within = "1s" }

        [partition.troubled.health]
        access-fault = { action = "restart", notify = "listener" }
        call-denied = { notify = "listener" }
        "#,
    )
    .for_ms(60)
    .run();
    let told: Vec<_> = run
        .texts("listener")
        .filter(|line| line.contains(" of "))
        .collect();
    assert_eq!(
        told,
        [
            "listen: call-denied of 1",
            "listen: access-fault of 1",
            "listen: call-denied of 1",
            "listen: access-fault of 1",
        ]
    );
    assert_eq!(run.partition("troubled").state, "failed");
}

/// FreeRTOS's instrument cluster, told of two of the events of a troubled neighbour on its core.
fn cluster_beside(troubled: &str) -> System {
    System::new(
        1,
        &format!(
            r#"
            [partition.cluster]
            criticality = "ASIL-B"
            image = "$cluster"
            memory = "1MiB"
            cores = [0]
            fp = "none"
            budget = "400us"
            period = "1ms"

            [partition.troubled]
            criticality = "QM"
            image = "$guest"
            arguments = "{troubled}"
            memory = "256KiB"
            cores = [0]
            restart = {{ limit = 1, within = "1s" }}

            [partition.troubled.health]
            access-fault = {{ action = "restart", notify = "cluster" }}
            call-denied = {{ notify = "cluster" }}
            deadline-miss = "log"
            "#
        ),
    )
    .shift(1)
    .for_ms(1_100)
}

#[test]
fn a_task_of_freertos_is_told_of_the_events_that_the_manifest_names() {
    let run = cluster_beside("fault after-us:2000 call access").run();
    let warnings: Vec<_> = run
        .texts("cluster")
        .filter_map(|line| line.strip_prefix("cluster: warning: "))
        .collect();
    assert_eq!(
        warnings,
        [
            "call-denied in partition 1",
            "access-fault in partition 1",
            "call-denied in partition 1",
            "access-fault in partition 1",
        ]
    );
    assert_eq!(run.partition("troubled").state, "failed");
    run.assert_undisturbed("cluster");
    // It is told at once: before the neighbour, which loses the core to it, does anything else.
    let event = run.time_ns("monitor", "troubled: call-denied");
    let warned = run.time_ns("cluster", "warning: call-denied");
    assert!(warned - event < 1_000_000, "{event} {warned}");
}

#[test]
fn a_task_of_freertos_is_told_of_no_event_that_the_manifest_does_not_name() {
    let run = cluster_beside("miss after-us:2000").run();
    run.assert_said("troubled", "miss: reported true");
    assert_eq!(run.events("troubled", "deadline-miss").count(), 1);
    assert_eq!(run.count("cluster", "warning"), 0);
    run.assert_undisturbed("cluster");
}
