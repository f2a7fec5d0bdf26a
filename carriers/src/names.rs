//! Names of fields that messages give themselves: of header fields in lower case, of members of unpacked JSON.
//!
//! A field's name lives as long as its message. Where it is not a stretch of that, it is stored here, once for the whole program.
//! What is stored is bounded: of names beyond that none is known.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

/// Longer names are not stored.
const MAX_LENGTH: usize = 128;
/// How many bytes of names are stored at most.
const MAX_BYTES: usize = 1 << 20;

#[derive(Default)]
struct Stored {
    names: HashSet<&'static str>,
    bytes: usize,
}

static STORED: RwLock<Option<Stored>> = RwLock::new(None);

/// The name, for as long as the program runs; None if it is long, or too many others are stored.
pub(crate) fn stored(name: &str) -> Option<&'static str> {
    let known = STORED.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.as_ref().and_then(|stored| stored.names.get(name)) {
        return Some(known);
    }
    drop(known);
    let mut stored = STORED.write().unwrap_or_else(PoisonError::into_inner);
    let stored = stored.get_or_insert_with(Stored::default);
    if let Some(known) = stored.names.get(name) {
        return Some(known);
    }
    if name.len() > MAX_LENGTH || stored.bytes + name.len() > MAX_BYTES {
        return None;
    }
    let new: &'static str = Box::leak(Box::from(name));
    stored.bytes += new.len();
    stored.names.insert(new);
    Some(new)
}

/// The name in lower case, where that can be stored; else as it is.
pub(crate) fn lower_case(name: &str) -> &str {
    if !name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return name;
    }
    stored(&name.to_ascii_lowercase()).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_stored_once() {
        let (one, other) = (stored("x-one"), stored(&String::from("x-one")));
        assert!(one.is_some() && core::ptr::eq(one.unwrap(), other.unwrap()));
        assert_eq!(lower_case("X-One"), "x-one");
        assert_eq!(stored(&"x".repeat(MAX_LENGTH + 1)), None);
        assert_eq!(lower_case(&"X".repeat(200)).len(), 200);
    }
}
