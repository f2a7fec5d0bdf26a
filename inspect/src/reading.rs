//! What captures are read with.

use std::path::PathBuf;
use std::sync::Arc;

use framescope_capture::{Client, DecodeAs, Options, TakeSecrets, UNPACK_LIMIT};
use framescope_carriers::Options as Carriers;
use framescope_carriers::protobuf::{Protobuf, Schema};
use framescope_carriers::tls::Secrets;
use framescope_ksy::Described;
use framescope_parser::missive::{Key, Missive};
use framescope_parser::{Protocol, built_in};

use crate::CustomProtocols;

/// The options that captures are read with, in the window and on the command line.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Protocols beside those that are built in.
    pub own: CustomProtocols,
    /// Which flows are which protocol. The last rule that fits wins.
    pub decode_as: Vec<DecodeAs>,
    /// Endpoints that opened their conversations, where a capture does not show who did.
    pub clients: Vec<Client>,
    /// Key logs that programs write (SSLKEYLOGFILE), to decrypt their TLS connections. They may grow.
    pub keylogs: Vec<PathBuf>,
    /// The types of messages that `.proto` files declare.
    pub schema: Option<Arc<Schema>>,
    /// The key of authenticated messages.
    pub key: Option<Key>,
    /// How many bytes may be written to the temporary folder for a capture; None for the default.
    pub unpack_limit: Option<u64>,
}

impl Reading {
    /// How many bytes may be written to the temporary folder for a capture.
    pub fn unpack_limit(&self) -> u64 {
        self.unpack_limit.unwrap_or(UNPACK_LIMIT)
    }

    /// The options that an index is built with. A file that is not a capture is what the only named description describes. That,
    /// and where a description says its protocol usually is, count less than any rule that is given.
    pub fn options(&self) -> Options {
        let of_file = |described: &Described| {
            let rule: DecodeAs = format!("file={}", described.name()).parse().ok()?;
            Some(rule.as_default())
        };
        let of_file = self.own.only_named().and_then(of_file);
        let usual = self.own.iter().flat_map(|(_, described)| {
            let name = described.name().to_owned();
            let places = described.usual_places().into_iter();
            places.filter_map(move |place| format!("{place}={name}").parse().ok())
        });
        let with_key = |(_, described): &(PathBuf, Described)| {
            Arc::new(described.clone().with_key(self.key.clone())) as Arc<dyn Protocol>
        };
        let mut built_in = built_in();
        if self.key.is_some() {
            let missive: Arc<dyn Protocol> =
                Arc::new(Missive { key: self.key.clone(), ..Missive::default() });
            for keyless in built_in.iter_mut().filter(|protocol| protocol.name() == missive.name()) {
                keyless.clone_from(&missive);
            }
        }
        let secrets = Arc::new(Secrets::new());
        for keylog in &self.keylogs {
            // What can't be read yet is tried again when a secret is missing.
            let _ = secrets.add_file(keylog);
        }
        let carries = |channel: &str| channel == "http.body" || channel.starts_with("http.body:");
        let described = || self.own.iter().flat_map(|(_, described)| described.carried_by());
        let carry_bodies = self.decode_as.iter().filter_map(DecodeAs::channel).any(carries)
            || described().any(|channel| carries(channel));
        let carriers = Carriers { secrets: Arc::clone(&secrets), schema: self.schema.clone(), carry_bodies };
        let types = self.schema.iter().flat_map(|schema| {
            let named = self.decode_as.iter().filter_map(|rule| Protobuf::of(schema, rule.protocol()));
            named.map(|one| Arc::new(one) as Arc<dyn Protocol>)
        });
        let carriers = framescope_carriers::all(&carriers).into_iter().chain(types);
        Options {
            protocols: self.own.iter().map(with_key).chain(built_in).chain(carriers).collect(),
            decode_as: of_file.into_iter().chain(usual).chain(self.decode_as.iter().cloned()).collect(),
            clients: self.clients.clone(),
            secrets: Some(Arc::new(OfCapture(secrets))),
            ..Options::default()
        }
    }
}

/// Secrets that the capture may add to.
struct OfCapture(Arc<Secrets>);

impl TakeSecrets for OfCapture {
    fn take(&self, kind: u32, secrets: &[u8]) {
        self.0.add_block(kind, secrets);
    }

    fn notices(&self) -> Vec<String> {
        self.0.notices()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_rule_that_is_given_comes_after_the_places_in_a_description_and_so_wins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.ksy");
        let text = "meta:\n  id: mine\n  -framescope: {ports: 9000, transport: tcp}\nseq:\n  - {id: kind, type: u1}\n";
        std::fs::write(&path, text).unwrap();
        let own = CustomProtocols::load(&[path], &[], &mut |_| {}).unwrap();
        assert!(!own.iter().next().unwrap().1.usual_places().is_empty());
        let decode_as = vec!["tcp.port=9000=text".parse().unwrap()];
        let options = Reading { own, decode_as, ..Reading::default() }.options();
        let rules: Vec<&str> = options.decode_as.iter().map(DecodeAs::protocol).collect();
        assert_eq!(rules, ["mine", "mine", "text"], "a file is what the only description describes");
    }
}
