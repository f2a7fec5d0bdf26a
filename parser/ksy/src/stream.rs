//! A described stream: a preamble, then items up to the end, each of which is a message. It is a conversation in which each direction
//! goes from the one to the other, and which remembers the bytes of the preamble where the items need them. It frames nothing.

use std::sync::Arc;

use framescope_parser::{
    Captured, Carried, Code, Context, Conversation, Key, Names, Nowhere, Passage, Reads, Role, Sentence,
    Settings, Stage, Variables,
};

use crate::carrying::{CarryReader, Carrying};
use crate::described::Described;
use crate::format::Format;
use crate::plan::{Before, Stream};

/// The longest preamble, in bytes, that is remembered.
const LONGEST: usize = 64 << 10;

/// The preambles of both directions.
#[derive(Clone, Debug, Default)]
struct Preambles([Option<Arc<[u8]>>; 2]);

/// The preamble of the direction that a message is in.
pub(crate) fn preamble<'c>(context: Option<&'c Context<'_>>) -> Option<&'c [u8]> {
    let context = context?;
    let role = usize::from(context.stage).checked_sub(usize::from(ITEM))?;
    context.variables?.downcast_ref::<Preambles>()?.0.get(role)?.as_deref()
}

/// The stages: the preamble, and the items of the client and, where they need their own preamble, of the server.
const PREAMBLE: u16 = 0;
const ITEM: u16 = 1;

/// How the messages of a description that is a stream are read, if they are not all items without a preamble.
#[derive(Clone, Debug)]
pub(crate) struct Stages {
    pub(crate) stages: Arc<[Stage]>,
    start: Progress,
    preamble: Arc<Described>,
    item: Arc<Described>,
}

/// An item, as a message.
pub(crate) fn item(format: &Format, stream: &Stream) -> Described {
    let plan = format.plan.rooted(stream.root, stream.item);
    Described::part(Format::new(Arc::new(plan), stream.meta.clone()))
}

impl Stages {
    /// The stages of a description whose items follow a preamble.
    pub(crate) fn new(format: &Format, stream: &Stream) -> Option<Stages> {
        let root = stream.preamble?;
        let plan = format.plan.rooted(root, None);
        let mut meta = (*format.meta).clone();
        (meta.end, meta.waits, meta.stream) = (None, false, None);
        let can_search = meta.head.is_sure();
        let preamble = Described::part(Format::new(Arc::new(plan), Arc::new(meta)));
        let needs = stream.item.is_some_and(|item| item.before == Before::Needed);
        let item = item(format, stream);
        let carries = format.meta.carries.as_ref();
        let carrying = carries.and_then(|carries| {
            let reader = CarryReader::of(&item.format().plan, carries)?;
            Some((Arc::new(reader), Box::new(Carrying::new(carries, &Settings::NONE))))
        });
        let start = Progress { needs, can_search, carrying, ..Progress::default() };
        Some(Stages::of(preamble, item, start))
    }

    fn of(preamble: Described, item: Described, start: Progress) -> Stages {
        let (needs, carries) = (start.needs, start.carrying.is_some());
        let stage = |name: &str, reads: &Described, needs_variables, sets_variables| Stage {
            name: name.to_owned(),
            reads: Reads::Own(Arc::new(reads.clone())),
            needs_variables,
            sets_variables,
            carries: carries && (!sets_variables || needs),
        };
        let first = [stage("preamble", &preamble, false, true), stage("item", &item, needs, false)];
        let of_server = needs.then(|| stage("item", &item, needs, false));
        let stages = first.into_iter().chain(of_server).collect();
        Stages { stages, start, preamble: Arc::new(preamble), item: Arc::new(item) }
    }

    /// The same with the key with which authenticated messages are verified.
    pub(crate) fn with_key(&self, key: Option<&Key>) -> Stages {
        let with = |part: &Arc<Described>| (**part).clone().with_key(key.cloned());
        Stages::of(with(&self.preamble), with(&self.item), self.start.clone())
    }

    /// The protocol of a stage.
    pub(crate) fn part(&self, stage: u16) -> &Described {
        if stage == PREAMBLE { &self.preamble } else { &self.item }
    }

    /// The names of all messages: of those of each stage, and of a whole stream in a datagram.
    pub(crate) fn names(&self, whole: &Names) -> Names {
        let mut names = whole.clone();
        for stage in &*self.stages {
            let Reads::Own(protocol) = &stage.reads else { continue };
            let own = protocol.names();
            let is_new = |name: &String| !names.fields.contains(name);
            let fields: Vec<String> = own.fields.into_iter().filter(is_new).collect();
            names.fields.extend(fields);
            let kinds: Vec<String> =
                own.kinds.into_iter().filter(|kind| !names.kinds.contains(kind)).collect();
            names.kinds.extend(kinds);
            names.verbatim &= own.verbatim;
        }
        names
    }

    /// The beginning of a conversation.
    pub(crate) fn begin(&self, settings: &Settings) -> Box<dyn Conversation> {
        let mut start = self.start.clone();
        if let Some((_, carrying)) = &mut start.carrying {
            carrying.set(settings);
        }
        Box::new(start)
    }
}

/// How far both directions are.
#[derive(Clone, Debug, Default)]
struct Progress {
    needs: bool,
    /// Whether a preamble can be found among other bytes.
    can_search: bool,
    /// What reads what the items carry, and where that is; None if they carry nothing.
    carrying: Option<(Arc<CarryReader>, Box<Carrying>)>,
    preambles: Preambles,
    client: Side,
    server: Side,
}

/// How far a direction is.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    /// Whether the preamble is over.
    is_over: bool,
    /// Whether it was captured from its middle on, and that was not said yet.
    begins_inside: bool,
}

impl Progress {
    fn side(&mut self, role: Role) -> &mut Side {
        match role {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }
}

impl Conversation for Progress {
    fn copy(&self) -> Box<dyn Conversation> {
        Box::new(self.clone())
    }

    fn size(&self) -> usize {
        let preambles = self.preambles.0.iter().flatten().map(|bytes| bytes.len()).sum::<usize>();
        let carrying = self.carrying.as_ref().map_or(0, |(_, carrying)| carrying.size());
        size_of::<Progress>() + preambles + carrying
    }

    fn stage(&self, role: Role) -> u16 {
        let side = if role == Role::Client { self.client } else { self.server };
        match side.is_over {
            false => PREAMBLE,
            true if self.needs => ITEM + u16::from(role == Role::Server),
            true => ITEM,
        }
    }

    fn variables(&self) -> Option<&Variables> {
        self.needs.then_some(&self.preambles)
    }

    fn continue_in(&mut self, role: Role, stage: u16) {
        self.side(role).is_over = stage != PREAMBLE;
    }

    fn begins_inside(&mut self, role: Role) {
        *self.side(role) = Side { is_over: true, begins_inside: true };
        if let Some((_, carrying)) = &mut self.carrying {
            carrying.begins_inside();
        }
    }

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        self.carry(role, Passage::Message(message), &mut Nowhere);
    }

    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        match passage {
            Passage::Message(message) => {
                self.hand_on(role, message, to);
                self.takes_effect(role, message);
            }
            Passage::Lost(length) => {
                if let Some((_, carrying)) = &mut self.carrying {
                    carrying.lose(role, length);
                }
                self.loss(role);
            }
            Passage::End => {
                if let Some((_, carrying)) = &mut self.carrying {
                    carrying.end(role, to);
                }
            }
        }
    }

    fn loss(&mut self, role: Role) {
        if let Some((_, carrying)) = &mut self.carrying {
            carrying.lose(role, 0);
        }
        // Whether the preamble is over is not known. Where it can be searched for it is; where the items can be read without it they are.
        if !self.can_search && !self.needs {
            self.side(role).is_over = true;
        }
    }

    fn note(&mut self, role: Role) -> Option<(Code, Sentence)> {
        std::mem::take(&mut self.side(role).begins_inside).then(|| {
            let text = "the capture begins after the first bytes of this stream: these are read as an item";
            (Code::MidConversation, text.into())
        })
    }
}

impl Progress {
    /// Hands on what an item carries.
    fn hand_on(&mut self, role: Role, message: Captured<'_, '_>, to: &mut dyn Carried) {
        let stage = self.stage(role);
        if stage == PREAMBLE {
            return;
        }
        let Some((reader, mut carrying)) = self.carrying.take() else { return };
        let context = Context { stage, role: Some(role), variables: self.variables(), ..Context::default() };
        carrying.take(&reader, role, message.in_context(Some(&context)), to);
        self.carrying = Some((reader, carrying));
    }

    fn takes_effect(&mut self, role: Role, message: Captured<'_, '_>) {
        if std::mem::replace(&mut self.side(role).is_over, true) {
            return;
        }
        let bytes = message.bytes();
        if self.needs
            && message.is_whole()
            && bytes.len() <= LONGEST
            && let Some(known) = self.preambles.0.get_mut(role.index())
        {
            *known = Some(bytes.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Preambles, Progress};
    use framescope_parser::{Captured, Conversation, Role};

    #[test]
    fn each_direction_goes_from_its_preamble_to_its_items() {
        let mut progress = Progress { needs: true, ..Progress::default() };
        progress.message(Role::Server, Captured::whole(b"head"));
        assert_eq!([Role::Client, Role::Server].map(|role| progress.stage(role)), [0, 2]);
        progress.message(Role::Server, Captured::whole(b"item"));
        let preambles: &Preambles = progress.variables().unwrap().downcast_ref().unwrap();
        assert_eq!((preambles.0[0].as_deref(), preambles.0[1].as_deref()), (None, Some(&b"head"[..])));
        progress.begins_inside(Role::Client);
        assert_eq!(progress.stage(Role::Client), 1);
        assert!(progress.note(Role::Client).is_some() && progress.note(Role::Client).is_none());
    }

    #[test]
    fn after_a_loss_the_items_are_read_unless_they_need_the_preamble_or_it_can_be_found() {
        for (needs, can_search, stage) in [(false, false, 1), (true, false, 0), (false, true, 0)] {
            let mut progress = Progress { needs, can_search, ..Progress::default() };
            progress.loss(Role::Client);
            assert_eq!(progress.stage(Role::Client), stage);
        }
    }
}
