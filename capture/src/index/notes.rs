//! What is known of a capture as a whole: what the file says beside its packets, and where it is damaged.

use crate::Damage;
use crate::files::metadata::{Comments, HostNames, Metadata};
use crate::ids::PacketId;

/// Damaged places that are listed individually.
const MOST_DAMAGES: usize = 100;

/// What is known of the file.
#[derive(Debug, Default)]
pub(crate) struct FileNotes {
    /// Sentences for the person about the capture as a whole.
    pub(crate) notices: Vec<String>,
    /// How many packets are before each file, where several are read as one.
    pub(crate) files: Vec<u32>,
    /// What was written about a packet, by its number.
    pub(crate) comments: Comments,
    /// What the interfaces are called.
    pub(crate) interfaces: Vec<Option<String>>,
    /// What the hosts are called.
    pub(crate) hosts: HostNames,
    pub(crate) damages: Vec<Damage>,
    /// How far reading has come, in bytes.
    pub(crate) position: u64,
}

impl FileNotes {
    /// The file that a packet is in, and its number there.
    pub(crate) fn file_of(&self, packet: PacketId) -> (usize, PacketId) {
        let behind = self.files.partition_point(|before| *before < packet.number());
        let number = behind.saturating_sub(1);
        let before = self.files.get(number).copied().unwrap_or(0);
        (number, packet.number().saturating_sub(before).into())
    }

    /// Stores what the file says beside its packets.
    pub(crate) fn add_metadata(&mut self, metadata: &mut Metadata) {
        match metadata {
            Metadata::Comment(Some(packet), text) => self.comments.add(*packet, text),
            Metadata::Comment(None, text) => self.notices.push(format!("The capture's comment: {text}")),
            Metadata::File(packets_before, notice) => {
                self.files.push(*packets_before);
                self.notices.extend(notice.take());
            }
            Metadata::Interface(name) => self.interfaces.push(name.clone()),
            // They were given to whoever wants them.
            Metadata::Secrets(..) => {}
            Metadata::HostNames(names) => self.hosts.append(std::mem::take(names)),
        }
    }

    /// Lists a damaged place, unless there are very many and reading resumes after it.
    pub(crate) fn damage(&mut self, damage: &Damage) {
        if self.damages.len() < MOST_DAMAGES || damage.resumed.is_none() {
            self.damages.push(damage.clone());
        }
    }
}
