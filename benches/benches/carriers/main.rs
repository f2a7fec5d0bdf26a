//! How fast what is carried is read: TLS beside its cipher alone and tshark, WebSocket beside the same bytes without it:
//! `cargo bench --manifest-path benches/Cargo.toml --bench carriers`. Prints tables in Markdown.
//!
//! `BYTES=1000000000` measures with so much traffic.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use framescope_benches::{Contender, compare};
use framescope_capture::{Options, Source, read};
use framescope_inspect::Reading;

mod traffic;

fn main() {
    let bytes = std::env::var("BYTES").map_or(256_000_000, |bytes| bytes.parse().expect("a number of bytes"));
    let only = std::env::var("ONLY").unwrap_or_default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/traffic");
    fs::create_dir_all(&folder).expect("the folder can be written");
    if only.is_empty() || only == "tls" {
        println!("## TLS 1.3, {} MB\n", bytes / 1_000_000);
        tls(&folder, bytes);
    }
    if only.is_empty() || only == "websocket" {
        println!("\n## WebSocket, {} MB, masked\n", bytes / 1_000_000);
        websocket(&folder, bytes);
    }
}

/// How many bytes all flows of the innermost level have.
fn index(path: &Path, options: &Options, level: u8) -> u64 {
    let source = Source::open(path).expect("it was written");
    let index = read(source, options, &mut |_| true).expect("it is a capture");
    let inner = index.flows().filter(|(_, flow)| flow.level() == level);
    let inner =
        inner.filter(|(_, flow)| flow.carried().is_none_or(|carried| carried.name() != "tls.handshake"));
    let both = inner.flat_map(|(flow, _)| {
        use framescope_parser::Direction::{Backward, Forward};
        [Forward, Backward].map(|direction| index.stream(flow, direction).map_or(0, |stream| stream.bytes))
    });
    both.sum()
}

fn speed(bytes: u64, seconds: f64) -> String {
    format!("{:.2} GB/s", bytes as f64 / seconds / 1e9)
}

fn tls(folder: &Path, bytes: usize) {
    let path = folder.join("tls.pcap");
    let keylog = folder.join("tls.keys");
    println!(
        "| cipher | record | cipher alone | Framescope | of the cipher alone | without secrets | tshark | times tshark |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for suite in &traffic::SUITES {
        for record in [16_384, 1024, 100] {
            let tls = traffic::tls(&path, suite, bytes, record);
            fs::write(&keylog, &tls.keylog).expect("the folder can be written");
            let reading = Reading { keylogs: vec![keylog.clone()], ..Reading::default() };
            let (mut buffer, blind) = (Vec::new(), Reading::default().options());
            let mut contenders: [Contender<'_>; 2] = [
                ("the cipher alone", Box::new(|| tls.keys(suite).open_all(&tls.records, &mut buffer))),
                ("Framescope", Box::new(|| index(&path, &reading.options(), 1))),
            ];
            let contents = tls.keys(suite).open_all(&tls.records, &mut Vec::new());
            let times = compare(3, &mut contenders);
            let without = time(|| drop(index(&path, &blind, 0)));
            let tshark = tshark(&path, &keylog);
            println!(
                "| {} | {record} | {} | {} | {:.2} | {} | {} | {} |",
                suite.name,
                speed(contents, times[0].median()),
                speed(contents, times[1].median()),
                times[1].speed_against(&times[0]),
                speed(contents, without),
                tshark.map_or("-".into(), |seconds| speed(contents, seconds)),
                tshark.map_or("-".into(), |seconds| format!("{:.0}", seconds / times[1].median())),
            );
        }
    }
}

fn time(run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64()
}

/// How long tshark takes to decrypt all of it; None where it is not installed.
fn tshark(path: &Path, keylog: &Path) -> Option<f64> {
    let start = Instant::now();
    let mut command = Command::new("tshark");
    command.arg("-r").arg(path).arg("-o").arg(format!("tls.keylog_file:{}", keylog.display()));
    command.args(["-q", "-z", "io,stat,0,tls.app_data"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().ok().filter(|status| status.success()).map(|_| start.elapsed().as_secs_f64())
}

fn websocket(folder: &Path, bytes: usize) {
    let path: PathBuf = folder.join("websocket.pcap");
    println!("| message | Framescope, of payload | as bytes of no protocol |");
    println!("|---|---|---|");
    let plain = Options { protocols: Vec::new(), ..Options::default() };
    for message in [100_000, 4096, 256, 32] {
        let sent = traffic::websocket(&path, bytes, message);
        let options = Reading::default().options();
        let times = compare(3, &mut [("Framescope", Box::new(|| index(&path, &options, 2)))]);
        let floor = time(|| drop(index(&path, &plain, 0)));
        println!("| {message} | {} | {} |", speed(sent, times[0].median()), speed(sent, floor));
    }
}
