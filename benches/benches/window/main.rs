//! How long a frame of the window takes with ten million rows, without a display: `cargo bench --manifest-path
//! benches/Cargo.toml --bench window`. Prints a table in Markdown. Generates the capture it opens, 1.8 GB, in
//! target/traffic. A frame is what the window's own thread does for it: layout and tessellation, waiting for other
//! threads included; not the work of a graphics card.

mod growing;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{Event, Modifiers, MouseWheelUnit, PointerButton, Pos2, RawInput, Rect, Vec2};
use framescope_capture::RowId;
use framescope_capture::filter::Column;
use framescope_inspect::Reading;
use framescope_traffic::{Container, Shape, write};
use framescope_window::app::{App, Tab};
use framescope_window::models::actions::Action;
use framescope_window::models::background::Background;
use framescope_window::models::rows::Sort;
use framescope_window::models::settings::SettingsFile;

const ROWS: u64 = 10_000_000;
const SIZE: Vec2 = Vec2::new(1360.0, 860.0);

fn main() {
    let rows = std::env::var("ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(ROWS);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/traffic");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let path = folder.join(format!("window-{rows}.pcap"));
    if !path.exists() {
        let half = folder.join("half");
        let file = File::create(&half).expect("a capture can be made");
        let shape = Shape { messages: rows, ..Shape::default() };
        write(&shape, Container::Pcap, file).expect("the capture can be written");
        std::fs::rename(half, &path).expect("the capture can be named");
    }
    let mut window = Window::new();
    if std::env::args().any(|argument| argument == "growing") {
        let seconds = std::env::var("SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(10);
        println!("| what | frames | median | 99 % | longest | total |\n|---|---|---|---|---|---|");
        return growing::run(&mut window, &path, seconds);
    }
    println!("| what | frames | median | 99 % | longest | total |\n|---|---|---|---|---|---|");
    window.part("until the first rows", |window| {
        let ctx = window.ctx.clone();
        window.app.open_path(&path, &ctx);
        while window.app.view().is_none_or(|view| view.row_count() == 0) {
            window.frame(vec![]);
        }
        // And once more, to be seen.
        window.frame(vec![]);
    });
    window.part("while everything is read and counted", |window| window.settle());
    let count = window.app.view().expect("it is open").row_count();
    println!("| ({count} rows) | | | | | |");
    window.part("drawn again and again", |window| (0..300).for_each(|_| window.frame(vec![])));
    window.part("the wheel", |window| {
        for turn in 0..600 {
            let delta = Vec2::new(0.0, if turn % 3 == 0 { 40.0 } else { -120.0 });
            window.frame(vec![
                Event::PointerMoved(Pos2::new(800.0, 300.0)),
                Event::MouseWheel {
                    unit: MouseWheelUnit::Point,
                    delta,
                    phase: egui::TouchPhase::Move,
                    source: egui::MouseWheelSource::Wheel,
                    modifiers: Modifiers::NONE,
                },
            ]);
        }
    });
    window.part("the scroll bar, anywhere", |window| {
        let mut random = Random(7);
        let x = SIZE.x - 7.0;
        window.frame(vec![Event::PointerMoved(Pos2::new(x, 300.0))]);
        window.frame(vec![button(Pos2::new(x, 300.0), true)]);
        for _ in 0..600 {
            #[allow(clippy::cast_precision_loss)]
            let y = 130.0 + random.below(360) as f32;
            window.frame(vec![Event::PointerMoved(Pos2::new(x, y))]);
        }
        window.frame(vec![button(Pos2::new(x, 300.0), false)]);
    });
    window.part("messages opened, anywhere", |window| {
        let mut random = Random(11);
        for _ in 0..600 {
            window.app.go_to(RowId::from(random.below(count as u64) as u32));
            window.frame(vec![]);
        }
    });
    for (name, tab) in [
        ("the transcript, anywhere", Tab::Transcript),
        ("the ladder, anywhere", Tab::Ladder),
        ("problems", Tab::Problems),
        ("statistics", Tab::Statistics),
    ] {
        window.part(name, |window| {
            let mut random = Random(13);
            window.app.show_tab(tab);
            for turn in 0..200 {
                if turn % 10 == 0 {
                    window.app.go_to(RowId::from(random.below(count as u64) as u32));
                }
                window.frame(vec![]);
            }
        });
    }
    window.app.show_tab(Tab::Message);
    for filter in [
        "kind == LOGIN",
        "length > 120",
        "time < 5s",
        "payload contains \"4242\"",
        "summary contains \"99999\"",
        "",
    ] {
        window.part(&format!("`{filter}` typed"), |window| {
            window.app.type_filter(filter);
            window.frame(vec![]);
            window.settle();
        });
    }
    window.part("sorted by length", |window| {
        window.app.sort_by(Some(Sort { column: Column::Length, descending: true }));
        window.settle();
        window.app.sort_by(None);
        window.settle();
    });
    window.part("the next problem, if there is none", |window| {
        let ctx = window.ctx.clone();
        window.app.act(Action::NextProblem, &ctx);
        window.settle();
    });
    window.frame(vec![]);
    match window.delay {
        Duration::MAX => println!("\nIdle: no frame is requested."),
        delay => println!("\nIdle: a frame is requested in {delay:?}."),
    }
}

fn button(pos: Pos2, pressed: bool) -> Event {
    Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE }
}

struct Window {
    ctx: egui::Context,
    app: App,
    begun: Instant,
    frames: Vec<Duration>,
    delay: Duration,
}

impl Window {
    fn new() -> Window {
        let ctx = egui::Context::default();
        ctx.enable_accesskit();
        let app = App::new(Reading::default(), SettingsFile::default(), Background::threaded());
        let mut window =
            Window { ctx, app, begun: Instant::now(), frames: Vec::new(), delay: Duration::ZERO };
        // The first frames load the fonts.
        (0..3).for_each(|_| window.frame(vec![]));
        window
    }

    /// One frame of the window.
    fn frame(&mut self, events: Vec<Event>) {
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, SIZE)),
            time: Some(self.begun.elapsed().as_secs_f64()),
            focused: true,
            events,
            ..RawInput::default()
        };
        let begun = Instant::now();
        let output = self.ctx.run_ui(input, |ui| self.app.show(ui));
        let egui::FullOutput { shapes, pixels_per_point, viewport_output, textures_delta, .. } = output;
        let meshes = self.ctx.tessellate(shapes, pixels_per_point);
        self.frames.push(begun.elapsed());
        std::hint::black_box(Arc::new(meshes));
        drop(textures_delta);
        self.delay =
            viewport_output.values().map(|viewport| viewport.repaint_delay).min().unwrap_or(Duration::MAX);
    }

    /// Frames, sixty a second, until the background is idle.
    fn settle(&mut self) {
        loop {
            self.frame(vec![]);
            if self.app.is_settled() {
                return;
            }
            std::thread::sleep(Duration::from_millis(12));
        }
    }

    fn part(&mut self, name: &str, run: impl FnOnce(&mut Window)) {
        self.frames.clear();
        let begun = Instant::now();
        run(self);
        let all = begun.elapsed();
        let mut frames = self.frames.clone();
        frames.sort_unstable();
        let at = |share: usize| {
            frames.get((frames.len() - 1) * share / 100).map_or(0.0, |frame| frame.as_secs_f64() * 1e3)
        };
        println!(
            "| {name} | {} | {:.2} ms | {:.2} ms | {:.2} ms | {:.0} ms |",
            frames.len(),
            at(50),
            at(99),
            at(100),
            all.as_secs_f64() * 1e3
        );
    }
}

/// Pseudo-random numbers, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}
