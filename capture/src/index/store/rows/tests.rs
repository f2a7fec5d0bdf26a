use super::links::LINKS;
use super::*;
use proptest::prelude::*;

/// Rows of a few streams, laid end to end in each: the stream, the length, the label, the packet, whether it is a payload.
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let stream = prop_oneof![0..3_u32, 0..40_u32];
    let row = (stream, 1..300_u64, 0..4_u32, 0..9_000_u32, any::<bool>());
    let one = prop_oneof![9 => row.clone(), 1 => (row, 1..1_u64 << 40).prop_map(|(mut row, length)| { row.1 = length; row })];
    (prop::collection::vec(one, 1..50), 1..400_usize).prop_map(|(some, times)| {
        let mut ends = [0; 40];
        let all = some.iter().cycle().take(some.len() * times);
        all.map(|&(stream, length, label, packet, is_payload)| {
            let offset = ends[stream as usize];
            ends[stream as usize] += length;
            Entry { offset, length, stream: stream.into(), label, packet: packet.into(), is_payload }
        })
        .collect()
    })
}

fn check(rows: &Rows, entries: &[Entry]) {
    assert_eq!(rows.len(), entries.len());
    for (number, entry) in (0..).map(RowId::from).zip(entries) {
        assert_eq!(rows.get(number), Some(*entry));
        assert_eq!((rows.label(number), rows.packet(number)), (Some(entry.label), Some(entry.packet)));
    }
    assert_eq!(rows.get(rows.next_id()), None);
    for stream in (0..41).map(StreamId::from) {
        let of_stream = || (0..).map(RowId::from).zip(entries).filter(|(_, entry)| entry.stream == stream);
        assert!(rows.of_stream(stream).eq(of_stream().map(|(number, _)| number)));
        let end = of_stream().last().map_or(0, |(_, entry)| entry.offset + entry.length);
        for place in [0, 1, end / 3, end / 2, end.saturating_sub(1), end] {
            let expected = of_stream().find(|(_, entry)| entry.offset + entry.length > place);
            let found = rows.of_stream_from(stream, place).next();
            assert_eq!(found, expected.map(|(number, entry)| (number, *entry)), "{stream} {place}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn rows_come_back_as_they_were_put_in_and_by_their_streams(entries in entries()) {
        let mut rows = Rows::default();
        for (number, entry) in (0..).map(RowId::from).zip(&entries) {
            assert_eq!(rows.push(*entry), number);
        }
        check(&rows, &entries);
    }

    #[test]
    fn rows_keep_their_links_and_labels_in_another_order(entries in entries(), links in prop::collection::vec((any::<u16>(), any::<u16>(), 0..3_usize), 0..200), delay in 0..6_000_u32) {
        let count = u32::try_from(entries.len()).unwrap();
        let links: Vec<(u32, u32, Link)> = links.into_iter()
            .map(|(row, other, link)| (u32::from(row) % count, u32::from(other) % count, LINKS[link]))
            .filter(|(row, other, _)| row != other)
            .collect();
        let mut rows = Rows::default();
        let mut model = std::collections::HashMap::new();
        for (number, entry) in (0..).zip(&entries) {
            rows.push(*entry);
            for &(row, other, link) in links.iter().filter(|(row, ..)| (row + delay).min(count - 1) == number) {
                rows.link(row.into(), link, other.into());
                model.entry((row, link as usize)).or_insert(other);
            }
        }
        // Streams keep their own order: here they are put one after the other.
        let mut order: Vec<u32> = (0..count).collect();
        order.sort_by_key(|&row| entries[row as usize].stream);
        let mut numbers = vec![0; entries.len()];
        (0..).zip(&order).for_each(|(new, &old)| numbers[old as usize] = new);
        let mut rows =
            rows.reordered(order.iter().map(|&old| old.into()), |old| RowId::from(numbers[old.index()]));
        let mut moved: Vec<Entry> = order.iter().map(|&old| entries[old as usize]).collect();
        check(&rows, &moved);
        for old in 0..count {
            for link in LINKS {
                let expected = model.get(&(old, link as usize)).map(|&other| RowId::from(numbers[other as usize]));
                assert_eq!(rows.linked(numbers[old as usize].into(), link), expected);
            }
        }
        let changed: Vec<u32> = (0..count).filter(|row| row % 7 == 3).collect();
        rows.relabel(changed.iter().map(|&row| row.into()), |row, label| label + row.number() % 100);
        changed.iter().for_each(|&row| moved[row as usize].label += row % 100);
        check(&rows, &moved);
        rows.unlink(|stream| stream.number() == 1);
        for old in 0..count {
            let expected = model.get(&(old, 0)).map(|&other| RowId::from(numbers[other as usize]));
            let expected = expected.filter(|_| entries[old as usize].stream.number() != 1);
            assert_eq!(rows.linked(numbers[old as usize].into(), Link::Answers), expected);
        }
    }
}
