//! Opens the window, or reports why it can't be opened.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eframe::egui::{Context, ViewportBuilder};
use framescope_capture::Source;
use framescope_live::capturing::Request;

use crate::app::App;
use crate::models::background::{Background, panic_text};
use crate::models::settings::SettingsFile;
use framescope_inspect::Reading;
use framescope_inspect::sample;

/// What the window shows first.
#[derive(Clone, Debug)]
pub enum Start {
    /// The sample capture.
    Sample,
    /// A file.
    File(PathBuf),
    /// Standard input, while it is being written.
    StandardInput,
    /// What passes an interface, as it is recorded.
    Recording(Request),
}

/// Why no window could be opened.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// The environment names no display.
    #[error("neither DISPLAY nor WAYLAND_DISPLAY names a display")]
    NoDisplay,
    /// The window system refuses, for this reason.
    #[error("{0}")]
    Refused(String),
}

/// Shows the window until it is closed.
///
/// # Errors
/// No window could be opened.
pub fn run(start: Start, reading: Reading) -> Result<(), WindowError> {
    let on_x11_or_wayland = cfg!(all(unix, not(target_os = "macos")));
    let named = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if on_x11_or_wayland && !named("DISPLAY") && !named("WAYLAND_DISPLAY") {
        return Err(WindowError::NoDisplay);
    }
    let shown = Arc::new(AtomicBool::new(false));
    let started = Arc::clone(&shown);
    let name = match &start {
        Start::Sample => "sample".to_owned(),
        Start::File(path) => path.display().to_string(),
        Start::StandardInput => "standard input".to_owned(),
        Start::Recording(request) => request.interface.clone().unwrap_or_else(|| "recording".to_owned()),
    };
    let icon = eframe::icon_data::from_png_bytes(include_bytes!("../icons/framescope-256.png"));
    let viewport = ViewportBuilder::default()
        .with_icon(icon.unwrap_or_default())
        .with_title(format!("{name} - Framescope"))
        .with_app_id("framescope")
        .with_inner_size([1360.0, 860.0])
        .with_min_inner_size([640.0, 400.0])
        .with_drag_and_drop(true);
    let native = eframe::NativeOptions { viewport, ..Default::default() };
    let run = move || {
        eframe::run_native(
            "framescope",
            native,
            Box::new(move |context| {
                started.store(true, Ordering::Relaxed);
                let app = app(start, reading, &context.egui_ctx)?;
                Ok(Box::new(app))
            }),
        )
    };
    // A missing system library makes the window's libraries panic instead of returning an error. Until the window is open
    // a panic is such an error.
    let previous = std::panic::take_hook();
    let quiet = Arc::clone(&shown);
    std::panic::set_hook(Box::new(move |panic| {
        if quiet.load(Ordering::Relaxed) {
            previous(panic);
        }
    }));
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => Ok(()),
        // The reason is last, after places in the source of the window's libraries.
        Ok(Err(error)) => {
            Err(WindowError::Refused(error.to_string().rsplit(": ").next().unwrap_or("unknown").to_owned()))
        }
        Err(panic) if shown.load(Ordering::Relaxed) => std::panic::resume_unwind(panic),
        Err(panic) => {
            let text = Some(panic_text(&*panic)).filter(|text| !text.is_empty());
            Err(WindowError::Refused(text.unwrap_or_else(|| "the window system can't be used".to_owned())))
        }
    }
}

/// The app with what it shows first.
fn app(start: Start, reading: Reading, ctx: &Context) -> std::io::Result<App> {
    let limit = reading.unpack_limit();
    let mut app = App::new(reading, SettingsFile::of_user(), Background::threaded());
    match start {
        Start::Sample => app.open(sample::source(), true, ctx),
        Start::File(path) => app.open_path(&path, ctx),
        Start::StandardInput => {
            let wake = ctx.clone();
            let wake = move || wake.request_repaint();
            let source = Source::live_within("standard input", std::io::stdin(), limit, wake)?;
            app.open(source, false, ctx);
        }
        Start::Recording(request) => app.record(request, ctx),
    }
    Ok(app)
}
