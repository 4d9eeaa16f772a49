//! A manifest: whatever text it is, it gets a plan that the monitor believes, or errors with places in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use partita_abi::table::SystemTable;
use partita_fuzz::{Folder, limits};
use std::sync::LazyLock;
use zerocopy::IntoBytes;

static FOLDER: LazyLock<Folder> = LazyLock::new(|| Folder::new("manifest"));

fuzz_target!(|text: &[u8]| {
    match partita_manifest::load(&FOLDER.write("system.toml", text)) {
        Ok(plan) => {
            let mut words = vec![0_u64; plan.table.len().div_ceil(8)];
            words.as_mut_bytes()[..plan.table.len()].copy_from_slice(&plan.table);
            let table = SystemTable::parse(words.as_bytes()).expect("a planned table is sound");
            let checked = limits(plan.board, |limits| {
                partita_monitor_core::check::check(&table, limits)
            });
            assert_eq!(checked, Ok(()));
            if let Some(riscv) = plan.board.architecture.riscv64() {
                let protection = partita_virtual_riscv64::pmp::check(&table, riscv);
                assert_eq!(protection, Ok(()));
            }
            let _text = partita_manifest::explain(&plan, false);
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
});
