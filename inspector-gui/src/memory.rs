//! How much memory this program has, where the system says so without a library.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The bytes of memory in use; None where they can't be known. Asked for at most twice a second.
pub(crate) fn resident() -> Option<u64> {
    static KNOWN: AtomicU64 = AtomicU64::new(0);
    static ASKED: AtomicU64 = AtomicU64::new(0);
    static BEGUN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let now = u64::try_from(BEGUN.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(0) + 1000;
    // Another window may have asked since this one looked at the clock.
    if now.saturating_sub(ASKED.load(Ordering::Relaxed)) > 500 {
        ASKED.store(now, Ordering::Relaxed);
        KNOWN.store(ask().unwrap_or(0), Ordering::Relaxed);
    }
    Some(KNOWN.load(Ordering::Relaxed)).filter(|&bytes| bytes > 0)
}

/// Linux tells it in a file; elsewhere it is left out.
fn ask() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
