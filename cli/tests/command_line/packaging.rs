//! What packages install.

use std::fs;
use std::path::Path;

use crate::{notifies, run, text};

/// The names of the commands that `--help` lists.
fn commands() -> Vec<String> {
    let help = text(&run(&["--help"]).stdout);
    let (_, listed) = help.split_once("Commands:\n").unwrap();
    let listed = listed.split("\n\n").next().unwrap().lines();
    let name = |line: &str| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned);
    listed.filter_map(name).filter(|name| !name.is_empty() && name != "help").collect()
}

#[test]
fn packages_get_a_manual_page_of_each_command_and_completions_of_each_shell() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["package-files", folder.path().to_str().unwrap()]);
    assert_eq!((text(&output.stderr), output.status.code()), (String::new(), Some(0)));
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let pages = names(&folder.path().join("man"));
    let mut expected: Vec<_> = commands()
        .iter()
        .map(|command| format!("framescope-{command}.1"))
        .chain(["framescope.1".into()])
        .collect();
    expected.sort();
    assert!(expected.len() > 14, "{expected:?}");
    assert_eq!(pages, expected);
    let page = fs::read_to_string(folder.path().join("man/framescope-decode.1")).unwrap();
    assert!(page.contains("fail\\-on") && page.contains(".SH NAME"), "{page}");
    for (shell, name) in [
        ("bash", "framescope.bash"),
        ("zsh", "_framescope"),
        ("fish", "framescope.fish"),
        ("powershell", "_framescope.ps1"),
        ("elvish", "framescope.elv"),
    ] {
        let script = run(&["completions", shell]).stdout;
        assert!(script == fs::read(folder.path().join("completions").join(name)).unwrap(), "{shell}");
        let script = text(&script);
        for command in commands() {
            assert!(script.contains(&command), "{command} is not completed in {shell}");
        }
        assert!(script.contains("fail-on") && !script.contains("package-files"), "{shell}");
    }
    notifies(&run(&["completions", "cmd"]), 2, &["bash, elvish, fish, powershell, zsh"]);
}
