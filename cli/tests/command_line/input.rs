//! What is read, and one clear sentence for what is not.

use std::fs;
use std::process::Stdio;

use crate::{case, command, foreign, notifies, run, run_with_input, text};

#[test]
fn bad_input_gets_one_clear_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let chat = fs::read(case("missive-chat")).unwrap();

    notifies(&run(&["decode", &file("empty.pcap", b"")]), 1, &["empty.pcap", "the file is empty"]);
    notifies(&run(&["decode", folder.path().to_str().unwrap()]), 2, &["is a directory"]);
    notifies(&run(&["decode", "there/is/no.such"]), 2, &["there/is/no.such can't be read"]);

    let noise = run(&["decode", &file("noise", &[0x80, 0xFF, 0x00, 0x17, 0x99])]);
    notifies(&noise, 0, &["begins with no capture's magic", "5 bytes"]);
    assert!(text(&noise.stdout).contains("no-protocol"));

    let cut = run(&["decode", &file("cut.pcapng", &chat[..chat.len() / 2])]);
    notifies(
        &cut,
        1,
        &["cut.pcapng: packet ", " at byte ", "the file ends inside", "packets before it were read"],
    );
    assert!(text(&cut.stdout).contains("LOGIN: user ada"), "what stands before the cut is printed");

    let header = run(&["decode", &file("header.pcap", b"\xd4\xc3\xb2\xa1\x02\x00")]);
    notifies(&header, 1, &["the pcap header needs 24 bytes and the file has 6"]);

    let mut claims = chat.clone();
    // The captured length of the first packet: after the section's and the interface's block.
    let first_packet = chat.windows(4).position(|bytes| bytes == [6, 0, 0, 0]).unwrap();
    claims[first_packet + 20..first_packet + 24].copy_from_slice(&u32::MAX.to_le_bytes());
    notifies(
        &run(&["decode", &file("claims.pcapng", &claims)]),
        1,
        &["packet 1 ", "too short for the packet it claims"],
    );

    let mut link = b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00\0\0\0\0\0\0\0\0\xff\xff\0\0\x93\0\0\0".to_vec();
    link.extend([0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4]);
    notifies(
        &run(&["decode", &file("link.pcap", &link)]),
        0,
        &["link.pcap: packet 1 at byte 40 carries no stream: link type 147, which is not read"],
    );
}

#[test]
fn a_capture_of_another_kind_is_read_like_a_pcapng() {
    let expected = text(&run(&["follow", case("text-echo").to_str().unwrap(), "0"]).stdout);
    for kind in ["snoop", "netmon1", "erf", "hexdump"] {
        let output = run(&["follow", &foreign(&format!("read/text-echo.{kind}")), "0"]);
        assert_eq!((text(&output.stdout), output.status.code()), (expected.clone(), Some(0)), "{kind}");
    }
}

#[test]
fn an_unsupported_capture_is_named_with_the_command_that_converts_it() {
    let file = foreign("named/k12text");
    let command = format!("`editcap -F pcapng {file} out.pcapng`");
    for arguments in [&["decode", &file][..], &["flows", &file], &[&file]] {
        let output = run(arguments);
        notifies(&output, 2, &[&file, "is a K12 text file, which is not read", &command]);
        assert!(output.stdout.is_empty());
    }
    // Who says so has it as bytes, also where only text would be a capture.
    for file in [file, foreign("read/text-echo.hexdump")] {
        notifies(&run(&["decode", "--as", "file=text", &file]), 0, &["begins with no capture's magic"]);
    }
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_gets_one_clear_sentence() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.pcap");
    fs::write(&path, b"secret").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
    // Root reads what it likes: then there is nothing to test.
    if fs::read(&path).is_err() {
        notifies(&run(&["decode", path.to_str().unwrap()]), 2, &["secret.pcap can't be read"]);
    }
}

#[test]
fn standard_input_is_read_like_a_file() {
    let bytes = fs::read(case("text-echo")).unwrap();
    let piped = run_with_input(&["decode", "-"], &bytes);
    assert_eq!(piped.stdout, run(&["decode", case("text-echo").to_str().unwrap()]).stdout);
    notifies(&run_with_input(&["decode", "-"], b""), 1, &["standard input", "the file is empty"]);
    notifies(
        &run_with_input(&["decode", "-"], b"\x00nonsense"),
        0,
        &["standard input begins with no capture's magic"],
    );
}

#[test]
fn wrong_usage_says_what_would_be_right() {
    let echo = case("text-echo");
    let echo = echo.to_str().unwrap();
    notifies(&run(&["decode"]), 2, &["<FILE>"]);
    notifies(&run(&["decode", "--as", "port=1=text", echo]), 2, &["a selector is tcp, udp, tcp.port=N"]);
    notifies(
        &run(&["decode", "--as", "tcp=smtp", echo]),
        2,
        &["no protocol is called 'smtp'; there are missive, bare, text"],
    );
    notifies(&run(&["decode", "--key", "xyz", echo]), 2, &["hexadecimal"]);
    notifies(&run(&["decode", "--key", "@no/such/file", echo]), 2, &["no/such/file can't be read"]);
    let help = text(&run(&["--help"]).stdout);
    for word in ["decode", "flows", "problems", "follow", "protocols", "Exit status"] {
        assert!(help.contains(word), "{word} is not in the help");
    }
}

#[test]
fn a_reader_that_has_had_enough_ends_the_program_quietly() {
    let chat = case("missive-chat");
    let mut child = command()
        .args(["decode", "--format", "json", chat.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    notifies(&child.wait_with_output().unwrap(), 0, &[]);
}

#[test]
fn what_is_copied_to_the_temporary_folder_has_a_limit() {
    let path = case("missive-chat");
    let bytes = fs::read(&path).unwrap();
    let whole = run_with_input(&["decode", "--format", "csv", "-"], &bytes);
    notifies(&whole, 0, &[]);
    for command in [&["decode", "--format", "csv"][..], &["flows"], &["problems"], &["export"]] {
        let output = tempfile::tempdir().unwrap();
        let to = output.path().join("out.csv");
        let mut arguments = command.to_vec();
        arguments.extend(["--unpack-limit", "2KiB", "-"]);
        if command == ["export"] {
            arguments.push(to.to_str().unwrap());
        }
        let cut = run_with_input(&arguments, &bytes);
        let why = "standard input: at byte 2048: copying to the temporary folder stopped at the limit of 2.0 KiB; \
                   --unpack-limit sets a higher one; the ";
        notifies(&cut, 1, &[why]);
        if command[0] == "decode" {
            let (cut, whole) = (text(&cut.stdout), text(&whole.stdout));
            let lines = cut.lines().count();
            assert!(lines > 2 && lines < whole.lines().count(), "{cut}");
        }
    }
    // A file that is not packed is not copied.
    notifies(&run(&["decode", "--unpack-limit", "1", path.to_str().unwrap()]), 0, &[]);
    let odd = run(&["decode", "--unpack-limit", "much", path.to_str().unwrap()]);
    notifies(&odd, 2, &["'much' is not a size; write it as 4GiB, 500MB or 1000000"]);
}
