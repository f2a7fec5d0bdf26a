//! Opening files, also damaged, growing and live ones.

use framescope_capture::RowId;

use super::*;

#[test]
fn a_damaged_file_shows_what_could_be_read_and_where_it_is_damaged() {
    let bytes = include_bytes!("../../../corpus/captures/missive-chat/capture.pcapng");
    let harness = window(Source::from_bytes("cut.pcapng", &bytes[..3000]), false);
    assert!(view(&harness).row_count() > 0);
    harness.get_by_label_contains("the file ends inside the block");
}

#[test]
fn a_file_that_is_no_capture_is_shown_as_one_stream() {
    let frame =
        framescope_parser::missive::FrameBuf::new(framescope_parser::missive::Kind::PING).to_bytes().unwrap();
    let harness = window(Source::from_bytes("crash-1", frame), false);
    harness.get_by_label_contains("begins with no capture's magic");
    harness.get_by_label("#0 PING");
}

#[test]
fn an_unsupported_capture_is_reported_and_the_open_one_stays() {
    let mut harness = sample_window();
    let ctx = harness.ctx.clone();
    let rows = view(&harness).row_count();
    let foreign = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/foreign");
    harness.state_mut().open_path(&foreign.join("named/k12text"), &ctx);
    settle(&mut harness);
    harness.get_by_label_contains("is a K12 text file, which is not read: `editcap -F pcapng");
    assert_eq!(view(&harness).row_count(), rows);
    harness.state_mut().open_path(&foreign.join("read/text-echo.hexdump"), &ctx);
    settle(&mut harness);
    harness.get_by_label_contains("is a hex dump");
    assert_eq!(view(&harness).row_count(), 10);
}

#[test]
fn reading_can_be_cancelled_and_what_was_read_stays() {
    // A capture of many packets: the sample's, repeated.
    let sample = include_bytes!("../../../corpus/captures/missive-damaged/capture.pcapng");
    let mut harness = empty(Reading::default(), SettingsFile::default());
    let ctx = harness.ctx.clone();
    harness.state_mut().open(Source::from_bytes("long.pcapng", sample.repeat(1500)), false, &ctx);
    harness.state().background().step();
    harness.step();
    harness.get_by_label("Cancel").click();
    harness.step();
    settle(&mut harness);
    {
        let app = harness.state();
        let index = app.document().unwrap().index();
        assert!(index.row_count() > 0 && index.is_finished() && app.document().unwrap().is_cancelled());
        assert!(
            index.position() < index.source().length(),
            "it was read to its end before it could be cancelled"
        );
    }
    harness.get_by_label_contains("Reading was cancelled");
}

#[test]
fn a_file_that_can_not_be_opened_is_reported() {
    let mut harness = sample_window();
    let ctx = harness.ctx.clone();
    harness.state_mut().open_path(Path::new("there/is/no.such"), &ctx);
    settle(&mut harness);
    harness.get_by_label_contains("there/is/no.such can't be read");
    click(&mut harness, "Dismiss");
    assert!(!shows(&harness, "there/is/no.such"));
    harness.get_by_label("Sample capture");
}

#[test]
fn a_dropped_file_is_opened_and_is_recent() {
    let mut harness = sample_window();
    let path = corpus("captures/text-echo/capture.pcapng");
    harness.input_mut().dropped_files.push(Arc::new(Dropped(path.clone())));
    harness.step();
    settle(&mut harness);
    harness.get_by_label("capture.pcapng");
    assert_eq!(view(&harness).row_count(), 10);
    assert!(!shows(&harness, "Sample capture"));
    assert_eq!(harness.state().settings().recent, [std::fs::canonicalize(path).unwrap()]);
}

#[test]
fn a_growing_file_is_read_on_and_selection_and_filter_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.pcap");
    let whole = std::fs::read(corpus("captures/missive-damaged/capture.pcapng")).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let mut harness = empty(Reading::default(), SettingsFile::default());
    let ctx = harness.ctx.clone();
    harness.state_mut().open_path(&path, &ctx);
    settle(&mut harness);
    let before = view(&harness).row_count();
    harness.state_mut().type_filter("kind == ACK");
    settle(&mut harness);
    let row = view(&harness).row_at(3).unwrap();
    harness.state_mut().go_to(row);
    settle(&mut harness);
    let summary = summary_of(&mut harness, row);
    let append = |harness: &mut Window, bytes: &[u8]| {
        let before = harness.state().document().unwrap().index().row_count();
        let mut file = std::fs::File::options().append(true).open(&path).unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
        until(harness, "more of the file", |harness| {
            harness.state().document().unwrap().index().row_count() > before
        });
        settle(harness);
        harness.state().document().unwrap().shared()
    };
    let (half, most) = (whole.len() / 2, whole.len() - 3000);
    // That it grows is known only now. Then nothing is read again.
    let first = append(&mut harness, &whole[half..most]);
    let second = append(&mut harness, &whole[most..]);
    assert!(Arc::ptr_eq(&first, &second) && second.read().row_count() > before);
    assert!(!second.read().is_finished(), "more may come");
    assert_eq!(view(&harness).scope().filter.as_deref(), Some("kind == ACK"));
    let row = view(&harness).selected().unwrap();
    assert_eq!(summary_of(&mut harness, row), summary);
}

fn summary_of(harness: &mut Window, row: RowId) -> Arc<str> {
    view(harness).lookup().request_row_texts(&[row]);
    until(harness, "the summary", |harness| view(harness).lookup().row_text(row).is_some());
    view(harness).lookup().row_text(row).unwrap().summary
}

#[test]
fn a_live_capture_is_shown_incrementally() {
    let whole = std::fs::read(corpus("captures/missive-damaged/capture.pcapng")).unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut harness = empty(Reading::default(), SettingsFile::default());
    let ctx = harness.ctx.clone();
    let (send, received) = channel();
    // A closed window needs no more.
    let source = Source::live("standard input", reader, move || send.send(()).unwrap_or_default()).unwrap();
    harness.state_mut().open(source.clone(), false, &ctx);
    harness.run_steps(2);
    harness.get_by_label("Opening...");
    let write = |writer: &mut std::io::PipeWriter, bytes: &[u8], end: usize| {
        std::io::Write::write_all(writer, bytes).unwrap();
        // The copying thread reports what it has copied.
        while source.length() < end as u64 {
            received.recv_timeout(TOO_LONG).unwrap();
        }
    };
    write(&mut writer, &whole[..whole.len() / 2], whole.len() / 2);
    until(&mut harness, "the first half", |harness| {
        harness.state().view().is_some_and(|view| view.row_count() > 50) && harness.state().is_settled()
    });
    assert!(!shows(&harness, "the file ends inside"), "what is still coming is not damaged");
    let before = view(&harness).row_count();
    write(&mut writer, &whole[whole.len() / 2..], whole.len());
    drop(writer);
    while source.is_growing() {
        received.recv_timeout(TOO_LONG).unwrap();
    }
    until(&mut harness, "the rest", |harness| {
        view(harness).row_count() > before && harness.state().is_settled()
    });
    until(&mut harness, "all of it", |harness| {
        let index = harness.state().document().unwrap().index();
        index.position() == whole.len() as u64 && harness.state().is_settled()
    });
    assert_eq!(view(&harness).row_count(), sample_window().state().view().unwrap().row_count());
}

#[test]
fn a_live_capture_beyond_the_limit_is_reported() {
    let whole = std::fs::read(corpus("captures/missive-damaged/capture.pcapng")).unwrap();
    let half = whole.len() / 2;
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut harness = empty(Reading::default(), SettingsFile::default());
    let ctx = harness.ctx.clone();
    let (send, received) = channel();
    let wake = move || send.send(()).unwrap_or_default();
    let source = Source::live_within("standard input", reader, half as u64, wake).unwrap();
    harness.state_mut().open(source.clone(), false, &ctx);
    std::io::Write::write_all(&mut writer, &whole[..half]).unwrap();
    while source.length() < half as u64 {
        received.recv_timeout(TOO_LONG).unwrap();
    }
    until(&mut harness, "all that there is room for", |harness| {
        harness.state().view().is_some_and(|view| view.row_count() > 50) && harness.state().is_settled()
    });
    let before = view(&harness).row_count();
    assert!(!shows(&harness, "stopped at the limit"));
    // No byte of this is stored.
    std::io::Write::write_all(&mut writer, &whole[half..]).unwrap();
    while source.is_growing() {
        received.recv_timeout(TOO_LONG).unwrap();
    }
    until(&mut harness, "why there is no more", |harness| {
        shows(harness, "copying to the temporary folder stopped at the limit of")
            && harness.state().is_settled()
    });
    assert!(view(&harness).row_count() >= before);
}

#[test]
fn a_path_is_typed_where_there_is_no_dialog() {
    let mut harness = sample_window();
    harness.state_mut().ask_for_path(false);
    settle(&mut harness);
    let path = corpus("captures/text-echo/capture.pcapng");
    harness.get_by_label("Open file").type_text(path.to_str().unwrap());
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_eq!(view(&harness).row_count(), 10);
    press(&mut harness, Modifiers::COMMAND, Key::E);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("mine.ksy");
    harness.state_mut().ask_for_path(true);
    settle(&mut harness);
    for _ in 0.."unsaved.ksy".len() {
        harness.key_press(Key::Backspace);
    }
    settle(&mut harness);
    harness.get_by_label("Save the description as").type_text(target.to_str().unwrap());
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert!(target.is_file());
    harness.get_by_label("mine.ksy");
}
