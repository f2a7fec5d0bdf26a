//! Standard output.

use std::io::{self, BufWriter, IsTerminal};

use framescope_capture::export::Paint;

/// Standard output, written in large pieces. The writer flushes it, to notice when that fails.
pub(crate) fn output() -> BufWriter<io::StdoutLock<'static>> {
    BufWriter::with_capacity(1 << 16, io::stdout().lock())
}

/// Colours for a terminal, unless NO_COLOR is set.
pub(crate) fn paint() -> Paint {
    let colours =
        io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if colours { Paint::Ansi } else { Paint::Plain }
}
