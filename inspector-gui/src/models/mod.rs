//! What the window knows, without pixels: which rows are shown, what is selected, the fields of a message, what is wrong.
//!
//! Nothing here depends on egui, so all of it is tested without a display. Work that takes longer than a frame is started
//! with [`Background`](background::Background) and polled. Panels read these models; only the app changes them.

pub mod actions;
pub(crate) mod aligned;
pub mod background;
pub(crate) mod cells;
pub(crate) mod channels;
pub(crate) mod columns;
pub mod compare;
pub mod composer;
pub(crate) mod conversation_rows;
pub(crate) mod conversations;
pub mod copying;
pub mod details;
pub mod document;
pub mod editor;
pub(crate) mod field_list;
pub(crate) mod filter_line;
pub(crate) mod guessing;
pub mod holes;
pub mod inspector;
mod json_tree;
pub(crate) mod key_log;
pub mod levels;
pub mod lookup;
pub(crate) mod memory;
pub(crate) mod notices;
pub(crate) mod overlay;
pub(crate) mod recording;
pub mod rows;
pub mod settings;
pub(crate) mod stating;
pub mod survey;
pub(crate) mod text;
pub mod transcript;
pub mod view;
pub(crate) mod watcher;

use framescope_capture::{Flow, FlowId, Index};

use settings::Settings;
use view::View;

/// What a panel shows: the index of the capture, and how it is viewed.
#[derive(Clone, Copy)]
pub(crate) struct ViewContext<'v> {
    pub(crate) index: &'v Index,
    pub(crate) view: &'v View,
    pub(crate) settings: &'v Settings,
    /// The names of all protocols that something can be decoded as.
    pub(crate) protocols: &'v [String],
}

impl<'v> ViewContext<'v> {
    /// A conversation that may have been chosen in another capture, or before this one was read again; None if this one has no
    /// such conversation.
    pub(crate) fn flow(self, id: FlowId) -> Option<&'v Flow> {
        self.index.flow(self.index.flow_id(id.number())?)
    }
}
