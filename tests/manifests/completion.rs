//! kubectl completes the words of `kubectl vobiz`, once it finds the program by its second name.

use std::os::unix::fs::symlink;
use std::process::Command;

use vobiz_harness::binaries::Binaries;
use vobiz_harness::directory::TemporaryDirectory;

#[test]
fn kubectl_completes_the_words_of_kubectl_vobiz() {
    let folder = TemporaryDirectory::new("completion").unwrap();
    for name in ["kubectl-vobiz", "kubectl_complete-vobiz"] {
        symlink(env!("CARGO_BIN_EXE_kubectl-vobiz"), folder.path().join(name)).unwrap();
    }
    let complete = |words: &[&str]| {
        let output = Command::new(Binaries::locate().unwrap().kubectl)
            .arg("__complete")
            .args(words)
            .env_clear()
            .env("HOME", folder.path())
            .env("PATH", folder.path())
            .current_dir(folder.path())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let commands = complete(&["vobiz", ""]);
    for command in ["plan\t", "status\t", "import\t", "completion\t", "version\t"] {
        assert!(commands.contains(command), "{commands}");
    }
    assert!(commands.ends_with(":4\n"), "{commands}");
    assert_eq!(
        complete(&["vobiz", "plan", "--output", "j"]),
        "json\tFor programs\n:4\n"
    );
    std::fs::create_dir(folder.path().join("manifests")).unwrap();
    assert_eq!(complete(&["vobiz", "plan", "-f", "man"]), "manifests/\n:6\n");
}
