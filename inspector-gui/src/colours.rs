//! The few colours that mean something, with enough contrast in both themes. None of them says anything alone: a word
//! or a sign always stands beside it.

use eframe::egui::{Color32, Context, Theme, Visuals};
use framescope_parser::Severity;

/// The colour of a severity's text.
pub(crate) fn severity(severity: Severity, visuals: &Visuals) -> Color32 {
    match (severity, visuals.dark_mode) {
        (Severity::Error, true) => Color32::from_rgb(0xff, 0x8a, 0x80),
        (Severity::Error, false) => Color32::from_rgb(0xb0, 0x1c, 0x1c),
        (Severity::Warning, true) => Color32::from_rgb(0xff, 0xc8, 0x5c),
        (Severity::Warning, false) => Color32::from_rgb(0x8a, 0x56, 0x00),
        (Severity::Note, true) => Color32::from_rgb(0x8a, 0xc8, 0xe8),
        (Severity::Note, false) => Color32::from_rgb(0x1c, 0x5c, 0x86),
    }
}

/// The ground of a marked byte.
pub(crate) fn marked(visuals: &Visuals) -> Color32 {
    if visuals.dark_mode { Color32::from_rgb(0x1f, 0x55, 0x8c) } else { Color32::from_rgb(0xb8, 0xd8, 0xf8) }
}

/// The ground of a byte at fault.
pub(crate) fn at_fault(visuals: &Visuals) -> Color32 {
    if visuals.dark_mode { Color32::from_rgb(0x6a, 0x2a, 0x2a) } else { Color32::from_rgb(0xfa, 0xd4, 0xd0) }
}

/// Makes text stand out more than egui's own grey does.
pub(crate) fn install(ctx: &Context) {
    ctx.style_mut_of(Theme::Dark, |style| {
        style.visuals.widgets.noninteractive.fg_stroke.color = Color32::from_gray(0xd8);
        style.visuals.widgets.inactive.fg_stroke.color = Color32::from_gray(0xe4);
        style.visuals.weak_text_color = Some(Color32::from_gray(0xa0));
    });
    ctx.style_mut_of(Theme::Light, |style| {
        style.visuals.widgets.noninteractive.fg_stroke.color = Color32::from_gray(0x28);
        style.visuals.widgets.inactive.fg_stroke.color = Color32::from_gray(0x20);
        style.visuals.weak_text_color = Some(Color32::from_gray(0x60));
    });
}
