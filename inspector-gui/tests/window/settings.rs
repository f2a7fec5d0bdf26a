//! What is stored between runs.

use super::*;

#[test]
fn panels_are_restored_as_they_were_left() {
    let folder = tempfile::tempdir().unwrap();
    let file = || SettingsFile::at(folder.path().join("settings.json"));
    let mut harness = empty(Reading::default(), file());
    let ctx = harness.ctx.clone();
    harness.state_mut().open(sample::source(), true, &ctx);
    settle(&mut harness);
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::C);
    assert!(!shows(&harness, "All conversations"));
    harness.state_mut().act(Action::ToggleBeside, &ctx);
    harness.state_mut().act(Action::ThemeLight, &ctx);
    settle(&mut harness);
    click(&mut harness, "Skip the introduction");
    harness.state_mut().save_settings();
    let stored = harness.state().settings().clone();
    drop(harness);
    let mut harness = empty(Reading::default(), file());
    let ctx = harness.ctx.clone();
    harness.state_mut().open(sample::source(), true, &ctx);
    settle(&mut harness);
    assert_eq!(*harness.state().settings(), stored);
    assert!(!shows(&harness, "All conversations") && !shows(&harness, "This is a sample"));
    assert!(!harness.ctx.style_of(harness.ctx.theme()).visuals.dark_mode);
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::C);
    assert!(shows(&harness, "All conversations"));
}

#[test]
fn settings_are_stored_soon_after_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.json");
    let mut harness = empty(Reading::default(), SettingsFile::at(path.clone()));
    let ctx = harness.ctx.clone();
    pass(&mut harness, Duration::from_secs(2));
    harness.state_mut().act(Action::ThemeLight, &ctx);
    pass(&mut harness, Duration::from_millis(500));
    let stored = || SettingsFile::at(path.clone()).load().0;
    assert_ne!(stored().theme, harness.state().settings().theme);
    pass(&mut harness, Duration::from_secs(1));
    assert_eq!(stored(), *harness.state().settings());
}

#[test]
fn invalid_settings_are_reported_and_do_not_stop_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.json");
    std::fs::write(&path, "{ \"theme\": ").unwrap();
    let mut harness = empty(Reading::default(), SettingsFile::at(path));
    let ctx = harness.ctx.clone();
    harness.state_mut().open(sample::source(), true, &ctx);
    settle(&mut harness);
    harness.get_by_label_contains("are invalid");
    harness.get_by_label("Sample capture");
}

#[test]
fn the_first_start_shows_five_hints() {
    let mut harness = sample_window();
    harness.get_by_label("This is a sample  (1 of 5)");
    for _ in 0..4 {
        click(&mut harness, "Next hint");
    }
    harness.get_by_label("Open your own capture  (5 of 5)");
    click(&mut harness, "Done");
    assert!(harness.state().settings().tour_seen && !shows(&harness, "of 5)"));
}
