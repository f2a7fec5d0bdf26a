//! The frames of HTTP/2, RFC 9113 sections 4 and 6: their headers, and which of them are plausible.
//!
//! ```text
//! offset size field
//!      0    3 length   of the payload, in bytes
//!      3    1 type
//!      4    1 flags    by type
//!      5    4 stream   31 bits; 0 is the connection
//!      9    … payload
//! ```

/// What a client sends first, section 3.4.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The bytes before the payload.
pub(crate) const HEADER: usize = 9;
/// The longest payload before anything else is agreed; a longer one has to be of a type that is ever long.
pub(crate) const USUAL_LONGEST: usize = 1 << 14;

/// The type of a frame. Others may occur, and are to be ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Type(pub(crate) u8);

impl Type {
    pub(crate) const DATA: Type = Type(0);
    pub(crate) const HEADERS: Type = Type(1);
    pub(crate) const PRIORITY: Type = Type(2);
    pub(crate) const RST_STREAM: Type = Type(3);
    pub(crate) const SETTINGS: Type = Type(4);
    pub(crate) const PUSH_PROMISE: Type = Type(5);
    pub(crate) const PING: Type = Type(6);
    pub(crate) const GOAWAY: Type = Type(7);
    pub(crate) const WINDOW_UPDATE: Type = Type(8);
    pub(crate) const CONTINUATION: Type = Type(9);
    /// RFC 7838.
    pub(crate) const ALTSVC: Type = Type(10);
    /// RFC 8336.
    pub(crate) const ORIGIN: Type = Type(12);
    /// RFC 9218.
    pub(crate) const PRIORITY_UPDATE: Type = Type(16);

    pub(crate) fn name(self) -> Option<&'static str> {
        TYPES.iter().find(|(one, _)| *one == self).map(|(_, name)| *name)
    }
}

/// The names of all types.
pub(crate) const TYPES: [(Type, &str); 13] = [
    (Type::DATA, "DATA"),
    (Type::HEADERS, "HEADERS"),
    (Type::PRIORITY, "PRIORITY"),
    (Type::RST_STREAM, "RST_STREAM"),
    (Type::SETTINGS, "SETTINGS"),
    (Type::PUSH_PROMISE, "PUSH_PROMISE"),
    (Type::PING, "PING"),
    (Type::GOAWAY, "GOAWAY"),
    (Type::WINDOW_UPDATE, "WINDOW_UPDATE"),
    (Type::CONTINUATION, "CONTINUATION"),
    (Type::ALTSVC, "ALTSVC"),
    (Type::ORIGIN, "ORIGIN"),
    (Type::PRIORITY_UPDATE, "PRIORITY_UPDATE"),
];

/// The flags of all types: those of a type are in [`flags`].
pub(crate) const ACK: u8 = 0x01;
pub(crate) const END_STREAM: u8 = 0x01;
pub(crate) const END_HEADERS: u8 = 0x04;
pub(crate) const PADDED: u8 = 0x08;
pub(crate) const PRIORITY: u8 = 0x20;

/// The flags that a type has.
pub(crate) fn flags(of: Type) -> &'static [(u8, &'static str)] {
    match of {
        Type::DATA => &[(END_STREAM, "END_STREAM"), (PADDED, "PADDED")],
        Type::HEADERS => &[
            (END_STREAM, "END_STREAM"),
            (END_HEADERS, "END_HEADERS"),
            (PADDED, "PADDED"),
            (PRIORITY, "PRIORITY"),
        ],
        Type::PUSH_PROMISE => &[(END_HEADERS, "END_HEADERS"), (PADDED, "PADDED")],
        Type::CONTINUATION => &[(END_HEADERS, "END_HEADERS")],
        Type::SETTINGS | Type::PING => &[(ACK, "ACK")],
        _ => &[],
    }
}

/// The parameters of SETTINGS: the registry's names, without their common beginning.
pub(crate) fn setting(identifier: u16) -> Option<&'static str> {
    Some(match identifier {
        1 => "HEADER_TABLE_SIZE",
        2 => "ENABLE_PUSH",
        3 => "MAX_CONCURRENT_STREAMS",
        4 => "INITIAL_WINDOW_SIZE",
        5 => "MAX_FRAME_SIZE",
        6 => "MAX_HEADER_LIST_SIZE",
        8 => "ENABLE_CONNECT_PROTOCOL",
        9 => "NO_RFC7540_PRIORITIES",
        // Not registered, but sent by gRPC.
        0xfe03 => "GRPC_ALLOW_TRUE_BINARY_METADATA",
        _ => return None,
    })
}

/// The parameter that limits the table of header fields.
pub(crate) const HEADER_TABLE_SIZE: u16 = 1;

/// The error codes of RST_STREAM and GOAWAY, section 7.
pub(crate) fn error_code(code: u32) -> Option<&'static str> {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    NAMES.get(usize::try_from(code).ok()?).copied()
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Of the payload.
    pub(crate) length: usize,
    pub(crate) kind: Type,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
}

impl Header {
    /// None where there are too few bytes.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Header> {
        let &[high, middle, low, kind, flags, s0, s1, s2, s3] = bytes.first_chunk()?;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let stream = u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]);
        Some(Header { length, kind: Type(kind), flags, stream })
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether the payload can be that long, by the type.
    pub(crate) fn fits(&self) -> bool {
        let prefix = usize::from(self.has(PADDED));
        match self.kind {
            Type::DATA => self.length >= prefix,
            Type::HEADERS => self.length >= prefix + if self.has(PRIORITY) { 5 } else { 0 },
            Type::PRIORITY => self.length == 5,
            Type::RST_STREAM | Type::WINDOW_UPDATE => self.length == 4,
            Type::SETTINGS if self.has(ACK) => self.length == 0,
            Type::SETTINGS => self.length.is_multiple_of(6),
            Type::PUSH_PROMISE => self.length >= prefix + 4,
            Type::PING => self.length == 8,
            Type::GOAWAY => self.length >= 8,
            Type::ALTSVC => self.length >= 2,
            Type::PRIORITY_UPDATE => self.length >= 4,
            _ => true,
        }
    }

    /// Whether the stream can be that one, by the type.
    pub(crate) fn is_on_its_stream(&self) -> bool {
        match self.kind {
            Type::SETTINGS | Type::PING | Type::GOAWAY | Type::ORIGIN | Type::PRIORITY_UPDATE => {
                self.stream == 0
            }
            Type::DATA
            | Type::HEADERS
            | Type::PRIORITY
            | Type::RST_STREAM
            | Type::PUSH_PROMISE
            | Type::CONTINUATION => self.stream != 0,
            _ => true,
        }
    }

    /// Whether a sender may have meant it: an error of its own is one that it makes in a short frame.
    pub(crate) fn is_plausible(&self) -> bool {
        if self.length <= USUAL_LONGEST {
            return true;
        }
        let can_be_long = matches!(
            self.kind,
            Type::DATA
                | Type::HEADERS
                | Type::PUSH_PROMISE
                | Type::CONTINUATION
                | Type::GOAWAY
                | Type::ORIGIN
        );
        can_be_long && self.is_on_its_stream() && self.has_only_its_flags()
    }

    fn has_only_its_flags(&self) -> bool {
        flags(self.kind).iter().fold(self.flags, |rest, (flag, _)| rest & !flag) == 0
    }

    /// How many bits would have to match by chance for other bytes to look like it; None if it is not as it should be.
    pub(crate) fn bits(&self) -> Option<u32> {
        self.kind.name()?;
        if !self.fits() || !self.is_on_its_stream() || !self.has_only_its_flags() || !self.is_plausible() {
            return None;
        }
        let length = if self.length <= USUAL_LONGEST { 10 } else { 0 };
        // Type, flags, and a stream whose number begins with zeros.
        Some(length + 4 + 4 + self.stream.leading_zeros().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_without_the_reserved_bit() {
        let header = Header::parse(&[0, 0x40, 0, 0, 9, 0x80, 0, 0, 3]).unwrap();
        assert_eq!(header, Header { length: 16384, kind: Type::DATA, flags: 9, stream: 3 });
        assert_eq!(Header::parse(&[0; 8]), None);
    }

    #[test]
    fn what_breaks_a_rule_of_its_type_has_no_weight() {
        let of = |length, kind, flags, stream| Header { length, kind, flags, stream };
        assert!(of(8, Type::PING, 1, 0).bits().unwrap() > 32);
        for wrong in [
            of(9, Type::PING, 0, 0),
            of(8, Type::PING, 0, 1),
            of(8, Type::PING, 2, 0),
            of(7, Type::SETTINGS, 0, 0),
            of(6, Type::SETTINGS, 1, 0),
            of(0, Type::DATA, 8, 1),
            of(8, Type(99), 0, 0),
        ] {
            assert_eq!(wrong.bits(), None, "{wrong:?}");
            assert!(wrong.is_plausible());
        }
        assert!(!of(USUAL_LONGEST + 1, Type::PING, 0, 0).is_plausible());
        assert!(of(1 << 20, Type::DATA, 0, 1).is_plausible());
    }
}
