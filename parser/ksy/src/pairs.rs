//! Pairs replies with requests by the value that both carry.

use crate::plan::ObjectId;
use std::collections::HashMap;

use framescope_parser::{Code, Event, Observation, Observer, Sentence};

use crate::format::Format;
use crate::plan::Val;
use crate::run::arena::with_arena;
use crate::run::{Mode, Run, Scope};

/// Pairs replies with requests by the value that both carry.
pub(super) struct Pairs {
    /// The format of the messages of each state; the only one where there are no states.
    formats: Vec<Option<Format>>,
    /// Requests without a reply, by direction and value.
    open: HashMap<(usize, Id), (u32, Option<i64>)>,
}

impl Pairs {
    pub(crate) fn new(formats: Vec<Option<Format>>) -> Pairs {
        Pairs { formats, open: HashMap::new() }
    }
}

/// The value that pairs a reply with its request. Most are numbers, which need no text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Id {
    Number(u64),
    /// Anything else, including numbers in another notation.
    Text(Box<str>),
}

impl Id {
    fn of(run: &Run<'_, '_>, val: Val) -> Id {
        if let Val::Int(n) = val
            && let Ok(number) = u64::try_from(n)
        {
            return Id::Number(number);
        }
        let text = run.written(val);
        match text.parse::<u64>().ok().filter(|number| number.to_string() == text) {
            Some(number) => Id::Number(number),
            None => Id::Text(text.into()),
        }
    }

    /// A sentence with the value in its one placeholder.
    fn say(&self, pattern: &'static str) -> Sentence {
        match self {
            Id::Number(number) => Sentence::new(pattern).with([*number]),
            Id::Text(text) => pattern.replacen("{}", text, 1).into(),
        }
    }
}

/// Requests that may be open at the same time.
const MOST_OPEN: usize = 100_000;

impl Observer for Pairs {
    fn observe(&mut self, event: Event<'_>, found: &mut Vec<Observation>) {
        let Event::Message { direction, row, time_ns, bytes } = event else { return };
        let stage = bytes.context().map_or(0, |context| usize::from(context.stage));
        let Some(format) = self.formats.get(stage).and_then(Option::as_ref) else { return };
        let (plan, meta) = (&format.plan, &format.meta);
        let said = with_arena(|arena| {
            let mut run = Run::of(plan, bytes, arena, Mode::Full);
            let _ = run.read();
            let scope = Scope::of(ObjectId::ROOT);
            let id = run.eval(meta.id?, &scope).ok().filter(|val| *val != Val::Null)?;
            let is_reply = match meta.reply {
                Some(reply) => Some(run.truth(reply, &scope).ok()?),
                None => None,
            };
            let is_request = match meta.request {
                Some(request) => run.truth(request, &scope).ok()?,
                None => is_reply != Some(true),
            };
            Some((Id::of(&run, id), is_reply, is_request))
        });
        let Some((id, is_reply, is_request)) = said else { return };
        // If replies are not marked, a message with the value of an open request of the peer is its reply.
        let asked = (direction.reverse().index(), id);
        if is_reply != Some(false) {
            if let Some((to, asked_ns)) = self.open.remove(&asked) {
                let latency_ns = time_ns.zip(asked_ns).map(|(now, then)| now.saturating_sub(then));
                found.push(Observation::Reply { row, to, latency_ns });
                return;
            }
            if is_reply == Some(true) {
                let text = asked.1.say("no request with {} is open");
                found.push(Observation::Problem { row, code: Code::ReplyToNothing, text });
                return;
            }
        }
        if is_request && self.open.len() < MOST_OPEN {
            self.open.insert((direction.index(), asked.1), (row, time_ns));
        }
    }

    fn finish(&mut self, found: &mut Vec<Observation>) {
        // Without a definition of requests, nothing says that a message expects a reply.
        if !self.formats.iter().flatten().any(|format| format.meta.request.is_some()) {
            return;
        }
        let mut open: Vec<(u32, Id)> = self.open.drain().map(|((_, id), (row, _))| (row, id)).collect();
        open.sort_unstable();
        found.extend(open.into_iter().map(|(row, id)| Observation::Problem {
            row,
            code: Code::Unanswered,
            text: id.say("no reply with {} was seen"),
        }));
    }
}
