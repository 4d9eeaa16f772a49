//! The cross C compilers that build FreeRTOS.

use std::env;
use std::path::PathBuf;

use crate::architecture::Compiler;
use crate::paths;

/// In this a person names one compiler for whatever is built.
const ANY: &str = "TARGET_CC";

/// The compiler that will be used.
pub fn find(compiler: &Compiler) -> Option<PathBuf> {
    let mut variables = compiler.variables.iter().chain([&ANY]);
    let named = variables.find_map(env::var_os).map(PathBuf::from);
    named.or_else(|| {
        let mut programs = compiler.programs.iter();
        programs.find_map(|name| paths::find_program(name))
    })
}
