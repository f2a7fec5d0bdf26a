//! How a capture is read.

use std::sync::Arc;

use framescope_parser::Protocol;
use framescope_parser::bare::Bare;
use framescope_parser::missive::{Key, Missive};
use framescope_parser::text::Text;

use crate::streams::reassembly::DEFAULT_LIMIT;
use crate::{DecodeAs, ReadError};

/// How to read a capture.
#[derive(Clone)]
pub struct Options {
    /// Protocols beside those that are built in. Detection prefers them to those it is equally sure of, and a name means
    /// the first that has it.
    pub protocols: Vec<Arc<dyn Protocol>>,
    /// Which flows are which protocol, whatever they look like. The last rule that fits wins.
    pub decode_as: Vec<DecodeAs>,
    /// The key to verify authenticated frames with.
    pub key: Option<Key>,
    /// How many bytes of a TCP stream may wait for a gap before them to be filled.
    pub reassembly_limit: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { protocols: Vec::new(), decode_as: Vec::new(), key: None, reassembly_limit: DEFAULT_LIMIT }
    }
}

impl Options {
    /// The rules, each with the place of its protocol among all.
    ///
    /// # Errors
    /// A rule names no protocol: the sentence says which, and which there are.
    pub(super) fn rules(&self) -> Result<Vec<(DecodeAs, usize)>, ReadError> {
        let protocols = self.all_protocols();
        let rules = self.decode_as.iter().map(|rule| {
            let known = protocols.iter().position(|protocol| protocol.name() == rule.protocol());
            known.map(|protocol| (rule.clone(), protocol)).ok_or_else(|| {
                let known = protocols.iter().map(|protocol| protocol.name().to_owned()).collect();
                ReadError::UnknownProtocol { name: rule.protocol().to_owned(), known }
            })
        });
        rules.collect()
    }

    /// All protocols there are to read with, in the order in which detection prefers them.
    pub fn all_protocols(&self) -> Vec<Arc<dyn Protocol>> {
        self.protocols.iter().cloned().chain(protocols(self.key.clone())).collect()
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let protocols: Vec<&str> = self.protocols.iter().map(|protocol| protocol.name()).collect();
        let Options { decode_as, key, reassembly_limit, .. } = self;
        let mut options = f.debug_struct("Options");
        options.field("protocols", &protocols).field("decode_as", decode_as).field("key", key);
        options.field("reassembly_limit", reassembly_limit).finish()
    }
}

/// The protocols that are built in, in the order in which detection prefers them.
pub fn protocols(key: Option<Key>) -> Vec<Arc<dyn Protocol>> {
    vec![Arc::new(Missive { key, ..Missive::default() }), Arc::new(Bare), Arc::new(Text)]
}
