//! An address and a port, in a form that is quick to compare and to hash.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One end of a conversation. Its port is 0 where none is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Endpoint {
    high: u64,
    /// An IPv4 address, or the lower half of an IPv6 one.
    low: u64,
    pub(crate) port: u16,
    is_v4: bool,
}

impl Endpoint {
    pub(crate) fn v4(address: [u8; 4]) -> Endpoint {
        Endpoint { high: 0, low: u32::from_be_bytes(address).into(), port: 0, is_v4: true }
    }

    pub(crate) fn of(address: IpAddr) -> Endpoint {
        match address {
            IpAddr::V4(address) => Endpoint::v4(address.octets()),
            IpAddr::V6(address) => {
                let (high, low) = halves(address.to_bits());
                Endpoint { high, low, port: 0, is_v4: false }
            }
        }
    }

    /// An IPv4 address and a port, as one number.
    #[inline]
    pub(crate) fn as_v4(self) -> Option<u64> {
        self.is_v4.then_some(self.low << 16 | u64::from(self.port))
    }

    /// All of it in numbers.
    pub(crate) fn words(self) -> [u64; 3] {
        [self.high, self.low, u64::from(self.port) << 1 | u64::from(self.is_v4)]
    }

    pub(crate) fn with_port(self, port: u16) -> Endpoint {
        Endpoint { port, ..self }
    }

    pub(crate) fn socket_address(self) -> SocketAddr {
        let address = if self.is_v4 {
            IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(self.low).unwrap_or_default()))
        } else {
            IpAddr::V6(Ipv6Addr::from_bits(u128::from(self.high) << 64 | u128::from(self.low)))
        };
        SocketAddr::new(address, self.port)
    }
}

fn halves(bits: u128) -> (u64, u64) {
    let half = |shift: u32| u64::try_from(bits >> shift & u128::from(u64::MAX)).unwrap_or_default();
    (half(64), half(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_as_it_was() {
        for text in ["10.1.2.3", "255.255.255.255", "::1", "2001:db8::ff00:42:8329", "::ffff:10.1.2.3"] {
            let address: IpAddr = text.parse().unwrap();
            let endpoint = Endpoint::of(address).with_port(9000);
            assert_eq!(endpoint.socket_address(), SocketAddr::new(address, 9000));
        }
        let mapped = Endpoint::of("::10.1.2.3".parse().unwrap());
        assert_ne!(mapped, Endpoint::of("10.1.2.3".parse().unwrap()));
    }
}
