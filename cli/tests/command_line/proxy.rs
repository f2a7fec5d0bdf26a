//! `framescope proxy` between Python programs: what it prints, what it records, and how it ends.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::{command, notifies, run, text};

/// An echo server over TCP, which prints its port.
const ECHO: &str = "
import socket, threading
server = socket.create_server(('127.0.0.1', 0), backlog=64)
print(server.getsockname()[1], flush=True)
def echo(client):
    try:
        while data := client.recv(65536):
            client.sendall(data)
    except ConnectionResetError:
        pass
    client.close()
while True:
    threading.Thread(target=echo, args=(server.accept()[0],), daemon=True).start()
";

/// A program that is killed when the test is over.
struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn python(program: &str, arguments: &[&str]) -> Running {
    let mut child =
        Command::new("python3").args(["-c", program]).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    Running { child, out }
}

/// Runs a Python program to its end, and returns what it prints.
fn python_prints(program: &str, arguments: &[&str]) -> String {
    let output = Command::new("python3").args(["-c", program]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).trim_end().to_owned()
}

fn echo() -> (Running, String) {
    let mut server = python(ECHO, &[]);
    let port = server.line();
    (server, port)
}

/// A proxy that runs, and where it listens.
struct Proxy {
    running: Running,
    err: BufReader<ChildStderr>,
    said: String,
    port: String,
}

impl Proxy {
    fn start(mut command: Command, arguments: &[&str]) -> Proxy {
        let mut child = command
            .args(["proxy", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let (mut said, mut port) = (String::new(), None);
        while port.is_none() {
            let mut line = String::new();
            assert!(err.read_line(&mut line).unwrap() > 0, "it ended: {said}");
            port = line
                .split_once(" is forwarded to ")
                .map(|(from, _)| from.rsplit(':').next().unwrap().to_owned());
            said += &line;
        }
        Proxy { running: Running { child, out }, err, said, port: port.unwrap() }
    }

    fn new(arguments: &[&str]) -> Proxy {
        Proxy::start(command(), arguments)
    }

    /// Presses Ctrl-C. Returns the exit status, what is left of standard output, and all of standard error.
    fn interrupt(mut self) -> (Option<i32>, String, String) {
        let pid = self.running.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let mut out = String::new();
        self.running.out.read_to_string(&mut out).unwrap();
        self.err.read_to_string(&mut self.said).unwrap();
        (self.running.child.wait().unwrap().code(), out, self.said.clone())
    }
}

/// Sends lines and reads them back.
const TALK: &str = "
import socket, sys
client = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
for line in sys.argv[2:]:
    client.sendall(line.encode() + b'\\n')
    back = b''
    while not back.endswith(b'\\n'):
        back += client.recv(100)
    print(back.decode().strip())
";

#[test]
fn messages_are_printed_as_they_pass_and_ctrl_c_leaves_a_whole_file() {
    let (_server, port) = echo();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passed.pcapng");
    let file = file.to_str().unwrap();
    let mut proxy = Proxy::new(&[&port, "--write", file, "--format", "json", "--as", "tcp=text"]);
    assert_eq!(python_prints(TALK, &[&proxy.port, "hello", "again"]), "hello\nagain");
    let rows: Vec<Value> = (0..4).map(|_| serde_json::from_str(&proxy.running.line()).unwrap()).collect();
    let said: Vec<&str> = rows.iter().map(|row| row["summary"].as_str().unwrap()).collect();
    assert_eq!(said, ["hello\\n", "hello\\n", "again\\n", "again\\n"]);
    assert!(rows.iter().all(|row| row["src"] != row["dst"]));
    assert_eq!(
        rows[0]["dst"],
        format!("127.0.0.1:{port}"),
        "it looks as if the programs were connected directly"
    );
    let (status, out, said) = proxy.interrupt();
    assert_eq!((status, out.as_str()), (Some(0), ""));
    assert!(
        said.ends_with("framescope: 1 conversation, 12 bytes from clients, 12 bytes from the target\n"),
        "{said}"
    );
    let decoded = run(&["decode", file, "--format", "json"]);
    assert_eq!((decoded.status.code(), text(&decoded.stdout).lines().count()), (Some(0), 4));
}

#[test]
fn faults_are_recorded_on_both_sides_and_their_seed_is_printed() {
    let (_server, port) = echo();
    let proxy = Proxy::new(&[&port, "--quiet", "--to-target", "cut=1-2/0s", "--to-client", "flip=0%"]);
    assert_eq!(python_prints(TALK, &[&proxy.port, "hello"]), "hello");
    let (status, out, said) = proxy.interrupt();
    assert_eq!((status, out.as_str()), (Some(0), ""));
    assert!(said.contains("framescope: faults are those of --seed "), "{said}");
    let mut proxy = Proxy::new(&[
        &port,
        "--window",
        "--to-target",
        "cut=3",
        "--set",
        "text = \"changed\\n\"",
        "--as",
        "tcp=text",
    ]);
    assert_eq!(python_prints(TALK, &[&proxy.port, "hello"]), "changed");
    assert!(proxy.running.line().ends_with("text message: hello\\n"));
    let (_, out, said) = proxy.interrupt();
    // How often depends on what each program reads at once.
    assert!(out.contains("text message: changed\\n") && !said.contains("seed"), "{out}{said}");
    assert!(
        said.contains("can't open a window (") && said.contains("so the messages are printed instead"),
        "{said}"
    );
}

#[test]
fn where_clients_ask_for_is_connected_to_if_it_is_this_machine() {
    let (_server, port) = echo();
    let proxy = Proxy::new(&["auto", "--quiet"]);
    let program = "
import socket, struct, sys
proxy, port = ('127.0.0.1', int(sys.argv[1])), int(sys.argv[2])
def socks(command, host, port, methods=b'\\0'):
    client = socket.create_connection(proxy)
    client.sendall(bytes([5, len(methods)]) + methods)
    chosen = client.recv(2)
    if chosen[1] != 0:
        return client, chosen
    client.sendall(bytes([5, command, 0, 3, len(host)]) + host + struct.pack('>H', port))
    return client, client.recv(10)
def connect(line):
    client = socket.create_connection(proxy)
    client.sendall(line + b'\\r\\nhost: x\\r\\n\\r\\n')
    return client, client.recv(1000).split(b'\\r\\n')[0]
def echoes(client):
    client.sendall(b'through\\n')
    return client.recv(100)
client, reply = socks(1, b'localhost', port)
print('socks', reply[1], echoes(client))
client, reply = connect(b'CONNECT 127.0.0.1:%d HTTP/1.1' % port)
print('connect', reply, echoes(client))
print('other machine', socks(1, b'192.0.2.1', 9000)[1][1], connect(b'CONNECT 192.0.2.1:9000 HTTP/1.1')[1])
print('closed', socks(1, b'127.0.0.1', 1)[1][1], connect(b'CONNECT 127.0.0.1:1 HTTP/1.1')[1])
print('udp', socks(3, b'127.0.0.1', port)[1][1], 'bind', socks(2, b'127.0.0.1', port)[1][1])
print('password', socks(1, b'localhost', port, b'\\2')[1])
print('get', connect(b'GET http://localhost/ HTTP/1.1')[1], connect(b'CONNECT nowhere HTTP/1.1')[1])
";
    let expected = "\
socks 0 b'through\\n'
connect b'HTTP/1.1 200 Connection established' b'through\\n'
other machine 2 b'HTTP/1.1 403 Forbidden'
closed 5 b'HTTP/1.1 502 Bad Gateway'
udp 7 bind 7
password b'\\x05\\xff'
get b'HTTP/1.1 501 Not Implemented' b'HTTP/1.1 400 Bad Request'";
    assert_eq!(python_prints(program, &[&proxy.port, &port]), expected);
    let (status, _, said) = proxy.interrupt();
    assert_eq!(status, Some(0));
    for sentence in
        ["add --yes-remote", "no program listens there", "UDP over SOCKS5, which is not supported", "log in"]
    {
        assert!(said.contains(sentence), "{sentence:?} is not in {said}");
    }
}

/// Talks inside TLS, trusting a file's certificates.
const TALK_TLS: &str = "
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
plain = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
try:
    client = context.wrap_socket(plain, server_hostname=sys.argv[3])
except ssl.SSLError as error:
    print(error.reason)
    sys.exit()
client.sendall(b'secret\\n')
print(client.recv(100).decode().strip(), client.version(), client.getpeercert()['subject'][0][0][1])
";

#[test]
fn tls_is_spoken_on_either_side_and_what_passes_is_plain_text() {
    let (_server, port) = echo();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (authority, certificate) = (path("authority"), path("authority/framescope-ca.pem"));
    // One proxy is the TLS server that the other one speaks to.
    let inner = Proxy::new(&[&port, "--tls-listen", "--authority", &authority, "--quiet"]);
    assert!(inner.said.contains(&format!("clients have to trust {certificate}")), "{}", inner.said);
    let target = format!("localhost:{}", inner.port);
    let both = ["--tls-listen", "--tls-target", "--authority", &authority, "--quiet"];
    let start = |more: &[&str]| Proxy::new(&[&[target.as_str()], &both[..], more].concat());
    let recorded = path("plain.pcapng");
    let outer = start(&["--tls-ca", &certificate, "--write", &recorded]);
    let said = python_prints(TALK_TLS, &[&outer.port, &certificate, "any.name.test"]);
    assert!(said.starts_with("secret TLSv1.3 any.name.test"), "{said}");
    assert_eq!(outer.interrupt().0, Some(0));
    let decoded = text(&run(&["decode", &recorded]).stdout);
    assert_eq!(decoded.matches("text message: secret\\n").count(), 2, "{decoded}");

    let distrusted = start(&["--tls-insecure"]);
    let other = path("other");
    let stranger = Proxy::new(&[&port, "--tls-listen", "--authority", &other, "--quiet"]);
    let said = python_prints(TALK_TLS, &[&distrusted.port, &path("other/framescope-ca.pem"), "localhost"]);
    assert_eq!(said, "CERTIFICATE_VERIFY_FAILED");
    let said = distrusted.interrupt().2;
    assert!(said.contains(&format!("does not trust the certificate: let it trust {certificate}")), "{said}");
    drop(stranger);

    // The system's authorities have not certified it, unless there are none.
    let untrusting = Proxy::new(&[
        target.as_str(),
        "--tls-target",
        "--tls-ca",
        &path("other/framescope-ca.pem"),
        "--quiet",
    ]);
    let program = "
import socket, sys
client = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
try:
    print(client.recv(1))
except ConnectionResetError:
    print('reset')
";
    assert_eq!(python_prints(program, &[&untrusting.port]), "reset");
    let said = untrusting.interrupt().2;
    assert!(
        said.contains("its issuer is not trusted: name it or its authority with --tls-ca FILE"),
        "{said}"
    );
    drop(inner);
}

#[test]
fn a_full_disk_is_a_sentence_and_a_whole_file_and_forwarding_goes_on() {
    let (_server, port) = echo();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("full.pcapng");
    let file = file.to_str().unwrap();
    // Files may not become longer than some hundred kilobytes.
    let mut shell = Command::new("sh");
    let framescope = env!("CARGO_BIN_EXE_framescope");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\"", framescope]);
    let proxy = Proxy::start(shell, &[&port, "--write", file, "--quiet"]);
    let program = "
import socket, sys
client = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
for _ in range(1000):
    client.sendall(b'x' * 1023 + b'\\n')
    got = 0
    while got < 1024:
        got += len(client.recv(65536))
print('all')
";
    assert_eq!(python_prints(program, &[&proxy.port]), "all");
    let (status, _, said) = proxy.interrupt();
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("the recording can't be written further") && said.contains("forwarded all the same"),
        "{said}"
    );
    let length = Path::new(file).metadata().unwrap().len();
    assert!(length > 0 && length <= 400 * 1024, "{length}");
    let decoded = run(&["flows", file]);
    assert_eq!(decoded.status.code(), Some(0), "{}", text(&decoded.stderr));
}

#[test]
fn what_cannot_be_done_says_what_to_do() {
    for (arguments, words) in [
        (&["x", "9000"][..], "'x' is not an address: write it as 9000"),
        (&["0", "socks4"], "'socks4' is not an address"),
        (&["0", "192.0.2.1:9000"], "192.0.2.1:9000 is not this machine: add --yes-remote"),
        (&["0", "9000", "--fault", "lose=1%"], "'lose=1%' is not a fault; there are cut=BYTES"),
        (&["0", "9000", "--udp", "--fault", "cut=3"], "datagrams are neither cut nor joined"),
        (&["0", "9000", "--udp", "--tls-target"], "TLS, SOCKS5 and CONNECT are for connections"),
        (&["0", "socks5", "--udp"], "TLS, SOCKS5 and CONNECT are for connections"),
        (&["0", "9000", "--set", "nonsense ="], "--set: "),
        (
            &["0", "9000", "--tls-target", "--tls-ca", "/nonexistent"],
            "/nonexistent holds no certificates of an authority as PEM",
        ),
        (&["0", "9000", "--write", "/nonexistent/x"], "/nonexistent/x can't be written"),
        (&["no.such.host.invalid:1", "9000"], "no.such.host.invalid:1 can't be looked up"),
    ] {
        notifies(&run(&[&["proxy"], arguments].concat()), 2, &[words]);
    }
}
