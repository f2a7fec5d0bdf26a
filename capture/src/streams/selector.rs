//! `SELECTOR=PROTOCOL`: which flows are read as which protocol, whatever they look like.

use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

use crate::ids::FlowId;
use crate::streams::carried::ChannelSelector;
use crate::streams::flow::{Flow, TransportType};

/// Which flows a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Selector {
    Transport(TransportType),
    Port(TransportType, u16),
    Address(IpAddr),
    Flow(u32),
    Channel(ChannelSelector),
}

/// A rule of `--as`: the last one that fits a flow names its protocol.
///
/// ```
/// use framescope_capture::DecodeAs;
///
/// let rule: DecodeAs = "tcp.port=9000=missive".parse()?;
/// assert_eq!(rule.protocol(), "missive");
/// assert!("tcp.prot=9000=missive".parse::<DecodeAs>().is_err());
/// # Ok::<(), framescope_capture::SelectorError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeAs {
    selector: Selector,
    protocol: String,
    is_default: bool,
}

impl DecodeAs {
    /// The protocol's name.
    pub fn protocol(&self) -> &str {
        &self.protocol
    }

    /// The same rule for a file that is not a capture anyway: it does not turn a capture into bytes.
    #[must_use]
    pub fn as_default(self) -> DecodeAs {
        DecodeAs { is_default: true, ..self }
    }

    /// Whether it says that the file is the bytes of one stream, whatever it looks like.
    pub(crate) fn makes_bytes(&self) -> bool {
        self.selector == Selector::Transport(TransportType::File) && !self.is_default
    }

    /// What carries the flows that it is for, if only one thing does.
    pub(crate) fn transport(&self) -> Option<TransportType> {
        match self.selector {
            Selector::Transport(transport) | Selector::Port(transport, _) => Some(transport),
            Selector::Address(_) | Selector::Flow(_) | Selector::Channel(_) => None,
        }
    }

    /// The port that it selects by.
    pub(crate) fn port(&self) -> Option<u16> {
        match self.selector {
            Selector::Port(_, port) => Some(port),
            _ => None,
        }
    }

    /// The channel that it is for, with the setting that it asks for, if it is for one: `http.body:path=/x`.
    pub fn channel(&self) -> Option<&str> {
        match &self.selector {
            Selector::Channel(channel) => Some(channel.text()),
            _ => None,
        }
    }

    /// The protocol whose messages carry the flows that it is for, if it is for such.
    pub fn carrier(&self) -> Option<&str> {
        match &self.selector {
            Selector::Channel(channel) => Some(channel.carrier()),
            _ => None,
        }
    }

    pub(crate) fn fits(&self, id: FlowId, flow: &Flow) -> bool {
        let mut endpoints = flow.endpoints.iter().flatten().map(|endpoint| endpoint.socket_address());
        let is_of_packets = flow.carried.is_none();
        match &self.selector {
            Selector::Transport(wanted) => is_of_packets && *wanted == flow.transport,
            Selector::Port(wanted, port) => {
                is_of_packets
                    && *wanted == flow.transport
                    && endpoints.any(|endpoint| endpoint.port() == *port)
            }
            Selector::Address(address) => {
                is_of_packets && endpoints.any(|endpoint| endpoint.ip() == *address)
            }
            Selector::Flow(number) => *number == id.number(),
            Selector::Channel(channel) => flow.carried().is_some_and(|carried| channel.fits(carried)),
        }
    }
}

/// Why a text is not a rule of `--as`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SelectorError {
    /// No `=` separates a selector from a protocol.
    #[error("'{rule}' has no '='; write SELECTOR=PROTOCOL, such as tcp.port=9000=missive")]
    NoProtocol {
        /// The rule as it was given.
        rule: String,
    },
    /// The part before the last `=` is not a selector.
    #[error(
        "'{selector}' selects nothing; a selector is tcp, udp, tcp.port=N, udp.port=N, ip=ADDRESS, flow=N, file, or a channel of a carrier such as tls or websocket.binary:path=/chat"
    )]
    UnknownSelector {
        /// The selector as it was given.
        selector: String,
    },
    /// A selector's value is not what it selects by.
    #[error("'{value}' is not {expected} in '{rule}'")]
    InvalidValue {
        /// The value as it was given.
        value: String,
        /// What the selector takes, with its article: `a flow number`.
        expected: &'static str,
        /// The rule as it was given.
        rule: String,
    },
}

impl FromStr for DecodeAs {
    type Err = SelectorError;

    fn from_str(rule: &str) -> Result<Self, SelectorError> {
        let (selector, protocol) =
            rule.rsplit_once('=').ok_or_else(|| SelectorError::NoProtocol { rule: rule.to_owned() })?;
        let unknown = || SelectorError::UnknownSelector { selector: selector.to_owned() };
        let invalid = |value: &str, expected| {
            let (value, rule) = (value.to_owned(), rule.to_owned());
            SelectorError::InvalidValue { value, expected, rule }
        };
        let port = |value: &str| value.parse().map_err(|_| invalid(value, "a port (0 to 65535)"));
        let channel = || ChannelSelector::parse(selector).map(Selector::Channel).ok_or_else(unknown);
        let selector = match selector.split_once('=') {
            Some((name, _)) if name.contains(':') => channel()?,
            None => match selector {
                "tcp" => Selector::Transport(TransportType::Tcp),
                "udp" => Selector::Transport(TransportType::Udp),
                "file" => Selector::Transport(TransportType::File),
                _ => channel()?,
            },
            Some(("tcp.port", value)) => Selector::Port(TransportType::Tcp, port(value)?),
            Some(("udp.port", value)) => Selector::Port(TransportType::Udp, port(value)?),
            Some(("ip", value)) => {
                let address = value.trim_start_matches('[').trim_end_matches(']');
                Selector::Address(address.parse().map_err(|_| invalid(value, "an IP address"))?)
            }
            Some(("flow", value)) => {
                Selector::Flow(value.parse().map_err(|_| invalid(value, "a flow number"))?)
            }
            Some(_) => return Err(unknown()),
        };
        Ok(DecodeAs { selector, protocol: protocol.to_owned(), is_default: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_equals_sign_separates_selector_and_protocol() {
        for good in [
            "tcp=text",
            "udp=bare",
            "file=missive",
            "tcp.port=9000=missive",
            "ip=::1=bare",
            "ip=[::1]=bare",
            "flow=3=text",
            "websocket.binary=missive",
            "websocket:path=/chat?room=1=missive",
        ] {
            let rule: DecodeAs = good.parse().unwrap();
            assert!(good.ends_with(rule.protocol()));
        }
        for bad in ["", "tcp", "tcp.port=70000=missive", "ip=nowhere=bare", "flow=-1=text", "port=1=text"] {
            assert!(bad.parse::<DecodeAs>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_says_what_is_wrong_and_what_to_write() {
        let error = |rule: &str| rule.parse::<DecodeAs>().unwrap_err().to_string();
        assert_eq!(error("tcp"), "'tcp' has no '='; write SELECTOR=PROTOCOL, such as tcp.port=9000=missive");
        assert!(error("port=1=text").starts_with("'port=1' selects nothing; a selector is tcp, udp, "));
        assert_eq!(error("ip=here=bare"), "'here' is not an IP address in 'ip=here=bare'");
        let port = "'70000' is not a port (0 to 65535) in 'udp.port=70000=text'";
        assert_eq!(error("udp.port=70000=text"), port);
    }
}
