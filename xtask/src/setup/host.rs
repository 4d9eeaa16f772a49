//! Programs that have to be installed on the machine: QEMU and a cross C compiler for each architecture, OpenSSL.

use anyhow::Result;

use super::apt::Apt;
use super::debian::{self, Machine};
use super::{Missing, Needs, Tools, compiler, lock_cache, qemu, sources};
use crate::architecture::{self, Architecture, Compiler, Qemu};
use crate::paths::{Paths, find_program};
use crate::{process, progress};

/// The program of OpenSSL, and the package with it.
const OPENSSL: &str = "openssl";

/// Finds the programs, installs those that are not there.
pub fn ensure(
    paths: &Paths,
    needs: Needs,
    tools: &mut Tools,
    missing: &mut Vec<Missing>,
) -> Result<()> {
    for architecture in architecture::ALL {
        ensure_for(paths, needs, architecture, tools, missing)?;
    }
    if needs.openssl {
        ensure_openssl(paths, missing)?;
    }
    Ok(())
}

fn ensure_openssl(paths: &Paths, missing: &mut Vec<Missing>) -> Result<()> {
    let plan = match find_program(OPENSSL) {
        Some(_) => Plan::default(),
        None => {
            let wanted = Wanted {
                openssl: true,
                ..Wanted::default()
            };
            install(paths, wanted)?
        }
    };
    match find_program(OPENSSL) {
        Some(path) => progress::ready("OpenSSL", &path.display().to_string()),
        None => missing.push(Missing {
            what: "OpenSSL (openssl on the PATH), which the tests of signatures ask".into(),
            remedies: plan.remedies(
                &plan.openssl,
                "install the package openssl",
                "leave these tests out: `cargo xtask test --filter TEXT`",
            ),
        }),
    }
    Ok(())
}

fn ensure_for(
    paths: &Paths,
    needs: Needs,
    architecture: &'static Architecture,
    tools: &mut Tools,
    missing: &mut Vec<Missing>,
) -> Result<()> {
    let (compiler, qemu) = (&architecture.compiler, &architecture.qemu);
    let without_compiler = needs.target_code && compiler::find(compiler).is_none();
    // A QEMU that the person named is not to be replaced by another behind their back.
    let without_qemu = needs.qemu && !qemu::is_named(qemu) && qemu::find(qemu).is_err();
    let plan = if without_compiler || without_qemu {
        let wanted = Wanted {
            compiler: without_compiler.then_some(compiler),
            qemu: without_qemu.then_some(qemu),
            openssl: false,
        };
        install(paths, wanted)?
    } else {
        Plan::default()
    };
    if needs.target_code {
        match compiler::find(compiler) {
            Some(path) => progress::ready("C compiler", &path.display().to_string()),
            None => missing.push(Missing {
                what: format!(
                    "a C compiler for {} ({} on the PATH)",
                    architecture.name, compiler.programs[0]
                ),
                remedies: plan.remedies(
                    &plan.compiler,
                    &format!("install the packages {}", compiler.packages.join(" ")),
                    &format!("name another compiler in {}", compiler.variables[0]),
                ),
            }),
        }
    }
    if needs.qemu {
        match qemu::find(qemu) {
            Ok(found) => {
                if found.version < qemu::TESTED {
                    progress::note(&format!(
                        "QEMU {} is older than {}, the tested version",
                        found.version,
                        qemu::TESTED
                    ));
                }
                progress::ready(
                    "QEMU",
                    &format!("{} ({})", found.version, found.path.display()),
                );
                tools.qemu.push((qemu.variable, found.path));
            }
            Err(reason) => missing.push(Missing {
                what: format!(
                    "QEMU {} or newer for {}: {reason}",
                    qemu::OLDEST,
                    architecture.name
                ),
                remedies: plan.remedies(
                    &plan.qemu,
                    &format!(
                        "install the package {}",
                        qemu.packages.join(" (or ")
                            + if qemu.packages.len() > 1 { ")" } else { "" }
                    ),
                    &format!(
                        "name a {} in {} ({} is tested)",
                        qemu.program,
                        qemu.variable,
                        qemu::TESTED
                    ),
                ),
            }),
        }
    }
    Ok(())
}

/// What is to be installed.
#[derive(Default)]
struct Wanted<'a> {
    compiler: Option<&'a Compiler>,
    qemu: Option<&'a Qemu>,
    openssl: bool,
}

/// What a person can do where nothing could be installed.
#[derive(Default)]
struct Plan {
    /// Why nothing was installed.
    reason: Option<String>,
    /// The command that would install the compiler.
    compiler: Option<String>,
    /// The command that would install QEMU.
    qemu: Option<String>,
    /// The command that would install OpenSSL.
    openssl: Option<String>,
}

impl Plan {
    fn remedies(&self, command: &Option<String>, package: &str, variable: &str) -> Vec<String> {
        let reason = self
            .reason
            .iter()
            .map(|reason| format!("(not installed here: {reason})"));
        let first = match command {
            Some(line) => format!("as root: {line}"),
            None => package.to_owned(),
        };
        [first, variable.to_owned()]
            .into_iter()
            .chain(reason)
            .collect()
    }
}

/// Installs what is absent, or returns how a person can.
fn install(paths: &Paths, programs: Wanted<'_>) -> Result<Plan> {
    let Wanted {
        compiler,
        qemu,
        openssl,
    } = programs;
    let machine = match Machine::find() {
        Ok(machine) => machine,
        Err(reason) => {
            return Ok(Plan {
                reason: Some(reason),
                ..Plan::default()
            });
        }
    };
    let _lock = lock_cache(paths)?;
    let archives = sources::with_backports(&machine.archives, &machine.codenames);
    let apt = Apt::for_machine(paths.cache.join("apt").join("machine"), &archives)?;
    progress::step(
        "fetching",
        "package lists of this machine's release and its backports",
    );
    apt.update();
    let mut plan = Plan::default();
    let mut wanted: Vec<(Vec<&str>, Option<String>)> = Vec::new();
    if let Some(compiler) = compiler {
        let command = apt.install_command(&compiler.packages, None);
        plan.compiler = Some(process::show(&command));
        wanted.push((compiler.packages.to_vec(), None));
    }
    if openssl {
        let command = apt.install_command(&[OPENSSL], None);
        plan.openssl = Some(process::show(&command));
        wanted.push((vec![OPENSSL], None));
    }
    if let Some(qemu) = qemu {
        match qemu::choose_package(&apt, qemu) {
            Some(choice) => {
                let command = apt.install_command(&[choice.package], choice.suite.as_deref());
                plan.qemu = Some(process::show(&command));
                wanted.push((vec![choice.package], choice.suite));
            }
            None => plan.reason = Some("no archive offers a QEMU that is new enough".into()),
        }
    }
    if !debian::is_root() {
        plan.reason = Some("that takes root".into());
        return Ok(plan);
    }
    let mut failed = false;
    for (packages, suite) in wanted {
        let origin = suite
            .as_deref()
            .map(|suite| format!(" from {suite}"))
            .unwrap_or_default();
        progress::step("installing", &format!("{}{origin}", packages.join(" ")));
        if let Err(error) = apt.install(&packages, suite.as_deref()) {
            progress::note(&format!("{error:#}"));
            plan.reason = Some("apt failed, see above".into());
            failed = true;
        }
    }
    if failed {
        return Ok(plan);
    }
    apt.remove();
    // Only shown where the program is still not found.
    let reason = "apt installed the package, yet the program is not on the PATH".into();
    Ok(Plan {
        reason: Some(reason),
        ..Plan::default()
    })
}
