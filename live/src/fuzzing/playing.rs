//! Plays one conversation against the peer, over a socket: says what its script has, and listens to what the peer answers.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use framescope_checking::{Piece, Transcript};
use framescope_parser::{Protocol, Role};

use super::reading::{Reader, Row};

/// What a peer may answer in one conversation: a peer that says more is not listened to any longer.
const MOST_BYTES: usize = 4 << 20;

/// What this side says in one connection, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Script {
    /// What it says, in the pieces in which it is sent.
    pub says: Vec<Vec<u8>>,
    /// Whether each piece waits for an answer to the one before.
    pub in_turn: bool,
    /// What happens when all is said.
    pub ending: Ending,
}

/// How this side ends a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ending {
    /// It listens until the peer has answered.
    #[default]
    Finish,
    /// It goes away without listening.
    Leave,
    /// It stays, and says nothing more, while others are played.
    Stay,
}

impl Script {
    /// How many bytes it says.
    pub fn length(&self) -> usize {
        self.says.iter().map(Vec::len).sum()
    }
}

/// How long the peer is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For a connection.
    pub(super) connect: Duration,
    /// For an answer.
    pub(super) answer: Duration,
}

/// What is known of how the peer talks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manners {
    /// Whether it speaks first.
    pub(super) greets: bool,
    /// Whether it still answers, and then closes, when this side says that it has nothing more to say.
    pub(super) closes: bool,
}

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer closed it.
    Closed,
    /// The peer reset it.
    Reset,
    /// The peer said nothing more in the time that it was given.
    Silent,
    /// This side left, or stays.
    Left,
}

/// A conversation that was played.
#[derive(Debug)]
pub(super) struct Played {
    /// What both sides said, in the order in which this side saw it.
    pub(super) said: Transcript,
    pub(super) rows: Vec<Row>,
    pub(super) end: End,
    /// The longest time that an answer took that came.
    pub(super) slowest: Duration,
    /// The connection, where it stays.
    pub(super) stays: Option<TcpStream>,
}

/// Why a conversation could not be begun.
#[derive(Debug)]
pub(super) enum NoConnection {
    /// The peer does not take it.
    Refused(io::Error),
    /// This side has no sockets left.
    Exhausted,
}

/// Plays conversations with one peer.
#[derive(Clone, Copy)]
pub(super) struct Player<'p> {
    pub(super) protocol: &'p dyn Protocol,
    pub(super) others: &'p [Arc<dyn Protocol>],
    pub(super) manners: Manners,
}

/// A conversation that is being played.
struct Playing<'p> {
    stream: TcpStream,
    reader: Reader<'p>,
    pieces: Vec<Piece>,
    heard: usize,
    slowest: Duration,
    end: Option<End>,
}

impl<'p> Player<'p> {
    /// Plays a script to its end.
    pub(super) fn play(
        &self,
        to: SocketAddr,
        script: &Script,
        patience: Patience,
    ) -> Result<Played, NoConnection> {
        let stream = connect(to, patience)?;
        let reader = Reader::new(self.protocol, self.others);
        let mut playing =
            Playing { stream, reader, pieces: Vec::new(), heard: 0, slowest: Duration::ZERO, end: None };
        let mut listens = script.in_turn;
        if listens && self.manners.greets {
            listens = playing.listen_to_answer(patience);
        }
        for says in &script.says {
            if playing.end.is_some() || !playing.say(says) {
                break;
            }
            // A peer that did not answer once is not waited for again, and one that was said half a message can't answer.
            if listens && !playing.reader.is_inside(Role::Client) {
                listens = playing.listen_to_answer(patience);
            }
        }
        Ok(self.finish(playing, script.ending, patience))
    }

    fn finish(&self, mut playing: Playing<'p>, ending: Ending, patience: Patience) -> Played {
        let stays = match ending {
            Ending::Finish => {
                if self.manners.closes {
                    // It fails where the peer has gone already.
                    let _ = playing.stream.shutdown(Shutdown::Write);
                }
                while playing.end.is_none() {
                    if !playing.listen(patience.answer) {
                        playing.end.get_or_insert(End::Silent);
                    }
                }
                None
            }
            Ending::Leave => None,
            Ending::Stay => playing.stream.try_clone().ok(),
        };
        let Playing { reader, pieces, slowest, end, .. } = playing;
        let end = end.unwrap_or(End::Left);
        Played { said: Transcript::new(pieces), rows: reader.finish(), end, slowest, stays }
    }
}

fn connect(to: SocketAddr, patience: Patience) -> Result<TcpStream, NoConnection> {
    let begun = Instant::now();
    loop {
        let error = match TcpStream::connect_timeout(&to, patience.connect) {
            Ok(stream) => {
                let ready = stream.set_nodelay(true).and_then(|()| {
                    stream.set_write_timeout(Some(patience.answer.max(Duration::from_millis(100))))
                });
                return ready.map(|()| stream).map_err(NoConnection::Refused);
            }
            Err(error) => error,
        };
        let is_own = matches!(error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse);
        // The ports of closed connections come back after a while.
        match is_own {
            true if begun.elapsed() > Duration::from_secs(70) => return Err(NoConnection::Exhausted),
            true => std::thread::sleep(Duration::from_millis(50)),
            false => return Err(NoConnection::Refused(error)),
        }
    }
}

impl Playing<'_> {
    /// False if the peer does not take it.
    fn say(&mut self, bytes: &[u8]) -> bool {
        if self.stream.write_all(bytes).is_err() {
            // What it said before it went is heard all the same.
            return false;
        }
        self.reader.said(Role::Client, bytes);
        self.pieces.push(Piece::Segment(Role::Client, bytes.to_vec()));
        true
    }

    /// Listens until the peer has said something, and said it to the end. False if it said nothing.
    fn listen_to_answer(&mut self, patience: Patience) -> bool {
        let mut has_answer = false;
        while self.end.is_none() && self.listen(patience.answer) {
            has_answer = true;
            if !self.reader.is_inside(Role::Server) {
                break;
            }
        }
        has_answer
    }

    /// Takes what the peer says next. False if nothing comes.
    fn listen(&mut self, patience: Duration) -> bool {
        let begun = Instant::now();
        if self.stream.set_read_timeout(Some(patience.max(Duration::from_millis(1)))).is_err() {
            self.end = Some(End::Reset);
            return false;
        }
        let mut buffer = [0; 16 << 10];
        let read = loop {
            match self.stream.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        match read {
            Ok(0) => self.end = Some(End::Closed),
            Ok(length) => {
                let bytes = buffer.get(..length).unwrap_or_default();
                self.slowest = self.slowest.max(begun.elapsed());
                self.heard += length;
                self.reader.said(Role::Server, bytes);
                self.pieces.push(Piece::Segment(Role::Server, bytes.to_vec()));
                if self.heard > MOST_BYTES {
                    self.end = Some(End::Silent);
                }
                return true;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => self.end = Some(End::Reset),
        }
        false
    }
}
