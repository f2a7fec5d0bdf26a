#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread;

use framescope_ksy::Described;
use framescope_parser::Direction;
use framescope_parser::missive::{Flags, FrameBuf, Kind};
use serde_json::json;
use socket2::SockRef;

use super::*;

/// No test waits longer.
fn limit() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// A peer that does this with one connection.
fn peer(work: impl FnOnce(TcpStream) + Send + 'static) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || work(listener.accept().unwrap().0));
    Target::Tcp(address.to_string())
}

fn connect(target: &Target, options: &Options) -> Exchange {
    Exchange::connect(target, options, &Limits::default(), Duration::from_secs(30)).unwrap()
}

/// Receives until so many rows are there.
fn rows(exchange: &mut Exchange, count: usize) {
    while exchange.index().row_count() < count {
        let received = exchange.receive(limit());
        assert!(matches!(received, Received::Rows(_)), "{received:?}");
    }
}

fn reply(to: u32) -> Vec<u8> {
    FrameBuf::new(Kind::PONG).sequence(to).flags(Flags::REPLY).to_bytes().unwrap()
}

#[test]
fn what_is_sent_and_received_is_rows_and_replies_are_known_at_once() {
    let target = peer(|mut stream| {
        let mut request = [0; 20];
        for sequence in 5..7 {
            stream.read_exact(&mut request).unwrap();
            assert_eq!(request[15], u8::try_from(sequence).unwrap());
            let reply = reply(sequence);
            stream.write_all(&reply[..7]).unwrap();
            stream.write_all(&reply[7..]).unwrap();
        }
    });
    let mut exchange = connect(&target, &Options::default());
    for sequence in 5..7 {
        let ping = json!({"protocol": "missive", "fields": {"kind": "PING", "sequence": sequence}});
        let ping = exchange.encode(&ping).unwrap();
        exchange.send(&ping).unwrap();
        rows(&mut exchange, 2 * (sequence - 4));
        assert_eq!(exchange.unanswered(), 0);
    }
    let replies: Vec<_> =
        exchange.take_replies().into_iter().map(|(to, reply)| (to.number(), reply.number())).collect();
    assert_eq!(replies, [(0, 1), (2, 3)]);
    assert_eq!(exchange.receive(limit()), Received::Closed);
    let index = exchange.finish();
    let said: Vec<_> =
        index.rows().map(|(_, row)| (index.direction(&row), index.kind(&row).unwrap())).collect();
    assert_eq!(said[..2], [(Direction::Forward, "PING"), (Direction::Backward, "PONG")]);
    assert_eq!((said.len(), index.reply_to(1.into()).unwrap().0), (4, 0.into()));
}

#[test]
fn a_request_without_a_reply_waits_and_a_message_that_is_none_does_not() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let target = peer(move |_stream| wait.recv().unwrap_or_default());
    let mut exchange = connect(&target, &Options::default());
    for kind in [Kind::PING, Kind::ACK, Kind::DATA] {
        exchange.send(&FrameBuf::new(kind).to_bytes().unwrap()).unwrap();
    }
    rows(&mut exchange, 3);
    assert_eq!(exchange.unanswered(), 2);
    assert_eq!(exchange.receive(Instant::now()), Received::TimedOut);
    drop(done);
    // The system says that what was sent was not read.
    assert_eq!(exchange.receive(limit()), Received::Reset);
}

#[test]
fn a_message_that_is_cut_off_is_a_row_when_the_conversation_has_ended() {
    let target = peer(|mut stream| stream.write_all(&reply(1)[..9]).unwrap());
    let mut exchange = connect(&target, &Options::default());
    assert_eq!(exchange.receive(limit()), Received::Closed);
    let index = exchange.finish();
    assert_eq!((index.row_count(), index.row(0.into()).unwrap().type_name()), (1, "partial"));
}

#[test]
fn a_reset_and_a_port_without_a_listener_are_said() {
    let target = peer(|mut stream| {
        stream.read_exact(&mut [0]).unwrap();
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    let mut exchange = connect(&target, &Options::default());
    exchange.send(b"?").unwrap();
    while exchange.receive(limit()) != Received::Reset {}
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = |target: Target| {
        let connected =
            Exchange::connect(&target, &Options::default(), &Limits::default(), Duration::from_secs(30));
        connected.unwrap_err().to_string()
    };
    assert!(refused(Target::Tcp(closed.to_string())).contains("no program listens there"));
    assert!(refused(Target::Tcp("192.0.2.1:9000".into())).contains("add --yes-remote"));
    let mut exchange = connect(&Target::Udp(closed.to_string()), &Options::default());
    exchange.send(b"?").unwrap();
    while exchange.receive(limit()) != Received::Reset {}
}

#[test]
fn datagrams_are_messages_and_answered() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let target = Target::Udp(socket.local_addr().unwrap().to_string());
    thread::spawn(move || {
        let mut bytes = [0; 100];
        let (length, from) = socket.recv_from(&mut bytes).unwrap();
        socket.send_to(&[b"you said ", &bytes[..length]].concat(), from).unwrap();
    });
    let decode_as = vec!["udp=text".parse().unwrap()];
    let mut exchange = connect(&target, &Options { decode_as, ..Options::default() });
    exchange.send(b"hello").unwrap();
    rows(&mut exchange, 2);
    let index = exchange.finish();
    let row = index.row(1.into()).unwrap();
    assert_eq!(index.row_bytes(&row, 100, &mut index.reader()).unwrap(), b"you said hello");
}

#[test]
fn messages_are_written_in_the_state_that_the_conversation_is_in() {
    let sized = "{meta: {id: sized, -framescope: {conversation: {variables: {size: 1}, client: [hello, data], server: data, \
        states: {hello: {set: {size: size}}}}}}, types: {hello: {seq: [{id: size, type: u1}]}, \
        data: {seq: [{id: length, type: u1}, {id: body, size: length * _conversation.size}]}}}";
    let sized: Arc<dyn Protocol> = Arc::new(Described::from_ksy(sized).unwrap());
    let target = peer(|mut stream| {
        let mut said = [0; 6];
        stream.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"\x02\x02abcd");
        stream.write_all(b"\x01xy").unwrap();
    });
    let protocols = vec![Arc::clone(&sized)];
    let decode_as = vec!["tcp=sized".parse().unwrap()];
    let mut exchange = connect(&target, &Options { protocols, decode_as, ..Options::default() });
    exchange.set_default(sized);
    for message in [json!({"size": 2}), json!({"body": "abcd"})] {
        let bytes = exchange.encode(&message).unwrap();
        exchange.send(&bytes).unwrap();
    }
    rows(&mut exchange, 3);
    assert!(exchange.has_states());
    assert!(exchange.encode(&json!({"fields": {"body": "x"}, "stage": "nothing"})).is_err());
    let index = exchange.finish();
    assert!(index.rows().all(|(_, row)| row.codes.is_empty()));
}

#[test]
fn a_peer_that_does_not_read_is_given_up() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let target = peer(move |_stream| wait.recv().unwrap_or_default());
    let limits = Limits::default();
    let mut exchange =
        Exchange::connect(&target, &Options::default(), &limits, Duration::from_millis(300)).unwrap();
    let error = exchange.send(&vec![b'x'; 64 << 20]).unwrap_err().to_string();
    assert!(error.contains("bytes and no more in time"), "{error}");
    drop(done);
}
