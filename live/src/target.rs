//! Where a program listens, as it is typed.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// Where a program listens.
///
/// ```
/// use framescope_live::Target;
///
/// let udp: Target = "udp:localhost:9000".parse()?;
/// assert_eq!((udp.to_string(), udp.is_udp()), ("udp:localhost:9000".into(), true));
/// assert!("localhost".parse::<Target>().unwrap_err().to_string().contains("HOST:PORT"));
/// # Ok::<(), framescope_live::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A TCP port of a host: `HOST:PORT` or `tcp:HOST:PORT`.
    Tcp(String),
    /// A UDP port of a host: `udp:HOST:PORT`.
    Udp(String),
    /// A Unix socket, a stream: `unix:PATH`.
    Unix(PathBuf),
}

/// A text that is no [`Target`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "'{0}' is no target: write HOST:PORT, udp:HOST:PORT or unix:PATH, such as localhost:9000 or udp:[::1]:53"
)]
pub struct TargetError(String);

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Target, TargetError> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Target::Unix(PathBuf::from(path)));
        }
        let (make, place): (fn(String) -> Target, &str) = match text.strip_prefix("udp:") {
            Some(place) => (Target::Udp, place),
            None => (Target::Tcp, text.strip_prefix("tcp:").unwrap_or(text)),
        };
        let has_port = place.rsplit_once(':').is_some_and(|(host, port)| {
            let is_bracketed = host.starts_with('[') && host.ends_with(']');
            port.parse::<u16>().is_ok() && !host.is_empty() && (is_bracketed || !host.contains(':'))
        });
        if has_port { Ok(make(place.to_owned())) } else { Err(TargetError(text.to_owned())) }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Tcp(place) => f.write_str(place),
            Target::Udp(place) => write!(f, "udp:{place}"),
            Target::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Target {
    /// Whether messages go as datagrams.
    pub fn is_udp(&self) -> bool {
        matches!(self, Target::Udp(_))
    }

    /// The addresses of the host, at least one; none of a Unix socket.
    ///
    /// # Errors
    /// The host has no address, or its name can't be looked up.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let (Target::Tcp(place) | Target::Udp(place)) = self else { return Ok(Vec::new()) };
        let found: Vec<SocketAddr> = place.to_socket_addrs()?.collect();
        match found.is_empty() {
            true => Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address")),
            false => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_typed_is_printed_again() {
        for text in ["localhost:9000", "[::1]:9000", "udp:127.0.0.1:53", "unix:/run/x.sock"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        assert_eq!("tcp:a:1".parse::<Target>().unwrap(), Target::Tcp("a:1".to_owned()));
        for wrong in ["", "a", "a:", ":9000", "a:b", "a:70000", "::1:9000", "udp:a", "unix:"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
        assert_eq!("127.0.0.1:9".parse::<Target>().unwrap().addresses().unwrap().len(), 1);
    }
}
