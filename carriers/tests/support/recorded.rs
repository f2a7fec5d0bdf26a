//! The connections of a recorded case: only what captures of the loopback interface hold, where nothing is lost or out of order.

use std::collections::HashMap;
use std::path::Path;

use framescope_parser::Role;

use super::{Piece, Pieces};

/// A capture.
#[derive(Default)]
pub struct Recorded {
    /// What each connection sent, in the order of their first packets.
    pub connections: Vec<Pieces>,
    /// The Decryption Secrets Blocks.
    pub secrets: Vec<(u32, Vec<u8>)>,
}

fn u16_be(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn u32_le(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Reads `corpus/carriers/NAME/capture.pcapng`.
pub fn read(name: &str) -> Recorded {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/carriers").join(name);
    let file = std::fs::read(folder.join("capture.pcapng")).unwrap();
    let mut recorded = Recorded::default();
    let mut known: HashMap<[u8; 12], (usize, Role)> = HashMap::new();
    let mut at = 0;
    while at < file.len() {
        let (kind, length) = (u32_le(&file, at), u32_le(&file, at + 4) as usize);
        let body = &file[at + 8..at + length - 4];
        match kind {
            6 => packet(&body[20..20 + u32_le(body, 12) as usize], &mut known, &mut recorded.connections),
            10 => recorded.secrets.push((u32_le(body, 0), body[8..8 + u32_le(body, 4) as usize].to_vec())),
            _ => {}
        }
        at += length;
    }
    recorded
}

/// A packet of Ethernet, IPv4 and TCP.
fn packet(packet: &[u8], known: &mut HashMap<[u8; 12], (usize, Role)>, connections: &mut Vec<Pieces>) {
    let ip = &packet[14..14 + usize::from(u16_be(packet, 16))];
    let tcp = &ip[usize::from(ip[0] & 15) * 4..];
    let (from, to) = (u16_be(tcp, 0), u16_be(tcp, 2));
    let name = |a: &[u8], b: &[u8], a_port: u16, b_port: u16| {
        let all = [a, b, &a_port.to_be_bytes(), &b_port.to_be_bytes()].concat();
        <[u8; 12]>::try_from(all).unwrap()
    };
    let forward = name(&ip[12..16], &ip[16..20], from, to);
    let backward = name(&ip[16..20], &ip[12..16], to, from);
    // SYN without ACK: a new connection.
    if tcp[13] & 0x12 == 2 {
        known.insert(forward, (connections.len(), Role::Client));
        known.insert(backward, (connections.len(), Role::Server));
        connections.push(Vec::new());
    }
    let Some(&(number, role)) = known.get(&forward) else { return };
    let payload = &tcp[usize::from(tcp[12] >> 4) * 4..];
    if !payload.is_empty() {
        connections[number].push((role, Piece::Bytes(payload.to_vec())));
    }
}

/// A file beside the capture.
pub fn beside(name: &str, file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/carriers").join(name);
    std::fs::read_to_string(folder.join(file)).unwrap()
}
