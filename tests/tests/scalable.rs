//! Scalable vectors and matrices, which Linux has on a core where programs have floating point only.

use partita_tests::{Run, System};

/// A program that keeps its deadlines and its registers, on a core with this in Linux's place.
fn beside_a_witness(fp: &str, memory: &str, linux: &str) -> System {
    System::on(
        "qemu-virt-aarch64",
        &format!("cores = 1\nmemory = \"{memory}\"\ncpu = \"max\""),
        &format!(
            r#"
            [partition.witness]
            criticality = "ASIL-D"
            image = "$guest"
            arguments = "witness ticks-per-us:62 tolerance-us:40 base:0xe200000 end:0xe280000"
            memory = {{ base = "0xe20_0000", size = "512KiB" }}
            cores = [0]
            fp = "{fp}"
            budget = "500us"
            period = "1ms"
            accept = ["trusted-base"]

            [partition.linux]
            criticality = "QM"
            cores = [0]
            {linux}
            "#,
        ),
    )
    .shift(1)
    .for_ms(20_000)
}

/// The tests' program in Linux's place. `fp` is the program's and Linux's.
fn with_part(part: &str, fp: [&str; 2]) -> System {
    let [program, linux] = fp;
    let linux = format!(
        r#"
        linux = {{ kernel = "$flat", command-line = "{part} memory:0x90200000" }}
        memory = {{ base = "0x9000_0000", size = "4MiB" }}
        fp = "{linux}"
        "#
    );
    beside_a_witness(program, "2GiB", &linux)
}

fn assert_undisturbed(run: &Run) {
    run.assert_undisturbed("witness");
    run.assert_said("witness", "witness: 40 periods");
    let mut reports = run.texts("witness").filter(|line| line.contains("spoilt"));
    assert!(reports.all(|line| line.ends_with(" 0 missed, 0 strange, 0 spoilt")));
    assert!(run.report().healthy, "{:?}", run.report().reasons);
}

#[test]
fn vectors_and_matrices_of_the_normal_world_survive_a_program_with_floating_point() {
    // With the longest vectors, and with short ones where streaming mode has no first-fault register.
    for (cpu, fp, vectors, matrices) in [
        (
            "max",
            ["eager", "lazy"],
            256,
            "256 bytes, all instructions true",
        ),
        (
            "max,sve-max-vq=4,sme256=off,sme512=off,sme1024=off,sme2048=off,sme_fa64=off",
            ["lazy", "eager"],
            64,
            "16 bytes, all instructions false",
        ),
    ] {
        let run = with_part("scalable rounds:48 period-us:1300", fp)
            .qemu(&["-cpu", &format!("{cpu},cntfrq=62500000")])
            .until("linux", "scalable: done")
            .run();
        run.assert_said("linux", &format!("scalable: vectors of {vectors} bytes"));
        run.assert_said("linux", &format!("scalable: matrices of {matrices}"));
        run.assert_said(
            "linux",
            "scalable: 48 rounds, wrong: 0 modes, 0 vectors, 0 predicates, 0 control, 0 matrices",
        );
        assert_undisturbed(&run);
    }
}

#[test]
fn a_restart_leaves_no_vectors_no_matrices_and_no_streaming_mode() {
    let run = with_part("scalable-left", ["eager", "lazy"])
        .for_ms(900)
        .run();
    let starts = run.count("linux", "scalable: leaves something");
    assert!(starts >= 3, "it started {starts} times");
    let found: Vec<_> = run
        .texts("linux")
        .filter(|line| line.contains("found"))
        .collect();
    assert!(found.len() >= 3);
    for line in found {
        assert_eq!(
            line,
            "scalable: found mode 0, 0 bytes of vectors and predicates"
        );
    }
    assert_eq!(run.partition("witness").deadlines.missed, 0);
}

#[test]
fn vectors_and_matrices_of_a_task_of_linux_survive_a_program_with_floating_point() {
    let linux = r#"
        linux = { kernel = "$kernel", initramfs = "$checks", command-line = "quiet partita.run=idle" }
        memory = "128MiB"
        "#;
    let run = beside_a_witness("eager", "512MiB", linux)
        .expect("linux", "linux# ")
        .send("linux", "check scalable 48 2300\n")
        .until("linux", "check: scalable 48 rounds")
        .run();
    run.assert_said("linux", "check: vectors of 256 bytes");
    // Debian's kernel is built without SME.
    assert!(!run.said("linux", "check: matrices"));
    run.assert_said(
        "linux",
        "check: 0 modes, 0 vectors, 0 predicates, 0 control, 0 matrices wrong",
    );
    assert_undisturbed(&run);
}
