//! Starts the window, or says why there can be none.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eframe::egui::ViewportBuilder;
use framescope_capture::Source;

use crate::app::App;
use crate::own_protocols::Reading;

/// Shows a window until the person closes it.
///
/// # Errors
/// Why no window could be shown, in a few words.
pub fn run(source: Source, is_sample: bool, reading: Reading) -> Result<(), String> {
    let on_x11_or_wayland = cfg!(all(unix, not(target_os = "macos")));
    let named = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if on_x11_or_wayland && !named("DISPLAY") && !named("WAYLAND_DISPLAY") {
        return Err("neither DISPLAY nor WAYLAND_DISPLAY names a display".to_owned());
    }
    let shown = Arc::new(AtomicBool::new(false));
    let started = Arc::clone(&shown);
    let viewport = ViewportBuilder::default()
        .with_title(format!("{} - Framescope", source.name()))
        .with_app_id("framescope")
        .with_inner_size([1360.0, 860.0])
        .with_min_inner_size([640.0, 400.0])
        .with_drag_and_drop(true);
    let native = eframe::NativeOptions { viewport, ..Default::default() };
    let start = move || {
        eframe::run_native(
            "framescope",
            native,
            Box::new(move |context| {
                started.store(true, Ordering::Relaxed);
                crate::colours::install(&context.egui_ctx);
                let mut app = App::new(reading);
                app.open(source, is_sample, &context.egui_ctx);
                Ok(Box::new(app))
            }),
        )
    };
    // A missing system library can make the window's libraries panic instead of giving an error. Until the window is
    // there, that too only means that there can be none.
    let previous = std::panic::take_hook();
    let quiet = Arc::clone(&shown);
    std::panic::set_hook(Box::new(move |panic| {
        if quiet.load(Ordering::Relaxed) {
            previous(panic);
        }
    }));
    match catch_unwind(AssertUnwindSafe(start)) {
        Ok(Ok(())) => Ok(()),
        // The reason stands last; before it stand places in the source of the window's libraries.
        Ok(Err(error)) => Err(error.to_string().rsplit(": ").next().unwrap_or("unknown").to_owned()),
        Err(panic) if shown.load(Ordering::Relaxed) => std::panic::resume_unwind(panic),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(text.unwrap_or_else(|| "the window system can't be used".to_owned()))
        }
    }
}
