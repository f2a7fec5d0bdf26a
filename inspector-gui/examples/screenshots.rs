//! Takes the screenshots of the README and of docs/window.md, in a real window:
//! `cargo run --release -p framescope-window --example screenshots`. Needs a display; without one, put
//! `xvfb-run -s "-screen 0 1600x1000x24"` in front.

// It panics if something is not as expected.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use eframe::egui::{self, ColorImage, Context, Ui, ViewportBuilder, ViewportCommand};
use framescope_inspect::Reading;
use framescope_inspect::sample;
use framescope_parser::missive::{Flags, FrameBuf, Kind, Payload};
use framescope_window::app::{App, Tab};
use framescope_window::models::actions::Action;
use framescope_window::models::background::Background;
use framescope_window::models::composer::Change;
use framescope_window::models::settings::SettingsFile;

const SIZE: [f32; 2] = [1360.0, 860.0];

/// A change of the window, after which it comes to rest.
type Step = fn(&mut App, &Context);

/// A screenshot: its file, and the steps before it is taken.
type Screenshot = (&'static str, &'static [Step]);

const SCREENSHOTS: &[Screenshot] = &[
    (
        "window.png",
        &[
            |app, ctx| {
                app.act(Action::ThemeDark, ctx);
                app.open(sample::source(), true, ctx);
                app.end_tour();
            },
            |app, _| app.type_filter("severity >= warning or problems == retransmitted"),
            |app, _| app.go_to(85.into()),
            |app, _| app.highlight_field("payload.content"),
        ],
    ),
    (
        "window/light.png",
        &[
            |app, ctx| {
                app.act(Action::ThemeLight, ctx);
                app.type_filter("");
            },
            |app, _| app.go_to(86.into()),
        ],
    ),
    (
        "window/ladder.png",
        &[|app, ctx| {
            app.act(Action::ThemeDark, ctx);
            app.show_tab(Tab::Ladder);
            app.go_to(176.into());
        }],
    ),
    (
        "window/transcript.png",
        &[|app, _| {
            app.show_tab(Tab::Transcript);
            app.go_to(64.into());
        }],
    ),
    (
        "window/problems.png",
        &[|app, _| {
            app.show_tab(Tab::Problems);
            app.go_to(190.into());
        }],
    ),
    (
        "window/compare.png",
        &[
            |app, ctx| {
                app.go_to(0.into());
                app.act(Action::Compare, ctx);
            },
            |app, _| app.go_to(2.into()),
        ],
    ),
    (
        "window/compose.png",
        &[
            |app, ctx| {
                app.go_to(0.into());
                app.act(Action::EditAndSend, ctx);
            },
            |app, _| {
                let peer = peer();
                let desk = app.desk_mut();
                desk.peer.set_target(&peer.to_string());
                desk.change(value("payload.user", "ada"));
            },
            |app, ctx| app.act(Action::Send, ctx),
            |app, _| {
                app.desk_mut().change(Change::Give("payload.user_length".to_owned()));
                app.desk_mut().change(value("payload.user_length", "99"));
            },
            |app, ctx| app.act(Action::Send, ctx),
        ],
    ),
    (
        "window/holes.png",
        &[
            |app, ctx| {
                app.show_tab(Tab::Message);
                app.open_path(&corpus("captures/holes/capture.pcapng"), ctx);
            },
            |app, _| app.type_filter("problems == incomplete"),
            |app, _| app.go_to(74.into()),
        ],
    ),
    (
        "window/levels.png",
        &[
            |app, ctx| {
                app.type_filter("");
                app.open_path(&corpus("carriers/websocket-tls/capture.pcapng"), ctx);
            },
            |app, ctx| app.act(Action::LevelsAll, ctx),
            |app, _| app.go_to(31.into()),
        ],
    ),
    (
        "window/statistics.png",
        &[|app, ctx| {
            app.act(Action::LevelsInnermost, ctx);
            app.type_filter("");
            app.show_tab(Tab::Statistics);
            app.open_path(&corpus("captures/missive-chat/capture.pcapng"), ctx);
        }],
    ),
    (
        "window/inspector.png",
        &[
            |app, ctx| {
                app.act(Action::DismissAll, ctx);
                app.show_tab(Tab::Message);
                app.act(Action::ToggleInspector, ctx);
                app.go_to(6.into());
            },
            |app, _| app.highlight_byte(23),
        ],
    ),
    (
        "window/align.png",
        &[
            |app, ctx| {
                app.act(Action::ToggleInspector, ctx);
                app.show_tab(Tab::Aligned);
                app.go_to(8.into());
            },
            |app, _| app.highlight_byte(11),
        ],
    ),
    (
        "window/align-compare.png",
        &[
            |app, _| app.type_filter("kind == DATA and direction == forward"),
            |app, ctx| app.act(Action::KeepAligned, ctx),
            |app, _| app.type_filter("kind == DATA and direction == backward"),
        ],
    ),
    (
        "window/guess.png",
        &[
            |app, ctx| {
                app.type_filter("");
                app.stop_comparing();
                app.open_path(&corpus("formats/modbus/capture.pcapng"), ctx);
            },
            |app, ctx| app.act(Action::Guess, ctx),
        ],
    ),
    (
        "window/this-is.png",
        &[
            |app, _| app.use_guess(0),
            |app, ctx| {
                app.show_tab(Tab::Aligned);
                app.act(Action::State, ctx);
                app.act(Action::ToggleConversations, ctx);
                app.act(Action::ToggleTimeline, ctx);
                app.go_to(0.into());
            },
            |app, _| app.highlight_bytes(4..6),
            |app, _| app.say_likeliest(),
            |app, _| app.highlight_bytes(2..4),
            |app, _| app.say_likeliest(),
            |app, _| app.highlight_bytes(7..8),
        ],
    ),
    (
        "window/editor.png",
        &[
            |app, ctx| {
                app.act(Action::State, ctx);
                app.act(Action::ToggleConversations, ctx);
                app.act(Action::ToggleTimeline, ctx);
                app.show_tab(Tab::Message);
                app.open_path(&corpus("formats/mqtt/capture.pcapng"), ctx);
            },
            |app, ctx| app.open_path(&corpus("formats/mqtt.ksy"), ctx),
            |app, ctx| app.act(Action::DismissAll, ctx),
        ],
    ),
    (
        "window/diagnostic.png",
        &[|app, _| {
            let editor = app.editor_mut().expect("the editor is open");
            editor.text = editor.text.replacen("type: b4", "type: b4q", 1);
            editor.typed();
        }],
    ),
];

fn main() -> eframe::Result {
    let viewport = ViewportBuilder::default().with_inner_size(SIZE).with_title("Framescope");
    let native = eframe::NativeOptions { viewport, ..Default::default() };
    eframe::run_native("framescope", native, Box::new(|_| Ok(Box::new(Photographer::new()))))
}

fn value(path: &str, text: &str) -> Change {
    Change::Value { path: path.to_owned(), text: text.to_owned() }
}

/// A program that acknowledges a login, and refuses what comes after it.
fn peer() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the window connects");
        let welcome = FrameBuf::new(Kind::ACK).flags(Flags::REPLY).payload("welcome, ada");
        let refusal = FrameBuf::of(Payload::Error { code: 400, text: "this is not a login" });
        for frame in [welcome, refusal.expect("it is short").flags(Flags::REPLY)] {
            if stream.read(&mut [0; 1024]).is_ok() {
                let _ = stream.write_all(&frame.to_bytes().expect("it is short"));
            }
        }
        let _ = stream.read(&mut [0; 1]);
    });
    address
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn corpus(path: &str) -> PathBuf {
    root().join("corpus").join(path)
}

struct Photographer {
    app: App,
    next: usize,
    /// How many steps of the next screenshot were taken.
    steps: usize,
    /// Frames since the last step.
    waited: usize,
    taken: Option<Receiver<Arc<ColorImage>>>,
}

impl Photographer {
    fn new() -> Photographer {
        Photographer {
            app: App::new(Reading::default(), SettingsFile::default(), Background::threaded()),
            next: 0,
            steps: 0,
            waited: 0,
            taken: None,
        }
    }
}

/// Writes a PNG with the 256 most frequent colours; the others become the nearest of these.
fn save(name: &str, image: &ColorImage) {
    let rgb = |pixel: &egui::Color32| [pixel.r(), pixel.g(), pixel.b()];
    let mut counts: HashMap<[u8; 3], usize> = HashMap::new();
    for pixel in &image.pixels {
        *counts.entry(rgb(pixel)).or_default() += 1;
    }
    let mut palette: Vec<[u8; 3]> = counts.keys().copied().collect();
    palette.sort_by_key(|colour| (std::cmp::Reverse(counts[colour]), *colour));
    palette.truncate(256);
    let distance = |a: [u8; 3], b: [u8; 3]| -> u32 {
        a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let nearest = |colour: [u8; 3]| {
        let number = (0u8..=255).zip(&palette).min_by_key(|(_, known)| distance(colour, **known));
        number.map_or(0, |(number, _)| number)
    };
    let numbers: HashMap<[u8; 3], u8> = counts.keys().map(|&colour| (colour, nearest(colour))).collect();
    let bytes: Vec<u8> = image.pixels.iter().map(|pixel| numbers[&rgb(pixel)]).collect();
    let [width, height] = image.size.map(|side| u32::try_from(side).expect("a window is no larger"));
    let path = root().join("docs").join(name);
    let file = BufWriter::new(File::create(&path).expect("it can be written"));
    let mut encoder = png::Encoder::new(file, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(palette.concat());
    encoder.set_compression(png::Compression::High);
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&bytes)).expect("it can be written");
}

impl eframe::App for Photographer {
    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        // A pointer that happens to be over the window must not show.
        ctx.input_mut(|input| input.pointer = egui::PointerState::default());
        let Some((name, steps)) = SCREENSHOTS.get(self.next) else {
            ctx.send_viewport_cmd(ViewportCommand::Close);
            return;
        };
        // Animations have to end as well.
        let is_at_rest = self.steps == 0 || self.waited > 30 && self.app.is_settled();
        if let Some(step) = steps.get(self.steps).filter(|_| is_at_rest) {
            step(&mut self.app, &ctx);
            (self.steps, self.waited) = (self.steps + 1, 0);
        } else if is_at_rest && self.taken.is_none() {
            let (send, taken) = channel();
            ctx.request_screenshot(move |image| drop(send.send(image)));
            self.taken = Some(taken);
        }
        self.app.show(ui);
        ctx.request_repaint();
        self.waited += 1;
        if let Some(image) = self.taken.as_ref().and_then(|taken| taken.try_recv().ok()) {
            save(name, &image);
            (self.next, self.steps, self.waited, self.taken) = (self.next + 1, 0, 0, None);
        }
    }
}
