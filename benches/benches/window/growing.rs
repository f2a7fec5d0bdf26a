//! A capture that grows by 200,000 messages a second, and is shown meanwhile.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use framescope_capture::{Options, Source, read};

use super::Window;

/// Messages a second.
const RATE: u64 = 200_000;
/// How often some are appended.
const TICK: Duration = Duration::from_millis(5);
/// Between two frames, sixty a second.
const FRAME: Duration = Duration::from_micros(16_667);
const HEADER: usize = 24;

/// Shows what is appended for so many seconds, and how far what is shown is behind.
pub(super) fn run(window: &mut Window, capture: &Path, seconds: u64) {
    let records = records(capture, RATE * seconds);
    let (header, packets) = records.split_at(HEADER);
    let (source, growth) = Source::growing("growing", tempfile::tempfile().expect("a temporary file"))
        .expect("a growing source");
    growth.append(header).expect("there is room");
    let ends = ends(packets);
    growth.append(&packets[..ends[0]]).expect("there is room");
    let appended = Arc::new(AtomicU64::new(1));
    let ctx = window.ctx.clone();
    window.app.open(source, false, &ctx);
    window.settle();
    let before = resident();
    let mut behind: Vec<u64> = Vec::new();
    let name = format!("{RATE} messages a second come, {seconds} s");
    std::thread::scope(|scope| {
        let theirs = Arc::clone(&appended);
        let ends = &ends;
        scope.spawn(move || append(&growth, packets, ends, &theirs));
        window.part(&name, |window| {
            let begun = Instant::now();
            for frame in 1.. {
                window.frame(vec![]);
                // Packets that were not read, and rows that were found in others and are not in the table.
                let appended = appended.load(Ordering::Acquire);
                let (read, rows) = window.app.document().map_or((0, 0), |document| {
                    let index = document.index();
                    (u64::from(index.packets()), index.row_count())
                });
                let shown = window.app.view().map_or(0, |view| view.row_count());
                behind.push(appended.saturating_sub(read) + rows.saturating_sub(shown) as u64);
                if appended >= ends.len() as u64 && window.app.is_settled() {
                    break;
                }
                std::thread::sleep((FRAME * frame).saturating_sub(begun.elapsed()));
            }
        });
    });
    behind.sort_unstable();
    let at = |share: usize| behind[(behind.len() - 1) * share / 100] as f64 / RATE as f64 * 1e3;
    println!("\nBehind by: median {:.0} ms, 99 % {:.0} ms, at most {:.0} ms.", at(50), at(99), at(100));
    let grown = resident().saturating_sub(before);
    let (source, growth) =
        Source::growing("whole", tempfile::tempfile().expect("a temporary file")).expect("a growing source");
    growth.append(&records).expect("there is room");
    drop(growth);
    let whole = resident();
    let index = read(source, &Options::default(), &mut |_| true);
    let rows = index.as_ref().map_or(0, |index| index.row_count());
    println!(
        "{rows} messages took {:.1} bytes each while they came; their index, read at once, {:.1}.",
        grown as f64 / rows as f64,
        resident().saturating_sub(whole) as f64 / rows as f64
    );
}

fn append(growth: &framescope_capture::Growth, packets: &[u8], ends: &[usize], appended: &AtomicU64) {
    let begun = Instant::now();
    let mut done = 1;
    while done < ends.len() {
        std::thread::sleep(TICK);
        let due = (begun.elapsed().as_secs_f64() * RATE as f64) as usize;
        let due = due.clamp(done, ends.len());
        growth.append(&packets[ends[done - 1]..ends[due - 1]]).expect("there is room");
        done = due;
        appended.store(done as u64, Ordering::Release);
    }
}

/// The header and the first packets of a pcap with a message each.
fn records(capture: &Path, packets: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = File::open(capture).expect("the capture is there");
    file.take(packets * 200).read_to_end(&mut bytes).expect("the capture can be read");
    let end = ends(&bytes[HEADER..])[..packets as usize].last().copied().unwrap_or(0);
    bytes.truncate(HEADER + end);
    bytes
}

/// Where each record ends.
fn ends(records: &[u8]) -> Vec<usize> {
    let (mut at, mut ends) = (0, Vec::new());
    while let Some(length) = records.get(at + 8..at + 12) {
        at += 16 + u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        if at > records.len() {
            break;
        }
        ends.push(at);
    }
    ends
}

/// How much of this program is in memory, in bytes; 0 where that is not known.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
