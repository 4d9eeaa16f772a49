//! Scalable vectors and matrices, which Linux has on a core where programs have floating point only.

use partita_tests::System;

/// A program that keeps its deadlines and its registers, and Linux's place, where this is done.
fn beside_a_witness(fp: &str, part: &str) -> System {
    System::on(
        "qemu-virt-aarch64",
        "cores = 1\nmemory = \"2GiB\"\ncpu = \"max\"",
        &format!(
            r#"
            [partition.witness]
            criticality = "ASIL-D"
            image = "$guest"
            arguments = "witness ticks-per-us:62 period-us:1000 tolerance-us:40 base:0xe200000 end:0xe280000"
            memory = {{ base = "0xe20_0000", size = "512KiB" }}
            cores = [0]
            fp = "{fp}"
            budget = "500us"
            period = "1ms"
            accept = ["trusted-base"]

            [partition.linux]
            criticality = "QM"
            linux = {{ kernel = "$flat", command-line = "{part}" }}
            memory = {{ base = "0x9000_0000", size = "4MiB" }}
            cores = [0]
            "#,
        ),
    )
    .shift(1)
    .for_ms(20_000)
}

#[test]
fn vectors_and_matrices_of_the_normal_world_survive_a_program_with_floating_point() {
    let run = beside_a_witness("eager", "scalable rounds:48 period-us:1300")
        .until("linux", "scalable: done")
        .run();
    run.assert_said("linux", "scalable: vectors of 256 bytes");
    run.assert_said("linux", "scalable: matrices of 256 bytes");
    run.assert_said(
        "linux",
        "scalable: 48 rounds, wrong: 0 modes, 0 vectors, 0 predicates, 0 control, 0 matrices",
    );
    run.assert_undisturbed("witness");
    run.assert_said("witness", " 0 missed, 0 strange, 0 spoilt");
    assert!(
        !run.texts("witness")
            .any(|line| line.contains(" spoilt") && !line.contains(" 0 spoilt"))
    );
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}
