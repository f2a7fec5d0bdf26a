//! Parses tokens into a tree by the precedence of the expression language (Python's, with `?:` below all).

use super::lex::{FormatPart, Token, tokens};
use super::{Ast, AstNode, Binary, SyntaxError, TypeName, Unary};

/// How deeply expressions may be nested.
const DEEPEST: u32 = 60;

/// Parses a text as one expression.
pub(crate) fn parse(text: &str) -> Result<Ast, SyntaxError> {
    parse_nested(text, 0, 0)
}

/// Parses an expression inside another's text, at a character of it.
fn parse_nested(text: &str, at: u32, nesting: u32) -> Result<Ast, SyntaxError> {
    if nesting > 4 {
        return Err(SyntaxError::new(at, "texts with expressions in them are nested too deeply"));
    }
    let shift = |error: SyntaxError| SyntaxError { at: error.at + at, ..error };
    let mut parser = Parser { tokens: tokens(text).map_err(shift)?, next: 0, depth: 0, nesting };
    let ast = parser.ternary().map_err(shift)?;
    parser.finish("an operator or the end").map_err(shift)?;
    Ok(ast)
}

/// Parses a text as a type, such as `u4`, `a::b(1, len)` or `u1[]`.
pub(crate) fn parse_type(text: &str) -> Result<TypeName, SyntaxError> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0, nesting: 0 };
    let mut name = parser.type_name()?;
    if parser.take("(") {
        name.arguments = parser.arguments(")")?;
    }
    parser.finish("the end of the type")?;
    Ok(name)
}

/// Parses a text as expressions with commas between them.
pub(crate) fn parse_arguments(text: &str) -> Result<Vec<Ast>, SyntaxError> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0, nesting: 0 };
    let mut arguments = Vec::new();
    while *parser.peek() != Token::End {
        arguments.push(parser.ternary()?);
        if !parser.take(",") {
            parser.finish("an operator or the end")?;
        }
    }
    Ok(arguments)
}

struct Parser {
    tokens: Vec<(Token, u32)>,
    next: usize,
    depth: u32,
    /// In how many texts the expression is.
    nesting: u32,
}

/// From the loosest binding to the tightest.
const LEVELS: [&[(&str, Binary)]; 6] = [
    &[("|", Binary::BitOr)],
    &[("^", Binary::BitXor)],
    &[("&", Binary::BitAnd)],
    &[("<<", Binary::Left), (">>", Binary::Right)],
    &[("+", Binary::Plus), ("-", Binary::Minus)],
    &[("*", Binary::Times), ("/", Binary::Divide), ("%", Binary::Modulo)],
];

const COMPARISONS: [(&str, Binary); 6] = [
    ("==", Binary::Equal),
    ("!=", Binary::NotEqual),
    ("<=", Binary::LessEqual),
    (">=", Binary::GreaterEqual),
    ("<", Binary::Less),
    (">", Binary::Greater),
];

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |(token, _)| token)
    }

    fn at(&self) -> u32 {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(0, |&(_, at)| at)
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn take(&mut self, sign: &str) -> bool {
        let there = matches!(self.peek(), Token::Sign(there) if *there == sign);
        self.next += usize::from(there);
        there
    }

    fn take_word(&mut self, word: &str) -> bool {
        let there = matches!(self.peek(), Token::Name(there) if there == word);
        self.next += usize::from(there);
        there
    }

    fn wanted(&self, what: &str) -> SyntaxError {
        SyntaxError::new(self.at(), format!("expected {what}, not {}", self.peek().written()))
    }

    fn need(&mut self, sign: &str) -> Result<(), SyntaxError> {
        if self.take(sign) { Ok(()) } else { Err(self.wanted(&format!("'{sign}'"))) }
    }

    fn finish(&self, what: &str) -> Result<(), SyntaxError> {
        if *self.peek() == Token::End { Ok(()) } else { Err(self.wanted(what)) }
    }

    /// Runs `inner` one level deeper.
    fn deeper<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(SyntaxError::new(self.at(), "the expression is nested too deeply"));
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn ternary(&mut self) -> Result<Ast, SyntaxError> {
        self.deeper(|parser| {
            let at = parser.at();
            let condition = parser.or()?;
            if !parser.take("?") {
                return Ok(condition);
            }
            let then = parser.ternary()?;
            parser.need(":")?;
            let otherwise = parser.ternary()?;
            Ok(Ast { at, node: AstNode::Ternary(condition.into(), then.into(), otherwise.into()) })
        })
    }

    /// Joins operands that `level` reads, while `operator` finds one between them.
    fn chain(
        &mut self,
        level: impl Fn(&mut Self) -> Result<Ast, SyntaxError>,
        operator: impl Fn(&mut Self) -> Option<Binary>,
    ) -> Result<Ast, SyntaxError> {
        let mut left = level(self)?;
        let mut length = 0;
        while let Some(found) = operator(self) {
            length += 1;
            if length > 200 {
                return Err(SyntaxError::new(self.at(), "the expression is too long"));
            }
            let right = level(self)?;
            left = Ast { at: left.at, node: AstNode::Binary(found, left.into(), right.into()) };
        }
        Ok(left)
    }

    fn or(&mut self) -> Result<Ast, SyntaxError> {
        self.chain(Self::and, |parser| parser.take_word("or").then_some(Binary::Or))
    }

    fn and(&mut self) -> Result<Ast, SyntaxError> {
        self.chain(Self::not, |parser| parser.take_word("and").then_some(Binary::And))
    }

    fn not(&mut self) -> Result<Ast, SyntaxError> {
        let at = self.at();
        if self.take_word("not") {
            let inner = self.deeper(Self::not)?;
            return Ok(Ast { at, node: AstNode::Unary(Unary::Not, inner.into()) });
        }
        let left = self.level(0)?;
        let found = COMPARISONS.iter().find(|(sign, _)| self.take(sign));
        let Some(&(_, operator)) = found else { return Ok(left) };
        let right = self.level(0)?;
        if COMPARISONS.iter().any(|(sign, _)| matches!(self.peek(), Token::Sign(there) if there == sign)) {
            return Err(SyntaxError::new(self.at(), "comparisons can't be chained; join two with 'and'"));
        }
        Ok(Ast { at, node: AstNode::Binary(operator, left.into(), right.into()) })
    }

    fn level(&mut self, level: usize) -> Result<Ast, SyntaxError> {
        let Some(operators) = LEVELS.get(level) else { return self.factor() };
        self.chain(
            |parser| parser.level(level + 1),
            |parser| operators.iter().find(|(sign, _)| parser.take(sign)).map(|&(_, operator)| operator),
        )
    }

    fn factor(&mut self) -> Result<Ast, SyntaxError> {
        let at = self.at();
        let operator = match self.peek() {
            Token::Sign("-") => Some(Unary::Minus),
            Token::Sign("~") => Some(Unary::Invert),
            Token::Sign("+") => None,
            _ => return self.postfix(),
        };
        self.next += 1;
        let inner = self.deeper(Self::factor)?;
        Ok(match (operator, inner) {
            (None, inner) => inner,
            (Some(Unary::Minus), Ast { node: AstNode::Int(n), .. }) => Ast { at, node: AstNode::Int(-n) },
            (Some(operator), inner) => Ast { at, node: AstNode::Unary(operator, inner.into()) },
        })
    }

    fn postfix(&mut self) -> Result<Ast, SyntaxError> {
        let mut inner = self.atom()?;
        let mut length = 0;
        loop {
            length += 1;
            if length > 100 {
                return Err(SyntaxError::new(self.at(), "the expression is too long"));
            }
            let at = self.at();
            if self.take(".") {
                let at = self.at();
                let Token::Name(name) = self.advance() else {
                    self.next -= 1;
                    return Err(self.wanted("a name"));
                };
                let node = if name == "as" && self.take("<") {
                    let target = self.type_name()?;
                    self.close_angle()?;
                    AstNode::Cast(inner.into(), target)
                } else if self.take("(") {
                    AstNode::Call(inner.into(), name, self.arguments(")")?)
                } else {
                    AstNode::Member(inner.into(), name)
                };
                inner = Ast { at, node };
            } else if self.take("[") {
                let index = self.ternary()?;
                self.need("]")?;
                inner = Ast { at, node: AstNode::Index(inner.into(), index.into()) };
            } else {
                return Ok(inner);
            }
        }
    }

    /// `>`, also where it is the first half of `>>` or `>=`.
    fn close_angle(&mut self) -> Result<(), SyntaxError> {
        let rest = match self.peek() {
            Token::Sign(">") => None,
            Token::Sign(">>") => Some(">"),
            _ => return Err(self.wanted("'>'")),
        };
        match (rest, self.tokens.get_mut(self.next)) {
            (Some(rest), Some(token)) => token.0 = Token::Sign(rest),
            _ => self.next += 1,
        }
        Ok(())
    }

    fn arguments(&mut self, end: &str) -> Result<Vec<Ast>, SyntaxError> {
        let mut arguments = Vec::new();
        while !self.take(end) {
            arguments.push(self.ternary()?);
            if !self.take(",") {
                self.need(end)?;
                break;
            }
        }
        Ok(arguments)
    }

    fn type_name(&mut self) -> Result<TypeName, SyntaxError> {
        let absolute = self.take("::");
        let mut path = Vec::new();
        loop {
            let Token::Name(name) = self.advance() else {
                self.next -= 1;
                return Err(self.wanted("a type's name"));
            };
            path.push(name);
            if !self.take("::") {
                break;
            }
        }
        let is_array = self.take("[");
        if is_array {
            self.need("]")?;
        }
        Ok(TypeName { path, absolute, is_array, arguments: Vec::new() })
    }

    fn format(&self, parts: Vec<FormatPart>) -> Result<Vec<Ast>, SyntaxError> {
        let part = |part| match part {
            FormatPart::Text(text, at) => Ok(Ast { at, node: AstNode::Str(text) }),
            FormatPart::Expression(text, at) => parse_nested(&text, at, self.nesting + 1),
        };
        parts.into_iter().map(part).collect()
    }

    fn atom(&mut self) -> Result<Ast, SyntaxError> {
        let at = self.at();
        let node = match self.advance() {
            Token::Int(n) => AstNode::Int(n),
            Token::Float(n) => AstNode::Float(n),
            Token::Str(mut text) => {
                while let Token::Str(more) = self.peek() {
                    text.push_str(more);
                    self.next += 1;
                }
                AstNode::Str(text)
            }
            Token::Format(parts) => AstNode::Format(self.format(parts)?),
            Token::Sign("(") => {
                let inner = self.ternary()?;
                self.need(")")?;
                return Ok(inner);
            }
            Token::Sign("[") => AstNode::List(self.deeper(|parser| parser.arguments("]"))?),
            Token::Sign("::") => {
                self.next -= 1;
                AstNode::Path(self.type_name()?.path)
            }
            Token::Name(name) => match name.as_str() {
                "true" => AstNode::Bool(true),
                "false" => AstNode::Bool(false),
                "sizeof" | "bitsizeof" if self.take("<") => {
                    let target = self.type_name()?;
                    self.close_angle()?;
                    AstNode::SizeOf(target, name == "bitsizeof")
                }
                _ if matches!(self.peek(), Token::Sign("::")) => {
                    self.next -= 1;
                    AstNode::Path(self.type_name()?.path)
                }
                _ => AstNode::Name(name),
            },
            _ => {
                self.next -= 1;
                return Err(self.wanted("a value"));
            }
        };
        Ok(Ast { at, node })
    }
}

#[cfg(test)]
mod tests {
    use super::{Ast, AstNode, parse, parse_type};

    /// An expression with all its parentheses.
    fn grouped(ast: &Ast) -> String {
        match &ast.node {
            AstNode::Int(n) => n.to_string(),
            AstNode::Name(name) => name.clone(),
            AstNode::Member(of, name) => format!("{}.{name}", grouped(of)),
            AstNode::Unary(operator, of) => format!("({operator:?} {})", grouped(of)),
            AstNode::Binary(operator, left, right) => {
                format!("({} {} {})", grouped(left), operator.sign(), grouped(right))
            }
            AstNode::Ternary(condition, then, otherwise) => {
                format!("({} ? {} : {})", grouped(condition), grouped(then), grouped(otherwise))
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn operators_bind_as_in_python() {
        for (text, expected) in [
            ("1 + 2 * 3", "(1 + (2 * 3))"),
            ("1 - 2 - 3", "((1 - 2) - 3)"),
            ("a & 1 == 2", "((a & 1) == 2)"),
            ("not a and b or c", "(((Not a) and b) or c)"),
            ("a ? b : c ? 1 : 2", "(a ? b : (c ? 1 : 2))"),
            ("-a.b << 1 | 2", "(((Minus a.b) << 1) | 2)"),
        ] {
            assert_eq!(grouped(&parse(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn a_cast_may_end_in_the_sign_of_a_shift() {
        assert!(matches!(parse("a.as<u1[]>.first >> 1").unwrap().node, AstNode::Binary(..)));
        assert!(matches!(parse("sizeof<b4>>1").unwrap().node, AstNode::Binary(super::Binary::Greater, ..)));
    }

    #[test]
    fn nesting_and_length_are_limited() {
        let deep = format!("{}1{}", "(".repeat(200), ")".repeat(200));
        assert!(parse(&deep).unwrap_err().text.contains("nested too deeply"));
        assert!(parse(&vec!["1"; 1000].join("+")).unwrap_err().text.contains("too long"));
        assert!(parse("1 < 2 < 3").unwrap_err().text.contains("join two with 'and'"));
    }

    #[test]
    fn a_type_has_a_path_arguments_and_may_be_an_array() {
        let name = parse_type("::a::b(1, c)").unwrap();
        assert_eq!((name.written().as_str(), name.absolute, name.arguments.len()), ("::a::b", true, 2));
        assert!(parse_type("u1[]").unwrap().is_array);
        assert_eq!(parse_type("a b").unwrap_err().at, 2);
    }
}
