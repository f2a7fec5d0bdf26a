//! What holds for every frame, every stream and every cut.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test says what is wrong by panicking

use std::borrow::Cow;

use framescope_oracles::{decode, roundtrip};
use framescope_parser::missive::strategy::{Stretch, frame, stream};
use framescope_parser::missive::{
    Assembly, Decoder, Flags, Frame, FrameBuf, Header, Item, Key, Kind, Missive, Payload, RawFrame, Received,
};
use framescope_parser::{Dissection, Framer, Protocol, Severity, SpanType};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

fn bytes_of(stretches: &[Stretch]) -> Vec<u8> {
    stretches.iter().flat_map(Stretch::bytes).collect()
}

/// What a test collects of what was received.
fn keep(received: &Received<'_>) -> (u64, u64, Result<FrameBuf, String>) {
    let frame = received.clone().into_frame();
    (
        received.offset,
        received.length,
        frame.map(|frame| frame.to_frame_buf()).map_err(|error| error.to_string()),
    )
}

fn all_from_slice(stream: &[u8]) -> Vec<(u64, u64, Result<FrameBuf, String>)> {
    Missive::default().frames(stream).map(|one| keep(&one)).collect()
}

/// One change to some bytes.
#[derive(Clone, Debug)]
enum Edit {
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    /// Changes a byte of a header and makes its check hold again: a mistake of the sender's program.
    Header(Index, usize, u8),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<Index>(), 1..=255u8).prop_map(|(at, bits)| Edit::Flip(at, bits)),
        (any::<Index>(), vec(any::<u8>(), 1..30)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (any::<Index>(), 1..60usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<Index>(), 2..18usize, any::<u8>())
            .prop_map(|(at, field, value)| Edit::Header(at, field, value)),
    ]
}

fn apply(bytes: &mut Vec<u8>, edit: &Edit) {
    let place = |at: &Index| at.index(bytes.len() + 1);
    match edit {
        Edit::Flip(at, bits) => {
            let at = place(at);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= bits;
            }
        }
        Edit::Insert(at, piece) => {
            let at = place(at);
            bytes.splice(at..at, piece.iter().copied());
        }
        Edit::Remove(at, length) => {
            let at = place(at);
            bytes.drain(at..(at + length).min(bytes.len()));
        }
        Edit::Header(at, field, value) => {
            let headers: Vec<usize> =
                (0..bytes.len()).filter(|&at| Header::read(&bytes[at..]).is_ok()).collect();
            if !headers.is_empty() {
                let at = *at.get(&headers);
                bytes[at + field] = *value;
                let mended = RawFrame::new(&bytes[at..at + 20]).header().unwrap().to_bytes();
                bytes[at..at + 20].copy_from_slice(&mended);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_written_is_read(frame in frame()) {
        let bytes = frame.to_bytes().unwrap();
        let missive = Missive::default();
        let (read, rest) = missive.decode(&bytes).unwrap();
        prop_assert_eq!(read, frame.clone());
        prop_assert!(rest.is_empty());
        prop_assert_eq!(bytes.len(), read.encoded_length());
        prop_assert!(read.read_payload().is_ok());
        let dissection = Dissection::of(&missive, &bytes);
        let worst = dissection.problems.iter().map(|problem| problem.code.severity()).max();
        prop_assert!(worst < Some(Severity::Warning), "{:?}", dissection.problems);
    }

    #[test]
    fn what_is_read_is_written_byte_for_byte(frame in frame(), signed in any::<bool>()) {
        let missive = Missive { key: Some(Key::new(*b"a key")), ..Missive::default() };
        let frame = FrameBuf { flags: if signed { frame.flags | Flags::AUTH } else { frame.flags }, ..frame };
        let mut bytes = Vec::new();
        frame.encode(missive.key.as_ref(), &mut bytes).unwrap();
        let (read, _) = missive.decode(&bytes).unwrap();
        prop_assert_eq!(read.tag.is_some(), signed);
        // Its tag included: without a key it is written as it was read.
        prop_assert_eq!(&read.to_frame_buf().to_bytes().unwrap(), &bytes);
        let mut slice = vec![0xAA; bytes.len() + 3];
        prop_assert_eq!(read.encode_to_slice(None, &mut slice), Ok(bytes.len()));
        prop_assert_eq!(&slice[..bytes.len()], &bytes[..]);
        prop_assert_eq!(&slice[bytes.len()..], &[0xAA; 3]);
        prop_assert!(read.encode_to_slice(None, &mut slice[..bytes.len() - 1]).is_err());
        // From the fields that a person sees, too.
        let mut again = b"before".to_vec();
        missive.encode(&Dissection::of(&missive, &bytes), &mut again).unwrap();
        prop_assert_eq!(&again[6..], &bytes[..]);
        // And its payload from what it says.
        if let Ok(payload) = read.read_payload() {
            let rebuilt = Payload::to_bytes(&payload).unwrap();
            prop_assert_eq!(rebuilt, Cow::Borrowed(read.payload));
        }
    }

    #[test]
    fn a_frame_goes_through_json_and_comes_back(frame in frame(), tag in any::<Option<[u8; 16]>>()) {
        let frame = FrameBuf { tag, ..frame };
        let json = serde_json::to_string(&frame).unwrap();
        prop_assert_eq!(serde_json::to_string(&frame.as_frame()).unwrap(), json.clone());
        prop_assert_eq!(serde_json::from_str::<FrameBuf>(&json).unwrap(), frame);
    }

    #[test]
    fn how_bytes_are_cut_makes_no_difference(
        stretches in stream(),
        edits in vec(edit(), 0..3),
        cuts in vec(1..200usize, 0..40),
    ) {
        let mut bytes = bytes_of(&stretches);
        edits.iter().for_each(|edit| apply(&mut bytes, edit));
        let expected = all_from_slice(&bytes);
        let (mut decoder, mut found, mut rest) = (Decoder::new(Missive::default()), Vec::new(), &bytes[..]);
        for cut in cuts.iter().copied().chain([usize::MAX]) {
            let (piece, behind) = rest.split_at(cut.min(rest.len()));
            decoder.push(piece);
            rest = behind;
            found.extend(std::iter::from_fn(|| decoder.receive().map(|one| keep(&one))));
        }
        decoder.end();
        found.extend(std::iter::from_fn(|| decoder.receive().map(|one| keep(&one))));
        prop_assert_eq!(&found, &expected);

        // From a reader that returns what it likes, too.
        let (mut decoder, mut found) = (Decoder::new(Missive::default()), Vec::new());
        let mut reader = Pieces { rest: &bytes, cuts: cuts.into_iter() };
        loop {
            let read = decoder.read_from(&mut reader).unwrap();
            found.extend(std::iter::from_fn(|| decoder.receive().map(|one| keep(&one))));
            if read == 0 {
                break;
            }
        }
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(decoder.buffered(), 0);
    }

    #[test]
    fn every_intact_frame_between_garbage_is_found_at_its_offset(stretches in stream()) {
        let bytes = bytes_of(&stretches);
        let (mut offset, mut sent) = (0, Vec::new());
        for stretch in &stretches {
            let length = stretch.bytes().len() as u64;
            if let Stretch::Frame(frame) = stretch {
                sent.push((offset, length, Ok(frame.clone())));
            }
            offset += length;
        }
        let mut found = all_from_slice(&bytes);
        let covered: u64 = found.iter().map(|(_, length, _)| length).sum();
        prop_assert_eq!(covered, bytes.len() as u64);
        found.retain(|(_, _, frame)| frame.is_ok());
        prop_assert_eq!(found, sent);
    }

    #[test]
    fn damage_costs_only_what_it_touches(stretches in stream(), at in any::<Index>(), bits in 1..=255u8) {
        let bytes = bytes_of(&stretches);
        if bytes.is_empty() {
            return Ok(());
        }
        let at = at.index(bytes.len());
        let mut damaged = bytes.clone();
        damaged[at] ^= bits;
        let hit = |offset: u64, length: u64| (offset..offset + length).contains(&(at as u64));
        let missive = Missive::default();
        let found: Vec<_> = missive.frames(&damaged).map(|one| (one.offset, one.length)).collect();
        for one in missive.frames(&bytes) {
            if matches!(one.item, Item::Frame(_)) && !hit(one.offset, one.length) {
                prop_assert!(found.contains(&(one.offset, one.length)), "{} is lost", one.offset);
            }
        }
    }

    #[test]
    fn any_bytes_are_a_stream_and_any_view_of_them_answers(bytes in vec(any::<u8>(), 0..200)) {
        decode(&bytes);
        roundtrip(&bytes);
    }

    #[test]
    fn any_damaged_stream_can_be_looked_at(stretches in stream(), edits in vec(edit(), 1..6)) {
        let mut bytes = bytes_of(&stretches);
        edits.iter().for_each(|edit| apply(&mut bytes, edit));
        decode(&bytes);
        roundtrip(&bytes);
    }

    #[test]
    fn content_in_parts_is_put_together(
        parts in vec((0..3u16, vec(any::<u8>(), 0..50), any::<bool>()), 0..30),
    ) {
        let mut assembly = Assembly::new(usize::MAX);
        let mut expected: [Vec<u8>; 3] = Default::default();
        for (channel, payload, more) in &parts {
            let flags = if *more { Flags::MORE } else { Flags::default() };
            let frame = Frame { channel: *channel, flags, payload, ..Frame::new(Kind::DATA) };
            let whole = &mut expected[usize::from(*channel)];
            whole.extend_from_slice(payload);
            let found = assembly.push(&frame).unwrap();
            prop_assert_eq!(found.is_some(), !more);
            if let Some(found) = found {
                prop_assert_eq!(&found[..], &std::mem::take(whole)[..]);
            }
        }
        prop_assert_eq!(assembly.is_open(), parts.iter().rev().fold(
            ([false; 3], false),
            |(mut seen, open), (channel, _, more)| {
                let last = !std::mem::replace(&mut seen[usize::from(*channel)], true);
                (seen, open || last && *more)
            },
        ).1);
    }

    #[test]
    fn a_gap_or_an_end_anywhere_leaves_a_tiling(stretches in stream(), at in any::<Index>(), gap in 0..100u64) {
        let bytes = bytes_of(&stretches);
        let at = at.index(bytes.len() + 1);
        let (mut framer, mut spans) = (Framer::default(), Vec::new());
        let missive = Missive::default();
        let mut missing = 0;
        let mut sink = |span: framescope_parser::Span, bytes: framescope_parser::Captured<'_, '_>| {
            missing += bytes.missing_bytes() as u64;
            spans.push(span);
        };
        framer.segment(&missive, &bytes[..at], &mut sink);
        framer.gap(&missive, gap, &mut sink);
        framer.segment(&missive, &bytes[at..], &mut sink);
        framer.end(&missive, &mut sink);
        prop_assert_eq!(framer.end_offset(), bytes.len() as u64 + gap);
        let mut offset = 0;
        for span in &spans {
            prop_assert_eq!(span.offset, offset);
            prop_assert!(span.length > 0);
            offset += span.length;
        }
        prop_assert_eq!(offset, bytes.len() as u64 + gap);
        let gaps: Vec<_> = spans.iter().filter(|span| span.span_type == SpanType::Gap).collect();
        // What is missing is a gap, or belongs to a message.
        prop_assert_eq!(gaps.iter().map(|span| span.length).sum::<u64>() + missing, gap);
    }
}

/// Returns its bytes in pieces.
struct Pieces<'a> {
    rest: &'a [u8],
    cuts: std::vec::IntoIter<usize>,
}

impl std::io::Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = self.cuts.next().unwrap_or(usize::MAX).min(self.rest.len()).min(out.len());
        let (piece, behind) = self.rest.split_at(length);
        out[..length].copy_from_slice(piece);
        self.rest = behind;
        Ok(length)
    }
}
