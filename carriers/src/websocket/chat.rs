//! `websocket-text`: the text messages of a WebSocket, each as a tree if it is JSON.

use std::num::NonZeroUsize;

use framescope_parser::{
    CodeDomain, Confidence, Dissection, Error, Input, Kind, Memo, Names, Protocol, Sample, Step, Transport,
    Usable, Value, Visit,
};

use crate::json::Json;
use crate::preview::Preview;

/// The `websocket-text` protocol. A text that begins as JSON does and is not valid is said to be invalid; any other is text.
///
/// ```
/// use framescope_carriers::websocket::WebSocketText;
/// use framescope_parser::Dissection;
///
/// let said = |text: &'static str| Dissection::of(&WebSocketText, text.as_bytes());
/// assert_eq!(said("{\"user\": \"ada\"}").field("user").unwrap().value.to_string(), "\"ada\"");
/// assert_eq!(said("[ada] hello").field("text").unwrap().value.to_string(), "\"[ada] hello\"");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct WebSocketText;

/// A longer message is shown in parts.
const MAX_MESSAGE: usize = 16 << 20;

const TEXT: Kind<'static> = Kind::new(4, Some("text"));

/// Whether a text begins as an object or an array does: a bracket is often just a bracket.
fn looks_like_json(text: &[u8]) -> bool {
    let mut visible = text.iter().filter(|byte| !byte.is_ascii_whitespace());
    match visible.next() {
        Some(b'{') => visible.next().is_none_or(|next| b"\"}".contains(next)),
        Some(b'[') => visible.next().is_none_or(|next| b"{[\"]-0123456789".contains(next)),
        _ => false,
    }
}

impl Protocol for WebSocketText {
    fn name(&self) -> &str {
        "websocket-text"
    }

    fn about(&self) -> &str {
        "text messages of a WebSocket, as JSON or as text"
    }

    fn usable(&self, transport: Transport) -> Usable<'_> {
        match transport {
            Transport::Udp => Usable::AsItIs,
            Transport::Tcp | Transport::File => Usable::No(
                "its messages end where those of a WebSocket do: it is used in the channel websocket.text only",
            ),
        }
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        let length = input.bytes.len().min(MAX_MESSAGE);
        match input.last || length == MAX_MESSAGE {
            true => Step::Message(NonZeroUsize::new(length).unwrap_or(NonZeroUsize::MIN)),
            false => Step::NeedMore(NonZeroUsize::MIN),
        }
    }

    fn names(&self) -> Names {
        let mut names = Json.names();
        names.kinds.push("text".into());
        names
    }

    fn codes(&self) -> Option<&'static CodeDomain> {
        Json.codes()
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        if looks_like_json(message) {
            static JSON: Json = Json;
            return JSON.dissect(message, visit);
        }
        visit.kind(TEXT);
        visit.field("text", 0..message.len(), Value::utf8(message));
        visit.summary(format_args!("{}", Preview(message)));
    }

    fn outline<'a>(&'a self, message: &'a [u8], _: bool, visit: &mut dyn Visit<'a>) {
        match looks_like_json(message) {
            true => self.dissect(message, visit),
            false => visit.kind(TEXT),
        }
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        match message.fields.as_slice() {
            [only] if only.name == "text" && only.value.as_bytes().is_some() => {
                out.extend_from_slice(only.value.as_bytes().unwrap_or_default());
                Ok(())
            }
            _ => Json.encode(message, out),
        }
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> String {
        Dissection::of(&WebSocketText, text.as_bytes()).kind.unwrap().to_string()
    }

    #[test]
    fn each_message_is_json_or_text() {
        let all = [
            ("{\"a\": 1}", "object"),
            (" [1, 2]", "array"),
            ("{}", "object"),
            ("{\"a\": ", "invalid"),
            ("[server] hello", "text"),
            ("{curly} talk", "text"),
            ("42", "text"),
            ("hello", "text"),
        ];
        for (text, expected) in all {
            assert_eq!(kind(text), expected, "{text}");
        }
    }
}
