//! The names of files that a capture was rotated over: `tcpdump -C` and `-G`, `dumpcap -b` and logrotate write such.

/// What a name has in common with those of the files that continue it: each run of digits as one zero byte, and none at the end, also
/// before `.gz` and `.zst`. So `x.pcap`, `x.pcap0` and `x.pcap12.gz` are alike.
///
/// ```
/// use framescope_capture::rotated_name;
///
/// assert_eq!(rotated_name(b"eth0_00001_20260102.pcap"), rotated_name(b"eth0_00002_20260103.pcap.gz"));
/// assert_ne!(rotated_name(b"a.pcap"), rotated_name(b"b.pcap"));
/// ```
pub fn rotated_name(name: &[u8]) -> Vec<u8> {
    let name = [&b".gz"[..], b".zst"].iter().find_map(|end| name.strip_suffix(*end)).unwrap_or(name);
    let mut like: Vec<u8> = Vec::new();
    for byte in name {
        match byte.is_ascii_digit() {
            true if like.last() == Some(&0) => {}
            true => like.push(0),
            false => like.push(*byte),
        }
    }
    if like.last() == Some(&0) {
        like.pop();
    }
    like
}
