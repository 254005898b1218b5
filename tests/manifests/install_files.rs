//! What is made from `crds/` and `manifests/` for an installation is up to date, and does what the README says.

use std::fs;
use std::process::Command;

use vobiz_harness::binaries::Binaries;
use vobiz_harness::directory::TemporaryDirectory;
use vobiz_harness::install_files;
use vobiz_harness::markdown::blocks;

use crate::documents::text;
use crate::render;

#[test]
fn what_is_made_from_the_manifests_is_up_to_date() {
    let kubectl = Binaries::locate().unwrap().kubectl;
    for file in install_files::all(&kubectl, render::root()).unwrap() {
        assert!(
            fs::read_to_string(render::root().join(&file.path)).is_ok_and(|stored| stored == file.text),
            "{} is out of date: run `cargo xtask manifests`",
            file.path
        );
    }
}

#[test]
fn each_file_has_the_kinds_and_what_its_kustomization_has() {
    let kinds = render::kustomize("crds");
    for (file, overlay) in [
        ("install.yaml", "manifests/base"),
        ("install-namespaced.yaml", "manifests/overlays/namespaced"),
    ] {
        let found = render::documents(&text(&format!("manifests/{file}")));
        assert_eq!(
            found,
            [kinds.clone(), render::kustomize(overlay)].concat(),
            "{file}"
        );
    }
    assert_eq!(render::documents(&text("manifests/crds.yaml")), kinds);
}

#[test]
fn the_readmes_way_with_one_file_names_the_image_and_changes_nothing_else() {
    let scripts = blocks(&text("README.md"), "sh");
    let script = scripts
        .iter()
        .find(|script| script.contains("> install.yaml"))
        .unwrap();
    let line = script
        .lines()
        .find(|line| line.ends_with("> install.yaml"))
        .unwrap();
    let folder = TemporaryDirectory::new("one-file").unwrap();
    std::os::unix::fs::symlink(render::root(), folder.path().join("vobiz-operator")).unwrap();
    let status = Command::new("sh")
        .args(["-euc", line])
        .current_dir(folder.path())
        .status();
    assert!(status.unwrap().success(), "{line}");
    let mut written = render::documents(&fs::read_to_string(folder.path().join("install.yaml")).unwrap());
    let image = written
        .iter_mut()
        .find(|object| object["kind"] == "Deployment")
        .unwrap()
        .pointer_mut("/spec/template/spec/containers/0/image")
        .unwrap();
    assert_eq!(*image, "REGISTRY/vobiz-operator:0.1.0");
    *image = "vobiz-operator:0.1.0".into();
    assert_eq!(written, render::documents(&text("manifests/install.yaml")));
}
