//! Messages whose bytes are xored with a key that the conversation knows: they are read as the bytes that were meant,
//! at the places of those that were sent.

use framescope_parser::Code;

use crate::conversation::values::Stored;
use crate::plan::{IoId, Mask, ObjectId, Span, Val};
use crate::run::arena::{Io, Stop};
use crate::run::{Run, Scope};

impl Run<'_, '_> {
    /// The stream of the message. Of one of which bytes are missing, only what is before them is read.
    pub(crate) fn unmasked(&mut self, mask: Mask, open: bool) -> Result<IoId, Stop> {
        let key = self.mask_key(mask)?;
        let mut bytes = self.message.beginning().to_vec();
        self.spend(bytes.len() as u64 / 64)?;
        apply(&key, &mut bytes);
        // The key may have been put there.
        self.arena.made.clear();
        let made = self.make(&bytes)?;
        self.arena.set_origin(made, Span { buffer: Span::MESSAGE, ..made }, true);
        let Span { buffer, start, end } = made;
        Ok(self.arena.new_io(Io { buffer, base: start, end, pos: start, bit: 0, open }))
    }

    /// The key, turned so that it begins with the byte for the first one of the message.
    pub(crate) fn mask_key(&mut self, mask: Mask) -> Result<Vec<u8>, Stop> {
        let scope = Scope::of(ObjectId::ROOT);
        let val = self.eval(mask.key, &scope)?;
        let mut key = match val {
            Val::Int(key) => match u8::try_from(key) {
                Ok(key) => vec![key],
                Err(_) => {
                    return Err(self.wrong(Code::Conversion, format!("the xor key {key} is not a byte")));
                }
            },
            key => match self.as_bytes(key) {
                Some(key) => self.bytes(key).to_vec(),
                None => return Err(self.wrong(Code::Conversion, "an xor key must be a byte or bytes")),
            },
        };
        if let Some(phase) = mask.phase
            && !key.is_empty()
        {
            let Val::Int(done) = self.variable(phase)? else { return Ok(key) };
            let by = usize::try_from(done).unwrap_or(0) % key.len();
            key.rotate_left(by);
        }
        Ok(key)
    }
}

/// Xors bytes with a key, again and again.
pub(crate) fn apply(key: &[u8], bytes: &mut [u8]) {
    if !key.is_empty() {
        bytes.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    }
}

/// How many bytes a direction has sent in a state, after some more.
pub(crate) fn advanced(phase: &Stored, length: usize) -> Stored {
    let more = i64::try_from(length).ok();
    match (phase, more) {
        (Stored::Int(done), Some(more)) => done.checked_add(more).map_or(Stored::Unknown, Stored::Int),
        _ => Stored::Unknown,
    }
}
