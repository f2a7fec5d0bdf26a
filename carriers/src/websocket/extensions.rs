//! What the two sides agreed on in `Sec-WebSocket-Extensions`.

use framescope_parser::Role;

/// How the messages of a conversation are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extensions {
    /// It is not known: the first reserved bit is taken to mean that a message is compressed.
    Unknown,
    /// None of them is known here, so that the first reserved bit means nothing.
    None,
    /// `permessage-deflate` (RFC 7692).
    Deflate([Parameters; 2]),
}

/// How the messages of one side are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parameters {
    /// Whether each message is compressed without reference to those before it.
    pub(super) no_context_takeover: bool,
    /// How far a message refers back at most, as a power of 2.
    pub(super) window_bits: u8,
}

impl Parameters {
    /// How many bytes of the messages before it a message may refer to.
    pub(super) fn history(&self) -> usize {
        if self.no_context_takeover { 0 } else { 1 << self.window_bits }
    }
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters { no_context_takeover: false, window_bits: 15 }
    }
}

impl Extensions {
    /// Reads the header field of the server's response.
    pub(super) fn read(text: &str) -> Extensions {
        let deflate = text.split(',').map(str::trim).find(|extension| {
            extension.split(';').next().is_some_and(|name| name.trim() == "permessage-deflate")
        });
        let Some(deflate) = deflate else { return Extensions::None };
        let mut sides = [Parameters::default(); 2];
        for parameter in deflate.split(';').skip(1) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let bits = value.trim().trim_matches('"').parse().ok().filter(|bits| (8..=15).contains(bits));
            let (role, what) = match name.trim().split_once('_') {
                Some(("client", what)) => (Role::Client, what),
                Some(("server", what)) => (Role::Server, what),
                _ => continue,
            };
            let [client, server] = &mut sides;
            let side = if role == Role::Client { client } else { server };
            match (what, bits) {
                ("no_context_takeover", _) => side.no_context_takeover = true,
                // zlib can't compress with 8 and takes 9 in its place.
                ("max_window_bits", Some(bits)) => side.window_bits = std::cmp::max(bits, 9),
                _ => {}
            }
        }
        Extensions::Deflate(sides)
    }

    /// How the messages of a side are compressed, if they may be.
    pub(super) fn of(&self, role: Role) -> Option<Parameters> {
        match self {
            Extensions::Unknown => Some(Parameters::default()),
            Extensions::None => None,
            Extensions::Deflate([client, server]) => {
                Some(if role == Role::Client { *client } else { *server })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_each_side_are_read() {
        let read = Extensions::read(
            "x-other; a=1, permessage-deflate; server_no_context_takeover; client_max_window_bits=\"10\"",
        );
        let client = Parameters { no_context_takeover: false, window_bits: 10 };
        let server = Parameters { no_context_takeover: true, window_bits: 15 };
        assert_eq!(read, Extensions::Deflate([client, server]));
        assert_eq!((read.of(Role::Client), read.of(Role::Server)), (Some(client), Some(server)));
    }

    #[test]
    fn what_is_not_understood_is_left_aside() {
        assert_eq!(Extensions::read("permessage-bzip2"), Extensions::None);
        assert_eq!(Extensions::read(""), Extensions::None);
        let plain = Extensions::Deflate([Parameters::default(); 2]);
        for text in [
            "permessage-deflate",
            " permessage-deflate ; client_max_window_bits",
            "permessage-deflate;server_max_window_bits=77;;=;server",
        ] {
            assert_eq!(Extensions::read(text), plain, "{text}");
        }
        let least = Extensions::read("permessage-deflate; server_max_window_bits=8");
        assert_eq!(least.of(Role::Server).map(|side| side.window_bits), Some(9));
    }
}
