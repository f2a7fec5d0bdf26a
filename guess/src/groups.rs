//! Which conversations are looked at together: those that go to the same place of a server, and so probably speak the same.

use std::collections::BTreeMap;
use std::fmt;

use framescope_capture::{Flow, FlowId, Index, TransportType};
use framescope_parser::Direction;

/// Where conversations go that are believed to speak the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Whether over UDP.
    pub is_udp: bool,
    /// The server's port; None for a file.
    pub port: Option<u16>,
}

impl Group {
    /// Where a conversation goes.
    pub fn of(flow: &Flow) -> Group {
        let port = flow.source(Direction::Backward).map(|server| server.port());
        Group { is_udp: flow.transport == TransportType::Udp, port }
    }

    /// What a description of what is spoken there is called.
    pub fn id(&self) -> String {
        match self.port {
            Some(port) => format!("guessed_{}_{port}", if self.is_udp { "udp" } else { "tcp" }),
            None => "guessed".to_owned(),
        }
    }
}

/// `TCP port 502`.
impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{} port {port}", if self.is_udp { "UDP" } else { "TCP" }),
            None => f.write_str("the file"),
        }
    }
}

/// The conversations that `wanted` accepts, by where they go.
pub fn groups(index: &Index, wanted: &dyn Fn(FlowId) -> bool) -> BTreeMap<Group, Vec<FlowId>> {
    let mut groups: BTreeMap<Group, Vec<FlowId>> = BTreeMap::new();
    for (id, flow) in index.flows().filter(|(id, _)| wanted(*id)) {
        groups.entry(Group::of(flow)).or_default().push(id);
    }
    groups
}

/// Whether no protocol explains what either side of a conversation says.
pub fn is_unexplained(index: &Index, flow: FlowId) -> bool {
    spoken(index, flow) == [None; 2]
}

/// Where a conversation goes, and all conversations that go there and are read as the same protocol, or as none.
pub fn alike(index: &Index, flow: FlowId) -> Option<(Group, Vec<FlowId>)> {
    let group = Group::of(index.flow(flow)?);
    let spoken_here = spoken(index, flow);
    let is_alike = |(id, other): &(FlowId, &Flow)| {
        Group::of(other) == group && (*id == flow || spoken(index, *id) == spoken_here)
    };
    Some((group, index.flows().filter(is_alike).map(|(id, _)| id).collect()))
}

fn spoken(index: &Index, flow: FlowId) -> [Option<&str>; 2] {
    [Direction::Forward, Direction::Backward]
        .map(|way| index.stream_protocol(flow, way).map(|protocol| protocol.name()))
}
