//! Traces of strace, best with `-xx -s 65535 -f -tt`: each socket's descriptor is a conversation, each call that sends or receives a
//! packet of it. The packets are made up, with the addresses that the trace shows.

mod packets;
mod syntax;

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;

use super::text::{Days, Lines, Writer};
use packets::{Conversation, Ends, Passed};
use syntax::{
    Event, Line, Says, When, address, descriptor, is_unfinished, literal, number, returned, vectors,
};

/// Lines that are looked at.
const LOOKED_AT: usize = 64;
/// All of the first lines must be strace's, and nearly all of those behind them: a program may print between them.
const FIRST: usize = 8;
/// Descriptors that children get of their parents, together.
const MOST_INHERITED: usize = 1 << 20;
/// Calls that wait for their end, in very many processes.
const MOST_UNFINISHED: usize = 65_536;

/// Whether a text begins as a trace does.
pub(super) fn is_one(text: &str) -> bool {
    let (mut lines, mut calls, mut others) = (0, 0, 0);
    for line in text.lines().filter(|line| !line.trim().is_empty()).take(LOOKED_AT) {
        lines += 1;
        match Line::read(line) {
            Some(Line { event: Event::Other, .. }) => {}
            Some(_) => calls += 1,
            None if lines <= FIRST => return false,
            None => others += 1,
        }
    }
    calls >= 1 && others * 8 <= lines
}

/// Writes the conversations of a trace. Gives sentences about it, to stand behind the file's name.
pub(super) fn convert(lines: &mut Lines, out: &mut Writer) -> io::Result<Vec<String>> {
    let mut trace = Trace::default();
    while let Some(line) = lines.next()? {
        if let Some(line) = Line::read(&line) {
            trace.line(&line, out)?;
        }
    }
    let Trace { conversations, cut, mirrored, unshown, without_a_day, .. } = trace;
    let s = if conversations == 1 { "" } else { "s" };
    let mut notices = vec![format!(
        "is a trace of strace: what its calls sent and received is read as {conversations} conversation{s} in packets that \
         are made up, to which offsets in the file refer; where it shows no address, one of 192.0.2.0/24 or \
         2001:db8::/32 stands"
    )];
    if conversations == 0 {
        notices.push("shows no call that sent or received; `strace -f -tt -xx -s 65535 -e trace=network,read,write` does".to_owned());
    }
    if cut > 0 {
        notices.push(format!(
            "shows only the beginning of what {cut} calls sent or received, so that the rest is a gap; `strace -s 65535` \
             shows all"
        ));
    }
    if mirrored > 0 {
        notices.push(format!("shows {mirrored} of its connections from both ends, of which one is taken"));
    }
    if unshown > 0 {
        notices.push(format!("has {unshown} calls of kinds whose bytes are not read, such as sendmmsg"));
    }
    if without_a_day {
        notices.push("says no day: its times are shown as of 1970-01-01".to_owned());
    }
    Ok(notices)
}

/// A socket, which several descriptors may stand for.
#[derive(Debug, Default)]
struct Socket {
    is_datagram: bool,
    local: Option<SocketAddr>,
    peer: Option<SocketAddr>,
    /// By the other end for datagrams; one for a connection.
    conversations: HashMap<Option<SocketAddr>, Option<Conversation>>,
    /// When a connection was opened, and whether by this program. It is written with what it first carries: by then more
    /// is known of its ends.
    opened: Option<(Option<i64>, bool)>,
    descriptors: usize,
}

/// What a descriptor stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Socket(usize),
    Else,
}

#[derive(Debug, Default)]
struct Trace {
    sockets: Vec<Socket>,
    /// By the table of descriptors, which threads share, and the descriptor.
    tables: Vec<HashMap<u32, Holds>>,
    table_of: HashMap<u32, usize>,
    inherited: usize,
    /// The beginnings of calls, by process.
    unfinished: HashMap<u32, String>,
    /// The table of who makes a process, and whether it is shared: a child may be seen before its number is told.
    forking: Option<(usize, bool)>,
    /// A program was started within the trace, so that its descriptors are known from the first.
    started: bool,
    ends: HashSet<(SocketAddr, SocketAddr)>,
    days: Days,
    now: Option<i64>,
    conversations: usize,
    cut: u64,
    mirrored: u64,
    unshown: u64,
    without_a_day: bool,
}

/// A call that is over.
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
    fn line(&mut self, line: &Line<'_>, out: &mut Writer) -> io::Result<()> {
        match line.clock {
            Some(When::At(clock)) => {
                self.without_a_day |= !clock.is_absolute;
                self.now = Some(self.days.at(clock));
            }
            Some(When::After(ns)) => {
                self.without_a_day = true;
                self.now = Some(self.now.unwrap_or(0).saturating_add(ns));
            }
            None => {}
        }
        let process = line.process.unwrap_or(0);
        let table = self.table(process);
        match line.event {
            Event::Other => Ok(()),
            Event::Call(call) if is_unfinished(call) => {
                let call = call.strip_suffix("<unfinished ...>").unwrap_or(call).trim_end();
                if makes_process(call) {
                    self.forking = Some((table, call.contains("CLONE_FILES")));
                }
                if self.unfinished.len() < MOST_UNFINISHED {
                    self.unfinished.insert(process, call.to_owned());
                }
                Ok(())
            }
            Event::Call(call) => self.call(call, table, out),
            Event::Resumed(rest) => {
                // The one process of a trace gets its number only where there are several.
                let began = self.unfinished.remove(&process).or_else(|| self.unfinished.remove(&0));
                match began {
                    Some(began) => self.call(&(began + rest), table, out),
                    None => Ok(()),
                }
            }
        }
    }

    /// The table of descriptors of a process. One that is not known is a child of who makes one, or a thread of the first.
    fn table(&mut self, process: u32) -> usize {
        if let Some(&table) = self.table_of.get(&process) {
            return table;
        }
        let table = match self.forking {
            Some((parent, shares)) if process != 0 => self.child(parent, shares),
            _ if self.tables.is_empty() => {
                self.tables.push(HashMap::new());
                0
            }
            _ => 0,
        };
        self.table_of.insert(process, table);
        table
    }

    fn child(&mut self, parent: usize, shares: bool) -> usize {
        if shares {
            return parent;
        }
        let left = MOST_INHERITED.saturating_sub(self.inherited);
        let inherited = self.tables.get(parent).into_iter().flatten().take(left);
        let inherited: HashMap<u32, Holds> = inherited.map(|(number, holds)| (*number, *holds)).collect();
        self.inherited += inherited.len();
        for holds in inherited.values() {
            if let Holds::Socket(socket) = holds
                && let Some(socket) = self.sockets.get_mut(*socket)
            {
                socket.descriptors += 1;
            }
        }
        self.tables.push(inherited);
        self.tables.len() - 1
    }

    fn call(&mut self, call: &str, table: usize, out: &mut Writer) -> io::Result<()> {
        let Some((call, value)) = returned(call) else { return Ok(()) };
        let Some((name, arguments)) = call.split_once('(') else { return Ok(()) };
        let call = Call { name, arguments, value, table };
        let result = call.result();
        match name {
            "execve" => self.started = true,
            "fork" | "vfork" | "clone" | "clone3" => {
                if let Ok(process) = u32::try_from(result)
                    && !self.table_of.contains_key(&process)
                {
                    let child = self.child(table, arguments.contains("CLONE_FILES"));
                    self.table_of.insert(process, child);
                }
                self.forking = None;
            }
            "socket" | "socketpair" => self.made(&call),
            "accept" | "accept4" => self.accepted(&call),
            "dup" | "dup2" | "dup3" => self.copied(&call),
            "fcntl" | "fcntl64" if arguments.contains("F_DUPFD") => self.copied(&call),
            "open" | "openat" | "openat2" | "creat" | "memfd_create" | "epoll_create" | "epoll_create1"
            | "eventfd" | "eventfd2" | "timerfd_create" | "signalfd4" | "inotify_init" | "inotify_init1"
            | "pidfd_open" => {
                self.hold(table, result, Holds::Else);
            }
            "pipe" | "pipe2" if result == 0 => {
                for end in pair(arguments) {
                    self.hold(table, end, Holds::Else);
                }
            }
            _ => return self.on_descriptor(&call, out),
        }
        Ok(())
    }

    fn hold(&mut self, table: usize, descriptor: i64, holds: Holds) {
        let Ok(descriptor) = u32::try_from(descriptor) else { return };
        if let (Holds::Socket(socket), true) = (holds, self.tables.get(table).is_some())
            && let Some(socket) = self.sockets.get_mut(socket)
        {
            socket.descriptors += 1;
        }
        let before = self.tables.get_mut(table).and_then(|table| table.insert(descriptor, holds));
        if let Some(Holds::Socket(before)) = before
            && let Some(before) = self.sockets.get_mut(before)
        {
            before.descriptors = before.descriptors.saturating_sub(1);
        }
    }

    fn new_socket(&mut self, socket: Socket) -> usize {
        self.sockets.push(socket);
        self.sockets.len() - 1
    }

    fn made(&mut self, call: &Call<'_>) {
        let is_datagram = call.arguments.contains("SOCK_DGRAM") || call.arguments.contains("SOCK_SEQPACKET");
        let carries = ["AF_INET", "PF_INET", "AF_UNIX", "AF_LOCAL"]
            .iter()
            .any(|family| call.arguments.starts_with(family))
            && !call.arguments.contains("SOCK_RAW");
        let descriptors = if call.name == "socket" { vec![call.result()] } else { pair(call.arguments) };
        if call.result() < 0 {
            return;
        }
        for descriptor in descriptors {
            let holds = match carries {
                true => Holds::Socket(self.new_socket(Socket { is_datagram, ..Socket::default() })),
                false => Holds::Else,
            };
            self.hold(call.table, descriptor, holds);
        }
    }

    fn copied(&mut self, call: &Call<'_>) {
        if let Some((old, says, _)) = descriptor(call.arguments)
            && let Some(holds) = self.holds(call.table, old, says, false)
            && call.result() >= 0
        {
            self.hold(call.table, call.result(), holds);
        }
    }

    fn accepted(&mut self, call: &Call<'_>) {
        let Some((listening, says, rest)) = descriptor(call.arguments) else { return };
        if call.result() < 0 {
            return;
        }
        let local = match self.holds(call.table, listening, says, true) {
            Some(Holds::Socket(socket)) => self.sockets.get(socket).and_then(|socket| socket.local),
            _ => None,
        };
        let accepted = self.new_socket(Socket { local, peer: address(rest), ..Socket::default() });
        self.told(accepted, descriptor(call.value).and_then(|(_, says, _)| says));
        self.hold(call.table, call.result(), Holds::Socket(accepted));
        if let Some(socket) = self.sockets.get_mut(accepted) {
            socket.opened = Some((self.now, false));
        }
    }

    /// What strace says of a socket beside its number.
    fn told(&mut self, socket: usize, says: Option<&str>) {
        if let Some(says) = says
            && let Some(socket) = self.sockets.get_mut(socket)
            && let Says::Tcp(local, peer) | Says::Udp(local, peer) = Says::read(says)
        {
            (socket.local, socket.peer) = (local.or(socket.local), peer.or(socket.peer));
        }
    }

    /// What a descriptor stands for. One that nobody has seen opened is a socket if the call says so, or if strace came
    /// to a program that ran already.
    fn holds(&mut self, table: usize, number: u32, says: Option<&str>, is_socket: bool) -> Option<Holds> {
        let said = says.map(Says::read);
        if said == Some(Says::NoSocket) {
            return Some(Holds::Else);
        }
        let known = self.tables.get(table)?.get(&number).copied();
        let known = known.filter(|known| *known != Holds::Else || !is_socket && said.is_none());
        let holds = match known {
            Some(known) => known,
            None if is_socket || said.is_some() || (!self.started && number > 2) => {
                let is_datagram = matches!(said, Some(Says::Udp(..)));
                let socket = self.new_socket(Socket { is_datagram, ..Socket::default() });
                self.hold(table, number.into(), Holds::Socket(socket));
                Holds::Socket(socket)
            }
            None => return None,
        };
        if let Holds::Socket(socket) = holds {
            self.told(socket, says);
        }
        Some(holds)
    }

    fn on_descriptor(&mut self, call: &Call<'_>, out: &mut Writer) -> io::Result<()> {
        let Some((descriptor, says, rest)) = descriptor(call.arguments) else { return Ok(()) };
        let (is_sent, is_socket) = match call.name {
            "read" | "readv" => (false, false),
            "write" | "writev" => (true, false),
            "recv" | "recvfrom" | "recvmsg" => (false, true),
            "send" | "sendto" | "sendmsg" => (true, true),
            "sendfile" | "sendfile64" => (true, false),
            "sendmmsg" | "recvmmsg" => {
                self.unshown += 1;
                return Ok(());
            }
            "connect" | "bind" | "getsockname" | "getpeername" | "shutdown" | "close" => {
                return self.socket_call(call, descriptor, says, rest, out);
            }
            _ => return Ok(()),
        };
        let Ok(length) = usize::try_from(call.result()) else { return Ok(()) };
        let (bytes, behind) = shown(call.name, rest);
        // The loader's reads of programs, in a trace that does not show what it opened.
        if !is_socket && bytes.starts_with(b"\x7fELF") {
            self.started = true;
            self.hold(call.table, descriptor.into(), Holds::Else);
        }
        let Some(Holds::Socket(socket)) = self.holds(call.table, descriptor, says, is_socket) else {
            return Ok(());
        };
        let other = address(behind);
        if length == 0 {
            let asked = rest.rsplit(", ").next().and_then(number);
            let is_end = !is_sent && !self.is_datagram(socket) && (call.name != "read" || asked != Some(0));
            return if is_end { self.ended(socket, false, out) } else { Ok(()) };
        }
        if let Some(known) = self.sockets.get_mut(socket)
            && other.is_some()
            && known.conversations.is_empty()
            && known.peer.is_none()
        {
            // An address for each message is that of a socket without connection.
            known.is_datagram = true;
        }
        self.cut += u64::from(bytes.len() < length);
        let bytes = bytes.get(..bytes.len().min(length)).unwrap_or_default();
        let passed = Passed { time_ns: self.now, is_sent, bytes, length };
        match self.conversation(socket, other, out)? {
            Some(conversation) => conversation.pass(passed, out),
            None => Ok(()),
        }
    }

    fn is_datagram(&self, socket: usize) -> bool {
        self.sockets.get(socket).is_some_and(|socket| socket.is_datagram)
    }

    fn socket_call(
        &mut self,
        call: &Call<'_>,
        number: u32,
        says: Option<&str>,
        rest: &str,
        out: &mut Writer,
    ) -> io::Result<()> {
        if call.name == "close" {
            let holds = self.tables.get_mut(call.table).and_then(|table| table.remove(&number));
            let Some(Holds::Socket(socket)) = holds else { return Ok(()) };
            let Some(known) = self.sockets.get_mut(socket) else { return Ok(()) };
            known.descriptors = known.descriptors.saturating_sub(1);
            return if known.descriptors == 0 { self.ended(socket, true, out) } else { Ok(()) };
        }
        let is_connecting = call.name == "connect" && call.value.contains("EINPROGRESS");
        if call.result() < 0 && !is_connecting {
            return Ok(());
        }
        let Some(Holds::Socket(socket)) = self.holds(call.table, number, says, true) else { return Ok(()) };
        let end = address(rest);
        let Some(known) = self.sockets.get_mut(socket) else { return Ok(()) };
        match call.name {
            "bind" | "getsockname" => known.local = end.or(known.local),
            "getpeername" => known.peer = end.or(known.peer),
            "connect" => {
                known.peer = end.or(known.peer);
                known.opened = Some((self.now, true)).filter(|_| !known.is_datagram);
            }
            _ if !rest.contains("SHUT_RD)") && !rest.ends_with("SHUT_RD") => {
                return self.ended(socket, true, out);
            }
            _ => {}
        }
        Ok(())
    }

    /// The conversation of a socket with another end; None where the other end's own socket shows it already.
    fn conversation(
        &mut self,
        socket: usize,
        other: Option<SocketAddr>,
        out: &mut Writer,
    ) -> io::Result<Option<&mut Conversation>> {
        let Some(known) = self.sockets.get_mut(socket) else { return Ok(None) };
        let peer = if known.is_datagram { other.or(known.peer) } else { known.peer };
        // A connection is one conversation, whatever becomes known of its ends.
        let key = peer.filter(|_| known.is_datagram);
        let (conversations, ends_seen) = (&mut self.conversations, &mut self.ends);
        let (mirrored, local, is_tcp) = (&mut self.mirrored, known.local, !known.is_datagram);
        let conversation = known.conversations.entry(key).or_insert_with(|| {
            let ends = Ends::of(local, peer, *conversations);
            if ends_seen.contains(&(ends.peer, ends.local)) {
                *mirrored += 1;
                return None;
            }
            ends_seen.insert((ends.local, ends.peer));
            *conversations += 1;
            Some(Conversation::new(ends, is_tcp))
        });
        if let (Some(conversation), Some((time_ns, by_program))) =
            (conversation.as_mut(), known.opened.take())
        {
            conversation.open(time_ns, by_program, out)?;
        }
        Ok(conversation.as_mut())
    }

    /// A side of a socket's connection is done; nothing if there is none.
    fn ended(&mut self, socket: usize, is_sent: bool, out: &mut Writer) -> io::Result<()> {
        if self.sockets.get(socket).is_some_and(|socket| socket.opened.is_some()) {
            self.conversation(socket, None, out)?;
        }
        let Some(known) = self.sockets.get_mut(socket) else { return Ok(()) };
        for conversation in known.conversations.values_mut().flatten().take(1) {
            conversation.close(self.now, is_sent, out)?;
            if is_sent {
                // The same ports may be used again.
                self.ends.remove(&(conversation.ends.local, conversation.ends.peer));
            }
        }
        Ok(())
    }
}

fn makes_process(call: &str) -> bool {
    ["clone(", "clone3(", "fork(", "vfork("].iter().any(|name| call.starts_with(name))
}

/// The descriptors in `[3, 4]`.
fn pair(arguments: &str) -> Vec<i64> {
    let inside = arguments.rsplit_once('[').map(|(_, inside)| inside).unwrap_or_default();
    inside.split(',').filter_map(|end| number(end.trim_start())).take(2).collect()
}

/// The bytes that a call shows, up to where some are not shown, and the arguments behind them.
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
