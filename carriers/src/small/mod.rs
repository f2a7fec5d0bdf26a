//! Small carriers: proxies, the upgrade to TLS, encodings and compressions of a whole stream, telnet with a serial port behind it.
//!
//! Each is [stages](Staged) and a conversation with at most one channel, of both directions.

mod channel;
mod compressed;
mod delimited;
mod encodings;
mod fields;
mod inflating;
mod proxied;
mod proxy;
mod proxy_tlvs;
mod socks;
mod socks_messages;
mod staged;
mod starttls;
mod telnet;
mod telnet_options;
mod unpacking;
mod upgrade;
mod zstd;

use std::sync::Arc;

use framescope_parser::Protocol;

pub use compressed::compressed;
pub use delimited::delimited;
pub use encodings::{Encoding, NotEncoded};
pub use inflating::Wrapper;
pub use proxied::proxy;
pub use socks::socks;
pub use staged::Staged;
pub use starttls::starttls;
pub use telnet::telnet;
pub use zstd::{KEPT, zstd};

/// All of them.
pub fn all() -> Vec<Arc<dyn Protocol>> {
    let mut all = vec![proxy(), socks(), starttls(), telnet()];
    all.extend([Wrapper::Gzip, Wrapper::Zlib, Wrapper::Deflate].map(compressed));
    all.push(zstd());
    all.extend(Encoding::ALL.map(delimited));
    all.into_iter().map(|one| Arc::new(one) as Arc<dyn Protocol>).collect()
}
