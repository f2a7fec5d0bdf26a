//! The one channel that a small carrier has, of both directions. It never looks at what is handed on.

use std::sync::Arc;

use framescope_parser::{Carried, Channel, Code, Role, Sentence, Settings};

/// The number of the channel.
const ONLY: u64 = 0;

/// The channel, and whether it was opened.
#[derive(Clone)]
pub(super) struct Only {
    pub(super) about: Arc<Channel>,
    is_open: bool,
}

impl Only {
    pub(super) fn new(about: Channel) -> Only {
        Only { about: Arc::new(about), is_open: false }
    }

    /// A channel whose protocol is unknown, where nothing else is known than what its carrier was given.
    pub(super) fn named(name: &'static str, settings: &Settings) -> Only {
        Only::new(Channel { name: name.into(), settings: settings.clone(), ..Channel::default() })
    }

    /// Its description, which can be changed until it is opened.
    pub(super) fn about_mut(&mut self) -> &mut Channel {
        Arc::make_mut(&mut self.about)
    }

    fn open(&mut self, to: &mut dyn Carried) {
        if !self.is_open {
            self.is_open = true;
            to.open(ONLY, (*self.about).clone());
        }
    }

    /// All of a message, as it is.
    pub(super) fn verbatim(&mut self, from: Role, bytes: &[u8], to: &mut dyn Carried) {
        self.open(to);
        to.verbatim(ONLY, from, 0, bytes);
    }

    pub(super) fn bytes(&mut self, from: Role, bytes: &[u8], to: &mut dyn Carried) {
        self.open(to);
        let (taken, rest) = bytes.split_at_checked(to.room()).unwrap_or((bytes, &[]));
        to.bytes(ONLY, from, taken);
        if !rest.is_empty() {
            let text = Sentence::new("{} bytes of what this carries are left out: there is no room for them");
            to.problem(Code::ExpandsTooMuch, text.with([rest.len() as u64]));
            to.lost(ONLY, from, rest.len() as u64);
        }
    }

    pub(super) fn end_message(&mut self, from: Role, to: &mut dyn Carried) {
        self.open(to);
        to.end_message(ONLY, from);
    }

    pub(super) fn lost(&mut self, from: Role, length: u64, to: &mut dyn Carried) {
        self.open(to);
        to.lost(ONLY, from, length.max(1));
    }

    /// Ends a direction, unless nothing was ever carried.
    pub(super) fn end(&mut self, from: Role, to: &mut dyn Carried) {
        if self.is_open {
            to.end(ONLY, from);
        }
    }
}

/// Takes all that is unpacked, and leaves it aside: what comes later depends on what came before, whoever wants it.
pub(super) struct Silent;

impl Carried for Silent {
    fn room(&self) -> usize {
        usize::MAX
    }

    fn open(&mut self, _: u64, _: Channel) {}
    fn verbatim(&mut self, _: u64, _: Role, _: usize, _: &[u8]) {}
    fn bytes(&mut self, _: u64, _: Role, _: &[u8]) {}
    fn end_message(&mut self, _: u64, _: Role) {}
    fn lost(&mut self, _: u64, _: Role, _: u64) {}
    fn end(&mut self, _: u64, _: Role) {}
    fn problem(&mut self, _: Code, _: Sentence) {}
}
