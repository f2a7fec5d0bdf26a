//! How to fuzz your parser against the description of its protocol.
//!
//! [`telemetry`] stands for your parser: it knows nothing of Framescope. [`agrees`] compares it with `telemetry.ksy` on
//! any bytes. The fuzz target and the test call it; copy this crate and put your parser and your description in.
//! [`guestbook`] and [`talk`] are the same for a protocol whose messages depend on what was said before.

pub mod checks;
pub mod guestbook;
pub mod talk;
pub mod telemetry;

use std::sync::LazyLock;

use framescope_checking::{Verdict, verdict};
use framescope_ksy::Described;
use framescope_parser::{Dissection, Value};

use telemetry::{Body, Message};

/// The description, which the window and the command line read too.
pub static DESCRIBED: LazyLock<Described> = LazyLock::new(|| {
    Described::from_ksy(include_str!("../telemetry.ksy")).unwrap_or_else(|mistakes| panic!("{mistakes}"))
});

/// Panics where the parser and the description disagree about what `data` begins with.
pub fn agrees(data: &[u8]) {
    match (verdict(&*DESCRIBED, data), telemetry::parse(data)) {
        (Verdict::Valid(length), Ok(Some((message, used)))) => {
            assert_eq!(length, used, "the message has another length");
            let expected = Dissection::of(&*DESCRIBED, &data[..length]);
            assert_eq!(parsed(&message), described(&expected), "{message:?}");
        }
        (Verdict::Refused(_), Err(_)) | (Verdict::Incomplete(_), Ok(None)) => {}
        // What is wrong already may be refused before the rest has arrived.
        (Verdict::Incomplete(Some(_)), Err(_)) => {}
        (expected, found) => panic!("the description: {expected}\nthe parser: {found:?}\nof {data:02x?}"),
    }
}

/// The fields as the parser reads them.
fn parsed(message: &Message<'_>) -> Vec<(&'static str, String)> {
    match &message.body {
        Body::Reading { sensor, values } => {
            let values = values.iter().map(|value| ("values", value.to_string()));
            [("sensor", sensor.to_string())].into_iter().chain(values).collect()
        }
        Body::Name { sensor, text } => vec![("sensor", sensor.to_string()), ("text", format!("{text:?}"))],
        Body::Goodbye { rest } => vec![("rest", format!("{rest:02x?}"))],
    }
}

/// The same fields as the description has them.
fn described(message: &Dissection<'_>) -> Vec<(&'static str, String)> {
    let Some(body) = message.field("body") else { return Vec::new() };
    if let Value::Bytes(rest) = &body.value {
        return vec![("rest", format!("{rest:02x?}"))];
    }
    let mut fields = Vec::new();
    for field in &body.fields {
        match field.name {
            "sensor" => fields.push(("sensor", field.value.to_string())),
            "text" => fields.push(("text", field.value.to_string())),
            // A list's items are the fields in it.
            "values" if field.fields.is_empty() => fields.push(("values", field.value.to_string())),
            "values" => fields.extend(field.fields.iter().map(|item| ("values", item.value.to_string()))),
            _ => {}
        }
    }
    fields
}
