//! What is generated is what was requested, as the capture crate reads it.

use std::net::{IpAddr, Ipv4Addr};

use framescope_capture::filter::Filter;
use framescope_capture::{ConnectionState, Flow, Index, Options, PacketId, Source, read};
use framescope_traffic::{Container, Endless, Made, Notes, Shape, Sizes, write};

const SMALL: u64 = 10_000;

fn small() -> Shape {
    Shape { messages: SMALL, connections: 20, seed: 7, ..Shape::default() }
}

fn made(shape: &Shape, container: Container) -> (Made, Vec<u8>) {
    let mut bytes = Vec::new();
    (write(shape, container, &mut bytes).unwrap(), bytes)
}

fn index(bytes: Vec<u8>) -> Index {
    let index = read(Source::from_bytes("made", bytes), &Options::default(), &mut |_| true).unwrap();
    assert_eq!(index.damages(), []);
    index
}

fn read_back(shape: &Shape) -> (Made, Index) {
    let (made, bytes) = made(shape, Container::Pcap);
    let index = index(bytes);
    assert_eq!(u64::from(index.packets()), made.packets);
    (made, index)
}

fn count(index: &Index, filter: &str) -> u64 {
    Filter::parse(filter, &framescope_parser::built_in()).unwrap().rows(index).unwrap().len() as u64
}

fn about(found: u64, of: u64, share: f64) -> bool {
    (found as f64 / of as f64 - share).abs() < 0.02
}

#[test]
fn the_same_seed_makes_the_same_bytes_and_another_one_others() {
    let shape = Shape { reorder: 0.1, loss: 0.1, sizes: Sizes::Mixture, answered: 0.5, ..small() };
    let (first, bytes) = made(&shape, Container::Pcap);
    assert_eq!(made(&shape, Container::Pcap), (first, bytes.clone()));
    let (other, others) = made(&Shape { seed: 8, ..shape }, Container::Pcap);
    assert_ne!(others, bytes);
    assert_eq!((other.messages, other.connections), (first.messages, first.connections));
}

#[test]
fn nothing_is_wrong_with_a_shape_that_asks_for_nothing_wrong() {
    let split = Shape { sizes: Sizes::Mixture, full_segments: true, ..small() };
    let both = [small(), Shape { short: 4, ..small() }, split.clone(), Shape { bare: true, ..small() }];
    for shape in both {
        let (made, index) = read_back(&shape);
        assert_eq!((made.messages, index.row_count() as u64), (SMALL, SMALL), "{shape:?}");
        assert_eq!(count(&index, "problems or type != message"), 0, "{shape:?}");
    }
    let (_, index) = read_back(&split);
    let messages_share_segments = index.rows().any(|(_, row)| index.row_packets(&row).len() > 2);
    assert!(messages_share_segments);
}

#[test]
fn as_many_requests_are_answered_as_requested() {
    for answered in [0.0, 0.3, 0.8, 1.0] {
        let (made, index) = read_back(&Shape { answered, ..small() });
        assert_eq!(made.requests + made.answers, SMALL);
        assert_eq!(count(&index, "reply_to"), made.answers);
        assert_eq!(count(&index, "unanswered"), made.requests - made.answers);
        assert!(about(made.answers, made.requests, answered), "{answered}: {made:?}");
        assert_eq!(count(&index, "problems and not unanswered"), 0);
        assert_eq!(count(&index, "src.port == 9000"), SMALL / 2);
    }
    let (made, index) = read_back(&Shape { answered: 0.0, short: 4, ..small() });
    assert_eq!(count(&index, "unanswered"), made.requests);
    assert_eq!(count(&index, "problems and not unanswered"), 0);
}

#[test]
fn what_is_noted_is_noted_of_each_message() {
    for notes in Notes::ALL.into_iter().filter(|&notes| notes != Notes::None) {
        let bare = notes == Notes::Glued;
        let (made, index) = read_back(&Shape { notes, bare, answered: 0.0, ..small() });
        // The first of each side has no number before it.
        let first = if notes == Notes::SequenceJump { 2 * u64::from(made.connections) } else { 0 };
        assert_eq!(count(&index, &notes.to_string()), SMALL - first, "{notes}");
        assert_eq!(index.row_count() as u64, SMALL, "{notes}");
        let others = count(&index, &format!("problems != {notes} and problems != unanswered"));
        assert_eq!(others, 0, "{notes}");
    }
}

#[test]
fn as_many_segments_are_lost_and_late_as_requested() {
    let (made, index) = read_back(&Shape { loss: 0.1, ..small() });
    assert!(about(made.lost, made.segments, 0.1), "{made:?}");
    // One at the end of its stream leaves no hole.
    let found = count(&index, "type == message");
    assert_eq!(found, SMALL - made.lost);

    let (made, index) = read_back(&Shape { reorder: 0.2, ..small() });
    assert!(about(made.late, made.segments, 0.2), "{made:?}");
    assert_eq!((index.row_count() as u64, count(&index, "type == message")), (SMALL, SMALL));
    let mut late = 0;
    for (flow, direction) in (0..20).flat_map(|flow| [(flow, false), (flow, true)]) {
        let mut rows: Vec<_> =
            index.rows().map(|(_, row)| row).filter(|row| row.flow().number() == flow).collect();
        rows.retain(|row| (index.direction(row) == framescope_parser::Direction::Backward) == direction);
        rows.sort_by_key(|row| row.offset);
        let packets: Vec<PacketId> = rows.iter().map(|row| index.row_packets(row)[0]).collect();
        late += packets.windows(2).filter(|two| two[0] > two[1]).count() as u64;
    }
    assert!(late <= made.late && late + 40 > made.late, "{late} of {made:?}");
}

#[test]
fn sizes_are_those_of_the_distribution() {
    for sizes in [Sizes::Fixed(300), Sizes::Uniform(16, 1400), Sizes::Mixture] {
        let (_, index) = read_back(&Shape { sizes, ..small() });
        let (shortest, longest) = sizes.range();
        // A frame's header and checksum; the login and its reply are short ones.
        let texts: Vec<u64> = index
            .rows()
            .filter(|(_, row)| index.kind(row) != Some("LOGIN"))
            .map(|(_, row)| row.length - 24)
            .collect();
        assert!(texts.iter().all(|&size| (shortest.into()..=longest.into()).contains(&size)), "{sizes}");
        let mean = texts.iter().sum::<u64>() as f64 / texts.len() as f64;
        let expected = match sizes {
            Sizes::Fixed(size) => size.into(),
            Sizes::Uniform(first, last) => f64::from(first + last) / 2.0,
            Sizes::Mixture => 0.6 * 36.0 + 0.3 * 288.5 + 0.09 * 2304.5 + 0.01 * 18_432.5,
        };
        assert!((mean / expected - 1.0).abs() < 0.05, "{sizes}: {mean} and not {expected}");
    }
}

#[test]
fn connections_are_as_many_and_as_short_as_requested() {
    let (made, index) = read_back(&Shape { short: 4, connections: 1, ..small() });
    assert_eq!((u64::from(made.connections), index.flows().len() as u64), (SMALL / 4, SMALL / 4));
    let closed =
        |flow: &Flow| flow.connection().is_some_and(|connection| connection.state == ConnectionState::Closed);
    assert!(index.flows().all(|(_, flow)| closed(flow)));

    let at_once = Shape { connections: 5000, messages: 5000, answered: 0.0, one_way: true, ..small() };
    let (made, index) = read_back(&at_once);
    assert_eq!((made.connections, made.packets), (5000, 4 * 5000));
    assert_eq!(count(&index, "kind == LOGIN and src.port != 9000"), 5000);
    let opened =
        |flow: &Flow| flow.connection().is_some_and(|connection| connection.state == ConnectionState::Open);
    assert!(index.flows().len() == 5000 && index.flows().all(|(_, flow)| opened(flow)));
}

#[test]
fn a_capture_can_begin_when_connections_are_open() {
    let (made, index) = read_back(&Shape { begun: true, ..small() });
    assert_eq!((made.packets, index.row_count() as u64), (SMALL, SMALL));
    assert_eq!(count(&index, "problems"), 0);
    let opened = |flow: &Flow| flow.connection().and_then(|connection| connection.opened).is_some();
    assert!(!index.flows().any(|(_, flow)| opened(flow)));
}

#[test]
fn a_limit_of_bytes_ends_it() {
    let shape = Shape { messages: u64::MAX, bytes: 1 << 20, full_segments: true, one_way: true, ..small() };
    let (made, index) = read_back(&shape);
    assert!((1 << 20..(1 << 20) + 200).contains(&made.bytes), "{made:?}");
    assert_eq!(index.row_count() as u64, made.messages);
    assert_eq!(count(&index, "src.port == 9000"), 0);
}

#[test]
fn a_pcapng_file_has_the_requested_interfaces_comments_and_names() {
    let container = Container::PcapNg { interfaces: 300, comments: true, names: 1234 };
    let (made, bytes) = made(&small(), container);
    let index = index(bytes);
    assert_eq!((index.row_count() as u64, count(&index, "problems")), (SMALL, 0));
    let commented = index
        .rows()
        .filter(|(_, row)| index.comments(row).iter().any(|(_, text)| text.starts_with("packet ")))
        .count();
    assert_eq!(commented as u64, SMALL);
    let names: Vec<&str> = (0..20_u32).filter_map(|flow| index.interface(flow.into())).collect();
    assert_eq!((names.len(), names[0], names[19]), (20, "eth0", "eth57"));
    let host = |number: u32| index.host(IpAddr::V4(Ipv4Addr::from(0x0A00_0000 | number)));
    assert_eq!((host(0), host(1233), host(1234)), (Some("host-0.example"), Some("host-1233.example"), None));
    let plain = read_back(&small());
    assert_eq!((plain.0.messages, plain.0.bytes), (made.messages, made.bytes));
}

#[test]
fn any_part_of_an_endless_capture_is_what_it_is_in_the_whole() {
    let endless = Endless::new(5000, 7, 60, 3);
    let mut whole = vec![0; endless.length() as usize];
    assert_eq!(endless.read_at(0, &mut whole), whole.len());
    for (offset, length) in
        [(0, 1), (3, 40), (20, 300), (24, 154), (1000, 10_000), (769_999, 1), (700_000, 100_000)]
    {
        let mut part = vec![0xAA; length];
        let read = endless.read_at(offset, &mut part);
        let expected = &whole[offset as usize..whole.len().min(offset as usize + length)];
        assert_eq!(&part[..read], expected, "{length} bytes at {offset}");
    }
    assert_eq!(endless.read_at(endless.length(), &mut [0; 4]), 0);
    let mut others = vec![0; whole.len()];
    Endless::new(5000, 7, 60, 4).read_at(0, &mut others);
    assert_ne!(others, whole);
}

#[test]
fn an_endless_capture_is_read_where_it_is_made() {
    let endless = Endless::of_bytes(3 << 20, 10, 1424, 3);
    let (packets, messages, length) = (endless.packets(), endless.messages(), endless.length());
    assert!((length..length + 2000).contains(&(3 << 20)));
    let source = Source::from_reads("endless", length, move |offset: u64, buffer: &mut [u8]| {
        Ok(endless.read_at(offset, buffer))
    });
    let index = read(source, &Options::default(), &mut |_| true).unwrap();
    assert_eq!((index.row_count() as u64, u64::from(index.packets())), (messages, packets));
    assert_eq!(count(&index, "type != message or problems and not unanswered"), 0);
    assert_eq!(count(&index, "reply_to"), messages / 2);
    assert_eq!(index.flows().len(), 10);
    let opened = |flow: &Flow| flow.connection().and_then(|connection| connection.opened).is_some();
    assert!(index.flows().all(|(_, flow)| opened(flow)));
}

#[test]
fn what_cannot_be_is_refused() {
    let wrong = [
        Shape { answered: 1.5, ..small() },
        Shape { loss: f64::NAN, ..small() },
        Shape { reorder: 0.6, ..small() },
        Shape { connections: 0, ..small() },
        Shape { sizes: Sizes::Uniform(9, 8), ..small() },
        Shape { notes: Notes::Glued, ..small() },
        Shape { bare: true, notes: Notes::SequenceJump, ..small() },
        Shape { bare: true, full_segments: true, ..small() },
    ];
    for shape in wrong {
        assert!(write(&shape, Container::Pcap, &mut Vec::new()).is_err(), "{shape:?}");
    }
    for text in ["fixed", "uniform:3", "uniform:a-b", "normal:3"] {
        assert!(text.parse::<Sizes>().is_err(), "{text}");
    }
    for sizes in [Sizes::Fixed(3), Sizes::Uniform(3, 9), Sizes::Mixture] {
        assert_eq!(sizes.to_string().parse(), Ok(sizes));
    }
    for notes in Notes::ALL {
        assert_eq!(notes.to_string().parse(), Ok(notes));
    }
}
