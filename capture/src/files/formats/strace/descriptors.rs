//! The descriptors of each process, and the sockets that they refer to.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::packets::Conversation;
use super::syntax::DescriptorInfo;

/// Descriptors that child processes inherit, in all.
const MAX_INHERITED: usize = 1 << 20;

/// What a descriptor refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Socket(usize),
    Other,
}

/// A socket, which several descriptors may refer to.
#[derive(Debug, Default)]
pub(super) struct Socket {
    pub(super) is_datagram: bool,
    pub(super) local: Option<SocketAddr>,
    pub(super) peer: Option<SocketAddr>,
    /// By the peer for datagrams; one for a connection. None where the peer's own socket shows the conversation.
    pub(super) conversations: HashMap<Option<SocketAddr>, Option<Conversation>>,
    /// When a connection was opened, and whether by this program. It is written with the first data: by then more is known of
    /// its endpoints.
    pub(super) opened: Option<(Option<i64>, bool)>,
    pub(super) descriptors: usize,
}

#[derive(Debug, Default)]
pub(super) struct Descriptors {
    sockets: Vec<Socket>,
    /// Tables of descriptors, which threads share.
    tables: Vec<HashMap<u32, Target>>,
    /// The table of each process.
    table_of: HashMap<u32, usize>,
    inherited: usize,
    /// The table of a process that is creating another, and whether that will share it: the child's calls may be shown before
    /// its number.
    forking: Option<(usize, bool)>,
    /// A program was started in the log, so that all of its descriptors are known.
    pub(super) is_from_start: bool,
}

impl Descriptors {
    /// The table of a process. An unknown one is the child of the process that is creating one, or a thread of the first.
    pub(super) fn table(&mut self, process: u32) -> usize {
        if let Some(&table) = self.table_of.get(&process) {
            return table;
        }
        let table = match self.forking {
            Some((parent, shares)) if process != 0 => self.child_table(parent, shares),
            _ => {
                if self.tables.is_empty() {
                    self.tables.push(HashMap::new());
                }
                0
            }
        };
        self.table_of.insert(process, table);
        table
    }

    /// A process with this table has begun to create another.
    pub(super) fn begin_fork(&mut self, table: usize, shares: bool) {
        self.forking = Some((table, shares));
    }

    /// A process with this table has created another, whose number is now known.
    pub(super) fn end_fork(&mut self, table: usize, child: i64, shares: bool) {
        if let Ok(child) = u32::try_from(child)
            && !self.table_of.contains_key(&child)
        {
            let table = self.child_table(table, shares);
            self.table_of.insert(child, table);
        }
        self.forking = None;
    }

    fn child_table(&mut self, parent: usize, shares: bool) -> usize {
        if shares {
            return parent;
        }
        let left = MAX_INHERITED.saturating_sub(self.inherited);
        let inherited = self.tables.get(parent).into_iter().flatten().take(left);
        let inherited: HashMap<u32, Target> = inherited.map(|(number, target)| (*number, *target)).collect();
        self.inherited += inherited.len();
        for target in inherited.values() {
            if let Target::Socket(socket) = target
                && let Some(socket) = self.sockets.get_mut(*socket)
            {
                socket.descriptors += 1;
            }
        }
        self.tables.push(inherited);
        self.tables.len() - 1
    }

    /// Makes a descriptor refer to something else.
    pub(super) fn set(&mut self, table: usize, descriptor: i64, target: Target) {
        let Ok(descriptor) = u32::try_from(descriptor) else { return };
        if let (Target::Socket(socket), true) = (target, self.tables.get(table).is_some())
            && let Some(socket) = self.sockets.get_mut(socket)
        {
            socket.descriptors += 1;
        }
        let before = self.tables.get_mut(table).and_then(|table| table.insert(descriptor, target));
        if let Some(Target::Socket(before)) = before {
            self.release(before);
        }
    }

    /// Closes a descriptor. Returns its socket, if no other descriptor refers to that.
    pub(super) fn close(&mut self, table: usize, descriptor: u32) -> Option<usize> {
        let target = self.tables.get_mut(table).and_then(|table| table.remove(&descriptor))?;
        let Target::Socket(socket) = target else { return None };
        self.release(socket);
        self.socket(socket).is_some_and(|known| known.descriptors == 0).then_some(socket)
    }

    fn release(&mut self, socket: usize) {
        if let Some(socket) = self.sockets.get_mut(socket) {
            socket.descriptors = socket.descriptors.saturating_sub(1);
        }
    }

    pub(super) fn add_socket(&mut self, socket: Socket) -> usize {
        self.sockets.push(socket);
        self.sockets.len() - 1
    }

    pub(super) fn socket(&self, socket: usize) -> Option<&Socket> {
        self.sockets.get(socket)
    }

    pub(super) fn socket_mut(&mut self, socket: usize) -> Option<&mut Socket> {
        self.sockets.get_mut(socket)
    }

    /// Adds what strace shows of a socket beside its number.
    pub(super) fn add_info(&mut self, socket: usize, info: Option<&str>) {
        if let Some(info) = info
            && let Some(socket) = self.sockets.get_mut(socket)
            && let DescriptorInfo::Tcp(local, peer) | DescriptorInfo::Udp(local, peer) =
                DescriptorInfo::read(info)
        {
            (socket.local, socket.peer) = (local.or(socket.local), peer.or(socket.peer));
        }
    }

    /// What a descriptor refers to. One whose opening is not in the log is a socket if the call says so, or if strace was
    /// attached to a running program.
    pub(super) fn target(
        &mut self,
        table: usize,
        number: u32,
        info: Option<&str>,
        is_socket: bool,
    ) -> Option<Target> {
        let shown = info.map(DescriptorInfo::read);
        if shown == Some(DescriptorInfo::NoSocket) {
            return Some(Target::Other);
        }
        let known = self.tables.get(table)?.get(&number).copied();
        let known = known.filter(|known| *known != Target::Other || !is_socket && shown.is_none());
        let target = match known {
            Some(known) => known,
            None if is_socket || shown.is_some() || (!self.is_from_start && number > 2) => {
                let is_datagram = matches!(shown, Some(DescriptorInfo::Udp(..)));
                let socket = self.add_socket(Socket { is_datagram, ..Socket::default() });
                self.set(table, number.into(), Target::Socket(socket));
                Target::Socket(socket)
            }
            None => return None,
        };
        if let Target::Socket(socket) = target {
            self.add_info(socket, info);
        }
        Some(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_lives_until_its_last_descriptor_is_closed() {
        let mut all = Descriptors::default();
        let table = all.table(1);
        let socket = all.add_socket(Socket::default());
        all.set(table, 3, Target::Socket(socket));
        all.set(table, 4, Target::Socket(socket));
        assert_eq!(
            (all.close(table, 3), all.close(table, 3), all.close(table, 4)),
            (None, None, Some(socket))
        );
    }

    #[test]
    fn a_child_inherits_descriptors_and_a_thread_shares_them() {
        let mut all = Descriptors::default();
        let table = all.table(1);
        let socket = all.add_socket(Socket::default());
        all.set(table, 3, Target::Socket(socket));
        all.begin_fork(table, false);
        let child = all.table(2);
        all.end_fork(table, 2, false);
        assert_ne!(child, table);
        assert_eq!(all.target(child, 3, None, false), Some(Target::Socket(socket)));
        all.end_fork(table, 5, true);
        assert_eq!(all.table(5), table);
        assert_eq!((all.close(table, 3), all.close(child, 3)), (None, Some(socket)));
    }

    #[test]
    fn an_unknown_descriptor_is_a_socket_only_of_a_program_that_was_running() {
        let mut all = Descriptors::default();
        let table = all.table(0);
        assert!(matches!(all.target(table, 7, None, false), Some(Target::Socket(_))));
        assert_eq!(all.target(table, 2, None, false), None);
        all.is_from_start = true;
        assert_eq!(all.target(table, 8, None, false), None);
        assert_eq!(all.target(table, 8, Some("/etc/hosts"), true), Some(Target::Other));
        assert!(matches!(all.target(table, 9, Some("UDP:[7]"), false), Some(Target::Socket(_))));
    }
}
