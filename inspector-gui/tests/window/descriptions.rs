//! Described protocols: edited, changed by others, chosen.

use super::*;

#[test]
fn rows_follow_a_changed_description_and_the_selection_stays() {
    let mqtt = std::fs::read_to_string(corpus("formats/mqtt.ksy")).unwrap();
    let (mut harness, folder) = described_window(&mqtt);
    harness.state_mut().type_filter("kind == PUBLISH");
    settle(&mut harness);
    click(&mut harness, "house/hall/door: offen");
    let selected = view(&harness).selected();
    assert!(selected.is_some());
    let path = folder.path().join("mine.ksy");
    std::fs::write(&path, mqtt.replace("'{topic}: {message}'", "'{message} for {topic}'")).unwrap();
    until(&mut harness, "the new summary", |harness| shows(harness, "offen for house/hall/door"));
    settle(&mut harness);
    assert_eq!(view(&harness).selected(), selected);
    harness.get_by_label_contains("8 of 35 rows");
    // An invalid description changes no row, and its error has a place.
    std::fs::write(&path, mqtt.replace("type: b4", "type: b4q")).unwrap();
    until(&mut harness, "the mistake", |harness| shows(harness, "mine.ksy:15:11: there is no type 'b4q'"));
    assert!(shows(&harness, "offen for house/hall/door"));
    std::fs::write(&path, &mqtt).unwrap();
    until(&mut harness, "the first summary", |harness| shows(harness, "house/hall/door: offen"));
    assert!(!shows(&harness, "there is no type"));
}

#[test]
fn rows_follow_what_is_typed_into_the_editor() {
    let mqtt = std::fs::read_to_string(corpus("formats/mqtt.ksy")).unwrap();
    let (mut harness, folder) = described_window(&mqtt);
    press(&mut harness, Modifiers::COMMAND, Key::E);
    harness.get_by_label("mine.ksy");
    harness.get_by_label("The rows follow this description.");
    let edit = |harness: &mut Window, from: &str, to: &str| {
        let editor = harness.state_mut().editor_mut().unwrap();
        editor.text = editor.text.replace(from, to);
        editor.typed();
        settle(harness);
    };
    edit(&mut harness, "'{topic}: {message}'", "'{message} for {topic}'");
    assert!(shows(&harness, "offen for house/hall/door"));
    harness.get_by_label("mine.ksy (modified)");
    edit(&mut harness, "type: b4", "type: b4q");
    assert!(shows(&harness, "errors; the rows follow") || shows(&harness, "error; the rows follow"));
    assert!(shows(&harness, "offen for house/hall/door"));
    edit(&mut harness, "type: b4q", "type: b4");
    click(&mut harness, "Save");
    let saved = std::fs::read_to_string(folder.path().join("mine.ksy")).unwrap();
    assert!(saved.contains("'{message} for {topic}'"));
    harness.get_by_label("mine.ksy");
    harness.get_by_label("Check").click();
    settle(&mut harness);
    harness.get_by_label("How mqtt fits");
    harness.get_by_label_contains("100.0 % of their bytes are explained");
}

#[test]
fn only_what_another_program_saves_is_read_again() {
    let mqtt = std::fs::read_to_string(corpus("formats/mqtt.ksy")).unwrap();
    let (mut harness, folder) = described_window(&mqtt);
    press(&mut harness, Modifiers::COMMAND, Key::E);
    let changed = mqtt.replace("'{topic}: {message}'", "'{message} for {topic}'");
    let editor = harness.state_mut().editor_mut().unwrap();
    editor.text.clone_from(&changed);
    editor.typed();
    settle(&mut harness);
    click(&mut harness, "Save");
    harness.get_by_label("Check").click();
    settle(&mut harness);
    pass(&mut harness, Duration::from_secs(3));
    harness.get_by_label("How mqtt fits");
    assert!(shows(&harness, "offen for house/hall/door"));
    std::fs::write(folder.path().join("mine.ksy"), &mqtt).unwrap();
    until(&mut harness, "the first summary", |harness| shows(harness, "house/hall/door: offen"));
    assert!(!shows(&harness, "How mqtt fits"), "it is of what was described before");
}

#[test]
fn rows_follow_a_saved_description_that_theirs_imports() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let inner = "meta: {id: inner}\nseq: [{id: first, type: u1}]\n";
    let outer = "meta: {id: outer, imports: [inner]}\nseq: [{id: one, type: inner}, {id: two, type: u1}]\n";
    std::fs::write(path("inner.ksy"), inner).unwrap();
    std::fs::write(path("outer.ksy"), outer).unwrap();
    let own = CustomProtocols::load(&[path("outer.ksy"), path("inner.ksy")], &[], &mut |_| {}).unwrap();
    let decode_as = vec!["file=outer".parse().unwrap()];
    let mut harness = empty(Reading { own, decode_as, ..Reading::default() }, SettingsFile::default());
    let ctx = harness.ctx.clone();
    harness.state_mut().open(Source::from_bytes("bytes", *b"\x01\x02"), false, &ctx);
    settle(&mut harness);
    assert!(shows(&harness, "first: 1"));
    harness.state_mut().open_path(&path("inner.ksy"), &ctx);
    settle(&mut harness);
    let editor = harness.state_mut().editor_mut().unwrap();
    editor.text = editor.text.replace("first", "begin");
    editor.typed();
    settle(&mut harness);
    assert!(shows(&harness, "first: 1"), "it imports what is in the file");
    click(&mut harness, "Save");
    assert!(shows(&harness, "begin: 1"));
}

#[test]
fn a_description_starts_from_a_template() {
    let mut harness = sample_window();
    press(&mut harness, Modifiers::COMMAND, Key::E);
    harness.get_by_label("unsaved.ksy (modified)");
    let first = framescope_ksy::TEMPLATES.last().unwrap();
    click(&mut harness, "Template");
    click(&mut harness, first.name);
    assert_eq!(harness.state_mut().editor_mut().unwrap().text, first.text);
}

#[test]
fn a_conversation_a_port_or_all_are_decoded_as_chosen() {
    let mqtt = std::fs::read_to_string(corpus("formats/mqtt.ksy")).unwrap();
    let (mut harness, _folder) = described_window(&mqtt.replace("ports: 1883", "ports: 1"));
    assert!(!shows(&harness, "house/hall/door: offen"));
    click(&mut harness, "Decode as");
    harness.get_by_label("mqtt").click();
    settle(&mut harness);
    assert!(shows(&harness, "house/hall/door: offen"));
    click(&mut harness, "Decode as");
    click(&mut harness, "Detect automatically");
    assert!(!shows(&harness, "house/hall/door: offen"));
    let choose = |harness: &mut Window, what: &str, protocol: &str| {
        let conversation =
            harness.get_all_by_label_contains(" - 127.0.0.1:1883").nth(2).unwrap().rect().center();
        secondary_click(harness, conversation);
        harness.get_all_by_label("Decode as").last().unwrap().click();
        settle(harness);
        click(harness, what);
        harness.get_by_label(protocol).click();
        settle(harness);
    };
    // One conversation only.
    choose(&mut harness, "This conversation", "mqtt");
    assert!(shows(&harness, "house/hall/door: offen"));
    assert!(!shows(&harness, "garden/bed1/soil"));
    // A port, from now on.
    choose(&mut harness, "Port 1883, from now on", "mqtt");
    assert!(shows(&harness, "garden/bed1/soil"));
    assert_eq!(harness.state().settings().decode_as, ["tcp.port=1883=mqtt"]);
    let ctx = harness.ctx.clone();
    harness.state_mut().open(Source::open(&corpus("formats/mqtt/capture.pcapng")).unwrap(), false, &ctx);
    settle(&mut harness);
    assert!(shows(&harness, "garden/bed1/soil"), "it is remembered");
}

#[test]
fn a_dropped_description_is_used() {
    let mut harness = window(Source::open(&corpus("formats/someip/capture.pcapng")).unwrap(), false);
    assert!(!shows(&harness, "service 0x1234"));
    harness.input_mut().dropped_files.push(Arc::new(Dropped(corpus("formats/someip.ksy"))));
    harness.step();
    settle(&mut harness);
    harness.get_by_label_contains("someip is now used on tcp.port=30509");
    assert!(harness.query_all_by_label_contains("service 0x1234").count() > 5);
}

#[test]
fn a_description_without_a_capture_opens_its_editor_beside_the_sample() {
    let mut harness = empty(Reading::default(), SettingsFile::default());
    let ctx = harness.ctx.clone();
    harness.state_mut().open_path(&corpus("formats/someip.ksy"), &ctx);
    settle(&mut harness);
    harness.get_by_label("someip.ksy");
    harness.get_by_label_contains("someip is now used on tcp.port=30509");
    assert!(view(&harness).row_count() > 0, "the sample is shown");
}
