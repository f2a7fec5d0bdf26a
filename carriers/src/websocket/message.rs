//! A message that is being joined: its payload without the mask, unpacked, in the pieces in which it comes.

use framescope_parser::{Captured, Carried, Code, Role, Sentence};

use super::conversation::TEXT_CHANNEL;
use super::extensions::Parameters;
use super::inflate::{Inflater, Stopped};
use super::mask;
use super::side::Open;
use super::text::Utf8;

/// A message whose last frame has not come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joining {
    channel: u64,
    /// Whether the channel's messages are messages of their own.
    is_delimited: bool,
    /// How it is compressed, if it is.
    packed: Option<Parameters>,
    /// Nothing more of it is known: a part was lost or can't be unpacked.
    is_broken: bool,
    /// Checks a text. None where a part of it is missing, or it was found not to be one.
    utf8: Option<Utf8>,
}

/// How many bytes the mask is taken off at a time.
const CHUNK: usize = 16 << 10;

impl Joining {
    pub(super) fn new(channel: u64, is_delimited: bool, packed: Option<Parameters>) -> Joining {
        let utf8 = (channel == TEXT_CHANNEL).then(Utf8::default);
        Joining { channel, is_delimited, packed, is_broken: false, utf8 }
    }

    /// It ends without its last bytes.
    pub(super) fn give_up(self, role: Role, length: u64, to: &mut dyn Carried) {
        if !self.is_broken {
            to.lost(self.channel, role, length.max(1));
        }
        if self.is_delimited {
            to.end_message(self.channel, role);
        }
    }
}

/// Hands on the messages of a side.
pub(super) struct Hand<'h> {
    pub(super) role: Role,
    pub(super) inflater: &'h mut Inflater,
    pub(super) scratch: &'h mut Vec<u8>,
    pub(super) to: &'h mut dyn Carried,
}

impl Hand<'_> {
    /// The payload of a frame, or a part of it, which begins at `at`.
    pub(super) fn payload(
        &mut self,
        joining: &mut Joining,
        message: Captured<'_, '_>,
        at: usize,
        frame: &Open,
    ) {
        let Some(key) = frame.key else {
            return self.miss(joining, message.length().saturating_sub(at));
        };
        // Only the last two bits matter.
        let done = usize::try_from(frame.done % 4).unwrap_or(0);
        let mut next = at;
        for (from, part) in message.parts(at..message.length()) {
            self.miss(joining, from - next);
            next = from + part.len();
            if joining.is_broken {
                continue;
            }
            self.unmask(joining, key, done + (from - at), part);
        }
        self.miss(joining, message.length().saturating_sub(next));
    }

    /// So many bytes of the payload were not captured.
    fn miss(&mut self, joining: &mut Joining, length: usize) {
        if length == 0 || joining.is_broken {
            return;
        }
        self.to.lost(joining.channel, self.role, length as u64);
        joining.utf8 = None;
        if joining.packed.is_some() {
            joining.is_broken = true;
            self.inflater.forget();
        }
    }

    fn unmask(&mut self, joining: &mut Joining, key: [u8; 4], at: usize, part: &[u8]) {
        if key == [0; 4] {
            return self.unpack(joining, part);
        }
        let mut scratch = std::mem::take(self.scratch);
        for (number, chunk) in part.chunks(CHUNK).enumerate() {
            scratch.clear();
            scratch.extend_from_slice(chunk);
            mask::apply(key, at.wrapping_add(number.wrapping_mul(CHUNK)), &mut scratch);
            self.unpack(joining, &scratch);
        }
        *self.scratch = scratch;
    }

    fn unpack(&mut self, joining: &mut Joining, bytes: &[u8]) {
        if joining.is_broken {
            return;
        }
        let (role, channel, mut room) = (self.role, joining.channel, self.to.room());
        let mut fault = None;
        let stopped = if joining.packed.is_some() {
            let (utf8, carried) = (&mut joining.utf8, &mut *self.to);
            let to = &mut |out: &[u8]| {
                check(utf8, out, &mut fault);
                carried.bytes(channel, role, out);
            };
            self.inflater.take(bytes, &mut room, to)
        } else {
            let there = bytes.get(..room).unwrap_or(bytes);
            check(&mut joining.utf8, there, &mut fault);
            self.to.bytes(channel, role, there);
            if there.len() < bytes.len() { Err(Stopped::TooMuch) } else { Ok(()) }
        };
        self.report(joining, fault, stopped);
    }

    /// The message has ended.
    pub(super) fn end(&mut self, mut joined: Joining) {
        let (role, channel, mut room) = (self.role, joined.channel, self.to.room());
        let mut fault = None;
        if joined.packed.is_some() && !joined.is_broken {
            let (utf8, carried) = (&mut joined.utf8, &mut *self.to);
            let to = &mut |out: &[u8]| {
                check(utf8, out, &mut fault);
                carried.bytes(channel, role, out);
            };
            let stopped = self.inflater.end(&mut room, to);
            self.report(&mut joined, fault, stopped);
        }
        if let Some(Err(at)) = joined.utf8.filter(|_| !joined.is_broken).map(|utf8| utf8.end()) {
            let text = Sentence::new("the text ends inside a character, which begins at its byte {}");
            self.to.problem(Code::InvalidUtf8, text.with([at]));
        }
        if joined.is_delimited {
            self.to.end_message(channel, role);
        }
    }

    fn report(&mut self, joining: &mut Joining, fault: Option<u64>, stopped: Result<(), Stopped>) {
        if let Some(at) = fault {
            let text = Sentence::new("the text is not UTF-8: at its byte {} no character begins");
            self.to.problem(Code::InvalidUtf8, text.with([at]));
        }
        let Err(stopped) = stopped else { return };
        joining.is_broken = true;
        let is_alone = joining.packed.is_none_or(|packed| packed.no_context_takeover);
        let (code, text) = match (stopped, is_alone) {
            (Stopped::TooMuch, true) => (
                Code::ExpandsTooMuch,
                "the message has more than the bytes that are unpacked of one; the rest of it is left out",
            ),
            (Stopped::TooMuch, false) => (
                Code::ExpandsTooMuch,
                "the message has more than the bytes that are unpacked of one; the rest of it is left out, and those after it can't be unpacked where they refer to it",
            ),
            (Stopped::Failed, true) => (
                Code::UnpackingFailed,
                "the message can't be unpacked: it is not what permessage-deflate makes; the next ones do not depend on it",
            ),
            (Stopped::Failed, false) if self.inflater.is_whole() => (
                Code::UnpackingFailed,
                "the message can't be unpacked: it is not what permessage-deflate makes; nor can those after it, up to one that does not refer to others",
            ),
            (Stopped::Failed, false) => (
                Code::UnpackingFailed,
                "the message can't be unpacked: it refers to earlier ones that are unknown; nor can those after it, up to one that does not refer to them",
            ),
        };
        self.inflater.forget();
        self.to.problem(code, Sentence::new(text));
        self.to.lost(joining.channel, self.role, 1);
    }
}

/// Checks the next bytes of a text. Its first fault is the only one.
fn check(utf8: &mut Option<Utf8>, bytes: &[u8], fault: &mut Option<u64>) {
    if let Some(Err(at)) = utf8.as_mut().map(|utf8| utf8.take(bytes)) {
        *fault = Some(at);
        *utf8 = None;
    }
}
