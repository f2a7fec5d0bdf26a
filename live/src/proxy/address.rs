//! Addresses as a user writes them: `9000`, `:9000`, `localhost:9000`, `[::1]:9000`.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// A host and a port. Without a host it is this machine, and only this machine reaches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: Option<String>,
    port: u16,
}

/// A text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an address: write it as 9000, localhost:9000, 192.0.2.1:9000 or [::1]:9000")]
pub struct AddressError(String);

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let error = || AddressError(text.to_owned());
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if bracketed.is_none() && host.contains([':', '[', ']']) || host.chars().any(char::is_whitespace) {
            return Err(error());
        }
        let host = bracketed.unwrap_or(host);
        let port = port.parse().map_err(|_| error())?;
        Ok(Address { host: (!host.is_empty()).then(|| host.to_owned()), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port;
        match &self.host {
            None => write!(f, "{}:{port}", Ipv4Addr::LOCALHOST),
            Some(host) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Some(host) => write!(f, "{host}:{port}"),
        }
    }
}

impl Address {
    /// The host's name or address, and the port.
    pub fn new(host: impl Into<String>, port: u16) -> Address {
        Address { host: Some(host.into()), port }
    }

    /// The host as it was written, if it was.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// All addresses that it stands for, at least one. A name is looked up, which may take seconds.
    ///
    /// # Errors
    /// The name is not known.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let Some(host) = &self.host else { return Ok(vec![(Ipv4Addr::LOCALHOST, self.port).into()]) };
        let found: Vec<SocketAddr> = (host.as_str(), self.port).to_socket_addrs()?.collect();
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_address_is_written_as_people_write_it() {
        for (text, shown) in [
            ("9000", "127.0.0.1:9000"),
            (":9000", "127.0.0.1:9000"),
            ("localhost:1", "localhost:1"),
            ("192.0.2.1:65535", "192.0.2.1:65535"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
        }
        for text in ["", "host", "host:", "::1:80", "host:70000", "[::1]", "a b:1", "http://host:80"] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("'{text}' is not an address")));
        }
        assert_eq!("0".parse::<Address>().unwrap().resolve().unwrap(), ["127.0.0.1:0".parse().unwrap()]);
    }
}
