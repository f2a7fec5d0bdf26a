//! What the readers of texts share: lines, times, and the pcapng that the packets are written to.

mod lines;
mod times;
mod writer;

pub(crate) use lines::Lines;
pub(crate) use times::{Days, Timestamp, date, on_day, seconds, time_of_day};
pub(crate) use writer::{Output, TextPacket, Writer};
