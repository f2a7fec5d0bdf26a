//! What two sides say, read as it is said: the messages, what is wrong with them, and which of them answer others.
//!
//! It is lighter than an index, which a conversation gets when it is written to a file: thousands of them are read in a second.

use std::fmt::Write;
use std::sync::Arc;

use framescope_checking::is_refused;
use framescope_parser::{
    Captured, Code, Context, Conversation, Direction, Dissection, Event, Field, Framer, Input, Memo,
    Observation, Observer, Protocol, Role, Severity, Span, SpanType, Speaker, Step, Value,
};

/// A message, or what stands where one should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) role: Role,
    /// What kind of message it is; empty for what is none.
    pub(super) kind: String,
    /// The kind, and the names of the numbers in it that have one: what an answer says, without what differs from one to the
    /// next.
    pub(super) says: String,
    /// Why a receiver must refuse it.
    pub(super) refused: Option<Code>,
    /// The state in which the conversation is, which does not have such a message.
    pub(super) not_in: Option<String>,
    /// What is wrong with its place in the conversation.
    pub(super) misplaced: Option<Code>,
    /// The row that it answers.
    pub(super) answers: Option<usize>,
    /// Whether it is cut off by the end.
    pub(super) is_cut: bool,
}

/// Reads one conversation.
pub(super) struct Reader<'p> {
    protocol: &'p dyn Protocol,
    others: &'p [Arc<dyn Protocol>],
    conversation: Option<Box<dyn Conversation>>,
    framers: [Framer; 2],
    log: Log<'p>,
}

/// What was read.
struct Log<'p> {
    protocol: &'p dyn Protocol,
    others: &'p [Arc<dyn Protocol>],
    observer: Option<Box<dyn Observer>>,
    observed: Vec<Observation>,
    rows: Vec<Row>,
    is_client_lost: bool,
}

impl Row {
    fn new(role: Role) -> Row {
        Row {
            role,
            kind: String::new(),
            says: String::new(),
            refused: None,
            not_in: None,
            misplaced: None,
            answers: None,
            is_cut: false,
        }
    }
}

impl<'p> Reader<'p> {
    /// Protocols that this one hands over to are among `others`.
    pub(super) fn new(protocol: &'p dyn Protocol, others: &'p [Arc<dyn Protocol>]) -> Reader<'p> {
        let log = Log {
            protocol,
            others,
            observer: protocol.observer(),
            observed: Vec::new(),
            rows: Vec::new(),
            is_client_lost: false,
        };
        let conversation = protocol.conversation();
        Reader { protocol, others, conversation, framers: [Framer::default(), Framer::default()], log }
    }

    /// Whether what the client has just said can not be read in the state that the conversation is in: then it is a row at once, of
    /// the state that it is a message in. What the client says from now on means nothing.
    fn note_misplaced(&mut self, bytes: &[u8], stage: u16) {
        let stages = self.protocol.stages();
        let is_lost = self.framers.first().is_some_and(Framer::is_searching);
        if stages.is_empty() || !is_lost || self.log.is_client_lost {
            return;
        }
        self.log.is_client_lost = true;
        let conversation = self.conversation.as_deref();
        let variables = conversation.and_then(Conversation::variables);
        let mut row = Row::new(Role::Client);
        row.refused = Some(Code::CannotResync);
        row.not_in = stages.get(usize::from(stage)).map(|stage| stage.name.clone());
        for (number, other) in (0..).zip(stages) {
            let Some(protocol) = other.protocol(self.others).filter(|_| number != stage) else { continue };
            let context =
                Context { stage: number, role: Some(Role::Client), variables, ..Context::default() };
            let input =
                Input { bytes, first_segment: bytes.len(), last: true, offset: 0, context: Some(&context) };
            let (Step::Message(length) | Step::Checked(length)) = protocol.next(input, &mut Memo::default())
            else {
                continue;
            };
            let mut message = Dissection::default();
            Captured::whole(bytes).in_context(Some(&context)).dissect(protocol, &mut message);
            if length.get() == bytes.len() && !message.problems.iter().any(|one| is_refused(one.code)) {
                row.kind = message.kind.map_or_else(String::new, |kind| kind.to_string());
                break;
            }
        }
        self.log.rows.push(row);
    }

    /// A side says something.
    pub(super) fn said(&mut self, role: Role, bytes: &[u8]) {
        let stage = self.conversation.as_ref().map_or(0, |conversation| conversation.stage(role));
        let Some(framer) = self.framers.get_mut(role.index()) else { return };
        let log = &mut self.log;
        match &mut self.conversation {
            Some(conversation) => {
                let speaker = Speaker::new(&mut **conversation, role, self.protocol, self.others);
                framer.segment_of(&speaker, bytes, &mut |span, bytes| log.span(role, span, bytes));
            }
            None => framer.segment(self.protocol, bytes, &mut |span, bytes| log.span(role, span, bytes)),
        }
        if role == Role::Client {
            self.note_misplaced(bytes, stage);
        }
    }

    /// A side says nothing more.
    fn ended(&mut self, role: Role) {
        let Some(framer) = self.framers.get_mut(role.index()) else { return };
        let log = &mut self.log;
        match &mut self.conversation {
            Some(conversation) => {
                let speaker = Speaker::new(&mut **conversation, role, self.protocol, self.others);
                framer.end_of(&speaker, &mut |span, bytes| log.span(role, span, bytes));
            }
            None => framer.end(self.protocol, &mut |span, bytes| log.span(role, span, bytes)),
        }
    }

    /// Whether a side is in the middle of a message.
    pub(super) fn is_inside(&self, role: Role) -> bool {
        self.framers.get(role.index()).is_some_and(|framer| framer.end_offset() > framer.offset())
    }

    /// All rows, in the order in which they were complete.
    pub(super) fn finish(mut self) -> Vec<Row> {
        Role::BOTH.into_iter().for_each(|role| self.ended(role));
        if let Some(mut observer) = self.log.observer.take() {
            observer.finish(&mut self.log.observed);
        }
        let Log { observed, mut rows, .. } = self.log;
        for one in observed {
            match one {
                Observation::Problem { row, code, .. } if code.severity() >= Severity::Warning => {
                    if let Some(row) = rows.get_mut(row as usize) {
                        row.misplaced.get_or_insert(code);
                    }
                }
                Observation::Reply { row, to, .. } => {
                    if let Some(row) = rows.get_mut(row as usize) {
                        row.answers = Some(to as usize);
                    }
                }
                Observation::Problem { .. } | Observation::Part { .. } => {}
            }
        }
        rows
    }
}

impl Log<'_> {
    fn span(&mut self, role: Role, span: Span, bytes: Captured<'_, '_>) {
        let direction = if role == Role::Client { Direction::Forward } else { Direction::Backward };
        let Ok(number) = u32::try_from(self.rows.len()) else { return };
        if role == Role::Client && self.is_client_lost {
            return;
        }
        let mut row = Row::new(role);
        let event = match span.span_type {
            SpanType::Message => {
                self.read(bytes, &mut row);
                Event::Message { direction, row: number, time_ns: None, bytes }
            }
            SpanType::Partial => {
                row.is_cut = true;
                Event::Loss { direction }
            }
            SpanType::Skipped(code) => {
                row.refused = Some(code);
                Event::Loss { direction }
            }
            SpanType::Gap => return,
        };
        self.rows.push(row);
        if let Some(observer) = &mut self.observer {
            observer.observe(event, &mut self.observed);
        }
    }

    fn read(&self, bytes: Captured<'_, '_>, row: &mut Row) {
        let stage = bytes.context().map_or(0, |context| usize::from(context.stage));
        let reads = match self.protocol.stages() {
            [] => Some(self.protocol),
            stages => stages.get(stage).and_then(|stage| stage.protocol(self.others)),
        };
        let Some(protocol) = reads else { return };
        let mut message = Dissection::default();
        bytes.dissect(protocol, &mut message);
        row.kind = message.kind.map_or_else(String::new, |kind| kind.to_string());
        row.says.clone_from(&row.kind);
        names(&message.fields, &mut row.says);
        row.refused = message.problems.iter().map(|problem| problem.code).find(|code| is_refused(*code));
    }
}

/// The names that numbers stand for, each with its field's.
fn names(fields: &[Field<'_>], says: &mut String) {
    for field in fields {
        if let Value::Enum(kind) = &field.value
            && let Some(name) = kind.name
            && field.name != "kind"
        {
            // A text takes whatever is written.
            let _ = write!(says, " {}={name}", field.name);
        }
        names(&field.fields, says);
    }
}

/// The rows of a conversation that is known as a whole.
#[cfg(test)]
pub(super) fn read(
    protocol: &dyn Protocol,
    others: &[Arc<dyn Protocol>],
    said: &framescope_checking::Transcript,
) -> Vec<Row> {
    let mut reader = Reader::new(protocol, others);
    for piece in said.pieces() {
        if let framescope_checking::Piece::Segment(role, bytes) = piece {
            reader.said(*role, bytes);
        }
    }
    reader.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use framescope_checking::{Piece, Transcript};
    use framescope_parser::missive::{FrameBuf, Kind, Missive};

    #[test]
    fn rows_have_what_they_answer_and_what_is_wrong() {
        let say = |role, frame: FrameBuf| Piece::Segment(role, frame.to_bytes().unwrap());
        let said = Transcript::new([
            say(Role::Client, FrameBuf::new(Kind::DATA).sequence(1).payload(b"\xff".as_slice())),
            say(Role::Server, FrameBuf::new(Kind::ACK).reply_to(1, 0)),
        ]);
        let rows = read(&Missive::default(), &[], &said);
        assert_eq!((rows[0].kind.as_str(), rows[0].refused), ("DATA", Some(Code::InvalidUtf8)));
        assert_eq!(rows[0].misplaced, Some(Code::DataBeforeLogin));
        assert_eq!((rows[1].says.as_str(), rows[1].answers, rows[1].refused), ("ACK", Some(0), None));
    }
}
