//! The sentences about a capture as a whole: what is wrong with the file, with reading it, and which packets are unusual.
//! Made once for a state of the index.

use framescope_capture::Index;
use framescope_parser::Severity;

use super::background::JobError;
use super::document::Document;
use super::rows::SearchError;
use super::text::grouped;
use super::view::View;

/// A sentence, and how bad what it says is.
pub(crate) type Notice = (String, Severity);

/// The most damaged places that are listed: the rows are what the window is for.
const DAMAGES_SHOWN: usize = 3;

/// What the sentences were made of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    damages: usize,
    notices: usize,
    packets: u32,
    position: u64,
    is_growing: bool,
    is_finished: bool,
    is_cancelled: bool,
    reading: Option<JobError>,
    decoding: Option<JobError>,
    search: Option<SearchError>,
}

/// The sentences about the capture that is shown.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    stamp: Option<Stamp>,
    lines: Vec<Notice>,
    packets: [Option<PacketNote>; 2],
}

/// A number of packets for the status line, with the reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PacketNote {
    pub(crate) text: String,
    pub(crate) reasons: String,
}

impl Notices {
    /// Makes the sentences again if something has changed.
    pub(crate) fn update(&mut self, document: &Document, view: &View) {
        let index = document.index();
        let stamp = Stamp {
            damages: index.damages().len(),
            notices: index.notices().len(),
            packets: index.packets(),
            position: index.position(),
            is_growing: index.source().is_growing(),
            is_finished: index.is_finished(),
            is_cancelled: document.is_cancelled(),
            reading: document.error(),
            decoding: view.decode_error(),
            search: view.search_error().cloned(),
        };
        if self.stamp.as_ref() != Some(&stamp) {
            self.lines = lines(&index, &stamp);
            self.stamp = Some(stamp);
            self.packets = packet_notes(&index);
        }
    }

    /// Call when another capture is shown.
    pub(crate) fn clear(&mut self) {
        *self = Notices::default();
    }

    /// The sentences, the worst first.
    pub(crate) fn lines(&self) -> &[Notice] {
        &self.lines
    }

    /// Packets that carry no stream, and unusual ones.
    pub(crate) fn packets(&self) -> impl Iterator<Item = &PacketNote> {
        self.packets.iter().flatten()
    }
}

fn lines(index: &Index, stamp: &Stamp) -> Vec<Notice> {
    let mut lines: Vec<Notice> = Vec::new();
    if let Some(error) = &stamp.reading {
        lines.push((format!("Reading stopped: {error}. The rows read before are shown."), Severity::Error));
    }
    if let Some(error) = &stamp.decoding {
        lines.push((format!("A message could not be decoded: {error}."), Severity::Error));
    }
    // A file that is being written ends anywhere.
    let damages = || index.damages().iter().filter(|damage| !stamp.is_growing || damage.resumed.is_some());
    lines.extend(damages().take(DAMAGES_SHOWN).map(|damage| (damage.to_string(), Severity::Error)));
    if let more @ 1.. = damages().count().saturating_sub(DAMAGES_SHOWN) {
        let plural = if more == 1 { "" } else { "s" };
        lines.push((format!("The file is damaged in {more} more place{plural}."), Severity::Error));
    }
    if stamp.is_cancelled && index.position() < index.source().length() {
        let packets = grouped(index.packets() as usize);
        lines.push((
            format!("Reading was cancelled. The first {packets} packets are shown."),
            Severity::Warning,
        ));
    }
    if let Some(error) = &stamp.search {
        lines.push((format!("The filter could not be applied to every row: {error}."), Severity::Error));
    }
    lines.extend(index.notices().iter().map(|notice| (notice.clone(), Severity::Note)));
    lines
}

fn packet_notes(index: &Index) -> [Option<PacketNote>; 2] {
    let note = |what: &str, reasons: Vec<(u64, String)>| {
        let count: u64 = reasons.iter().map(|(count, _)| count).sum();
        let lines: Vec<String> = reasons.iter().map(|(count, reason)| format!("{count} {reason}")).collect();
        (count > 0).then(|| PacketNote { text: format!("{count} {what}"), reasons: lines.join("\n") })
    };
    let unread =
        index.unread_packets().map(|(reason, packets)| (packets.count, reason.to_string())).collect();
    let unusual = index.odd_packets().map(|(reason, packets)| (packets.count, reason.to_string())).collect();
    [note("packets carry no stream", unread), note("unusual packets", unusual)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::background::Background;
    use framescope_capture::{Options, Source};

    #[test]
    fn a_damaged_file_is_reported_once_for_a_state() {
        let bytes = include_bytes!("../../../corpus/captures/missive-chat/capture.pcapng");
        let background = Background::manual();
        let source = Source::from_bytes("cut.pcapng", &bytes[..3000]);
        let document = Document::open(source, false, &Options::default(), &background).unwrap();
        let view = View::new(document.shared(), framescope_parser::built_in(), &background);
        let mut notices = Notices::default();
        notices.update(&document, &view);
        assert!(notices.lines().is_empty());
        while background.step() {}
        notices.update(&document, &view);
        let [(text, Severity::Error)] = notices.lines() else { panic!("{:?}", notices.lines()) };
        assert!(text.contains("ends inside the block"), "{text}");
        let before = notices.lines().as_ptr();
        notices.update(&document, &view);
        assert_eq!(notices.lines().as_ptr(), before, "it is not made again");
    }
}
