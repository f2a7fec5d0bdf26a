//! A capture in which messages carry others: which levels are shown, and the way between them.

use framescope_window::models::levels::Levels;

use super::*;

/// A chat over WebSockets inside TLS, with its secrets in the capture.
fn chat_window() -> Window {
    window(Source::open(&corpus("carriers/websocket-tls/capture.pcapng")).unwrap(), false)
}

/// The first row that so many carriers are around, and that carries nothing.
fn innermost(harness: &Window, level: u8) -> RowId {
    let index = harness.state().document().unwrap().index();
    let is_it = |row: &framescope_capture::Row| {
        index.level(row) == level && index.channels_of(row).next().is_none() && row.length > 4
    };
    index.rows().find(|(_, row)| is_it(row)).unwrap().0
}

fn deepest(harness: &Window) -> u8 {
    let index = harness.state().document().unwrap().index();
    index.flows().map(|(_, flow)| flow.level()).max().unwrap()
}

fn shown_rows(harness: &Window) -> Vec<RowId> {
    (0..view(harness).row_count()).filter_map(|place| view(harness).row_at(place)).collect()
}

#[test]
fn a_chat_in_tls_is_first_shown_without_what_carries_it() {
    let mut harness = chat_window();
    assert_eq!(view(&harness).scope().levels, Levels::Innermost);
    let shown = shown_rows(&harness);
    {
        let index = harness.state().document().unwrap().index();
        let carries = |row: &RowId| index.channels_of(&index.row(*row).unwrap()).next().is_some();
        assert!(!shown.is_empty() && !shown.iter().any(carries));
        // Each row that carries nothing is there.
        assert_eq!(index.row_ids().filter(|row| !carries(row)).collect::<Vec<_>>(), shown);
    }
    assert!(
        view(&harness).selected() == shown.first().copied(),
        "something is selected from the first moment"
    );
    harness.get_by_role_and_label(Role::ColumnHeader, "Protocol");
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    let all = harness.state().document().unwrap().index().row_count();
    assert_eq!((view(&harness).scope().levels, view(&harness).row_count()), (Levels::All, all));
    click(&mut harness, "Outermost");
    let index = harness.state().document().unwrap().index();
    let outermost = shown_rows(&harness);
    assert!(!outermost.is_empty() && outermost.len() < all);
    assert!(outermost.iter().all(|row| index.level(&index.row(*row).unwrap()) == 0));
}

#[test]
fn a_capture_without_carriers_has_no_levels() {
    let mut harness = sample_window();
    assert!(!shows(&harness, "Innermost") && !shows(&harness, "Outermost"));
    assert_eq!(view(&harness).scope().levels, Levels::All);
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    harness.get_by_label_contains("Nothing in this capture is carried");
    assert!(!view(&harness).is_narrowed());
}

#[test]
fn a_message_leads_to_what_carries_it_and_back() {
    let mut harness = chat_window();
    let row = innermost(&harness, deepest(&harness));
    harness.state_mut().go_to(row);
    settle(&mut harness);
    let carriers = view(&harness).details().unwrap().carriers.clone();
    let levels: Vec<u8> = carriers.iter().map(|carrier| carrier.level).collect();
    assert!(levels.first() == Some(&0) && levels.is_sorted() && levels.len() > 2, "{levels:?}");
    for carrier in &carriers {
        assert!(shows(&harness, &format!("carried in #{} {}", carrier.row, carrier.title)));
    }
    let outermost = carriers[0].row;
    assert_eq!(view(&harness).scope().levels, Levels::Innermost);
    click(&mut harness, &format!("Go to #{outermost}"));
    assert_eq!(view(&harness).selected(), Some(outermost));
    assert_eq!(view(&harness).scope().levels, Levels::All, "its row would be hidden otherwise");
    let carried = view(&harness).details().unwrap().carried.clone();
    assert!(!carried.is_empty());
    assert!(shows(&harness, &format!("carries #{} {}", carried[0].row, carried[0].title)));
    click(&mut harness, &format!("Go to #{}", carried[0].row));
    assert_eq!(view(&harness).selected(), Some(carried[0].row));
}

#[test]
fn the_bytes_of_every_level_are_shown_with_their_fields() {
    let mut harness = chat_window();
    let row = innermost(&harness, deepest(&harness));
    harness.state_mut().go_to(row);
    settle(&mut harness);
    let carriers = view(&harness).details().unwrap().carriers.clone();
    for carrier in &carriers {
        click(&mut harness, &format!("carried in #{}", carrier.row));
        assert_eq!(view(&harness).layer(), Some(carrier.row));
        assert!(shows(&harness, "bytes of the carrier"));
    }
    let outermost = carriers[0].row;
    click(&mut harness, &format!("Open the fields of #{outermost}"));
    let bytes = view(&harness).lookup().details(outermost).unwrap();
    let field = bytes.fields[0].clone();
    click(&mut harness, &format!("{}: {}", field.name, field.value));
    let highlight = view(&harness).highlighted().unwrap().clone();
    assert_eq!((highlight.of, highlight.range), (Some(outermost), field.range.clone()));
    click(&mut harness, "this message");
    assert_eq!((view(&harness).layer(), view(&harness).highlighted()), (None, None));
    // What was decrypted has no place of its own in the file.
    let described = view(&harness).details().unwrap().describe(&(0..1));
    assert!(described.contains(", unpacked from what begins at file offset "), "{described}");
}

#[test]
fn conversations_are_listed_under_those_that_carry_them() {
    let mut harness = chat_window();
    let flows = harness.state().document().unwrap().index().flows().len();
    assert!(flows > 3);
    assert!(shows(&harness, "inside)"));
    let inner = {
        let index = harness.state().document().unwrap().index();
        index
            .flows()
            .find(|(_, flow)| flow.carried().is_some_and(|carried| carried.name() == "tls"))
            .unwrap()
            .0
    };
    click(&mut harness, "tls  ");
    assert_eq!(view(&harness).flow(), Some(inner));
    let index = harness.state().document().unwrap().index();
    let rows = shown_rows(&harness);
    let levels: Vec<u8> = rows.iter().map(|row| index.level(&index.row(*row).unwrap())).collect();
    assert!(levels.iter().any(|level| *level > 1), "with what it carries: {levels:?}");
    assert!(levels.iter().all(|level| *level > 0));
}

#[test]
fn a_key_log_that_is_dropped_gives_secrets() {
    let mut harness = chat_window();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.txt");
    std::fs::write(&path, format!("# a comment\nCLIENT_RANDOM {} {}\n", "00".repeat(32), "11".repeat(48)))
        .unwrap();
    let rows = harness.state().document().unwrap().index().row_count();
    harness.input_mut().dropped_files.push(Arc::new(Dropped(path)));
    settle(&mut harness);
    harness.get_by_label_contains("Secrets are taken from the key log ");
    assert_eq!(harness.state().document().unwrap().index().row_count(), rows, "the capture is still open");
}

#[test]
fn a_record_without_secrets_says_how_to_get_them() {
    // The same chat, but that its secrets were lost with the block that had them.
    let chat = std::fs::read(corpus("carriers/websocket-tls/capture.pcapng")).unwrap();
    let secrets = chat.windows(4).position(|bytes| bytes == b"KSLT").unwrap();
    let mut harness =
        window(Source::from_bytes("chat", [&chat[..secrets], b"????", &chat[secrets + 4..]].concat()), false);
    let encrypted = {
        let index = harness.state().document().unwrap().index();
        let is_it = |row: &framescope_capture::Row| index.kind(row) == Some("application_data");
        let rows: Vec<RowId> = index.rows().filter(|(_, row)| is_it(row)).map(|(row, _)| row).collect();
        assert!(rows.iter().all(|row| index.channels_of(&index.row(*row).unwrap()).next().is_none()));
        [rows[0], rows[10]]
    };
    for row in encrypted {
        harness.state_mut().go_to(row);
        settle(&mut harness);
        assert!(shows(&harness, "SSLKEYLOGFILE"), "row {row}");
        click(&mut harness, "TLS key log file...");
        assert!(shows(&harness, "what a program writes because of SSLKEYLOGFILE"));
        harness.key_press(Key::Escape);
        settle(&mut harness);
    }
}
