//! TLS from 1.0 to 1.3: its records, its handshake messages, and what they carry, decrypted where the secrets are known.
//!
//! The records of a connection are messages of the protocol `tls` ([`Tls`]). They carry two channels: `tls.handshake` has the
//! handshake messages, joined over records and decrypted ([`TlsHandshake`]), and `tls` the application data. The secrets are those
//! that programs log because of `SSLKEYLOGFILE` ([`Secrets`]).
//!
//! Nothing is verified but the tags of records: no certificate, no signature, no Finished. The ciphers are those of `ring` and
//! RustCrypto. Sources: RFC 8446 (TLS 1.3), RFC 5246 (TLS 1.2) and those before it, RFC 7366 (encrypt_then_mac), RFC 9850 (key log).

mod certificate;
mod codes;
mod conversation;
mod cursor;
mod dissect;
mod epoch;
mod extensions;
mod handshake;
mod hello;
mod joiner;
mod keylog;
mod messages;
mod names;
mod opener;
mod record;
mod schedule;
mod secrets;
mod suite;

use std::sync::Arc;

use framescope_parser::{
    Captured, Code, CodeDomain, Confidence, Conversation, Dissection, Error, Fault, Input, Measure, Memo,
    Names, Protocol, Reads, Sample, Settings, Stage, Step, Visit,
};

pub use codes::CODES;
pub use handshake::TlsHandshake;
pub use secrets::{KeyLogError, Secrets, TLS_KEY_LOG};

/// The name of the channel of handshake messages.
const HANDSHAKES: &str = "tls.handshake";

/// The stages of a direction: what its handshake records hold.
const PLAIN: u16 = 0;
/// The first bytes of a handshake record continue a message of the one before.
const CONTINUED: u16 = 1;
/// All but the headers is encrypted.
const PROTECTED: u16 = 2;

/// TLS over a stream.
///
/// ```
/// use std::sync::Arc;
/// use framescope_carriers::tls::{Secrets, Tls};
/// use framescope_parser::{Dissection, Protocol};
///
/// let tls = Tls::new(Arc::new(Secrets::new()));
/// let alert = Dissection::of(&tls, b"\x15\x03\x03\x00\x02\x02\x28");
/// assert_eq!(alert.field("alert.description").unwrap().value.to_string(), "handshake_failure (40)");
/// ```
#[derive(Clone)]
pub struct Tls {
    secrets: Arc<Secrets>,
    stages: Arc<[Stage]>,
    carried_by: Arc<[String]>,
}

impl Tls {
    /// Decrypts what it has the secrets of.
    pub fn new(secrets: Arc<Secrets>) -> Tls {
        let stage = |(name, number): (&str, u16)| Stage {
            name: name.into(),
            reads: Reads::Own(Arc::new(Records { stage: number })),
            needs_variables: false,
            sets_variables: false,
            carries: true,
        };
        let stages = [("plain", PLAIN), ("continued", CONTINUED), ("protected", PROTECTED)].map(stage);
        Tls { secrets, stages: Arc::new(stages), carried_by: Arc::new([]) }
    }

    /// The secrets that it decrypts with.
    pub fn secrets(&self) -> &Arc<Secrets> {
        &self.secrets
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("secrets", &self.secrets).finish_non_exhaustive()
    }
}

/// The records of a stage.
struct Records {
    stage: u16,
}

/// What both [`Tls`] and its stages say of records.
macro_rules! reads_records {
    ($stage:expr) => {
        fn name(&self) -> &str {
            "tls"
        }

        fn about(&self) -> &str {
            "TLS records, decrypted where their secrets are known (--keylog)"
        }

        fn measure(&self, message: Captured<'_, '_>) -> Measure {
            record::measure(message)
        }

        #[inline]
        fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
            record::next(&input)
        }

        fn names(&self) -> Names {
            dissect::names()
        }

        fn codes(&self) -> Option<&'static CodeDomain> {
            Some(&CODES)
        }

        fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
            dissect::record(message, $stage(self), visit);
        }

        fn outline<'a>(&'a self, message: &'a [u8], _: bool, visit: &mut dyn Visit<'a>) {
            dissect::outline(message, $stage(self), visit);
        }

        fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> {
            let why = "TLS records are only read: let a TLS library write them".into();
            Err(Error::new(0, "content_type", Fault::NotWritable { why }))
        }

        fn detect(&self, sample: Sample<'_>) -> Confidence {
            match record::recognise(sample) {
                record::Sureness::Certain => Confidence::Certain,
                record::Sureness::Headers => Confidence::Likely,
                record::Sureness::Perhaps => Confidence::Possible,
                record::Sureness::No => Confidence::No,
            }
        }
    };
}

impl Protocol for Records {
    reads_records!(|records: &Records| records.stage);
}

impl Protocol for Tls {
    reads_records!(|_: &Tls| PLAIN);

    fn stages(&self) -> &[Stage] {
        &self.stages
    }

    fn conversation(&self) -> Option<Box<dyn Conversation>> {
        self.conversation_in(&Settings::NONE)
    }

    fn conversation_in(&self, settings: &Settings) -> Option<Box<dyn Conversation>> {
        let connection = conversation::Connection::new(Arc::clone(&self.secrets), settings.clone());
        Some(Box::new(connection))
    }

    fn carried_by(&self) -> &[String] {
        &self.carried_by
    }

    fn dissect_skipped<'a>(&'a self, code: Code, _: &'a [u8], length: usize, visit: &mut dyn Visit<'a>) {
        visit.problem(code, 0..length, format_args!("{}", code.meaning()));
    }
}
