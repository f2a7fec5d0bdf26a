//! Queries on a finished index: filters, and exports of it.

use std::process::Command;

use crate::captures::{made, small};
use crate::measure::{
    AS_PROGRAM, Job, cell, compare, index_only, mib, plain, row, scaled, seconds, table, times,
};

/// Over all rows of a capture.
pub fn filters() {
    const ROWS: u64 = 10_000_000;
    table(
        &format!("Filters over {} rows", scaled(ROWS)),
        &["filter", "rows", "ms", "ns a row", "share of the file's reading speed"],
    );
    let path = made(&small(ROWS));
    let file = plain(&path);
    let expressions = [
        "kind == ACK",
        "src.port == 9000 and not problems and length > 100",
        "time > 5s and flow in 3..7",
        "length > 100",
        "time > 5s",
        "latency > 1us",
        "payload contains \"nobody says this\"",
        "payload contains \"and on\"",
        "sequence == 77",
    ];
    let [Some(reading)] = compare(3, [Some(Job::part(&["read", file]))]) else { return };
    let part = [&["filters", file][..], &expressions].concat();
    let Some(found) = Job::part(&part).run() else { return };
    for (expression, line) in expressions.iter().zip(found.said.lines()) {
        let Some((time, rows)) = line.split_once(' ') else { continue };
        let time: f64 = time.parse().expect("a time");
        row([
            format!("`{expression}`"),
            rows.to_owned(),
            format!("{:.0}", time * 1e3),
            format!("{:.1}", time * 1e9 / scaled(ROWS) as f64),
            format!("{:.2}", reading.seconds / time),
        ]);
    }
}

/// All messages, written to nowhere.
pub fn exports() {
    const MESSAGES: u64 = 1_000_000;
    table(
        &format!("{} messages written to nowhere, whole runs", scaled(MESSAGES)),
        &["how", "s", "of processors", "peak MiB", "before: s", "times as long"],
    );
    let path = made(&small(MESSAGES));
    let file = plain(&path);
    let json = ["decode", file, "--format", "json"];
    let csv = ["decode", file, "--format", "csv"];
    let text = ["decode", file, "--format", "text"];
    let chosen = ["--fields", "time,kind,sequence,content"];
    let (few_json, few_csv) = ([&json[..], &chosen].concat(), [&csv[..], &chosen].concat());
    let mut four_fields = None;
    for (name, arguments, is_new) in [
        ("only the index", &index_only(file)[..], false),
        ("JSON", &json, false),
        ("CSV", &csv, false),
        ("text", &text, false),
        ("JSON, four fields", &few_json, true),
        ("CSV, four fields", &few_csv, true),
    ] {
        if is_new && !knows_fields() {
            row([name, "no such option", "", "", "", ""].map(str::to_owned));
            continue;
        }
        let before = Job::before(arguments).filter(|_| !is_new);
        let [Some(ours), before] = compare(3, [Some(Job::now(arguments)), before]) else { continue };
        row([
            name.to_owned(),
            seconds(&ours),
            format!("{:.3}", ours.cpu_seconds),
            mib(&ours),
            cell(&before, seconds),
            cell(&before, times(&ours)),
        ]);
        if is_new {
            four_fields = Some(ours);
        }
    }
    let fields = ["frame.time_epoch", "tcp.srcport", "tcp.seq", "data.data"];
    let mut arguments = vec!["-n", "-r", file, "-d", "tcp.port==9000,data", "-T", "fields"];
    arguments.extend(fields.iter().flat_map(|field| ["-e", field]));
    let tshark = Job::of("tshark", &arguments).run();
    row([
        format!("tshark, {}", fields.join(" ")),
        cell(&tshark, seconds),
        cell(&tshark, |tshark| format!("{:.3}", tshark.cpu_seconds)),
        cell(&tshark, mib),
        String::new(),
        String::new(),
    ]);
    if let (Some(tshark), Some(ours)) = (tshark, four_fields) {
        println!("\ntshark takes {} times as long as the four fields in CSV.", times(&ours)(&tshark));
    }
}

/// Whether messages can be written with chosen fields only.
fn knows_fields() -> bool {
    let this = std::env::current_exe().expect("this program has a name");
    let help = Command::new(this).env(AS_PROGRAM, "1").args(["decode", "--help"]).output();
    help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--fields"))
}
