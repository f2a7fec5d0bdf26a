//! The expression language: text becomes a tree in which names are not resolved yet.

mod lex;
mod parse;

pub(crate) use parse::{parse, parse_arguments, parse_type};

/// An expression, and the index of the character where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ast {
    pub(crate) at: u32,
    pub(crate) node: AstNode,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AstNode {
    Int(i128),
    Float(f64),
    Bool(bool),
    Str(String),
    /// `f"…"`: text and expressions joined.
    Format(Vec<Ast>),
    List(Vec<Ast>),
    Name(String),
    /// `a::b::c`: an enumeration's member, or a type.
    Path(Vec<String>),
    Member(Box<Ast>, String),
    Call(Box<Ast>, String, Vec<Ast>),
    Index(Box<Ast>, Box<Ast>),
    Cast(Box<Ast>, TypeName),
    /// `sizeof<T>`, in bytes, or `bitsizeof<T>`.
    SizeOf(TypeName, bool),
    Unary(Unary, Box<Ast>),
    Binary(Binary, Box<Ast>, Box<Ast>),
    Ternary(Box<Ast>, Box<Ast>, Box<Ast>),
}

/// A type as it is written: `u4`, `a::b`, `u1[]`, with arguments where it takes any.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TypeName {
    pub(crate) path: Vec<String>,
    /// Whether it begins with `::`, at the outermost type.
    pub(crate) absolute: bool,
    pub(crate) is_array: bool,
    pub(crate) arguments: Vec<Ast>,
}

impl TypeName {
    pub(crate) fn written(&self) -> String {
        format!(
            "{}{}{}",
            if self.absolute { "::" } else { "" },
            self.path.join("::"),
            if self.is_array { "[]" } else { "" }
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Minus,
    Not,
    Invert,
}

impl Unary {
    /// The result for a whole number.
    pub(crate) fn of_integer(self, n: i128) -> Option<i128> {
        match self {
            Unary::Minus => n.checked_neg(),
            Unary::Invert => Some(!n),
            Unary::Not => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    BitOr,
    BitXor,
    BitAnd,
    Left,
    Right,
    Plus,
    Minus,
    Times,
    Divide,
    Modulo,
}

impl Binary {
    /// The result for two numbers; comparisons yield 1 or 0. None if it does not fit or is not plain. For booleans the left
    /// operand was evaluated already.
    #[inline]
    pub(crate) fn of_plain(self, a: i64, b: i64) -> Option<i64> {
        Some(match self {
            Binary::And | Binary::Or => b,
            Binary::Equal => (a == b).into(),
            Binary::NotEqual => (a != b).into(),
            Binary::Less => (a < b).into(),
            Binary::LessEqual => (a <= b).into(),
            Binary::Greater => (a > b).into(),
            Binary::GreaterEqual => (a >= b).into(),
            Binary::Plus => a.checked_add(b)?,
            Binary::Minus => a.checked_sub(b)?,
            Binary::Times => a.checked_mul(b)?,
            Binary::Divide if a >= 0 && b > 0 => a / b,
            Binary::Modulo if a >= 0 && b > 0 => a % b,
            Binary::BitAnd => a & b,
            Binary::BitOr => a | b,
            Binary::BitXor => a ^ b,
            Binary::Left if (0..31).contains(&b) => a.checked_mul(1 << b)?,
            Binary::Right if (0..64).contains(&b) => a >> b,
            _ => return None,
        })
    }

    /// The result of an arithmetic operator for whole numbers of any size; none if it does not exist or needs more than 128 bits.
    pub(crate) fn of_integers(self, a: i128, b: i128) -> Option<i128> {
        match self {
            Binary::Plus => a.checked_add(b),
            Binary::Minus => a.checked_sub(b),
            Binary::Times => a.checked_mul(b),
            // Rounded down, as most of the language's targets do.
            Binary::Divide => {
                let quotient = a.checked_div(b)?;
                Some(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
            }
            Binary::Modulo => {
                let rest = a.checked_rem(b)?;
                Some(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
            }
            Binary::BitOr => Some(a | b),
            Binary::BitXor => Some(a ^ b),
            Binary::BitAnd => Some(a & b),
            Binary::Left => u32::try_from(b).ok().filter(|&b| b < 127).and_then(|b| a.checked_mul(1 << b)),
            Binary::Right => u32::try_from(b).ok().map(|b| a >> b.min(127)),
            _ => None,
        }
    }

    pub(crate) fn sign(self) -> &'static str {
        match self {
            Binary::Or => "or",
            Binary::And => "and",
            Binary::Equal => "==",
            Binary::NotEqual => "!=",
            Binary::Less => "<",
            Binary::LessEqual => "<=",
            Binary::Greater => ">",
            Binary::GreaterEqual => ">=",
            Binary::BitOr => "|",
            Binary::BitXor => "^",
            Binary::BitAnd => "&",
            Binary::Left => "<<",
            Binary::Right => ">>",
            Binary::Plus => "+",
            Binary::Minus => "-",
            Binary::Times => "*",
            Binary::Divide => "/",
            Binary::Modulo => "%",
        }
    }
}

/// Why text is not an expression, and the index of the character.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SyntaxError {
    pub(crate) at: u32,
    pub(crate) text: String,
}

impl SyntaxError {
    pub(crate) fn new(at: u32, text: impl Into<String>) -> SyntaxError {
        SyntaxError { at, text: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::Binary;

    #[test]
    fn whole_numbers_beyond_64_bits_are_exact_or_too_large() {
        let two_to_100 = Binary::Left.of_integers(1, 100).unwrap();
        assert_eq!(two_to_100.to_string(), "1267650600228229401496703205376");
        assert_eq!(Binary::Times.of_integers(u64::MAX.into(), u64::MAX.into()), None);
        assert_eq!(Binary::Divide.of_integers(i128::MIN, -1), None);
        assert_eq!(
            (Binary::Divide.of_integers(-7, 2), Binary::Modulo.of_integers(-7, 3)),
            (Some(-4), Some(2))
        );
        assert_eq!(Binary::Modulo.of_integers(1, 0), None);
    }
}
