//! Writes manifests: to standard output, or into a folder, a file for each. I/O.

use std::path::Path;

use serde_json::Value;

use super::gather::Import;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Format, ImportFlags};
use crate::kubectl::output::{self, word};
use crate::kubectl::progress::Progress;

/// Writes all of them: the right to have the accounts first.
pub fn all(import: &Import, flags: &ImportFlags) -> Result<(), Failure> {
    let subaccounts = import.subaccounts.iter().map(|(manifest, why)| (manifest, *why));
    let all: Vec<_> = import
        .account
        .iter()
        .map(|account| (account, None))
        .chain(subaccounts)
        .collect();
    match &flags.output_directory {
        None => {
            let documents = all.iter().map(|(manifest, why)| document(manifest, *why));
            output::data(&documents.collect::<Result<Vec<_>, _>>()?.join("---\n"))?;
        }
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
            let progress = Progress::of("manifests", Some(all.len() as u64));
            for (manifest, why) in &all {
                let path = folder.join(file_name(manifest));
                std::fs::write(&path, document(manifest, *why)?)
                    .map_err(|error| unwritable(&path, &error))?;
                progress.add(1, None);
            }
        }
    }
    let observed = import.subaccounts.iter().filter(|(_, why)| why.is_some()).count();
    word(&format!(
        "{} subaccounts, of which {observed} are only looked at. See what applying them does: kubectl vobiz plan -f",
        import.subaccounts.len()
    ));
    Ok(())
}

fn document(manifest: &Value, why: Option<&'static str>) -> Result<String, Failure> {
    let text = output::written(manifest, Format::Yaml)?;
    Ok(match why {
        Some(why) => format!("# Only looked at: {why}.\n{text}"),
        None => text,
    })
}

fn file_name(manifest: &Value) -> String {
    let text = |pointer: &str| {
        manifest
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let kind = text("/kind").to_lowercase();
    format!(
        "{}_{kind}_{}.yaml",
        text("/metadata/namespace"),
        text("/metadata/name")
    )
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        path.display().to_string(),
        error.to_string(),
        "name a folder that can be written",
    )
}
