//! The theme, the fonts and the zoom, and the file in which they are stored.

use std::sync::Arc;
use std::time::Duration;

use eframe::egui::{Context, ThemePreference};
use eframe::epaint::text::{FallbackRequest, FontInsert};
use framescope_parser::Severity;

use super::App;
use super::fonts::is_of_a_script;
use crate::models::settings::Theme;
use crate::panels::colours;

/// How long after a change the settings are stored.
const PAUSE: Duration = Duration::from_secs(1);

impl App {
    /// What is done once there is a window.
    pub(super) fn begin(&mut self, ctx: &Context) {
        self.wake_through(ctx);
        colours::install(ctx);
        self.use_theme(ctx);
        if self.settings.zoom.to_bits() != 1.0_f32.to_bits() {
            ctx.set_zoom_factor(self.settings.zoom);
        }
        // The last provider is asked only for characters that no font has. The first one is enough to say what helps.
        let missing = Arc::clone(&self.missing_font);
        ctx.add_font_provider(Arc::new(move |request: &FallbackRequest<'_>| {
            if let Some(c) = request.cluster.chars().next().filter(|&c| is_of_a_script(c)) {
                let _ = missing.set(c);
            }
            None::<FontInsert>
        }));
    }

    pub(super) fn set_theme(&mut self, theme: Theme, ctx: &Context) {
        self.settings.theme = theme;
        self.use_theme(ctx);
    }

    fn use_theme(&self, ctx: &Context) {
        ctx.set_theme(match self.settings.theme {
            Theme::System => ThemePreference::System,
            Theme::Light => ThemePreference::Light,
            Theme::Dark => ThemePreference::Dark,
        });
    }

    /// Stores changed settings after a pause.
    pub(super) fn store_settings(&mut self, ctx: &Context) {
        self.settings.zoom = ctx.zoom_factor();
        if !self.settings_file.differs(&self.settings) {
            self.unsaved_since = None;
            return;
        }
        let now = self.background.now();
        if now - *self.unsaved_since.get_or_insert(now) >= PAUSE {
            self.save_settings();
        } else {
            ctx.request_repaint_after(PAUSE);
        }
    }

    /// Stores the settings now.
    pub fn save_settings(&mut self) {
        self.unsaved_since = None;
        if self.settings_file.differs(&self.settings)
            && let Err(error) = self.settings_file.save(&self.settings)
        {
            self.notify(error.to_string(), Severity::Warning);
        }
    }
}
