//! The timeline and the tabs other than the message.

use framescope_capture::RowId;

use super::*;

#[test]
fn problems_are_explained_and_lead_to_their_rows() {
    let mut harness = sample_window();
    harness.state_mut().show_tab(Tab::Problems);
    settle(&mut harness);
    harness.get_by_label("Errors: the bytes are not what the format requires");
    click(&mut harness, "header-check-mismatch");
    harness.get_by_label("Usual cause:");
    harness.get_by_label_contains("Compute the check last, over the header");
    click(&mut harness, "First");
    let row = view(&harness).selected().unwrap();
    let has = |harness: &Window, row: RowId| {
        let index = harness.state().document().unwrap().index();
        index.row(row).unwrap().codes.contains(framescope_parser::Code::HeaderCheckMismatch)
    };
    assert!(has(&harness, row));
    click(&mut harness, "Show only these rows");
    let rows: Vec<RowId> =
        (0..view(&harness).row_count()).filter_map(|place| view(&harness).row_at(place)).collect();
    assert!(!rows.is_empty() && rows.iter().all(|&row| has(&harness, row)));
}

#[test]
fn dragging_over_the_timeline_selects_a_time_span() {
    let mut harness = sample_window();
    let all = view(&harness).row_count();
    let timeline = harness.get_by_label_contains("Timeline: ").rect();
    let at = |share: f32| timeline.left_top() + Vec2::new(timeline.width() * share, 10.0);
    harness.hover_at(at(0.05));
    harness.run_steps(2);
    harness.drag_at(at(0.05));
    harness.run_steps(2);
    harness.hover_at(at(0.15));
    harness.run_steps(2);
    harness.drop_at(at(0.15));
    settle(&mut harness);
    let span = view(&harness).scope().span.clone().unwrap();
    let rows = view(&harness).row_count();
    assert!(0 < rows && rows < all, "{rows} of {all}");
    {
        let index = harness.state().document().unwrap().index();
        let time = |place| index.time_ns(&index.row(view(&harness).row_at(place).unwrap()).unwrap()).unwrap();
        assert!((0..rows).all(|place| span.contains(&time(place))));
    }
    let pictured: u32 = view(&harness).charts().timeline.buckets.iter().map(|bucket| bucket.rows).sum();
    assert_eq!(pictured as usize, rows, "the timeline shows that part");
    let ctx = harness.ctx.clone();
    harness.state_mut().act(Action::WholeTime, &ctx);
    settle(&mut harness);
    assert_eq!(view(&harness).row_count(), all);
}

#[test]
fn statistics_lead_to_the_rows_of_a_bar() {
    let mut harness = sample_window();
    harness.state_mut().show_tab(Tab::Statistics);
    settle(&mut harness);
    click(&mut harness, "Length 20 B to 23 B");
    let filter = view(&harness).scope().filter.clone().unwrap();
    assert_eq!(filter, "length >= 20 and length <= 23");
    assert!(shows(&harness, "Latency of replies "));
}

#[test]
fn a_conversation_is_a_transcript_that_can_be_searched() {
    let mut harness = sample_window();
    harness.state_mut().show_tab(Tab::Transcript);
    settle(&mut harness);
    assert!(shows(&harness, "#0 LOGIN, 46 bytes\nuser lost"));
    harness.get_by_label("Text").click();
    settle(&mut harness);
    harness.get_by_label("Find").click();
    settle(&mut harness);
    harness.get_by_label("Find").type_text("welcome");
    settle(&mut harness);
    harness.get_by_label("1 match");
    click(&mut harness, "Next match");
    assert_eq!(view(&harness).selected(), Some(1.into()));
    click(&mut harness, "Hex");
    assert!(shows(&harness, "000000  f5 4d 01 04"));
}

#[test]
fn the_ladder_shows_both_directions_gaps_and_retransmissions() {
    let mut harness = sample_window();
    harness.state_mut().show_tab(Tab::Ladder);
    settle(&mut harness);
    assert!(shows(&harness, "#0 LOGIN  user lost, to the right"));
    let find = |harness: &Window, wanted: &dyn Fn(&framescope_capture::Row) -> bool| {
        let index = harness.state().document().unwrap().index();
        index.rows().find(|(_, row)| wanted(row)).map(|(number, _)| number)
    };
    let gap = find(&harness, &|row| row.span_type == framescope_parser::SpanType::Gap).unwrap();
    harness.state_mut().go_to(gap);
    settle(&mut harness);
    assert!(shows(&harness, &format!("#{gap} gap: ")), "the gap is in sight");
    let again = find(&harness, &|row| row.codes.contains(framescope_parser::Code::Retransmitted)).unwrap();
    harness.state_mut().go_to(again);
    settle(&mut harness);
    assert!(shows(&harness, "(retransmitted)"));
}

#[test]
fn two_messages_are_compared_field_by_field() {
    let mut harness = sample_window();
    press(&mut harness, Modifiers::COMMAND, Key::D);
    click(&mut harness, "lost: message 0");
    harness.get_by_label_contains("#0 LOGIN and #2 DATA");
    harness.get_by_label("kind differs: LOGIN (1) / DATA (3)");
    harness.get_by_label("version same: 1 / 1");
    click(&mut harness, "Only differences");
    assert!(!shows(&harness, "version same"));
    harness.get_by_label("payload.user differs: lost / absent");
}

#[test]
fn every_tab_leaves_the_panel_its_size() {
    let no_problems = Source::open(&corpus("captures/missive-chat/capture.pcapng")).unwrap();
    for is_beside in [false, true] {
        let mut harness = window(no_problems.clone(), false);
        if is_beside {
            click(&mut harness, "Beside");
        }
        let size = |harness: &Window| {
            let sizes = harness.state().settings().sizes;
            if is_beside { sizes.message_beside } else { sizes.message }
        };
        let before = size(&harness);
        for (tab, name) in Tab::ALL {
            harness.state_mut().show_tab(tab);
            settle(&mut harness);
            assert!((size(&harness) - before).abs() < 1.0, "{name}: {} and {before}", size(&harness));
        }
    }
}
