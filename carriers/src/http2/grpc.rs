//! The messages of gRPC on the streams of a connection: joined over DATA frames, and handed on by what is asked for.

use std::sync::Arc;

use framescope_parser::{Carried, Channel, Role, Sentence};

use super::codes;
use super::connection::Connection;
use super::handing::{MAX_BUFFERED, whole, with};
use super::head::Head;
use super::streams::{Joined, Request, State};

/// The longest message of gRPC that is joined.
const MAX_MESSAGE: usize = 4 << 20;
/// What is asked for has a channel of its own for so many; all others share one.
const MAX_PATHS: usize = 256;

impl Connection {
    /// The body after a head of gRPC.
    pub(super) fn grpc_after(
        &mut self,
        request: Option<&Request>,
        head: &Head,
        to: &mut dyn Carried,
    ) -> State {
        let path = request.map_or("", |request| &request.path);
        let path = if self.paths.len() < MAX_PATHS || self.paths.contains_key(path) { path } else { "" };
        let known = self.paths.get(path).copied();
        let channel = known.unwrap_or_else(|| {
            let channel = u64::try_from(self.paths.len()).unwrap_or(u64::MAX - 1) + 1;
            self.paths.insert(path.into(), channel);
            let text = |bytes: &Option<Vec<u8>>| {
                String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned()
            };
            let encoding = match request {
                Some(request) => request.message_encoding.clone(),
                None => text(&head.message_encoding),
            };
            let settings = with((*self.given).clone(), "path", path);
            let settings = with(settings, "host", request.map_or("", |request| &request.authority));
            let settings = with(settings, "content-type", &text(&head.content_type));
            let settings = with(settings, "message-encoding", &encoding);
            let about = Channel {
                name: "grpc".into(),
                protocol: Some("grpc".into()),
                settings,
                is_delimited: true,
                begins_inside: self.begins_inside,
                ..Channel::default()
            };
            to.open(channel, about);
            channel
        });
        State::Grpc(Joined { channel, ..Joined::default() })
    }

    /// Takes what a DATA frame has of them: its data, unless so many bytes of it are missing.
    pub(super) fn grpc_data(
        &mut self,
        role: Role,
        number: u32,
        (data, missing): (Option<&[u8]>, usize),
        to: &mut dyn Carried,
    ) {
        let room = MAX_BUFFERED.saturating_sub(self.buffered);
        let Some(half) = self.half(role, number) else { return };
        let before = half.buffered();
        let State::Grpc(joined) = &mut half.state else { return };
        match data {
            Some(data) => joined.take(role, data, room, to),
            None => {
                let length = joined.begun.len().saturating_add(missing).max(1);
                to.lost(joined.channel, role, u64::try_from(length).unwrap_or(u64::MAX));
                (joined.begun, joined.left_out, joined.is_lost) = (Arc::default(), 0, true);
            }
        }
        let after = half.buffered();
        self.buffered = self.buffered.saturating_sub(before).saturating_add(after);
    }
}

impl Joined {
    /// Takes the next data, and hands on the messages that are complete. So many bytes may be buffered.
    fn take(&mut self, role: Role, mut data: &[u8], room: usize, to: &mut dyn Carried) {
        if std::mem::take(&mut self.is_lost) && !Joined::may_begin(data, MAX_MESSAGE) {
            self.is_lost = true;
            return;
        }
        let skipped = self.left_out.min(data.len());
        self.left_out -= skipped;
        data = data.get(skipped..).unwrap_or_default();
        while !data.is_empty() {
            let begun = self.begun.len();
            let prefix: Vec<u8> =
                self.begun.iter().chain(data).take(super::streams::PREFIX).copied().collect();
            let length = Joined::length(&prefix);
            let missing = length.map(|length| length.saturating_sub(begun));
            match missing.and_then(|missing| data.get(..missing)) {
                Some(rest) => {
                    whole(self.channel, role, &[&self.begun, rest], to);
                    data = data.get(rest.len()..).unwrap_or_default();
                    self.begun = Arc::default();
                }
                None if length.is_some_and(|length| length > MAX_MESSAGE) || data.len() > room => {
                    let length = length.unwrap_or(usize::MAX);
                    let text = Sentence::new(
                        "a message of {} bytes is longer than what is joined here: its first bytes are shown, the rest is left out",
                    );
                    to.problem(codes::MESSAGE_CUT, text.with([u64::try_from(length).unwrap_or(u64::MAX)]));
                    whole(self.channel, role, &[&self.begun, data], to);
                    self.left_out = length.saturating_sub(begun.saturating_add(data.len()));
                    self.begun = Arc::default();
                    return;
                }
                None => {
                    Arc::make_mut(&mut self.begun).extend_from_slice(data);
                    return;
                }
            }
        }
    }
}

/// Hands on the beginning of a message whose rest never came.
pub(super) fn rest(role: Role, joined: &Joined, to: &mut dyn Carried) {
    if !joined.begun.is_empty() {
        whole(joined.channel, role, &[&joined.begun], to);
    }
}
