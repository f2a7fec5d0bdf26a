//! Simpler streams than one: without one of its frames, or with less in one.

use std::cell::RefCell;

use framescope_parser::missive::Kind;

use super::piece::{CHECKSUM, Frame, Piece, pieces};
use crate::random::Random;

/// The first stream that `fits` of those that are simpler than this one: without one of its frames, or with less in
/// one. Lengths and checks are right, except for checksums that were not.
pub(crate) fn simpler_frames(stream: &[u8], fits: &mut dyn FnMut(&[u8]) -> bool) -> Option<Vec<u8>> {
    let pieces = pieces(stream);
    let found = RefCell::new(None);
    let mut written = |pieces: &[Piece]| {
        let mut out = Vec::new();
        for piece in pieces {
            let is_sound = matches!(piece, Piece::Frame(frame) if frame.sound);
            piece.write_broken((!is_sound).then_some(CHECKSUM), &mut Random::new(0), &mut out);
        }
        if fits(&out) {
            found.replace(Some(out));
        }
    };
    let is_open = || found.borrow().is_none();
    for at in (0..pieces.len()).take_while(|_| is_open()) {
        let mut fewer = pieces.clone();
        fewer.remove(at);
        written(&fewer);
    }
    for (at, piece) in pieces.iter().enumerate().take_while(|_| is_open()) {
        let Piece::Frame(frame) = piece else { continue };
        let mut with = |change: &dyn Fn(&mut Frame)| {
            let mut changed = frame.clone();
            change(&mut changed);
            if changed != *frame && is_open() {
                let mut pieces = pieces.clone();
                pieces.splice(at..=at, [Piece::Frame(changed)]);
                written(&pieces);
            }
        };
        with(&|frame| frame.extensions.clear());
        with(&|frame| frame.payload.clear());
        let half = frame.payload.len() / 2;
        with(&|frame| frame.payload.truncate(half));
        with(&|frame| drop(frame.payload.drain(..half)));
        let last = frame.payload.len().saturating_sub(1);
        with(&|frame| frame.payload.truncate(last));
        for bit in 0..16 {
            with(&|frame| frame.header.flags.0 &= !(1 << bit));
        }
        with(&|frame| frame.header.sequence = 0);
        with(&|frame| frame.header.channel = 0);
        with(&|frame| frame.header.version = 1);
        with(&|frame| (frame.header.kind, frame.payload) = (Kind::DATA, Vec::new()));
        with(&|frame| (frame.header.kind, frame.payload) = (Kind::LOGIN, vec![0; 4]));
    }
    found.into_inner()
}
