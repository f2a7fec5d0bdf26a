//! The few colours with a meaning, with enough contrast in both themes. None is the only sign of what it means: a word or a
//! shape is always beside it.

use eframe::egui::ecolor::HsvaGamma;
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

/// The background of a highlighted byte.
pub(crate) fn highlighted(visuals: &Visuals) -> Color32 {
    if visuals.dark_mode { Color32::from_rgb(0x1f, 0x5f, 0xa8) } else { Color32::from_rgb(0x9c, 0xc8, 0xf6) }
}

/// The background of a byte under the pointer, or whose field is.
pub(crate) fn hovered(visuals: &Visuals) -> Color32 {
    if visuals.dark_mode { Color32::from_rgb(0x4a, 0x56, 0x68) } else { Color32::from_rgb(0xc8, 0xda, 0xee) }
}

/// The background of a carrier's bytes that are what it carries.
pub(crate) fn carried(visuals: &Visuals) -> Color32 {
    if visuals.dark_mode { Color32::from_rgb(0x1c, 0x50, 0x4a) } else { Color32::from_rgb(0xae, 0xe6, 0xd8) }
}

/// The background of a changed byte of a composed message.
pub(crate) fn changed(visuals: &Visuals) -> Color32 {
    if visuals.dark_mode { Color32::from_rgb(0x1e, 0x66, 0x34) } else { Color32::from_rgb(0x9c, 0xe4, 0xa4) }
}

/// The background of a byte at fault.
pub(crate) fn at_fault(visuals: &Visuals) -> Color32 {
    if visuals.dark_mode { Color32::from_rgb(0x6a, 0x2a, 0x2a) } else { Color32::from_rgb(0xfa, 0xd4, 0xd0) }
}

/// The line between two segments.
pub(crate) fn segment_end(visuals: &Visuals) -> Color32 {
    if visuals.dark_mode { Color32::from_rgb(0xff, 0xb0, 0x40) } else { Color32::from_rgb(0xc0, 0x50, 0x00) }
}

/// The background of a field, pale enough to read on. Neighbours differ.
pub(crate) fn tint(number: usize, visuals: &Visuals) -> Color32 {
    const DARK: [[u8; 3]; 8] = [
        [0x23, 0x3a, 0x4a],
        [0x45, 0x36, 0x22],
        [0x24, 0x42, 0x2e],
        [0x42, 0x2a, 0x46],
        [0x3f, 0x40, 0x20],
        [0x28, 0x30, 0x56],
        [0x4a, 0x2c, 0x36],
        [0x1e, 0x42, 0x44],
    ];
    const LIGHT: [[u8; 3]; 8] = [
        [0xdc, 0xec, 0xf8],
        [0xfb, 0xe8, 0xd0],
        [0xdd, 0xf2, 0xde],
        [0xf2, 0xe0, 0xf5],
        [0xf4, 0xf2, 0xcc],
        [0xe0, 0xe4, 0xfa],
        [0xfa, 0xe0, 0xe4],
        [0xd8, 0xf2, 0xf0],
    ];
    let [r, g, b] = of(if visuals.dark_mode { &DARK } else { &LIGHT }, number);
    Color32::from_rgb(r, g, b)
}

/// The background of a byte by its value, pale enough to read on: equal bytes look equal, and near ones similar. Zero has none.
pub(crate) fn value(byte: u8, visuals: &Visuals) -> Color32 {
    if byte == 0 {
        return Color32::TRANSPARENT;
    }
    // From blue through green, where most text is, and red to violet, so that the ends differ.
    let hue = (1.66 - f32::from(byte) / 255.0 * 0.83).fract();
    let (saturation, value) = if visuals.dark_mode { (0.62, 0.30) } else { (0.22, 0.96) };
    HsvaGamma { h: hue, s: saturation, v: value, a: 1.0 }.into()
}

/// The colour of a kind's swatch, always the same for a name.
pub(crate) fn kind(name: &str, visuals: &Visuals) -> Color32 {
    const DARK: [[u8; 3]; 8] = [
        [0x6c, 0xb6, 0xff],
        [0xff, 0xb4, 0x62],
        [0x7e, 0xd9, 0x87],
        [0xd6, 0x9c, 0xf0],
        [0xe8, 0xd8, 0x5a],
        [0xf2, 0x8c, 0xa8],
        [0x5c, 0xd6, 0xd0],
        [0xb8, 0xb8, 0xc8],
    ];
    const LIGHT: [[u8; 3]; 8] = [
        [0x1f, 0x6f, 0xc4],
        [0xb8, 0x60, 0x00],
        [0x1e, 0x86, 0x36],
        [0x8a, 0x3c, 0xae],
        [0x86, 0x78, 0x00],
        [0xb4, 0x2c, 0x58],
        [0x00, 0x82, 0x7e],
        [0x5c, 0x5c, 0x70],
    ];
    let number = name.bytes().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let [r, g, b] = of(if visuals.dark_mode { &DARK } else { &LIGHT }, number / 8);
    Color32::from_rgb(r, g, b)
}

/// The bars of rows without problems.
pub(crate) fn bar(visuals: &Visuals) -> Color32 {
    if visuals.dark_mode { Color32::from_rgb(0x4c, 0x86, 0xb8) } else { Color32::from_rgb(0x6c, 0xa4, 0xd4) }
}

fn of(colours: &[[u8; 3]; 8], number: usize) -> [u8; 3] {
    colours.get(number % 8).copied().unwrap_or_default()
}

/// Raises the contrast of text over that of egui's own greys.
pub(crate) fn install(ctx: &Context) {
    ctx.style_mut_of(Theme::Dark, |style| {
        style.visuals.widgets.noninteractive.fg_stroke.color = Color32::from_gray(0xd8);
        style.visuals.widgets.inactive.fg_stroke.color = Color32::from_gray(0xe4);
        style.visuals.weak_text_color = Some(Color32::from_gray(0xa8));
        style.visuals.selection.bg_fill = Color32::from_rgb(0x1c, 0x4c, 0x7e);
    });
    ctx.style_mut_of(Theme::Light, |style| {
        style.visuals.widgets.noninteractive.fg_stroke.color = Color32::from_gray(0x28);
        style.visuals.widgets.inactive.fg_stroke.color = Color32::from_gray(0x20);
        style.visuals.weak_text_color = Some(Color32::from_gray(0x58));
        style.visuals.selection.bg_fill = Color32::from_rgb(0xb4, 0xd6, 0xfa);
    });
}

#[cfg(test)]
mod tests {
    // Contrast is defined in floating-point numbers.
    #![allow(clippy::float_arithmetic)]

    use super::*;

    fn luminance(colour: Color32) -> f64 {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_is_readable_on_every_background() {
        let ctx = Context::default();
        install(&ctx);
        for theme in [Theme::Dark, Theme::Light] {
            let visuals = ctx.style_of(theme).visuals.clone();
            let text = visuals.text_color();
            for number in 0..8 {
                assert!(contrast(text, tint(number, &visuals)) >= 7.0, "tint {number}, {theme:?}");
            }
            for byte in 1..=255 {
                assert!(contrast(text, value(byte, &visuals)) >= 6.0, "byte {byte}, {theme:?}");
            }
            assert!(contrast(visuals.strong_text_color(), highlighted(&visuals)) >= 4.5, "{theme:?}");
            assert!(contrast(text, hovered(&visuals)) >= 4.5, "{theme:?}");
            assert!(contrast(text, at_fault(&visuals)) >= 4.5, "{theme:?}");
            assert!(contrast(text, changed(&visuals)) >= 4.5, "{theme:?}");
            assert!(contrast(text, carried(&visuals)) >= 4.5, "{theme:?}");
            assert!(contrast(visuals.strong_text_color(), visuals.selection.bg_fill) >= 4.5, "{theme:?}");
            for fill in [visuals.panel_fill, visuals.faint_bg_color, visuals.extreme_bg_color] {
                let fill = if fill.a() < 255 { visuals.panel_fill } else { fill };
                for level in [Severity::Error, Severity::Warning, Severity::Note] {
                    assert!(contrast(severity(level, &visuals), fill) >= 4.5, "{level}, {theme:?}");
                }
                assert!(contrast(visuals.weak_text_color(), fill) >= 4.5, "{theme:?}");
                for name in ["DATA", "LOGIN", "PING", "ERROR", "ACK", "x"] {
                    assert!(contrast(kind(name, &visuals), fill) >= 3.0, "{name}, {theme:?}");
                }
            }
        }
    }
}
