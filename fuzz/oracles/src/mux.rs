//! A carrier with channels of every kind, for tests of how what is carried is read. A message is `M`, a channel, a length of two bytes,
//! and that many bytes.
//!
//! Of channels below 0x40 the bytes are a stream as they are; below 0x80 each is a message; those below 0xc0 are a stream again, but each
//! byte is added to the number of messages that the conversation had before; of those above each byte stands for two, and each is a
//! message. The bytes of channel 0x3f are of this carrier again.

use std::num::NonZeroUsize;
use std::sync::Arc;

use framescope_parser::{
    Captured, Carried, Channel, Code, Confidence, Conversation, Dissection, Error, Fault, Input, Kind,
    Measure, Memo, Nowhere, Passage, Protocol, Reads, Role, Sample, Sentence, Settings, Stage, Step, Value,
    Visit,
};

/// The carrier.
#[derive(Debug)]
pub struct Mux {
    stages: Vec<Stage>,
}

impl Default for Mux {
    fn default() -> Mux {
        let reads = Reads::Own(Arc::new(Message));
        let stage = Stage {
            name: "open".into(),
            reads,
            needs_variables: false,
            sets_variables: false,
            carries: true,
        };
        Mux { stages: vec![stage] }
    }
}

/// What is read in the only stage.
struct Message;

#[derive(Clone, Default)]
struct Count(u64, Vec<u8>, Settings);

fn about(channel: u8, settings: &Settings) -> Channel {
    let name = match channel {
        0x3f => "mux.mux",
        ..0x40 => "mux.plain",
        0x40..0x80 => "mux.message",
        0x80..0xc0 => "mux.added",
        _ => "mux.double",
    };
    Channel {
        name: name.into(),
        protocol: (channel == 0x3f).then_some("mux".into()),
        settings: settings.clone().with("number", channel.to_string()),
        is_delimited: channel & 0x40 != 0,
        is_verbatim: channel < 0x80,
        begins_inside: false,
    }
}

impl Conversation for Count {
    fn copy(&self) -> Box<dyn Conversation> {
        Box::new(self.clone())
    }

    fn size(&self) -> usize {
        size_of::<Count>()
    }

    fn stage(&self, _: Role) -> u16 {
        0
    }

    fn continue_in(&mut self, _: Role, _: u16) {}

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        self.carry(role, Passage::Message(message), &mut Nowhere);
    }

    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        let message = match passage {
            Passage::Message(message) => message,
            Passage::Lost(length) => {
                self.1.iter().for_each(|channel| to.lost((*channel).into(), role, length));
                return;
            }
            Passage::End => {
                self.1.iter().for_each(|channel| to.end((*channel).into(), role));
                return;
            }
        };
        let Some((&[_, channel, _, _], payload)) = message.beginning().split_first_chunk::<4>() else {
            return;
        };
        if !self.1.contains(&channel) {
            self.1.push(channel);
            to.open(channel.into(), about(channel, &self.2));
        }
        let number = u64::from(channel);
        let missing = message.missing_bytes() as u64;
        match channel {
            ..0x80 => to.verbatim(number, role, 4, payload),
            0x80..0xc0 => {
                let added: Vec<u8> = payload.iter().map(|byte| byte.wrapping_sub(self.0 as u8)).collect();
                let (one, other) = added.split_at(added.len() / 3);
                to.bytes(number, role, one);
                to.bytes(number, role, other);
            }
            _ => {
                let double: Vec<u8> = payload.iter().flat_map(|byte| [*byte, *byte]).collect();
                to.bytes(number, role, &double);
                if payload.is_empty() {
                    to.problem(Code::UnpackingFailed, Sentence::new("nothing stands for nothing"));
                }
            }
        }
        if missing > 0 {
            to.lost(number, role, missing);
        }
        if channel & 0x40 != 0 {
            to.end_message(number, role);
        }
        self.0 += 1;
    }
}

fn length(message: Captured<'_, '_>) -> Option<usize> {
    let &[_, _, high, low] = message.get(0..4)? else { return None };
    Some(4 + usize::from(u16::from_be_bytes([high, low])))
}

impl Protocol for Message {
    fn name(&self) -> &str {
        "mux"
    }

    fn about(&self) -> &str {
        "a test's"
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        let present = NonZeroUsize::new(input.bytes.len()).expect("a step has bytes");
        match input.bytes.iter().position(|byte| *byte == b'M').map(NonZeroUsize::new) {
            Some(None) => {}
            Some(Some(skipped)) => return Step::Searching(skipped, Code::NotAFrame),
            None => return Step::Searching(present, Code::NotAFrame),
        }
        let all = length(Captured::whole(input.bytes)).unwrap_or(4);
        match NonZeroUsize::new(all.saturating_sub(present.get())) {
            None => Step::Message(NonZeroUsize::new(all).expect("it has a header")),
            Some(_) if input.last => Step::Partial(present),
            Some(more) => Step::NeedMore(more),
        }
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        match length(message).and_then(NonZeroUsize::new) {
            Some(length) => Measure::Message { length, head: NonZeroUsize::MIN, bits: 8 },
            None => Measure::Unknown,
        }
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        let Some(&channel) = message.get(1) else { return };
        visit.kind(Kind::new(channel.into(), None));
        visit.field("channel", 1..2, Value::Unsigned(channel.into()));
        visit.summary(format_args!("channel {channel}"));
    }

    fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> {
        Err(Error::new(0, "channel", Fault::Missing))
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }
}

impl Protocol for Mux {
    fn name(&self) -> &str {
        "mux"
    }

    fn about(&self) -> &str {
        "a test's"
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        Message.next(input, memo)
    }

    fn stages(&self) -> &[Stage] {
        &self.stages
    }

    fn conversation(&self) -> Option<Box<dyn Conversation>> {
        self.conversation_in(&Settings::NONE)
    }

    fn conversation_in(&self, settings: &Settings) -> Option<Box<dyn Conversation>> {
        Some(Box::new(Count(0, Vec::new(), settings.clone())))
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        Message.dissect(message, visit);
    }

    fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> {
        Err(Error::new(0, "channel", Fault::Missing))
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }
}

/// A message for a channel.
pub fn message(channel: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("it fits into a message").to_be_bytes();
    [&[b'M', channel], &length[..], payload].concat()
}

/// The same for a channel from 0x80 to 0xbf, after so many messages of both sides.
pub fn added(channel: u8, before: u8, payload: &[u8]) -> Vec<u8> {
    message(channel, &payload.iter().map(|byte| byte.wrapping_add(before)).collect::<Vec<_>>())
}
