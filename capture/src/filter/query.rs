//! The filter as a query: an expression whose tests are numbered and ordered by what they cost. It holds no state.

use std::sync::Arc;

use framescope_parser::{FieldSelection, Protocol, Reads};

use super::column::Column;
use super::error::FilterError;
use super::expression::{Condition, Expression, Subject, Test};
use super::parser::parse;

/// A query for rows: an expression that was parsed and checked.
///
/// It is cheap to clone, can be shared between threads, and prints as the shortest expression with its meaning. An
/// [`Evaluator`](super::Evaluator) evaluates it on the rows of one index.
#[derive(Clone, Debug)]
pub struct Filter {
    pub(super) query: Arc<Query>,
}

/// A parsed expression.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) root: Node,
    pub(super) tests: Vec<PreparedTest>,
    /// The tests that need no bytes, the cheapest first.
    pub(super) before_messages: Vec<usize>,
}

/// An expression whose tests are numbers.
#[derive(Clone, Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(usize),
}

#[derive(Debug)]
pub(super) struct PreparedTest {
    pub(super) test: Test,
    pub(super) tier: Tier,
    /// Whether it asks if a field contains bytes: where values are copies of bytes of the message, that must contain them too.
    pub(super) looks_for_bytes: bool,
}

/// What a test needs, the cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    Label,
    Stream,
    Index,
    Bytes,
    Message,
}

impl Filter {
    /// Parses an expression. `protocols` are those whose fields it may name.
    ///
    /// # Errors
    /// The place of the first thing that is wrong, and what may have been meant.
    pub fn parse(expression: &str, protocols: &[Arc<dyn Protocol>]) -> Result<Filter, FilterError> {
        let parsed = parse(expression, protocols).map_err(|fault| fault.in_expression(expression))?;
        Ok(Filter { query: Arc::new(Query::new(parsed, protocols)) })
    }
}

impl Query {
    fn new(expression: Expression, protocols: &[Arc<dyn Protocol>]) -> Query {
        // What a conversation is handed over to is another protocol than its stream's.
        let hands_over = protocols
            .iter()
            .any(|protocol| protocol.stages().iter().any(|stage| matches!(stage.reads, Reads::Other(_))));
        let mut tests = Vec::new();
        let root = Node::new(expression, &mut tests);
        let prepare = |test: Test| {
            let contains = matches!(test.condition, Condition::Contains(_));
            let looks_for_bytes = contains && matches!(test.subject, Subject::Field { .. });
            let tier = match test.subject {
                Subject::Column(Column::Protocol) if hands_over => Tier::Index,
                _ => Tier::of(&test),
            };
            PreparedTest { tier, test, looks_for_bytes }
        };
        let tests: Vec<PreparedTest> = tests.into_iter().map(prepare).collect();
        let tier = |test: &usize| tests.get(*test).map_or(Tier::Message, |prepared| prepared.tier);
        let mut before_messages: Vec<usize> = (0..tests.len()).collect();
        before_messages.retain(|test| tier(test) < Tier::Bytes);
        before_messages.sort_by_key(tier);
        Query { root, tests, before_messages }
    }

    /// The tests of fields that the messages of a protocol may have, and what must be dissected for them and for a test of the
    /// summary.
    pub(super) fn tests_of(&self, protocol: Option<&str>) -> (Vec<usize>, FieldSelection) {
        let (mut numbers, mut selection) = (Vec::new(), FieldSelection::default());
        for (number, prepared) in self.tests.iter().enumerate() {
            match &prepared.test.subject {
                Subject::Field { protocol: of, path } if of.is_none() || of.as_deref() == protocol => {
                    selection = selection.field(&path.join("."));
                    numbers.push(number);
                }
                Subject::Column(Column::Summary) => selection = selection.summary(),
                _ => {}
            }
        }
        (numbers, selection)
    }
}

impl Node {
    /// Numbers the tests of an expression.
    fn new(expression: Expression, tests: &mut Vec<Test>) -> Node {
        // The cheapest may make the others unnecessary.
        let mut cheapest_first = |mut parts: Vec<Expression>| {
            parts.sort_by_key(highest_tier);
            parts.into_iter().map(|part| Node::new(part, tests)).collect()
        };
        match expression {
            Expression::All(parts) => Node::All(cheapest_first(parts)),
            Expression::Any(parts) => Node::Any(cheapest_first(parts)),
            Expression::Not(inner) => Node::Not(Box::new(Node::new(*inner, tests))),
            Expression::Test(test) => {
                tests.push(test);
                Node::Test(tests.len() - 1)
            }
        }
    }

    /// Whether the expression is true where the result of some tests may be unknown; None if it depends on those.
    pub(super) fn evaluate(&self, test: &mut dyn FnMut(usize) -> Option<bool>) -> Option<bool> {
        match self {
            Node::Test(number) => test(*number),
            Node::Not(inner) => inner.evaluate(test).map(|known| !known),
            Node::All(parts) | Node::Any(parts) => {
                let decides = matches!(self, Node::Any(_));
                let mut all = Some(!decides);
                for part in parts {
                    match part.evaluate(test) {
                        Some(known) if known == decides => return Some(decides),
                        Some(_) => {}
                        None => all = None,
                    }
                }
                all
            }
        }
    }
}

/// The highest tier of the tests in an expression.
fn highest_tier(expression: &Expression) -> Tier {
    match expression {
        Expression::All(parts) | Expression::Any(parts) => {
            parts.iter().map(highest_tier).max().unwrap_or(Tier::Label)
        }
        Expression::Not(inner) => highest_tier(inner),
        Expression::Test(test) => Tier::of(test),
    }
}

impl Tier {
    fn of(test: &Test) -> Tier {
        let Subject::Column(column) = &test.subject else { return Tier::Message };
        match column {
            Column::Type | Column::Kind | Column::Problems | Column::Severity => Tier::Label,
            Column::Flow
            | Column::Direction
            | Column::Transport
            | Column::CarriedIn
            | Column::Level
            | Column::Protocol
            | Column::Src
            | Column::Dst
            | Column::Address
            | Column::SrcPort
            | Column::DstPort
            | Column::Port => Tier::Stream,
            Column::Row
            | Column::Packet
            | Column::Offset
            | Column::Length
            | Column::Time
            | Column::Latency
            | Column::ReplyTo
            | Column::AnsweredBy
            | Column::PartOf
            | Column::MissingBytes
            | Column::Stage
            | Column::Carries
            | Column::Comment => Tier::Index,
            Column::Bytes => Tier::Bytes,
            Column::Summary => Tier::Message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(expression: &str) -> Arc<Query> {
        Filter::parse(expression, &framescope_parser::built_in()).unwrap().query
    }

    #[test]
    fn a_filter_can_be_shared_between_threads() {
        fn shared<T: Clone + Send + Sync + 'static>() {}
        shared::<Filter>();
    }

    #[test]
    fn tests_are_ordered_by_what_they_look_at() {
        let query = query("payload contains \"a\" and row > 3 and kind == DATA and flow == 0");
        let tiers: Vec<Tier> = query.tests.iter().map(|prepared| prepared.tier).collect();
        assert_eq!(tiers, [Tier::Label, Tier::Stream, Tier::Index, Tier::Message]);
        assert_eq!(query.before_messages, [0, 1, 2]);
    }

    #[test]
    fn a_query_selects_only_the_protocols_own_fields() {
        let query = query("missive.sequence == 1 or text contains \"a\" or kind == DATA");
        assert_eq!(query.tests_of(Some("missive")).0.len(), 2);
        assert_eq!(query.tests_of(Some("bare")).0.len(), 1);
        assert!(!query.tests_of(None).1.wants_summary());
    }

    #[test]
    fn an_unknown_test_leaves_open_only_what_depends_on_it() {
        let evaluate = |expression: &str, results: [Option<bool>; 2]| {
            query(expression).root.evaluate(&mut |test| results[test])
        };
        assert_eq!(evaluate("row == 1 and row == 2", [Some(false), None]), Some(false));
        assert_eq!(evaluate("row == 1 and row == 2", [Some(true), None]), None);
        assert_eq!(evaluate("row == 1 or row == 2", [None, Some(true)]), Some(true));
        assert_eq!(evaluate("not (row == 1 or row == 2)", [None, Some(false)]), None);
    }
}
