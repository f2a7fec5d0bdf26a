//! Any bytes are a stream of any protocol: laid out without hole or overlap, the same however they are cut, and every
//! message can be taken apart.

use std::ops::Range;

use framescope_parser::bare::Bare;
use framescope_parser::missive::{
    Assembly, Decoder, Extensions, Header, Item, Missive, RawFrame, Received, Session,
};
use framescope_parser::text::Text;
use framescope_parser::{
    Code, CodeSet, Direction, Dissection, Event, Field, Framer, Observer, Problem, Protocol, Severity, Tile,
    TileType, Unclaimed,
};

/// Takes `data` as a stream of each protocol.
pub fn decode(data: &[u8]) {
    let missive = Missive::default();
    // A limit that frames of a fuzzer's size are over too.
    let small = Missive { payload_limit: 64, ..Missive::default() };
    for protocol in [&missive as &dyn Protocol, &small] {
        let whole = laid_out(protocol, data, &[data.len()], true);
        for cuts in [cuts_from(data), vec![1; data.len()], vec![19; data.len() / 19 + 1]] {
            assert_eq!(tiles(protocol, data, &cuts), whole, "cut into {cuts:?}");
        }
    }
    for protocol in [&Bare as &dyn Protocol, &Text, &Unclaimed] {
        laid_out(protocol, data, &cuts_from(data), true);
    }
    // What never was called a message can be asked for all the same.
    for protocol in [&missive as &dyn Protocol, &Bare, &Text, &Unclaimed] {
        check_dissection(&Dissection::of(protocol, data), data, true);
        check_outline(protocol, data, false);
        check_names(protocol, data);
        for &code in Code::ALL {
            let mut dissection = Dissection::default();
            protocol.dissect_skipped(code, data, data.len(), &mut dissection);
            check_dissection(&dissection, data, true);
        }
    }
    for missive in [&missive, &small] {
        valid_view(missive, data);
        for cuts in [cuts_from(data), vec![1; data.len()]] {
            received(missive, data, &cuts);
        }
    }
    let (mut session, mut found) = (Session::new(), Vec::new());
    let event = Event::Message { direction: Direction::Forward, row: 0, time_ns: None, bytes: data };
    session.observe(event, &mut found);
    session.finish(&mut found);
    let _ = Header::read(data).map(|header| (header.layout(), header.to_bytes()));
    let mut extensions = Extensions::new(data);
    let walked: usize = extensions.by_ref().map(|extension| 3 + extension.bytes.len()).sum();
    assert_eq!(walked + extensions.rest().len(), data.len());
}

/// The tiles of `data` when it comes in segments of these lengths.
pub fn tiles(protocol: &dyn Protocol, data: &[u8], cuts: &[usize]) -> Vec<Tile> {
    let (mut framer, mut tiles, mut rest) = (Framer::default(), Vec::new(), data);
    let mut sink = |tile: Tile, bytes: &[u8]| {
        let has_bytes = matches!(tile.tile_type, TileType::Message | TileType::Partial);
        assert_eq!(bytes.len() as u64, if has_bytes { tile.length } else { 0 });
        if has_bytes {
            check_outline(protocol, bytes, tile.checked);
        }
        // Which checks had to be computed depends on how the bytes came.
        tiles.push(Tile { checked: false, ..tile });
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
pub(crate) fn laid_out(protocol: &dyn Protocol, data: &[u8], cuts: &[usize], nested: bool) -> Vec<Tile> {
    let tiles = tiles(protocol, data, cuts);
    let mut end = 0;
    let mut observer = protocol.observer();
    let mut found = Vec::new();
    for (row, tile) in (0u32..).zip(&tiles) {
        assert_eq!(tile.offset, end, "a hole or an overlap");
        assert!(tile.length > 0, "an empty tile");
        end += tile.length;
        let bytes = &data[usize::try_from(tile.offset).unwrap()..usize::try_from(end).unwrap()];
        check_dissection(&Dissection::of(protocol, bytes), bytes, nested);
        // Any message may come from either side.
        let direction = if bytes.len().is_multiple_of(2) { Direction::Forward } else { Direction::Backward };
        let event = match tile.tile_type {
            TileType::Message => Event::Message { direction, row, time_ns: None, bytes },
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
pub(crate) fn cuts_from(data: &[u8]) -> Vec<usize> {
    data.iter()
        .rev()
        .map(|&byte| usize::from(byte) + 1)
        .scan(0, |sum, cut| {
            *sum += cut;
            (*sum < data.len() + 256).then_some(cut)
        })
        .collect()
}

/// Every field that is told is one of those that the protocol names.
fn check_names(protocol: &dyn Protocol, message: &[u8]) {
    fn check(fields: &[Field<'_>], above: &str, names: &[String], anywhere: &[String]) {
        for field in fields.iter().filter(|field| !anywhere.iter().any(|name| name == field.name)) {
            let path =
                if above.is_empty() { field.name.to_owned() } else { format!("{above}.{}", field.name) };
            assert!(names.contains(&path), "{path} is not among the names");
            check(&field.fields, &path, names, anywhere);
        }
    }
    let names = protocol.names();
    if !names.fields.is_empty() {
        check(&Dissection::of(protocol, message).fields, "", &names.fields, &names.anywhere);
    }
}

/// What an index keeps of a message is what its dissection says.
pub(crate) fn check_outline(protocol: &dyn Protocol, message: &[u8], checked: bool) {
    let mut outline = Dissection::default();
    protocol.outline(message, checked, &mut outline);
    let dissection = Dissection::of(protocol, message);
    let said = |dissection: &Dissection<'_>| {
        let codes: CodeSet = dissection.problems.iter().map(|problem| problem.code).collect();
        (dissection.kind.map(|kind| kind.to_string()), codes)
    };
    assert_eq!(said(&outline), said(&dissection));
}

fn check_dissection(dissection: &Dissection<'_>, message: &[u8], nested: bool) {
    let all = 0..message.len();
    // What a described protocol's instances read may stand anywhere in the message.
    dissection.fields.iter().for_each(|field| check_field(field, &all, nested));
    for problem in &dissection.problems {
        assert!(within(&problem.range, &all), "{problem:?} outside of {all:?}");
        assert!(!problem.text.is_empty());
    }
    let _ = dissection.kind.map(|kind| kind.to_string());
}

fn check_field(field: &Field<'_>, around: &Range<usize>, nested: bool) {
    assert!(within(&field.range, around), "{} at {:?} outside of {around:?}", field.name, field.range);
    let _ = (field.value.to_string(), field.value.as_u64(), field.value.as_bytes());
    let inside = if nested { &field.range } else { around };
    field.fields.iter().for_each(|inner| check_field(inner, inside, nested));
}

fn within(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.start <= inner.end && inner.end <= outer.end
}

/// Where both views of a frame exist they agree: the valid one refuses just what has an error outside of its payload,
/// and its typed payload just what has one inside.
fn valid_view(missive: &Missive, data: &[u8]) {
    raw_view(data);
    let valid = missive.decode(data);
    let length = match &valid {
        Ok((_, rest)) => data.len() - rest.len(),
        Err(error) => {
            assert!(error.offset <= data.len(), "{error} outside of {} bytes", data.len());
            assert!(!error.to_string().is_empty());
            RawFrame::new(data).bytes().len()
        }
    };
    let raw = RawFrame::new(data);
    let framed = raw.header_check_holds()
        && raw.missing() == 0
        && raw.header().is_some_and(|header| header.payload_length <= missive.payload_limit);
    if !framed {
        assert!(valid.is_err(), "{valid:?}");
        return;
    }
    let dissection = Dissection::of(missive, &data[..length]);
    let payload = dissection.field("payload").map_or(0..0, |field| field.range.clone());
    let of_payload = |problem: &Problem| {
        matches!(problem.code, Code::PayloadOverrun)
            || problem.code == Code::InvalidUtf8 && problem.range.start >= payload.start
    };
    let refused = |problem: &&Problem| {
        problem.code.severity() == Severity::Error || problem.code == Code::UnknownVersion
    };
    let (inside, outside): (Vec<&Problem>, Vec<_>) =
        dissection.problems.iter().filter(refused).partition(|problem| of_payload(problem));
    match valid {
        Ok((frame, _)) => {
            assert!(outside.is_empty(), "{outside:?}");
            assert_eq!(dissection.field("sequence").unwrap().value.as_u64(), Some(frame.sequence.into()));
            assert_eq!(
                frame.to_frame_buf().to_bytes().unwrap(),
                &data[..length],
                "a valid frame is written as it was read"
            );
            assert_eq!(frame.payload, raw.payload());
            assert!(frame.extensions().all(|extension| extension.value().is_ok()));
            match frame.read_payload() {
                Ok(said) => {
                    assert!(inside.is_empty(), "{said:?} though {inside:?}");
                    assert_eq!(said.kind(), frame.kind);
                    let bytes = said.to_bytes().unwrap();
                    assert!(frame.payload.starts_with(&bytes), "what it says is written as it was read");
                }
                Err(error) => {
                    assert!(!inside.is_empty(), "{error} is no problem");
                    assert!(error.offset <= length, "{error} outside of {length} bytes");
                }
            }
            let mut assembly = Assembly::new(64);
            if let Ok(Some(whole)) = assembly.push(&frame) {
                assert_eq!(whole, frame.payload);
            }
        }
        Err(error) => assert!(!outside.is_empty(), "{error} is no problem"),
    }
}

/// Every accessor of the raw view answers on any bytes.
fn raw_view(data: &[u8]) {
    let raw = RawFrame::new(data);
    let walked: usize = raw.extensions().map(|extension| 3 + extension.bytes.len()).sum();
    let parts = walked + raw.payload().len() + raw.tag().len() + raw.checksum().map_or(0, |_| 4);
    assert!(parts <= raw.bytes().len() && raw.bytes().len() <= data.len());
    assert_eq!(raw.checksum().is_some(), raw.computed_checksum().is_some());
    assert_eq!(raw.header_check_holds(), Header::read(data).is_ok());
    let _ = (raw.header(), raw.missing());
}

/// Frames taken from a slice, and bytes taken as they arrive, are the tiles with what is in them.
fn received(missive: &Missive, data: &[u8], cuts: &[usize]) {
    let expected: Vec<_> = tiles(missive, data, &[data.len()])
        .into_iter()
        .map(|tile| (tile.offset, tile.length, tile.tile_type))
        .collect();
    let tile = |one: &Received<'_>| {
        let tile_type = match &one.item {
            Item::Frame(frame) => {
                assert_eq!(frame.encoded_length() as u64, one.length);
                TileType::Message
            }
            Item::Refused(bytes, error) => {
                assert_eq!(bytes.len() as u64, one.length);
                assert!(error.offset as u64 <= one.length);
                TileType::Message
            }
            Item::Skipped(code) => TileType::Skipped(*code),
            Item::Partial(_) => TileType::Partial,
        };
        if let Err(error) = one.clone().into_frame() {
            assert!(error.offset as u64 >= one.offset && error.offset <= data.len(), "{error}");
        }
        (one.offset, one.length, tile_type)
    };
    let found: Vec<_> = missive.frames(data).map(|one| tile(&one)).collect();
    assert_eq!(found, expected, "frames of a slice");

    let (mut decoder, mut found, mut rest) = (Decoder::new(missive.clone()), Vec::new(), data);
    for &cut in cuts.iter().chain([&data.len()]) {
        let (piece, behind) = rest.split_at(cut.min(rest.len()));
        decoder.push(piece);
        rest = behind;
        while let Some(one) = decoder.receive() {
            found.push(tile(&one));
        }
    }
    decoder.end();
    while let Some(one) = decoder.receive() {
        found.push(tile(&one));
    }
    assert_eq!(decoder.buffered(), 0);
    assert_eq!(found, expected, "bytes as they arrive");
}
