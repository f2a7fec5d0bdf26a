//! The calls of a log, in order: which open, copy and close descriptors, and which send and receive.

use std::collections::HashMap;
use std::io;

use super::conversations::Conversations;
use super::descriptors::{Descriptors, Socket, Target};
use super::packets::Transfer;
use super::syntax::{
    Event, Line, When, address, descriptor, is_unfinished, literal, number, returned, vectors,
};
use crate::files::formats::text::{Days, Writer};

/// Calls that may be unfinished at the same time, in very many processes.
const MAX_UNFINISHED: usize = 65_536;

#[derive(Debug, Default)]
pub(super) struct Trace {
    descriptors: Descriptors,
    pub(super) conversations: Conversations,
    /// The beginnings of calls, by process.
    unfinished: HashMap<u32, String>,
    days: Days,
    /// The time of the current call.
    time_ns: Option<i64>,
    /// Calls whose bytes are not all shown.
    pub(super) cut: u64,
    /// Calls of kinds that are not read.
    pub(super) unread: u64,
    pub(super) without_a_day: bool,
}

/// A call that has returned.
#[derive(Clone, Copy, Debug)]
struct Call<'a> {
    name: &'a str,
    arguments: &'a str,
    value: &'a str,
    table: usize,
}

impl Call<'_> {
    fn result(&self) -> i64 {
        number(self.value).unwrap_or(-1)
    }
}

impl Trace {
    pub(super) fn line(&mut self, line: &Line<'_>, out: &mut Writer) -> io::Result<()> {
        match line.time {
            Some(When::At(time)) => {
                self.without_a_day |= !time.is_absolute;
                self.time_ns = Some(self.days.at(time));
            }
            Some(When::After(ns)) => {
                self.without_a_day = true;
                self.time_ns = Some(self.time_ns.unwrap_or(0).saturating_add(ns));
            }
            None => {}
        }
        let process = line.process.unwrap_or(0);
        let table = self.descriptors.table(process);
        match line.event {
            Event::Other => Ok(()),
            Event::Call(call) if is_unfinished(call) => {
                let call = call.strip_suffix("<unfinished ...>").unwrap_or(call).trim_end();
                if creates_process(call) {
                    self.descriptors.begin_fork(table, call.contains("CLONE_FILES"));
                }
                if self.unfinished.len() < MAX_UNFINISHED {
                    self.unfinished.insert(process, call.to_owned());
                }
                Ok(())
            }
            Event::Call(call) => self.call(call, table, out),
            Event::Resumed(rest) => {
                // The only process of a log gets its number once there are several.
                let begun = self.unfinished.remove(&process).or_else(|| self.unfinished.remove(&0));
                match begun {
                    Some(begun) => self.call(&(begun + rest), table, out),
                    None => Ok(()),
                }
            }
        }
    }

    fn call(&mut self, call: &str, table: usize, out: &mut Writer) -> io::Result<()> {
        let Some((call, value)) = returned(call) else { return Ok(()) };
        let Some((name, arguments)) = call.split_once('(') else { return Ok(()) };
        let call = Call { name, arguments, value, table };
        let result = call.result();
        match name {
            "execve" => self.descriptors.is_from_start = true,
            "fork" | "vfork" | "clone" | "clone3" => {
                self.descriptors.end_fork(table, result, arguments.contains("CLONE_FILES"));
            }
            "socket" | "socketpair" => self.socket(&call),
            "accept" | "accept4" => self.accept(&call),
            "dup" | "dup2" | "dup3" => self.duplicate(&call),
            "fcntl" | "fcntl64" if arguments.contains("F_DUPFD") => self.duplicate(&call),
            "open" | "openat" | "openat2" | "creat" | "memfd_create" | "epoll_create" | "epoll_create1"
            | "eventfd" | "eventfd2" | "timerfd_create" | "signalfd4" | "inotify_init" | "inotify_init1"
            | "pidfd_open" => {
                self.descriptors.set(table, result, Target::Other);
            }
            "pipe" | "pipe2" if result == 0 => {
                for end in pair(arguments) {
                    self.descriptors.set(table, end, Target::Other);
                }
            }
            "connect" | "bind" | "getsockname" | "getpeername" | "shutdown" | "close" => {
                return self.change_socket(&call, out);
            }
            "sendmmsg" | "recvmmsg" => self.unread += 1,
            _ => return self.transfer(&call, out),
        }
        Ok(())
    }

    fn socket(&mut self, call: &Call<'_>) {
        let is_datagram = call.arguments.contains("SOCK_DGRAM") || call.arguments.contains("SOCK_SEQPACKET");
        let is_read = ["AF_INET", "PF_INET", "AF_UNIX", "AF_LOCAL"]
            .iter()
            .any(|family| call.arguments.starts_with(family))
            && !call.arguments.contains("SOCK_RAW");
        if call.result() < 0 {
            return;
        }
        let descriptors = if call.name == "socket" { vec![call.result()] } else { pair(call.arguments) };
        for descriptor in descriptors {
            let target = match is_read {
                true => {
                    Target::Socket(self.descriptors.add_socket(Socket { is_datagram, ..Socket::default() }))
                }
                false => Target::Other,
            };
            self.descriptors.set(call.table, descriptor, target);
        }
    }

    fn duplicate(&mut self, call: &Call<'_>) {
        if let Some((old, info, _)) = descriptor(call.arguments)
            && let Some(target) = self.descriptors.target(call.table, old, info, false)
            && call.result() >= 0
        {
            self.descriptors.set(call.table, call.result(), target);
        }
    }

    fn accept(&mut self, call: &Call<'_>) {
        let Some((listening, info, rest)) = descriptor(call.arguments) else { return };
        if call.result() < 0 {
            return;
        }
        let local = match self.descriptors.target(call.table, listening, info, true) {
            Some(Target::Socket(socket)) => self.descriptors.socket(socket).and_then(|socket| socket.local),
            _ => None,
        };
        let socket = Socket { local, peer: address(rest), ..Socket::default() };
        let accepted = self.descriptors.add_socket(socket);
        self.descriptors.add_info(accepted, descriptor(call.value).and_then(|(_, info, _)| info));
        self.descriptors.set(call.table, call.result(), Target::Socket(accepted));
        if let Some(socket) = self.descriptors.socket_mut(accepted) {
            socket.opened = Some((self.time_ns, false));
        }
    }

    /// A call that may send or receive.
    fn transfer(&mut self, call: &Call<'_>, out: &mut Writer) -> io::Result<()> {
        let (is_sent, is_socket) = match call.name {
            "read" | "readv" => (false, false),
            "write" | "writev" | "sendfile" | "sendfile64" => (true, false),
            "recv" | "recvfrom" | "recvmsg" => (false, true),
            "send" | "sendto" | "sendmsg" => (true, true),
            _ => return Ok(()),
        };
        let Some((descriptor, info, rest)) = descriptor(call.arguments) else { return Ok(()) };
        let Ok(length) = usize::try_from(call.result()) else { return Ok(()) };
        let (bytes, behind) = shown(call.name, rest);
        // The loader reads programs, in a log that does not show what it opened.
        if !is_socket && bytes.starts_with(b"\x7fELF") {
            self.descriptors.is_from_start = true;
            self.descriptors.set(call.table, descriptor.into(), Target::Other);
        }
        let target = self.descriptors.target(call.table, descriptor, info, is_socket);
        let Some(Target::Socket(socket)) = target else { return Ok(()) };
        let Some(socket) = self.descriptors.socket_mut(socket) else { return Ok(()) };
        let peer = address(behind);
        if length == 0 {
            let requested = rest.rsplit(", ").next().and_then(number);
            let is_end = !is_sent && !socket.is_datagram && (call.name != "read" || requested != Some(0));
            return if is_end { self.conversations.end(socket, self.time_ns, false, out) } else { Ok(()) };
        }
        if peer.is_some() && socket.conversations.is_empty() && socket.peer.is_none() {
            // A socket with an address for each message is not connected.
            socket.is_datagram = true;
        }
        self.cut += u64::from(bytes.len() < length);
        let bytes = bytes.get(..bytes.len().min(length)).unwrap_or_default();
        let transfer = Transfer { time_ns: self.time_ns, is_sent, bytes, length };
        match self.conversations.of(socket, peer, out)? {
            Some(conversation) => conversation.transfer(transfer, out),
            None => Ok(()),
        }
    }

    /// A call that changes what is known of a socket.
    fn change_socket(&mut self, call: &Call<'_>, out: &mut Writer) -> io::Result<()> {
        let Some((descriptor, info, rest)) = descriptor(call.arguments) else { return Ok(()) };
        if call.name == "close" {
            let closed = self.descriptors.close(call.table, descriptor);
            let Some(socket) = closed.and_then(|socket| self.descriptors.socket_mut(socket)) else {
                return Ok(());
            };
            return self.conversations.end(socket, self.time_ns, true, out);
        }
        let is_connecting = call.name == "connect" && call.value.contains("EINPROGRESS");
        if call.result() < 0 && !is_connecting {
            return Ok(());
        }
        let target = self.descriptors.target(call.table, descriptor, info, true);
        let Some(Target::Socket(socket)) = target else { return Ok(()) };
        let Some(socket) = self.descriptors.socket_mut(socket) else { return Ok(()) };
        let end = address(rest);
        match call.name {
            "bind" | "getsockname" => socket.local = end.or(socket.local),
            "getpeername" => socket.peer = end.or(socket.peer),
            "connect" => {
                socket.peer = end.or(socket.peer);
                socket.opened = Some((self.time_ns, true)).filter(|_| !socket.is_datagram);
            }
            _ if !rest.contains("SHUT_RD)") && !rest.ends_with("SHUT_RD") => {
                return self.conversations.end(socket, self.time_ns, true, out);
            }
            _ => {}
        }
        Ok(())
    }
}

fn creates_process(call: &str) -> bool {
    ["clone(", "clone3(", "fork(", "vfork("].iter().any(|name| call.starts_with(name))
}

/// The descriptors in `[3, 4]`.
fn pair(arguments: &str) -> Vec<i64> {
    let inside = arguments.rsplit_once('[').map(|(_, inside)| inside).unwrap_or_default();
    inside.split(',').filter_map(|end| number(end.trim_start())).take(2).collect()
}

/// The bytes that a call shows, up to where some are not shown, and the arguments after them.
fn shown<'a>(name: &str, rest: &'a str) -> (Vec<u8>, &'a str) {
    if matches!(name, "readv" | "writev" | "recvmsg" | "sendmsg") {
        let mut bytes = Vec::new();
        for (part, cut) in vectors(rest) {
            bytes.extend(part);
            if cut {
                break;
            }
        }
        return (bytes, rest);
    }
    // A call that was interrupted has fewer blanks.
    let rest = rest.trim_start_matches([',', ' ']);
    match literal(rest) {
        Some((bytes, _, behind)) => (bytes, behind),
        None => (Vec::new(), rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::formats::text::Output;

    fn packets(lines: &[&str]) -> (u64, Trace) {
        let (mut trace, mut out) = (Trace::default(), Writer::new(Output::Memory(Vec::new())));
        for line in lines {
            trace.line(&Line::read(line).unwrap(), &mut out).unwrap();
        }
        (out.packets, trace)
    }

    #[test]
    fn a_connection_has_its_handshake_data_and_end() {
        let connect = r#"connect(3, {sa_family=AF_INET, sin_port=htons(9300), sin_addr=inet_addr("10.0.0.2")}, 16) = 0"#;
        let lines = [
            "socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3",
            connect,
            "write(3, \"hello\", 5) = 5",
            "read(3, \"he\"..., 100) = 5",
            "close(3) = 0",
        ];
        let (count, trace) = packets(&lines);
        assert_eq!((count, trace.conversations.count, trace.cut), (5, 1, 1));
        assert_eq!(packets(&lines[..2]).0, 0, "a connection without data is not written");
    }

    #[test]
    fn a_call_in_two_lines_is_one() {
        let (count, _) = packets(&[
            "1 socket(AF_INET, SOCK_STREAM, 0) = 3",
            "1 write(3, \"hello\", 5 <unfinished ...>",
            "2 write(1, \"out\", 3) = 3",
            "1 <... write resumed>) = 5",
        ]);
        assert_eq!(count, 1);
    }

    #[test]
    fn files_and_failed_calls_are_no_packets() {
        let (count, trace) = packets(&[
            "execve(\"./a\", [\"./a\"], 0x7ffc) = 0",
            "openat(AT_FDCWD, \"x\", O_RDONLY) = 3",
            "read(3, \"file\", 100) = 4",
            "sendto(4, \"a\", 1, 0, NULL, 0) = -1 EBADF (Bad file descriptor)",
            "sendmmsg(5, [], 0, 0) = 1",
        ]);
        assert_eq!((count, trace.conversations.count, trace.unread), (0, 0, 1));
    }
}
