//! A frame as a message: where it ends, its fields, and what is wrong with it as far as it shows that itself.
//!
//! ```text
//! offset size field
//!      0    1 fin (1 bit), rsv1, rsv2, rsv3 (1 bit each), opcode (4 bits)
//!      1    1 masked (1 bit), length (7 bits): up to 125 the length itself, 126 and 127 that it follows
//!      2  0/2/8 length, the higher byte first
//!      …  0/4 masking_key, if masked
//!      …    … payload, combined with the key if masked; of a CLOSE frame a code of two bytes and a reason
//! ```

use std::borrow::Cow;
use std::num::NonZeroUsize;

use framescope_parser::{
    Captured, Confidence, Dissection, Error, Input, Measure, Memo, Names, Protocol, Sample, Step, Value,
    Visit,
};

use super::header::{
    BINARY, CLOSE, CONTINUATION, Header, MAX_CONTROL, OPCODES, TEXT, Unread, close_code, may_be_sent,
};
use super::stages::{FrameStage, Sender, State};
use super::{codes, encode, mask};
use crate::preview::Preview;

/// The frames of a stage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame(pub(super) FrameStage);

/// Lengths beyond this are not believed where a place to resume is searched.
const PLAUSIBLE: u64 = 1 << 32;

impl Frame {
    fn is_plausible(&self, header: &Header) -> bool {
        let is_control = header.is_control();
        let mask_fits = match self.0.sender {
            Sender::Client => header.masked,
            Sender::Server => !header.masked,
            Sender::Either => true,
        };
        let is_first = matches!(header.opcode, TEXT | BINARY);
        header.is_known()
            && mask_fits
            && header.is_minimal()
            && header.payload < PLAUSIBLE
            && header.reserved & 3 == 0
            && (is_first || !header.is_compressed())
            && (!is_control || header.fin && header.payload <= MAX_CONTROL)
    }

    /// Reports what is wrong with the frame as its header and its stage show it.
    fn report_problems<'a>(&self, header: &Header, visit: &mut dyn Visit<'a>) {
        let (Header { opcode, payload, .. }, length) = (*header, 2 + header.length_bytes);
        if !header.is_known() {
            let text = format_args!("opcode {opcode} is not defined; 0 to 2 and 8 to 10 are");
            visit.problem(codes::RESERVED_OPCODE, 0..1, text);
        }
        let first_only = header.is_compressed() && !matches!(opcode, TEXT | BINARY);
        if header.reserved & 3 != 0 || first_only {
            let text = format_args!(
                "of the reserved bits {:#05b} is set{}",
                header.reserved,
                if first_only {
                    ", of which only the first frame of a message may have the first"
                } else {
                    ""
                }
            );
            visit.problem(codes::RESERVED_BITS, 0..1, text);
        }
        if header.is_control() && !header.fin {
            let text = format_args!("a control frame (opcode {opcode}) must have FIN set");
            visit.problem(codes::CONTROL_FRAME_FRAGMENTED, 0..1, text);
        }
        if header.is_control() && payload > MAX_CONTROL {
            let text =
                format_args!("a control frame has at most 125 bytes of payload, and this one has {payload}");
            visit.problem(codes::CONTROL_FRAME_TOO_LONG, 1..length, text);
        }
        if !header.is_minimal() {
            let bytes = header.length_bytes;
            visit.problem(
                codes::LENGTH_NOT_MINIMAL,
                1..length,
                format_args!("the length {payload} is written in {bytes} bytes and needs fewer"),
            );
        }
        match (self.0.sender, header.masked) {
            (Sender::Client, false) => {
                visit.problem(codes::MASK_MISSING, 1..2, format_args!("a client's frame must be masked"));
            }
            (Sender::Server, true) => {
                visit.problem(
                    codes::MASK_UNEXPECTED,
                    1..2,
                    format_args!("a server's frame must not be masked"),
                );
            }
            _ => {}
        }
        self.report_order(opcode, visit);
    }

    fn report_order<'a>(&self, opcode: u8, visit: &mut dyn Visit<'a>) {
        match (self.0.state, opcode) {
            (State::Between, CONTINUATION) => visit.problem(
                codes::CONTINUATION_WITHOUT_START,
                0..1,
                format_args!("no message has begun that this frame could continue"),
            ),
            (State::Text | State::Binary, TEXT | BINARY) => {
                let open = if self.0.state == State::Text { "TEXT" } else { "BINARY" };
                visit.problem(
                    codes::MESSAGE_INTERRUPTED,
                    0..1,
                    format_args!("the {open} message before it lacks its last frame"),
                );
            }
            (State::Closed, opcode) => visit.problem(
                codes::AFTER_CLOSE,
                0..1,
                format_args!("this side has sent CLOSE before; the opcode is {opcode}"),
            ),
            _ => {}
        }
    }

    /// Reports the payload of a CLOSE frame.
    fn report_close<'a>(
        &self,
        at: usize,
        payload: Cow<'a, [u8]>,
        has_fields: bool,
        visit: &mut dyn Visit<'a>,
    ) {
        let end = at + payload.len();
        let Some((&[high, low], reason)) = payload.split_first_chunk::<2>() else {
            if has_fields {
                visit.field("payload", at..end, Value::Bytes(payload));
            }
            if end > at {
                let text =
                    format_args!("the payload of a CLOSE frame is empty or begins with a code of two bytes");
                visit.problem(codes::BAD_CLOSE, at..end, text);
            }
            return;
        };
        let code = u16::from_be_bytes([high, low]);
        let kind = close_code(code);
        if has_fields {
            visit.begin("payload", at..end, Value::Group);
            // The codes of applications are usually written in decimal.
            let value = if kind.name.is_some() { Value::Enum(kind) } else { Value::Unsigned(code.into()) };
            visit.field("code", at..at + 2, value);
            let reason = match &payload {
                Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(2..).unwrap_or_default()),
                Cow::Owned(_) => Cow::Owned(reason.to_vec()),
            };
            visit.field("reason", at + 2..end, text(reason));
            visit.end();
        }
        if !may_be_sent(code) {
            let text = format_args!("the close code {code} must not be sent");
            visit.problem(codes::BAD_CLOSE, at..at + 2, text);
        }
        if let Err(error) = std::str::from_utf8(reason) {
            let bad = at + 2 + error.valid_up_to();
            let text = format_args!("the reason is not UTF-8 at its byte {}", error.valid_up_to());
            visit.problem(framescope_parser::Code::InvalidUtf8, bad..bad + 1, text);
        }
    }

    /// Reports the kind and the problems, and, if wanted, all fields.
    fn report<'a>(&self, message: Captured<'a, '_>, has_fields: bool, visit: &mut dyn Visit<'a>) {
        let Ok(header) = Header::read(&message) else { return };
        visit.kind(header.kind());
        if has_fields {
            report_header(&header, &message, visit);
        }
        self.report_problems(&header, visit);
        let at = header.length().min(message.length());
        if header.is_split() || header.length() > message.length() {
            let text = format_args!("{} bytes follow in parts", header.payload);
            return if header.is_split() {
                visit.summary(text)
            };
        }
        if !has_fields && header.opcode != CLOSE {
            return;
        }
        let range = at..message.length();
        let (Some(bytes), Some(key)) = (message.get(range.clone()), header.key(&message)) else {
            if has_fields {
                message.report_missing("payload", range, visit);
            }
            return;
        };
        let payload = match header.masked {
            true => {
                let mut bytes = bytes.to_vec();
                mask::apply(key, 0, &mut bytes);
                Cow::Owned(bytes)
            }
            false => Cow::Borrowed(bytes),
        };
        if has_fields {
            summarise(&header, &payload, visit);
        }
        match header.opcode {
            // One that a gap or the end cuts off says nothing about its code.
            CLOSE if bytes.len() as u64 == header.payload => {
                self.report_close(at, payload, has_fields, visit)
            }
            _ if !has_fields => {}
            BINARY => visit.field("payload", range, Value::Bytes(payload)),
            _ if header.is_compressed() => visit.field("payload", range, Value::Bytes(payload)),
            opcode if opcode == TEXT || is_plain(&payload) => visit.field("payload", range, text(payload)),
            _ => visit.field("payload", range, Value::Bytes(payload)),
        }
    }
}

/// Whether bytes that need not be text look like it.
fn is_plain(bytes: &[u8]) -> bool {
    let is_visible = |byte: &u8| !matches!(byte, 0..=8 | 11..=12 | 14..=31 | 127);
    bytes.iter().all(is_visible) && std::str::from_utf8(bytes).is_ok()
}

fn text(bytes: Cow<'_, [u8]>) -> Value<'_> {
    match bytes {
        Cow::Borrowed(bytes) => Value::utf8(bytes),
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Value::Text(text.into()),
            Err(error) => Value::Bytes(error.into_bytes().into()),
        },
    }
}

fn report_header<'a>(header: &Header, message: &Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
    visit.field("fin", 0..1, Value::Bool(header.fin));
    for (name, bit) in [("rsv1", 4), ("rsv2", 2), ("rsv3", 1)] {
        visit.field(name, 0..1, Value::Bool(header.reserved & bit != 0));
    }
    visit.field("opcode", 0..1, Value::Enum(header.kind()));
    visit.field("masked", 1..2, Value::Bool(header.masked));
    let end = 2 + header.length_bytes;
    visit.field("length", 1..end, Value::Unsigned(header.payload));
    if header.masked
        && let Some(key) = message.get(end..end + 4)
    {
        visit.field("masking_key", end..end + 4, Value::Bytes(key.into()));
    }
}

fn summarise<'a>(header: &Header, payload: &[u8], visit: &mut dyn Visit<'a>) {
    let (length, more) = (header.payload, if header.fin { "" } else { " (more follows)" });
    match (header.opcode, payload.split_first_chunk::<2>()) {
        _ if header.is_compressed() => visit.summary(format_args!("{length} bytes, compressed{more}")),
        (CLOSE, Some((code, reason))) => {
            let code = u16::from_be_bytes(*code);
            let name = close_code(code).name.unwrap_or_default();
            let space = |text: &[u8]| if text.is_empty() { "" } else { " " };
            let (before, behind) = (space(name.as_bytes()), space(reason));
            visit.summary(format_args!("{code}{before}{name}{behind}{}", Preview(reason)));
        }
        (TEXT, _) => visit.summary(format_args!("{}{more}", Preview(payload))),
        _ if is_plain(payload) => visit.summary(format_args!("{}{more}", Preview(payload))),
        _ => visit.summary(format_args!("{length} bytes{more}")),
    }
}

/// A message of `length` bytes, of which there are some.
pub(super) fn step(length: usize, input: Input<'_>) -> Step {
    let there = input.bytes.len();
    let all = NonZeroUsize::new(length.min(there)).unwrap_or(NonZeroUsize::MIN);
    match NonZeroUsize::new(length.saturating_sub(there)) {
        None => Step::Message(all),
        Some(_) if input.last => Step::Partial(all),
        Some(more) => Step::NeedMore(more),
    }
}

impl Protocol for Frame {
    fn name(&self) -> &str {
        super::NAME
    }

    fn about(&self) -> &str {
        super::ABOUT
    }

    fn can_resync(&self) -> bool {
        false
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        match Header::read(&Captured::whole(input.bytes)) {
            // The key is part of the row even where no payload follows it.
            Ok(header) => step(header.row(), input),
            Err(Unread::NeedMore(more)) => step(input.bytes.len().saturating_add(more), input),
            Err(Unread::Missing | Unread::NoFrame) => Step::Lost,
        }
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        match Header::read(&message) {
            Ok(header) if self.is_plausible(&header) => {
                let length = NonZeroUsize::new(header.row()).unwrap_or(NonZeroUsize::MIN);
                // The reserved bits, the opcodes that there are, and the mask; of a control frame FIN and a short length too.
                let bits = if header.is_control() { 6 } else { 4 };
                let head = NonZeroUsize::new(header.length()).unwrap_or(NonZeroUsize::MIN);
                Measure::Message { length, head, bits }
            }
            Ok(_) | Err(Unread::NoFrame) => Measure::Nothing,
            Err(Unread::NeedMore(_)) => Measure::NeedMore,
            Err(Unread::Missing) => Measure::Unknown,
        }
    }

    fn names(&self) -> Names {
        names()
    }

    fn codes(&self) -> Option<&'static framescope_parser::CodeDomain> {
        Some(&codes::CODES)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        self.report(Captured::whole(message), true, visit);
    }

    fn dissect_incomplete<'a>(&'a self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
        self.report(message, true, visit);
    }

    fn outline<'a>(&'a self, message: &'a [u8], _: bool, visit: &mut dyn Visit<'a>) {
        self.report(Captured::whole(message), false, visit);
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        encode::encode(message, out)
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }
}

/// What the frames show.
pub(super) fn names() -> Names {
    let fields = [
        "fin",
        "rsv1",
        "rsv2",
        "rsv3",
        "opcode",
        "masked",
        "length",
        "masking_key",
        "payload",
        "payload.code",
        "payload.reason",
    ];
    Names {
        fields: fields.map(Into::into).to_vec(),
        kinds: OPCODES.map(|(_, name)| name.into()).to_vec(),
        anywhere: vec![framescope_parser::CAPTURED.into()],
        verbatim: false,
    }
}
