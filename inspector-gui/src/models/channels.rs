//! What is said of the channels that conversations are carried in, and the rules that select by them.

use framescope_capture::{CarriedIn, FlowId, Index};

/// The most characters of a value that is known of a channel which are shown.
const VALUE_SHOWN: usize = 60;

/// The channels that a conversation is in, and what is known of the innermost; None for one that packets bring.
pub(crate) fn about_channel(index: &Index, flow: FlowId) -> Option<String> {
    let carried = index.flow(flow)?.carried()?;
    let mut about = format!("carried in {}, conversation {}", carried.path(), carried.by());
    for (name, value) in carried.settings().iter() {
        about.push_str(&format!("\n{name}: {}", shortened(value)));
    }
    Some(about)
}

/// What distinguishes a channel from others of the same name, in a few words: its path, its host.
pub(crate) fn known_of(carried: &CarriedIn) -> String {
    // What is said of where it leads, then of what it is; of the outer ones only if nothing nearer is known.
    const WANTED: [&str; 8] =
        ["path", "target", "subprotocol", "content-type", "number", "host", "sni", "alpn"];
    let settings = carried.settings();
    let known = WANTED.iter().filter_map(|name| settings.get(name)).take(2);
    let known: Vec<String> = known.map(shortened).collect();
    match known.is_empty() {
        true => settings.iter().take(2).map(|(_, value)| shortened(value)).collect::<Vec<_>>().join("  "),
        false => known.join("  "),
    }
}

fn shortened(value: &str) -> String {
    match value.char_indices().nth(VALUE_SHOWN) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}

/// The rules that a channel can be selected by, in the syntax of `--as`, each with how it is shown: by its name, and by its name
/// with one thing more that is known of it.
pub(crate) fn selectors(carried: &CarriedIn) -> Vec<(String, String)> {
    let name = carried.name();
    let mut all = vec![(format!("Every {name}, from now on"), name.to_owned())];
    for (setting, value) in carried.settings().iter().filter(|(_, value)| !value.contains(char::is_control)) {
        let shown = format!("Every {name} with {setting} {}, from now on", shortened(value));
        all.push((shown, format!("{name}:{setting}={value}")));
    }
    all
}
