//! Kinds of values.

use crate::plan::{Computed, EnumId};
use std::rc::Rc;

use crate::load::Loader;
use crate::plan::TypeId;

/// A kind of value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ty {
    Unknown,
    Int,
    Float,
    Bool,
    Str,
    Bytes,
    Enum(EnumId),
    Obj(TypeId),
    Arr(Rc<Ty>),
    Io,
}

impl Ty {
    pub(in crate::load) fn what(&self, loader: &Loader) -> String {
        match self {
            Ty::Unknown => "a value".into(),
            Ty::Int => "a whole number".into(),
            Ty::Float => "a floating-point number".into(),
            Ty::Bool => "a boolean".into(),
            Ty::Str => "text".into(),
            Ty::Bytes => "bytes".into(),
            Ty::Enum(of) => format!("a member of the enum {}", loader.plan.enum_of(*of).name),
            Ty::Obj(id) => format!("a structure of the type {}", loader.plan.type_of(*id).name),
            Ty::Arr(_) => "a list".into(),
            Ty::Io => "a stream".into(),
        }
    }

    /// What a computed value of this kind is; of a list, each item.
    pub(in crate::load) fn computed(&self) -> Computed {
        match self {
            Ty::Int => Computed::Int,
            Ty::Float => Computed::Float,
            Ty::Bool => Computed::Bool,
            Ty::Str => Computed::Str,
            Ty::Bytes => Computed::Bytes,
            Ty::Enum(of) => Computed::Enum(*of),
            Ty::Obj(_) => Computed::Structure,
            Ty::Arr(item) => item.computed(),
            Ty::Unknown | Ty::Io => Computed::Unknown,
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Ty::Int | Ty::Float | Ty::Unknown)
    }

    /// Whether a value of one kind can be equal to one of the other, as far as is known.
    pub(in crate::load) fn is_like(&self, other: &Ty) -> bool {
        match (self, other) {
            (Ty::Unknown, _) | (_, Ty::Unknown) => true,
            (Ty::Int | Ty::Float, Ty::Int | Ty::Float) | (Ty::Obj(_), Ty::Obj(_)) => true,
            (Ty::Bytes, Ty::Arr(_)) | (Ty::Arr(_), Ty::Bytes | Ty::Arr(_)) => true,
            _ => self == other,
        }
    }

    /// The methods of such a value.
    pub(super) fn methods(&self) -> &'static [&'static str] {
        match self {
            Ty::Int => &["to_s", "to_i"],
            Ty::Float | Ty::Enum(_) | Ty::Bool => &["to_i", "to_s"],
            Ty::Str => &["length", "reverse", "substring", "to_i", "to_s"],
            Ty::Bytes => &["length", "size", "first", "last", "min", "max", "to_s"],
            Ty::Arr(_) => &["size", "first", "last", "min", "max"],
            Ty::Io => &["eof", "size", "pos"],
            Ty::Unknown | Ty::Obj(_) => &[],
        }
    }
}

/// The kind of a built-in type.
pub(crate) fn builtin(name: &str) -> Option<Ty> {
    Some(match name {
        "bytes" => Ty::Bytes,
        "str" | "strz" => Ty::Str,
        "bool" | "b1" | "b1le" | "b1be" => Ty::Bool,
        "io" => Ty::Io,
        "struct" | "any" => Ty::Unknown,
        _ => {
            let rest = name.strip_suffix("le").or(name.strip_suffix("be")).unwrap_or(name);
            match rest {
                "u1" | "u2" | "u4" | "u8" | "s1" | "s2" | "s4" | "s8" => Ty::Int,
                "f4" | "f8" => Ty::Float,
                _ => {
                    let bits: u8 = rest.strip_prefix('b')?.parse().ok()?;
                    (1..=64).contains(&bits).then_some(Ty::Int)?
                }
            }
        }
    })
}
