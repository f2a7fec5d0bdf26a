//! A parser as it might be written by hand: `A7`, a kind, a length, a body, and a CRC over everything before it,
//! little-endian.

/// One message.
#[derive(Debug, PartialEq)]
pub struct Message<'a> {
    /// Its contents.
    pub body: Body<'a>,
}

/// The contents of a message.
#[derive(Debug, PartialEq)]
pub enum Body<'a> {
    /// What a sensor measured.
    Reading { sensor: u16, values: Vec<i32> },
    /// A sensor's name.
    Name { sensor: u16, text: &'a str },
    /// The last message, with whatever its sender puts after it.
    Goodbye { rest: &'a [u8] },
}

/// Why bytes are not a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    Magic,
    Kind,
    TooLong,
    Body,
    Utf8,
    Check,
}

/// The message that `data` begins with and its length in bytes; None if it is not complete.
///
/// # Errors
/// What is wrong with it.
pub fn parse(data: &[u8]) -> Result<Option<(Message<'_>, usize)>, Error> {
    if data.first().is_some_and(|&magic| magic != 0xA7) {
        return Err(Error::Magic);
    }
    if data.get(1).is_some_and(|kind| !(1..=3).contains(kind)) {
        return Err(Error::Kind);
    }
    let Some(&[_, kind, low, high]) = data.first_chunk() else { return Ok(None) };
    let length = usize::from(u16::from_le_bytes([low, high]));
    if length > 512 {
        return Err(Error::TooLong);
    }
    let end = 4 + length;
    let (Some(body), Some(check)) = (data.get(4..end), data.get(end..end + 2)) else { return Ok(None) };
    if check != crc(&data[..end]).to_le_bytes() {
        return Err(Error::Check);
    }
    let body = match kind {
        1 => {
            let (sensor, rest) = sensor(body)?;
            let values = rest.chunks(4).map(|chunk| chunk.try_into().map(i32::from_le_bytes));
            Body::Reading { sensor, values: values.collect::<Result<_, _>>().map_err(|_| Error::Body)? }
        }
        2 => {
            let (sensor, rest) = sensor(body)?;
            let (&length, rest) = rest.split_first().ok_or(Error::Body)?;
            let text = rest.get(..length.into()).ok_or(Error::Body)?;
            Body::Name { sensor, text: std::str::from_utf8(text).map_err(|_| Error::Utf8)? }
        }
        _ => Body::Goodbye { rest: body },
    };
    Ok(Some((Message { body }, end + 2)))
}

fn sensor(body: &[u8]) -> Result<(u16, &[u8]), Error> {
    let (sensor, rest) = body.split_first_chunk().ok_or(Error::Body)?;
    Ok((u16::from_le_bytes(*sensor), rest))
}

/// CRC-16/KERMIT.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0x8408 } else { 0 })
    })
}
