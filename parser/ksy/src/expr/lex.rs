//! Splits the text of an expression into tokens.

use super::SyntaxError;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Int(i128),
    Float(f64),
    Str(String),
    Format(Vec<FormatPart>),
    Name(String),
    Sign(&'static str),
    End,
}

/// A part of a text with expressions in it, and the character that it begins at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FormatPart {
    Text(String, u32),
    /// An expression between braces, not split yet.
    Expression(String, u32),
}

impl Token {
    pub(crate) fn written(&self) -> String {
        match self {
            Token::Int(n) => n.to_string(),
            Token::Float(n) => n.to_string(),
            Token::Str(_) | Token::Format(_) => "text".into(),
            Token::Name(name) => format!("'{name}'"),
            Token::Sign(sign) => format!("'{sign}'"),
            Token::End => "the end".into(),
        }
    }
}

/// Longer ones first, so that the first match is the longest.
const SIGNS: [&str; 28] = [
    "<<", ">>", "<=", ">=", "==", "!=", "::", "(", ")", "[", "]", "<", ">", ".", ",", "?", ":", "+", "-",
    "*", "/", "%", "&", "|", "^", "~", "{", "}",
];

/// Splits a text; the last token is [`Token::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<(Token, u32)>, SyntaxError> {
    let mut lexer = Lexer { characters: text.chars().collect(), at: 0 };
    let mut tokens = Vec::new();
    loop {
        while lexer.peek().is_some_and(char::is_whitespace) {
            lexer.at += 1;
        }
        let at = u32::try_from(lexer.at).unwrap_or(u32::MAX);
        let Some(first) = lexer.peek() else {
            tokens.push((Token::End, at));
            return Ok(tokens);
        };
        let token = match first {
            'f' if lexer.ahead(1) == Some('"') => {
                lexer.at += 2;
                Token::Format(lexer.format(at)?)
            }
            '"' => {
                lexer.at += 1;
                Token::Str(lexer.quoted(at)?)
            }
            '\'' => {
                lexer.at += 1;
                let text: String = lexer.take_while(|c| c != '\'');
                if lexer.peek().is_none() {
                    return Err(SyntaxError::new(at, "the text beginning with ' is not closed"));
                }
                lexer.at += 1;
                Token::Str(text)
            }
            '0'..='9' => lexer.number(at)?,
            '.' if lexer.ahead(1).is_some_and(|c| c.is_ascii_digit()) => lexer.number(at)?,
            'a'..='z' | 'A'..='Z' | '_' => {
                Token::Name(lexer.take_while(|c| c.is_ascii_alphanumeric() || c == '_'))
            }
            _ => {
                let sign = SIGNS.iter().find(|sign| lexer.starts_with(sign));
                let Some(sign) = sign else {
                    let hint = match first {
                        '=' => "; did you mean '=='?",
                        '!' => "; did you mean 'not'?",
                        _ => "",
                    };
                    return Err(SyntaxError::new(
                        at,
                        format!("'{first}' is not part of any expression{hint}"),
                    ));
                };
                lexer.at += sign.len();
                if *sign == "&" && lexer.peek() == Some('&') {
                    return Err(SyntaxError::new(at, "'&&' is not an operator; did you mean 'and'?"));
                }
                if *sign == "|" && lexer.peek() == Some('|') {
                    return Err(SyntaxError::new(at, "'||' is not an operator; did you mean 'or'?"));
                }
                Token::Sign(sign)
            }
        };
        tokens.push((token, at));
    }
}

struct Lexer {
    characters: Vec<char>,
    at: usize,
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn ahead(&self, by: usize) -> Option<char> {
        self.characters.get(self.at + by).copied()
    }

    fn starts_with(&self, sign: &str) -> bool {
        sign.chars().enumerate().all(|(i, c)| self.ahead(i) == Some(c))
    }

    fn take_while(&mut self, goes_on: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.peek().filter(|&c| goes_on(c)) {
            taken.push(c);
            self.at += 1;
        }
        taken
    }

    fn number(&mut self, at: u32) -> Result<Token, SyntaxError> {
        let from = self.at;
        let based =
            self.peek() == Some('0') && matches!(self.ahead(1), Some('x' | 'X' | 'o' | 'O' | 'b' | 'B'));
        if based {
            self.at += 2;
            self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        } else {
            self.take_while(|c| c.is_ascii_digit() || c == '_');
            let mut float = false;
            // A name after the point is a method's: `1.to_s`.
            if self.peek() == Some('.') && !self.ahead(1).is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            {
                float = true;
                self.at += 1;
                self.take_while(|c| c.is_ascii_digit() || c == '_');
            }
            let exponent = usize::from(matches!(self.ahead(1), Some('+' | '-'))) + 1;
            if matches!(self.peek(), Some('e' | 'E'))
                && self.ahead(exponent).is_some_and(|c| c.is_ascii_digit())
            {
                float = true;
                self.at += exponent;
                self.take_while(|c| c.is_ascii_digit());
            }
            if float {
                let text: String = self
                    .characters
                    .get(from..self.at)
                    .unwrap_or_default()
                    .iter()
                    .filter(|&&c| c != '_')
                    .collect();
                let value =
                    text.parse().map_err(|_| SyntaxError::new(at, format!("'{text}' is not a number")))?;
                return Ok(Token::Float(value));
            }
        }
        let text: String = self.characters.get(from..self.at).unwrap_or_default().iter().collect();
        let value = crate::yaml::integer(&text);
        value.map(Token::Int).ok_or_else(|| SyntaxError::new(at, format!("'{text}' is not a number")))
    }

    /// The character that an escape means; its backslash was read.
    fn escape(&mut self) -> Result<char, SyntaxError> {
        let at = u32::try_from(self.at).unwrap_or(u32::MAX);
        let escape = self.peek().ok_or_else(|| SyntaxError::new(at, "the text ends with a backslash"))?;
        self.at += 1;
        Ok(match escape {
            'a' => '\u{7}',
            'b' => '\u{8}',
            't' => '\t',
            'n' => '\n',
            'v' => '\u{b}',
            'f' => '\u{c}',
            'r' => '\r',
            'e' => '\u{1b}',
            '0'..='7' => {
                self.at -= 1;
                let digits: String = (0..3).map_while(|i| self.ahead(i).filter(|c| c.is_digit(8))).collect();
                self.at += digits.len();
                u32::from_str_radix(&digits, 8).ok().and_then(char::from_u32).unwrap_or('\0')
            }
            'u' => {
                let digits: String =
                    (0..4).map_while(|i| self.ahead(i).filter(char::is_ascii_hexdigit)).collect();
                self.at += digits.len();
                let character = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
                character.and_then(char::from_u32).ok_or_else(|| {
                    SyntaxError::new(at, "\\u is followed by four hexadecimal digits of a character")
                })?
            }
            '"' | '\'' | '\\' | '{' | '}' => escape,
            _ => {
                return Err(SyntaxError::new(
                    at,
                    format!("'\\{escape}' is not an escape; a backslash itself is '\\\\'"),
                ));
            }
        })
    }

    fn quoted(&mut self, begun: u32) -> Result<String, SyntaxError> {
        let mut text = String::new();
        loop {
            let c = self
                .peek()
                .ok_or_else(|| SyntaxError::new(begun, "the text beginning with \" is not closed"))?;
            self.at += 1;
            match c {
                '"' => return Ok(text),
                '\\' => text.push(self.escape()?),
                _ => text.push(c),
            }
        }
    }

    fn format(&mut self, begun: u32) -> Result<Vec<FormatPart>, SyntaxError> {
        let mut parts = Vec::new();
        let mut text = String::new();
        loop {
            let at = u32::try_from(self.at).unwrap_or(u32::MAX);
            let c = self
                .peek()
                .ok_or_else(|| SyntaxError::new(begun, "the text beginning with f\" is not closed"))?;
            self.at += 1;
            match c {
                '"' | '{' if !text.is_empty() => {
                    parts.push(FormatPart::Text(std::mem::take(&mut text), at));
                    self.at -= 1;
                }
                '"' => return Ok(parts),
                '{' => {
                    let (mut open, mut inner, mut quote) = (1, String::new(), None);
                    loop {
                        let c =
                            self.peek().ok_or_else(|| SyntaxError::new(at, "the { is not closed by a }"))?;
                        self.at += 1;
                        match (quote, c) {
                            (None, '{') => open += 1,
                            (None, '}') => open -= 1,
                            (None, '"' | '\'') => quote = Some(c),
                            (Some(q), _) if q == c => quote = None,
                            _ => {}
                        }
                        if open == 0 {
                            break;
                        }
                        inner.push(c);
                    }
                    parts.push(FormatPart::Expression(inner, at + 1));
                }
                '\\' => text.push(self.escape()?),
                _ => text.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Token, tokens};

    fn kinds(text: &str) -> Vec<Token> {
        tokens(text).unwrap().into_iter().map(|(token, _)| token).collect()
    }

    #[test]
    fn the_longest_sign_wins_and_numbers_keep_their_base() {
        let name = |name: &str| Token::Name(name.into());
        assert_eq!(
            kinds("a<<0x1f>=b.c"),
            [
                name("a"),
                Token::Sign("<<"),
                Token::Int(31),
                Token::Sign(">="),
                name("b"),
                Token::Sign("."),
                name("c"),
                Token::End
            ]
        );
        assert_eq!(kinds("1_000 2.5e1"), [Token::Int(1000), Token::Float(25.0), Token::End]);
    }

    #[test]
    fn a_number_may_begin_or_end_with_its_point_and_a_name_after_it_is_a_method() {
        assert_eq!(kinds("24000. .5"), [Token::Float(24000.0), Token::Float(0.5), Token::End]);
        assert_eq!(kinds("3.*2"), [Token::Float(3.0), Token::Sign("*"), Token::Int(2), Token::End]);
        let method = [Token::Int(3), Token::Sign("."), Token::Name("to_s".into()), Token::End];
        assert_eq!(kinds("3.to_s"), method);
    }

    #[test]
    fn escapes_are_for_double_quotes_only() {
        assert_eq!(kinds(r#""\u0041""#), [Token::Str("A".into()), Token::End]);
        assert_eq!(kinds(r"'\n'"), [Token::Str(r"\n".into()), Token::End]);
    }

    #[test]
    fn an_error_is_at_the_character_where_it_begins() {
        for (text, at) in [("a = 1", 2), ("1 && 2", 2), ("  \"open", 2), ("ä + 1", 0), ("0xzz", 0)] {
            assert_eq!(tokens(text).unwrap_err().at, at, "{text}");
        }
    }
}
