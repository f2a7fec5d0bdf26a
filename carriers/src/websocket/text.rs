//! Whether a text that comes in pieces is UTF-8.

/// Takes a message piece by piece.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Utf8 {
    /// The beginning of a character that the last piece ended in.
    begun: [u8; 4],
    begun_length: usize,
    /// How many bytes were taken.
    taken: u64,
}

impl Utf8 {
    /// Takes the next piece. The place of the first byte that is not UTF-8 is an error.
    pub(super) fn take(&mut self, mut piece: &[u8]) -> Result<(), u64> {
        while self.begun_length > 0
            && let Some((&first, rest)) = piece.split_first()
        {
            let start = self.taken - self.begun_length as u64;
            if let Some(place) = self.begun.get_mut(self.begun_length) {
                *place = first;
            }
            let character = self.begun.get(..=self.begun_length).unwrap_or_default();
            self.taken += 1;
            piece = rest;
            match core::str::from_utf8(character) {
                Ok(_) => self.begun_length = 0,
                Err(error) if error.error_len().is_none() => self.begun_length += 1,
                Err(_) => return Err(start),
            }
        }
        let start = self.taken;
        self.taken += piece.len() as u64;
        let Err(error) = core::str::from_utf8(piece) else { return Ok(()) };
        let valid = error.valid_up_to();
        if error.error_len().is_some() {
            return Err(start + valid as u64);
        }
        for (place, byte) in self.begun.iter_mut().zip(piece.get(valid..).unwrap_or_default()) {
            *place = *byte;
        }
        self.begun_length = piece.len() - valid;
        Ok(())
    }

    /// The message has ended. A character that is cut is an error, at its place.
    pub(super) fn end(&self) -> Result<(), u64> {
        if self.begun_length == 0 { Ok(()) } else { Err(self.taken - self.begun_length as u64) }
    }
}

#[cfg(test)]
mod tests {
    use super::Utf8;

    fn check(pieces: &[&[u8]]) -> Result<(), u64> {
        let mut utf8 = Utf8::default();
        for piece in pieces {
            utf8.take(piece)?;
        }
        utf8.end()
    }

    #[test]
    fn wherever_a_text_is_cut_the_first_fault_is_at_the_same_place() {
        let texts: [&[u8]; 8] = [
            "aé说🎈z".as_bytes(),
            b"",
            b"ab\xff",
            b"ab\xe8\xaf",
            b"\xe8\xafx\xf0\x9f\x8e\x88",
            b"\xed\xa0\x80",
            b"\xc0\xaf",
            b"\xf0\x9f\x8e\x88\x80",
        ];
        for text in texts {
            let whole = std::str::from_utf8(text).map(|_| ()).map_err(|error| error.valid_up_to() as u64);
            assert_eq!(check(&[text]), whole);
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let pieces = [&text[..first], &text[first..second], &text[second..]];
                    assert_eq!(check(&pieces), whole, "{text:x?} at {first} and {second}");
                }
            }
        }
    }
}
