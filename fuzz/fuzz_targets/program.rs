//! A program's ELF file and a kernel's image: whatever bytes they are, they fit their partition or are refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use partita_fuzz::Folder;
use std::sync::LazyLock;

static FOLDER: LazyLock<Folder> = LazyLock::new(|| Folder::new("program"));

const MANIFEST: &str = r#"
[system]
name = "fuzz"
[board]
name = "qemu-virt-riscv64"
memory = "1GiB"
cores = 2
[partition.program]
criticality = "ASIL-B"
image = "fuzzed"
memory = "1MiB"
cores = [0]
[partition.linux]
criticality = "QM"
linux = { kernel = "kernel", initramfs = "fuzzed" }
memory = "32MiB"
cores = [1]
"#;

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else {
        return;
    };
    let manifest = if which & 1 == 0 {
        MANIFEST.to_owned()
    } else {
        MANIFEST
            .replace("fuzzed\"\nmemory", "program.elf\"\nmemory")
            .replace("\"kernel\"", "\"fuzzed\"")
    };
    FOLDER.write("fuzzed", bytes);
    if let Ok(plan) = partita_manifest::load(&FOLDER.write("system.toml", manifest.as_bytes())) {
        for part in &plan.parts {
            let ram = plan.partitions[part.partition].ram;
            let end = part.destination + part.bytes.len() as u64;
            assert!(part.destination >= ram.base && end <= ram.base + ram.size);
        }
    }
});
