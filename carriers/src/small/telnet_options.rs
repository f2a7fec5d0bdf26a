//! The commands and options of telnet by their names, and the suboptions of RFC 2217. They know no stream.

/// The commands that have no option, and those that have, RFC 854 and 885.
pub(super) const SE: u8 = 240;
pub(super) const SB: u8 = 250;
pub(super) const WILL: u8 = 251;
pub(super) const DONT: u8 = 254;
pub(super) const IAC: u8 = 255;

pub(super) const BINARY: u8 = 0;
pub(super) const COM_PORT: u8 = 44;

const COMMANDS: [&str; 20] = [
    "EOF", "SUSP", "ABORT", "EOR", "SE", "NOP", "DM", "BRK", "IP", "AO", "AYT", "EC", "EL", "GA", "SB",
    "WILL", "WONT", "DO", "DONT", "IAC",
];
/// The number of the first of them.
const FIRST: u8 = 236;

pub(super) fn command_name(command: u8) -> Option<&'static str> {
    COMMANDS.get(usize::from(command.checked_sub(FIRST)?)).copied()
}

/// The kinds of messages.
pub(super) fn kinds() -> Vec<&'static str> {
    COMMANDS.iter().copied().chain(["DATA"]).collect()
}

const OPTIONS: [&str; 50] = [
    "BINARY",
    "ECHO",
    "RECONNECTION",
    "SUPPRESS_GO_AHEAD",
    "APPROX_MESSAGE_SIZE",
    "STATUS",
    "TIMING_MARK",
    "RCTE",
    "OUTPUT_LINE_WIDTH",
    "OUTPUT_PAGE_SIZE",
    "NAOCRD",
    "NAOHTS",
    "NAOHTD",
    "NAOFFD",
    "NAOVTS",
    "NAOVTD",
    "NAOLFD",
    "EXTENDED_ASCII",
    "LOGOUT",
    "BYTE_MACRO",
    "DATA_ENTRY_TERMINAL",
    "SUPDUP",
    "SUPDUP_OUTPUT",
    "SEND_LOCATION",
    "TERMINAL_TYPE",
    "END_OF_RECORD",
    "TACACS",
    "OUTPUT_MARKING",
    "TERMINAL_LOCATION_NUMBER",
    "TELNET_3270",
    "X3_PAD",
    "WINDOW_SIZE",
    "TERMINAL_SPEED",
    "REMOTE_FLOW_CONTROL",
    "LINEMODE",
    "X_DISPLAY_LOCATION",
    "ENVIRON",
    "AUTHENTICATION",
    "ENCRYPT",
    "NEW_ENVIRON",
    "TN3270E",
    "XAUTH",
    "CHARSET",
    "REMOTE_SERIAL_PORT",
    "COM_PORT",
    "SUPPRESS_LOCAL_ECHO",
    "START_TLS",
    "KERMIT",
    "SEND_URL",
    "FORWARD_X",
];

pub(super) fn option_name(option: u8) -> Option<&'static str> {
    match option {
        255 => Some("EXTENDED_OPTIONS"),
        _ => OPTIONS.get(usize::from(option)).copied(),
    }
}

/// A suboption of COM-PORT: its name, and what its value is. The server's numbers are 100 more.
#[derive(Clone, Copy, Debug)]
pub(super) enum ComPort {
    /// Any text.
    Text,
    /// Four bytes.
    Number,
    /// A byte whose values may have names.
    Byte(fn(u8) -> Option<&'static str>),
    /// A byte of bits.
    Bits,
    /// Nothing.
    Nothing,
}

/// The name of a suboption of COM-PORT, and what it holds.
pub(super) fn com_port(suboption: u8) -> Option<(&'static str, ComPort)> {
    let number = if suboption >= 100 { suboption - 100 } else { suboption };
    Some(match number {
        0 => ("SIGNATURE", ComPort::Text),
        1 => ("SET_BAUDRATE", ComPort::Number),
        2 => ("SET_DATASIZE", ComPort::Byte(|_| None)),
        3 => ("SET_PARITY", ComPort::Byte(parity_name)),
        4 => ("SET_STOPSIZE", ComPort::Byte(stop_size_name)),
        5 => ("SET_CONTROL", ComPort::Byte(control_name)),
        6 => ("NOTIFY_LINESTATE", ComPort::Bits),
        7 => ("NOTIFY_MODEMSTATE", ComPort::Bits),
        8 => ("FLOWCONTROL_SUSPEND", ComPort::Nothing),
        9 => ("FLOWCONTROL_RESUME", ComPort::Nothing),
        10 => ("SET_LINESTATE_MASK", ComPort::Bits),
        11 => ("SET_MODEMSTATE_MASK", ComPort::Bits),
        12 => ("PURGE_DATA", ComPort::Byte(purge_name)),
        _ => return None,
    })
}

/// The name of a suboption of COM-PORT.
pub(super) fn com_port_name(suboption: u8) -> Option<&'static str> {
    com_port(suboption).map(|(name, _)| name)
}

fn parity_name(parity: u8) -> Option<&'static str> {
    ["REQUEST", "NONE", "ODD", "EVEN", "MARK", "SPACE"].get(usize::from(parity)).copied()
}

fn stop_size_name(size: u8) -> Option<&'static str> {
    ["REQUEST", "ONE", "TWO", "ONE_AND_A_HALF"].get(usize::from(size)).copied()
}

fn control_name(control: u8) -> Option<&'static str> {
    const NAMES: [&str; 20] = [
        "REQUEST_FLOW_CONTROL",
        "NO_FLOW_CONTROL",
        "XON_XOFF",
        "HARDWARE",
        "REQUEST_BREAK",
        "BREAK_ON",
        "BREAK_OFF",
        "REQUEST_DTR",
        "DTR_ON",
        "DTR_OFF",
        "REQUEST_RTS",
        "RTS_ON",
        "RTS_OFF",
        "REQUEST_INBOUND_FLOW_CONTROL",
        "INBOUND_NO_FLOW_CONTROL",
        "INBOUND_XON_XOFF",
        "INBOUND_HARDWARE",
        "DCD_FLOW_CONTROL",
        "INBOUND_DTR_FLOW_CONTROL",
        "DSR_FLOW_CONTROL",
    ];
    NAMES.get(usize::from(control)).copied()
}

fn purge_name(purge: u8) -> Option<&'static str> {
    ["", "RECEIVED", "TO_SEND", "BOTH"].get(usize::from(purge)).copied().filter(|name| !name.is_empty())
}
