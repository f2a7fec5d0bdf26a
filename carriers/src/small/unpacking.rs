//! The conversation of `zstd`: which row comes next, and what the blocks of a frame unpack to.

use std::num::NonZeroUsize;
use std::sync::Arc;

use framescope_parser::{Captured, Carried, Code, Conversation, Passage, Role, Sentence};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::channel::{Only, Silent};
use super::zstd::{
    BLOCK, CHECK, HEADER, KEPT, LONGEST_BLOCK, PLAIN, Parts, block, header_length, is_skippable,
};

/// The largest window that is accepted, as an exponent of 2: that of the zstd program.
const WINDOW_LOG: u32 = 27;

/// What is unpacked of a frame.
#[derive(Default)]
enum Unpacking {
    /// Nothing: no frame began, or what it needs is missing.
    #[default]
    No,
    /// The decoder is to be made from what is kept.
    Again,
    Yes(Decoder<'static>),
}

#[derive(Default)]
struct Direction {
    stage: u16,
    is_begun: bool,
    has_check: bool,
    unpacking: Unpacking,
    /// The messages of the present frame.
    kept: Vec<Arc<[u8]>>,
    kept_bytes: usize,
}

/// Both directions.
pub(super) struct Unpacked {
    directions: [Direction; 2],
    channel: Only,
}

impl Direction {
    fn copy(&self) -> Direction {
        let unpacking = match self.unpacking {
            Unpacking::No => Unpacking::No,
            Unpacking::Again | Unpacking::Yes(_) => Unpacking::Again,
        };
        Direction { unpacking, kept: self.kept.clone(), ..*self }
    }

    /// What is unpacked next begins with a frame.
    fn loss(&mut self) {
        if self.stage != PLAIN {
            *self = Direction { is_begun: true, ..Direction::default() };
        }
    }

    /// Nothing more of the present frame is unpacked.
    fn give_up(&mut self) {
        (self.unpacking, self.kept_bytes) = (Unpacking::No, 0);
        self.kept.clear();
    }

    /// The stage after a message.
    fn follow(&mut self, message: &[u8]) {
        self.is_begun = true;
        match self.stage {
            HEADER if !is_skippable(message) => {
                self.stage = BLOCK;
                let parts = message.get(4).and_then(|&descriptor| Parts::of(descriptor));
                self.has_check = parts.is_some_and(|parts| parts.has_check);
                self.give_up();
                self.unpacking = Unpacking::Again;
            }
            BLOCK if block(message).is_some_and(|(is_last, ..)| is_last) => {
                self.stage = if self.has_check { CHECK } else { HEADER };
            }
            CHECK => self.stage = HEADER,
            _ => {}
        }
    }
}

/// Why something is not unpacked.
enum Fault {
    Damaged(String),
    NoRoom,
}

impl Unpacked {
    pub(super) fn new(channel: Only) -> Unpacked {
        Unpacked { directions: Default::default(), channel }
    }

    fn message_of(&mut self, role: Role, message: &[u8], to: &mut dyn Carried) {
        let [client, server] = &mut self.directions;
        let direction = if role == Role::Client { client } else { server };
        if direction.stage == PLAIN {
            return self.channel.bytes(role, message, to);
        }
        let is_frame = direction.stage != HEADER || !is_skippable(message);
        direction.follow(message);
        if !is_frame {
            return;
        }
        let result = match direction.unpacking {
            Unpacking::No => {
                let text = "this can't be unpacked, since bytes of its frame before it are missing, damaged or left out";
                to.problem(Code::UnpackingFailed, text.into());
                self.channel.lost(role, length(message.len()), to);
                return;
            }
            Unpacking::Again | Unpacking::Yes(_) => {
                let channel = &mut self.channel;
                direction.unpack(message, &mut |bytes| {
                    let room = to.room();
                    channel.bytes(role, bytes.get(..room).unwrap_or(bytes), to);
                    bytes.len() <= room
                })
            }
        };
        let (code, text) = match result {
            Ok(()) if direction.kept_bytes <= KEPT => return,
            Ok(()) => {
                let text =
                    Sentence::new("the frame is longer than {} bytes: what follows in it is not unpacked");
                (Code::LimitExceeded, text.with([length(KEPT)]))
            }
            Err(Fault::NoRoom) => {
                let text = "the rest of what this frame unpacks to is left out: there is no room for it beside what \
                            was unpacked so far";
                (Code::ExpandsTooMuch, text.into())
            }
            Err(Fault::Damaged(why)) => {
                (Code::UnpackingFailed, Sentence::from(format!("this can't be unpacked: {why}")))
            }
        };
        direction.give_up();
        to.problem(code, text);
        self.channel.lost(role, 1, to);
    }
}

impl Direction {
    /// Unpacks the next message of the frame, after those that are kept.
    fn unpack(&mut self, message: &[u8], give: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Fault> {
        if !matches!(self.unpacking, Unpacking::Yes(_)) {
            let mut decoder = decoder().map_err(|error| Fault::Damaged(error.to_string()))?;
            for known in &self.kept {
                run(&mut decoder, known, &mut |_| true)?;
            }
            self.unpacking = Unpacking::Yes(decoder);
        }
        self.kept.push(message.into());
        self.kept_bytes = self.kept_bytes.saturating_add(message.len());
        match &mut self.unpacking {
            Unpacking::Yes(decoder) => run(decoder, message, give),
            Unpacking::No | Unpacking::Again => Ok(()),
        }
    }
}

fn decoder() -> std::io::Result<Decoder<'static>> {
    let mut decoder = Decoder::new()?;
    decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
    Ok(decoder)
}

/// Unpacks bytes, which are all taken; `give` returns false where it wants no more.
fn run(decoder: &mut Decoder<'_>, bytes: &[u8], give: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Fault> {
    let mut input = InBuffer::around(bytes);
    let mut buffer = [0; 16 << 10];
    loop {
        let before = input.pos();
        let mut output = OutBuffer::around(&mut buffer[..]);
        decoder.run(&mut input, &mut output).map_err(|error| Fault::Damaged(error.to_string()))?;
        let written = output.as_slice();
        let (is_full, is_idle) = (written.len() == 16 << 10, input.pos() == before && written.is_empty());
        if !written.is_empty() && !give(written) {
            return Err(Fault::NoRoom);
        }
        if is_idle || (input.pos() == bytes.len() && !is_full) {
            return Ok(());
        }
    }
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

impl Conversation for Unpacked {
    fn copy(&self) -> Box<dyn Conversation> {
        let [client, server] = &self.directions;
        Box::new(Unpacked { directions: [client.copy(), server.copy()], channel: self.channel.clone() })
    }

    fn size(&self) -> usize {
        let kept: usize = self.directions.iter().map(|direction| direction.kept_bytes).sum();
        size_of::<Self>().saturating_add(kept)
    }

    fn stage(&self, role: Role) -> u16 {
        self.directions.get(role.index()).map_or(HEADER, |direction| direction.stage)
    }

    fn continue_in(&mut self, role: Role, stage: u16) {
        if let Some(direction) = self.directions.get_mut(role.index()) {
            (direction.stage, direction.is_begun) = (stage, true);
        }
    }

    fn begins_inside(&mut self, role: Role) {
        self.channel.about_mut().begins_inside = true;
        self.loss(role);
    }

    fn begin(&mut self, role: Role, bytes: &[u8], _: bool) -> Option<NonZeroUsize> {
        let direction = self.directions.get_mut(role.index())?;
        match direction.stage {
            HEADER if !direction.is_begun && header_length(bytes).is_none() => direction.stage = PLAIN,
            BLOCK if block(bytes).is_some_and(|(_, kind, length)| kind == 3 || length > LONGEST_BLOCK) => {
                direction.loss()
            }
            _ => {}
        }
        None
    }

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        self.carry(role, Passage::Message(message), &mut Silent);
    }

    fn loss(&mut self, role: Role) {
        if let Some(direction) = self.directions.get_mut(role.index()) {
            direction.loss();
        }
    }

    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        match passage {
            Passage::Message(message) => self.message_of(role, message.bytes(), to),
            Passage::Lost(length) => {
                self.loss(role);
                self.channel.lost(role, length, to);
            }
            Passage::End => self.channel.end(role, to),
        }
    }
}
