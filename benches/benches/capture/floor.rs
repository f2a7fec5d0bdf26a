//! The floor: what any reader of such a capture must do at least. 1 MiB positioned reads, records by pcap-file, headers
//! by etherparse's slices layer by layer, a frame's header by nom, both checks by the same libraries. One thread; no
//! flows, no streams, nothing stored.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crc::{CRC_16_XMODEM, Crc, Table};
use etherparse::{Ethernet2HeaderSlice, Ipv4HeaderSlice, TcpHeaderSlice};
use nom::bytes::complete::{tag, take};
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::{IResult, Parser};
use pcap_file::pcap::{PcapParseError, PcapParser};

static HEADER_CHECK: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_XMODEM);

#[inline(never)]
fn header_check(header: &[u8; 20]) -> u16 {
    HEADER_CHECK.checksum(&header[..18])
}

/// What is summed up, so that no work can be left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub packets: u64,
    /// Frames that begin with their segment and whose checks hold.
    pub frames: u64,
    pub bytes: u64,
}

struct Header {
    flags: u16,
    extensions_length: u16,
    payload_length: u32,
    header_check: u16,
}

fn header(bytes: &[u8]) -> IResult<&[u8], Header> {
    let (rest, _) = tag(&b"\xF5\x4D"[..]).parse(bytes)?;
    let (rest, (_version, _kind, flags, extensions_length, payload_length)) =
        (be_u8, be_u8, be_u16, be_u16, be_u32).parse(rest)?;
    let (rest, (_sequence, _channel, header_check)) = (be_u32, be_u16, be_u16).parse(rest)?;
    Ok((rest, Header { flags, extensions_length, payload_length, header_check }))
}

pub fn read(path: &Path) -> Sums {
    let mut file = File::open(path).expect("the capture is there");
    let mut buffer: Vec<u8> = Vec::new();
    let (mut at, mut used) = (0_u64, 0);
    let mut sums = Sums::default();
    let mut parser = None;
    loop {
        // One block more, after what is left of the last.
        buffer.drain(..used);
        let left = buffer.len();
        buffer.resize(left + (1 << 20), 0);
        file.seek(SeekFrom::Start(at)).expect("the file can be read");
        let read = file.read(&mut buffer[left..]).expect("the file can be read");
        buffer.truncate(left + read);
        at += read as u64;
        if read == 0 {
            return sums;
        }
        let mut rest = &buffer[..];
        if parser.is_none() {
            let (behind, made) = PcapParser::new(rest).expect("a pcap file");
            (rest, parser) = (behind, Some(made));
        }
        let Some(parser) = &parser else { return sums };
        loop {
            match parser.next_raw_packet(rest) {
                Ok((behind, packet)) => {
                    rest = behind;
                    sums.packets += 1;
                    segment(&packet.data, &mut sums);
                }
                Err(PcapParseError::IncompleteBuffer(..)) => break,
                Err(error) => panic!("{error}"),
            }
        }
        used = buffer.len() - rest.len();
    }
}

fn segment(packet: &[u8], sums: &mut Sums) {
    let Ok(ethernet) = Ethernet2HeaderSlice::from_slice(packet) else { return };
    let rest = &packet[ethernet.slice().len()..];
    let Ok(ip) = Ipv4HeaderSlice::from_slice(rest) else { return };
    let total = usize::from(ip.total_len()).min(rest.len());
    let rest = &rest[ip.slice().len()..total];
    let Ok(tcp) = TcpHeaderSlice::from_slice(rest) else { return };
    let payload = &rest[tcp.slice().len()..];
    sums.bytes += payload.len() as u64;
    let Ok((_, found)) = header(payload) else {
        // No frame begins here: the bytes belong to one that began before.
        sums.bytes += u64::from(crc32fast::hash(payload) & 1);
        return;
    };
    let Some(first) = payload.first_chunk() else { return };
    if header_check(first) != found.header_check {
        return;
    }
    let end = 20 + usize::from(found.extensions_length) + found.payload_length as usize;
    if found.flags & 1 == 0 {
        sums.frames += 1;
        return;
    }
    let covered = &payload[..end.min(payload.len())];
    let computed = crc32fast::hash(covered);
    let checksum: IResult<&[u8], &[u8]> = take(4_usize).parse(payload.get(end..).unwrap_or_default());
    if checksum.is_ok_and(|(_, checksum)| checksum == computed.to_be_bytes()) {
        sums.frames += 1;
    }
}
