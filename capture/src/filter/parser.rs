//! From the tokens of an expression to its tree: the grammar. What names refer to is looked up in [`subject`], what values
//! mean in [`operand`].
//!
//! ```text
//! any  = all { ("or" | "||") all }
//! all  = not { ("and" | "&&") not }
//! not  = ("not" | "!") not | "(" any ")" | test
//! test = subject [operator value]
//! ```

use std::ops::Range;
use std::sync::Arc;

use framescope_parser::Protocol;

use super::codes;
use super::column::Column;
use super::error::{Fault, suggestion};
use super::expression::{Condition, Expression, Interval, Subject, Test};
use super::lexer::{Token, tokens};
use super::operand::{self, Member};
use super::subject::find;
use super::value::Literal;

pub(super) fn parse(text: &str, protocols: &[Arc<dyn Protocol>]) -> Result<Expression, Fault> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Err(Fault::new(0..text.len(), "the expression is empty; write for example kind == LOGIN"));
    }
    let mut parser = Parser { text, tokens, at: 0, protocols, depth: 0 };
    let expression = parser.any()?;
    match parser.tokens.get(parser.at) {
        None => Ok(expression),
        Some((Token::Sign(")"), range)) => Err(Fault::new(range.clone(), "no '(' opens this ')'; remove it")),
        Some((_, range)) => Err(Fault::new(range.clone(), "'and' or 'or' is missing before this")),
    }
}

struct Parser<'p> {
    text: &'p str,
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    protocols: &'p [Arc<dyn Protocol>],
    depth: usize,
}

/// Expressions nested deeper than this are refused.
const MAX_DEPTH: usize = 100;

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    /// Where the next token is; after the last one, the end of the text.
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
            let inner = self.nested(place, Self::not)?;
            return Ok(Expression::Not(Box::new(inner)));
        }
        if self.takes("(") {
            let inner = self.nested(place.clone(), Self::any)?;
            if !self.takes(")") {
                let missing = if self.at < self.tokens.len() { self.place() } else { place };
                return Err(Fault::new(missing, "the ')' for a '(' is missing"));
            }
            return Ok(inner);
        }
        self.test().map(Expression::Test)
    }

    fn nested(
        &mut self,
        place: Range<usize>,
        parse: impl FnOnce(&mut Self) -> Result<Expression, Fault>,
    ) -> Result<Expression, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let what = format!("expressions are nested more than {MAX_DEPTH} deep; remove brackets");
            return Err(Fault::new(place, what));
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
                let what = "a column or a field is missing here, such as kind or payload";
                return Err(Fault::new(place, what));
            }
            None => return Err(Fault::new(place, "a test is missing at the end")),
        };
        self.at += 1;
        let subject = match find(&name, self.protocols) {
            // The code of a problem by itself: rows that have it.
            Err(_) if codes::is_code(&name, self.protocols) && self.ends_here() => {
                let condition = Condition::Name(vec![name]);
                return Ok(Test { subject: Subject::Column(Column::Problems), condition });
            }
            subject => subject.map_err(|what| Fault::new(place, what.to_string()))?,
        };
        let condition = self.condition(&subject)?;
        Ok(Test { subject, condition })
    }

    /// The operator and value after a subject; without one, that it exists.
    fn condition(&mut self, subject: &Subject) -> Result<Condition, Fault> {
        let place = self.place();
        if self.takes("==") || self.takes("=") {
            return self.equals(subject);
        }
        if self.takes("!=") {
            return Ok(Condition::Other(Box::new(self.equals(subject)?)));
        }
        for (sign, interval) in ORDERS {
            if self.takes(sign) {
                return self.ordered(subject, place, interval);
            }
        }
        if self.takes_word("in") {
            let set = self.set()?;
            return operand::is_among(subject, set, self.protocols);
        }
        if self.takes_word("contains") {
            let (literal, range) = self.literal()?;
            return operand::contains(subject, literal, range, self.protocols);
        }
        if self.takes_word("matches") || self.takes("~") {
            let (literal, range) = self.literal()?;
            return operand::matches(subject, &literal, range);
        }
        match self.peek() {
            Some(Token::Word(word)) if !is_joint(word) => {
                let help = suggestion(word, ["in", "contains", "matches", "and", "or"]);
                Err(Fault::new(place, format!("'{word}' is not an operator{help}")))
            }
            Some(Token::Text(_) | Token::Bytes(_)) => {
                Err(Fault::new(place, "an operator such as == or contains is missing before this"))
            }
            _ => Ok(Condition::Exists),
        }
    }

    fn equals(&mut self, subject: &Subject) -> Result<Condition, Fault> {
        let (literal, range) = self.literal()?;
        operand::is_among(subject, vec![(Interval::just(literal), range)], self.protocols)
    }

    fn ordered(
        &mut self,
        subject: &Subject,
        operator: Range<usize>,
        interval: MakeInterval,
    ) -> Result<Condition, Fault> {
        operand::check_order(subject, operator)?;
        let (literal, range) = self.literal()?;
        operand::is_among(subject, vec![(interval(literal), range)], self.protocols)
    }

    /// Whether a test is complete here.
    fn ends_here(&self) -> bool {
        match self.peek() {
            None => true,
            Some(Token::Word(word)) => is_joint(word),
            Some(Token::Text(_) | Token::Bytes(_)) => false,
            Some(Token::Sign(sign)) => matches!(*sign, ")" | "&&" | "||"),
        }
    }

    fn literal(&mut self) -> Result<(Literal, Range<usize>), Fault> {
        let place = self.place();
        let literal = match self.peek() {
            Some(Token::Word(word)) => Literal::Word(word.clone()),
            Some(Token::Text(text)) => Literal::Text(text.clone()),
            Some(Token::Bytes(bytes)) => Literal::Bytes(bytes.clone()),
            _ => return Err(Fault::new(place, "a value is missing here")),
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
        Err(Fault::new(missing, "a ',' or the '}' of a set is missing"))
    }

    fn member(&mut self) -> Result<Member, Fault> {
        let (literal, range) = self.literal()?;
        let interval = match &literal {
            Literal::Word(word) if word.contains("..") => {
                let (low, high) = word.split_once("..").unwrap_or((word, ""));
                let end = |end: &str| (!end.is_empty()).then(|| (Literal::Word(end.to_owned()), true));
                Interval { low: end(low), high: end(high) }
            }
            _ => Interval::just(literal),
        };
        Ok((interval, range))
    }
}

/// Makes the interval on one side of a value.
type MakeInterval = fn(Literal) -> Interval<Literal>;

/// The operators of order, and what they make of a value. Longer signs are other tokens.
const ORDERS: [(&str, MakeInterval); 4] = [
    ("<", |value| Interval { low: None, high: Some((value, false)) }),
    ("<=", |value| Interval { low: None, high: Some((value, true)) }),
    (">", |value| Interval { low: Some((value, false)), high: None }),
    (">=", |value| Interval { low: Some((value, true)), high: None }),
];

/// Whether a word joins two tests.
fn is_joint(word: &str) -> bool {
    ["and", "or"].iter().any(|joint| word.eq_ignore_ascii_case(joint))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (Range<usize>, String) {
        let fault = parse(text, &framescope_parser::built_in()).unwrap_err();
        (fault.range, fault.text)
    }

    #[test]
    fn what_is_missing_or_too_much_is_marked_where_it_is() {
        for (text, range, what) in [
            ("", 0..0, "the expression is empty"),
            ("kind ==", 7..7, "a value is missing here"),
            ("kind == DATA and", 16..16, "a test is missing at the end"),
            ("(kind == DATA", 0..1, "the ')' for a '(' is missing"),
            ("kind == DATA)", 12..13, "no '(' opens this ')'"),
            ("kind in {DATA", 8..9, "a ',' or the '}' of a set is missing"),
            ("kind == DATA row == 1", 13..16, "'and' or 'or' is missing before this"),
            ("row \"1\"", 4..7, "an operator such as == or contains is missing"),
            ("row contians 1", 4..12, "'contians' is not an operator; did you mean 'contains'?"),
            ("kind < DATA", 5..6, "'kind' has no order"),
        ] {
            let (found, sentence) = fault(text);
            assert!(found == range && sentence.starts_with(what), "{text}: {sentence} at {found:?}");
        }
    }

    #[test]
    fn expressions_nest_to_a_limit() {
        let nested = |depth: usize| "(".repeat(depth) + "row" + &")".repeat(depth);
        assert!(parse(&nested(MAX_DEPTH), &[]).is_ok());
        assert!(fault(&nested(MAX_DEPTH + 1)).1.contains("nested more than 100 deep"));
        assert!(fault(&"not ".repeat(100_000)).1.contains("nested more than 100 deep"));
    }

    #[test]
    fn and_binds_tighter_than_or() {
        let Ok(Expression::Any(parts)) = parse("row or flow and length", &[]) else { panic!("no 'or'") };
        assert!(matches!(&parts[..], [Expression::Test(_), Expression::All(inner)] if inner.len() == 2));
    }
}
