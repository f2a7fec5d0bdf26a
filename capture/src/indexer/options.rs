//! How a capture is read.

use std::sync::Arc;

use framescope_parser::{Protocol, Usable, built_in};

use crate::streams::reassembly::DEFAULT_LIMIT;
use crate::{Client, DecodeAs, ReadError, Selection};

/// How to read a capture.
#[derive(Clone)]
pub struct Options {
    /// The protocols to read with: by default those that are [built in](framescope_parser::built_in). Of those that it is equally
    /// sure of, detection prefers the first, and a name means the first that has it.
    pub protocols: Vec<Arc<dyn Protocol>>,
    /// Which flows are which protocol, whatever they look like. The last rule that fits wins.
    pub decode_as: Vec<DecodeAs>,
    /// Endpoints that opened their conversations, where the capture does not show who did.
    pub clients: Vec<Client>,
    /// How many bytes of a TCP stream may wait for a gap before them to be filled.
    pub reassembly_limit: u64,
    /// Which conversations are read; None for all of them. The packets of others are numbered and left aside early.
    pub selection: Option<Selection>,
    /// Whether a thread of its own may read a long capture ahead.
    pub reads_ahead: bool,
    /// Who wants the secrets that a capture holds.
    pub secrets: Option<Arc<dyn TakeSecrets>>,
}

/// Takes the secrets that a capture holds: the Decryption Secrets Blocks of pcapng.
pub trait TakeSecrets: Send + Sync {
    /// Takes the secrets of one block, before the packets behind it are read: what kind they are, as the block numbers it, and the
    /// bytes.
    fn take(&self, kind: u32, secrets: &[u8]);

    /// What is wrong with the secrets, in sentences for a person.
    fn notices(&self) -> Vec<String>;
}

impl Default for Options {
    fn default() -> Self {
        Options {
            protocols: built_in(),
            decode_as: Vec::new(),
            clients: Vec::new(),
            reassembly_limit: DEFAULT_LIMIT,
            selection: None,
            reads_ahead: true,
            secrets: None,
        }
    }
}

impl Options {
    /// The rules, each with the place of its protocol among all.
    ///
    /// # Errors
    /// A rule names no protocol or no carrier, or one that can't be used there: the sentence says which there are, or where it can be used.
    pub(super) fn rules(&self) -> Result<Vec<(DecodeAs, usize)>, ReadError> {
        let protocols = &self.protocols;
        let rules = self.decode_as.iter().map(|rule| {
            let known = protocols.iter().enumerate().find(|(_, protocol)| protocol.name() == rule.protocol());
            let Some((number, protocol)) = known else {
                let known = protocols.iter().map(|protocol| protocol.name().to_owned()).collect();
                return Err(ReadError::UnknownProtocol { name: rule.protocol().to_owned(), known });
            };
            if let Some(carrier) = rule.carrier() {
                let carriers = protocols.iter().filter(|protocol| protocol.is_carrier());
                let known: Vec<String> = carriers.map(|protocol| protocol.name().to_owned()).collect();
                if !known.iter().any(|known| known == carrier) {
                    return Err(ReadError::UnknownCarrier { name: carrier.to_owned(), known });
                }
            }
            match rule.transport().map(|transport| protocol.usable(transport.carrier())) {
                Some(Usable::No(why)) => {
                    Err(ReadError::UnusableProtocol { name: protocol.name().to_owned(), why: why.to_owned() })
                }
                _ => Ok((rule.clone(), number)),
            }
        });
        rules.collect()
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let protocols: Vec<&str> = self.protocols.iter().map(|protocol| protocol.name()).collect();
        let Options { decode_as, clients, reassembly_limit, selection, reads_ahead, .. } = self;
        let mut options = f.debug_struct("Options");
        options.field("protocols", &protocols).field("decode_as", decode_as);
        options.field("clients", clients).field("reassembly_limit", reassembly_limit);
        options.field("selection", selection).field("reads_ahead", reads_ahead).finish()
    }
}
