//! The streams of real captures against those that tshark follows, where it is installed.
//!
//! By default it compares the corpus; `FRAMESCOPE_CAPTURES=FOLDER cargo test -p framescope-tests --test tshark --
//! --nocapture` compares every capture under a folder, and gives the reason for each difference. tshark 4.0 has known
//! habits; any other difference fails the test.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

use framescope_capture::{FlowId, Index, TransportType};
use framescope_parser::Direction;
use support::{corpus, open};

/// No name lookups, segments in any order, and the protocol of a port does not matter.
const HOW: [&str; 3] = ["-n", "-o", "tcp.reassemble_out_of_order:TRUE"];

fn tshark(arguments: &[&str]) -> Option<String> {
    let output = Command::new("tshark").args(HOW).args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What tshark follows of one connection: for each node its bytes.
struct Followed {
    ends: [String; 2],
    nodes: [(String, Vec<u8>); 2],
}

/// Every connection of a capture in the order of its first packet.
fn followed(path: &Path) -> Vec<Followed> {
    let path = path.to_str().unwrap();
    let fields = ["tcp.stream", "ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport"];
    // A segment that an ICMP error quotes does not belong to its connection.
    let not_cited = "tcp and not icmp and not icmpv6";
    let mut arguments = vec!["-r", path, "-Y", not_cited, "-T", "fields", "-E", "occurrence=l"];
    fields.iter().for_each(|field| arguments.extend(["-e", field]));
    let mut ends = BTreeMap::new();
    for line in tshark(&arguments).unwrap().lines() {
        let field: Vec<&str> = line.split('\t').collect();
        let (Some(Ok(stream)), 7) = (field.first().map(|n| n.parse::<u32>()), field.len()) else { continue };
        let end = |v4: &str, v6: &str, port: &str| match v4 {
            "" => format!("[{v6}]:{port}"),
            v4 => format!("{v4}:{port}"),
        };
        let both = [end(field[1], field[2], field[3]), end(field[4], field[5], field[6])];
        ends.entry(stream).or_insert(both);
    }
    if ends.is_empty() {
        return Vec::new();
    }
    let follow: Vec<String> = ends.keys().map(|stream| format!("follow,tcp,raw,{stream}")).collect();
    let mut arguments = vec!["-q", "-r", path];
    follow.iter().for_each(|follow| arguments.extend(["-z", follow]));
    let mut all = BTreeMap::new();
    for block in tshark(&arguments).unwrap().split(&"=".repeat(67)) {
        let mut lines = block.lines().filter(|line| !line.is_empty());
        let (Some("Follow: tcp,raw"), Some(filter)) = (lines.next(), lines.next()) else { continue };
        let stream: u32 = filter.rsplit(' ').next().unwrap().parse().unwrap();
        let mut node = || (lines.next().unwrap().split_once(": ").unwrap().1.to_owned(), Vec::new());
        let mut nodes = [node(), node()];
        for line in lines {
            let side = usize::from(line.starts_with('\t'));
            let digits = line.trim().as_bytes();
            nodes[side].1.extend(
                digits
                    .chunks(2)
                    .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()),
            );
        }
        if let Some(ends) = ends.remove(&stream) {
            all.insert(stream, Followed { ends, nodes });
        }
    }
    all.into_values().collect()
}

fn stream_bytes(index: &Index, flow: FlowId, direction: Direction) -> Vec<u8> {
    let (mut reader, mut bytes) = (index.reader(), Vec::new());
    for segment in index.stream_segments(flow, direction) {
        reader.read(segment.file_offset, segment.length as usize, &mut bytes).unwrap();
    }
    bytes
}

/// Removes the text that tshark writes in the place of missing bytes. Returns also whether there was any.
fn without_notes(bytes: &[u8]) -> (Vec<u8>, bool) {
    let (mut out, mut rest, mut any) = (Vec::new(), bytes, false);
    let behind = b" bytes missing in capture file]";
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if first == b'[' && digits > 0 && after[digits..].starts_with(behind) {
            rest = &after[digits + behind.len()..];
            // One that ends a stretch is followed by a zero.
            rest = rest.strip_prefix(&[0]).unwrap_or(rest);
            any = true;
        } else {
            out.push(first);
            rest = after;
        }
    }
    (out, any)
}

/// Why the bytes of a direction differ, if that is one of tshark's known habits.
fn habit(
    index: &Index,
    flow: FlowId,
    direction: Direction,
    ours: &[u8],
    theirs: &[u8],
) -> Option<&'static str> {
    let stream = index.stream(flow, direction).unwrap();
    let (stripped, had_notes) = without_notes(theirs);
    if had_notes && stripped == ours {
        return Some("it writes a text in the place of missing bytes");
    }
    let is_part = |part: &[u8], whole: &[u8]| {
        let mut bytes = whole.iter();
        part.iter().all(|byte| bytes.any(|other| other == byte))
    };
    if stream.gaps() > 0 && stripped.len() < ours.len() && is_part(&stripped, ours) {
        return Some("it drops data behind a gap that was never acknowledged");
    }
    if had_notes && (is_part(ours, &stripped) || is_part(&stripped, ours)) {
        return Some("it counts bytes as missing whose acknowledgement was captured before them");
    }
    let reset_texts = index.unread_packets().any(|(reason, _)| reason.contains("reset with a text"));
    if reset_texts && stripped.starts_with(ours) {
        return Some("it counts the text of a reset as stream");
    }
    if stream.late_bytes() > 0 || stream.conflicts() > 0 {
        return Some("bytes before the stream's start, or other bytes for the same place");
    }
    None
}

/// Compares one capture. Returns how many directions are equal, and a line for each that is not.
fn compare(path: &Path) -> (usize, Vec<(String, Option<&'static str>)>) {
    let index = open(path);
    let mut flows: HashMap<[String; 2], Vec<FlowId>> = HashMap::new();
    let sorted = |mut ends: [String; 2]| {
        ends.sort();
        ends
    };
    let end = |flow: FlowId, direction| index.flow(flow).unwrap().source(direction).unwrap().to_string();
    // The last first, so that they are popped in their order.
    for (number, flow) in index.flows().rev() {
        if flow.transport == TransportType::Tcp {
            let ends = [end(number, Direction::Forward), end(number, Direction::Backward)];
            flows.entry(sorted(ends)).or_default().push(number);
        }
    }
    let (mut equal, mut different) = (0, Vec::new());
    let theirs = followed(path);
    let mut counts: HashMap<[String; 2], usize> = HashMap::new();
    theirs.iter().for_each(|one| *counts.entry(sorted(one.ends.clone())).or_default() += 1);
    // Both SYNs without an ACK open one connection; tshark takes the second for another one.
    counts.retain(|ends, count| flows.get(ends).is_some_and(|flows| flows.len() < *count));
    for Followed { ends, nodes } in theirs {
        let ends = sorted(ends);
        let split = counts.contains_key(&ends).then_some("it takes a split handshake for two connections");
        let flow = flows.get_mut(&ends).and_then(Vec::pop);
        for (node, theirs) in nodes {
            let Some(flow) = flow else {
                if !theirs.is_empty() {
                    different.push((format!("{} bytes of {node} only there", theirs.len()), split));
                }
                continue;
            };
            let direction = match node == end(flow, Direction::Forward) {
                true => Direction::Forward,
                false => Direction::Backward,
            };
            let ours = stream_bytes(&index, flow, direction);
            if ours == theirs {
                equal += usize::from(!ours.is_empty());
                continue;
            }
            let why = habit(&index, flow, direction, &ours, &theirs).or(split);
            different.push((format!("flow {flow} {node}: {} here, {} there", ours.len(), theirs.len()), why));
        }
    }
    (equal, different)
}

fn captures_under(folder: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            captures_under(&path, out);
        } else {
            // A file without a capture's magic is not one.
            let begins = std::fs::read(&path)
                .map(|bytes| bytes.get(..4).unwrap_or_default().to_vec())
                .unwrap_or_default();
            let magics: [&[u8]; 7] = [
                b"\x0A\x0D\x0D\x0A",
                b"\xA1\xB2\xC3\xD4",
                b"\xD4\xC3\xB2\xA1",
                b"\xA1\xB2\x3C\x4D",
                b"\x4D\x3C\xB2\xA1",
                b"\x28\xB5\x2F\xFD",
                b"\x1F\x8B\x08",
            ];
            if magics.iter().any(|magic| begins.starts_with(magic)) {
                out.push(path);
            }
        }
    }
}

#[test]
fn streams_are_those_that_tshark_follows() {
    let given = std::env::var_os("FRAMESCOPE_CAPTURES").map(PathBuf::from);
    if tshark(&["--version"]).is_none() {
        assert!(given.is_none(), "tshark is not installed");
        eprintln!("tshark is not installed: nothing was compared");
        return;
    }
    let mut captures = Vec::new();
    captures_under(&given.unwrap_or_else(|| corpus().join("captures")), &mut captures);
    let (mut equal, mut explained, mut not_explained) = (0, 0, Vec::new());
    for path in &captures {
        let (same, different) = compare(path);
        equal += same;
        for (what, why) in different {
            eprintln!("{}: {what}: {}", path.display(), why.unwrap_or("NOT EXPLAINED"));
            explained += usize::from(why.is_some());
            if why.is_none() {
                not_explained.push(format!("{}: {what}", path.display()));
            }
        }
    }
    eprintln!("{} captures: {equal} directions equal, {explained} differ by a known habit", captures.len());
    assert!(not_explained.is_empty(), "{}", not_explained.join("\n"));
    assert!(equal + explained > 0, "nothing was compared");
}
