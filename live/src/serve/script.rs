//! The rules of a peer for tests, as a TOML file has them.
//!
//! ```toml
//! protocol = "missive"
//!
//! [[rule]]
//! when = "kind == LOGIN"
//! send = { kind = "ACK", flags = 4, sequence = "{request.sequence}", payload = { note = "welcome, {request.user}" } }
//! ```

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use framescope_capture::filter::Filter;
use framescope_parser::{Protocol, hex};
use serde::Deserialize;
use serde_json::Value as Json;
use thiserror::Error;
use toml::Spanned;

use super::template;
use crate::{Edit, parse_duration};

/// Why a script can't be used: where in it, and what is wrong.
#[derive(Debug, Error)]
#[error("{name}, line {line}, column {column}: {text}")]
pub struct ScriptError {
    /// The file.
    pub name: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1.
    pub column: usize,
    /// What is wrong, and what is expected.
    pub text: String,
}

/// What a peer does.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The name of the protocol that is spoken, if it is given.
    pub protocol: Option<String>,
    /// What is done when a connection is made.
    pub(super) start: Option<Action>,
    /// The first that fits a message is followed.
    pub(super) rules: Vec<Rule>,
}

/// What is done when a message matches.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// None for any message.
    pub(super) when: Option<Filter>,
    /// How often in a connection; None for always.
    pub(super) times: Option<u32>,
    pub(super) action: Action,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Action {
    pub(super) send: Vec<Json>,
    pub(super) raw: Vec<u8>,
    pub(super) delay: Duration,
    /// Pieces of how many bytes it is sent in.
    pub(super) cut: Option<NonZeroUsize>,
    pub(super) breaks: Vec<Edit>,
    pub(super) close: bool,
    pub(super) reset: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptText {
    protocol: Option<Spanned<String>>,
    start: Option<ActionText>,
    #[serde(default)]
    rule: Vec<RuleText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    when: Option<Spanned<String>>,
    times: Option<u32>,
    #[serde(default)]
    ignore: bool,
    send: Option<Spanned<Sends>>,
    raw: Option<Spanned<String>>,
    delay: Option<Spanned<String>>,
    cut: Option<NonZeroUsize>,
    #[serde(rename = "break")]
    breaks: Option<Spanned<Texts>>,
    #[serde(default)]
    close: bool,
    #[serde(default)]
    reset: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionText {
    send: Option<Spanned<Sends>>,
    raw: Option<Spanned<String>>,
    delay: Option<Spanned<String>>,
    cut: Option<NonZeroUsize>,
    #[serde(rename = "break")]
    breaks: Option<Spanned<Texts>>,
    #[serde(default)]
    close: bool,
    #[serde(default)]
    reset: bool,
}

/// One message or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Sends {
    One(serde_json::Map<String, Json>),
    Several(Vec<serde_json::Map<String, Json>>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Several(Vec<String>),
}

impl Script {
    /// Reads a script. `protocols` are those whose fields its filters and messages may name.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line.
    pub fn parse(name: &str, text: &str, protocols: &[Arc<dyn Protocol>]) -> Result<Script, ScriptError> {
        let context = Context { name, text, protocols };
        let parsed: ScriptText = toml::from_str(text)
            .map_err(|error| context.wrong(error.span().unwrap_or(0..0), error.message().to_owned()))?;
        if let Some(protocol) = &parsed.protocol
            && !protocols.iter().any(|known| known.name() == protocol.get_ref())
        {
            let known: Vec<&str> = protocols.iter().map(|known| known.name()).collect();
            let what =
                format!("no protocol is called '{}'; there are {}", protocol.get_ref(), known.join(", "));
            return Err(context.wrong(protocol.span(), what));
        }
        let protocol = parsed.protocol.map(Spanned::into_inner);
        let start = parsed.start.map(|start| context.action(start, false)).transpose()?;
        let rules = parsed.rule.into_iter().map(|rule| context.rule(rule));
        Ok(Script { protocol, start, rules: rules.collect::<Result<_, _>>()? })
    }

    /// Reads a script from a file.
    ///
    /// # Errors
    /// The file can't be read; or, within, as [`parse`](Script::parse).
    pub fn from_file(
        path: &Path,
        protocols: &[Arc<dyn Protocol>],
    ) -> std::io::Result<Result<Script, ScriptError>> {
        let text = std::fs::read_to_string(path)?;
        Ok(Script::parse(&path.display().to_string(), &text, protocols))
    }
}

/// The text that is parsed.
struct Context<'t> {
    name: &'t str,
    text: &'t str,
    protocols: &'t [Arc<dyn Protocol>],
}

impl Context<'_> {
    fn wrong(&self, span: Range<usize>, text: String) -> ScriptError {
        let before = self.text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
        ScriptError { name: self.name.to_owned(), line, column, text }
    }

    fn rule(&self, rule: RuleText) -> Result<Rule, ScriptError> {
        let RuleText { when, times, ignore, send, raw, delay, cut, breaks, close, reset } = rule;
        let filter = |when: &Spanned<String>| {
            Filter::parse(when.get_ref(), self.protocols)
                .map_err(|error| self.wrong(when.span(), format!("when: {error}")))
        };
        let does_nothing = send.is_none() && raw.is_none() && !close && !reset;
        let span = when.as_ref().map_or(0..0, Spanned::span);
        if does_nothing && !ignore {
            let what = "the rule does nothing: add send, raw, close or reset, or ignore = true";
            return Err(self.wrong(span, what.to_owned()));
        }
        if ignore && !does_nothing {
            return Err(self.wrong(span, "ignore = true, and there is something to do".to_owned()));
        }
        let when = when.as_ref().map(filter).transpose()?;
        let action = ActionText { send, raw, delay, cut, breaks, close, reset };
        Ok(Rule { when, times, action: self.action(action, true)? })
    }

    fn action(&self, action: ActionText, has_request: bool) -> Result<Action, ScriptError> {
        let ActionText { send, raw, delay, cut, breaks, close, reset } = action;
        let (send, span) = match send {
            None => (Vec::new(), 0..0),
            Some(send) => {
                let span = send.span();
                let messages = match send.into_inner() {
                    Sends::One(message) => vec![message],
                    Sends::Several(messages) => messages,
                };
                (messages.into_iter().map(Json::Object).collect(), span)
            }
        };
        for message in &send {
            template::check(message, has_request, self.protocols)
                .map_err(|error| self.wrong(span.clone(), format!("send: {error}")))?;
        }
        let raw = raw.map(|raw| {
            let digits: String = raw.get_ref().split_whitespace().collect();
            hex::decode(&digits)
                .ok_or_else(|| self.wrong(raw.span(), "raw: write pairs of hexadecimal digits".to_owned()))
        });
        let delay = delay.map(|delay| {
            parse_duration(delay.get_ref())
                .map_err(|error| self.wrong(delay.span(), format!("delay: {error}")))
        });
        let breaks = match breaks {
            None => Vec::new(),
            Some(breaks) => {
                let span = breaks.span();
                let texts = match breaks.into_inner() {
                    Texts::One(text) => vec![text],
                    Texts::Several(texts) => texts,
                };
                let edit = |text: &String| match Edit::parse_with(text, self.protocols) {
                    Ok(edit) if edit.filter().is_none() => Ok(edit),
                    Ok(_) => {
                        Err(self.wrong(span.clone(), "break: the filter is what 'when' is for".to_owned()))
                    }
                    Err(error) => Err(self.wrong(span.clone(), format!("break: {error}"))),
                };
                texts.iter().map(edit).collect::<Result<_, _>>()?
            }
        };
        let (raw, delay) = (raw.transpose()?.unwrap_or_default(), delay.transpose()?.unwrap_or_default());
        Ok(Action { send, raw, delay, cut, breaks, close, reset })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use framescope_parser::built_in;

    use super::*;

    fn error(text: &str) -> String {
        Script::parse("peer.toml", text, &built_in()).unwrap_err().to_string()
    }

    #[test]
    fn a_script_has_rules_in_their_order() {
        let text = r#"
            protocol = "missive"
            [start]
            send = { kind = "PING" }
            [[rule]]
            when = "kind == LOGIN"
            send = [{ kind = "ACK", sequence = "{request.sequence}" }, { kind = "DATA" }]
            delay = "20ms"
            times = 1
            break = "sequence+1"
            [[rule]]
            raw = "f5 4d"
            cut = 1
            close = true
        "#;
        let script = Script::parse("peer.toml", text, &built_in()).unwrap();
        assert_eq!((script.protocol.as_deref(), script.rules.len()), (Some("missive"), 2));
        assert_eq!(script.start.unwrap().send.len(), 1);
        let [first, last] = &script.rules[..] else { panic!("there are two") };
        assert_eq!((first.action.send.len(), first.times, first.action.delay.as_millis()), (2, Some(1), 20));
        assert!(last.when.is_none() && last.action.close && last.action.raw == [0xf5, 0x4d]);
    }

    #[test]
    fn mistakes_are_said_with_their_lines() {
        assert!(
            error("[[rule]]\nsent = \"kind == LOGIN\"")
                .starts_with("peer.toml, line 2, column 1: unknown field `sent`, expected")
        );
        let unknown = error("[[rule]]\nwhen = \"kind == LOGN\"\nclose = true");
        assert!(
            unknown.starts_with(
                "peer.toml, line 2, column 8: when: no kind is called 'LOGN'; did you mean 'LOGIN'?"
            ),
            "{unknown}"
        );
        assert!(
            error("[[rule]]\nwhen = \"kind == LOGIN\"").contains("line 2, column 8: the rule does nothing")
        );
        assert!(
            error("protocol = \"nothing\"").contains("line 1, column 12: no protocol is called 'nothing'")
        );
        assert!(error("[[rule]]\nsend = { a = \"{request.sequnce}\" }").contains("did you mean 'sequence'?"));
        assert!(error("[start]\nsend = { a = \"{request.sequence}\" }").contains("there is no request"));
        assert!(
            error("[[rule]]\ndelay = \"soon\"\nclose = true")
                .contains("line 2, column 9: delay: 'soon' is no duration")
        );
        assert!(error("[[rule]]\nraw = \"0\"").contains("pairs of hexadecimal digits"));
        assert!(error("[[rule]]\nbreak = \"sequence ?\"\nclose = true").contains("break: after the field"));
        assert!(error("[[rule]\n").contains("line 1"));
    }
}
