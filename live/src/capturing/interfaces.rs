//! The interfaces that can be captured on.

use std::process::Stdio;

use super::error::CaptureError;
use super::tool::{Tool, ToolName};

/// Something that can be captured on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// What `-i` accepts.
    pub name: String,
    /// What the system calls it, if that says more.
    pub description: String,
    /// Its addresses, as far as they are known.
    pub addresses: Vec<String>,
    /// Whether what passes stays on this machine.
    pub is_loopback: bool,
    /// Whether it looks like one of a network, up and with addresses, and not like one of a bus.
    pub is_usual: bool,
}

/// The interfaces here: loopback first, where one's own programs talk to each other, then networks, then what is unusual.
///
/// # Errors
/// There is no tool that lists them, or none that can.
pub fn interfaces(tool: Option<&Tool>) -> Result<Vec<Interface>, CaptureError> {
    let mut tools = tool.map_or_else(Tool::all, |tool| vec![tool.clone()]);
    // It knows addresses.
    tools.sort_by_key(|tool| tool.name() != ToolName::Dumpcap);
    let mut failed = CaptureError::NoTool;
    for tool in tools {
        match list(&tool) {
            Ok(interfaces) if !interfaces.is_empty() => return Ok(interfaces),
            Ok(_) => failed = CaptureError::Ended { tool, why: "it lists no interfaces".to_owned() },
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn list(tool: &Tool) -> Result<Vec<Interface>, CaptureError> {
    let output = tool.list().stdin(Stdio::null()).output();
    let output = output.map_err(|cause| CaptureError::Start { tool: tool.clone(), cause })?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(super::error::explain(
            tool,
            "any interface",
            "",
            &String::from_utf8_lossy(&output.stderr),
        ));
    }
    let read = match tool.name() {
        ToolName::Dumpcap => of_dumpcap,
        ToolName::Tcpdump => of_tcpdump,
    };
    let mut interfaces: Vec<Interface> = text.lines().filter_map(read).collect();
    interfaces.sort_by_key(|interface| (!interface.is_loopback, !interface.is_usual));
    Ok(interfaces)
}

/// Without the number and the dot that a line begins with.
fn numbered(line: &str) -> Option<&str> {
    let (number, rest) = line.split_once('.')?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| rest.trim_start())
}

/// A line of `dumpcap -D -M`: name, what its maker calls it, what the system calls it, type, addresses, loopback or not.
fn of_dumpcap(line: &str) -> Option<Interface> {
    let mut columns = numbered(line)?.split('\t');
    let name = columns.next().filter(|name| !name.is_empty())?.to_owned();
    let (vendor, friendly) = (columns.next().unwrap_or_default(), columns.next().unwrap_or_default());
    let description = if friendly.is_empty() { vendor } else { friendly }.to_owned();
    let addresses = columns.nth(1).unwrap_or_default();
    let addresses: Vec<String> =
        addresses.split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect();
    let is_loopback = columns.next() == Some("loopback");
    let is_usual = is_loopback || !addresses.is_empty() || name == "any";
    Some(Interface { name, description, addresses, is_loopback, is_usual })
}

/// A line of `tcpdump -D`: name, what the system calls it in parentheses, flags in brackets.
fn of_tcpdump(line: &str) -> Option<Interface> {
    let line = numbered(line)?;
    let (line, flags) =
        line.rsplit_once(" [").map_or((line, ""), |(line, flags)| (line, flags.trim_end_matches(']')));
    let (name, description) = line.split_once(" (").unwrap_or((line, ""));
    let has = |wanted: &str| flags.split(", ").any(|flag| flag == wanted);
    Some(Interface {
        name: name.trim().to_owned(),
        description: description.trim_end_matches(')').to_owned(),
        addresses: Vec::new(),
        is_loopback: has("Loopback"),
        is_usual: has("Running"),
    })
    .filter(|interface| !interface.name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dumpcap_lists_has_addresses() {
        let lo = of_dumpcap("3. lo\t\tLoopback\t0\t127.0.0.1,::1\tloopback\t").unwrap();
        assert_eq!((lo.name.as_str(), lo.description.as_str(), lo.is_loopback), ("lo", "Loopback", true));
        assert_eq!(lo.addresses, ["127.0.0.1", "::1"]);
        let windows = r"2. \Device\NPF_{12-AB}	Intel(R) Ethernet	Ethernet 2	0	192.0.2.7	network	";
        let ethernet = of_dumpcap(windows).unwrap();
        assert_eq!(
            (ethernet.name.as_str(), ethernet.description.as_str()),
            (r"\Device\NPF_{12-AB}", "Ethernet 2")
        );
        assert!(ethernet.is_usual && !ethernet.is_loopback);
        assert!(!of_dumpcap("6. bluetooth-monitor\t\t\t4\t\tnetwork\t").unwrap().is_usual);
        assert_eq!(of_dumpcap("dumpcap: something else"), None);
        assert_eq!(of_dumpcap("1. "), None);
    }

    #[test]
    fn what_tcpdump_lists_has_flags() {
        let any = of_tcpdump("2.any (Pseudo-device that captures on all interfaces) [Up, Running]").unwrap();
        assert_eq!(any.description, "Pseudo-device that captures on all interfaces");
        assert!(any.is_usual && !any.is_loopback);
        let lo = of_tcpdump("3.lo [Up, Running, Loopback]").unwrap();
        assert_eq!((lo.name.as_str(), lo.description.as_str(), lo.is_loopback), ("lo", "", true));
        assert!(
            !of_tcpdump("8.nfqueue (Linux netfilter queue (NFQUEUE) interface) [none]").unwrap().is_usual
        );
        assert_eq!(of_tcpdump(""), None);
    }
}
