//! What can be typed next in an expression, and how a field's value is written in one.

use std::ops::Range;

use framescope_parser::{Code, CodeDomain, Value};

use super::column::Column;
use super::lexer::{Token, quoted, tokens, written};
use super::operand::stages;
use crate::Index;
use crate::display::hex;

/// The names that can be typed: those of the columns, and those that occur in an index.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    fields: Vec<String>,
    kinds: Vec<String>,
    protocols: Vec<String>,
    stages: Vec<String>,
    /// The problem codes that the protocols declare.
    codes: Vec<Code>,
}

/// What can be typed at a place in an expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The bytes of the expression that a candidate replaces.
    pub range: Range<usize>,
    /// What can be typed there, the likeliest first.
    pub candidates: Vec<Candidate>,
}

/// A text that can be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The text.
    pub text: String,
    /// What it is, in a few words.
    pub about: String,
}

const OPERATORS: [(&str, &str); 9] = [
    ("==", "is"),
    ("!=", "is there, and is not"),
    ("contains", "holds these bytes"),
    ("matches", "fits a regular expression"),
    ("in", "is one of {a, b, c..d}"),
    ("<", "less than"),
    ("<=", "at most"),
    (">", "more than"),
    (">=", "at least"),
];

const JOINTS: [(&str, &str); 2] = [("and", "and also"), ("or", "or else")];

/// What is expected at a place.
enum Expected {
    Subject,
    /// An operator, or what joins a test to the next.
    Operator,
    /// A value of it.
    Value(String),
    Joint,
}

impl Vocabulary {
    /// What occurs in an index: the fields of the protocols that its streams speak, and its kinds.
    pub fn of(index: &Index) -> Vocabulary {
        let spoken = index.spoken_protocols();
        let mut fields: Vec<String> = Vec::new();
        for protocol in &spoken {
            let names = protocol.names();
            for field in names.fields.into_iter().chain(names.anywhere) {
                // What the messages name themselves is not known beforehand.
                let field = field.strip_suffix('*').map(str::to_owned).unwrap_or(field);
                if !field.is_empty() && !fields.contains(&field) {
                    fields.push(field);
                }
            }
        }
        let kinds = index.kinds().into_iter().map(str::to_owned).collect();
        let protocols = spoken.iter().map(|protocol| protocol.name().to_owned()).collect();
        let codes = spoken.iter().filter_map(|protocol| protocol.codes()).flat_map(CodeDomain::codes);
        Vocabulary { fields, kinds, protocols, stages: stages(&spoken), codes: codes.collect() }
    }

    /// What can be typed at the byte `cursor` of an expression; nothing inside quotes.
    ///
    /// ```
    /// use framescope_capture::filter::Vocabulary;
    ///
    /// let completion = Vocabulary::default().complete("kind == DATA and seve", 21);
    /// assert_eq!((completion.range, completion.candidates[0].text.as_str()), (17..21, "severity"));
    /// ```
    pub fn complete(&self, expression: &str, cursor: usize) -> Completion {
        let before = expression.get(..cursor).unwrap_or(expression);
        let Ok(mut known) = tokens(before) else { return Completion::default() };
        let (word, start) = match known.last() {
            Some((Token::Word(word), range)) if range.end == before.len() => {
                let (word, start) = (word.clone(), range.start);
                known.pop();
                (word, start)
            }
            _ => (String::new(), before.len()),
        };
        // The whole word is replaced, including its part after the cursor.
        let rest = expression.get(before.len()..).unwrap_or_default();
        let rest_of_word =
            rest.find(|c: char| c.is_whitespace() || "()=<>!{},\"".contains(c)).unwrap_or(rest.len());
        let end = before.len() + if word.is_empty() { 0 } else { rest_of_word };
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(text, about)| candidate(text, about)).collect::<Vec<_>>()
        };
        let all: Vec<Candidate> = match expected(&known) {
            Expected::Subject => self.subjects(),
            Expected::Operator => pairs(&OPERATORS).into_iter().chain(pairs(&JOINTS)).collect(),
            Expected::Value(of) => self.values(&of),
            Expected::Joint => pairs(&JOINTS),
        };
        Completion { range: start..end, candidates: fitting(all, &word) }
    }

    fn subjects(&self) -> Vec<Candidate> {
        let columns = Column::ALL.iter().map(|(_, name, about)| candidate(name, about));
        columns.chain(self.fields.iter().map(|field| candidate(field, "field"))).collect()
    }

    fn values(&self, of: &str) -> Vec<Candidate> {
        match Column::from_name(of) {
            Some(Column::Kind) => self.kinds.iter().map(|kind| candidate(&written(kind), "kind")).collect(),
            Some(Column::Protocol) => {
                self.protocols.iter().map(|name| candidate(&written(name), "protocol")).collect()
            }
            Some(Column::Stage) => {
                self.stages.iter().map(|name| candidate(&written(name), "stage")).collect()
            }
            Some(Column::Problems) => {
                let all = Code::ALL.iter().chain(&self.codes);
                all.map(|code| candidate(code.as_str(), code.meaning())).collect()
            }
            Some(column) => column.names().iter().map(|name| candidate(name, "")).collect(),
            None => Vec::new(),
        }
    }
}

fn candidate(text: &str, about: &str) -> Candidate {
    Candidate { text: text.to_owned(), about: about.to_owned() }
}

/// The candidates that begin with the word, then those with it after a dot or a dash, then those with it anywhere.
fn fitting(all: Vec<Candidate>, word: &str) -> Vec<Candidate> {
    let word = word.to_lowercase();
    let rank = |candidate: &Candidate| {
        let text = candidate.text.to_lowercase();
        match text.find(&word) {
            _ if text == word => None,
            Some(0) => Some(0),
            Some(_) if text.split(['.', '-', '_', ' ', '"']).any(|part| part.starts_with(&word)) => Some(1),
            Some(_) => Some(2),
            None => None,
        }
    };
    let mut ranked: Vec<(u8, Candidate)> =
        all.into_iter().filter_map(|candidate| Some((rank(&candidate)?, candidate))).collect();
    // Of two that fit equally well, the shorter is nearer to what was typed.
    let longer = |candidate: &Candidate| if word.is_empty() { 0 } else { candidate.text.len() };
    ranked.sort_by_key(|(rank, candidate)| (*rank, longer(candidate)));
    ranked.into_iter().map(|(_, candidate)| candidate).collect()
}

fn expected(tokens: &[(Token, Range<usize>)]) -> Expected {
    let mut expected = Expected::Subject;
    let mut subject = String::new();
    for (token, _) in tokens {
        let is_word = |word: &str| matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word));
        let joins = is_word("and") || is_word("or") || matches!(token, Token::Sign("&&" | "||"));
        expected = match (expected, token) {
            (Expected::Subject, Token::Word(_)) if is_word("not") => Expected::Subject,
            (Expected::Subject, Token::Word(name)) => {
                subject.clone_from(name);
                Expected::Operator
            }
            (Expected::Subject, _) => Expected::Subject,
            (Expected::Operator | Expected::Joint, _) if joins => Expected::Subject,
            (Expected::Operator, Token::Sign(")")) => Expected::Joint,
            (Expected::Operator, _) => Expected::Value(subject.clone()),
            (Expected::Value(of), Token::Sign("{")) => Expected::Value(of),
            (Expected::Joint, Token::Sign(",")) => Expected::Value(subject.clone()),
            (Expected::Value(_) | Expected::Joint, _) => Expected::Joint,
        };
    }
    expected
}

/// A field's value as an expression writes it; None where there is none to compare with.
pub fn literal(value: &Value<'_>) -> Option<String> {
    Some(match value {
        Value::Group | Value::Missing => return None,
        Value::Text(text) => quoted(text),
        Value::Bytes(bytes) => format!("x\"{}\"", hex(bytes)),
        Value::Enum(kind) => kind.name.map_or_else(|| kind.number().to_string(), written),
        value => value.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use framescope_parser::{Kind, Protocol};

    use super::super::query::Filter;
    use super::*;

    fn vocabulary() -> Vocabulary {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Vocabulary {
            fields: names(&["payload.user", "sequence"]),
            kinds: names(&["DATA", "LOGIN", "two words"]),
            protocols: names(&["missive"]),
            stages: Vec::new(),
            codes: Vec::new(),
        }
    }

    fn first(expression: &str) -> Option<(Range<usize>, String)> {
        let completion = vocabulary().complete(expression, expression.len());
        completion.candidates.first().map(|first| (completion.range.clone(), first.text.clone()))
    }

    #[test]
    fn possible_next_tokens_are_offered() {
        assert_eq!(first("ki"), Some((0..2, "kind".to_owned())));
        assert_eq!(first("us"), Some((0..2, "payload.user".to_owned())), "by its last name");
        assert_eq!(first("kind "), Some((5..5, "==".to_owned())));
        assert_eq!(first("kind == LO"), Some((8..10, "LOGIN".to_owned())));
        assert_eq!(first("kind in {DATA, t"), Some((15..16, "\"two words\"".to_owned())));
        assert_eq!(first("problems == che"), Some((12..15, "checksum-mismatch".to_owned())));
        assert_eq!(first("not severity >= w"), Some((16..17, "warning".to_owned())));
        assert_eq!(first("kind == LOGIN a"), Some((14..15, "and".to_owned())));
        assert_eq!(first("kind == LOGIN and seq"), Some((18..21, "sequence".to_owned())));
        assert_eq!(first("(kind or pr"), Some((9..11, "protocol".to_owned())));
        assert_eq!(first("summary contains \"ki"), None, "nothing inside quotes");
        assert_eq!(first("kind"), None, "a complete word needs no completion");
    }

    #[test]
    fn a_word_is_replaced_as_a_whole() {
        assert_eq!(vocabulary().complete("kin == DATA", 2).range, 0..3);
    }

    #[test]
    fn values_are_written_so_that_they_can_be_parsed() {
        let protocols: Vec<Arc<dyn Protocol>> = framescope_parser::built_in();
        let nasty = "a \"b\" \\ \n\t\0 \u{1F600} and";
        for value in [
            Value::Unsigned(7),
            Value::Hex(0xF54D),
            Value::Signed(-7),
            Value::Float(0.25),
            Value::Bool(true),
            Value::Text(nasty.into()),
            Value::Text("".into()),
            Value::Bytes(vec![0, 0xFF].into()),
            Value::Enum(Kind::new(3, Some("DATA"))),
            Value::Enum(Kind::new(3, Some("not in"))),
            Value::Enum(Kind::new(300, None)),
            Value::Enum(Kind::signed(-3, None)),
            Value::Enum(Kind::signed(-3, Some("LESS"))),
            Value::Wide((1 << 64).into()),
        ] {
            let literal = literal(&value).unwrap();
            let parsed = Filter::parse(&format!("payload.user == {literal}"), &protocols);
            assert!(parsed.is_ok(), "{value:?} as {literal}: {parsed:?}");
        }
        assert_eq!(literal(&Value::Group), None);
        assert_eq!(quoted("\\d\\n"), "\"\\\\d\\\\n\"");
        let parsed = tokens(&quoted(nasty)).unwrap();
        assert_eq!(parsed[0].0, Token::Text(nasty.to_owned()));
    }
}
