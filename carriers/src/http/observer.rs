//! Which response answers which request.

use std::collections::{BTreeMap, VecDeque};

use framescope_parser::{Code, Direction, Event, Observation, Observer, Sentence};

use super::head::{Head, Read};
use super::stage::Reading;
use super::start::{Start, Versions};

/// More requests without a response are not kept.
const MAX_WAITING: usize = 4096;

/// A request that waits for its response.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    row: u32,
    time_ns: Option<i64>,
    direction: Direction,
}

/// Pairs responses with requests: in their order, or by their stream where a message says it.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    in_order: VecDeque<Waiting>,
    by_stream: BTreeMap<u64, Waiting>,
    /// A response that came before its request was complete.
    early: Option<Waiting>,
    /// The same by their streams.
    early_by_stream: BTreeMap<u64, Waiting>,
    /// Whether something was lost, so that a response need not have a request here.
    has_lost: bool,
    /// Whether other requests were not kept.
    has_dropped: bool,
}

impl Observer for Pairs {
    fn observe(&mut self, event: Event<'_>, found: &mut Vec<Observation>) {
        let Event::Message { direction, row, time_ns, bytes } = event else {
            self.has_lost = true;
            return;
        };
        let stage = bytes.context().map_or(0, |context| context.stage);
        if !Reading::of(stage).is_message() {
            return;
        }
        let Read::Whole(head) = Head::read(bytes.beginning(), Versions::Any) else { return };
        let this = Waiting { row, time_ns, direction };
        let stream = head.value(":stream").and_then(|stream| stream.parse().ok());
        match head.start {
            Start::Request => self.request(this, stream, found),
            Start::Response => self.response(this, stream, head.status().unwrap_or(0), found),
            Start::Trailers | Start::Body => {}
        }
    }

    fn finish(&mut self, found: &mut Vec<Observation>) {
        self.finish_each(&mut |observation| found.push(observation));
    }

    fn finish_each(&mut self, report: &mut dyn FnMut(Observation)) {
        let in_order = std::mem::take(&mut self.in_order);
        let by_stream = std::mem::take(&mut self.by_stream);
        for waiting in in_order.into_iter().chain(by_stream.into_values()) {
            let text =
                Sentence::new("no response to this request came before the connection or the capture ended");
            report(Observation::Problem { row: waiting.row, code: Code::Unanswered, text });
        }
        let early = std::mem::take(&mut self.early_by_stream);
        for response in early.into_values().filter(|_| !self.has_lost && !self.has_dropped) {
            report(Observation::Problem { row: response.row, code: Code::ReplyToNothing, text: NO_REQUEST });
        }
    }
}

const NO_REQUEST: Sentence = Sentence::new("no request waits for this response");

impl Pairs {
    fn request(&mut self, this: Waiting, stream: Option<u64>, found: &mut Vec<Observation>) {
        let early = stream.and_then(|stream| self.early_by_stream.remove(&stream));
        if let Some(early) = early.filter(|early| early.direction != this.direction) {
            found.push(Observation::Reply { row: early.row, to: this.row, latency_ns: None });
            return;
        }
        if let Some(early) = self.early.take().filter(|early| early.direction != this.direction) {
            found.push(Observation::Reply { row: early.row, to: this.row, latency_ns: None });
            return;
        }
        if self.in_order.len() + self.by_stream.len() >= MAX_WAITING {
            self.has_dropped = true;
            self.in_order.clear();
            self.by_stream.clear();
        }
        match stream {
            Some(stream) => drop(self.by_stream.insert(stream, this)),
            None => self.in_order.push_back(this),
        }
    }

    fn response(&mut self, this: Waiting, stream: Option<u64>, status: u16, found: &mut Vec<Observation>) {
        // Others follow it, except when something else is spoken from here on.
        if (100..200).contains(&status) && status != 101 {
            return;
        }
        let is_other = |waiting: &Waiting| waiting.direction != this.direction;
        let request = match stream {
            Some(stream) => self.by_stream.remove(&stream),
            None => self.in_order.front().copied().filter(is_other).and_then(|_| self.in_order.pop_front()),
        };
        match request {
            Some(request) => {
                let latency_ns =
                    this.time_ns.zip(request.time_ns).map(|(this, request)| this.saturating_sub(request));
                found.push(Observation::Reply { row: this.row, to: request.row, latency_ns });
            }
            None if self.has_lost || self.has_dropped => {}
            // A server may refuse a request whose body still comes, and say that it waited too long for one.
            None if status == 408 => {}
            None if status >= 400 && stream.is_none() && self.early.is_none() => self.early = Some(this),
            None => match stream.filter(|_| self.early_by_stream.len() < MAX_WAITING) {
                Some(stream) => drop(self.early_by_stream.insert(stream, this)),
                None => {
                    let text = NO_REQUEST;
                    found.push(Observation::Problem { row: this.row, code: Code::ReplyToNothing, text });
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use framescope_parser::Captured;

    use super::*;

    fn observed(messages: &[(Direction, &str)]) -> Vec<String> {
        let (mut pairs, mut found) = (Pairs::default(), Vec::new());
        for (row, (direction, text)) in (0..).zip(messages) {
            let (direction, bytes) = (*direction, Captured::whole(text.as_bytes()));
            let time_ns = Some(i64::from(row) * 10);
            pairs.observe(Event::Message { direction, row, time_ns, bytes }, &mut found);
        }
        pairs.finish(&mut found);
        let said = |observation: &Observation| match observation {
            Observation::Reply { row, to, latency_ns } => format!("{row} to {to} after {latency_ns:?}"),
            Observation::Problem { row, code, .. } => format!("{row} {code}"),
            Observation::Part { .. } => "part".to_owned(),
        };
        found.iter().map(said).collect()
    }

    const TO: Direction = Direction::Forward;
    const FRO: Direction = Direction::Backward;
    const GET: &str = "GET / HTTP/1.1\r\n\r\n";
    const OK: &str = "HTTP/1.1 200 OK\r\n\r\n";

    #[test]
    fn responses_answer_requests_in_their_order() {
        let wait = "HTTP/1.1 100 Continue\r\n\r\n";
        assert_eq!(
            observed(&[(TO, GET), (TO, GET), (FRO, wait), (FRO, OK), (FRO, OK), (TO, GET)]),
            ["3 to 0 after Some(30)", "4 to 1 after Some(30)", "5 unanswered"]
        );
        assert_eq!(observed(&[(FRO, OK), (TO, GET)]), ["0 reply-to-nothing", "1 unanswered"]);
        let refused = "HTTP/1.1 413 Too Large\r\n\r\n";
        assert_eq!(observed(&[(FRO, refused), (TO, GET)]), ["0 to 1 after None"]);
    }

    #[test]
    fn messages_that_name_their_stream_are_paired_by_it() {
        let get = |stream: u32| format!("GET / HTTP/2\r\n:stream: {stream}\r\n\r\n");
        let ok = |stream: u32| format!("HTTP/2 200\r\n:stream: {stream}\r\n\r\n");
        let (one, three, first, second) = (get(1), get(3), ok(3), ok(1));
        assert_eq!(
            observed(&[(TO, &one), (TO, &three), (FRO, &first), (FRO, &second)]),
            ["2 to 1 after Some(10)", "3 to 0 after Some(30)"]
        );
        // A server may answer before all of the request has come.
        assert_eq!(
            observed(&[(FRO, &first), (TO, &three), (FRO, &second)]),
            ["0 to 1 after None", "2 reply-to-nothing"]
        );
    }
}
