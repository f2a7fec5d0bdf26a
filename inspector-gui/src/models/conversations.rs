//! What the list of conversations says of each, made once for a state of the index.

use std::collections::HashMap;
use std::sync::Arc;

use framescope_capture::{ConnectionState, FlowId, Index, Stream};
use framescope_parser::{Direction, Severity};

use super::ViewContext;
use super::channels::known_of;
use super::survey::Counts;
use super::text::{duration, grouped, size};

const BOTH: [Direction; 2] = [Direction::Forward, Direction::Backward];

/// The texts of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConversationText {
    /// The two endpoints, or the channel that it is carried in.
    pub(crate) title: String,
    /// Number, transport or carrier, protocol, and how the connection ended if that was not regular.
    pub(crate) kind: String,
    /// How many messages and bytes, and how long it lasted.
    pub(crate) amount: String,
    /// How many problems; empty without any.
    pub(crate) problems: String,
    /// The severity of the worst problem.
    pub(crate) severity: Option<Severity>,
}

/// The tree of so many conversations is made again with each new one while a capture grows.
const CHEAP: usize = 4096;

/// What texts were made of: packets, rows, whether the index is finished, and whether all rows were counted.
type Stamp = (u32, usize, bool, bool);

/// The texts of conversations that were shown lately.
#[derive(Debug, Default)]
pub(crate) struct Conversations {
    stamp: Option<Stamp>,
    texts: HashMap<FlowId, Arc<ConversationText>>,
    /// If some conversations carry others: all of them, each behind the one that carries it.
    tree: Option<Vec<FlowId>>,
    /// How many there are.
    all: String,
}

impl Conversations {
    /// Call when another capture is shown.
    pub(crate) fn clear(&mut self) {
        *self = Conversations::default();
    }

    /// Call at the beginning of a frame.
    pub(crate) fn update(&mut self, context: ViewContext<'_>) {
        let is_counted = context.view.survey().is_done;
        let index = context.index;
        let stamp = (index.packets(), index.row_count(), index.is_finished(), is_counted);
        if self.stamp != Some(stamp) {
            self.stamp = Some(stamp);
            self.texts.clear();
            self.update_tree(index);
        }
    }

    /// How many conversations there are: those that packets bring, and those inside them.
    pub(crate) fn all(&self) -> &str {
        &self.all
    }

    /// The tree is made again when it is complete, and before that now and then.
    fn update_tree(&mut self, index: &Index) {
        let all = index.flows().len();
        if !index.has_carriers() {
            (self.tree, self.all) = (None, grouped(all));
            return;
        }
        let known = self.tree.as_ref().map_or(0, Vec::len);
        let is_cheap = index.source().is_growing() && known < CHEAP;
        if all != known && (index.is_finished() || is_cheap || all > known + known / 16) {
            let outermost = index.flows().filter(|(_, flow)| flow.carried().is_none()).count();
            self.all = format!("{}, {} inside", grouped(outermost), grouped(all - outermost));
            self.tree = Some(tree(index));
        }
    }

    /// How many conversations are listed.
    pub(crate) fn count(&self, index: &Index) -> usize {
        self.tree.as_ref().map_or(index.flows().len(), Vec::len)
    }

    /// The conversation at a place of the list.
    pub(crate) fn at(&self, index: &Index, place: usize) -> Option<FlowId> {
        match &self.tree {
            Some(tree) => tree.get(place).copied(),
            None => index.flow_id(u32::try_from(place).ok()?),
        }
    }

    /// The texts of a conversation.
    pub(crate) fn text(&mut self, context: ViewContext<'_>, flow: FlowId) -> Option<Arc<ConversationText>> {
        if let Some(text) = self.texts.get(&flow) {
            return Some(Arc::clone(text));
        }
        let stats = context.view.survey().flow(flow);
        let text = Arc::new(ConversationText::of(context.index, flow, stats.counts, stats.times)?);
        self.texts.insert(flow, Arc::clone(&text));
        Some(text)
    }
}

/// All conversations, each behind the one that carries it.
fn tree(index: &Index) -> Vec<FlowId> {
    let mut tree = Vec::with_capacity(index.flows().len());
    let outermost = index.flows().filter(|(_, flow)| flow.carried().is_none()).map(|(id, _)| id);
    let mut left: Vec<FlowId> = Vec::new();
    for flow in outermost {
        left.push(flow);
        while let Some(flow) = left.pop() {
            tree.push(flow);
            left.extend(index.carried_flows(flow).iter().rev());
        }
    }
    tree
}

impl ConversationText {
    fn of(
        index: &Index,
        flow: FlowId,
        counts: Counts,
        times: Option<(i64, i64)>,
    ) -> Option<ConversationText> {
        let known = index.flow(flow)?;
        let endpoint = |direction| known.source(direction).map(|endpoint| endpoint.to_string());
        let title = match (known.carried(), endpoint(Direction::Forward), endpoint(Direction::Backward)) {
            (Some(carried), ..) => format!("{}  {}", carried.name(), known_of(carried)).trim_end().to_owned(),
            (None, Some(a), Some(b)) => format!("{a} - {b}"),
            _ => "bytes of the file".to_owned(),
        };
        let mut kind = match known.carried() {
            Some(carried) => format!("{flow}  in {}  {}", carried.by(), protocol(index, flow)),
            None => format!("{flow}  {}  {}", known.transport.as_str(), protocol(index, flow)),
        };
        // A regular end needs no word.
        let state = known.connection().map(|connection| connection.state);
        if let Some(
            state @ (ConnectionState::HalfOpen | ConnectionState::HalfClosed | ConnectionState::Reset),
        ) = state
        {
            kind.push_str(&format!("  {}", state.as_str()));
        }
        let sum = |of: fn(&Stream) -> u64| -> u64 {
            BOTH.iter().filter_map(|&direction| index.stream(flow, direction)).map(of).sum()
        };
        let (messages, bytes) = (sum(|stream| stream.messages), sum(|stream| stream.bytes));
        let plural = if messages == 1 { "" } else { "s" };
        let messages = grouped(usize::try_from(messages).unwrap_or(usize::MAX));
        let mut amount = format!("{messages} message{plural}, {}", size(bytes));
        if let Some((first, last)) = times {
            amount.push_str(&format!(", {}", duration(last.saturating_sub(first))));
        }
        let severity = by_severity(counts).next().map(|(_, severity)| severity);
        Some(ConversationText { title, kind, amount, problems: counts_text(counts), severity })
    }

    /// All of it, for a screen reader.
    pub(crate) fn spoken(&self) -> String {
        let problems = if self.problems.is_empty() { "no problems" } else { &self.problems };
        format!("{}, {}, {}, {problems}", self.title, self.kind, self.amount)
    }
}

/// The protocols of both directions, with a question mark if they are a guess.
fn protocol(index: &Index, flow: FlowId) -> String {
    let names = BOTH.map(|direction| {
        index.stream_protocol(flow, direction).map_or("unknown", |protocol| protocol.name())
    });
    let is_guess =
        BOTH.iter().filter_map(|&direction| index.stream(flow, direction)).any(|stream| stream.is_guess());
    let guess = if is_guess { "?" } else { "" };
    match names {
        [a, b] if a == b || b == "unknown" => format!("{a}{guess}"),
        ["unknown", b] => format!("{b}{guess}"),
        [a, b] => format!("{a} / {b}{guess}"),
    }
}

/// The severities of which there are problems, the worst first.
pub(crate) fn by_severity(counts: Counts) -> impl Iterator<Item = (usize, Severity)> {
    let each = [
        (counts.errors, Severity::Error),
        (counts.warnings, Severity::Warning),
        (counts.notes, Severity::Note),
    ];
    each.into_iter().filter(|(count, _)| *count > 0)
}

/// Such as `2 errors`.
pub(crate) fn count_text(count: usize, severity: Severity) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {severity}{plural}", grouped(count))
}

fn counts_text(counts: Counts) -> String {
    let texts: Vec<String> =
        by_severity(counts).map(|(count, severity)| count_text(count, severity)).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{Options, read};

    #[test]
    fn a_conversation_is_described_by_endpoints_protocol_amount_and_problems() {
        let index = read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap();
        let counts = Counts { errors: 1, warnings: 0, notes: 1_200 };
        let text = ConversationText::of(&index, 0.into(), counts, Some((5, 1_005))).unwrap();
        assert!(text.title.ends_with(" - 127.0.0.1:9000"), "{text:?}");
        assert!(text.kind.starts_with("0  tcp  missive"), "{text:?}");
        assert!(text.amount.contains(" messages, ") && text.amount.ends_with(", 1.00 µs"), "{text:?}");
        assert_eq!((text.problems.as_str(), text.severity), ("1 error, 1,200 notes", Some(Severity::Error)));
        let text = ConversationText::of(&index, 0.into(), Counts::default(), None).unwrap();
        assert!(text.spoken().ends_with(", no problems") && text.severity.is_none());
    }
}
