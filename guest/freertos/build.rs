//! Hands the place of the FreeRTOS kernel's sources, which a crate carries, to `src/build.rs`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Set by the `freertos-next` crate, which is a dependency on the developer's machine only.
    if let Ok(kernel) = std::env::var("DEP_FREERTOS_KERNEL") {
        println!("cargo::rustc-env=PARTITA_FREERTOS_KERNEL={kernel}");
    }
}
