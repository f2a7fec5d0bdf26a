//! Any bytes are a stream of any protocol: laid out without hole or overlap, the same however they are cut, and every
//! message can be taken apart.

use std::ops::Range;

use framescope_parser::bare::Bare;
use framescope_parser::missive::{Extensions, Frame, Header, Missive, Session};
use framescope_parser::text::Text;
use framescope_parser::{
    Code, Direction, Dissection, Event, Field, Framer, Observer, Protocol, Tile, TileType, Unclaimed,
};

/// Takes `data` as a stream of each protocol.
pub fn decode(data: &[u8]) {
    let missive = Missive::default();
    // A limit that frames of a fuzzer's size are over too.
    let small = Missive { payload_limit: 64, ..Missive::default() };
    for protocol in [&missive as &dyn Protocol, &small] {
        let whole = laid_out(protocol, data, &[data.len()]);
        for cuts in [cuts_from(data), vec![1; data.len()], vec![19; data.len() / 19 + 1]] {
            assert_eq!(tiles(protocol, data, &cuts), whole, "cut into {cuts:?}");
        }
    }
    for protocol in [&Bare as &dyn Protocol, &Text, &Unclaimed] {
        laid_out(protocol, data, &cuts_from(data));
    }
    // What never was called a message can be asked for all the same.
    for protocol in [&missive as &dyn Protocol, &Bare, &Text, &Unclaimed] {
        check_dissection(&Dissection::of(protocol, data), data);
        for &code in Code::ALL {
            let mut dissection = Dissection::default();
            protocol.dissect_skipped(code, data, data.len(), &mut dissection);
            check_dissection(&dissection, data);
        }
    }
    valid_view(&missive, data);
    let _ = Header::read(data).map(|header| (header.layout(), header.to_bytes()));
    let mut extensions = Extensions::new(data);
    let walked: usize = extensions.by_ref().map(|extension| 3 + extension.value.len()).sum();
    assert_eq!(walked + extensions.rest().len(), data.len());
}

/// The tiles of `data` when it comes in segments of these lengths.
pub fn tiles(protocol: &dyn Protocol, data: &[u8], cuts: &[usize]) -> Vec<Tile> {
    let (mut framer, mut tiles, mut rest) = (Framer::default(), Vec::new(), data);
    let mut sink = |tile: Tile, bytes: &[u8]| {
        let has_bytes = matches!(tile.tile_type, TileType::Message | TileType::Partial);
        assert_eq!(bytes.len() as u64, if has_bytes { tile.length } else { 0 });
        tiles.push(tile);
    };
    for &cut in cuts {
        let (segment, behind) = rest.split_at(cut.min(rest.len()));
        framer.segment(protocol, segment, &mut sink);
        rest = behind;
    }
    framer.segment(protocol, rest, &mut sink);
    framer.end(protocol, &mut sink);
    tiles
}

/// Lays `data` out, checks that the tiles cover it, and takes every message apart.
fn laid_out(protocol: &dyn Protocol, data: &[u8], cuts: &[usize]) -> Vec<Tile> {
    let tiles = tiles(protocol, data, cuts);
    let mut end = 0;
    let mut observer = protocol.observer();
    let mut found = Vec::new();
    for (row, tile) in (0u32..).zip(&tiles) {
        assert_eq!(tile.offset, end, "a hole or an overlap");
        assert!(tile.length > 0, "an empty tile");
        end += tile.length;
        let bytes = &data[usize::try_from(tile.offset).unwrap()..usize::try_from(end).unwrap()];
        check_dissection(&Dissection::of(protocol, bytes), bytes);
        // Any message may come from either side.
        let direction = if bytes.len().is_multiple_of(2) { Direction::Forward } else { Direction::Backward };
        let event = match tile.tile_type {
            TileType::Message => Event::Message { direction, row, bytes },
            _ => Event::Loss { direction },
        };
        if let Some(observer) = &mut observer {
            observer.observe(event, &mut found);
        }
    }
    assert_eq!(end, data.len() as u64, "bytes without a tile");
    if let Some(observer) = &mut observer {
        observer.finish(&mut found);
    }
    tiles
}

/// Segment lengths that the data itself gives.
fn cuts_from(data: &[u8]) -> Vec<usize> {
    data.iter()
        .rev()
        .map(|&byte| usize::from(byte) + 1)
        .scan(0, |sum, cut| {
            *sum += cut;
            (*sum < data.len() + 256).then_some(cut)
        })
        .collect()
}

fn check_dissection(dissection: &Dissection<'_>, message: &[u8]) {
    let all = 0..message.len();
    dissection.fields.iter().for_each(|field| check_field(field, &all));
    for problem in &dissection.problems {
        assert!(within(&problem.range, &all), "{problem:?} outside of {all:?}");
        assert!(!problem.text.is_empty());
    }
    let _ = dissection.kind.map(|kind| kind.to_string());
}

fn check_field(field: &Field<'_>, around: &Range<usize>) {
    assert!(within(&field.range, around), "{} at {:?} outside of {around:?}", field.name, field.range);
    let _ = (field.value.to_string(), field.value.as_u64(), field.value.as_bytes());
    field.fields.iter().for_each(|inner| check_field(inner, &field.range));
}

fn within(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.start <= inner.end && inner.end <= outer.end
}

/// Where both views of a frame exist they agree: what the valid one accepts has no error in its envelope.
fn valid_view(missive: &Missive, data: &[u8]) {
    match Frame::read(data, None) {
        Ok((frame, rest)) => {
            let bytes = &data[..data.len() - rest.len()];
            let dissection = Dissection::of(missive, bytes);
            let envelope =
                [Code::ChecksumMismatch, Code::ExtensionOverrun, Code::UnknownVersion, Code::ReservedFlags];
            assert!(!envelope.iter().any(|&code| dissection.has(code)), "{:?}", dissection.problems);
            assert_eq!(dissection.field("sequence").unwrap().value.as_u64(), Some(frame.sequence.into()));
            assert_eq!(frame.to_bytes().unwrap(), bytes, "a valid frame is written as it was read");
        }
        Err(error) => {
            assert!(error.offset <= data.len(), "{error} outside of {} bytes", data.len());
            assert!(!error.to_string().is_empty());
        }
    }
    let mut session = Session::new();
    let mut found = Vec::new();
    session.observe(Event::Message { direction: Direction::Forward, row: 0, bytes: data }, &mut found);
    session.finish(&mut found);
}
