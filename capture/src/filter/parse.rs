//! From the text of an expression to its tree, with every name and value checked.

use std::ops::Range;
use std::sync::Arc;

use framescope_parser::{Code, CodeDomain, Protocol, Severity};
use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::column::{Column, Type};
use super::suggestion;
use super::value::{Address, Compared, Literal};

/// What is wrong, and where in the text.
type Fault = (Range<usize>, String);

#[derive(Debug)]
pub(super) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Test(Test),
}

#[derive(Debug)]
pub(super) struct Test {
    pub(super) subject: Subject,
    pub(super) condition: Condition,
}

#[derive(Clone, Debug)]
pub(crate) enum Subject {
    Column(Column),
    /// Fields by their path: that protocol's, or any's.
    Field {
        protocol: Option<String>,
        path: Vec<String>,
    },
}

/// What is asked of a value. A value that is not there fulfils no condition.
#[derive(Debug)]
pub(super) enum Condition {
    /// That there is one, and that it is not false.
    There,
    /// That a number, or nanoseconds, is in one of these ranges.
    Number(Vec<Span<i128>>),
    /// That a time is: since the epoch, or where `true` stands since the capture's first packet.
    Time(Vec<(Span<i128>, bool)>),
    Severity(Vec<Span<Severity>>),
    Name(Vec<String>),
    Address(Vec<Address>),
    /// That a field's value or a text is.
    Value(Vec<Span<Compared>>),
    Contains(Box<Finder<'static>>),
    Matches(Regex),
    /// That there is a value, and that it does not fulfil the condition.
    Other(Box<Condition>),
}

/// A range of values. An end that is true belongs to it.
#[derive(Clone, Debug)]
pub(super) struct Span<T> {
    pub(super) low: Option<(T, bool)>,
    pub(super) high: Option<(T, bool)>,
}

impl<T: PartialOrd> Span<T> {
    /// Whether it holds all of the values from `least` to `greatest`, or none of them; None where it holds some.
    pub(super) fn holds_all(&self, least: &T, greatest: &T) -> Option<bool> {
        let is_above = self.low.as_ref().is_some_and(|(low, _)| low > greatest);
        let is_below = self.high.as_ref().is_some_and(|(high, _)| high < least);
        match (self.holds(least), self.holds(greatest)) {
            (true, true) => Some(true),
            (false, false) if is_above || is_below => Some(false),
            _ => None,
        }
    }
}

impl<T> Span<T> {
    /// The range that is one value.
    pub(super) fn just(value: T) -> Span<T>
    where
        T: Clone,
    {
        Span { low: Some((value.clone(), true)), high: Some((value, true)) }
    }

    /// The range of what `to` makes of the ends.
    pub(super) fn as_ref<U>(&self, to: impl Fn(&T) -> U) -> Span<U> {
        let end = |end: &Option<(T, bool)>| end.as_ref().map(|(value, within)| (to(value), *within));
        Span { low: end(&self.low), high: end(&self.high) }
    }

    fn map<U>(self, to: impl Fn(T) -> Option<U>) -> Option<Span<U>> {
        let end = |end: Option<(T, bool)>| match end {
            None => Some(None),
            Some((value, within)) => Some(Some((to(value)?, within))),
        };
        Some(Span { low: end(self.low)?, high: end(self.high)? })
    }
}

impl<T: PartialOrd> Span<T> {
    pub(super) fn holds(&self, value: &T) -> bool {
        let above = |(low, within): &(T, bool)| value > low || *within && value == low;
        let below = |(high, within): &(T, bool)| value < high || *within && value == high;
        self.low.as_ref().is_none_or(above) && self.high.as_ref().is_none_or(below)
    }
}

/// What an expression is made of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Text(String),
    Bytes(Vec<u8>),
    /// `==` and the like, brackets and the comma.
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: [&str; 16] =
    ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "=", "!", "(", ")", "{", "}", ",", "~"];

pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or_default();
        let start = at;
        let token = if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        } else if c == '"' {
            let (quoted, length) =
                quoted(rest).map_err(|(range, what)| (at + range.start..at + range.end, what))?;
            at += length;
            Token::Text(quoted)
        } else if rest.starts_with("x\"") {
            let end = rest.get(2..).and_then(|rest| rest.find('"'));
            let end = end.ok_or_else(|| (at..text.len(), "the closing '\"' is missing".to_owned()))?;
            let digits = rest.get(2..2 + end).unwrap_or_default();
            let what = "bytes are written in pairs of hexadecimal digits, such as x\"f5 4d\"";
            let bytes = hex(digits).ok_or_else(|| (at..at + end + 3, what.to_owned()))?;
            at += end + 3;
            Token::Bytes(bytes)
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            at += sign.len();
            Token::Sign(sign)
        } else {
            let is_word = |c: char| c.is_alphanumeric() || "_.:-+/[]%*@#".contains(c);
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            if end == 0 {
                let hint = if c == '\'' { "; text stands in double quotes" } else { "" };
                return Err((at..at + c.len_utf8(), format!("'{c}' means nothing here{hint}")));
            }
            at += end;
            Token::Word(rest.get(..end).unwrap_or_default().to_owned())
        };
        tokens.push((token, start..at));
    }
    Ok(tokens)
}

/// The text in quotes that `rest` begins with, and how long it is with them.
fn quoted(rest: &str) -> Result<(String, usize), Fault> {
    let mut out = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((out, at + 1)),
            '\\' => match chars.next() {
                Some((_, c @ ('"' | '\\'))) => out.push(c),
                Some((_, 'n')) => out.push('\n'),
                Some((_, 'r')) => out.push('\r'),
                Some((_, 't')) => out.push('\t'),
                Some((_, '0')) => out.push('\0'),
                // A backslash before anything else is one of a regular expression.
                Some((_, c)) => out.extend(['\\', c]),
                None => break,
            },
            c => out.push(c),
        }
    }
    Err((0..rest.len(), "the closing '\"' is missing".to_owned()))
}

/// Pairs of digits, with anything of `: -` between the pairs.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | ':' | '-')).collect();
    framescope_parser::hex::decode(&digits)
}

pub(super) fn parse(text: &str, protocols: &[Arc<dyn Protocol>]) -> Result<Expression, Fault> {
    let tokens = tokens(text)?;
    let mut parser = Parser { text, tokens, at: 0, protocols, depth: 0 };
    if parser.tokens.is_empty() {
        return Err((0..text.len(), "the expression is empty; write for example kind == LOGIN".to_owned()));
    }
    let expression = parser.any()?;
    match parser.tokens.get(parser.at) {
        None => Ok(expression),
        Some((Token::Sign(")"), range)) => Err((range.clone(), "this ')' closes nothing".to_owned())),
        Some((_, range)) => Err((range.clone(), "'and' or 'or' is missing before this".to_owned())),
    }
}

/// What a name by itself stands for: a column, or fields.
pub(super) fn subject(name: &str, protocols: &[Arc<dyn Protocol>]) -> Result<Subject, Fault> {
    Parser { text: name, tokens: Vec::new(), at: 0, protocols, depth: 0 }.subject(name, 0..name.len())
}

/// A member of a set, and where it stands.
type Member = (Span<Literal>, Range<usize>);

struct Parser<'p> {
    text: &'p str,
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    protocols: &'p [Arc<dyn Protocol>],
    depth: usize,
}

/// Expressions nested deeper than this are refused.
const DEEPEST: usize = 100;

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    /// Where the next token stands; behind the last one there is nothing.
    fn place(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(self.text.len()..self.text.len(), |(_, range)| range.clone())
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(found);
        found
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Expression, Fault> {
        let mut parts = vec![self.all()?];
        while self.takes_word("or") || self.takes("||") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, Fault> {
        let mut parts = vec![self.not()?];
        while self.takes_word("and") || self.takes("&&") {
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Expression::All))
    }

    fn not(&mut self) -> Result<Expression, Fault> {
        let place = self.place();
        if self.takes_word("not") || self.takes("!") {
            let inner = self.deeper(place, Self::not)?;
            return Ok(Expression::Not(Box::new(inner)));
        }
        if self.takes("(") {
            let inner = self.deeper(place.clone(), Self::any)?;
            if !self.takes(")") {
                let missing = if self.at < self.tokens.len() { self.place() } else { place };
                return Err((missing, "the ')' for a '(' is missing".to_owned()));
            }
            return Ok(inner);
        }
        self.test().map(Expression::Test)
    }

    fn deeper(
        &mut self,
        place: Range<usize>,
        parse: impl FnOnce(&mut Self) -> Result<Expression, Fault>,
    ) -> Result<Expression, Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err((place, format!("more than {DEEPEST} expressions in one another")));
        }
        let inner = parse(self);
        self.depth -= 1;
        inner
    }

    fn test(&mut self) -> Result<Test, Fault> {
        let place = self.place();
        let name = match self.peek() {
            Some(Token::Word(name)) => name.clone(),
            Some(_) => {
                return Err((
                    place,
                    "a column or a field is missing here, such as kind or payload".to_owned(),
                ));
            }
            None => return Err((place, "a test is missing at the end".to_owned())),
        };
        self.at += 1;
        let subject = match self.subject(&name, place.clone()) {
            // The code of a problem by itself: rows that have it.
            Err(_) if self.is_code(&name) && self.ends_here() => {
                let condition = Condition::Name(vec![name]);
                return Ok(Test { subject: Subject::Column(Column::Problems), condition });
            }
            subject => subject?,
        };
        let operator_place = self.place();
        let condition = if self.takes("==") || self.takes("=") {
            let (literal, range) = self.literal()?;
            self.is(&subject, vec![(Span::just(literal), range)])?
        } else if self.takes("!=") {
            let (literal, range) = self.literal()?;
            Condition::Other(Box::new(self.is(&subject, vec![(Span::just(literal), range)])?))
        } else if self.takes("<") {
            self.compared(&subject, operator_place, |value| Span { low: None, high: Some((value, false)) })?
        } else if self.takes("<=") {
            self.compared(&subject, operator_place, |value| Span { low: None, high: Some((value, true)) })?
        } else if self.takes(">") {
            self.compared(&subject, operator_place, |value| Span { low: Some((value, false)), high: None })?
        } else if self.takes(">=") {
            self.compared(&subject, operator_place, |value| Span { low: Some((value, true)), high: None })?
        } else if self.takes_word("in") {
            let set = self.set()?;
            self.is(&subject, set)?
        } else if self.takes_word("contains") {
            let (literal, range) = self.literal()?;
            self.contains(&subject, literal, range)?
        } else if self.takes_word("matches") || self.takes("~") {
            let (literal, range) = self.literal()?;
            self.matches(&subject, &literal, range)?
        } else {
            match self.peek() {
                Some(Token::Word(word)) if !["and", "or"].iter().any(|w| word.eq_ignore_ascii_case(w)) => {
                    let operators = ["in", "contains", "matches", "and", "or"];
                    let help = suggestion(word, operators);
                    return Err((operator_place, format!("'{word}' is no operator{help}")));
                }
                Some(Token::Text(_) | Token::Bytes(_)) => {
                    return Err((
                        operator_place,
                        "an operator such as == or contains is missing before this".to_owned(),
                    ));
                }
                _ => Condition::There,
            }
        };
        Ok(Test { subject, condition })
    }

    /// Whether a test is over here.
    fn ends_here(&self) -> bool {
        match self.peek() {
            None => true,
            Some(Token::Word(word)) => ["and", "or"].iter().any(|w| word.eq_ignore_ascii_case(w)),
            Some(Token::Text(_) | Token::Bytes(_)) => false,
            Some(Token::Sign(sign)) => matches!(*sign, ")" | "&&" | "||"),
        }
    }

    fn subject(&self, name: &str, place: Range<usize>) -> Result<Subject, Fault> {
        if let Some(column) = Column::from_name(name) {
            return Ok(Subject::Column(column));
        }
        let with_name = self.protocols.iter().find_map(|protocol| {
            let path = name.strip_prefix(protocol.name())?.strip_prefix('.')?;
            Some((protocol, path))
        });
        let path = with_name.map_or(name, |(_, path)| path);
        let asked = with_name.map_or(self.protocols, |(protocol, _)| std::slice::from_ref(protocol));
        let known: Vec<String> = asked.iter().flat_map(|protocol| protocol.names().fields).collect();
        let is_code = self.is_code(name);
        let all_say = is_code || asked.iter().all(|protocol| !protocol.names().fields.is_empty());
        // What may stand in any field is known by the field.
        let (around, last) = path.rsplit_once('.').unwrap_or(("", path));
        let is_anywhere =
            asked.iter().any(|protocol| protocol.names().anywhere.iter().any(|name| name == last));
        let found = |path: &str| known.iter().any(|known| ends_with(known, path));
        if !all_say || found(path) || is_anywhere && (around.is_empty() || found(around)) {
            let path = path.split('.').map(str::to_owned).collect();
            let protocol = with_name.map(|(protocol, _)| protocol.name().to_owned());
            return Ok(Subject::Field { protocol, path });
        }
        let near = |names: Vec<&str>| super::nearest(path, names).map(str::to_owned);
        if let Some((protocol, _)) = with_name {
            let protocol = protocol.name();
            let hint = near(known.iter().map(String::as_str).collect());
            let hint = hint.map(|near| format!("; did you mean '{protocol}.{near}'?"));
            return Err((place, format!("{protocol} has no field '{path}'{}", hint.unwrap_or_default())));
        }
        let columns = Column::ALL.iter().map(|(_, name, _)| *name);
        // Also the last names of paths: who writes 'usr' means 'payload.user'.
        let last = known.iter().filter_map(|path| path.rsplit('.').next());
        let hint = near(columns.chain(known.iter().map(String::as_str)).chain(last).collect());
        let hint = hint.map(|near| format!("; did you mean '{near}'?"));
        Err((place, format!("there is no column or field '{name}'{}", hint.unwrap_or_default())))
    }

    fn literal(&mut self) -> Result<(Literal, Range<usize>), Fault> {
        let place = self.place();
        let literal = match self.peek() {
            Some(Token::Word(word)) => Literal::Word(word.clone()),
            Some(Token::Text(text)) => Literal::Text(text.clone()),
            Some(Token::Bytes(bytes)) => Literal::Bytes(bytes.clone()),
            _ => return Err((place, "a value is missing here".to_owned())),
        };
        self.at += 1;
        Ok((literal, place))
    }

    /// `{a, b, c..d}`, or one of these without the brackets.
    fn set(&mut self) -> Result<Vec<Member>, Fault> {
        let open = self.place();
        if !self.takes("{") {
            return Ok(vec![self.member()?]);
        }
        let mut members = vec![self.member()?];
        while self.takes(",") {
            members.push(self.member()?);
        }
        if self.takes("}") {
            return Ok(members);
        }
        let missing = if self.at < self.tokens.len() { self.place() } else { open };
        Err((missing, "a ',' or the '}' of a set is missing".to_owned()))
    }

    fn member(&mut self) -> Result<Member, Fault> {
        let (literal, range) = self.literal()?;
        let span = match &literal {
            Literal::Word(word) if word.contains("..") => {
                let (low, high) = word.split_once("..").unwrap_or((word, ""));
                let end = |end: &str| (!end.is_empty()).then(|| (Literal::Word(end.to_owned()), true));
                Span { low: end(low), high: end(high) }
            }
            _ => Span::just(literal),
        };
        Ok((span, range))
    }

    fn compared(
        &mut self,
        subject: &Subject,
        operator: Range<usize>,
        span: impl FnOnce(Literal) -> Span<Literal>,
    ) -> Result<Condition, Fault> {
        if let Subject::Column(column) = subject
            && matches!(column.value_type(), Type::Name | Type::Address | Type::Bytes)
        {
            let name = column.name();
            return Err((operator, format!("'{name}' has no order; use ==, !=, in, contains or matches")));
        }
        let (literal, range) = self.literal()?;
        self.is(subject, vec![(span(literal), range)])
    }

    /// The condition that the subject is in one of the ranges.
    fn is(&self, subject: &Subject, spans: Vec<Member>) -> Result<Condition, Fault> {
        let Subject::Column(column) = subject else {
            return Ok(Condition::Value(values(spans)));
        };
        let name = column.name();
        /// Each range as one of what the column holds.
        fn typed<T>(
            spans: Vec<Member>,
            to: impl Fn(Literal) -> Option<T>,
            wanted: &str,
        ) -> Result<Vec<Span<T>>, Fault> {
            let one = |(span, range): Member| span.map(&to).ok_or_else(|| (range, wanted.to_owned()));
            spans.into_iter().map(one).collect()
        }
        let whole = |literal: Literal| match literal.number() {
            Some(super::value::Number::Whole(n)) => Some(n),
            _ => None,
        };
        Ok(match column.value_type() {
            Type::Number => {
                let wanted = format!("'{name}' is compared with a whole number, such as 7 or 0x2a");
                Condition::Number(typed(spans, whole, &wanted)?)
            }
            Type::Duration => {
                let wanted = format!("'{name}' is compared with a duration, such as 1.5ms, 2s or 1min30s");
                Condition::Number(typed(spans, |literal| literal.duration(), &wanted)?)
            }
            Type::Time => {
                let wanted = format!(
                    "'{name}' is compared with a time, such as 2026-01-02T03:04:05Z, or a duration since the capture's \
                     first packet, such as 1.5s"
                );
                let mut times = Vec::new();
                for (span, range) in spans {
                    let relative = span.clone().map(|literal| literal.duration()).map(|span| (span, true));
                    let time = relative.or_else(|| Some((span.map(|literal| literal.time())?, false)));
                    times.push(time.ok_or_else(|| (range, wanted.clone()))?);
                }
                Condition::Time(times)
            }
            Type::Rank => {
                let severities = [Severity::Note, Severity::Warning, Severity::Error];
                let to = |literal: Literal| {
                    severities.into_iter().find(|severity| literal.text() == Some(severity.as_str()))
                };
                Condition::Severity(typed(spans, to, "a severity is note, warning or error")?)
            }
            Type::Address => {
                let wanted =
                    "this is no address; write 10.0.0.1, 10.0.0.0/8, 10.0.0.1:9000, ::1 or [::1]:9000";
                let spans = typed(spans, |literal| literal.address(), wanted)?;
                Condition::Address(spans.into_iter().filter_map(|span| span.low.map(|low| low.0)).collect())
            }
            Type::Name => {
                let known = self.known_names(*column);
                let mut names = Vec::new();
                for (span, range) in spans {
                    let literal = span.low.map(|low| low.0);
                    let Some(text) = literal.as_ref().and_then(Literal::text) else {
                        return Err((range, format!("'{name}' is compared with names")));
                    };
                    let is_hex = *column == Column::Kind && text.starts_with("0x");
                    if !known.is_empty() && !is_hex && !known.iter().any(|known| known == text) {
                        let what = if *column == Column::Problems { "problem" } else { name };
                        let help = suggestion(text, known.iter().map(String::as_str));
                        return Err((range, format!("no {what} is called '{text}'{help}")));
                    }
                    names.push(text.to_owned());
                }
                Condition::Name(names)
            }
            Type::Text | Type::Bytes => Condition::Value(values(spans)),
        })
    }

    /// The built-in problem codes, and those that the protocols declare.
    fn codes(&self) -> impl Iterator<Item = Code> {
        let domains = self.protocols.iter().filter_map(|protocol| protocol.codes());
        Code::ALL.iter().copied().chain(domains.flat_map(CodeDomain::codes))
    }

    fn is_code(&self, name: &str) -> bool {
        self.codes().any(|code| code.is_named(name))
    }

    /// The names that a column may hold; none if that is not known.
    fn known_names(&self, column: Column) -> Vec<String> {
        match column {
            Column::Protocol => self.protocols.iter().map(|protocol| protocol.name().to_owned()).collect(),
            Column::Problems => self.codes().flat_map(code_names).collect(),
            Column::Kind => {
                let names = self.protocols.iter().map(|protocol| protocol.names());
                // A protocol without fields to name may have any kinds.
                if names.clone().any(|names| names.fields.is_empty()) {
                    return Vec::new();
                }
                let mut kinds: Vec<String> = names.flat_map(|names| names.kinds).collect();
                kinds.sort();
                kinds.dedup();
                kinds
            }
            column => column.names().iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn contains(&self, subject: &Subject, literal: Literal, range: Range<usize>) -> Result<Condition, Fault> {
        if let Subject::Column(column) = subject {
            match column.value_type() {
                Type::Number | Type::Time | Type::Duration | Type::Rank => {
                    let name = column.name();
                    return Err((range, format!("'{name}' contains nothing; use ==, <, > or in")));
                }
                // A row has several problems: it contains those that it has.
                Type::Name if *column == Column::Problems => {
                    return self.is(subject, vec![(Span::just(literal), range)]);
                }
                _ => {}
            }
        }
        Ok(Condition::Contains(Box::new(Finder::new(literal.bytes()).into_owned())))
    }

    fn matches(&self, subject: &Subject, literal: &Literal, range: Range<usize>) -> Result<Condition, Fault> {
        if let Subject::Column(column) = subject
            && matches!(column.value_type(), Type::Number | Type::Time | Type::Duration | Type::Rank)
        {
            let name = column.name();
            return Err((range, format!("'{name}' is no text; use ==, <, > or in")));
        }
        let pattern = literal.text().ok_or_else(|| {
            (range.clone(), "a regular expression stands in quotes, such as \"^a+\"".to_owned())
        })?;
        Regex::new(pattern).map(Condition::Matches).map_err(|error| {
            // The crate's text has the pattern and its own mark in it; the last line says what is wrong.
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            (range, format!("this is no regular expression: {last}"))
        })
    }
}

/// The names of a problem code, as a filter may have them: `bad-sensor` and `telemetry.bad-sensor`.
pub(super) fn code_names(code: Code) -> impl Iterator<Item = String> {
    let full = code.domain().map(|domain| format!("{}.{code}", domain.name()));
    std::iter::once(code.as_str().to_owned()).chain(full)
}

/// Ranges of values, ready to be compared with others.
fn values(spans: Vec<Member>) -> Vec<Span<Compared>> {
    spans.into_iter().map(|(span, _)| span.as_ref(|literal| literal.clone().into())).collect()
}

/// Whether a path is another or ends with it, at a name.
fn ends_with(path: &str, end: &str) -> bool {
    path.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn one_or(mut parts: Vec<Expression>, many: impl FnOnce(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => many(parts),
    }
}
