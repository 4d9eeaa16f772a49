//! Calls of cargo and what it reports about the workspace.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::paths::Paths;
use crate::{process, progress};

/// A cargo call in the root of the workspace.
pub fn command(paths: &Paths) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&paths.root);
    command
}

/// The target that programs for this machine are compiled for.
pub fn host() -> Result<String> {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let text = process::output(Command::new(compiler).arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host
        .context("the compiler does not say what it runs on")?
        .to_owned())
}

/// The names of the workspace's packages.
pub fn packages(paths: &Paths) -> Result<Vec<String>> {
    let text = process::output(command(paths).args([
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version=1",
    ]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
    let names = metadata["packages"].as_array().into_iter().flatten();
    Ok(names
        .filter_map(|package| package["name"].as_str().map(str::to_owned))
        .collect())
}

/// The executables of one build.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Executables {
    /// From (package, binary) to the file.
    by_name: BTreeMap<(String, String), PathBuf>,
}

impl Executables {
    /// The executables of `package` as (binary, file).
    pub fn of<'a>(&'a self, package: &'a str) -> impl Iterator<Item = (&'a str, &'a PathBuf)> {
        self.by_name
            .iter()
            .filter(move |((owner, _), _)| owner == package)
            .map(|((_, name), path)| (name.as_str(), path))
    }
}

/// Builds with `arguments`; cargo shows its progress and its diagnostics itself.
pub fn build(paths: &Paths, arguments: &[&str]) -> Result<Executables> {
    let messages = messages(paths, arguments, "--message-format=json-render-diagnostics")?;
    Ok(parse_executables(&messages))
}

/// Builds with target features that the compiler does not call stable. It says so for each package, which
/// is left out here; all other diagnostics are shown.
pub fn build_with_unstable_features(paths: &Paths, arguments: &[&str]) -> Result<Executables> {
    let format = if progress::is_interactive() {
        "--message-format=json-diagnostic-rendered-ansi"
    } else {
        "--message-format=json"
    };
    let arguments = [&["--quiet"], arguments].concat();
    let messages = messages(paths, &arguments, format)?;
    Ok(parse_executables(&messages))
}

fn messages(paths: &Paths, arguments: &[&str], format: &str) -> Result<String> {
    let mut command = command(paths);
    command.arg("build").args(arguments).arg(format);
    let line = process::show(&command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    for diagnostic in diagnostics(&messages) {
        eprint!("{diagnostic}");
    }
    if !output.status.success() {
        bail!("`{line}` failed ({})", output.status);
    }
    Ok(messages)
}

/// What the compiler has to say, except that a target feature is not stable.
fn diagnostics(messages: &str) -> Vec<String> {
    let parsed = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    parsed
        .filter(|message| message["reason"] == "compiler-message")
        .filter(|message| {
            let text = message["message"]["message"].as_str().unwrap_or_default();
            !text.starts_with("unstable feature specified for `-Ctarget-feature`")
        })
        .filter_map(|message| Some(message["message"]["rendered"].as_str()?.to_owned()))
        .collect()
}

/// Reads cargo's JSON messages: one a line, `compiler-artifact` names the executables.
fn parse_executables(messages: &str) -> Executables {
    let mut executables = Executables::default();
    for line in messages.lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        if message["reason"] != "compiler-artifact" {
            continue;
        }
        let (Some(package), Some(name), Some(file)) = (
            message["package_id"].as_str().and_then(package_name),
            message["target"]["name"].as_str(),
            message["executable"].as_str(),
        ) else {
            continue;
        };
        executables
            .by_name
            .insert((package.to_owned(), name.to_owned()), file.into());
    }
    executables
}

/// The name in a package id: `path+file:///folder#name@1.0.0`, or `path+file:///name#1.0.0` where
/// the folder has the package's name (cargo reference, "Package ID specifications").
fn package_name(id: &str) -> Option<&str> {
    let (url, fragment) = id.rsplit_once('#')?;
    match fragment.split_once('@') {
        Some((name, _version)) => Some(name),
        None => url.rsplit('/').next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_warning_about_target_features_is_left_out() {
        let message = |text: &str| {
            format!(
                r#"{{"reason":"compiler-message","message":{{"message":"{text}","rendered":"{text}!"}}}}"#
            )
        };
        let messages = [
            message("unstable feature specified for `-Ctarget-feature`: `relax`"),
            message("unused variable"),
        ]
        .join("\n");
        assert_eq!(diagnostics(&messages), ["unused variable!"]);
    }

    #[test]
    fn a_package_id_gives_the_name_in_both_forms() {
        assert_eq!(
            package_name("path+file:///src/board#partita-board@0.1.0"),
            Some("partita-board")
        );
        assert_eq!(package_name("path+file:///src/xtask#0.1.0"), Some("xtask"));
        assert_eq!(package_name("nothing"), None);
    }

    #[test]
    fn executables_are_found_by_their_package_and_libraries_are_left_out() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","package_id":"path+file:///s/a#0.1.0","#,
            r#""target":{"name":"monitor"},"executable":"/t/monitor"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","package_id":"path+file:///s/b#0.1.0","#,
            r#""target":{"name":"b"},"executable":null}"#,
            "\nnot json\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        let executables = parse_executables(messages);
        let found: Vec<_> = executables.of("a").collect();
        assert_eq!(found, [("monitor", &PathBuf::from("/t/monitor"))]);
        assert_eq!(executables.of("b").count(), 0);
    }
}
