//! `SELECTOR=PROTOCOL`: which flows are read as which protocol, whatever they look like.

use std::net::IpAddr;
use std::str::FromStr;

use crate::ids::FlowId;
use crate::packets::endpoint::Endpoint;
use crate::streams::flow::TransportType;

/// Which flows a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Selector {
    Transport(TransportType),
    Port(TransportType, u16),
    Address(IpAddr),
    Flow(u32),
}

/// A rule of `--as`: the last one that fits a flow names its protocol.
///
/// ```
/// use framescope_capture::DecodeAs;
///
/// let rule: DecodeAs = "tcp.port=9000=missive".parse()?;
/// assert_eq!(rule.protocol(), "missive");
/// assert!("tcp.prot=9000=missive".parse::<DecodeAs>().is_err());
/// # Ok::<(), String>(())
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

    /// The same rule for what is no capture anyway: it makes no bytes of a file that is one of another kind.
    #[must_use]
    pub fn as_default(self) -> DecodeAs {
        DecodeAs { is_default: true, ..self }
    }

    /// Whether it says that the file is the bytes of one stream, whatever it looks like.
    pub(crate) fn makes_bytes(&self) -> bool {
        self.selector == Selector::Transport(TransportType::File) && !self.is_default
    }

    pub(crate) fn fits(
        &self,
        flow: FlowId,
        transport: TransportType,
        endpoints: Option<[Endpoint; 2]>,
    ) -> bool {
        let mut endpoints = endpoints.iter().flatten().map(|endpoint| endpoint.socket_address());
        match self.selector {
            Selector::Transport(wanted) => wanted == transport,
            Selector::Port(wanted, port) => {
                wanted == transport && endpoints.any(|endpoint| endpoint.port() == port)
            }
            Selector::Address(address) => endpoints.any(|endpoint| endpoint.ip() == address),
            Selector::Flow(number) => number == flow.number(),
        }
    }
}

impl FromStr for DecodeAs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORMS: &str = "tcp, udp, tcp.port=N, udp.port=N, ip=ADDRESS, flow=N or file";
        let (selector, protocol) = text.rsplit_once('=').ok_or_else(|| {
            format!("'{text}' has no '='; write SELECTOR=PROTOCOL, such as tcp.port=9000=missive")
        })?;
        let bad_number = |what: &str, value: &str| format!("'{value}' is not a {what} in '{text}'");
        let port = |value: &str| value.parse().map_err(|_| bad_number("port (0 to 65535)", value));
        let selector = match selector.split_once('=') {
            None => match selector {
                "tcp" => Selector::Transport(TransportType::Tcp),
                "udp" => Selector::Transport(TransportType::Udp),
                "file" => Selector::Transport(TransportType::File),
                _ => return Err(format!("'{selector}' selects nothing; a selector is {FORMS}")),
            },
            Some(("tcp.port", value)) => Selector::Port(TransportType::Tcp, port(value)?),
            Some(("udp.port", value)) => Selector::Port(TransportType::Udp, port(value)?),
            Some(("ip", value)) => {
                let address = value.trim_start_matches('[').trim_end_matches(']');
                Selector::Address(address.parse().map_err(|_| bad_number("IP address", value))?)
            }
            Some(("flow", value)) => {
                Selector::Flow(value.parse().map_err(|_| bad_number("flow number", value))?)
            }
            Some(_) => return Err(format!("'{selector}' selects nothing; a selector is {FORMS}")),
        };
        Ok(DecodeAs { selector, protocol: protocol.to_owned(), is_default: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_equals_sign_splits_selector_and_protocol() {
        for good in [
            "tcp=text",
            "udp=bare",
            "file=missive",
            "tcp.port=9000=missive",
            "ip=::1=bare",
            "ip=[::1]=bare",
            "flow=3=text",
        ] {
            let rule: DecodeAs = good.parse().unwrap();
            assert!(good.ends_with(rule.protocol()));
        }
        for bad in ["", "tcp", "tcp.port=70000=missive", "ip=nowhere=bare", "flow=-1=text", "port=1=text"] {
            assert!(bad.parse::<DecodeAs>().is_err(), "{bad}");
        }
    }
}
