//! Captures of which it is known where messages begin and end, and of most what their bytes are.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use framescope_capture::{FlowId, Index, Source, read};
use framescope_guess::{Limits, Run, Sample};
use framescope_inspect::{CustomProtocols, Reading};
use framescope_parser::{Direction, SpanType};

pub(crate) const SIDES: [Direction; 2] = [Direction::Forward, Direction::Backward];

/// A format, its traffic, and what is true of it.
#[derive(Clone)]
pub(crate) struct Known {
    pub name: String,
    pub sample: Sample,
    /// The messages of both sides of each conversation of the sample.
    pub talks: Vec<[Vec<Real>; 2]>,
    pub checks: Vec<RealCheck>,
}

/// A message.
#[derive(Clone)]
pub(crate) struct Real {
    pub range: Range<usize>,
    /// Its fields, as many bytes as each has; None if they are not known.
    pub fields: Vec<RealField>,
}

/// A field. More than one kind may be right: a number that counts requests is the same in the reply.
#[derive(Clone)]
pub(crate) struct RealField {
    pub range: Range<usize>,
    pub kinds: Vec<String>,
}

/// A check that messages of a side have (None for both), in the words in which a guess says it. Any of them is right.
#[derive(Clone)]
pub(crate) struct RealCheck {
    pub side: Option<usize>,
    pub said: Vec<String>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The folders with a capture.
pub(crate) fn names(of: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder(of)).unwrap().filter_map(Result::ok);
    let mut names: Vec<String> = entries
        .filter(|entry| {
            ["", ".gz"].iter().any(|end| entry.path().join(format!("capture.pcapng{end}")).exists())
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A format of the corpus, whose messages are those that its description finds.
pub(crate) fn described(name: &str) -> Known {
    let corpus = folder("../corpus/formats");
    let own = CustomProtocols::load(&[corpus.join(format!("{name}.ksy"))], &[], &mut |_| {}).unwrap();
    let decode_as = ["tcp", "udp"].map(|transport| format!("{transport}={name}").parse().unwrap()).to_vec();
    let reading = Reading { own, decode_as, ..Reading::default() };
    let index = index(&reading, &corpus.join(name).join("capture.pcapng"));
    let wanted = |flow: FlowId| {
        index.flow(flow).is_some_and(|about| about.level() == 0)
            && SIDES.iter().any(|side| index.stream_protocol(flow, *side).is_some())
    };
    let sample = Sample::of(&index, Limits::default(), &wanted).unwrap();
    let messages = |flow: FlowId, side: usize, run: &Run| -> Vec<Real> {
        let rows = index.stream_rows(flow, SIDES[side]).filter_map(|row| index.row(row));
        let rows = rows.filter(|row| row.span_type == SpanType::Message);
        let range =
            |from: u64, length: u64| usize::try_from(from).unwrap()..usize::try_from(from + length).unwrap();
        let reals = rows.map(|row| Real { range: range(row.offset, row.length), fields: Vec::new() });
        reals.filter(|real| real.range.end <= run.bytes.len()).collect()
    };
    let talks = sample.talks.iter();
    let talks =
        talks.map(|talk| [0, 1].map(|side: usize| messages(talk.flow, side, &talk.sides[side]))).collect();
    Known { name: name.to_owned(), sample, talks, checks: Vec::new() }
}

fn index(reading: &Reading, path: &Path) -> Index {
    read(Source::open(path).unwrap(), &reading.options(), &mut |_| true).unwrap()
}

/// A format that is only recorded, whose messages are those of its `truth.txt`.
pub(crate) fn recorded(name: &str) -> Known {
    let folder = folder("tests/formats").join(name);
    let index = index(&Reading::default(), &folder.join("capture.pcapng.gz"));
    let (mut messages, mut checks) = (HashMap::new(), Vec::new());
    let mut said: &mut Vec<Real> = &mut Vec::new();
    let truth = std::fs::read_to_string(folder.join("truth.txt")).unwrap();
    for line in truth.lines() {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        if first == "check" {
            let (side, texts) = rest.split_once(' ').unwrap();
            let side = ["client", "server"].iter().position(|known| *known == side);
            checks.push(RealCheck { side, said: texts.split(" | ").map(str::to_owned).collect() });
        } else if let Some((source, target)) = line.split_once(" to ") {
            said = messages.entry((source.to_owned(), target.to_owned())).or_default();
        } else {
            let begin = said.last().map_or(0, |real| real.range.end);
            let (mut fields, mut at) = (Vec::new(), 0);
            for part in rest.split(' ') {
                let (kinds, size) = part.split_once(':').unwrap();
                let end = at + size.parse::<usize>().unwrap();
                fields
                    .push(RealField { range: at..end, kinds: kinds.split('/').map(str::to_owned).collect() });
                at = end;
            }
            assert_eq!(at.to_string(), first, "{name}: {line}");
            said.push(Real { range: begin..begin + at, fields });
        }
    }
    let sample = Sample::of(&index, Limits::default(), &|flow| {
        index.flow(flow).is_some_and(|about| about.level() == 0)
    });
    let mut sample = sample.unwrap();
    let key = |ends: [Option<std::net::SocketAddr>; 2], side: usize| {
        Some((ends[side]?.to_string(), ends[1 - side]?.to_string()))
    };
    let mut talks = Vec::new();
    sample.talks.retain(|talk| {
        let reals = [0, 1].map(|side| {
            key(talk.endpoints, side).and_then(|key| messages.get(&key).cloned()).unwrap_or_default()
        });
        let is_known = reals.iter().any(|side: &Vec<Real>| !side.is_empty());
        if is_known {
            talks.push(reals);
        }
        is_known
    });
    for (talk, reals) in sample.talks.iter().zip(&talks) {
        for (run, reals) in talk.sides.iter().zip(reals) {
            let end = reals.last().map_or(0, |real| real.range.end);
            assert_eq!(run.bytes.len(), end, "{name}: {:?}", talk.endpoints);
        }
    }
    Known { name: name.to_owned(), sample, talks, checks }
}

impl Known {
    pub(crate) fn count(&self) -> usize {
        self.talks.iter().flatten().map(Vec::len).sum()
    }

    /// The beginning of the capture, up to the segments in which the first so many messages of both sides end.
    pub(crate) fn first(&self, count: usize) -> Known {
        let mut all: Vec<(i64, usize, usize, usize)> = Vec::new();
        for (number, (talk, sides)) in self.sample.talks.iter().zip(&self.talks).enumerate() {
            for (side, reals) in sides.iter().enumerate() {
                let run = &talk.sides[side];
                all.extend(
                    reals.iter().map(|real| (run.time(real.range.start), number, side, real.range.end)),
                );
            }
        }
        all.sort_unstable();
        all.truncate(count);
        let mut known = self.clone();
        for (number, (talk, sides)) in known.sample.talks.iter_mut().zip(&mut known.talks).enumerate() {
            for (side, (run, reals)) in talk.sides.iter_mut().zip(sides).enumerate() {
                let ends = all.iter().filter(|message| message.1 == number && message.2 == side);
                let last = ends.map(|message| message.3).max().unwrap_or(0);
                let kept = run.segments.partition_point(|&begin| begin < last);
                let end = run.segments.get(kept).copied().unwrap_or(run.bytes.len());
                run.ends &= end == run.bytes.len();
                run.bytes.truncate(if last == 0 { 0 } else { end });
                run.segments.truncate(kept);
                run.times.truncate(kept);
                reals.retain(|real| real.range.end <= run.bytes.len());
            }
        }
        known
    }
}
