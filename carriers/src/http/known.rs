//! What is known of a channel: from the request, and from the response that agrees to an upgrade.

use framescope_parser::{Channel, Settings};

use super::head::Head;

/// What a channel is to know of a request, beside what is known of the connection.
pub(super) fn request_settings(known: &Settings, head: &Head<'_>) -> Settings {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let target = text(head.target());
    let settings = known.clone().with("method", text(head.method()));
    if head.method() == b"CONNECT" {
        return settings.with("target", target);
    }
    let (authority, path) = split_target(&target);
    let mut settings = settings.with("path", path.split(['?', '#']).next().unwrap_or_default());
    if let Some(host) = authority.or_else(|| head.value("host")) {
        settings = settings.with("host", host);
    }
    if let Some(h2c) = head.value("http2-settings") {
        settings = settings.with("http2-settings", h2c);
    }
    settings
}

/// The authority of a target in absolute form, and what follows it.
fn split_target(target: &str) -> (Option<&str>, &str) {
    let is_scheme =
        |scheme: &str| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    match target.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) && !scheme.is_empty() => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
            (Some(authority), path)
        }
        _ => (None, target),
    }
}

pub(super) fn is_event_stream(media_type: &str) -> bool {
    let start = media_type.trim_start().get(..17);
    start.is_some_and(|start| start.eq_ignore_ascii_case("text/event-stream"))
}

/// The channel of what follows an upgrade.
pub(super) fn upgraded(head: &Head<'_>, request: &Settings) -> Channel {
    let mut settings = request.clone();
    for (field, name) in
        [("sec-websocket-protocol", "subprotocol"), ("sec-websocket-extensions", "extensions")]
    {
        let values: Vec<_> = head.values(field).map(String::from_utf8_lossy).collect();
        if !values.is_empty() {
            settings = settings.with(name, values.join(", "));
        }
    }
    let token = head.value("upgrade").unwrap_or_default().split([',', '/']).next().unwrap_or_default();
    let protocol = match token.trim().to_ascii_lowercase().as_str() {
        "" => None,
        "h2c" => Some("http2".into()),
        token => Some(token.to_owned().into()),
    };
    let name = "http.upgrade".into();
    Channel { name, protocol, settings, is_verbatim: true, ..Channel::default() }
}
