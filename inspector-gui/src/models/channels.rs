//! How the channels that conversations are carried in are described, and the rules that select by them.

use framescope_capture::{CarriedIn, FlowId, Index};

/// The channel of the bodies of HTTP, which are only carried if a rule asks for them.
pub(crate) const HTTP_BODIES: &str = "http.body";
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
    // Where it leads, then what it is; what outer carriers know only if nothing nearer is known.
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

/// What is the same for so many channels that no one selects by it.
const NEVER_SELECTED_BY: [&str; 4] = ["version", "cipher", "extensions", "method"];
/// The most things that are known of a channel which are offered to select by.
const OFFERED: usize = 6;

/// The rules that a channel can be selected by, in the syntax of `--as`, each with how it is shown: by its name, and by its name
/// with one thing more that is known of it, what its own carrier knows first.
pub(crate) fn selectors(carried: &CarriedIn) -> Vec<(String, String)> {
    let name = carried.name();
    let mut all = vec![(format!("Every {name}, from now on"), name.to_owned())];
    let mut known: Vec<(&str, &str)> = carried.settings().iter().collect();
    known.retain(|(setting, value)| {
        !NEVER_SELECTED_BY.contains(setting) && !value.is_empty() && !value.contains(char::is_control)
    });
    for (setting, value) in known.into_iter().rev().take(OFFERED) {
        let shown = format!("Every {name} with {setting} {}, from now on", shortened(value));
        all.push((shown, format!("{name}:{setting}={value}")));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{DecodeAs, Source, read};
    use framescope_inspect::Reading;

    #[test]
    fn a_channel_is_selected_by_its_name_and_by_what_is_known_of_it() {
        let chat = include_bytes!("../../../corpus/carriers/websocket-tls/capture.pcapng");
        let options = Reading::default().options();
        let index = read(Source::from_bytes("chat", *chat), &options, &mut |_| true).unwrap();
        let text =
            index.flows().find(|(_, flow)| flow.carried().is_some_and(|one| one.name() == "websocket.text"));
        let (id, flow) = text.unwrap();
        let carried = flow.carried().unwrap();
        let path = carried.settings().get("path").unwrap();
        let rules: Vec<String> = selectors(carried).into_iter().map(|(_, rule)| rule).collect();
        assert_eq!(rules[0], "websocket.text");
        assert!(rules.contains(&format!("websocket.text:path={path}")), "{rules:?}");
        assert!(!rules.iter().any(|rule| rule.contains("cipher")), "{rules:?}");
        for rule in rules {
            let rule: DecodeAs = format!("{rule}=text").parse().unwrap();
            assert_eq!((rule.carrier(), rule.protocol()), (Some("websocket"), "text"));
        }
        assert!(known_of(carried).starts_with(path));
        let about = about_channel(&index, id).unwrap();
        assert!(
            about.starts_with(&format!("carried in {}, ", carried.path())) && about.contains("\nsni: "),
            "{about}"
        );
        assert_eq!(about_channel(&index, 0.into()), None);
    }
}
