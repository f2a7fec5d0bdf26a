//! A file that grows is read as if all of it had been there from the beginning, however it grows.

use framescope_capture::export::{RowSelection, write_json};
use framescope_capture::{Index, Indexer, Options, Source, read};

use crate::capture::check_index;

/// Takes the first byte of `data` as how the rest, a capture file, grows: so many bytes at a time, and whether what is undecided is
/// decided on the way.
pub fn growing(data: &[u8]) {
    let Some((&how, bytes)) = data.split_first() else { return };
    let (settles, at_once) = (how & 1 == 1, 1 + usize::from(how >> 1) * 3);
    let options = Options { reassembly_limit: 256, ..Options::default() };
    let Ok(whole) = read(Source::from_bytes("fuzzed", bytes), &options, &mut |_| true) else { return };
    let Ok(file) = tempfile::tempfile() else { return };
    let (source, growth) = Source::growing("fuzzed", file).unwrap();
    // Enough to recognise it by is there before it is read.
    let (head, rest) = bytes.split_at(bytes.len().min(64));
    growth.append(head).unwrap();
    let (mut indexer, mut index) = Indexer::new(source, &options).unwrap();
    for part in rest.chunks(at_once.max(rest.len() / 64)) {
        growth.append(part).unwrap();
        let rows = index.row_count();
        catch_up(&mut indexer, &mut index);
        if settles {
            (0..3).for_each(|_| indexer.settle(&mut index));
        }
        assert!(index.row_count() >= rows, "rows that were there are gone");
    }
    drop(growth);
    while indexer.step(&mut index, 16) {}
    indexer.finish(&mut index);
    check_index(&index);
    // Behind damage the next record is searched for in what is there, and a text is a capture only when all of it is.
    let is_comparable = whole.damages().iter().all(|damage| damage.resumed.is_none())
        && whole.notices().is_empty()
        && index.notices().is_empty();
    if is_comparable && !settles {
        assert_eq!(json(&index), json(&whole));
    }
    assert!(!is_comparable || index.packets() == whole.packets());
}

/// Reads all that is there.
fn catch_up(indexer: &mut Indexer, index: &mut Index) {
    while indexer.step(index, 16) && !indexer.is_waiting() {}
}

fn json(index: &Index) -> String {
    let mut out = Vec::new();
    write_json(index, &mut RowSelection::all(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_with_the_magic_of_a_capture() {
        crate::try_on_random_bytes(
            |bytes| {
                let mut file = bytes.to_vec();
                let header = *b"\xD4\xC3\xB2\xA1\x02\x00\x04\x00\0\0\0\0\0\0\0\0\xFF\xFF\0\0\x65\0\0\0";
                file.splice(1..8, header);
                growing(&file);
                growing(bytes);
            },
            300,
        );
    }
}
