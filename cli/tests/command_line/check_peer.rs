//! Other programs compared with this one.

use std::fs;
use std::path::Path;

use crate::support;
use crate::{case, notifies, run, text};

/// Programs that reply do so in time, however busy the machine is: this only ends a test that hangs.
const TIMEOUT: &str = "--timeout=60";

/// The command line of a program that replies to `check-peer`; None where there is no Python.
fn peer(script: &Path) -> Option<String> {
    let python = support::python()?;
    Some(format!("{} {}", python.get_program().to_str().unwrap(), script.to_str().unwrap()))
}

#[test]
fn the_python_peer_says_the_same_of_every_input() {
    let Some(peer) = peer(&support::repository().join("corpus/peers/verdicts.py")) else { return };
    let output = run(&["check-peer", TIMEOUT, "--count", "3000", "--exec", &peer]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
    assert!(said.starts_with("The program agrees on all 3000 inputs: "), "{said}");
    // Also from a capture on, with its key.
    let (capture, key) = (case("missive-chat"), "6672616d6573636f706520746573742d6b6579");
    let capture = capture.to_str().unwrap();
    let output = run(&["check-peer", TIMEOUT, "--count", "500", "--exec", &peer, capture]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    // Which the peer does not have.
    let with_key = run(&["check-peer", TIMEOUT, "--key", key, "--count", "5000", "--exec", &peer, capture]);
    assert_eq!(with_key.status.code(), Some(3), "{}", text(&with_key.stdout));
    assert!(text(&with_key.stdout).contains("refused: tag-mismatch"), "{}", text(&with_key.stdout));
}

/// Faults of a peer, as lines that break missive.py, and what is reported of them.
#[test]
fn a_peer_with_a_fault_is_shown_the_smallest_input_on_which_it_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let peers = support::repository().join("corpus/peers");
    for (name, fault, reported) in [
        ("critical", "missive.CRITICAL = 0x100", "refused: critical-extension"),
        ("limit", "missive.PAYLOAD_LIMIT = 1 << 40", "refused: payload-too-long"),
        (
            "utf8",
            "missive.utf8 = lambda data, field, offset: data.decode(errors='replace')",
            "refused: invalid-utf8",
        ),
        ("checksum", "missive.checksum_holds = lambda frame: True", "refused: checksum-mismatch"),
        (
            "sequence",
            "def spoil(self, data, init=missive.Frame.__init__):\n    init(self, data)\n    self.sequence &= 3\n\
             missive.Frame.__init__ = spoil",
            "sequence is",
        ),
        (
            "gone",
            "def spoil(data, field, offset, utf8=missive.utf8):\n    return sys.exit(9) if field == 'reason' else \
             utf8(data, field, offset)\nmissive.utf8 = spoil",
            "no reply: the program ended with",
        ),
        ("wordy", "print('ready')", "none of: valid LENGTH, refused, incomplete"),
    ] {
        let script = folder.path().join(format!("{name}.py"));
        let spoiled = format!(
            "import sys\nsys.path.insert(0, {peers:?})\nimport missive\n{fault}\nexec(open({:?}).read())\n",
            peers.join("verdicts.py")
        );
        fs::write(&script, spoiled).unwrap();
        let Some(peer) = peer(&script) else { return };
        let found = folder.path().join("found");
        let output = run(&["check-peer", TIMEOUT, "--exec", &peer, "--output", found.to_str().unwrap()]);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(3), "{name}: {said}{}", text(&output.stderr));
        assert!(said.contains(reported), "{name}: {reported:?} is not in {said}");
        let bytes = fs::read(&found).unwrap();
        assert!(bytes.len() <= 46, "{name}: {} bytes, {said}", bytes.len());
        assert!(said.contains("To inspect it: framescope "), "{said}");
    }
}

#[test]
fn a_program_that_does_not_answer_is_no_peer() {
    let folder = tempfile::tempdir().unwrap();
    for (program, timeout, reported) in [
        ("import time; time.sleep(600)", "--timeout=1", "no reply within 1 s"),
        ("raise SystemExit(9)", TIMEOUT, "the program ended with"),
    ] {
        let script = folder.path().join("mute.py");
        fs::write(&script, program).unwrap();
        let Some(peer) = peer(&script) else { return };
        notifies(&run(&["check-peer", timeout, "--exec", &peer]), 2, &["can't compare with", reported]);
    }
    notifies(&run(&["check-peer", "--exec", "no-such-program-anywhere"]), 2, &["can't compare with"]);
    notifies(&run(&["check-peer", "--timeout=-1", "--exec", "x"]), 2, &["--timeout"]);
}

#[test]
fn a_peer_of_a_described_protocol_gets_generated_messages() {
    let folder = tempfile::tempdir().unwrap();
    let description = folder.path().join("short.ksy");
    let text_of = "{meta: {id: short}, seq: [{id: magic, contents: SH}, {id: length, type: u1}, {id: text, type: str, size: length, encoding: UTF-8}]}";
    fs::write(&description, text_of).unwrap();
    let script = folder.path().join("short.py");
    let program = |valid: &str| {
        format!(
            "import sys\nfor line in sys.stdin:\n    data = bytes.fromhex(line)\n    end = 3 + data[2] if len(data) > 2 else 3\n    \
             if not b'SH'.startswith(data[:2]): said = 'refused'\n    elif len(data) < end: said = 'incomplete'\n    else:\n        \
             try: data[3:end].decode(); said = {valid}\n        except UnicodeDecodeError: said = 'refused'\n    \
             print(said, flush=True)\n"
        )
    };
    for (valid, status) in [
        ("f'valid {end} length={data[2]} text={data[3:end].hex()}'", 0),
        ("f'valid {end} length={data[2] & 0x7F}'", 3),
    ] {
        fs::write(&script, program(valid)).unwrap();
        let Some(peer) = peer(&script) else { return };
        let output = run(&[
            "check-peer",
            TIMEOUT,
            "--protocol",
            description.to_str().unwrap(),
            "--exec",
            &peer,
            "--count",
            "4000",
        ]);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(status), "{said}{}", text(&output.stderr));
        assert!(if status == 0 { !said.contains(" 0 valid") } else { said.contains("length is ") }, "{said}");
    }
    let missing = folder.path().join("none.ksy");
    notifies(&run(&["check-peer", "--exec", "x", "--protocol", missing.to_str().unwrap()]), 2, &["none.ksy"]);
}
