//! Ends a tool if this program is killed, so that no capture runs on unseen: a tool notices only with its next packet that its
//! output is read no longer.

use std::io::Write;
use std::process::{Child, Command, Stdio};

/// A shell that waits for this program's end.
#[derive(Debug)]
pub(super) struct Guard(Child);

impl Guard {
    /// Watches over a process group. None where there is no shell.
    pub(super) fn over(group: u32) -> Option<Guard> {
        use std::os::unix::process::CommandExt;

        // Its standard input ends when this program does, however that may be.
        let script = format!("read -r line || kill -TERM -{group}");
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &script]).process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        shell.spawn().ok().map(Guard)
    }

    /// The group has ended.
    pub(super) fn dismiss(mut self) {
        if let Some(stdin) = &mut self.0.stdin {
            let _ = stdin.write_all(b"\n");
        }
        let _ = self.0.wait();
    }
}
