//! How much memory the program uses, on systems that say so without a library.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The resident memory in bytes; None where it is unknown. Read at most twice a second.
pub(crate) fn resident() -> Option<u64> {
    static KNOWN: AtomicU64 = AtomicU64::new(0);
    static READ_AT: AtomicU64 = AtomicU64::new(0);
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let now = u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(0) + 1000;
    // Another window may have read it since `now`.
    if now.saturating_sub(READ_AT.load(Ordering::Relaxed)) > 500 {
        READ_AT.store(now, Ordering::Relaxed);
        KNOWN.store(read().unwrap_or(0), Ordering::Relaxed);
    }
    Some(KNOWN.load(Ordering::Relaxed)).filter(|&bytes| bytes > 0)
}

/// Linux has it in a file; elsewhere it is unknown.
fn read() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
