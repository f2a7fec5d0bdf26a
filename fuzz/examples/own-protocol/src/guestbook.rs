//! A parser of the guest book's conversations, as its users might have written it. It knows nothing of Framescope.

/// What a client sends.
#[derive(Debug, PartialEq)]
pub enum Client<'a> {
    Hello {
        version: u8,
    },
    Request {
        kind: u8,
        number: u16,
        text: &'a str,
    },
    /// A piece of the file that is attached; the last is empty.
    File {
        data: &'a [u8],
    },
}

/// What a server sends.
#[derive(Debug, PartialEq)]
pub enum Server<'a> {
    Welcome { banner: &'a str },
    Reply { number: u16, status: u8 },
}

/// Why bytes are not a message.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused;

/// A message and its length in bytes; None if it is not complete.
pub type Parsed<M> = Result<Option<(M, usize)>, Refused>;

/// How far a conversation is.
#[derive(Debug, Default)]
pub struct Guestbook {
    /// Whether lengths have two bytes; None before the client said hello.
    wide: Option<bool>,
    is_attaching: bool,
    is_welcome: bool,
}

impl Guestbook {
    /// The message that `data`, which the client sent, begins with. It must be called with more until there is one.
    ///
    /// # Errors
    /// The bytes begin with none.
    pub fn client<'a>(&mut self, data: &'a [u8]) -> Parsed<Client<'a>> {
        let Some(wide) = self.wide else { return self.hello(data) };
        if self.is_attaching {
            return Ok(self.file(data));
        }
        if data.first().is_some_and(|kind| !(1..=3).contains(kind)) {
            return Err(Refused);
        }
        let Some((&[kind, high, low], rest)) = data.split_first_chunk() else { return Ok(None) };
        let (length, start) = match (wide, rest) {
            (true, &[high, low, ..]) => (u16::from_be_bytes([high, low]), 5),
            (false, &[length, ..]) => (length.into(), 4),
            _ => return Ok(None),
        };
        let end = start + usize::from(length);
        let Some(text) = data.get(start..end) else { return Ok(None) };
        let text = std::str::from_utf8(text).map_err(|_| Refused)?;
        self.is_attaching = kind == 3;
        Ok(Some((Client::Request { kind, number: u16::from_be_bytes([high, low]), text }, end)))
    }

    /// The same for what the server sent.
    ///
    /// # Errors
    /// The bytes begin with no message.
    pub fn server<'a>(&mut self, data: &'a [u8]) -> Parsed<Server<'a>> {
        if !self.is_welcome {
            let Some(end) = data.iter().position(|&byte| byte == b'\n') else { return Ok(None) };
            let banner = std::str::from_utf8(&data[..end]).map_err(|_| Refused)?;
            self.is_welcome = true;
            return Ok(Some((Server::Welcome { banner }, end + 1)));
        }
        let Some(&[high, low, status]) = data.first_chunk() else { return Ok(None) };
        Ok(Some((Server::Reply { number: u16::from_be_bytes([high, low]), status }, 3)))
    }

    fn hello<'a>(&mut self, data: &'a [u8]) -> Parsed<Client<'a>> {
        if !b"GB".iter().zip(data).all(|(wanted, byte)| wanted == byte) {
            return Err(Refused);
        }
        let Some(&[_, _, version]) = data.first_chunk() else { return Ok(None) };
        self.wide = Some(version >= 2);
        Ok(Some((Client::Hello { version }, 3)))
    }

    fn file<'a>(&mut self, data: &'a [u8]) -> Option<(Client<'a>, usize)> {
        let (length, rest) = data.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let data = rest.get(..length)?;
        self.is_attaching = length > 0;
        Some((Client::File { data }, 2 + length))
    }
}
