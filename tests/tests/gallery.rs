//! Where each description of Kaitai Struct's public gallery can be used, or why it can't: the table of docs/gallery.md.
//!
//! `FRAMESCOPE_GALLERY=FOLDER cargo test -p framescope-tests --test gallery`, where FOLDER is a copy of
//! <https://github.com/kaitai-io/kaitai_struct_formats>. With `FRAMESCOPE_ACCEPT=1` it writes the table; read it.
#![allow(clippy::unwrap_used, clippy::panic)] // A test that finds none of what it looks for fails.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use framescope_ksy::Described;
use framescope_parser::{Protocol, Transport, Usable};

const HEAD: &str = "\
# The gallery

Where each description of [Kaitai Struct's gallery](https://github.com/kaitai-io/kaitai_struct_formats) can be used as it is, without a
change. `framescope check FILE.ksy` says the same of yours; [own-protocol.md](own-protocol.md#streams) says why.

| | |
|---|---|
| messages | each shows where it ends, or each item of a list does that is the whole description |
| stream | what stands before the last list, then each of its items, are messages |
| whole | a datagram, or the file, is one message |
| – | not at all, for the reason that is given with its line and column |

The table is written by a test ([gallery.rs](../tests/tests/gallery.rs)).

";

fn descriptions(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => descriptions(&path, found),
            false if path.extension().is_some_and(|ending| ending == "ksy") => found.push(path),
            false => {}
        }
    }
}

fn how(described: &Described, transport: Transport) -> &'static str {
    match described.usable(transport) {
        Usable::No(_) => "–",
        Usable::Whole(_) => "whole",
        Usable::AsItIs if !described.stages().is_empty() => "stream",
        // Its messages wait for the end.
        Usable::AsItIs if matches!(described.usable(Transport::Tcp), Usable::No(_)) => "whole",
        Usable::AsItIs => "messages",
    }
}

/// The row of a description, and whether it can be used on every transport, on some, or can't be loaded.
fn row(name: &str, path: &Path) -> (String, usize) {
    let without_folder =
        |text: &str| text.replace(&*path.to_string_lossy(), "").trim_start_matches(':').to_owned();
    match Described::from_file(path) {
        Err(error) => {
            let first = without_folder(&error.diagnostics().first().unwrap().to_string());
            (format!("| {name} | | | | mistake: {first} |"), 0)
        }
        Ok(described) => {
            let [tcp, udp, file] = Transport::ALL.map(|transport| how(&described, transport));
            let why = described.limits().map_or(String::new(), |limit| {
                let text = limit.text.split(", so that ").next().unwrap_or_default();
                let of = Path::new(&limit.file).file_name().unwrap_or_default().to_string_lossy();
                let of = if limit.file == path.to_string_lossy() { String::new() } else { format!("{of}:") };
                format!("{of}{}:{}: {text}", limit.line, limit.column)
            });
            let usable = [tcp, udp, file].iter().filter(|how| **how != "–").count();
            (format!("| {name} | {tcp} | {udp} | {file} | {why} |"), usable)
        }
    }
}

#[test]
fn the_table_says_where_each_description_can_be_used() {
    let Some(folder) = std::env::var_os("FRAMESCOPE_GALLERY").map(PathBuf::from) else {
        eprintln!("FRAMESCOPE_GALLERY names no folder of descriptions: the table is not compared");
        return;
    };
    let mut paths = Vec::new();
    descriptions(&folder, &mut paths);
    paths.sort();
    let (mut rows, mut counts) = (String::new(), [0usize; 4]);
    for path in &paths {
        let name = path.strip_prefix(&folder).unwrap().with_extension("").display().to_string();
        let (row, usable) = row(&name, path);
        counts[usable] += 1;
        writeln!(rows, "{row}").unwrap();
    }
    let [nowhere, _, some, all] = counts;
    let found = format!(
        "{HEAD}{} descriptions: {all} can be used everywhere, {some} on UDP and files, {nowhere} only from another description or not at \
         all.\n\n| description | tcp | udp | file | why not |\n|---|---|---|---|---|\n{rows}",
        paths.len()
    );
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/gallery.md");
    if std::env::var_os("FRAMESCOPE_ACCEPT").is_some() {
        fs::write(&table, &found).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&table).unwrap_or_default(),
        found,
        "FRAMESCOPE_ACCEPT=1 accepts it; read it first"
    );
}
