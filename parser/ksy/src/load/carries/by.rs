//! Loads the channels that a protocol is spoken in: `carried-by` under the `-framescope` of a description.

use crate::load::Loader;
use crate::yaml::{Data, Node};

/// The channels of the carriers that are built in.
const KNOWN: [&str; 12] = [
    "tls.handshake",
    "http.upgrade",
    "http.connect",
    "http.body",
    "http2",
    "websocket.text",
    "websocket.binary",
    "starttls",
    "base64",
    "telnet",
    "proxy",
    "socks",
];

impl Loader {
    /// What selects each of the channels: its name, and settings that must be as they are given.
    pub(in crate::load) fn carried_by(&mut self, node: &Node) -> Vec<String> {
        let items = node.list().map_or_else(|| vec![node.clone()], <[Node]>::to_vec);
        if items.is_empty() {
            self.report(node.place, "'carried-by' must name at least one channel, such as websocket.binary");
        }
        items.iter().filter_map(|item| self.carrier(item)).collect()
    }

    fn carrier(&mut self, item: &Node) -> Option<String> {
        match &item.data {
            Data::Scalar { .. } => {
                let text = item.text().unwrap_or_default();
                let (name, settings) =
                    text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
                let mut selector = self.channel_name(item, name)?;
                for setting in settings.into_iter().flat_map(|settings| settings.split(',')) {
                    let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
                    self.setting(item, key, value, &mut selector)?;
                }
                Some(selector)
            }
            Data::Map(entries) => {
                let Some(channel) = item.get("channel") else {
                    self.report(
                        item.place,
                        "'channel' is missing: the name of the channel, such as websocket.binary",
                    );
                    return None;
                };
                let mut selector = self.channel_name(channel, channel.text().unwrap_or_default())?;
                for (key, value) in entries.iter().filter(|(key, _)| key.text() != Some("channel")) {
                    self.setting(
                        value,
                        key.text().unwrap_or_default(),
                        value.text().unwrap_or_default(),
                        &mut selector,
                    )?;
                }
                Some(selector)
            }
            Data::List(_) => {
                self.report(
                    item.place,
                    "each item of 'carried-by' must be the name of a channel, or a map with 'channel'",
                );
                None
            }
        }
    }

    fn channel_name(&mut self, node: &Node, name: &str) -> Option<String> {
        let text: Node = Node { place: node.place, data: Data::Scalar { text: name.into(), quoted: true } };
        let name = self.plain_name(&text, "carried-by")?;
        let near = |known: &&&str| strsim::damerau_levenshtein(&name, known) <= 2 && name.len() > 5;
        if !KNOWN.contains(&name.as_str())
            && let Some(known) = KNOWN.iter().find(near)
        {
            self.warn(
                node.place,
                format!("no carrier that is built in has a channel '{name}'; did you mean '{known}'?"),
            );
        }
        Some(name)
    }

    /// Appends `:name=value` to the first, and `,name=value` to others.
    fn setting(&mut self, node: &Node, name: &str, value: &str, selector: &mut String) -> Option<()> {
        let is_name =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !is_name || value.is_empty() || value.contains([',', '=', '\n']) {
            let text = format!(
                "'{name}' must be the name of a setting with a value, as in 'path: /chat', without ',' and '='"
            );
            self.report(node.place, text);
            return None;
        }
        selector.push(if selector.contains(':') { ',' } else { ':' });
        selector.push_str(name);
        selector.push('=');
        selector.push_str(value);
        Some(())
    }
}
