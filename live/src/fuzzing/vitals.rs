//! How much memory and processor time a process takes: from `/proc` where there is one, else from `ps`.

use std::time::Duration;

/// The bytes of memory that a process has in use; None where the system does not say.
pub(super) fn memory(id: u32) -> Option<u64> {
    if cfg!(target_os = "linux") {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        return status.lines().find_map(|line| line.strip_prefix("VmRSS:")).and_then(kibibytes);
    }
    ps(id, "rss=").as_deref().and_then(kibibytes)
}

/// The processor time that it has used; None where the system does not say.
pub(super) fn processor_time(id: u32) -> Option<Duration> {
    if cfg!(target_os = "linux") {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name, which may hold spaces, is in parentheses.
        let (_, rest) = stat.rsplit_once(')')?;
        let mut ticks = rest.split_whitespace().skip(11).map_while(|word| word.parse::<u64>().ok());
        // A tick is a hundredth of a second on every Linux of today.
        return Some(Duration::from_millis(10 * (ticks.next()? + ticks.next()?)));
    }
    ps(id, "time=").as_deref().and_then(clock)
}

/// Whether looking is cheap enough to be done after each conversation.
pub(super) fn are_cheap() -> bool {
    cfg!(target_os = "linux")
}

fn kibibytes(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// `1:02.50` or `0:01:02`, as `ps` has it.
fn clock(text: &str) -> Option<Duration> {
    let mut seconds = 0.0;
    for part in text.trim().split([':', '-']) {
        seconds = seconds * 60.0 + part.parse::<f64>().ok()?;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(unix)]
fn ps(id: u32, what: &str) -> Option<String> {
    let said = std::process::Command::new("ps").args(["-o", what, "-p", &id.to_string()]).output().ok()?;
    String::from_utf8(said.stdout).ok()
}

#[cfg(not(unix))]
fn ps(_: u32, _: &str) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read() {
        assert_eq!(kibibytes("   2048 kB"), Some(2 << 20));
        assert_eq!(clock("1:02.50\n"), Some(Duration::from_millis(62_500)));
        if cfg!(unix) {
            let own = std::process::id();
            assert!(memory(own) > Some(100_000) && processor_time(own).is_some());
        }
    }
}
