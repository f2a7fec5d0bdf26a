//! Plays both directions of a carrier, as the capture engine does: pieces go in, rows and channels come out. A channel can be
//! played in turn. And what must hold for every carrier, as checks that panic.
#![allow(dead_code, unreachable_pub)] // Each test uses a part.

pub mod checks;
pub mod recorded;

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::Arc;

use framescope_parser::{
    Captured, Carried, Channel, Code, Collected, Conversation, Dissection, Field, Framer, Missing, Passage,
    Protocol, Role, Sentence, Settings, Span, SpanType, Speaker, Value,
};

/// What comes next in a direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A segment.
    Bytes(Vec<u8>),
    /// The end of a datagram, or of a message of a delimited channel.
    EndOfMessage,
    /// So many bytes that were not captured.
    Lost(u64),
    /// Nothing comes after this.
    End,
}

/// What both directions send, in the order in which it is captured.
pub type Pieces = Vec<(Role, Piece)>;

/// A segment of the client.
pub fn client(bytes: impl Into<Vec<u8>>) -> (Role, Piece) {
    (Role::Client, Piece::Bytes(bytes.into()))
}

/// A segment of the server.
pub fn server(bytes: impl Into<Vec<u8>>) -> (Role, Piece) {
    (Role::Server, Piece::Bytes(bytes.into()))
}

/// Bytes of a direction that were not captured.
pub fn lost(role: Role, length: u64) -> (Role, Piece) {
    (role, Piece::Lost(length))
}

/// Both directions end.
pub fn ends() -> Pieces {
    Role::BOTH.map(|role| (role, Piece::End)).to_vec()
}

/// A protocol to be played, and what is known of the channel that it is spoken in.
#[derive(Clone)]
pub struct Player {
    pub protocol: Arc<dyn Protocol>,
    /// Those that its stages hand over to.
    pub protocols: Vec<Arc<dyn Protocol>>,
    pub settings: Settings,
    /// Whether the capture begins in the middle, for each direction.
    pub begins_inside: [bool; 2],
    /// The most bytes that each message may unpack to.
    pub room: usize,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub offset: u64,
    pub length: u64,
    pub span_type: SpanType,
    pub stage: u16,
    pub kind: Option<String>,
    pub summary: String,
    /// `name=value`, one after another; the fields in a field in braces.
    pub fields: String,
    /// `code: sentence`, also what the conversation and the framer have to say.
    pub problems: Vec<String>,
}

/// What a carrier was given when it was played, to be replayed: stretches as the framer delivers them.
#[derive(Clone, Debug)]
pub struct Given {
    pub role: Role,
    pub stage: u16,
    pub what: What,
}

/// A [`Passage`] of its own.
#[derive(Clone, Debug)]
pub enum What {
    Message(Vec<u8>, Vec<Missing>),
    Lost(u64),
    End,
}

/// A call of [`Carried`].
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    Open(u64, Channel),
    /// Verbatim or not.
    Bytes(u64, Role, Vec<u8>),
    EndMessage(u64, Role),
    Lost(u64, Role, u64),
    End(u64, Role),
    Problem(Code, String),
}

/// All that came out.
#[derive(Clone, Default)]
pub struct Played {
    /// The rows of each direction.
    pub rows: [Vec<Row>; 2],
    /// What came out of the channels.
    pub collected: Collected,
    /// The same in its order, for each passage.
    pub calls: Vec<Vec<Call>>,
    /// What went into the conversation.
    pub given: Vec<Given>,
}

impl Played {
    /// The rows of a direction.
    pub fn rows(&self, role: Role) -> &[Row] {
        &self.rows[role.index()]
    }

    /// The number of the only channel with that name.
    pub fn channel(&self, name: &str) -> u64 {
        let named: Vec<u64> = self.channels(name);
        assert_eq!(named.len(), 1, "channels called {name} among {:?}", self.collected.channels);
        named[0]
    }

    /// The numbers of all channels with that name.
    pub fn channels(&self, name: &str) -> Vec<u64> {
        self.collected
            .channels
            .iter()
            .filter(|(_, about)| about.name == name)
            .map(|(number, _)| *number)
            .collect()
    }

    /// All bytes of a direction of the only channel with that name.
    pub fn all(&self, name: &str, from: Role) -> Vec<u8> {
        self.collected.all(self.channel(name), from)
    }

    /// The messages of a direction of the only channel with that name.
    pub fn messages(&self, name: &str, from: Role) -> Vec<Vec<u8>> {
        self.collected.messages(self.channel(name), from)
    }

    /// The problems of all rows and of what they carry.
    pub fn problems(&self) -> Vec<String> {
        let of_rows = self.rows.iter().flatten().flat_map(|row| row.problems.iter().cloned());
        let carried = self.collected.problems.iter().map(|(code, text)| format!("{code}: {text}"));
        of_rows.chain(carried).collect()
    }

    /// What a channel brings, as pieces for the protocol that is spoken in it.
    pub fn pieces(&self, channel: u64) -> Pieces {
        let piece = |call: &Call| match call {
            Call::Bytes(number, role, bytes) => Some((*number, *role, Piece::Bytes(bytes.clone()))),
            Call::EndMessage(number, role) => Some((*number, *role, Piece::EndOfMessage)),
            Call::Lost(number, role, length) => Some((*number, *role, Piece::Lost(*length))),
            Call::End(number, role) => Some((*number, *role, Piece::End)),
            Call::Open(..) | Call::Problem(..) => None,
        };
        let all = self.calls.iter().flatten().filter_map(piece);
        all.filter(|(number, ..)| *number == channel).map(|(_, role, piece)| (role, piece)).collect()
    }

    /// Plays another protocol in the only channel with that name.
    pub fn play_in(&self, name: &str, protocol: Arc<dyn Protocol>) -> Played {
        let channel = self.channel(name);
        let about = &self.collected.channels[&channel];
        let mut player = Player::new(protocol);
        player.settings = about.settings.clone();
        player.begins_inside = [about.begins_inside; 2];
        player.play(&self.pieces(channel))
    }
}

impl Player {
    /// With nothing known and a capture that has everything.
    pub fn new(protocol: Arc<dyn Protocol>) -> Player {
        Player {
            protocol,
            protocols: framescope_parser::built_in(),
            settings: Settings::NONE,
            begins_inside: [false; 2],
            room: usize::MAX,
        }
    }

    /// With one more thing known of the channel.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Player {
        self.settings = self.settings.with(name, value);
        self
    }

    /// In a capture that begins in the middle.
    #[must_use]
    pub fn inside(self) -> Player {
        Player { begins_inside: [true; 2], ..self }
    }

    /// The beginning of a conversation.
    pub fn conversation(&self) -> Option<Box<dyn Conversation>> {
        self.protocol.conversation_in(&self.settings)
    }

    /// Plays the pieces. Both directions are ended after the last, if they have not ended.
    pub fn play(&self, pieces: &[(Role, Piece)]) -> Played {
        let output = RefCell::new(Output { room: self.room, ..Output::default() });
        let mut conversation = self.conversation();
        let mut framers = [Framer::default(), Framer::default()];
        for role in Role::BOTH.into_iter().filter(|role| self.begins_inside[role.index()]) {
            match &mut conversation {
                Some(conversation) => {
                    let speaker = Speaker::new(&mut **conversation, role, &*self.protocol, &self.protocols);
                    framers[role.index()].begins_inside_of(&speaker);
                }
                None => framers[role.index()].begins_inside(&*self.protocol),
            }
        }
        let mut has_ended = [false; 2];
        let rest = Role::BOTH.map(|role| (role, Piece::End));
        for (role, piece) in pieces.iter().chain(&rest) {
            if has_ended[role.index()] {
                continue;
            }
            has_ended[role.index()] = *piece == Piece::End;
            let framer = &mut framers[role.index()];
            match &mut conversation {
                Some(conversation) => self.step(&mut **conversation, framer, *role, piece, &output),
                None => self.step_alone(framer, *role, piece, &output),
            }
        }
        output.into_inner().played
    }

    /// One piece of a direction of a conversation.
    fn step(
        &self,
        conversation: &mut dyn Conversation,
        framer: &mut Framer,
        role: Role,
        piece: &Piece,
        output: &RefCell<Output>,
    ) {
        let mut carried = Shared(output);
        {
            let speaker =
                Speaker::new(conversation, role, &*self.protocol, &self.protocols).carrying(&mut carried);
            let mut sink = |span: Span, bytes: Captured<'_, '_>| {
                let stage = bytes.context().map_or(0, |context| context.stage);
                let of_stage = self.protocol.stages().get(usize::from(stage));
                let protocol =
                    of_stage.and_then(|stage| stage.protocol(&self.protocols)).unwrap_or(&*self.protocol);
                let mut output = output.borrow_mut();
                output.played.rows[role.index()].push(row(protocol, stage, span, bytes));
                let what = match span.span_type {
                    SpanType::Message => What::Message(bytes.bytes().to_vec(), bytes.missing().to_vec()),
                    SpanType::Partial | SpanType::Gap | SpanType::Skipped(_) => What::Lost(span.length),
                };
                output.begin(Given { role, stage, what }, bytes);
            };
            match piece {
                Piece::Bytes(bytes) => framer.segment_of(&speaker, bytes, &mut sink),
                Piece::Lost(length) => framer.gap_of(&speaker, *length, &mut sink),
                Piece::EndOfMessage | Piece::End => framer.end_of(&speaker, &mut sink),
            }
        }
        if *piece == Piece::End {
            let stage = conversation.stage(role);
            output.borrow_mut().begin(Given { role, stage, what: What::End }, Captured::default());
            conversation.carry(role, Passage::End, &mut carried);
        }
    }

    /// One piece of a direction of a protocol without conversations.
    fn step_alone(&self, framer: &mut Framer, role: Role, piece: &Piece, output: &RefCell<Output>) {
        let protocol = &*self.protocol;
        let mut sink = |span: Span, bytes: Captured<'_, '_>| {
            output.borrow_mut().played.rows[role.index()].push(row(protocol, 0, span, bytes));
        };
        match piece {
            Piece::Bytes(bytes) => framer.segment(protocol, bytes, &mut sink),
            Piece::Lost(length) => framer.gap(protocol, *length, &mut sink),
            Piece::EndOfMessage | Piece::End => framer.end(protocol, &mut sink),
        }
    }

    /// What comes out of a conversation that is given this, for each passage.
    pub fn replay(&self, conversation: &mut dyn Conversation, given: &[Given]) -> Vec<Vec<Call>> {
        given.iter().map(|given| self.replay_one(conversation, given)).collect()
    }

    fn replay_one(&self, conversation: &mut dyn Conversation, given: &Given) -> Vec<Call> {
        let output = RefCell::new(Output { room: self.room, is_replay: true, ..Output::default() });
        conversation.continue_in(given.role, given.stage);
        let mut carried = Shared(&output);
        match &given.what {
            What::Message(bytes, missing) => {
                let message = Captured::with_missing(bytes, missing);
                output.borrow_mut().begin(given.clone(), message);
                conversation.carry(given.role, Passage::Message(message), &mut carried);
            }
            What::Lost(length) => {
                output.borrow_mut().begin(given.clone(), Captured::default());
                conversation.carry(given.role, Passage::Lost(*length), &mut carried);
            }
            What::End => {
                output.borrow_mut().begin(given.clone(), Captured::default());
                conversation.carry(given.role, Passage::End, &mut carried);
            }
        }
        output.into_inner().played.calls.pop().unwrap_or_default()
    }
}

/// What comes out, while it is played.
#[derive(Default)]
struct Output {
    played: Played,
    room: usize,
    /// Channels may have been opened before it began.
    is_replay: bool,
    /// How many bytes the present passage has brought that are not verbatim.
    taken: usize,
    message: Vec<u8>,
    missing: Vec<Missing>,
}

impl Output {
    fn begin(&mut self, given: Given, message: Captured<'_, '_>) {
        self.played.given.push(given);
        self.played.calls.push(Vec::new());
        self.message = message.bytes().to_vec();
        self.missing = message.missing().to_vec();
        self.taken = 0;
    }

    /// Takes a call, and says where else it goes.
    fn call(&mut self, call: Call) -> Option<&mut Collected> {
        self.push(call);
        (!self.is_replay).then_some(&mut self.played.collected)
    }

    fn push(&mut self, call: Call) {
        if let Some(calls) = self.played.calls.last_mut() {
            match (calls.last_mut(), &call) {
                (Some(Call::Bytes(channel, role, known)), Call::Bytes(number, from, bytes))
                    if (*channel, *role) == (*number, *from) =>
                {
                    known.extend_from_slice(bytes);
                }
                _ => calls.push(call),
            }
        }
    }
}

/// Takes what is carried, while the rows of the same message are taken elsewhere.
struct Shared<'o>(&'o RefCell<Output>);

impl Carried for Shared<'_> {
    fn room(&self) -> usize {
        let output = self.0.borrow();
        output.room.saturating_sub(output.taken)
    }

    fn open(&mut self, channel: u64, about: Channel) {
        let mut output = self.0.borrow_mut();
        if let Some(collected) = output.call(Call::Open(channel, about.clone())) {
            collected.open(channel, about);
        }
    }

    fn verbatim(&mut self, channel: u64, from: Role, at: usize, bytes: &[u8]) {
        let mut output = self.0.borrow_mut();
        let message = Captured::with_missing(&output.message, &output.missing);
        assert_eq!(message.get(at..at + bytes.len()), Some(bytes), "what is verbatim is in the message");
        if let Some(collected) = output.call(Call::Bytes(channel, from, bytes.to_vec())) {
            collected.verbatim(channel, from, at, bytes);
        }
    }

    fn bytes(&mut self, channel: u64, from: Role, bytes: &[u8]) {
        let mut output = self.0.borrow_mut();
        let is_message = matches!(output.played.given.last(), Some(Given { what: What::Message(..), .. }));
        assert!(is_message, "bytes come of a message only");
        let room = output.room.saturating_sub(output.taken);
        assert!(bytes.len() <= room, "more is handed on than there is room for");
        output.taken += bytes.len();
        if let Some(collected) = output.call(Call::Bytes(channel, from, bytes.to_vec())) {
            collected.bytes(channel, from, bytes);
        }
    }

    fn end_message(&mut self, channel: u64, from: Role) {
        let mut output = self.0.borrow_mut();
        assert!(output.played.collected.channels.get(&channel).is_none_or(|about| about.is_delimited));
        if let Some(collected) = output.call(Call::EndMessage(channel, from)) {
            collected.end_message(channel, from);
        }
    }

    fn lost(&mut self, channel: u64, from: Role, length: u64) {
        assert!(length > 0, "what is lost is at least a byte");
        if let Some(collected) = self.0.borrow_mut().call(Call::Lost(channel, from, length)) {
            collected.lost(channel, from, length);
        }
    }

    fn end(&mut self, channel: u64, from: Role) {
        if let Some(collected) = self.0.borrow_mut().call(Call::End(channel, from)) {
            collected.end(channel, from);
        }
    }

    fn problem(&mut self, code: Code, text: Sentence) {
        let mut output = self.0.borrow_mut();
        if let Some(collected) = output.call(Call::Problem(code, text.to_string())) {
            collected.problem(code, text);
        }
    }
}

fn row(protocol: &dyn Protocol, stage: u16, span: Span, bytes: Captured<'_, '_>) -> Row {
    let mut dissection = Dissection::default();
    match span.span_type {
        SpanType::Message | SpanType::Partial => bytes.dissect(protocol, &mut dissection),
        SpanType::Skipped(_) | SpanType::Gap => {}
    }
    check_ranges(&dissection, bytes.length());
    let guess = bytes.guess().map(|guess| format!("guess: {guess}"));
    let note = bytes.context().and_then(|context| context.note.as_ref());
    let note = note.map(|(code, text)| format!("{code}: {text}"));
    let own = dissection.problems.iter().map(|problem| format!("{}: {}", problem.code, problem.text));
    Row {
        offset: span.offset,
        length: span.length,
        span_type: span.span_type,
        stage,
        kind: dissection.kind.map(|kind| kind.to_string()),
        summary: dissection.summary.clone(),
        fields: fields_text(&dissection.fields),
        problems: guess.into_iter().chain(note).chain(own).collect(),
    }
}

/// The places of fields and problems lie in the message.
fn check_ranges(dissection: &Dissection<'_>, length: usize) {
    fn check(field: &Field<'_>, length: usize) {
        assert!(
            field.range.start <= field.range.end && field.range.end <= length,
            "{field:?} of {length} bytes"
        );
        field.fields.iter().for_each(|field| check(field, length));
    }
    dissection.fields.iter().for_each(|field| check(field, length));
    for problem in &dissection.problems {
        assert!(problem.range.end <= length, "{problem:?} of {length} bytes");
    }
}

fn fields_text(fields: &[Field<'_>]) -> String {
    let mut text = String::new();
    for field in fields {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(field.name);
        if field.value != Value::Group {
            write!(text, "={}", field.value).unwrap();
        }
        if !field.fields.is_empty() {
            write!(text, "{{{}}}", fields_text(&field.fields)).unwrap();
        }
    }
    text
}
