//! Where a client wants to be connected to: SOCKS5 (RFC 1928) and HTTP CONNECT (RFC 9110, section 9.3.6).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address::Address;

/// How long a client may take to say where to.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest head of a request.
const MOST_HEAD: usize = 16 << 10;

/// How clients say where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// As SOCKS5.
    Socks5,
    /// As HTTP CONNECT.
    HttpConnect,
    /// As either: the first byte shows which.
    Any,
}

/// What a client was told it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Connected,
    /// It may not be connected to there.
    NotAllowed,
    /// No program listens there.
    Refused,
    Unreachable,
}

/// A client that waits to be connected.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) to: Address,
    is_socks: bool,
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Asking {
    /// Reads where a client wants to be connected to.
    pub(super) async fn read(self, client: &mut TcpStream) -> io::Result<Asked> {
        let reading = async {
            let mut first = [0];
            if client.peek(&mut first).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match (first, self) {
                ([5], Asking::Socks5 | Asking::Any) => socks(client).await,
                ([b'A'..=b'Z'], Asking::HttpConnect | Asking::Any) => http(client).await,
                ([4], _) => {
                    Err(wrong("it speaks SOCKS4; SOCKS5 is understood (socks5h:// in most programs)"))
                }
                (_, Asking::Socks5) => Err(wrong("it does not speak SOCKS5")),
                (_, Asking::HttpConnect) => Err(wrong("it does not speak HTTP")),
                _ => Err(wrong("it speaks neither SOCKS5 nor HTTP")),
            }
        };
        timeout(PATIENCE, reading).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

async fn socks(client: &mut TcpStream) -> io::Result<Asked> {
    let _version = client.read_u8().await?;
    let mut methods = vec![0; usize::from(client.read_u8().await?)];
    client.read_exact(&mut methods).await?;
    if !methods.contains(&0) {
        client.write_all(&[5, 0xFF]).await?;
        return Err(wrong("it wants to log in; let it use no name and no password"));
    }
    client.write_all(&[5, 0]).await?;
    let mut head = [0; 4];
    client.read_exact(&mut head).await?;
    let [version, command, _, address_type] = head;
    if version != 5 {
        return Err(wrong("its request is not one of SOCKS5"));
    }
    let host = match address_type {
        1 => Ipv4Addr::from(client.read_u32().await?).to_string(),
        4 => Ipv6Addr::from(client.read_u128().await?).to_string(),
        3 => {
            let mut name = vec![0; usize::from(client.read_u8().await?)];
            client.read_exact(&mut name).await?;
            String::from_utf8(name).map_err(|_| wrong("the name that it asks for is not text"))?
        }
        _ => {
            client.write_all(&socks_reply(8)).await?;
            return Err(wrong("it asks for an address of an unknown type"));
        }
    };
    let to = Address::new(host, client.read_u16().await?);
    if command != 1 {
        client.write_all(&socks_reply(7)).await?;
        let what = if command == 3 { "UDP over SOCKS5" } else { "to be connected to" };
        return Err(wrong(&format!("it asks for {what}, which is not supported")));
    }
    Ok(Asked { to, is_socks: true })
}

/// A reply without an address, which clients do not need.
fn socks_reply(code: u8) -> [u8; 10] {
    [5, code, 0, 1, 0, 0, 0, 0, 0, 0]
}

async fn http(client: &mut TcpStream) -> io::Result<Asked> {
    let head = read_head(client).await?;
    let head = String::from_utf8_lossy(&head);
    let line = head.lines().next().unwrap_or_default();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if method != "CONNECT" {
        let text = "Only CONNECT is understood: let the program use this proxy as socks5h://\n";
        let reply = format!(
            "HTTP/1.1 501 Not Implemented\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
            text.len()
        );
        client.write_all(reply.as_bytes()).await?;
        return Err(wrong(&format!(
            "it asks for {method} and not for CONNECT; let it use this proxy as socks5h://"
        )));
    }
    match target.parse::<Address>() {
        Ok(to) if to.host().is_some() => Ok(Asked { to, is_socks: false }),
        _ => {
            client
                .write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .await?;
            Err(wrong(&format!("it asks for '{target}', which is not HOST:PORT")))
        }
    }
}

/// Reads up to the empty line, and nothing behind it.
async fn read_head(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    const END: &[u8] = b"\r\n\r\n";
    let mut head = Vec::new();
    let mut next = [0; 1024];
    loop {
        let peeked = client.peek(&mut next).await?;
        if peeked == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let before = head.len();
        head.extend_from_slice(next.get(..peeked).unwrap_or_default());
        let end = head.windows(END.len()).position(|window| window == END).map(|place| place + END.len());
        head.truncate(end.unwrap_or(head.len()));
        let taken = head.len() - before;
        client.read_exact(next.get_mut(..taken).unwrap_or_default()).await?;
        if end.is_some() {
            return Ok(head);
        }
        if head.len() > MOST_HEAD {
            return Err(wrong("its request does not end"));
        }
    }
}

impl Asked {
    /// Lets the client know what it gets.
    pub(super) async fn answer(&self, client: &mut TcpStream, answer: Answer) -> io::Result<()> {
        if self.is_socks {
            let code = match answer {
                Answer::Connected => 0,
                Answer::NotAllowed => 2,
                Answer::Unreachable => 4,
                Answer::Refused => 5,
            };
            return client.write_all(&socks_reply(code)).await;
        }
        let text = match answer {
            Answer::Connected => {
                return client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
            }
            Answer::NotAllowed => "403 Forbidden",
            Answer::Refused | Answer::Unreachable => "502 Bad Gateway",
        };
        let reply = format!("HTTP/1.1 {text}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        client.write_all(reply.as_bytes()).await
    }
}
