//! A server of Missive with a planted fault: an extension without a value is looked at for ever.
//!
//! rustc -g hang.rs -o hang

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

const LOGIN: u8 = 1;
const LOGOUT: u8 = 2;
const DATA: u8 = 3;
const ACK: u8 = 4;
const ERROR: u8 = 5;
const PING: u8 = 6;
const PONG: u8 = 7;
const CHECKSUM: u16 = 1;
const AUTH: u16 = 2;
const REPLY: u16 = 4;

/// CRC-16/XMODEM.
fn header_check(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |mut crc: u16, byte| {
        crc ^= u16::from(*byte) << 8;
        (0..8).for_each(|_| crc = if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 });
        crc
    })
}

/// CRC-32 as zlib has it.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |mut crc, byte| {
        crc ^= u32::from(*byte);
        (0..8).for_each(|_| crc = if crc & 1 != 0 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 });
        crc
    })
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |all, byte| all << 8 | usize::from(*byte))
}

/// Whether the extensions are as the format has them.
fn extensions_hold(bytes: &[u8]) -> bool {
    let mut at = 0;
    while at < bytes.len() {
        if bytes.len() - at < 3 {
            return false;
        }
        let length = number(&bytes[at + 1..at + 3]);
        if length == 0 && bytes[at] & 0x7F >= 0x40 {
            continue; // Planted: nothing moves on.
        }
        let Some(value) = bytes.get(at + 3..at + 3 + length) else { return false };
        let holds = match bytes[at] & 0x7F {
            1 => length == 8,
            4 => length == 16,
            2 | 3 => std::str::from_utf8(value).is_ok(),
            _ => bytes[at] & 0x80 == 0,
        };
        if !holds {
            return false;
        }
        at += 3 + length;
    }
    true
}

fn login_holds(payload: &[u8]) -> bool {
    let text = |at: usize| {
        let length = number(payload.get(at..at + 2)?);
        payload.get(at + 2..at + 2 + length)
    };
    text(0).is_some_and(|user| std::str::from_utf8(user).is_ok() && text(2 + user.len()).is_some())
}

/// A frame's answer.
fn answer(open: &mut Vec<u16>, frame: &[u8]) -> Option<Vec<u8>> {
    let (kind, flags, channel) = (frame[3], number(&frame[4..6]) as u16, number(&frame[16..18]) as u16);
    let (extensions, payload) = (number(&frame[6..8]), number(&frame[8..12]));
    let (extensions, payload) = frame[20..20 + extensions + payload].split_at(extensions);
    if flags & REPLY != 0 {
        return None;
    }
    let is_sound = flags & CHECKSUM == 0 || {
        let (all, check) = frame.split_at(frame.len() - 4);
        checksum(all) as usize == number(check)
    };
    let is_text = std::str::from_utf8(payload).is_ok();
    let is_valid = frame[2] == 1 && is_sound && extensions_hold(extensions);
    let is_open = open.contains(&channel);
    let (kind, says) = match kind {
        _ if !is_valid => (ERROR, &b"\x01\x90"[..]),
        LOGIN if login_holds(payload) => {
            if !is_open {
                open.push(channel);
            }
            (ACK, &b""[..])
        }
        LOGOUT if is_text && is_open => {
            open.retain(|one| *one != channel);
            (ACK, &b""[..])
        }
        DATA if is_text && is_open => (ACK, &b""[..]),
        PING => (PONG, payload),
        _ => (ERROR, &b"\x01\x91"[..]),
    };
    let mut out = vec![0xF5, 0x4D, 1, kind, 0, 4, 0, 0];
    out.extend((says.len() as u32).to_be_bytes());
    out.extend(&frame[12..18]);
    out.extend(header_check(&out).to_be_bytes());
    out.extend(says);
    Some(out)
}

fn serve(mut peer: TcpStream) -> io::Result<()> {
    peer.set_nodelay(true)?;
    let (mut open, mut bytes) = (Vec::new(), Vec::new());
    let mut buffer = [0; 4096];
    loop {
        let length = peer.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        bytes.extend(&buffer[..length]);
        while bytes.len() >= 20 {
            let believed = bytes[..2] == [0xF5, 0x4D] && usize::from(header_check(&bytes[..18])) == number(&bytes[18..20]);
            if !believed || number(&bytes[8..12]) > 1 << 20 {
                bytes.remove(0);
                continue;
            }
            let flags = number(&bytes[4..6]) as u16;
            let checks = if flags & AUTH != 0 { 16 } else { 0 } + if flags & CHECKSUM != 0 { 4 } else { 0 };
            let end = 20 + number(&bytes[6..8]) + number(&bytes[8..12]) + checks;
            if bytes.len() < end {
                break;
            }
            let frame: Vec<u8> = bytes.drain(..end).collect();
            if let Some(answer) = answer(&mut open, &frame) {
                peer.write_all(&answer)?;
            }
        }
    }
}

fn main() -> io::Result<()> {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(7500);
    for peer in TcpListener::bind(("127.0.0.1", port))?.incoming().flatten() {
        std::thread::spawn(move || serve(peer));
    }
    Ok(())
}
