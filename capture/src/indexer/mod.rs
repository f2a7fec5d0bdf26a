//! Runs the stages one after another, and lends each the tables of the index that it fills.
//!
//! ```text
//! read ahead ──── flow table ─── stream tracker ─── message framer ─── index writer
//! file, records,  whose packet   bytes in order,    spans, each with   rows, links,
//! packets         it is          gaps, duplicates   its label          problems
//! ```
//!
//! `pipeline.rs` follows a packet from the first to the last stage. `ending.rs` is what happens at the end of a capture. This module
//! and those decide nothing themselves: they pass on what one stage gives to the next. `carrying.rs` passes on what messages carry, which
//! goes through the last two stages once more.

mod batch;
mod carrying;
mod ending;
mod files;
mod options;
mod pipeline;
mod read_ahead;

use std::io;
use std::sync::Arc;

pub use self::options::{Options, TakeSecrets};

use self::batch::{Batch, ReadItem};
use self::carrying::Channels;
use self::ending::Ending;

use self::read_ahead::Reading;
use crate::files::metadata::Metadata;
use crate::files::records::{Opened, Records};
use crate::ids::{FlowId, PacketId, Side, StreamId};
use crate::index::writer::IndexWriter;
use crate::index::{Index, SegmentRange};
use crate::messages::framing::MessageFramer;
use crate::packets::assembler::Assembler;
use crate::streams::flow::Flow;
use crate::streams::flow_table::FlowTable;
use crate::streams::reassembly::Output;
use crate::streams::tracker::StreamTracker;
use crate::{BlockReader, Damage, DecodeAs, ReadError, Selection, Source};

/// Reads a whole capture. `progress` is given the index at intervals, and stops the reading by returning false.
///
/// # Errors
/// A rule of `options` names no protocol, or the file is a capture of a kind that is not read: the sentence says which,
/// and what converts it. Damage of the file is not an error: the index lists it.
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
    assembler: Assembler,
    flows: FlowTable,
    streams: StreamTracker,
    messages: MessageFramer,
    channels: Channels,
    selection: Option<Selection>,
    secrets: Option<Arc<dyn TakeSecrets>>,
    writer: IndexWriter,
    ending: Ending,
    /// What reassembly gave, on its way to the next stages. Kept for its memory.
    events: Vec<(StreamId, Output)>,
    /// Reads what is delivered later than it was captured.
    reader: BlockReader,
    bytes: Vec<u8>,
}

enum Input {
    Packets(Box<Reading>, Batch),
    /// The bytes of one stream, and how many were read.
    Bytes(StreamId, u64),
    Done,
}

/// A file that is not a capture is one segment, as long as that is not more than this.
const FILE_SEGMENT: u64 = 16 << 20;
/// What is read of the file again at a time.
const BLOCK: usize = 64 << 10;

impl Indexer {
    /// Opens a capture and returns what reads it and the index to fill, still empty.
    ///
    /// # Errors
    /// A rule of `options` names no protocol, or the file is a capture of a kind that is not read, unless a rule for
    /// `file` says that it is the bytes of one stream.
    pub fn new(source: Source, options: &Options) -> Result<(Indexer, Index), ReadError> {
        let rules = options.rules()?;
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
        let protocols = options.protocols.clone();
        let mut index = Index::new(source.clone(), protocols.clone());
        index.notes.notices = notices;
        let reader = || BlockReader::new(source.clone(), BLOCK);
        let mut indexer = Indexer {
            input: Input::Done,
            assembler: Assembler::new(reader()),
            flows: FlowTable::default(),
            streams: StreamTracker::new(options.reassembly_limit),
            messages: MessageFramer::new(protocols, rules, options.clients.clone()),
            channels: Channels::default(),
            selection: options.selection.clone(),
            secrets: options.secrets.clone(),
            writer: IndexWriter::new(reader()),
            ending: Ending::Flows(0),
            events: Vec::new(),
            reader: reader(),
            bytes: Vec::new(),
        };
        if !as_bytes && source.parts().is_some() {
            let reading = Reading::files(&source, options);
            indexer.input = Input::Packets(Box::new(reading), Batch::default());
            return Ok((indexer, index));
        }
        match Records::open(&source, as_bytes) {
            Ok(Opened::Unsupported(format)) => return Err(format.into()),
            Ok(Opened::Capture(records)) => {
                index.notes.notices.extend(records.notice());
                let reading = Reading::file(records, &source, options);
                indexer.input = Input::Packets(Box::new(reading), Batch::default());
            }
            Ok(Opened::Bytes) => {
                // What was asked for may be a capture all the same.
                let is_capture = as_bytes && matches!(Records::open(&source, false), Ok(Opened::Capture(_)));
                let why = if is_capture { "is a capture" } else { "begins with no capture's magic" };
                index.notes.notices.push(format!(
                    "{} {why}: its {} bytes are taken as those of one stream",
                    source.name(),
                    source.length()
                ));
                let flow = index.flows.push(Flow::default());
                indexer.add_streams(&mut index, flow);
                indexer.input = Input::Bytes(flow.stream(Side::First), 0);
            }
            Err(damage) => index.notes.damages.push(damage),
        }
        Ok((indexer, index))
    }

    /// Waits until there is something for [`step`](Indexer::step) to take, so that a caller that lends the index to others need not
    /// keep it from them meanwhile.
    pub fn fetch(&mut self) {
        if let Input::Packets(reading, batch) = &mut self.input
            && batch.is_empty()
        {
            reading.give_back(std::mem::take(batch));
            match reading.next() {
                Some(mut next) => {
                    self.flows.add_pairs(next.take_pairs());
                    self.messages.add_outlines(next.take_outlines());
                    *batch = next;
                }
                None => self.input = Input::Done,
            }
        }
    }

    /// Whether all that a [growing](Source::growing) source has was read, and more is expected.
    pub fn is_waiting(&self) -> bool {
        match &self.input {
            Input::Packets(reading, batch) => {
                batch.is_empty() && reading.is_waiting() && self.reader.source().is_growing()
            }
            Input::Bytes(_, read) => {
                self.reader.source().is_growing() && *read == self.reader.source().length()
            }
            Input::Done => false,
        }
    }

    /// Reads on, at most `packets` packets and no more than are at hand. False when there is no more to read; of a growing source there
    /// may be, also where nothing was read.
    pub fn step(&mut self, index: &mut Index, packets: usize) -> bool {
        self.fetch();
        let step = match std::mem::replace(&mut self.input, Input::Done) {
            Input::Packets(reading, mut batch) => self
                .step_packets(&mut batch, index, packets)
                .map(|()| self.input = Input::Packets(reading, batch)),
            Input::Bytes(stream, read) => self.step_bytes(stream, read, index),
            Input::Done => Ok(()),
        };
        if let Err(error) = step {
            self.stop(index, &error);
        }
        self.writer.show_noticed(&mut index.rows, &mut index.labels);
        !matches!(self.input, Input::Done)
    }

    fn step_packets(&mut self, batch: &mut Batch, index: &mut Index, packets: usize) -> io::Result<()> {
        index.notes.position = batch.position;
        for _ in 0..packets {
            match batch.take() {
                Some(ReadItem::Segment(segment)) => self.plain_segment(index, &segment)?,
                Some(ReadItem::Packet(record, decoded, conversation)) => {
                    self.other_packet(index, &record, decoded, conversation)?;
                }
                Some(ReadItem::LeftAside(count, first_ns)) => {
                    index.packets.times.push_others(count, first_ns);
                }
                Some(ReadItem::Damage(damage)) => index.notes.damage(damage),
                Some(ReadItem::Metadata(metadata)) => {
                    if let (Metadata::Secrets(kind, secrets), Some(to)) = (&metadata, &self.secrets) {
                        to.take(*kind, secrets);
                    }
                    index.notes.add_metadata(metadata);
                }
                None => break,
            }
        }
        Ok(())
    }

    fn step_bytes(&mut self, stream: StreamId, read: u64, index: &mut Index) -> io::Result<()> {
        // Asked first: what is appended last comes before the end.
        let is_growing = index.source.is_growing();
        let left = index.source.length() - read;
        let count = left.min(FILE_SEGMENT);
        if count == 0 && is_growing {
            self.input = Input::Bytes(stream, read);
            return Ok(());
        }
        let mut bytes = Vec::new();
        self.reader.read(read, usize::try_from(count).unwrap_or(0), &mut bytes)?;
        let length = u32::try_from(count).unwrap_or(u32::MAX);
        let segment = SegmentRange { offset: read, file_offset: read, length, packet: PacketId::NONE };
        self.next_data(index, stream, segment, &bytes, PacketId::NONE.into());
        index.notes.position = read + count;
        if index.notes.position < index.source.length() || is_growing {
            self.input = Input::Bytes(stream, index.notes.position);
        }
        Ok(())
    }

    /// The file could not be read on, though it was when it was opened.
    fn stop(&mut self, index: &mut Index, error: &io::Error) {
        index.notes.damages.push(Damage {
            file: index.source.name().to_owned(),
            offset: index.notes.position,
            packet: None,
            what: error.to_string(),
            packets_read: index.packets(),
            resumed: None,
        });
    }

    /// Every stage has a place for the two streams of a flow.
    fn add_streams(&mut self, index: &mut Index, flow: FlowId) {
        self.streams.add_flow();
        let choice = self.messages.add_flow(flow, index.flows.at(flow));
        self.writer.add_flow(&mut index.rows, choice);
    }
}

impl std::fmt::Debug for Indexer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Indexer").field("streams", &self.streams).finish_non_exhaustive()
    }
}
