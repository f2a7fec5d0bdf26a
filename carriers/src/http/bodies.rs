//! Bodies as messages of channels of their own, without chunks and codings: only where somebody asks for them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use framescope_parser::{Captured, Carried, Channel, Code, Role, Sentence, Settings};

use super::body::{Body, Chunks, is_stream};
use super::head::Head;
use crate::content::{self, Fault};

/// Of a longer packed body in parts nothing is unpacked.
const MAX_PACKED: usize = 16 << 20;

/// The bodies of a connection that are in progress. It takes what was captured of those that are packed and come in parts: at most
/// 16 MiB for each direction.
#[derive(Clone, Debug, Default)]
pub(super) struct BodyChannels {
    open: [Option<OpenBody>; 2],
}

/// A body whose parts are messages of their own.
#[derive(Clone, Debug)]
struct OpenBody {
    channel: u64,
    codings: Arc<str>,
    /// Whether each part is a message, as in a stream of events.
    is_stream: bool,
    /// What came of a packed body. A copy shares it.
    packed: Vec<Arc<[u8]>>,
    packed_bytes: usize,
    /// Whether it can't be unpacked any more.
    is_lost: bool,
}

impl BodyChannels {
    pub(super) fn size(&self) -> usize {
        self.open.iter().flatten().map(|open| open.packed_bytes + 128).sum()
    }

    fn open_mut(&mut self, role: Role) -> &mut Option<OpenBody> {
        let [client, server] = &mut self.open;
        if role == Role::Client { client } else { server }
    }

    /// A message begins, with all of its body unless that comes in parts.
    pub(super) fn begin(
        &mut self,
        role: Role,
        (head, body): (&Head<'_>, Body),
        settings: &Settings,
        message: Captured<'_, '_>,
        to: &mut dyn Carried,
    ) {
        *self.open_mut(role) = None;
        if matches!(body, Body::None | Body::Length(0)) {
            return;
        }
        let (number, channel) = channel(head, settings);
        to.open(number, channel);
        let codings = codings(head);
        if message.length() <= head.end {
            *self.open_mut(role) = Some(OpenBody {
                channel: number,
                codings: codings.into(),
                is_stream: is_stream(head),
                packed: Vec::new(),
                packed_bytes: 0,
                is_lost: false,
            });
            return;
        }
        if !message.is_whole() {
            return to.lost(number, role, (message.length() - head.end) as u64);
        }
        let bytes = message.bytes();
        match body {
            Body::Chunked => {
                hand_on(number, role, &codings, &Chunks::read(bytes, head.end).joined(bytes), to)
            }
            _ => hand_on(number, role, &codings, bytes.get(head.end..).unwrap_or_default(), to),
        }
    }

    /// A part of a body, of which a range is data.
    pub(super) fn part(
        &mut self,
        role: Role,
        message: Captured<'_, '_>,
        data: Range<usize>,
        is_last: bool,
        to: &mut dyn Carried,
    ) {
        let Some(open) = self.open_mut(role) else { return };
        let channel = open.channel;
        match message.get(data.clone()) {
            None => {
                open.is_lost = true;
                to.lost(channel, role, (data.len() as u64).max(1));
            }
            Some(data) if open.codings.is_empty() => {
                give(channel, role, data, to);
                let is_message = if open.is_stream { !data.is_empty() } else { is_last };
                if is_message {
                    to.end_message(channel, role);
                }
            }
            Some(data) => {
                open.packed_bytes += data.len();
                open.is_lost |= open.packed_bytes > MAX_PACKED;
                match open.is_lost {
                    true => open.packed.clear(),
                    false => open.packed.push(data.into()),
                }
            }
        }
        if is_last && let Some(open) = self.open_mut(role).take() {
            open.finish(role, to);
        }
    }

    /// So many bytes of a direction were lost, and with them perhaps the rest of the body.
    pub(super) fn lose(&mut self, role: Role, length: u64, has_ended: bool, to: &mut dyn Carried) {
        let Some(open) = self.open_mut(role) else { return };
        open.is_lost = true;
        to.lost(open.channel, role, length.max(1));
        if has_ended {
            *self.open_mut(role) = None;
        }
    }

    /// The direction has ended.
    pub(super) fn end(&mut self, role: Role, to: &mut dyn Carried) {
        let Some(open) = self.open_mut(role).take() else { return };
        if open.codings.is_empty() && !open.is_stream {
            to.end_message(open.channel, role);
        }
    }
}

impl OpenBody {
    /// Hands on a packed body of which all parts came.
    fn finish(self, role: Role, to: &mut dyn Carried) {
        if self.codings.is_empty() {
            return;
        }
        match self.is_lost {
            true if self.packed_bytes > MAX_PACKED => {
                let text = Sentence::new("a packed body of {} bytes is not unpacked: at most {} bytes are");
                to.problem(Code::ExpandsTooMuch, text.with([self.packed_bytes as u64, MAX_PACKED as u64]));
            }
            true => {}
            false => hand_on(self.channel, role, &self.codings, &self.packed.concat(), to),
        }
    }
}

/// Hands on the content of a body.
fn hand_on(channel: u64, role: Role, codings: &str, body: &[u8], to: &mut dyn Carried) {
    let limit = content::limit(body.len()).min(to.room());
    let unpacked = content::unpack(codings, body, limit);
    match &unpacked.fault {
        None => {}
        Some(fault @ Fault::TooMuch { .. }) => to.problem(Code::ExpandsTooMuch, said(fault)),
        Some(fault) => to.problem(Code::UnpackingFailed, said(fault)),
    }
    give(channel, role, &unpacked.content, to);
    to.end_message(channel, role);
}

/// Hands on as much as there is room for.
fn give(channel: u64, role: Role, content: &[u8], to: &mut dyn Carried) {
    let (taken, rest) = content.split_at_checked(to.room()).unwrap_or((content, &[]));
    to.bytes(channel, role, taken);
    if !rest.is_empty() {
        let text = Sentence::new("the body is not all handed on: {} bytes of it are left out");
        to.problem(Code::ExpandsTooMuch, text.with([rest.len() as u64]));
        to.lost(channel, role, rest.len() as u64);
    }
}

fn said(fault: &Fault) -> Sentence {
    Sentence::from(format!("the body is not all handed on: {fault}"))
}

/// The codings of the body, the first applied first.
pub(super) fn codings(head: &Head<'_>) -> String {
    let names = |field: &'static str| head.values(field).filter_map(|value| std::str::from_utf8(value).ok());
    let content: Vec<&str> = names("content-encoding").collect();
    let transfer = names("transfer-encoding").flat_map(|value| value.split(','));
    let transfer = transfer.map(str::trim).filter(|name| !name.eq_ignore_ascii_case("chunked"));
    let all: Vec<&str> = content.into_iter().chain(transfer).filter(|name| *name != "identity").collect();
    all.join(", ")
}

/// The channel of the bodies of that path and type, and its number.
fn channel(head: &Head<'_>, settings: &Settings) -> (u64, Channel) {
    let media_type = head.value("content-type").unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut hasher = DefaultHasher::new();
    (settings.get("host"), settings.get("path"), &essence).hash(&mut hasher);
    // The tunnel is 0.
    let number = hasher.finish().max(1);
    let protocol = match essence.as_str() {
        "application/json" | "text/json" => Some("json".into()),
        essence if essence.ends_with("+json") => Some("json".into()),
        "application/protobuf" | "application/x-protobuf" => Some("protobuf".into()),
        _ => None,
    };
    let mut settings = settings.clone();
    if !essence.is_empty() {
        settings = settings.with("content-type", essence);
    }
    let codings = codings(head);
    if !codings.is_empty() {
        settings = settings.with("content-encoding", codings);
    }
    let name = "http.body".into();
    (number, Channel { name, protocol, settings, is_delimited: true, ..Channel::default() })
}
