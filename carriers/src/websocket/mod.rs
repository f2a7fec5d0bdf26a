//! `websocket`: frames of RFC 6455 in both directions, compressed as RFC 7692 says or not.
//!
//! Each frame is a message; `frame.rs` has its byte map. The messages that the frames carry go to two channels, `websocket.text`
//! and `websocket.binary`. What begins it, an HTTP request and its response, is not a part of it: they are read as `http`, which
//! hands on what follows and what the two sides agreed on. It is never recognised by its bytes.

mod chat;
mod codes;
mod conversation;
mod encode;
mod extensions;
mod frame;
mod header;
mod inflate;
mod mask;
mod message;
mod rest;
mod side;
mod stages;
mod text;

use framescope_parser::{
    Captured, CodeDomain, Confidence, Conversation, Dissection, Error, Input, Measure, Memo, Names, Protocol,
    Sample, Settings, Stage, Step, Visit,
};

pub use self::chat::WebSocketText;
pub use self::codes::CODES;
use self::conversation::Talk;
use self::frame::Frame;
use self::stages::{FrameStage, Sender, State};

const NAME: &str = "websocket";
const ABOUT: &str = "WebSocket frames, after the HTTP upgrade";

/// The `websocket` protocol.
///
/// ```
/// use framescope_carriers::websocket::WebSocket;
/// use framescope_parser::Dissection;
///
/// let websocket = WebSocket::default();
/// let message = Dissection::of(&websocket, b"\x81\x85\x01\x02\x03\x04igohn");
/// assert_eq!(message.kind.unwrap().to_string(), "TEXT");
/// assert_eq!(message.field("payload").unwrap().value.to_string(), "\"hello\"");
/// ```
#[derive(Debug)]
pub struct WebSocket {
    stages: Vec<Stage>,
}

/// A frame of which nothing else is known.
const ALONE: Frame = Frame(FrameStage { sender: Sender::Either, state: State::Unknown });

impl Default for WebSocket {
    fn default() -> WebSocket {
        WebSocket { stages: stages::stages() }
    }
}

impl Protocol for WebSocket {
    fn name(&self) -> &str {
        NAME
    }

    fn about(&self) -> &str {
        ABOUT
    }

    fn can_resync(&self) -> bool {
        ALONE.can_resync()
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        ALONE.measure(message)
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        ALONE.next(input, memo)
    }

    fn names(&self) -> Names {
        frame::names()
    }

    fn codes(&self) -> Option<&'static CodeDomain> {
        Some(&CODES)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        ALONE.dissect(message, visit);
    }

    fn dissect_incomplete<'a>(&'a self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
        ALONE.dissect_incomplete(message, visit);
    }

    fn outline<'a>(&'a self, message: &'a [u8], checked: bool, visit: &mut dyn Visit<'a>) {
        ALONE.outline(message, checked, visit);
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        encode::encode(message, out)
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }

    fn stages(&self) -> &[Stage] {
        &self.stages
    }

    fn conversation(&self) -> Option<Box<dyn Conversation>> {
        Some(Box::new(Talk::new(&Settings::NONE)))
    }

    fn conversation_in(&self, settings: &Settings) -> Option<Box<dyn Conversation>> {
        Some(Box::new(Talk::new(settings)))
    }
}
