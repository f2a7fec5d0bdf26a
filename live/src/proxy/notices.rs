//! Sentences about what goes wrong, which thousands of connections may cause at once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What was said is not said again for this long.
const QUIET: Duration = Duration::from_secs(10);
/// How many different sentences there may be in that time.
const MOST: usize = 20;

/// Passes sentences on, but neither the same ones nor too many.
pub(super) struct Notices {
    notify: Box<dyn Fn(&str) + Send + Sync>,
    recent: Mutex<Recent>,
}

struct Recent {
    since: Instant,
    said: HashSet<String>,
}

impl Notices {
    pub(super) fn new(notify: impl Fn(&str) + Send + Sync + 'static) -> Notices {
        let recent = Mutex::new(Recent { since: Instant::now(), said: HashSet::new() });
        Notices { notify: Box::new(notify), recent }
    }

    pub(super) fn notice(&self, text: String) {
        self.notice_at(text, Instant::now());
    }

    fn notice_at(&self, text: String, now: Instant) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(recent.since) >= QUIET {
            *recent = Recent { since: now, said: HashSet::new() };
        }
        let is_new = recent.said.len() <= MOST && !recent.said.contains(&text);
        match recent.said.len() {
            _ if !is_new => {}
            MOST => (self.notify)("there are more such notices, which are left out for some seconds"),
            _ => (self.notify)(&text),
        }
        if is_new {
            recent.said.insert(text);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_same_is_said_once_and_many_are_cut_short_for_a_while() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&said);
        let notices = Notices::new(move |text| all.lock().unwrap().push(text.to_owned()));
        let begin = Instant::now();
        (0..3).for_each(|_| notices.notice_at("refused".to_owned(), begin));
        assert_eq!(*said.lock().unwrap(), ["refused"]);
        (0..100).for_each(|n| notices.notice_at(format!("refused {n}"), begin));
        assert_eq!(said.lock().unwrap().len(), MOST + 1);
        assert!(said.lock().unwrap().last().unwrap().starts_with("there are more"));
        notices.notice_at("refused".to_owned(), begin + QUIET);
        assert_eq!(said.lock().unwrap().last().unwrap(), "refused");
    }
}
