//! Reads what a description says beyond its fields, under keys that other programs ignore: how messages are found in a
//! stream, what they are called, which replies to which, and what a field checks.

use framescope_parser::Code;

use crate::error::{Diagnostic, nearest};
use crate::load::infer::types::Ty;
use crate::load::streams::Streams;
use crate::load::{Context, Loader};
use crate::plan::{Attr, Meta, Process, TypeId};
use crate::yaml;

/// The longest message in bytes, where the description gives no limit.
const LIMIT: u32 = 16 << 20;
/// The same where a whole file is one message.
const WHOLE_LIMIT: u32 = 64 << 20;

pub(super) const KEYS: [&str; 15] = [
    "transport",
    "ports",
    "segment-delimited",
    "limit",
    "believe",
    "refuse",
    "kind",
    "summary",
    "id",
    "request",
    "reply",
    "about",
    "conversation",
    "carries",
    "carried-by",
];

/// The keys that are expressions over a message.
pub(super) const EXPRESSIONS: [&str; 4] = ["kind", "id", "request", "reply"];

impl Loader {
    /// Reads the keys of a field that only Framescope knows. A mistake in them is a warning: Kaitai's compiler takes the description.
    pub(super) fn extension_keys(&mut self, attr: &mut Attr, node: &yaml::Node, id: TypeId) {
        self.leniently(|loader| loader.extensions(attr, node, id));
    }

    fn extensions(&mut self, attr: &mut Attr, node: &yaml::Node, id: TypeId) {
        if let Some(problem) = node.get("-problem") {
            let name = problem.text().unwrap_or_default();
            attr.problem = Code::ALL.iter().copied().find(|code| code.as_str() == name);
            if attr.problem.is_none() {
                let hint = nearest(name, Code::ALL.iter().map(|code| code.as_str()));
                self.report(problem.place, format!("'{name}' is not a problem code{hint}"));
            }
        }
        attr.hex = node.get("-hex").and_then(yaml::Node::boolean) == Some(true);
        if let Some(hex) = node.get("-hex").filter(|hex| hex.boolean().is_none()) {
            self.report(hex.place, "'-hex' must be true or false");
        }
        if let Some(continues) = node.get("-continues") {
            self.continues(attr, continues);
        }
        let Some(check) = node.get("-check") else { return };
        self.check(attr, check, id);
    }

    /// Reads whether the compressed data of a field continues that of earlier messages.
    fn continues(&mut self, attr: &mut Attr, node: &yaml::Node) {
        match node.boolean() {
            Some(false) => {}
            None => self.report(node.place, "'-continues' must be true or false"),
            Some(true) if !matches!(attr.process, Some(Process::Zlib)) => {
                self.report(node.place, "'-continues' is for compressed data: add 'process: zlib'");
            }
            Some(true) if self.roots.is_empty() => {
                let text = "'-continues' needs a 'conversation' under '-framescope', which knows the earlier messages";
                self.report(node.place, text);
            }
            Some(true) => attr.continues = true,
        }
    }

    /// Reads the description's outermost `meta`.
    pub(super) fn meta(&mut self) -> Meta {
        let Some(root) = self.types.first().map(|declared| declared.node.clone()) else {
            return Meta::default();
        };
        let meta = root.get("meta");
        let text =
            |key: &str| meta.and_then(|meta| meta.get(key)).and_then(yaml::Node::text).map(str::to_owned);
        // Selectors and filters need a name to call it by.
        let name = text("id").filter(|id| !id.is_empty()).unwrap_or_else(|| "unnamed".to_owned());
        let mut found = Meta { name, limit: LIMIT, ..Meta::default() };
        let doc = root.get("doc").and_then(yaml::Node::text).unwrap_or_default();
        let first_line = doc.lines().next().unwrap_or_default().trim().to_owned();
        found.about = text("title").unwrap_or(first_line);
        let own = meta.and_then(|meta| meta.get("-framescope")).cloned();
        let own = own.unwrap_or(yaml::Node { place: root.place, data: yaml::Data::Map([].into()) });
        if own.map().is_none() {
            self.report(own.place, format!("'-framescope' must be a map, not {}", own.what()));
        }
        self.check_keys(&own, &KEYS, "-framescope");
        if let Some(about) = own.get("about").and_then(yaml::Node::text) {
            found.about = about.to_owned();
        }
        if found.about.trim().is_empty() {
            "described in a .ksy file without a title".clone_into(&mut found.about);
        }
        if let Some(carriers) = own.get("carried-by") {
            found.carried_by = self.carried_by(carriers);
        }
        self.placing(&own, &mut found);
        // In a conversation, the types of its states have these.
        if self.draft.is_none() {
            self.message_keys(&own, TypeId::ROOT, &mut found);
            self.streaming(TypeId::ROOT, &mut found);
            self.whole(&root, &mut found);
        }
        found
    }

    /// Reads the keys for the messages of a type: their kind, what pairs them, their summary and their head.
    pub(super) fn message_keys(&mut self, own: &yaml::Node, root: TypeId, found: &mut Meta) {
        for key in EXPRESSIONS {
            self.message_expression(own, key, root, found);
        }
        if let Some((key, place)) = [("reply", found.reply), ("request", found.request)]
            .into_iter()
            .find(|(_, said)| said.is_some() && found.id.is_none())
            .and_then(|(key, _)| Some((key, own.get(key)?.place)))
        {
            self.report(
                place,
                format!("'{key}' needs 'id': the value that a request and its reply both carry"),
            );
        }
        self.own_summary(own, root);
        self.head(own, root, found);
    }

    pub(super) fn own_summary(&mut self, own: &yaml::Node, root: TypeId) {
        let Some(summary) = own.get("summary") else { return };
        let pieces = self.representation(summary, root);
        if let Some(plan) = self.plan_mut(root) {
            plan.summary = pieces;
        }
    }

    /// Compiles one of the expressions over a message.
    pub(super) fn message_expression(&mut self, own: &yaml::Node, key: &str, root: TypeId, found: &mut Meta) {
        let Some((ast, place)) = own.get(key).and_then(|node| self.expression(node)) else { return };
        let context = Context::of(root, place);
        let ty = self.infer(&ast, &context);
        let fits = match key {
            "kind" => matches!(ty, Ty::Int | Ty::Enum(_) | Ty::Bool | Ty::Unknown),
            "id" => !matches!(ty, Ty::Obj(_) | Ty::Arr(_) | Ty::Io),
            _ => matches!(ty, Ty::Bool | Ty::Unknown),
        };
        if !fits {
            let wanted = match key {
                "kind" => "a number, preferably with an enum",
                "id" => "a number, text or bytes",
                _ => "a boolean",
            };
            self.report(place, format!("'{key}' must be {wanted}"));
        }
        let node = self.compile(&ast, &context);
        match key {
            "kind" => found.kind = Some(node),
            "id" => found.id = Some(node),
            "request" => found.request = Some(node),
            _ => found.reply = Some(node),
        }
    }

    /// Finds out how the messages of a type follow each other in a stream.
    pub(super) fn streaming(&mut self, root: TypeId, found: &mut Meta) {
        found.terminator = self.message_terminator(root, 0);
        if !found.ends_with_segment {
            let mut streams = Streams::of(self);
            streams.message(root);
            let first = streams.first().cloned();
            found.end = first.and_then(|first| self.located(&[first]).pop());
            found.waits = found.end.is_some();
        }
        found.whole_limit = if found.limit == LIMIT { WHOLE_LIMIT } else { found.limit };
    }

    /// Finds out what a whole stream of the description is.
    fn whole(&mut self, root: &yaml::Node, found: &mut Meta) {
        if self.plan.root().parameters > 0 {
            let place = root.get("params").map_or(root.place, |params| params.place);
            let text = "'params' get their values where another description imports this one";
            found.parameters = self.located(&[Diagnostic::new(place, text)]).pop();
        }
        if !found.ends_with_segment {
            self.plan.reads_elsewhere = self.reads_elsewhere();
            if found.end.is_some() && self.diagnostics.is_empty() {
                found.stream = self.stream(found);
            }
        }
    }

    pub(super) fn placing(&mut self, own: &yaml::Node, found: &mut Meta) {
        let items =
            |node: &yaml::Node| node.list().map_or_else(|| vec![node.clone()], <[yaml::Node]>::to_vec);
        for node in own.get("transport").map(items).unwrap_or_default() {
            match node.text() {
                Some(name @ ("tcp" | "udp")) => found.transports.push(name.to_owned()),
                _ => self.report(node.place, "'transport' must be tcp, udp, or a list of both"),
            }
        }
        for node in own.get("ports").map(items).unwrap_or_default() {
            match node.integer().and_then(|port| u16::try_from(port).ok()) {
                Some(port) => found.ports.push(port),
                None => self.report(node.place, "a port must be a number from 0 to 65535"),
            }
        }
        if let Some(node) = own.get("segment-delimited") {
            match node.boolean() {
                Some(value) => found.ends_with_segment = value,
                None => self.report(
                    node.place,
                    "'segment-delimited' must be true, if each segment or datagram is one message, or false",
                ),
            }
        }
        if let Some(node) = own.get("limit") {
            match node
                .integer()
                .and_then(|limit| u32::try_from(limit).ok())
                .filter(|limit| (1..=1 << 30).contains(limit))
            {
                Some(limit) => found.limit = limit,
                None => self.report(
                    node.place,
                    "'limit' must be the most bytes of one message, from 1 to 1073741824",
                ),
            }
        }
    }
}
