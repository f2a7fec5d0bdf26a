//! Runs the stages: records, packets, flows, reassembly, choice of protocol, messages; and fills the index.

mod choice;
mod ending;
mod messages;
mod packets;
mod segments;
mod tcp;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use framescope_parser::Protocol;
use framescope_parser::bare::Bare;
use framescope_parser::missive::{Key, Missive};
use framescope_parser::text::Text;

use self::ending::Ending;
use self::packets::told_payload;
use crate::files::metadata::{Comments, HostNames};
use crate::files::records::{Opened, Records};
use crate::index::annotations::Annotations;
use crate::index::store::{Packets, Rows};
use crate::index::{Flow, Index, Life, SegmentRange, Stream, TransportType};
use crate::messages::outline::Labels;
use crate::messages::sessions::Sessions;
use crate::packets::disputes::Disputes;
use crate::packets::endpoint::Endpoint;
use crate::packets::fragments::Fragments;
use crate::packets::read_ahead::{Alone, Batch, Reading, Taken};
use crate::streams::flows::Flows;
use crate::streams::reassembly::{DEFAULT_LIMIT, Output};
use crate::streams::state::{More, StreamState};
use crate::{BlockReader, Damage, DecodeAs, ReadError, Source};

/// How to read a capture.
#[derive(Clone)]
pub struct Options {
    /// Protocols beside those that are built in. Detection prefers them to those it is equally sure of, and a name means
    /// the first that has it.
    pub protocols: Vec<Arc<dyn Protocol>>,
    /// Which flows are which protocol, whatever they look like. The last rule that fits wins.
    pub decode_as: Vec<DecodeAs>,
    /// The key to verify authenticated frames with.
    pub key: Option<Key>,
    /// How many bytes of a TCP stream may wait for a gap before them to be filled.
    pub reassembly_limit: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { protocols: Vec::new(), decode_as: Vec::new(), key: None, reassembly_limit: DEFAULT_LIMIT }
    }
}

impl Options {
    /// All protocols there are to read with, in the order in which detection prefers them.
    pub fn all_protocols(&self) -> Vec<Arc<dyn Protocol>> {
        self.protocols.iter().cloned().chain(protocols(self.key.clone())).collect()
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let protocols: Vec<&str> = self.protocols.iter().map(|protocol| protocol.name()).collect();
        let Options { decode_as, key, reassembly_limit, .. } = self;
        let mut options = f.debug_struct("Options");
        options.field("protocols", &protocols).field("decode_as", decode_as).field("key", key);
        options.field("reassembly_limit", reassembly_limit).finish()
    }
}

/// The protocols that are built in, in the order in which detection prefers them.
pub fn protocols(key: Option<Key>) -> Vec<Arc<dyn Protocol>> {
    vec![Arc::new(Missive { key, ..Missive::default() }), Arc::new(Bare), Arc::new(Text)]
}

/// Reads a whole capture. `progress` is told the index now and then, and stops the reading by saying false.
///
/// # Errors
/// A rule of `options` names no protocol, or the file is a capture of a kind that is not read: the sentence says which,
/// and what converts it. Damage of the file is no error: it stands in the index.
pub fn read(
    source: Source,
    options: &Options,
    progress: &mut dyn FnMut(&Index) -> bool,
) -> Result<Index, ReadError> {
    let (mut indexer, mut index) = Indexer::new(source, options)?;
    while indexer.step(&mut index, 16_384) {
        if !progress(&index) {
            break;
        }
    }
    indexer.finish(&mut index);
    Ok(index)
}

/// The state of reading: what is needed to read on, and of no use afterwards.
pub struct Indexer {
    input: Input,
    flows: Flows,
    /// Beside the streams of the index.
    states: Vec<StreamState>,
    /// What is said of payloads by themselves, by code.
    outlines: Vec<Outlined>,
    rules: Vec<(DecodeAs, usize)>,
    sessions: Sessions,
    /// How messages were found where the format does not tell.
    framing: Annotations,
    /// What reassembly saw of rows that were there already.
    marked: Annotations,
    /// The packet with which each row became complete, once a stream is held back: before, they are in their order.
    completed: Vec<u32>,
    /// That of the last row.
    last_completed: u32,
    /// How many rows stand before these.
    in_order: Option<usize>,
    reader: BlockReader,
    outputs: Vec<Output>,
    /// Bytes that came twice, one beside the other.
    compared: [Vec<u8>; 2],
    fragments: Fragments,
    disputes: Disputes,
    reassembly_limit: u64,
    ending: Ending,
}

enum Input {
    Packets(Box<Reading>, Batch),
    /// The bytes of one stream, and how many were read.
    Bytes(u64),
    Done,
}

/// What is said of a payload by itself, and its label once there is one.
#[derive(Clone, Copy, Debug)]
struct Outlined {
    alone: Alone,
    label: Option<u32>,
}

/// Damaged places of a file that are told one by one.
const MOST_DAMAGES: usize = 100;

/// A file that is no capture is one segment, as long as that is not more than this.
const FILE_SEGMENT: u64 = 16 << 20;
impl Indexer {
    /// Opens a capture and gives what reads it and the index to fill, still empty.
    ///
    /// # Errors
    /// A rule of `options` names no protocol, or the file is a capture of a kind that is not read, unless a rule for
    /// `file` says that it is the bytes of one stream.
    pub fn new(source: Source, options: &Options) -> Result<(Indexer, Index), ReadError> {
        let protocols = options.all_protocols();
        let rules = options.decode_as.iter().map(|rule| {
            let known = protocols.iter().position(|protocol| protocol.name() == rule.protocol());
            known.map(|protocol| (rule.clone(), protocol)).ok_or_else(|| {
                let known = protocols.iter().map(|protocol| protocol.name().to_owned()).collect();
                ReadError::UnknownProtocol { name: rule.protocol().to_owned(), known }
            })
        });
        let rules = rules.collect::<Result<_, _>>()?;
        let as_bytes = options.decode_as.iter().any(DecodeAs::makes_bytes);
        let converted = match as_bytes {
            true => None,
            false => source
                .converted()
                .map_err(|error| ReadError::Conversion { name: source.name().to_owned(), error })?,
        };
        let (source, notices) = match &converted {
            Some(converted) => (converted.source.clone(), converted.notices.clone()),
            None => (source, Vec::new()),
        };
        let mut index = Index {
            source: source.clone(),
            protocols,
            flows: Vec::new(),
            streams: Vec::new(),
            entries: Rows::default(),
            labels: Labels::default(),
            kept: Packets::default(),
            annotations: Annotations::default(),
            unread: BTreeMap::new(),
            odd: BTreeMap::new(),
            notices,
            comments: Comments::default(),
            interfaces: Vec::new(),
            hosts: HostNames::default(),
            damages: Vec::new(),
            position: 0,
            finished: false,
        };
        let mut indexer = Indexer {
            input: Input::Done,
            flows: Flows::default(),
            states: Vec::new(),
            outlines: Vec::new(),
            rules,
            sessions: Sessions::default(),
            framing: Annotations::default(),
            marked: Annotations::default(),
            completed: Vec::new(),
            last_completed: 0,
            in_order: None,
            reader: BlockReader::new(source.clone(), 64 << 10),
            outputs: Vec::new(),
            compared: Default::default(),
            fragments: Fragments::default(),
            disputes: Disputes::default(),
            reassembly_limit: options.reassembly_limit,
            ending: Ending::Flows(0),
        };
        match Records::open(&source, as_bytes) {
            Ok(Opened::Unsupported(format)) => return Err(format.into()),
            Ok(Opened::Capture(records)) => {
                index.notices.extend(records.notice());
                let reading = Reading::new(*records, source.length(), &index.protocols);
                indexer.input = Input::Packets(Box::new(reading), Batch::default());
            }
            Ok(Opened::Bytes) => {
                index.notices.push(format!(
                    "{} begins with no capture's magic: its {} bytes are taken as those of one stream",
                    source.name(),
                    source.length()
                ));
                indexer.add_flow(&mut index, TransportType::File, None, false);
                indexer.input = Input::Bytes(0);
            }
            Err(damage) => index.damages.push(damage),
        }
        Ok((indexer, index))
    }

    /// Waits until there is something for [`step`](Indexer::step) to take, so that who lends the index to others need not
    /// keep it from them meanwhile.
    pub fn fetch(&mut self) {
        if let Input::Packets(reading, batch) = &mut self.input
            && batch.is_empty()
        {
            reading.give_back(std::mem::take(batch));
            match reading.next() {
                Some(mut next) => {
                    self.flows.expect(next.take_pairs());
                    self.outlines.extend(next.take_outlines().map(|alone| Outlined { alone, label: None }));
                    *batch = next;
                }
                None => self.input = Input::Done,
            }
        }
    }

    /// Reads on, at most `packets` packets and no more than are at hand. False when there is no more to read.
    pub fn step(&mut self, index: &mut Index, packets: usize) -> bool {
        self.fetch();
        let more = match std::mem::replace(&mut self.input, Input::Done) {
            Input::Packets(reading, mut batch) => {
                let more = self.step_packets(&mut batch, index, packets);
                if more {
                    self.input = Input::Packets(reading, batch);
                }
                more
            }
            Input::Bytes(read) => self.step_bytes(read, index),
            Input::Done => false,
        };
        if !more {
            self.input = Input::Done;
        }
        more
    }

    fn step_packets(&mut self, batch: &mut Batch, index: &mut Index, packets: usize) -> bool {
        index.position = batch.position;
        for _ in 0..packets {
            match batch.take() {
                Some(Taken::Plain(plain)) => {
                    if let Err(error) = self.plain(index, &plain) {
                        self.broken_off(index, &error);
                        return false;
                    }
                }
                Some(Taken::Packet(record, decoded, conversation)) => {
                    index.kept.push(record.time_ns, told_payload(&record, decoded));
                    debug_assert_eq!(record.number, index.kept.len(), "each packet has a number");
                    if let Err(error) = self.packet(index, &record, decoded, conversation) {
                        self.broken_off(index, &error);
                        return false;
                    }
                }
                Some(Taken::Damage(damage))
                    if index.damages.len() < MOST_DAMAGES || damage.resumed.is_none() =>
                {
                    index.damages.push(damage.clone());
                }
                Some(Taken::Metadata(metadata)) => index.add_metadata(metadata),
                Some(Taken::Damage(_)) => {}
                None => break,
            }
        }
        true
    }

    fn step_bytes(&mut self, read: u64, index: &mut Index) -> bool {
        let left = index.source.length() - read;
        let count = left.min(FILE_SEGMENT);
        let mut bytes = Vec::new();
        let length = usize::try_from(count).unwrap_or(0);
        if let Err(error) = self.reader.read(read, length, &mut bytes) {
            self.broken_off(index, &error);
            return false;
        }
        let length = u32::try_from(count).unwrap_or(u32::MAX);
        self.add_segment(index, 0, SegmentRange { offset: read, file_offset: read, length, packet: 0 });
        self.data(index, 0, &bytes, 0);
        index.position = read + count;
        self.input = Input::Bytes(index.position);
        index.position < index.source.length()
    }

    /// The file could not be read on, though it was when it was opened.
    fn broken_off(&mut self, index: &mut Index, error: &io::Error) {
        index.damages.push(Damage {
            file: index.source.name().to_owned(),
            offset: index.position,
            packet: None,
            what: error.to_string(),
            packets_read: index.packets(),
            resumed: None,
        });
    }

    fn add_flow(
        &mut self,
        index: &mut Index,
        transport: TransportType,
        endpoints: Option<[Endpoint; 2]>,
        first_is_high: bool,
    ) -> u32 {
        let number = u32::try_from(index.flows.len()).unwrap_or(u32::MAX);
        let rule = self.rules.iter().rev().find(|(rule, _)| rule.fits(number, transport, endpoints));
        let protocol = rule.and_then(|&(_, protocol)| u16::try_from(protocol).ok());
        index.flows.push(Flow {
            transport,
            endpoints,
            first_is_high,
            swapped: false,
            syn_seen: [false; 2],
            packets: 0,
            interface: None,
            life: Life::default(),
        });
        self.sessions.add_flow();
        for _ in 0..2 {
            index.streams.push(Stream { protocol, ..Stream::default() });
            self.states.push(StreamState { is_certain: protocol.is_some(), ..StreamState::default() });
        }
        number
    }

    /// What a stream needs that is not just one message a packet, in order.
    fn more(&mut self, index: &Index, stream: usize) -> Option<&mut More> {
        let known = index.streams.get(stream)?;
        let (is_chosen, listed) = (known.protocol.is_some(), known.segments().len());
        Some(self.states.get_mut(stream)?.more(self.reassembly_limit, is_chosen, listed))
    }
}

impl std::fmt::Debug for Indexer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Indexer").field("streams", &self.states.len()).finish_non_exhaustive()
    }
}

/// The streams of a flow, forward first.
fn streams_of(index: &Index, flow: u32) -> [usize; 2] {
    let swapped = index.flows.get(flow as usize).is_some_and(|flow| flow.swapped);
    let forward = flow as usize * 2 + usize::from(swapped);
    [forward, forward ^ 1]
}
