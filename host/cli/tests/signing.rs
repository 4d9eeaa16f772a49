//! Keys and signatures by the command: what is written, what is refused, what is named. OpenSSL reads and
//! writes the same.

#[path = "../../run/tests/fake/mod.rs"]
mod fake;

use partita_abi::image::{SIGNATURE_OFFSET, STORE_OFFSET, TABLE_OFFSET};
use partita_abi::signature::Provision;
use partita_abi::table::Header;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use zerocopy::IntoBytes as _;

const IMAGE: &str = "out/duet.img";
/// The signature itself, behind the magic bytes and the key's id.
const SIGNATURE: usize = SIGNATURE_OFFSET as usize + 16;

fn output(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_partita"))
        .current_dir(folder)
        .args(arguments)
        .env_remove("PARTITA_BOARDS")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[track_caller]
fn good(folder: &Path, arguments: &[&str]) -> String {
    let (status, out, err) = output(folder, arguments);
    assert_eq!(status, 0, "{arguments:?}: {err}");
    out
}

#[track_caller]
fn bad(folder: &Path, expected: i32, arguments: &[&str], said: &str) {
    let (status, out, err) = output(folder, arguments);
    assert_eq!((status, &*out), (expected, ""), "{arguments:?}: {err}");
    assert!(err.contains(said), "{arguments:?}: {err}");
}

/// A folder with a manifest, a monitor that can be provisioned, and two pairs of keys.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fake::manifest(path);
    fs::write(path.join("monitor.elf"), fake::monitor(b"")).unwrap();
    good(path, &["keygen", "vendor"]);
    good(path, &["keygen", "other"]);
    folder
}

fn build(folder: &Path, more: &[&str]) {
    let arguments = [
        "build",
        "system.toml",
        "-o",
        "out",
        "--monitor",
        "monitor.elf",
    ];
    good(folder, &[&arguments, more].concat());
}

/// The problems that `partita verify --json` finds.
fn problems(folder: &Path, more: &[&str]) -> Vec<String> {
    let arguments = ["verify", IMAGE, "--key", "vendor.pub", "--json"];
    let (status, out, err) = output(folder, &[&arguments, more].concat());
    let value: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out} {err}"));
    let problems: Vec<_> = value["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(status, i32::from(!problems.is_empty()));
    assert_eq!(value["ok"], problems.is_empty());
    problems
}

fn change(folder: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let path = folder.join(IMAGE);
    let mut image = fs::read(&path).unwrap();
    change(&mut image);
    fs::write(&path, image).unwrap();
}

#[test]
fn keygen_writes_a_pair_that_nobody_else_reads_and_replaces_nothing() {
    let folder = folder();
    let folder = folder.path();
    let mode = |name| {
        fs::metadata(folder.join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("vendor.key"), 0o600);
    let before = fs::read(folder.join("vendor.key")).unwrap();
    assert!(before.starts_with(b"-----BEGIN PRIVATE KEY-----\n"));
    assert_ne!(before, fs::read(folder.join("other.key")).unwrap());
    bad(folder, 3, &["keygen", "vendor"], "vendor.key exists");
    fs::remove_file(folder.join("vendor.key")).unwrap();
    bad(folder, 3, &["keygen", "vendor"], "vendor.pub exists");
    assert!(!folder.join("vendor.key").exists());
    bad(
        folder,
        3,
        &["keygen", "no/folder"],
        "cannot write no/folder.key",
    );
    let told: Value = serde_json::from_str(&good(folder, &["keygen", "a.b", "--json"])).unwrap();
    assert_eq!(told["private"], "a.b.key");
    assert_eq!(told["key"].as_str().unwrap().len(), 16);
}

#[test]
fn a_key_of_the_wrong_kind_is_told() {
    let folder = folder();
    let folder = folder.path();
    build(folder, &[]);
    bad(
        folder,
        3,
        &["sign", IMAGE, "--key", "vendor.pub"],
        "give the private key",
    );
    bad(
        folder,
        3,
        &["verify", IMAGE, "--key", "vendor.key"],
        "this is a private key",
    );
    bad(
        folder,
        3,
        &["verify", IMAGE, "--key", "system.toml"],
        "not an Ed25519 public key",
    );
    bad(
        folder,
        3,
        &["sign", IMAGE, "--key", "system.toml"],
        "Ed25519 private key",
    );
    bad(
        folder,
        3,
        &["sign", IMAGE, "--key", "none.key"],
        "cannot read none.key",
    );
    let pair = [
        "build",
        "system.toml",
        "-o",
        "out",
        "--monitor",
        "monitor.elf",
    ];
    let mixed = [&pair[..], &["--key", "vendor.pub", "--sign", "other.key"]].concat();
    bad(folder, 3, &mixed, "give the two keys of one pair");
    let alone = [&pair[..], &["--lowest-version", "1"]].concat();
    bad(folder, 2, &alone, "--key");
    let higher = [&pair[..], &["--key", "vendor.pub", "--lowest-version", "1"]].concat();
    bad(folder, 3, &higher, "raise `version`");
}

#[test]
fn a_monitor_without_a_place_for_a_key_is_told() {
    let folder = folder();
    let folder = folder.path();
    let monitor = fake::elf(2, 0x8000_0000, b"no place");
    fs::write(folder.join("monitor.elf"), monitor).unwrap();
    let arguments = [
        "build",
        "system.toml",
        "-o",
        "out",
        "--monitor",
        "monitor.elf",
    ];
    let provisioned = [&arguments[..], &["--key", "vendor.pub"]].concat();
    bad(
        folder,
        3,
        &provisioned,
        "the monitor has no place for a key",
    );
}

#[test]
fn an_image_that_is_signed_at_once_is_the_same_as_one_that_is_signed_later() {
    let folder = folder();
    let folder = folder.path();
    let trusted = ["--key", "vendor.pub"];
    build(folder, &[&trusted[..], &["--sign", "vendor.key"]].concat());
    let at_once = fs::read(folder.join(IMAGE)).unwrap();
    assert_eq!(problems(folder, &[]), [""; 0]);
    build(folder, &trusted);
    let unsigned = fs::read(folder.join(IMAGE)).unwrap();
    assert_eq!(problems(folder, &[]), ["it is not signed"]);
    good(
        folder,
        &["sign", IMAGE, "--key", "vendor.key", "-o", "signed.img"],
    );
    assert_eq!(fs::read(folder.join("signed.img")).unwrap(), at_once);
    assert_eq!(fs::read(folder.join(IMAGE)).unwrap(), unsigned);
    good(folder, &["sign", IMAGE, "--key", "vendor.key"]);
    assert_eq!(fs::read(folder.join(IMAGE)).unwrap(), at_once);
    // Only the signature is new.
    let end = SIGNATURE_OFFSET as usize + 80;
    assert_eq!(
        unsigned[..SIGNATURE_OFFSET as usize],
        at_once[..SIGNATURE_OFFSET as usize]
    );
    assert_eq!(unsigned[end..], at_once[end..]);
    let text = good(folder, &["verify", IMAGE, "--key", "vendor.pub"]);
    assert!(
        text.contains("rtos: program") && text.contains("asks for this key"),
        "{text}"
    );
}

#[test]
fn another_key_is_told_by_its_id() {
    let folder = folder();
    let folder = folder.path();
    build(folder, &["--key", "other.pub", "--sign", "other.key"]);
    let told = problems(folder, &[]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("it is signed with key "), "{told:?}");
    assert!(told[1].starts_with("monitor: it asks for key "), "{told:?}");
}

#[test]
fn every_change_is_found_and_what_was_changed_is_named() {
    let folder = folder();
    let folder = folder.path();
    let table = TABLE_OFFSET as usize;
    let store = STORE_OFFSET as usize;
    let header =
        "system table: its signature does not match it: it was changed after it was signed";
    let hash = "system table: it does not match its digest";
    let expectations: [(usize, &[&str]); 5] = [
        (SIGNATURE, &[header]),
        (table + 20, &[header, hash]),
        (table + size_of::<Header>() - 1, &[header, hash]),
        (table + size_of::<Header>() + 3, &[hash]),
        (store, &["rtos: program: it does not match its digest"]),
    ];
    for (place, expected) in expectations {
        build(folder, &["--sign", "vendor.key"]);
        assert_eq!(problems(folder, &[]), [""; 0]);
        change(folder, |image| image[place] ^= 1);
        assert_eq!(problems(folder, &[]), expected, "at {place:#x}");
        // What is spoilt is not signed either, unless it is only the old signature.
        let (status, _, err) = output(folder, &["sign", IMAGE, "--key", "vendor.key"]);
        assert_eq!(status == 0, place == SIGNATURE, "at {place:#x}: {err}");
    }
}

#[test]
fn an_image_that_is_cut_short_is_told_with_the_part_that_it_lacks() {
    let folder = folder();
    let folder = folder.path();
    build(folder, &["--sign", "vendor.key"]);
    change(folder, |image| image.truncate(image.len() - 1));
    let told = problems(folder, &[]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].ends_with(": the file ends before it does"),
        "{told:?}"
    );
    for length in [
        0,
        1000,
        TABLE_OFFSET as usize + 10,
        TABLE_OFFSET as usize + 500,
        SIGNATURE,
    ] {
        change(folder, |image| image.truncate(length));
        change(folder, |image| image.resize(length, 0));
        assert_eq!(problems(folder, &[]).len(), 1, "{length} bytes");
        bad(
            folder,
            3,
            &["sign", IMAGE, "--key", "vendor.key"],
            "is not signed",
        );
    }
}

#[test]
fn an_older_version_than_the_lowest_is_refused() {
    let folder = folder();
    let folder = folder.path();
    let manifest = fs::read_to_string(folder.join("system.toml")).unwrap();
    let manifest = manifest.replacen("[system]\n", "[system]\nversion = 4\n", 1);
    fs::write(folder.join("system.toml"), manifest).unwrap();
    build(folder, &["--key", "vendor.pub", "--sign", "vendor.key"]);
    assert_eq!(problems(folder, &["--lowest-version", "4"]), [""; 0]);
    assert_eq!(
        problems(folder, &["--lowest-version", "5"]),
        ["it has version 4, the lowest accepted is 5"]
    );
    let out = good(folder, &["verify", IMAGE, "--key", "vendor.pub", "--json"]);
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["version"], 4);
    assert_eq!(value["monitor"]["lowest_version"], 4);
}

/// Runs OpenSSL, and says whether it is content.
fn openssl(folder: &Path, arguments: &[&str]) -> bool {
    let output = Command::new("openssl")
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) => output.status.success(),
        Err(error) => panic!(
            "openssl: {error}; `cargo xtask setup` installs it, or install the package openssl"
        ),
    }
}

#[test]
fn openssl_verifies_what_partita_signed_and_signs_what_partita_verifies() {
    let folder = folder();
    let folder = folder.path();
    build(folder, &["--sign", "vendor.key"]);
    let image = fs::read(folder.join(IMAGE)).unwrap();
    let table = TABLE_OFFSET as usize;
    let header = &image[table..table + size_of::<Header>()];
    let message = [b"partita system image signature 1", header].concat();
    fs::write(folder.join("signed.bin"), &message).unwrap();
    fs::write(
        folder.join("signature.bin"),
        &image[SIGNATURE..SIGNATURE + 64],
    )
    .unwrap();
    let verify =
        "pkeyutl -verify -pubin -inkey vendor.pub -rawin -in signed.bin -sigfile signature.bin";
    let verify: Vec<_> = verify.split(' ').collect();
    assert!(
        openssl(folder, &verify),
        "OpenSSL does not believe the signature"
    );
    fs::write(folder.join("signed.bin"), &message[1..]).unwrap();
    assert!(!openssl(folder, &verify), "OpenSSL believes anything");
    // The other way round: keys that OpenSSL made, and a signature by it with a key of ours.
    fs::write(folder.join("signed.bin"), &message).unwrap();
    let sign = "pkeyutl -sign -inkey vendor.key -rawin -in signed.bin -out theirs.bin";
    assert!(openssl(folder, &sign.split(' ').collect::<Vec<_>>()));
    let theirs = fs::read(folder.join("theirs.bin")).unwrap();
    assert_eq!(
        theirs,
        image[SIGNATURE..SIGNATURE + 64],
        "Ed25519 signs in one way only"
    );
    for command in [
        "genpkey -algorithm ed25519 -out their.key",
        "pkey -in their.key -pubout -out their.pub",
    ] {
        let arguments: Vec<_> = command.split(' ').collect();
        assert!(openssl(folder, &arguments), "{command}");
    }
    good(folder, &["sign", IMAGE, "--key", "their.key"]);
    good(folder, &["verify", IMAGE, "--key", "their.pub"]);
}

/// A folder with a system for Arm that runs Linux alone, and a monitor for it.
fn arm_folder() -> TempDir {
    let folder = folder();
    let path = folder.path();
    let mut monitor = fake::elf(2, 0, Provision::NONE.as_bytes());
    // `EM_AARCH64` in place of `EM_RISCV`.
    monitor[18] = 183;
    fs::write(path.join("monitor.elf"), monitor).unwrap();
    // Linux, `Documentation/arch/arm64/booting.rst`: the image's size and the magic number.
    let mut kernel = vec![0; 0x1000];
    kernel[0x10..0x18].copy_from_slice(&0x1_0000_u64.to_le_bytes());
    kernel[0x38..0x3c].copy_from_slice(b"ARM\x64");
    fs::write(path.join("Image"), kernel).unwrap();
    let manifest = "
        system.name = \"duet\"
        board = { name = \"qemu-virt-aarch64\", memory = \"256MiB\", cores = 1 }
        [partition.linux]
        criticality = \"QM\"
        linux = { kernel = \"Image\" }
        memory = \"64MiB\"
        cores = [0]
    ";
    fs::write(path.join("system.toml"), manifest).unwrap();
    build(path, &[]);
    folder
}

#[test]
fn linuxs_second_file_is_signed_and_verified_with_its_image() {
    let folder = arm_folder();
    let folder = folder.path();
    let second = folder.join("out/duet.normal.img");
    let bytes = fs::read(&second).unwrap();
    good(
        folder,
        &["sign", IMAGE, "--key", "vendor.key", "-o", "out/signed.img"],
    );
    assert_eq!(
        fs::read(folder.join("out/signed.normal.img")).unwrap(),
        bytes
    );
    let arguments = ["verify", "out/signed.img", "--key", "vendor.pub"];
    assert!(good(folder, &arguments).contains("linux: kernel, 4096 bytes"));
    good(folder, &["sign", IMAGE, "--key", "vendor.key"]);
    assert_eq!(problems(folder, &[]), Vec::<String>::new());
    let with = |bytes: &[u8]| {
        fs::write(&second, bytes).unwrap();
        problems(folder, &[])
    };
    let mut spoilt = bytes.clone();
    spoilt[17] ^= 1;
    assert_eq!(
        with(&spoilt),
        ["linux: kernel: it does not match its digest"]
    );
    bad(
        folder,
        3,
        &["sign", IMAGE, "--key", "vendor.key"],
        "linux: kernel does not match its digest",
    );
    assert_eq!(
        with(&bytes[..bytes.len() - 1]),
        ["linux: device tree: the file ends before it does"]
    );
    fs::remove_file(&second).unwrap();
    let missing = "there is no .normal.img file beside the image";
    assert_eq!(
        problems(folder, &[]),
        ["kernel", "device tree"].map(|part| format!("linux: {part}: {missing}"))
    );
    bad(
        folder,
        3,
        &["sign", IMAGE, "--key", "vendor.key"],
        "linux: kernel is in the second file, which is not there",
    );
}
