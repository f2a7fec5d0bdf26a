//! TLS as OpenSSL and Python speak it: what is decrypted is what tshark decrypts, and damage stays where it is.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::sync::Arc;

use framescope_carriers::tls::{Secrets, Tls, TlsHandshake};
use framescope_parser::Role;
use proptest::collection::vec;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use support::checks::{assert_same, assert_silent_is_the_same, cut, lengths, lose, play_checked};
use support::recorded::{Recorded, beside, read};
use support::{Call, Piece, Played, Player};

const CASES: [&str; 3] = ["tls-1.2", "tls-1.3", "tls-python"];

fn player(recorded: &Recorded) -> Player {
    let secrets = Secrets::new();
    for (kind, block) in &recorded.secrets {
        secrets.add_block(*kind, block);
    }
    assert_eq!(secrets.notices(), Vec::<String>::new());
    Player::new(Arc::new(Tls::new(Arc::new(secrets))))
}

fn data(played: &Played, role: Role) -> Vec<u8> {
    played.collected.all(0, role)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_is_decrypted_is_what_tshark_decrypts() {
    for case in CASES {
        let recorded = read(case);
        let player = player(&recorded);
        let mut found = String::from("# Made by tshark: connection, side, decrypted bytes, their SHA-256.\n");
        for (number, pieces) in recorded.connections.iter().enumerate() {
            let played = player.play(pieces);
            for role in Role::BOTH {
                let bytes = data(&played, role);
                found += &format!("{number} {} {} {}\n", role.as_str(), bytes.len(), digest(&bytes));
            }
        }
        assert_eq!(found, beside(case, "tshark.txt"), "{case}");
    }
}

#[test]
fn no_record_of_these_is_left_encrypted_but_where_the_client_knows_none_of_its_keys() {
    for case in CASES {
        let recorded = read(case);
        let player = player(&recorded);
        for (number, pieces) in recorded.connections.iter().enumerate() {
            let played = play_checked(&player, pieces);
            assert_silent_is_the_same(&player, &played);
            let undecrypted: Vec<_> = played
                .problems()
                .into_iter()
                .filter(|problem| {
                    !["encrypted-alert", "fatal-alert", "renegotiation"]
                        .iter()
                        .any(|code| problem.starts_with(code))
                })
                .collect();
            // One client goes away before it has the server's hello.
            let goes_away = case == "tls-python" && number == 4;
            assert_eq!(undecrypted.len(), usize::from(goes_away), "{case} {number}: {undecrypted:?}");
        }
    }
}

#[test]
fn what_is_agreed_on_goes_with_the_channel() {
    let recorded = read("tls-python");
    let played = player(&recorded).with("outer", "known").play(&recorded.connections[0]);
    let channel = &played.collected.channels[&0];
    let known = |name| channel.settings.get(name);
    assert_eq!((&*channel.name, channel.protocol.as_deref()), ("tls", Some("http")));
    assert_eq!([known("sni"), known("alpn")], [Some("localhost"), Some("http/1.1")]);
    assert_eq!([known("version"), known("cipher")], [Some("TLS 1.3"), Some("TLS_AES_256_GCM_SHA384")]);
    assert_eq!(known("outer"), Some("known"));
    assert!(!channel.begins_inside && !channel.is_delimited && !channel.is_verbatim);
}

#[test]
fn handshake_messages_are_joined_and_decrypted() {
    let recorded = read("tls-python");
    let played = player(&recorded).play(&recorded.connections[0]);
    let handshake = played.play_in("tls.handshake", Arc::new(TlsHandshake::default()));
    let kinds = |role: Role| {
        handshake
            .rows(role)
            .iter()
            .map(|row| row.kind.clone().unwrap_or_default())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(kinds(Role::Client), "ClientHello Finished");
    assert_eq!(
        kinds(Role::Server),
        "ServerHello EncryptedExtensions Certificate CertificateVerify Finished NewSessionTicket NewSessionTicket"
    );
    let certificate = &handshake.rows(Role::Server)[2].fields;
    for part in [
        "subject=\"O=Framescope tests, CN=localhost\"",
        "not_after=\"2026-12-29T",
        "dns_name=\"localhost\" dns_name=\"chat.example\" ip_address=\"127.0.0.1\"",
    ] {
        assert!(certificate.contains(part), "{certificate}");
    }
    let hello = &handshake.rows(Role::Client)[0];
    assert_eq!(hello.summary, "ClientHello localhost, TLS 1.3, http/1.1");
    assert!(
        hello.fields.contains("alpn{type=alpn (16) length=11 protocol=\"http/1.1\"}"),
        "{}",
        hello.fields
    );
    assert_eq!(handshake.problems(), Vec::<String>::new());
}

/// The application data of a direction, but for that of the records that are left out.
fn data_without(played: &Played, role: Role, left_out: &[usize]) -> Vec<u8> {
    let of_role = played.given.iter().zip(&played.calls).filter(|(given, _)| given.role == role);
    let calls = of_role
        .enumerate()
        .filter(|(number, _)| !left_out.contains(number))
        .flat_map(|(_, (_, calls))| calls);
    let bytes = calls.filter_map(|call| match call {
        Call::Bytes(0, _, bytes) => Some(bytes.clone()),
        _ => None,
    });
    bytes.flatten().collect()
}

#[test]
fn a_lost_record_costs_its_own_data() {
    for case in CASES {
        let recorded = read(case);
        let player = player(&recorded);
        for (number, pieces) in recorded.connections.iter().enumerate() {
            let whole = player.play(pieces);
            if !whole.collected.channels.contains_key(&0) {
                continue;
            }
            let is_chained = case == "tls-1.2" && matches!(number, 12 | 13);
            for role in Role::BOTH {
                // The hellos are what the keys depend on; a renegotiation has other ones.
                let first = 1 + usize::from(case == "tls-1.3" && number == 7);
                let rows = whole.rows(role);
                let last = if case == "tls-1.2" && number == 18 { 5 } else { rows.len() };
                for (lost, row) in rows.iter().enumerate().take(last).skip(first) {
                    if row.stage == 0 && row.summary.contains("Hello ") {
                        continue;
                    }
                    let (at, length) = (row.offset as usize, row.length as usize);
                    let played = play_checked(&player, &lose(pieces, role, at, length));
                    let found = data(&played, role);
                    // What is chained to the record before can't be read without it.
                    let chained = [lost, lost + 1];
                    let left_out = &chained[..1 + usize::from(is_chained)];
                    let expected =
                        [&chained[..1], left_out].map(|left_out| data_without(&whole, role, left_out));
                    assert!(
                        expected.contains(&found),
                        "{case} {number} {role:?} without row {lost} {row:?}: {found:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_changed_record_is_a_problem_and_costs_its_own_data() {
    let recorded = read("tls-python");
    let player = player(&recorded);
    for pieces in &recorded.connections[..2] {
        let whole = player.play(pieces);
        let row = whole.rows(Role::Server).iter().rposition(|row| row.length > 8000).unwrap();
        let at = whole.rows(Role::Server)[row].offset + 1000;
        let mut offset = 0;
        let mut changed = pieces.clone();
        for (role, piece) in &mut changed {
            let Piece::Bytes(bytes) = piece else { continue };
            if *role == Role::Server && (offset..offset + bytes.len() as u64).contains(&at) {
                bytes[(at - offset) as usize] ^= 1;
            }
            offset += if *role == Role::Server { bytes.len() as u64 } else { 0 };
        }
        let played = play_checked(&player, &changed);
        assert_eq!(data(&played, Role::Server), data_without(&whole, Role::Server, &[row]));
        let problems = played.problems();
        let mismatches = problems.iter().filter(|problem| problem.starts_with("record-tag-mismatch: "));
        assert_eq!(mismatches.count(), 1, "{problems:?}");
    }
}

#[test]
fn secrets_that_do_not_fit_are_said_once_for_each_direction() {
    let recorded = read("tls-1.3");
    let text = String::from_utf8(recorded.secrets[0].1.clone()).unwrap();
    // Each secret ends otherwise.
    let changed: String = text.lines().map(|line| line[..line.len() - 2].to_owned() + "ff\n").collect();
    let secrets = Secrets::new();
    secrets.add_text("changed", &changed);
    let player = Player::new(Arc::new(Tls::new(Arc::new(secrets))));
    let played = player.play(&recorded.connections[0]);
    assert!(!played.collected.channels.contains_key(&0));
    let problems = played.problems();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().all(|problem| problem.starts_with("secrets-do-not-fit: ")));
}

#[test]
fn without_secrets_a_note_for_each_direction_says_how_to_get_them() {
    let recorded = read("tls-1.3");
    let player = Player::new(Arc::new(Tls::new(Arc::default())));
    let played = play_checked(&player, &recorded.connections[0]);
    let problems = played.problems();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems.iter().all(|problem| problem.starts_with("no-secrets: ") && problem.contains("--keylog"))
    );
}

#[test]
fn a_capture_that_begins_in_the_middle_is_records_all_the_same() {
    let recorded = read("tls-python");
    let player = player(&recorded).inside();
    let whole = player.play(&recorded.connections[0]);
    for role in Role::BOTH {
        let rows = whole.rows(role);
        let from = rows[3].offset as usize + 2;
        let played = play_checked(&player, &lose(&recorded.connections[0], role, 0, from));
        let first = played.rows(role).iter().position(|row| row.offset == rows[4].offset).unwrap();
        let found = &played.rows(role)[first..];
        let lengths =
            |rows: &[support::Row]| rows.iter().map(|row| (row.offset, row.length)).collect::<Vec<_>>();
        assert_eq!(lengths(found), lengths(&rows[4..]), "{role:?}");
    }
    let later: Vec<_> = recorded.connections[0].iter().skip(4).cloned().collect();
    let problems = player.play(&later).problems();
    assert!(problems.iter().any(|problem| problem.starts_with("beginning-not-captured: ")), "{problems:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn segments_do_not_matter(case in 0..3usize, number in 0..19usize, lengths in lengths()) {
        let recorded = read(CASES[case]);
        let player = player(&recorded);
        let pieces = &recorded.connections[number % recorded.connections.len()];
        let played = play_checked(&player, &cut(pieces, &lengths));
        assert_same(&played, &player.play(&cut(pieces, &[100_000])));
    }

    #[test]
    fn any_loss_is_bounded(
        case in 0..3usize, number in 0..19usize, at in 0..6000usize, length in 1..2000usize, lengths in lengths(),
    ) {
        let recorded = read(CASES[case]);
        let player = player(&recorded);
        let pieces = lose(&recorded.connections[number % recorded.connections.len()], Role::Server, at, length);
        let played = play_checked(&player, &cut(&pieces, &lengths));
        assert_same(&played, &player.play(&cut(&pieces, &[100_000])));
    }

    #[test]
    fn any_bytes_are_rows(pieces in vec((any::<bool>(), header_or_bytes()), 1..40)) {
        let side = |is_server| if is_server { Role::Server } else { Role::Client };
        let pieces: Vec<_> = pieces.into_iter().map(|(from, bytes)| (side(from), Piece::Bytes(bytes))).collect();
        let player = Player::new(Arc::new(Tls::new(Arc::default())));
        let played = play_checked(&player, &pieces);
        if played.collected.channels.contains_key(&1) {
            played.play_in("tls.handshake", Arc::new(TlsHandshake::default()));
        }
    }
}

/// Bytes that may begin a record or a handshake message, or any.
fn header_or_bytes() -> impl Strategy<Value = Vec<u8>> {
    let record = (20..25u8, 0..5u8, vec(any::<u8>(), 1..60))
        .prop_map(|(kind, minor, body)| [&[kind, 3, minor, 0, body.len() as u8][..], &body].concat());
    let handshake =
        (prop::sample::select(vec![1u8, 2, 4, 8, 11, 12, 13, 15, 20, 24]), vec(any::<u8>(), 0..80)).prop_map(
            |(kind, body)| {
                [&[22, 3, 3, 0, body.len() as u8 + 4, kind, 0, 0, body.len() as u8][..], &body].concat()
            },
        );
    prop_oneof![record, handshake, vec(any::<u8>(), 1..40)]
}
