//! Recognises a key log: the secrets of TLS connections, as programs write them because of `SSLKEYLOGFILE`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// How much of a file is looked at.
const LOOKED_AT: u64 = 4096;

/// Whether a file is a key log, by its first lines.
pub(crate) fn is_key_log(path: &Path) -> io::Result<bool> {
    let mut beginning = Vec::new();
    File::open(path)?.take(LOOKED_AT).read_to_end(&mut beginning)?;
    Ok(has_secret(&beginning))
}

/// Whether the first line that is neither empty nor a comment is a secret: a label, the random number of a ClientHello, and the
/// secret in hexadecimal.
fn has_secret(beginning: &[u8]) -> bool {
    let Some(line) =
        beginning.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !is_comment(line))
    else {
        return false;
    };
    let mut words = line.split(|byte| *byte == b' ');
    let (label, random, secret) = (words.next(), words.next(), words.next());
    let is_label = |word: &[u8]| {
        let is_valid = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
        word.first().is_some_and(u8::is_ascii_uppercase) && word.iter().all(is_valid)
    };
    let is_hex = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_hexdigit);
    label.is_some_and(is_label)
        && random.is_some_and(|random| random.len() == 64 && is_hex(random))
        && secret.is_some_and(is_hex)
        && words.next().is_none()
}

fn is_comment(line: &[u8]) -> bool {
    line.is_empty() || line.starts_with(b"#")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_log_is_recognised_by_its_first_secret() {
        let secret = format!("CLIENT_TRAFFIC_SECRET_0 {} {}\n", "0a".repeat(32), "ff".repeat(48));
        assert!(has_secret(secret.as_bytes()));
        assert!(has_secret(format!("# made by a test\r\n\n{secret}garbage").as_bytes()));
        assert!(has_secret(format!("CLIENT_RANDOM {} 00", "AB".repeat(32)).as_bytes()));
        let captures = include_bytes!("../../../corpus/captures/missive-chat/capture.pcapng");
        for other in [&b""[..], b"# only a comment", b"CLIENT_RANDOM 00 11", b"meta:\n  id: x\n", captures] {
            assert!(!has_secret(other), "{:?}", String::from_utf8_lossy(other.get(..20).unwrap_or(other)));
        }
    }
}
