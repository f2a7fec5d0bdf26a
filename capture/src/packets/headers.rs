//! The headers that packets are wrapped in, up to IP: each is removed, and announces what is after it.

use crate::packets::layer::{DEEPEST, Layer, SkipReason, Unusual};

/// The bytes after the first `length`; none where they are cut.
pub(crate) fn behind(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(length..).unwrap_or_default()
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    behind(bytes, at).first_chunk().copied().map(u16::from_be_bytes)
}

/// What Linux's packet filter logged: an address family, a version of 0, a group, and after them values with their lengths and
/// types in the byte order of the capturing machine. One of them is the packet, from its network header on.
pub(crate) fn nflog(bytes: &[u8]) -> Result<Layer<'_>, SkipReason> {
    let [_, version, _, _, values @ ..] = bytes else { return Err("cut in its NFLOG header".into()) };
    if *version != 0 {
        return Err(format!("NFLOG version {version}, which is not read").into());
    }
    let payload = nflog_payload(values, u16::from_le_bytes);
    let payload = payload.or_else(|| nflog_payload(values, u16::from_be_bytes));
    let payload = payload.ok_or("NFLOG packet without its bytes")?;
    // A bridge's family has packets of every kind.
    match payload.first().map(|byte| byte >> 4) {
        Some(4 | 6) => Ok(Layer::Ip(payload)),
        _ => Err("NFLOG packet that is not IP".into()),
    }
}

fn nflog_payload(values: &[u8], number: fn([u8; 2]) -> u16) -> Option<&[u8]> {
    const PAYLOAD: u16 = 9;
    let mut rest = values;
    loop {
        let (&[l0, l1, t0, t1], behind_head) = rest.split_first_chunk()?;
        // With its own head. Of a payload that the capture cut its beginning is there.
        let length = usize::from(number([l0, l1])).checked_sub(4)?;
        // The upper two bits are how the value is encoded. Read in the wrong order a type does not exist.
        let number_of_type = number([t0, t1]) & 0x3FFF;
        if number_of_type > 0xFF {
            return None;
        }
        if number_of_type == PAYLOAD {
            return Some(behind_head.get(..length).unwrap_or(behind_head));
        }
        rest = behind_head.get(length.next_multiple_of(4)..)?;
    }
}

pub(crate) fn ether_type(number: u16, bytes: &[u8]) -> Result<Layer<'_>, SkipReason> {
    Ok(match number {
        0x0800 | 0x86DD => Layer::Ip(bytes),
        // IEEE 802.1Q and 802.1ad, and what was used for it before.
        0x8100 | 0x88A8 | 0x9100 | 0x9200 => {
            let inner = u16_at(bytes, 2).ok_or("cut in its VLAN tag")?;
            Layer::EtherType(inner, behind(bytes, 4))
        }
        // IEEE 802.1ah: a service's number before the customer's frame.
        0x88E7 => Layer::Ethernet(bytes.get(4..).ok_or("cut in its 802.1ah tag")?),
        0x8847 | 0x8848 => Layer::Mpls(bytes),
        0x8864 => Layer::Pppoe(bytes),
        0x8863 => return Err("PPPoE that carries no data".into()),
        0x6558 => Layer::Ethernet(bytes),
        0x880B => Layer::Ppp(bytes),
        0x0806 => return Err("ARP".into()),
        // A length: IEEE 802.3. After it comes LLC.
        0..=0x05DC => Layer::Llc(bytes),
        _ => return Err(format!("EtherType {number:#06x}, which is not read").into()),
    })
}

pub(crate) fn llc(bytes: &[u8]) -> Result<Layer<'_>, SkipReason> {
    match bytes {
        // SNAP: an organisation and a protocol of its. That of the EtherTypes is 0, or with bridges 00-00-F8.
        [0xAA, 0xAA, 3, 0, 0, 0 | 0xF8, high, low, rest @ ..] => {
            Ok(Layer::EtherType(u16::from_be_bytes([*high, *low]), rest))
        }
        [0x06, 0x06, 3, rest @ ..] => Ok(Layer::Ip(rest)),
        [0x42, 0x42, 3, ..] => Err("spanning tree protocol".into()),
        [_, _, _, ..] => Err("IEEE 802.3 frame whose LLC is not IP".into()),
        _ => Err("cut in its LLC header".into()),
    }
}

pub(crate) fn ppp(bytes: &[u8]) -> Result<Layer<'_>, SkipReason> {
    // Address and control come first unless both sides agreed to leave them out; so may be the protocol's first byte, if it is 0.
    let bytes = bytes.strip_prefix(&[0xFF, 0x03]).unwrap_or(bytes);
    let (protocol, rest) = match bytes {
        [low, rest @ ..] if low & 1 == 1 => (u16::from(*low), rest),
        [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        _ => return Err("cut in its PPP header".into()),
    };
    match protocol {
        0x0021 | 0x0057 => Ok(Layer::Ip(rest)),
        0x0281 | 0x0283 => Ok(Layer::Mpls(rest)),
        0x8000.. => Err("PPP that carries no data".into()),
        _ => Err(format!("PPP protocol {protocol:#06x}, which is not read").into()),
    }
}

pub(crate) fn mpls(bytes: &[u8]) -> Result<Layer<'_>, SkipReason> {
    let mut rest = bytes;
    for _ in 0..DEEPEST {
        let (label, inner) = rest.split_first_chunk::<4>().ok_or("cut in its MPLS labels")?;
        rest = inner;
        let [_, _, bottom, _] = label;
        if bottom & 1 == 0 {
            continue;
        }
        // Nothing says what follows the last label. IP shows in the first four bits; a control word before Ethernet
        // begins with four zero bits, as many an Ethernet address does, so the EtherType must be looked for.
        let ether_type_at =
            |at| matches!(u16_at(inner, at), Some(0x0800 | 0x86DD | 0x8100 | 0x88A8 | 0x8847));
        return match inner.first().map(|byte| byte >> 4) {
            Some(4 | 6) => Ok(Layer::Ip(inner)),
            Some(0) if !ether_type_at(12) && ether_type_at(16) => Ok(Layer::Ethernet(behind(inner, 4))),
            Some(_) => Ok(Layer::Ethernet(inner)),
            None => Err("cut after its MPLS labels".into()),
        };
    }
    Err(format!("more than {DEEPEST} MPLS labels").into())
}

/// Generic routing encapsulation: RFC 2784 and 2890, and PPTP's, RFC 2637.
pub(crate) fn gre(bytes: &[u8]) -> Result<Layer<'_>, SkipReason> {
    let cut = "cut in its GRE header";
    let (flags, protocol) = u16_at(bytes, 0).zip(u16_at(bytes, 2)).ok_or(cut)?;
    let field = |bit: u16| if flags & bit != 0 { 4 } else { 0 };
    let sequence = field(0x1000);
    let length = match flags & 0x0007 {
        0 if flags & 0x4000 != 0 => return Err("GRE with source routes, which are not read".into()),
        0 => 4 + field(0x8000) + field(0x2000) + sequence,
        1 => 4 + field(0x2000) + sequence + field(0x0080),
        version => return Err(format!("GRE version {version}, which is not read").into()),
    };
    let inner = bytes.get(length..).ok_or(cut)?;
    match protocol {
        // ERSPAN: the mirrored Ethernet frame after a header, which its first version lacks and that has no number.
        0x88BE if sequence == 0 => Ok(Layer::Ethernet(inner)),
        0x88BE => Ok(Layer::Ethernet(behind(inner, 8))),
        0x22EB => {
            let optional = inner.get(11).is_some_and(|flags| flags & 1 != 0);
            Ok(Layer::Ethernet(behind(inner, if optional { 20 } else { 12 })))
        }
        0x880B if inner.is_empty() => Err("PPTP that carries no data".into()),
        number => ether_type(number, inner),
    }
}

/// VXLAN, RFC 7348: one flag that is set, a network number, and zeros around them, which a receiver ignores; group policies, for
/// one, stand there.
pub(crate) fn vxlan(bytes: &[u8]) -> Result<(Layer<'_>, Option<Unusual>), SkipReason> {
    let (head, frame) = bytes.split_first_chunk().ok_or("cut in its VXLAN header")?;
    let is_odd = !matches!(head, [0x08, 0, 0, 0, _, _, _, 0]);
    Ok((Layer::Ethernet(frame), is_odd.then_some(Unusual::VxlanBits)))
}

/// What a UDP datagram to a tunnel's port carries, if it looks like the tunnel's.
pub(crate) fn udp_tunnel<'a>(ports: (u16, u16), payload: &'a [u8]) -> Option<Layer<'a>> {
    let to_or_from = |port: u16| ports.0 == port || ports.1 == port;
    let flags = *payload.first()?;
    if to_or_from(4789) || to_or_from(8472) {
        return Some(Layer::Vxlan(payload));
    }
    if to_or_from(4754) {
        // RFC 8086.
        return Some(Layer::Gre(payload));
    }
    if to_or_from(6081) {
        // Geneve, RFC 8926: a version of 0, the length of options in words, an EtherType.
        let options = usize::from(flags & 0x3F) * 4;
        let protocol = u16_at(payload, 2)?;
        return (flags >> 6 == 0).then_some(Layer::EtherType(protocol, payload.get(8 + options..)?));
    }
    if to_or_from(2152) {
        // GTP-U, 3GPP TS 29.281: version 1, a message that carries a packet, and optional extension headers.
        let [flags, 0xFF, ..] = *payload.first_chunk::<8>()? else { return None };
        if flags & 0xF0 != 0x30 {
            return None;
        }
        let mut at = 8;
        if flags & 0x07 != 0 {
            at += 4;
            let mut next = *payload.get(at - 1)?;
            while flags & 0x04 != 0 && next != 0 {
                at += usize::from(*payload.get(at)?).max(1) * 4;
                next = *payload.get(at - 1)?;
            }
        }
        return Some(Layer::Ip(payload.get(at..)?));
    }
    None
}
