//! `partita build`

use super::{load, second_file};
use crate::arguments::Build;
use crate::screen::Screen;
use crate::{Status, monitor, trust};
use anyhow::Context as _;
use partita_manifest::PartRole;
use partita_run::{Files, RunOptions};
use std::fs;
use std::path::Path;

/// Builds a system image and its report.
pub fn build(arguments: &Build, screen: &Screen) -> anyhow::Result<Status> {
    let Some(plan) = load(&arguments.manifest, screen) else {
        return Ok(Status::Bad);
    };
    let monitor = monitor::read(plan.board.name, arguments.monitor.monitor.as_deref())?;
    screen.status(&format!(
        "packing {} for {}",
        plan.system_name, plan.board.name
    ));
    let mut image = partita_image::pack(&plan, &monitor)?;
    trust::apply(&arguments.trust, plan.security_version, &mut image)?;
    let folder = &arguments.output;
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let image_path = folder.join(format!("{}.img", plan.system_name));
    let report_path = folder.join(format!("{}.txt", plan.system_name));
    let normal_path = second_file(&image_path);
    let files = Files {
        image: &image_path,
        normal: image.normal().map(|_| &*normal_path),
    };
    let command = partita_run::qemu::command_line_for(&plan, &files, &RunOptions::default());
    let explained = partita_manifest::explain(&plan, false);
    write(&image_path, image.bytes())?;
    write(
        &report_path,
        format!("{image}\nBoot it with\n  {command}\n\n{explained}").as_bytes(),
    )?;
    screen.status(&format!(
        "wrote {} ({} bytes)",
        image_path.display(),
        image.bytes().len()
    ));
    if let Some(normal) = image.normal() {
        write(&normal_path, normal)?;
        screen.status(&format!(
            "wrote {} ({} bytes: Linux's part of it)",
            normal_path.display(),
            normal.len()
        ));
    }
    screen.status(&format!(
        "wrote {} (the plan, the layout, all hashes)",
        report_path.display()
    ));
    for part in plan
        .parts
        .iter()
        .filter(|part| part.role == PartRole::DeviceTree)
    {
        let Some(partition) = plan.partitions.get(part.partition) else {
            continue;
        };
        let path = folder.join(format!("{}-{}.dtb", plan.system_name, partition.name));
        write(&path, &part.bytes)?;
        screen.status(&format!(
            "wrote {} (the machine that it sees)",
            path.display()
        ));
    }
    screen.status("boot it with");
    screen.result(&format!("{command}\n"))?;
    Ok(Status::Good)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
