//! Flows that are carried in others: what their carrier says of them.

use framescope_parser::{Channel, Settings};

use crate::ids::{FlowId, PacketId, Side};

/// What a flow is carried in.
#[derive(Clone, Debug)]
pub struct CarriedIn {
    /// The carrier's flow, and the number that it gave the channel.
    pub(crate) by: FlowId,
    pub(crate) channel: u64,
    /// What the carrier says of it.
    pub(crate) about: Channel,
    /// How many carriers are around it; at least 1.
    pub(crate) level: u8,
    /// The names of the channels, the outermost first, separated by slashes.
    pub(crate) path: String,
    /// Who opened the conversation.
    pub(crate) client: Side,
    /// The last packet that was counted as one of the flow.
    pub(crate) counted: PacketId,
}

/// A channel in so many carriers carries nothing further.
pub(crate) const MOST_LEVELS: u8 = 16;

impl CarriedIn {
    /// The flow whose messages carry this one.
    pub fn by(&self) -> FlowId {
        self.by
    }

    /// What the carrier calls the channel, such as `tls` or `websocket.text`.
    pub fn name(&self) -> &str {
        &self.about.name
    }

    /// The names of all the channels that it is in, the outermost first: `tls/http.upgrade/websocket.text`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The names of the channels, each by itself, and all of them.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.path.split('/').collect();
        if names.len() > 1 {
            names.push(&self.path);
        }
        names
    }

    /// How many carriers are around it; at least 1.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// What else is known of it, such as the path of a WebSocket.
    pub fn settings(&self) -> &Settings {
        &self.about.settings
    }

    /// Whether its bytes are stretches of the carrier's bytes, rather than what is unpacked from them.
    pub fn is_verbatim(&self) -> bool {
        self.about.is_verbatim
    }

    /// Whether each message that was handed on is one, as in a datagram.
    pub fn is_delimited(&self) -> bool {
        self.about.is_delimited
    }
}

/// Which channels a rule is for: those with a name, and one thing more that is known of them if it says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChannelSelector {
    text: String,
    name: String,
    setting: Option<(String, String)>,
}

impl ChannelSelector {
    /// `NAME` or `NAME:SETTING=VALUE`. None for what is neither.
    pub(crate) fn parse(text: &str) -> Option<ChannelSelector> {
        let is_name = |name: &str| {
            let is_valid = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_valid)
        };
        let (name, setting) = match text.split_once(':') {
            None => (text, None),
            Some((name, setting)) => {
                let (setting, value) = setting.split_once('=').filter(|(setting, _)| is_name(setting))?;
                (name, Some((setting.to_owned(), value.to_owned())))
            }
        };
        is_name(name).then(|| ChannelSelector { text: text.to_owned(), name: name.to_owned(), setting })
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The protocol whose messages carry such channels.
    pub(crate) fn carrier(&self) -> &str {
        self.name.split('.').next().unwrap_or(&self.name)
    }

    /// Whether it is for a channel: by its whole name, or by that of the carrier for all of its channels.
    pub(crate) fn fits(&self, carried: &CarriedIn) -> bool {
        let known = carried.name();
        let is_named = known == self.name || known.split('.').next() == Some(&self.name);
        let has = |(name, value): &(String, String)| carried.settings().get(name) == Some(value);
        is_named && self.setting.as_ref().is_none_or(has)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_names_a_channel_or_all_of_a_carrier_and_may_ask_for_a_setting() {
        let about = Channel {
            name: "websocket.text".into(),
            settings: Settings::NONE.with("path", "/chat?room=1"),
            ..Channel::default()
        };
        let carried = CarriedIn {
            by: 0.into(),
            channel: 0,
            about,
            level: 1,
            path: "websocket.text".into(),
            client: Side::First,
            counted: PacketId::NONE,
        };
        let fits = |text: &str| ChannelSelector::parse(text).map(|selector| selector.fits(&carried));
        for yes in
            ["websocket", "websocket.text", "websocket:path=/chat?room=1", "websocket.text:path=/chat?room=1"]
        {
            assert_eq!(fits(yes), Some(true), "{yes}");
        }
        for no in ["websocket.binary", "tls", "websocket:path=/chat", "websocket:host=/chat?room=1", "web"] {
            assert_eq!(fits(no), Some(false), "{no}");
        }
        for wrong in ["", "port=1", "websocket:path", "1", "a b", ":path=1"] {
            assert_eq!(fits(wrong), None, "{wrong}");
        }
    }
}
