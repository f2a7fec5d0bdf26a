//! The names that the registries of TLS have for its numbers.

use framescope_parser::Kind;
use tls_parser::TlsCipherSuite;

macro_rules! names {
    ($(#[doc = $doc:literal])+ $function:ident, $number:ty: $($value:pat => $name:literal,)+) => {
        $(#[doc = $doc])+
        pub(crate) fn $function(number: $number) -> Option<&'static str> {
            match number {
                $($value => Some($name),)+
                _ => None,
            }
        }
    };
}

names! {
    /// What a record holds.
    content_type, u8:
    20 => "change_cipher_spec",
    21 => "alert",
    22 => "handshake",
    23 => "application_data",
    24 => "heartbeat",
}

names! {
    /// A version. Drafts of TLS 1.3 are not named one by one.
    version, u16:
    0x0002 => "SSL 2.0",
    0x0300 => "SSL 3.0",
    0x0301 => "TLS 1.0",
    0x0302 => "TLS 1.1",
    0x0303 => "TLS 1.2",
    0x0304 => "TLS 1.3",
    0x7F00..=0x7FFF => "TLS 1.3 draft",
}

names! {
    /// The kind of a handshake message.
    handshake, u8:
    0 => "HelloRequest",
    1 => "ClientHello",
    2 => "ServerHello",
    3 => "HelloVerifyRequest",
    4 => "NewSessionTicket",
    5 => "EndOfEarlyData",
    6 => "HelloRetryRequest",
    8 => "EncryptedExtensions",
    11 => "Certificate",
    12 => "ServerKeyExchange",
    13 => "CertificateRequest",
    14 => "ServerHelloDone",
    15 => "CertificateVerify",
    16 => "ClientKeyExchange",
    20 => "Finished",
    21 => "CertificateURL",
    22 => "CertificateStatus",
    23 => "SupplementalData",
    24 => "KeyUpdate",
    25 => "CompressedCertificate",
    67 => "NextProtocol",
}

names! {
    /// What an alert says.
    alert, u8:
    0 => "close_notify",
    10 => "unexpected_message",
    20 => "bad_record_mac",
    21 => "decryption_failed",
    22 => "record_overflow",
    30 => "decompression_failure",
    40 => "handshake_failure",
    41 => "no_certificate",
    42 => "bad_certificate",
    43 => "unsupported_certificate",
    44 => "certificate_revoked",
    45 => "certificate_expired",
    46 => "certificate_unknown",
    47 => "illegal_parameter",
    48 => "unknown_ca",
    49 => "access_denied",
    50 => "decode_error",
    51 => "decrypt_error",
    60 => "export_restriction",
    70 => "protocol_version",
    71 => "insufficient_security",
    80 => "internal_error",
    86 => "inappropriate_fallback",
    90 => "user_canceled",
    100 => "no_renegotiation",
    109 => "missing_extension",
    110 => "unsupported_extension",
    111 => "certificate_unobtainable",
    112 => "unrecognized_name",
    113 => "bad_certificate_status_response",
    114 => "bad_certificate_hash_value",
    115 => "unknown_psk_identity",
    116 => "certificate_required",
    120 => "no_application_protocol",
    121 => "ech_required",
}

names! {
    /// How bad an alert is.
    alert_level, u8:
    1 => "warning",
    2 => "fatal",
}

names! {
    /// What a heartbeat is.
    heartbeat, u8:
    1 => "request",
    2 => "response",
}

names! {
    /// An extension of a handshake message.
    extension, u16:
    0 => "server_name",
    1 => "max_fragment_length",
    5 => "status_request",
    10 => "supported_groups",
    11 => "ec_point_formats",
    13 => "signature_algorithms",
    14 => "use_srtp",
    15 => "heartbeat",
    16 => "alpn",
    17 => "status_request_v2",
    18 => "signed_certificate_timestamp",
    19 => "client_certificate_type",
    20 => "server_certificate_type",
    21 => "padding",
    22 => "encrypt_then_mac",
    23 => "extended_master_secret",
    27 => "compress_certificate",
    28 => "record_size_limit",
    34 => "delegated_credential",
    35 => "session_ticket",
    41 => "pre_shared_key",
    42 => "early_data",
    43 => "supported_versions",
    44 => "cookie",
    45 => "psk_key_exchange_modes",
    47 => "certificate_authorities",
    48 => "oid_filters",
    49 => "post_handshake_auth",
    50 => "signature_algorithms_cert",
    51 => "key_share",
    57 => "quic_transport_parameters",
    13172 => "next_protocol_negotiation",
    17513 => "application_settings",
    17613 => "application_settings",
    0xFD00 => "ech_outer_extensions",
    0xFE0D => "encrypted_client_hello",
    0xFF01 => "renegotiation_info",
}

names! {
    /// A group of keys.
    group, u16:
    19 => "secp192r1",
    21 => "secp224r1",
    22 => "secp256k1",
    23 => "secp256r1",
    24 => "secp384r1",
    25 => "secp521r1",
    26 => "brainpoolP256r1",
    27 => "brainpoolP384r1",
    28 => "brainpoolP512r1",
    29 => "x25519",
    30 => "x448",
    31 => "brainpoolP256r1tls13",
    32 => "brainpoolP384r1tls13",
    33 => "brainpoolP512r1tls13",
    41 => "curveSM2",
    256 => "ffdhe2048",
    257 => "ffdhe3072",
    258 => "ffdhe4096",
    259 => "ffdhe6144",
    260 => "ffdhe8192",
    512 => "MLKEM512",
    513 => "MLKEM768",
    514 => "MLKEM1024",
    4587 => "SecP256r1MLKEM768",
    4588 => "X25519MLKEM768",
    4589 => "SecP384r1MLKEM1024",
    25497 => "X25519Kyber768Draft00",
}

names! {
    /// An algorithm of signatures.
    signature, u16:
    0x0101 => "rsa_pkcs1_md5",
    0x0201 => "rsa_pkcs1_sha1",
    0x0202 => "dsa_sha1",
    0x0203 => "ecdsa_sha1",
    0x0301 => "rsa_pkcs1_sha224",
    0x0302 => "dsa_sha224",
    0x0303 => "ecdsa_sha224",
    0x0401 => "rsa_pkcs1_sha256",
    0x0402 => "dsa_sha256",
    0x0403 => "ecdsa_secp256r1_sha256",
    0x0501 => "rsa_pkcs1_sha384",
    0x0502 => "dsa_sha384",
    0x0503 => "ecdsa_secp384r1_sha384",
    0x0601 => "rsa_pkcs1_sha512",
    0x0602 => "dsa_sha512",
    0x0603 => "ecdsa_secp521r1_sha512",
    0x0708 => "sm2sig_sm3",
    0x0804 => "rsa_pss_rsae_sha256",
    0x0805 => "rsa_pss_rsae_sha384",
    0x0806 => "rsa_pss_rsae_sha512",
    0x0807 => "ed25519",
    0x0808 => "ed448",
    0x0809 => "rsa_pss_pss_sha256",
    0x080A => "rsa_pss_pss_sha384",
    0x080B => "rsa_pss_pss_sha512",
    0x081A => "ecdsa_brainpoolP256r1tls13_sha256",
    0x081B => "ecdsa_brainpoolP384r1tls13_sha384",
    0x081C => "ecdsa_brainpoolP512r1tls13_sha512",
    0x0904 => "mldsa44",
    0x0905 => "mldsa65",
    0x0906 => "mldsa87",
}

names! {
    /// A way of compression.
    compression, u8:
    0 => "null",
    1 => "deflate",
}

names! {
    /// How a key of before is used again.
    psk_mode, u8:
    0 => "psk_ke",
    1 => "psk_dhe_ke",
}

names! {
    /// A wish for new keys of the other side.
    key_update, u8:
    0 => "update_not_requested",
    1 => "update_requested",
}

/// A number that was never assigned, which clients send so that servers stay used to those.
pub(crate) fn is_grease(number: u16) -> bool {
    number & 0x0F0F == 0x0A0A && number >> 8 == number & 0xFF
}

/// A cipher suite.
pub(crate) fn cipher(number: u16) -> Option<&'static str> {
    match number {
        0x00FF => Some("TLS_EMPTY_RENEGOTIATION_INFO_SCSV"),
        0x5600 => Some("TLS_FALLBACK_SCSV"),
        _ => TlsCipherSuite::from_id(number).map(|suite| suite.name),
    }
}

/// A byte with its name.
pub(crate) fn named8(number: u8, name: fn(u8) -> Option<&'static str>) -> Kind<'static> {
    Kind::new(number.into(), name(number))
}

/// A number of two bytes with its name.
pub(crate) fn named16(number: u16, name: fn(u16) -> Option<&'static str>) -> Kind<'static> {
    let known = name(number).or(is_grease(number).then_some("GREASE"));
    Kind::new(number.into(), known)
}
