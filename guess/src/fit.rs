//! How well a description fits a capture: what reading the capture with it explains.

use std::collections::BTreeMap;
use std::sync::Arc;

use framescope_capture::{FlowId, Index, Options};
use framescope_ksy::Described;
use framescope_parser::{Direction, Protocol, SpanType};

use crate::groups::Group;

/// What a description explains of some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// How many bytes.
    pub bytes: u64,
    /// How many of them are in messages.
    pub explained: u64,
    /// The messages.
    pub messages: usize,
    /// How many of those have a problem.
    pub problems: usize,
}

/// What a capture is read with to see how a description fits: all that goes where the conversations of a group do is what it describes.
pub fn options_with(options: &Options, described: &Described, group: Group) -> Options {
    let name = described.name();
    let selector = match group {
        Group { port: None, .. } => "file".to_owned(),
        Group { port: Some(port), is_udp: true } => format!("udp.port={port}"),
        Group { port: Some(port), is_udp: false } => format!("tcp.port={port}"),
    };
    let rule = format!("{selector}={name}").parse().ok();
    let first = Arc::new(described.clone()) as Arc<dyn Protocol>;
    Options {
        protocols: std::iter::once(first).chain(options.protocols.iter().cloned()).collect(),
        decode_as: options.decode_as.iter().cloned().chain(rule).collect(),
        ..options.clone()
    }
}

/// The conversations that packets bring, in their order: what is carried in them depends on what they are read as, and so do the
/// numbers of all.
pub fn outermost(index: &Index) -> Vec<FlowId> {
    index.flows().filter(|(_, flow)| flow.level() == 0).map(|(id, _)| id).collect()
}

/// How well a capture is explained that was read with a description. `before` are the [`outermost`] conversations as they were numbered
/// when the description was made, and `streams` what is looked at: conversations by those numbers, and from which offset on.
pub fn fit(before: &[FlowId], index: &Index, streams: impl Iterator<Item = (FlowId, Direction, u64)>) -> Fit {
    let now: BTreeMap<FlowId, FlowId> = before.iter().copied().zip(outermost(index)).collect();
    let mut fit = Fit::default();
    for (flow, direction, from) in streams {
        let Some(&flow) = now.get(&flow) else { continue };
        for row in index.stream_rows(flow, direction).filter_map(|row| index.row(row)) {
            if row.offset < from || row.span_type == SpanType::Gap {
                continue;
            }
            fit.bytes += row.length;
            if row.span_type == SpanType::Message {
                fit.explained += row.length;
                fit.messages += 1;
                fit.problems += usize::from(row.severity().is_some());
            }
        }
    }
    fit
}
