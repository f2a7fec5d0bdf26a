//! The problems that only TLS has.

use framescope_parser::{Code, CodeDomain, CodeInfo, Severity};

/// The problems of records and handshake messages.
pub static CODES: CodeDomain = CodeDomain::new("tls", &INFOS);

/// The secrets of the connection are not known.
pub(super) const NO_SECRETS: Code = CODES.code(0);
/// The secrets that are known for the connection decrypt nothing of it.
pub(super) const SECRETS_DO_NOT_FIT: Code = CODES.code(1);
/// The tag of a record does not fit its bytes.
pub(super) const RECORD_TAG_MISMATCH: Code = CODES.code(2);
/// The cipher suite is one that is not decrypted here.
pub(super) const UNSUPPORTED_CIPHER: Code = CODES.code(3);
/// What the connection agreed on was not captured.
pub(super) const BEGINNING_NOT_CAPTURED: Code = CODES.code(4);
/// A record claims more bytes than one can have.
pub(super) const RECORD_TOO_LONG: Code = CODES.code(5);
/// A length inside a handshake message reaches past its end.
pub(super) const HANDSHAKE_OVERRUN: Code = CODES.code(6);
/// One side gives up the connection.
pub(super) const FATAL_ALERT: Code = CODES.code(7);
/// An alert that was encrypted.
pub(super) const ENCRYPTED_ALERT: Code = CODES.code(8);
/// A decrypted record has no content type.
pub(super) const NO_INNER_TYPE: Code = CODES.code(9);
/// The server speaks a newer version than the one it was made to choose.
pub(super) const DOWNGRADED: Code = CODES.code(10);
/// The two sides agree on keys once more.
pub(super) const RENEGOTIATION: Code = CODES.code(11);
/// A certificate can't be read.
pub(super) const BAD_CERTIFICATE: Code = CODES.code(12);
/// A handshake message claims more bytes than one can have.
pub(super) const HANDSHAKE_TOO_LONG: Code = CODES.code(13);

const INFOS: [CodeInfo; 14] = [
    CodeInfo {
        name: "no-secrets",
        severity: Severity::Note,
        meaning: "What is encrypted is not shown, because the secrets of the connection are not known.",
        usual_cause: "No key log was given, the program that was captured did not write one, or it wrote it after this connection.",
        what_to_do: "Start the program with SSLKEYLOGFILE=keys.txt in its environment (curl, browsers, Python), with --tls-keylog=keys.txt (Node), with tls.Config.KeyLogWriter (Go) or an agent (Java), and give the file with --keylog keys.txt; docs/carriers.md has the lines for each.",
    },
    CodeInfo {
        name: "secrets-do-not-fit",
        severity: Severity::Warning,
        meaning: "Secrets are known for this connection, and they decrypt nothing of it.",
        usual_cause: "The key log is of another run with the same random number, a line of it was changed, or records before this one were lost.",
        what_to_do: "Record the key log and the capture in the same run, and leave the lines of the key log as they are.",
    },
    CodeInfo {
        name: "record-tag-mismatch",
        severity: Severity::Error,
        meaning: "The authentication tag of the record does not fit its bytes and its place in the sequence: the receiver refuses it.",
        usual_cause: "Bytes of the record were changed on the way, records before it are missing, or it was written by somebody without the keys.",
        what_to_do: "Look at the row before it: after a loss, decryption resumes with the records that follow. If nothing was lost, see who changed the bytes.",
    },
    CodeInfo {
        name: "unsupported-cipher",
        severity: Severity::Note,
        meaning: "The cipher suite that was agreed on is not decrypted here.",
        usual_cause: "An old suite (RC4, 3DES, Camellia, NULL), one of a country (ARIA, SM4), compressed records, or SSL 3.0.",
        what_to_do: "Let one of the two sides offer AES or ChaCha20-Poly1305 only, and capture again.",
    },
    CodeInfo {
        name: "beginning-not-captured",
        severity: Severity::Note,
        meaning: "The handshake that says what the connection is encrypted with was not captured, so it can't be decrypted.",
        usual_cause: "The capture began after the connection was opened, or packets of its beginning were lost.",
        what_to_do: "Start the capture first, then the program; secrets are found by the random number of the ClientHello.",
    },
    CodeInfo {
        name: "record-too-long",
        severity: Severity::Error,
        meaning: "The header of a record claims more bytes than the 18,432 that a record may have, so only the header was skipped.",
        usual_cause: "The bytes are no record, or bytes before this place were lost.",
        what_to_do: "Look at the row before it: if that is a gap or skipped, the header is a part of another record.",
    },
    CodeInfo {
        name: "handshake-overrun",
        severity: Severity::Error,
        meaning: "A length inside the handshake message reaches past its end.",
        usual_cause: "The length is wrong, or bytes of the message are those of another.",
        what_to_do: "Compare the length with the bytes that are left; the other side answers with the alert decode_error.",
    },
    CodeInfo {
        name: "fatal-alert",
        severity: Severity::Warning,
        meaning: "One side gives up the connection, and says why.",
        usual_cause: "The two sides have no version or cipher suite in common, or a certificate is not accepted.",
        what_to_do: "The alert's description says what was wrong with what the other side had sent before it.",
    },
    CodeInfo {
        name: "encrypted-alert",
        severity: Severity::Note,
        meaning: "The record is an alert, which only shows when it is decrypted.",
        usual_cause: "A side closes the connection in order, which it says with close_notify.",
        what_to_do: "Nothing, if it is close_notify. Otherwise the alert's description says what was wrong.",
    },
    CodeInfo {
        name: "no-inner-type",
        severity: Severity::Error,
        meaning: "A decrypted record of TLS 1.3 is all zeros, so that it has no content type.",
        usual_cause: "The sender padded a record without writing its content type.",
        what_to_do: "Write the content type between the content and the padding, also if the content is empty.",
    },
    CodeInfo {
        name: "downgraded",
        severity: Severity::Warning,
        meaning: "The client offers TLS 1.3, the server says in its random number that it knows a newer version than it chose, and chose an older one.",
        usual_cause: "Somebody between the two changed the ClientHello, or removed its versions.",
        what_to_do: "Compare the ClientHello as it was sent and as it arrived. The client must give up the connection.",
    },
    CodeInfo {
        name: "renegotiation",
        severity: Severity::Note,
        meaning: "The two sides agree on keys once more within the connection.",
        usual_cause: "The server asks for a certificate of the client for a part of what it serves.",
        what_to_do: "Nothing, if both sides have the extension renegotiation_info; TLS 1.3 has other means.",
    },
    CodeInfo {
        name: "bad-certificate",
        severity: Severity::Warning,
        meaning: "The certificate can't be read as X.509.",
        usual_cause: "It is of another kind (a raw public key), or was cut or changed.",
        what_to_do: "Save its bytes, and look at them with openssl x509 -inform der -text.",
    },
    CodeInfo {
        name: "handshake-too-long",
        severity: Severity::Error,
        meaning: "The header of a handshake message claims more bytes than any handshake message has.",
        usual_cause: "The bytes are not the beginning of a handshake message: bytes before them were lost, or they are encrypted.",
        what_to_do: "Look at the row before it, and at the records that carry it.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_sentences_and_stands_where_its_number_says() {
        for code in CODES.codes() {
            for text in [code.meaning(), code.usual_cause(), code.what_to_do()] {
                assert!(text.ends_with('.') && text.starts_with(char::is_uppercase), "{code}: {text}");
            }
        }
        assert_eq!(CODES.codes().count(), INFOS.len());
        assert_eq!(HANDSHAKE_TOO_LONG.as_str(), "handshake-too-long");
        assert_eq!(FATAL_ALERT.as_str(), "fatal-alert");
    }
}
