//! Why nothing is captured: what the tool said, and what to do about it on this system.

use std::io;
use std::path::PathBuf;

use super::blocks::NotACapture;
use super::tool::{Tool, ToolName};

/// Why a capture can't begin, or ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// There is no tool that captures.
    #[error(
        "neither tcpdump nor dumpcap is installed, and one of them is needed to capture: {}; `framescope proxy` needs neither",
        install()
    )]
    NoTool,
    /// The tool that was named can't be found.
    #[error("'{}' is not an installed tcpdump or dumpcap: name one of them, or its path", .0.display())]
    NoSuchTool(PathBuf),
    /// The system does not let the tool capture.
    #[error("{tool} may not capture on {interface} ({why}): {}", permit(.tool))]
    Denied {
        /// What was started.
        tool: Tool,
        /// Where it was to capture.
        interface: String,
        /// What it or the system said.
        why: String,
    },
    /// There is no interface of this name.
    #[error("there is no interface '{name}' here; there are {known}")]
    NoInterface {
        /// As it was given.
        name: String,
        /// The others.
        known: String,
    },
    /// The filter is not one that libpcap understands.
    #[error(
        "'{filter}' is not a filter for packets: {why}; `man pcap-filter` describes them, for example: tcp port 9000"
    )]
    Filter {
        /// As it was given.
        filter: String,
        /// What the tool says is wrong.
        why: String,
    },
    /// The tool ended although nothing asked it to.
    #[error("{tool} ended: {why}")]
    Ended {
        /// What was started.
        tool: Tool,
        /// What it said last, or how it ended.
        why: String,
    },
    /// What the tool wrote is damaged.
    #[error("{tool} wrote something that is not a capture: {cause}")]
    Garbage {
        /// What was started.
        tool: Tool,
        /// What is wrong with it, and where.
        cause: NotACapture,
    },
    /// The tool can't be started.
    #[error("{tool} can't be started: {cause}")]
    Start {
        /// What was to be started.
        tool: Tool,
        /// The system's reason.
        cause: io::Error,
    },
    /// The capture can't be written.
    #[error("{} can't be written: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
}

/// Where to get a tool on this system.
fn install() -> &'static str {
    if cfg!(windows) {
        "install Wireshark from https://www.wireshark.org with Npcap, which brings dumpcap"
    } else if cfg!(target_os = "macos") {
        "macOS has /usr/sbin/tcpdump; Wireshark brings dumpcap"
    } else {
        "install the package tcpdump, as with `sudo apt install tcpdump`"
    }
}

/// The command that lets a tool capture.
fn permit(tool: &Tool) -> String {
    let path = tool.path().display();
    if cfg!(windows) {
        return "run framescope as administrator, or install Npcap again without its option that restricts it to administrators".to_owned();
    }
    if cfg!(target_os = "macos") {
        return "run `sudo chown $USER /dev/bpf*`, which lasts until a restart, or install ChmodBPF, which comes with Wireshark".to_owned();
    }
    match tool.name() {
        ToolName::Dumpcap if tool.is_debians() => {
            "run `sudo dpkg-reconfigure wireshark-common` and `sudo usermod -aG wireshark $USER`, then log in again".to_owned()
        }
        ToolName::Dumpcap | ToolName::Tcpdump => {
            format!("run framescope with sudo, or once `sudo setcap cap_net_raw,cap_net_admin=ep {path}`")
        }
    }
}

/// What a tool's last words mean.
pub(super) fn explain(tool: &Tool, interface: &str, filter: &str, words: &str) -> CaptureError {
    let lower = words.to_lowercase();
    let has = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    let why = sentence(words);
    let (tool, interface) = (tool.clone(), interface.to_owned());
    if has(&["permission", "not permitted", "access denied", "access is denied"]) {
        CaptureError::Denied { tool, interface, why }
    } else if !filter.is_empty()
        && has(&[
            "capture filter",
            "filter expression",
            "syntax error",
            "unknown port",
            "unknown host",
            "unknown protocol",
        ])
    {
        let why = why
            .rsplit_once("capture filter (")
            .map_or(why.as_str(), |(_, why)| why.trim_end_matches(')'))
            .to_owned();
        CaptureError::Filter { filter: filter.to_owned(), why }
    } else if has(&["no such device", "there is no device", "doesn't exist", "does not exist"]) {
        CaptureError::NoInterface { name: interface, known: String::new() }
    } else {
        CaptureError::Ended { tool, why }
    }
}

/// The first sentence that says what is wrong, without the tool's name, its counters and its advice.
fn sentence(words: &str) -> String {
    let is_chatter = |line: &&str| {
        let chatter = ["Capturing on ", "File: ", "tcpdump: listening on", "tcpdump: verbose", "Packets"];
        let is_count =
            |line: &str| line.starts_with(|first: char| first.is_ascii_digit()) && line.contains(" packet");
        !line.is_empty() && !chatter.iter().any(|chatter| line.starts_with(chatter)) && !is_count(line)
    };
    let mut lines = words.lines().map(str::trim).filter(is_chatter);
    let first = lines.next().unwrap_or("it said nothing");
    let first = ["tcpdump: ", "dumpcap: "].iter().find_map(|name| first.strip_prefix(name)).unwrap_or(first);
    let mut text = first.trim_end_matches('.').to_owned();
    // What is wrong with a filter is in the next paragraph, the system's reason in parentheses.
    let detail = lines.next().filter(|line| line.starts_with('(') || line.starts_with("That string isn't"));
    if let Some(detail) = detail {
        text.push_str(if detail.starts_with('(') { " " } else { ": " });
        text.push_str(detail.trim_end_matches('.'));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(name: &str, filter: &str, words: &str) -> CaptureError {
        explain(&Tool::at(name).unwrap(), "lo", filter, words)
    }

    #[test]
    fn what_tools_say_about_permissions_is_one_sentence_with_a_command() {
        let tcpdump = explained(
            "/sbin/tcpdump",
            "",
            "tcpdump: lo: You don't have permission to perform this capture on that device\n(socket: Operation not permitted)\n",
        );
        let text = tcpdump.to_string();
        assert!(matches!(tcpdump, CaptureError::Denied { .. }), "{text}");
        assert!(text.contains("tcpdump may not capture on lo (lo: You don't have permission"), "{text}");
        assert!(cfg!(windows) || text.contains("`sudo "), "{text}");
        assert_eq!(text.lines().count(), 1);
        let dumpcap = explained(
            "/usr/bin/dumpcap",
            "",
            "Capturing on 'Loopback: lo'\ndumpcap: You do not have permission to capture on device \"lo\".\n\
             (socket: Operation not permitted)\nPlease check to make sure you have sufficient permissions.\n",
        );
        assert!(matches!(dumpcap, CaptureError::Denied { .. }));
        assert!(
            dumpcap.to_string().contains("(You do not have permission to capture on device \"lo\" (socket:")
        );
    }

    #[test]
    fn what_tools_say_about_filters_and_interfaces_is_recognised() {
        let filter = explained(
            "dumpcap",
            "port nix",
            "Capturing on 'Loopback: lo'\ndumpcap: Invalid capture filter \"port nix\" for interface 'lo'.\n\n\
             That string isn't a valid capture filter (unknown port 'nix').\nSee the User's Guide.\n",
        );
        assert!(
            filter.to_string().starts_with("'port nix' is not a filter for packets: unknown port 'nix'; "),
            "{filter}"
        );
        let filter = explained("tcpdump", "port nix", "tcpdump: unknown port 'nix'\n");
        assert!(
            filter.to_string().starts_with("'port nix' is not a filter for packets: unknown port 'nix'; "),
            "{filter}"
        );
        for words in [
            "tcpdump: nope: No such device exists\n(No such device exists)\n",
            "Capturing on 'nope'\ndumpcap: There is no device named \"nope\".\n(No such device exists)\n",
        ] {
            assert!(matches!(explained("tcpdump", "", words), CaptureError::NoInterface { .. }));
        }
    }

    #[test]
    fn whatever_else_a_tool_says_is_passed_on() {
        let ended =
            explained("tcpdump", "", "tcpdump: Can't create raw socket: Address family not supported\n");
        assert_eq!(ended.to_string(), "tcpdump ended: Can't create raw socket: Address family not supported");
        assert_eq!(explained("tcpdump", "", "").to_string(), "tcpdump ended: it said nothing");
    }
}
