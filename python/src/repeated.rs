//! Which fields of a protocol may occur several times, so that such a field is a list however often it occurs in a message.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use framescope_parser::{FieldShape, Protocol};

/// The fields of one protocol.
#[derive(Debug, Default)]
pub(crate) struct Repeated {
    /// Their places: the hashes of their paths.
    places: HashSet<u64>,
    paths: HashSet<String>,
}

/// The place outside all fields.
pub(crate) const OUTSIDE: u64 = 0;

/// The place of a field in another. Two places that are taken for one make a list of a single value.
#[inline]
pub(crate) fn place(around: u64, name: &str) -> u64 {
    // FNV-1a, by the words of a name.
    const PRIME: u64 = 0x0100_0000_01B3;
    let (words, rest) = name.as_bytes().as_chunks::<8>();
    let start = (around ^ name.len() as u64).wrapping_mul(PRIME).rotate_left(29);
    let hash = words
        .iter()
        .fold(start, |hash, word| (hash ^ u64::from_le_bytes(*word)).wrapping_mul(PRIME).rotate_left(29));
    rest.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

impl Repeated {
    /// Those of a protocol, as far as it says what its fields are.
    fn of(protocol: &dyn Protocol) -> Repeated {
        let mut repeated = Repeated::default();
        repeated.add(&protocol.shape().unwrap_or_default(), OUTSIDE, "");
        repeated
    }

    fn add(&mut self, fields: &[FieldShape], around: u64, above: &str) {
        for field in fields {
            let at = place(around, &field.name);
            let path = if above.is_empty() { field.name.clone() } else { format!("{above}.{}", field.name) };
            self.add(&field.fields, at, &path);
            if field.repeated {
                self.places.insert(at);
                self.paths.insert(path);
            }
        }
    }

    /// Whether there are none, so that nothing need be looked up.
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether the field at a place may occur several times.
    pub(crate) fn is_at(&self, place: u64) -> bool {
        self.places.contains(&place)
    }

    /// The same of the field at a path.
    pub(crate) fn is_path(&self, path: &str) -> bool {
        self.paths.contains(path)
    }
}

/// The repeated fields of the protocols that are spoken, by where in memory each is: they stay there as long as this.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<usize, Arc<Repeated>>>);

impl Known {
    /// Those of a protocol.
    pub(crate) fn of(&self, protocol: &dyn Protocol) -> Arc<Repeated> {
        let at = std::ptr::from_ref(protocol).cast::<()>().addr();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(at).or_insert_with(|| Arc::new(Repeated::of(protocol))))
    }
}
