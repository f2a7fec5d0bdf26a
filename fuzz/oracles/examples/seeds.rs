//! Cuts seeds out of the recorded captures: `cargo run -p framescope-oracles --example seeds`.
//!
//! Writes into corpus/seeds/<oracle>/. Names are those of the contents, so a second run changes nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use framescope_capture::{Options, Source, read};
use framescope_parser::{Direction, TileType};

/// A fuzzer changes short inputs faster; what is longer is left to the capture oracle.
const LONGEST: usize = 4096;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus");
    let mut written = 0;
    for case in fs::read_dir(corpus.join("captures"))? {
        let case = case?.path();
        let name = case.file_name().and_then(|name| name.to_str()).unwrap_or("case").to_owned();
        let path = case.join("capture.pcapng");
        let index = read(Source::open(&path)?, &Options::default(), &mut |_| true)?;
        let mut reader = index.reader();
        let mut seen = BTreeSet::new();
        let mut seeds: Vec<(String, Vec<u8>)> = Vec::new();
        // One message of each shape: kind, problems, type, and about how long.
        for row in index.rows().filter(|row| row.tile_type != TileType::Gap) {
            let kind = index.kind(&row).unwrap_or(row.type_name()).to_lowercase();
            let flags = index.row_bytes(&row, 8, &mut reader)?;
            let shape = (
                kind.clone(),
                row.codes,
                row.type_name(),
                row.length.ilog2(),
                flags.get(4..8).map(<[u8]>::to_vec),
            );
            let bytes = index.row_bytes(&row, LONGEST + 1, &mut reader)?;
            if bytes.len() <= LONGEST && seen.insert(shape) {
                seeds.push((kind, bytes));
            }
        }
        // And the streams that are short enough, whole.
        for flow in (0u32..).take(index.flows().len()) {
            for direction in [Direction::Forward, Direction::Backward] {
                let mut bytes = Vec::new();
                for segment in index.stream_segments(flow, direction) {
                    reader.read(segment.file_offset, segment.length as usize, &mut bytes)?;
                }
                if !bytes.is_empty() && bytes.len() <= LONGEST {
                    seeds.push((format!("stream-{direction}"), bytes));
                }
            }
        }
        for oracle in ["decode", "roundtrip"] {
            let folder = corpus.join("seeds").join(oracle);
            fs::create_dir_all(&folder)?;
            for (what, bytes) in &seeds {
                // FNV-1a: short, and the same for ever.
                let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                });
                fs::write(folder.join(format!("{name}-{what}-{hash:016x}")), bytes)?;
                written += 1;
            }
        }
        let folder = corpus.join("seeds/capture");
        fs::create_dir_all(&folder)?;
        let bytes = fs::read(&path)?;
        if bytes.len() <= 16 * LONGEST {
            fs::write(folder.join(&name), bytes)?;
            written += 1;
        }
    }
    eprintln!("{written} seeds");
    Ok(())
}
