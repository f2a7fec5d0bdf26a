//! One end of what is forwarded: a TCP connection, plain or inside TLS, that both directions share.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

/// A connection to a program. One task uses it, which reads in one direction and writes in the other.
pub(super) struct End(Mutex<Stream>);

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }

    fn writer(&mut self) -> Pin<&mut (dyn AsyncWrite + Unpin)> {
        match self {
            Stream::Plain(stream) => Pin::new(stream),
            Stream::Tls(stream) => Pin::new(&mut **stream),
        }
    }
}

impl End {
    pub(super) fn new(stream: Stream) -> End {
        // Pieces are passed on as they are, without waiting for others. A socket that can't do that is used as it is.
        let _ = stream.tcp().set_nodelay(true);
        End(Mutex::new(stream))
    }

    fn stream(&self) -> MutexGuard<'_, Stream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is there into the buffer; nothing at the end.
    pub(super) fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self.stream() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => match ready!(Pin::new(&mut **stream).poll_read(context, buffer)) {
                // Many programs close without saying so in TLS.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
                result => Poll::Ready(result),
            },
        }
    }

    pub(super) fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().writer().poll_write(context, bytes)
    }

    pub(super) fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().writer().poll_flush(context)
    }

    /// Says that nothing more will be written.
    pub(super) fn poll_shutdown(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().writer().poll_shutdown(context)
    }

    /// What is wrong with the connection, if it was not being read when that happened.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.stream().tcp().take_error().ok().flatten()
    }

    /// Breaks the connection off, so that the program sees a reset.
    pub(super) fn reset(self) {
        // Where the system refuses this the program sees an ordinary end, and nothing better is possible.
        let _ = self.stream().tcp().set_zero_linger();
    }
}
