//! A line of a key log, as SSLKEYLOGFILE has it (RFC 9850): a label, the random number of the ClientHello, a secret.

use super::secrets::{Random, Secret};

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    /// The master secret of a connection up to TLS 1.2.
    Master,
    ClientEarly,
    ClientHandshake,
    ServerHandshake,
    ClientTraffic,
    ServerTraffic,
}

impl Label {
    pub(crate) const COUNT: usize = 6;

    const NAMES: [(&'static [u8], Label); Label::COUNT] = [
        (b"CLIENT_RANDOM", Label::Master),
        (b"CLIENT_EARLY_TRAFFIC_SECRET", Label::ClientEarly),
        (b"CLIENT_HANDSHAKE_TRAFFIC_SECRET", Label::ClientHandshake),
        (b"SERVER_HANDSHAKE_TRAFFIC_SECRET", Label::ServerHandshake),
        (b"CLIENT_TRAFFIC_SECRET_0", Label::ClientTraffic),
        (b"SERVER_TRAFFIC_SECRET_0", Label::ServerTraffic),
    ];

    pub(crate) fn index(self) -> usize {
        match self {
            Label::Master => 0,
            Label::ClientEarly => 1,
            Label::ClientHandshake => 2,
            Label::ServerHandshake => 3,
            Label::ClientTraffic => 4,
            Label::ServerTraffic => 5,
        }
    }

    pub(crate) fn bit(self) -> u16 {
        1 << self.index()
    }
}

/// Labels of secrets that decrypt nothing of a TLS connection, or nothing that these do not.
const OTHERS: [&[u8]; 10] = [
    b"RSA",
    b"PMS_CLIENT_RANDOM",
    b"EXPORTER_SECRET",
    b"EARLY_EXPORTER_SECRET",
    b"EARLY_EXPORTER_MASTER_SECRET",
    b"EXPORTER_MASTER_SECRET",
    b"ECH_SECRET",
    b"ECH_CONFIG",
    b"CLIENT_TRAFFIC_SECRET_N",
    b"SERVER_TRAFFIC_SECRET_N",
];

/// What a line says.
#[derive(Debug)]
pub(crate) enum Line {
    Secret {
        label: Label,
        random: Random,
        secret: Secret,
    },
    /// A comment, or a secret of another use.
    Nothing,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum LineError {
    #[error(
        "{0:?} is no label of a key log; a line has a label such as CLIENT_RANDOM, the client's random number and a secret, with blanks between them"
    )]
    Label(String),
    #[error(
        "{label} is followed by {found} fields instead of 2: the client's random number and the secret, with a blank between them"
    )]
    Fields { label: String, found: usize },
    #[error("the client's random number has {found} hexadecimal digits instead of 64")]
    RandomLength { found: usize },
    #[error("the secret has {found} hexadecimal digits; {label} has {expected}")]
    SecretLength { label: String, found: usize, expected: &'static str },
    #[error("{0:?} in the {1} is no hexadecimal digit")]
    Digit(char, &'static str),
}

/// Reads a line.
pub(crate) fn read(line: &[u8]) -> Result<Line, LineError> {
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return Ok(Line::Nothing);
    }
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let name = fields.next().unwrap_or_default();
    let known = Label::NAMES.iter().find(|(known, _)| *known == name);
    let Some(&(_, label)) = known else {
        let is_known = OTHERS.contains(&name) || name.starts_with(b"QUIC_");
        return if is_known { Ok(Line::Nothing) } else { Err(LineError::Label(shown(name))) };
    };
    let (Some(random), Some(secret), None) = (fields.next(), fields.next(), fields.next()) else {
        let found = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).count() - 1;
        return Err(LineError::Fields { label: shown(name), found });
    };
    if random.len() != 64 {
        return Err(LineError::RandomLength { found: random.len() });
    }
    let mut number = Random::default();
    unhex(random, &mut number, "random number")?;
    let (allowed, expected): (&[usize], _) = match label {
        Label::Master => (&[96], "96"),
        _ => (&[64, 96], "64 (suites with SHA256) or 96 (those with SHA384)"),
    };
    if !allowed.contains(&secret.len()) {
        return Err(LineError::SecretLength { label: shown(name), found: secret.len(), expected });
    }
    let mut bytes = [0; Secret::MAX];
    let bytes = bytes.get_mut(..secret.len() / 2).unwrap_or_default();
    unhex(secret, bytes, "secret")?;
    match Secret::new(bytes) {
        Some(secret) => Ok(Line::Secret { label, random: number, secret }),
        None => Ok(Line::Nothing),
    }
}

/// What stands there, short and printable.
fn shown(field: &[u8]) -> String {
    field.iter().take(40).map(|&byte| if byte.is_ascii_graphic() { char::from(byte) } else { '?' }).collect()
}

fn unhex(digits: &[u8], bytes: &mut [u8], what: &'static str) -> Result<(), LineError> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(LineError::Digit(char::from(digit), what)),
    };
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        if let &[high, low] = pair {
            *byte = value(high)? << 4 | value(low)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        let random = "ab".repeat(32);
        let said =
            |line: &str| read(line.as_bytes()).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said("CLIENT RANDOM").starts_with("\"CLIENT\" is no label of a key log"));
        assert!(said("CLIENT_RANDOM ab").contains("followed by 1 fields instead of 2"));
        assert!(said("CLIENT_RANDOM ab cd").contains("has 2 hexadecimal digits instead of 64"));
        assert!(said(&format!("CLIENT_RANDOM {random} cd")).contains("CLIENT_RANDOM has 96"));
        assert!(said(&format!("CLIENT_TRAFFIC_SECRET_0 {random} cd")).contains("64 (suites with SHA256)"));
        let bad = format!("CLIENT_RANDOM {random} {}", "0x".repeat(48));
        assert!(said(&bad).contains("'x' in the secret"));
        for fine in
            ["", "  ", "# text", "RSA 00 11", "EXPORTER_SECRET x y", "QUIC_SERVER_TRAFFIC_SECRET_0 x y"]
        {
            assert!(matches!(read(fine.as_bytes()), Ok(Line::Nothing)), "{fine}");
        }
    }

    #[test]
    fn a_line_may_end_as_windows_ends_it() {
        let line = format!("SERVER_TRAFFIC_SECRET_0 {} {}\r\n", "0A".repeat(32), "fE".repeat(32));
        let Ok(Line::Secret { label, random, secret }) = read(line.as_bytes()) else { panic!() };
        assert_eq!((label, random, secret.bytes()), (Label::ServerTraffic, [10; 32], &[0xFE; 32][..]));
    }
}
