//! `--client`: which endpoint opened conversations that a capture does not show the beginning of.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;

/// An endpoint that opens conversations: an address, a port, or both.
///
/// ```
/// use framescope_capture::Client;
///
/// let all: Result<Vec<Client>, _> = ["10.0.0.1", "10.0.0.1:5000", "[::1]:80", "::1", "5000"].map(str::parse).into_iter().collect();
/// assert_eq!(all.unwrap().len(), 5);
/// assert!("localhost".parse::<Client>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    address: Option<IpAddr>,
    port: Option<u16>,
}

impl Client {
    pub(crate) fn is(&self, endpoint: SocketAddr) -> bool {
        self.address.is_none_or(|address| address == endpoint.ip())
            && self.port.is_none_or(|port| port == endpoint.port())
    }
}

/// A text is not a [`Client`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "'{text}' is not an endpoint; write an address, a port, or both, such as 10.0.0.1, 5000 or [::1]:5000"
)]
pub struct ClientError {
    /// The text as it was given.
    pub text: String,
}

impl FromStr for Client {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Client, ClientError> {
        if let Ok(port) = text.parse() {
            return Ok(Client { address: None, port: Some(port) });
        }
        if let Ok(endpoint) = text.parse::<SocketAddr>() {
            return Ok(Client { address: Some(endpoint.ip()), port: Some(endpoint.port()) });
        }
        let address = text.trim_start_matches('[').trim_end_matches(']').parse().ok();
        address
            .map(|address| Client { address: Some(address), port: None })
            .ok_or_else(|| ClientError { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_the_client_if_all_that_was_given_fits() {
        let is =
            |client: &str, endpoint: &str| client.parse::<Client>().unwrap().is(endpoint.parse().unwrap());
        assert!(is("10.0.0.1", "10.0.0.1:80") && !is("10.0.0.1", "10.0.0.2:80"));
        assert!(is("80", "10.0.0.1:80") && !is("80", "10.0.0.1:81"));
        assert!(is("[::1]:80", "[::1]:80") && !is("[::1]:80", "[::1]:81") && is("[::1]", "[::1]:7"));
        let error = "nowhere".parse::<Client>().unwrap_err().to_string();
        assert!(error.starts_with("'nowhere' is not an endpoint; write an address"), "{error}");
    }
}
