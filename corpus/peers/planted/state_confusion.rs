//! The notice board with a planted fault: whoever logs out while a picture is being sent leaves it open, and its last piece is
//! stored for nobody. board.ksy describes the messages.
//!
//! rustc -g -C panic=abort state_confusion.rs -o state_confusion

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

const LOGIN: u8 = 1;
const POST: u8 = 2;
const READ: u8 = 3;
const LOGOUT: u8 = 4;
const PICTURE: u8 = 5;
const PIECE: u8 = 6;
const PING: u8 = 7;

#[derive(Default)]
struct Visitor {
    name: Option<Vec<u8>>,
    picture: Option<Vec<u8>>,
}

impl Visitor {
    /// Whether the message is accepted.
    fn take(&mut self, kind: u8, text: Vec<u8>) -> bool {
        match kind {
            PING => self.picture.is_none(),
            LOGIN if self.name.is_none() && self.picture.is_none() => {
                self.name = Some(text);
                true
            }
            // Planted: the picture stays open.
            LOGOUT if self.name.is_some() => self.name.take().is_some() && self.picture.is_none(),
            PIECE => match &mut self.picture {
                Some(_) if text.is_empty() => {
                    let (picture, owner) = (self.picture.take().unwrap(), self.name.as_ref().unwrap());
                    picture.len() + owner.len() > 0
                }
                Some(picture) => {
                    picture.truncate(1 << 20);
                    picture.extend(text);
                    true
                }
                None => false,
            },
            POST | READ => self.name.is_some() && self.picture.is_none(),
            PICTURE if self.name.is_some() && self.picture.is_none() => {
                self.picture = Some(vec![0]);
                true
            }
            _ => false,
        }
    }
}

fn serve(mut peer: TcpStream) -> io::Result<()> {
    peer.set_nodelay(true)?;
    let mut visitor = Visitor::default();
    loop {
        let mut head = [0; 4];
        peer.read_exact(&mut head)?;
        let mut text = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
        peer.read_exact(&mut text)?;
        let status = u8::from(!visitor.take(head[0], text));
        peer.write_all(&[head[1], status, 0, 0])?;
    }
}

fn main() -> io::Result<()> {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(7500);
    for peer in TcpListener::bind(("127.0.0.1", port))?.incoming().flatten() {
        std::thread::spawn(move || serve(peer));
    }
    Ok(())
}
