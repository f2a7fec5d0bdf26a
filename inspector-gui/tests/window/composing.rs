//! Composing a message: its fields and bytes, sending it, and what comes back.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use framescope_parser::missive::{Flags, FrameBuf, Kind};
use framescope_window::models::composer::peer::State;
use framescope_window::models::composer::{Change, Composer};

use super::*;

/// A window with a row of the sample to edit.
fn editing(row: u32) -> Window {
    let mut harness = sample_window();
    harness.set_size(Vec2::new(1600.0, 1400.0));
    settle(&mut harness);
    harness.get_by_label("Beside").click();
    settle(&mut harness);
    harness.state_mut().go_to(row.into());
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::E);
    harness
}

fn composer(harness: &mut Window) -> &Composer {
    harness.state_mut().desk_mut().composer().unwrap()
}

fn bytes(harness: &mut Window) -> Vec<u8> {
    composer(harness).draft().bytes().to_vec()
}

/// Types into the field at a path, in place of what is there.
fn type_into(harness: &mut Window, path: &str, text: &str) {
    field(harness, path).click();
    settle(harness);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    settle(harness);
    field(harness, path).type_text(text);
    settle(harness);
}

fn field<'h>(harness: &'h Window, path: &'h str) -> egui_kittest::Node<'h> {
    harness.get_by_role_and_label(Role::TextInput, path)
}

/// A peer that does this with its first connection.
fn peer(work: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || work(listener.accept().unwrap().0));
    address
}

/// Reads one frame of Missive.
fn frame(stream: &mut TcpStream) -> Vec<u8> {
    let mut header = [0; 20];
    stream.read_exact(&mut header).unwrap();
    let rest = usize::from(header[11]) + if header[5] & 1 == 1 { 4 } else { 0 };
    let mut frame = header.to_vec();
    frame.resize(20 + rest, 0);
    stream.read_exact(&mut frame[20..]).unwrap();
    frame
}

fn ack(to: u8) -> Vec<u8> {
    let ack = FrameBuf::new(Kind::ACK).sequence(to.into()).flags(Flags::REPLY);
    ack.payload("well said").to_bytes().unwrap()
}

/// Sends what is composed to an address, and waits for what becomes of it.
fn send(harness: &mut Window, to: &str) -> State {
    harness.state_mut().desk_mut().peer.set_target(to);
    settle(harness);
    harness.get_by_role_and_label(Role::Button, "Send").click();
    harness.run_steps(2);
    let begin = Instant::now();
    while harness.state_mut().desk_mut().peer.is_busy() {
        assert!(begin.elapsed() < TOO_LONG, "waited in vain for an answer");
        let background = harness.state().background();
        background.advance(Duration::from_millis(10));
        background.step();
        harness.step();
    }
    settle(harness);
    harness.state_mut().desk_mut().peer.sent().last().unwrap().progress().state.clone()
}

#[test]
fn a_message_is_edited_by_its_fields_and_by_its_bytes() {
    let mut harness = editing(0);
    let before = bytes(&mut harness);
    type_into(&mut harness, "payload.user", "ada");
    assert_eq!(composer(&mut harness).shown().summary, "user ada");
    assert_eq!(bytes(&mut harness).len(), before.len() - 1);
    assert!(shows(&harness, "61 64"), "the bytes follow");
    // A click on the version's byte, and two digits over it.
    let (line, characters) = {
        let line = harness.get_by_label_contains("00000000  f5 4d 01");
        (line.rect(), line.accesskit_node().value().unwrap().chars().count())
    };
    let width = line.width() / f32::from(u16::try_from(characters).unwrap());
    let at = line.left_center() + Vec2::new(width * (10.0 + 6.0 + 0.5), 0.0);
    harness.hover_at(at);
    harness.drag_at(at);
    harness.drop_at(at);
    settle(&mut harness);
    for digit in ["0", "7"] {
        harness.event(eframe::egui::Event::Text(digit.to_owned()));
        settle(&mut harness);
    }
    assert_eq!(bytes(&mut harness)[2], 7);
    assert_eq!(composer(&mut harness).shown().fields["version"].text, "7", "the fields follow");
    harness.get_by_label_contains("error: checksum-mismatch");
    click(&mut harness, "Derive all");
    assert!(!shows(&harness, "error: checksum-mismatch"));
    click(&mut harness, "Undo");
    click(&mut harness, "Undo");
    click(&mut harness, "Undo");
    assert_eq!(composer(&mut harness).shown().fields["version"].text, "1");
    click(&mut harness, "Undo");
    assert_eq!(bytes(&mut harness), before);
}

#[test]
fn a_lock_is_opened_for_one_false_length() {
    let mut harness = editing(0);
    click(&mut harness, "Unlock payload.user_length");
    type_into(&mut harness, "payload.user_length", "99");
    harness.get_by_label_contains("error: payload-overrun");
    assert!(!shows(&harness, "checksum-mismatch"), "the checks hold");
    click(&mut harness, "Derive payload.user_length");
    assert!(!shows(&harness, "payload-overrun"));
    type_into(&mut harness, "sequence", "many");
    harness.get_by_label_contains("Not changed. sequence: 'many' is not a whole number");
}

#[test]
fn a_message_is_sent_and_its_answers_are_beside_it() {
    let address = peer(|mut stream| {
        for _ in 0..2 {
            let request = frame(&mut stream);
            stream.write_all(&ack(request[15])).unwrap();
        }
    });
    let mut harness = editing(0);
    type_into(&mut harness, "sequence", "5");
    assert_eq!(send(&mut harness, &address.to_string()), State::Answered);
    harness.get_by_label_contains("1. LOGIN user lost");
    harness.get_by_label_contains("ACK to 5: well said");
    harness.get_by_label("Answered sequence: 5");
    // The conversation goes on, until the peer ends it.
    type_into(&mut harness, "sequence", "6");
    assert!(matches!(send(&mut harness, &address.to_string()), State::Answered | State::Closed));
    harness.get_by_label_contains("ACK to 6: well said");
    let sent = harness.state_mut().desk_mut().peer.sent().len();
    assert_eq!(sent, 2);
    // What was said is a capture.
    click(&mut harness, "Open as capture");
    until(&mut harness, "the capture", |harness| {
        harness.state().document().is_some_and(|document| document.index().row_count() >= 4)
    });
}

#[test]
fn what_was_sent_is_compared_edited_and_copied() {
    let address = peer(|mut stream| {
        while let Ok(1..) = stream.read(&mut [0; 4096]) {
            stream.write_all(&ack(0)).unwrap();
        }
    });
    let mut harness = editing(0);
    send(&mut harness, &address.to_string());
    type_into(&mut harness, "payload.user", "ada");
    send(&mut harness, &address.to_string());
    let first = harness.get_by_label_contains("1. LOGIN user lost").rect().center();
    secondary_click(&mut harness, first);
    click(&mut harness, "Compare with this");
    click(&mut harness, "2. LOGIN user ada");
    click(&mut harness, "Only differences");
    harness.get_by_label("payload.user differs: lost / ada");
    click(&mut harness, "Stop comparing");
    secondary_click(&mut harness, first);
    harness.get_by_label("Copy as a framescope send command").click();
    let command = copied(&mut harness);
    assert!(command.contains(&format!("framescope send {address}")), "{command}");
    assert!(command.contains("\"name\":\"user\",\"value\":\"lost\""), "{command}");
    secondary_click(&mut harness, first);
    click(&mut harness, "Edit again");
    assert_eq!(composer(&mut harness).shown().summary, "user lost");
}

#[test]
fn a_peer_that_refuses_never_answers_or_closes_is_a_sentence() {
    let mut harness = editing(0);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(matches!(send(&mut harness, &closed.to_string()), State::Failed(_)));
    harness.get_by_label_contains("no program listens there");
    // The listener takes the connection, and never says anything.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().map(|address| (silent, address)).unwrap();
    assert_eq!(send(&mut harness, &silent.1.to_string()), State::NoAnswer);
    harness.get_by_label_contains("no answer within the time limit");
    let closing = peer(|mut stream| drop(frame(&mut stream)));
    assert!(matches!(send(&mut harness, &closing.to_string()), State::Closed));
    harness.get_by_label_contains("the peer closed the connection");
    harness.state_mut().desk_mut().peer.set_target("nowhere");
    settle(&mut harness);
    click(&mut harness, "Send");
    harness.get_by_label_contains("'nowhere' is no target");
}

#[test]
fn another_machine_is_sent_to_only_after_a_tick() {
    let mut harness = editing(0);
    assert!(!shows(&harness, "Other machines"));
    assert!(matches!(send(&mut harness, "192.0.2.1:9000"), State::Failed(_)));
    harness.get_by_label_contains("192.0.2.1:9000 is not this machine. If you may send to it");
    click(&mut harness, "Other machines: 192.0.2.1:9000 is not this one");
    assert!(harness.state_mut().desk_mut().peer.is_allowed());
    harness.state_mut().desk_mut().peer.set_target("192.0.2.2:9000");
    settle(&mut harness);
    assert!(!harness.state_mut().desk_mut().peer.is_allowed(), "another target wants a tick of its own");
}

#[test]
fn a_new_message_begins_with_a_template() {
    let mut harness = sample_window();
    press(&mut harness, Modifiers::COMMAND, Key::Num7);
    harness.get_by_label_contains("to change it and send it again. Or begin here:");
    click(&mut harness, "New message");
    harness.get_by_role_and_label(Role::Button, "missive").hover();
    settle(&mut harness);
    harness.run_steps(3);
    settle(&mut harness);
    click(&mut harness, "PING");
    assert_eq!(composer(&mut harness).shown().kind.as_deref(), Some("PING"));
    assert!(shows(&harness, "a new message of missive"));
}

#[test]
fn a_long_message_and_a_damaged_one_are_edited() {
    let content = "x".repeat(1 << 20);
    let long = FrameBuf::new(Kind::DATA).flags(Flags::CHECKSUM).payload(content).to_bytes().unwrap();
    let mut harness = window(Source::from_bytes("long", long.clone()), false);
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::E);
    assert_eq!(bytes(&mut harness).len(), long.len());
    type_into(&mut harness, "channel", "9");
    assert_eq!(bytes(&mut harness)[17], 9);
    let mut damaged = long;
    damaged[3] = 0xEE;
    damaged.truncate(300);
    let mut harness = window(Source::from_bytes("damaged", damaged.clone()), false);
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::E);
    assert_eq!(bytes(&mut harness), damaged);
    harness.state_mut().desk_mut().change(Change::Splice(0..2, vec![1]));
    settle(&mut harness);
    assert_eq!(bytes(&mut harness).len(), 299);
}

#[test]
fn a_datagram_is_sent_and_answered() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut datagram = [0; 2048];
        let (_, from) = socket.recv_from(&mut datagram).unwrap();
        socket.send_to(&ack(datagram[15]), from).unwrap();
    });
    let mut harness = editing(0);
    assert_eq!(send(&mut harness, &format!("udp:{address}")), State::Answered);
    harness.get_by_label_contains("ACK to 0: well said");
}
