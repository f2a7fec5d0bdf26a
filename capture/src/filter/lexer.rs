//! From the text of an expression to its tokens, and text as an expression quotes it.

use std::ops::Range;

use super::error::Fault;

/// What an expression is made of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Text(String),
    Bytes(Vec<u8>),
    /// An operator such as `==`, a bracket or the comma.
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: [&str; 16] =
    ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "=", "!", "(", ")", "{", "}", ",", "~"];

/// The tokens of an expression, each with its bytes.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (token, length) = token(text, at, c)?;
        tokens.push((token, at..at + length));
        at += length;
    }
    Ok(tokens)
}

/// The token that begins at a byte with the character `c`, and its length.
fn token(text: &str, at: usize, c: char) -> Result<(Token, usize), Fault> {
    let rest = text.get(at..).unwrap_or_default();
    if c == '"' {
        let unclosed = || Fault::new(at..text.len(), "the closing '\"' is missing");
        return unquoted(rest).map(|(text, length)| (Token::Text(text), length)).ok_or_else(unclosed);
    }
    if let Some(inside) = rest.strip_prefix("x\"") {
        let unclosed = || Fault::new(at..text.len(), "the closing '\"' is missing");
        let end = inside.find('"').ok_or_else(unclosed)?;
        let length = end + 3;
        let not_hex = || {
            let what = "bytes are written in pairs of hexadecimal digits, such as x\"f5 4d\"";
            Fault::new(at..at + length, what)
        };
        let bytes = unhex(inside.get(..end).unwrap_or_default()).ok_or_else(not_hex)?;
        return Ok((Token::Bytes(bytes), length));
    }
    if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        return Ok((Token::Sign(sign), sign.len()));
    }
    let is_word = |c: char| c.is_alphanumeric() || "_.:-+/[]%*@#".contains(c);
    let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    if length == 0 {
        let hint = if c == '\'' { "; write text in double quotes" } else { "" };
        return Err(Fault::new(at..at + c.len_utf8(), format!("'{c}' means nothing here{hint}")));
    }
    Ok((Token::Word(rest.get(..length).unwrap_or_default().to_owned()), length))
}

/// The text in quotes that `rest` begins with, and its length with the quotes; None if no quote closes it.
fn unquoted(rest: &str) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, at + 1)),
            '\\' => match chars.next()?.1 {
                c @ ('"' | '\\') => out.push(c),
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                '0' => out.push('\0'),
                // A backslash before anything else is one of a regular expression.
                c => out.extend(['\\', c]),
            },
            c => out.push(c),
        }
    }
    None
}

/// Pairs of digits, with any of `: -` between the pairs.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | ':' | '-')).collect();
    framescope_parser::hex::decode(&digits)
}

/// A text in quotes, with escapes where it needs them.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A text as an expression writes it: in quotes unless it is one word.
///
/// ```
/// use framescope_capture::filter::written;
///
/// assert_eq!([written("LOGIN"), written("two words"), written("a \"b\"")], ["LOGIN", "\"two words\"", "\"a \\\"b\\\"\""]);
/// ```
pub fn written(text: &str) -> String {
    let is_word = matches!(tokens(text).as_deref(), Ok([(Token::Word(_), _)]));
    let is_keyword =
        ["and", "or", "not", "in", "contains", "matches"].iter().any(|word| text.eq_ignore_ascii_case(word));
    match is_word && !is_keyword && !text.contains("..") {
        true => text.to_owned(),
        false => quoted(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Token> {
        tokens(text).unwrap().into_iter().map(|(token, _)| token).collect()
    }

    #[test]
    fn words_signs_texts_and_bytes_are_distinguished() {
        let word = |word: &str| Token::Word(word.to_owned());
        assert_eq!(all("a.b<=0x2a"), [word("a.b"), Token::Sign("<="), word("0x2a")]);
        assert_eq!(all("{1..2,x\"f5:4D\"}").len(), 5);
        assert_eq!(all("x\"f5 4d\""), [Token::Bytes(vec![0xF5, 0x4D])]);
        assert_eq!(all("\"a\\n\\d\\\"\""), [Token::Text("a\n\\d\"".to_owned())]);
        assert_eq!(tokens(" µs ").unwrap()[0].1, 1..4);
    }

    #[test]
    fn a_fault_marks_what_is_wrong() {
        for (text, range) in [
            ("a 'b'", 2..3),
            ("a == \"b", 5..7),
            ("\"\\", 0..2),
            ("x\"f", 0..3),
            ("x\"fg\" ", 0..5),
            ("é€", 2..5),
        ] {
            assert_eq!(tokens(text).unwrap_err().range, range, "{text}");
        }
    }

    #[test]
    fn whatever_is_quoted_is_read_back_the_same() {
        for text in ["", "a \"b\" \\ \n\t\0 \u{1F600} and", "\\d\\n"] {
            assert_eq!(all(&quoted(text)), [Token::Text(text.to_owned())]);
        }
        assert_eq!([written("LOGIN"), written("or"), written("1..2")], ["LOGIN", "\"or\"", "\"1..2\""]);
    }
}
