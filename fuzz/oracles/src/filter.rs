//! Any text is a filter: parsed, or refused at a place in it; and evaluated on real rows without panic.

use std::sync::{LazyLock, OnceLock};

use framescope_capture::filter::{Evaluator, Filter, Vocabulary};
use framescope_capture::{Index, Options, Source, read};

/// A recorded capture with most of what can be in one.
static CAPTURE: &[u8] = include_bytes!("../../../corpus/captures/missive-damaged/capture.pcapng");

/// Takes `data` as a filter.
pub fn filter(data: &[u8]) {
    static INDEX: OnceLock<Index> = OnceLock::new();
    let Ok(text) = std::str::from_utf8(data) else { return };
    let protocols = framescope_parser::built_in();
    let source = || Source::from_bytes("capture", CAPTURE);
    let index = INDEX.get_or_init(|| read(source(), &Options::default(), &mut |_| true).unwrap());
    // Each completion replaces something in the text, wherever the cursor is.
    static WORDS: LazyLock<Vocabulary> =
        LazyLock::new(|| Vocabulary::of(INDEX.get().expect("it was read before")));
    let cursor = crc32fast::hash(data) as usize % (text.len() + 2);
    let completion = WORDS.complete(text, cursor);
    assert!(
        text.get(completion.range.clone()).is_some(),
        "{:?} is not a range of {text:?}",
        completion.range
    );
    let filter = match Filter::parse(text, &protocols) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(text.get(error.range.clone()).is_some(), "{:?} is not a range of {text:?}", error.range);
            assert!(!error.text.is_empty() && error.to_string().lines().count() == 3, "{error}");
            return;
        }
    };
    let rows = filter.rows(index).unwrap();
    // Printed and parsed again it is the same, and is printed the same.
    let printed = filter.to_string();
    let again = Filter::parse(&printed, &protocols);
    let again = again.unwrap_or_else(|error| panic!("{text} is printed as what is refused: {error}"));
    assert_eq!(again.to_string(), printed, "{text}");
    assert_eq!(again.rows(index).unwrap(), rows, "{text} is printed as {printed}");
    // Its negation selects the other rows, and evaluated in another order it selects the same.
    let Ok(opposite) = Filter::parse(&format!("not ({text})"), &protocols) else {
        // One level deeper than may be.
        return;
    };
    let others = opposite.rows(index).unwrap();
    assert_eq!(rows.len() + others.len(), index.row_count());
    let mut evaluator = Evaluator::new(&filter, index);
    for number in index.row_ids().rev() {
        let found = evaluator.matches(number).unwrap();
        assert_eq!(found, rows.binary_search(&number).is_ok(), "row {number}");
        assert_eq!(found, others.binary_search(&number).is_err(), "row {number}");
    }
}
