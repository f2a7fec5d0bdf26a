//! What is looked at of a capture: the bytes of its streams, and where their segments begin.

use std::io;
use std::net::SocketAddr;

use framescope_capture::{BlockReader, CarriedIn, FlowId, Index, PacketId, TransportType};
use framescope_parser::Direction;

/// How much of a capture is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of all streams together.
    pub bytes: usize,
    /// Bytes of one direction.
    pub bytes_of_one: usize,
    /// Conversations.
    pub talks: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bytes: 8 << 20, bytes_of_one: 2 << 20, talks: 2_000 }
    }
}

/// The conversations of a capture that are looked at together.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Them, in the order of their first packets.
    pub talks: Vec<Talk>,
}

/// What both sides of a conversation say.
#[derive(Clone, Debug, Default)]
pub struct Talk {
    /// The flow.
    pub flow: FlowId,
    /// What the client says, and what the server says.
    pub sides: [Run; 2],
    /// Address and port of the client, and of the server; None for a file.
    pub endpoints: [Option<SocketAddr>; 2],
    /// What its carrier calls the channel that it is in, such as `slip`; None if packets bring it.
    pub channel: Option<String>,
}

/// The bytes of a direction up to its first gap.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Them.
    pub bytes: Vec<u8>,
    /// Where segments begin: rising, the first is 0 unless there is no byte.
    pub segments: Vec<usize>,
    /// When each was captured, in nanoseconds since the Unix epoch; as many as there are segments.
    pub times: Vec<i64>,
    /// Whether the other side said something after each segment, before the next; empty if that is not known.
    pub answered: Vec<bool>,
    /// Whether the first byte is the first of the direction.
    pub begins: bool,
    /// Whether the last byte is the last of the direction.
    pub ends: bool,
    /// Whether each segment is a datagram, which a message does not cross.
    pub is_datagrams: bool,
}

impl Talk {
    /// Whether it consists of datagrams.
    pub(crate) fn is_datagrams(&self) -> bool {
        self.sides.iter().any(|side| side.is_datagrams)
    }
}

impl Run {
    /// The first of its segments: at most so many, and of so many bytes if there are more than one.
    pub(crate) fn beginning(&self, segments: usize, bytes: usize) -> Run {
        let within = self.segments.partition_point(|&begin| begin <= bytes);
        let kept = segments.min(within).max(1);
        let Some(&end) = self.segments.get(kept) else { return self.clone() };
        Run {
            bytes: self.bytes.get(..end).unwrap_or_default().to_vec(),
            segments: self.segments.get(..kept).unwrap_or_default().to_vec(),
            times: self.times.get(..kept).unwrap_or_default().to_vec(),
            answered: self.answered.get(..kept).unwrap_or_default().to_vec(),
            begins: self.begins,
            ends: false,
            is_datagrams: self.is_datagrams,
        }
    }

    /// When the byte at a place was captured; 0 if that is unknown.
    pub fn time(&self, at: usize) -> i64 {
        let segment = self.segments.partition_point(|&begin| begin <= at).saturating_sub(1);
        self.times.get(segment).copied().unwrap_or(0)
    }

    /// The numbers of the segments after which the other side spoke, if that is known and so of most. Of all if they are datagrams.
    pub(crate) fn turns(&self) -> Vec<usize> {
        if self.is_datagrams {
            return (0..self.segments.len()).collect();
        }
        let turns: Vec<usize> =
            (0..self.segments.len()).filter(|at| self.answered.get(*at) == Some(&true)).collect();
        if turns.len() * 2 > self.segments.len() { turns } else { (0..self.segments.len()).collect() }
    }

    /// Where a segment ends.
    pub fn segment_end(&self, number: usize) -> usize {
        self.segments.get(number + 1).copied().unwrap_or(self.bytes.len())
    }
}

impl Sample {
    /// Takes a sample of the flows that `wanted` accepts.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn of(index: &Index, limits: Limits, wanted: &dyn Fn(FlowId) -> bool) -> io::Result<Sample> {
        let mut reader = BlockReader::new(index.source().clone(), 64 << 10);
        let (mut sample, mut left) = (Sample::default(), limits.bytes);
        for (flow, about) in index.flows().filter(|(flow, _)| wanted(*flow)) {
            if left == 0 || sample.talks.len() == limits.talks {
                break;
            }
            let mut talk = Talk {
                flow,
                endpoints: [about.source(Direction::Forward), about.source(Direction::Backward)],
                channel: about.carried().map(|carried| carried.name().to_owned()),
                ..Talk::default()
            };
            let mut packets = [Vec::new(), Vec::new()];
            let directions = [Direction::Forward, Direction::Backward];
            for ((side, direction), packets) in talk.sides.iter_mut().zip(directions).zip(&mut packets) {
                (*side, *packets) = run(index, flow, direction, left.min(limits.bytes_of_one), &mut reader)?;
                left -= side.bytes.len();
            }
            let [client, server] = &packets;
            for (side, (own, other)) in talk.sides.iter_mut().zip([(client, server), (server, client)]) {
                side.answered = answered(own, other);
                let is_udp = about.transport == TransportType::Udp;
                side.is_datagrams = about.carried().map_or(is_udp, CarriedIn::is_delimited);
            }
            if talk.sides.iter().any(|side| !side.bytes.is_empty()) {
                sample.talks.push(talk);
            }
        }
        Ok(sample)
    }

    /// The runs of one side of all conversations.
    pub fn side(&self, side: usize) -> impl Iterator<Item = &Run> {
        self.talks.iter().filter_map(move |talk| talk.sides.get(side)).filter(|run| !run.bytes.is_empty())
    }
}

/// What was taken out of a sample, to see how well a hypothesis fits it.
#[derive(Clone, Debug, Default)]
pub struct HeldOut {
    streams: Vec<(FlowId, Direction, u64)>,
}

impl HeldOut {
    /// The directions of conversations, and from which offset on their bytes were held out.
    pub fn streams(&self) -> impl Iterator<Item = (FlowId, Direction, u64)> + '_ {
        self.streams.iter().copied()
    }
}

impl Sample {
    /// Takes so many percent out: whole conversations if there are enough, else the ends of all.
    pub fn hold_out(&mut self, percent: u8) -> HeldOut {
        let percent = usize::from(percent.min(90));
        let mut held = HeldOut::default();
        let sides = [Direction::Forward, Direction::Backward];
        let whole = self.talks.len() * percent / 100;
        if whole > 0 && self.talks.len() >= 5 {
            let rest = self.talks.split_off(self.talks.len() - whole);
            held.streams = rest.iter().flat_map(|talk| sides.map(|side| (talk.flow, side, 0))).collect();
            return held;
        }
        for talk in &mut self.talks {
            for (run, side) in talk.sides.iter_mut().zip(sides) {
                let most = run.bytes.len() * (100 - percent) / 100;
                let kept = run.segments.partition_point(|&begin| begin <= most).saturating_sub(1);
                let end = run.segments.get(kept).copied().unwrap_or(0);
                if end == 0 {
                    continue;
                }
                run.segments.truncate(kept);
                run.times.truncate(kept);
                run.answered.truncate(kept);
                run.bytes.truncate(end);
                run.ends = false;
                held.streams.push((talk.flow, side, end as u64));
            }
        }
        held
    }
}

/// What is looked at of one direction, and the packets with its segments.
fn run(
    index: &Index,
    flow: FlowId,
    direction: Direction,
    most: usize,
    reader: &mut BlockReader,
) -> io::Result<(Run, Vec<PacketId>)> {
    let (mut run, mut end) = (Run { begins: true, ..Run::default() }, 0);
    let mut packets = Vec::new();
    let mut is_whole = true;
    for segment in index.stream_segments(flow, direction) {
        if segment.offset > end || run.bytes.len() + segment.length as usize > most {
            is_whole = false;
            break;
        }
        end = segment.offset + u64::from(segment.length);
        run.segments.push(run.bytes.len());
        packets.push(segment.packet);
        run.times.push(index.packet_time_ns(segment.packet).unwrap_or_default());
        let range = segment.offset..end;
        index.read_stream((flow, direction), range, reader, &mut run.bytes)?;
    }
    run.ends = is_whole;
    Ok((run, packets))
}

/// Whether a packet of the other side came between each of these and the next. Behind the last, nothing is known.
fn answered<P: Ord>(own: &[P], other: &[P]) -> Vec<bool> {
    let between = |pair: &[P]| match pair {
        [from, to] => {
            other.partition_point(|packet| packet <= from) < other.partition_point(|packet| packet < to)
        }
        _ => false,
    };
    let mut answered: Vec<bool> = own.windows(2).map(between).collect();
    answered.extend(own.last().map(|last| other.partition_point(|packet| packet <= last) < other.len()));
    answered
}
