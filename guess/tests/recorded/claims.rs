//! What a proposed description says of the bytes of messages, and whether it is so.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Arguments;
use std::ops::Range;

use framescope_ksy::Described;
use framescope_parser::{Code, Kind, Protocol, Reads, Value, Visit};

use crate::known::{Real, RealField};

/// How a description of messages was written: the fields of its types.
#[derive(Default)]
pub(crate) struct Written {
    types: HashMap<String, HashMap<String, About>>,
}

#[derive(Default)]
struct About {
    /// The type of its fields, by the kind of the message where that decides (0 where it does not).
    types: Vec<(Option<u64>, String)>,
    /// How sure the guess is of it.
    confidence: Option<f64>,
}

impl Written {
    pub(crate) fn of(description: &str) -> Written {
        let (mut written, mut owner, mut id) = (Written::default(), String::new(), String::new());
        for line in description.lines() {
            let (text, depth) = (line.trim_start(), line.len() - line.trim_start().len());
            if depth == 2 && text.ends_with(':') && !text.starts_with('-') && text != "seq:" {
                owner = text.trim_end_matches(':').to_owned();
            } else if let Some(name) = text.strip_prefix("- id: ") {
                id = name.to_owned();
                written.types.entry(owner.clone()).or_default().insert(id.clone(), About::default());
            }
            let about = written.types.get_mut(&owner).and_then(|fields| fields.get_mut(&id));
            let Some(about) = about else { continue };
            if let Some(name) = text.strip_prefix("type: ") {
                let cases = name.split_once("cases: {").map_or("", |(_, cases)| cases.trim_end_matches('}'));
                let case = |case: &str| {
                    let (value, name) = case.rsplit_once(": ")?;
                    Some((value.rsplit_once("kind_")?.1.parse().ok(), name.to_owned()))
                };
                about.types = cases.split(", ").filter_map(case).collect();
                if !name.starts_with('{') {
                    about.types.push((None, name.to_owned()));
                }
            } else if let Some(sure) = text.strip_suffix(" % sure)'")
                && text.starts_with("doc: ")
            {
                let percent = sure.rsplit_once('(').and_then(|(_, percent)| percent.parse::<f64>().ok());
                about.confidence = percent.map(|percent| percent / 100.0);
            }
        }
        written
    }
}

/// The kind of a field, by the name that a guess gives it; None if it consists of other fields.
fn kind(name: &str) -> Option<&'static str> {
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    Some(match base.strip_suffix("_at").unwrap_or(base) {
        "constant" | "zeros" | "magic" | "start" | "end" | "separator" | "text_end" | "bytes_end"
        | "body_end" => "constant",
        "number" | "flags" | "choice" | "offset" | "kind" => "number",
        "sequence" => "sequence",
        "request_id" => "echo",
        "time" => "time",
        "source_address" | "target_address" => "address",
        "source_port" | "target_port" => "port",
        "text" | "word" | "code" | "mark" | "head" | "name" | "line" | "rest" => "text",
        "float" => "float",
        "random" => "random",
        "size" | "length" | "long_length" => "length",
        "count" => "count",
        "json" | "protobuf" | "message_pack" | "cbor" | "bson" | "ber" | "thrift" | "capn_proto"
        | "pickle" | "amf" => "serialised",
        "compressed" => "compressed",
        "padding" => "padding",
        "check" => "check",
        "bytes" | "trailer" => "bytes",
        _ => return None,
    })
}

/// A field of a message, as a description has it.
struct Claim {
    /// Of which type it is a field, and its name.
    of: (String, String),
    range: Range<usize>,
    kind: &'static str,
    confidence: Option<f64>,
}

/// The fields of one message.
struct Claims<'w> {
    written: &'w Written,
    /// The types that are open.
    open: Vec<String>,
    /// How many groups are open whose fields are of no interest.
    inside: usize,
    message_kind: Option<u64>,
    found: Vec<Claim>,
}

impl Claims<'_> {
    fn about(&self, name: &str) -> Option<&About> {
        self.written.types.get(self.open.last()?)?.get(name)
    }

    fn add(&mut self, name: &str, kind: &'static str, range: Range<usize>) {
        let confidence = self.about(name).and_then(|about| about.confidence);
        let of = (self.open.last().cloned().unwrap_or_default(), name.to_owned());
        self.found.push(Claim { of, range, kind, confidence });
    }
}

impl<'a> Visit<'a> for Claims<'_> {
    fn kind(&mut self, kind: Kind<'a>) {
        self.message_kind = Some(kind.value);
    }

    fn field(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        if self.inside > 0 {
            return;
        }
        if name == "kind" && self.open.len() == 1 {
            self.message_kind = value.as_u64();
        }
        self.add(name, kind(name).unwrap_or("bytes"), range);
    }

    fn begin(&mut self, name: &'a str, range: Range<usize>, _: Value<'a>) {
        match kind(name) {
            Some(kind) if self.inside == 0 && self.about(name).is_some() => {
                self.add(name, kind, range);
                self.inside = 1;
            }
            _ if self.inside > 0 => self.inside += 1,
            _ => {
                let of = |about: &About| {
                    let wanted =
                        |(value, _): &&(Option<u64>, String)| value.is_none() || *value == self.message_kind;
                    about.types.iter().find(wanted).map(|(_, name)| name.clone()).unwrap_or_default()
                };
                let same = || self.open.last().cloned().unwrap_or_default();
                let next = self.about(name).map_or_else(same, of);
                self.open.push(next);
            }
        }
    }

    fn end(&mut self) {
        if self.inside > 0 {
            self.inside -= 1;
        } else {
            self.open.pop();
        }
    }

    fn problem(&mut self, _: Code, _: Range<usize>, _: Arguments<'_>) {}
    fn summary(&mut self, _: Arguments<'_>) {}
}

/// How often a claim is right.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) confidence: f64,
    pub(crate) right: usize,
    /// How often it would be if it began or ended elsewhere, and the bytes between are the same in all messages: no capture shows
    /// whether a zero belongs to the number behind it.
    near: usize,
    between: Option<Vec<u8>>,
    varies: bool,
    pub(crate) all: usize,
}

impl Tally {
    /// Whether it is right in so many of a hundred messages.
    pub(crate) fn is_right(&self, mostly: usize) -> bool {
        let near = if self.varies { 0 } else { self.near };
        (self.right + near) * 100 >= self.all * mostly
    }
}

/// The claims of a description on messages, and the bytes that are in the right kind of field.
#[derive(Default)]
pub(crate) struct Judged {
    pub right: usize,
    pub bytes: usize,
    pub claims: BTreeMap<(String, String), Tally>,
    /// How many bytes that are of some kinds are claimed to be of another.
    pub confused: BTreeMap<(String, &'static str), usize>,
}

impl Judged {
    /// Counts a message. `is_found` says whether it begins and ends where the description says.
    pub(crate) fn message(
        &mut self,
        described: &Described,
        written: &Written,
        side: usize,
        bytes: &[u8],
        real: &Real,
        is_found: bool,
    ) {
        let is_told = |field: &&RealField| field.kinds.iter().all(|kind| kind != "bytes");
        self.bytes += real.fields.iter().filter(is_told).map(|field| field.range.len()).sum::<usize>();
        if !is_found {
            return;
        }
        let name = if side == 0 { "request" } else { "response" };
        let stages = described.stages();
        let stage = stages.iter().find(|stage| stage.name == name || stage.name == "message");
        let open = stage.map_or(String::new(), |stage| stage.name.clone());
        let mut claims =
            Claims { written, open: vec![open], inside: 0, message_kind: None, found: Vec::new() };
        match stage.map(|stage| &stage.reads) {
            Some(Reads::Own(protocol)) => protocol.dissect(bytes, &mut claims),
            _ => described.dissect(bytes, &mut claims),
        }
        for claim in claims.found.iter().filter(|claim| !claim.range.is_empty()) {
            let (right, verdict) = judge(claim, &real.fields, bytes);
            self.right += right;
            for (field, bytes, _) in told(claim, &real.fields).filter(|(.., is_right)| !is_right) {
                *self.confused.entry((field.kinds.join("/"), claim.kind)).or_default() += bytes;
            }
            if let (Some(confidence), Some(verdict)) = (claim.confidence, verdict) {
                let tally = self.claims.entry(claim.of.clone()).or_default();
                tally.confidence = confidence;
                tally.all += 1;
                match verdict {
                    Verdict::Right => tally.right += 1,
                    Verdict::Wrong => {}
                    Verdict::Near(bytes) => {
                        tally.near += 1;
                        tally.varies |= tally.between.as_ref().is_some_and(|known| *known != bytes);
                        tally.between = Some(bytes);
                    }
                }
            }
        }
    }
}

enum Verdict {
    Right,
    Wrong,
    /// It is so if it begins or ends elsewhere: the bytes between.
    Near(Vec<u8>),
}

/// The fields of which a claim has bytes and whose kind is known, how many of their bytes, and whether the claim is right about them.
fn told<'f>(
    claim: &'f Claim,
    fields: &'f [RealField],
) -> impl Iterator<Item = (&'f RealField, usize, bool)> + 'f {
    fields.iter().filter(|field| field.kinds.iter().all(|kind| kind != "bytes")).filter_map(|field| {
        let begin = field.range.start.max(claim.range.start);
        let end = field.range.end.min(claim.range.end);
        let is_whole = field.range.start >= claim.range.start && field.range.end <= claim.range.end;
        let is_right = field.kinds.iter().any(|kind| match (kind.as_str(), claim.kind) {
            // What never changes is a constant, whatever it is for.
            (_, "constant") => is_whole || kind == "constant",
            // What ends a text is a part of it.
            ("end", "text" | "serialised" | "length") => true,
            ("padding", "text") => true,
            (kind, claimed) => kind == claimed,
        });
        (begin < end).then(|| (field, end - begin, is_right))
    })
}

/// How many bytes of a claim are of its kind, and whether it is right: None if nothing is known of its bytes.
fn judge(claim: &Claim, fields: &[RealField], bytes: &[u8]) -> (usize, Option<Verdict>) {
    let (mut right, mut are_right, mut is_told) = (0, true, false);
    let mut same: Option<&RealField> = None;
    for (field, bytes, is_right) in told(claim, fields) {
        is_told = true;
        right += if is_right { bytes } else { 0 };
        // Neighbours may be one text or one constant; a number is what it is.
        let may_be_joined = matches!(claim.kind, "constant" | "text" | "random" | "serialised");
        are_right &= is_right && (may_be_joined || field.range == claim.range);
        if field.kinds.iter().any(|kind| kind == claim.kind) {
            same = same.filter(|same| same.range.len() > field.range.len()).or(Some(field));
        }
    }
    let verdict = match same {
        _ if are_right => Verdict::Right,
        None => Verdict::Wrong,
        Some(field) => {
            let first = field.range.start.min(claim.range.start)..field.range.start.max(claim.range.start);
            let last = field.range.end.min(claim.range.end)..field.range.end.max(claim.range.end);
            Verdict::Near([&bytes[first], &bytes[last]].concat())
        }
    };
    (right, is_told.then_some(verdict))
}
