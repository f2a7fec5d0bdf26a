//! Reading by position, by as many reads as it takes.

use std::io;

/// Bytes that are read by position, from several threads at once: what remote storage, an archive or a generator of
/// captures implements to be a [`Source`](super::Source). Functions of an offset and a buffer implement it.
pub trait ReadAt: Send + Sync {
    /// Reads bytes from `offset` on into the beginning of `buffer`, and returns how many: fewer than fit if that is easier,
    /// and none only where no bytes follow. What was read once is the same when it is read again.
    ///
    /// # Errors
    /// The bytes can't be read; the caller gets the error unchanged. After [`Interrupted`](io::ErrorKind::Interrupted) they
    /// are requested again.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl<F: Fn(u64, &mut [u8]) -> io::Result<usize> + Send + Sync> ReadAt for F {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self(offset, buffer)
    }
}

/// Fills `buffer` with the bytes from `offset` on by as many reads as it takes, and returns how many there are: fewer only
/// where the end is reached.
pub(super) fn fill(
    offset: u64,
    buffer: &mut [u8],
    read_at: impl Fn(u64, &mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..)
        && !rest.is_empty()
    {
        let requested = rest.len();
        match read_at(offset + read as u64, rest) {
            Ok(0) => break,
            Ok(count) if count > requested => {
                let what =
                    format!("{count} bytes are said to have been read where {requested} were requested");
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
