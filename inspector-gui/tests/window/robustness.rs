//! What holds whatever is shown: names, waking, random input.

use super::*;

#[test]
fn the_end_of_background_work_wakes_the_window() {
    let mut harness =
        window_of(App::new(Reading::default(), SettingsFile::default(), Background::threaded()));
    let ctx = harness.ctx.clone();
    let (send, woken) = channel();
    ctx.set_request_repaint_callback(move |_| send.send(()).unwrap_or_default());
    let run = |harness: &mut Window| {
        harness.step();
        while !harness.state().is_settled() {
            woken.recv_timeout(TOO_LONG).unwrap();
            harness.step();
        }
    };
    harness.state_mut().open(sample::source(), true, &ctx);
    run(&mut harness);
    harness.state_mut().type_filter("kind == LOGIN");
    run(&mut harness);
    assert!(view(&harness).row_count() > 0);
    harness.state_mut().open_path(&corpus("captures/text-echo/capture.pcapng"), &ctx);
    harness.state_mut().type_filter("");
    run(&mut harness);
    assert_eq!(view(&harness).row_count(), 10);
}

#[test]
fn an_idle_window_is_not_repainted() {
    let mut harness = sample_window();
    settle(&mut harness);
    harness.step();
    let output = harness.output();
    let delay = output.viewport_output.values().map(|viewport| viewport.repaint_delay).min().unwrap();
    assert!(delay > Duration::from_secs(1), "it would be shown again in {delay:?}");
}

#[test]
fn every_control_has_a_name() {
    let mut harness = sample_window();
    let ctx = harness.ctx.clone();
    harness.state_mut().act(Action::ToggleInspector, &ctx);
    for (tab, _) in [
        (Tab::Message, ()),
        (Tab::Transcript, ()),
        (Tab::Ladder, ()),
        (Tab::Problems, ()),
        (Tab::Statistics, ()),
        (Tab::Comparison, ()),
        (Tab::Aligned, ()),
    ] {
        harness.state_mut().show_tab(tab);
        settle(&mut harness);
        let has_name = |node: &AccessKitNode<'_>| {
            let some = |text: Option<String>| text.is_some_and(|text| !text.is_empty());
            some(node.label()) || some(node.value())
        };
        let nameless: Vec<String> = harness
            .root()
            .children_recursive()
            .map(|node| node.accesskit_node())
            .filter(|node| {
                node.data().supports_action(eframe::egui::accesskit::Action::Click) && !has_name(node)
            })
            .map(|node| format!("{:?}", node.role()))
            .collect();
        assert!(nameless.is_empty(), "{tab:?}: {nameless:?}");
    }
}

/// Pseudorandom numbers, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

#[test]
fn no_sequence_of_clicks_and_keys_breaks_the_window() {
    const KEYS: [(Modifiers, Key); 28] = [
        (Modifiers::NONE, Key::ArrowDown),
        (Modifiers::NONE, Key::ArrowUp),
        (Modifiers::NONE, Key::PageDown),
        (Modifiers::NONE, Key::Home),
        (Modifiers::NONE, Key::End),
        (Modifiers::NONE, Key::Escape),
        (Modifiers::NONE, Key::Tab),
        (Modifiers::NONE, Key::F8),
        (Modifiers::SHIFT, Key::F8),
        (Modifiers::NONE, Key::Questionmark),
        (Modifiers::ALT, Key::ArrowDown),
        (Modifiers::COMMAND, Key::F),
        (Modifiers::COMMAND, Key::G),
        (Modifiers::COMMAND, Key::K),
        (Modifiers::COMMAND, Key::J),
        (Modifiers::COMMAND, Key::L),
        (Modifiers::COMMAND, Key::D),
        (Modifiers::COMMAND, Key::R),
        (Modifiers::COMMAND, Key::Num2),
        (Modifiers::COMMAND, Key::Num3),
        (Modifiers::COMMAND, Key::Num4),
        (Modifiers::COMMAND, Key::Num5),
        (Modifiers::COMMAND, Key::Num6),
        (Modifiers::COMMAND, Key::Num1),
        // Twice as often as the others, since much is there to click.
        (Modifiers::COMMAND, Key::Num8),
        (Modifiers::COMMAND, Key::Num8),
        (Modifiers::ALT, Key::ArrowRight),
        (Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::I),
    ];
    for seed in 0..4 {
        let mut random = Random(seed);
        let mut harness = sample_window();
        for _ in 0..150 {
            // The menus at the top open dialogs of the system.
            let at = eframe::egui::pos2(random.below(1400) as f32, 30.0 + random.below(870) as f32);
            match random.below(8) {
                0..3 => {
                    let (modifiers, key) = KEYS[random.below(KEYS.len())];
                    harness.key_press_modifiers(modifiers, key);
                }
                3 => {
                    let texts = ["kind == ", "DATA", "7", " and ", "\"", "lost", "\u{1F600}", "(", "x\"f5"];
                    let text = texts[random.below(texts.len())].to_owned();
                    harness.event(eframe::egui::Event::Text(text));
                }
                4 => {
                    harness.hover_at(at);
                    harness.step();
                    harness.drag_at(at);
                    harness.step();
                    let to = eframe::egui::pos2(random.below(1400) as f32, 30.0 + random.below(870) as f32);
                    harness.hover_at(to);
                    harness.step();
                    harness.drop_at(to);
                }
                5 => secondary_click(&mut harness, at),
                _ => {
                    harness.hover_at(at);
                    harness.drag_at(at);
                    harness.drop_at(at);
                }
            }
            for _ in 0..2 {
                harness.state().background().step();
                harness.step();
            }
        }
        settle(&mut harness);
        assert!(harness.state().document().unwrap().index().is_finished());
    }
}
