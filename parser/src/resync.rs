//! Where the next message begins in a format that has nothing to recognise a message by.
//!
//! Each offset is tried as the beginning of a message, whose length says where another would begin, and so on: chains.
//! Wrong chains jump about and break off; the right one continues to the end of the window, and others run into it. The
//! chain of most messages wins if it is well ahead of all that never meet it. Its messages carry a [`Guess`], unless
//! the headers on the way leave no doubt.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::framer::Framing;
use crate::{Captured, Code, Kind, Measure, Sentence, Severity, Value, Visit};

/// Bytes in the window before a decision is attempted; more each time it could not be made.
pub(crate) const WINDOWS: [usize; 4] = [1 << 8, 1 << 10, 1 << 12, 1 << 14];

/// A message must show its length in this many bytes to be found here: more would make the work large.
const HEAD: usize = 512;
/// Bits of chance that leave no doubt.
const CERTAIN: u32 = 32;
/// Messages of a chain that are examined.
const MAX_INSPECTED: usize = 8;

/// Why a message is taken to begin where it does, in a format that does not mark it.
///
/// ```
/// use framescope_parser::Guess;
///
/// let guess = Guess { messages: 12, second: 2, bytes: 1024 };
/// assert!(guess.to_string().contains("12 messages"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Guess {
    /// How many messages follow each other from here on; none if the capture began inside the stream and this is its
    /// first captured byte.
    pub messages: u32,
    /// How many do from the next best place.
    pub second: u32,
    /// The size of the window, in bytes.
    pub bytes: u32,
}

impl Guess {
    /// The guess as a sentence.
    pub fn sentence(&self) -> Sentence {
        let Guess { messages, second, bytes } = *self;
        match messages {
            0 => Sentence::new("the capture begins inside this stream, and need not begin with a message"),
            _ => Sentence::new(
                "nothing in the format marks a message; of the places in {} bytes this one was chosen: {} messages \
                 follow each other from here, and {} from the next best place",
            )
            .with([bytes.into(), messages.into(), second.into()]),
        }
    }
}

impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sentence().fmt(f)
    }
}

/// Where a chain of messages leads at last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// An offset past the window, or in a gap, where a message would begin.
    At(usize),
    /// A message begins here, and too little of it is there to say more.
    Begun(usize),
}

/// What is known of an offset if a message begins there.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The offset in the stream, counted from where the search begins.
    at: usize,
    /// Where the message ends.
    next: usize,
    /// Where the chain leads; None if it breaks off.
    end: Option<End>,
    /// Messages in the chain that are complete.
    messages: u32,
    bits: u32,
}

/// Where the next message begins in `window`. `is_all` says that nothing follows it.
pub(crate) fn weigh<P: Framing + ?Sized>(
    protocol: &P,
    window: Captured<'_, '_>,
    is_all: bool,
) -> Option<(usize, Option<Guess>)> {
    // What is before the first gap may be decided by itself; what is after it need not lead there.
    if let Some(gap) = window.missing().first() {
        let before = Captured::whole(window.beginning());
        if gap.start > 0
            && let Some(found) = weigh(protocol, before, false)
        {
            return Some(found);
        }
    }
    let places = chains(protocol, window, is_all);
    let Best { first, messages, second } = best(&places)?;
    let is_certain = first.bits >= CERTAIN && messages > second;
    let least = if is_all { 1 } else { 3 };
    if !is_certain && (messages < least || messages <= 2 * second) {
        return None;
    }
    let (start, _) = plausible(protocol, window, &places, first)?;
    let bytes = u32::try_from(window.bytes().len()).unwrap_or(u32::MAX);
    Some((start.at, (!is_certain).then_some(Guess { messages: start.messages, second, bytes })))
}

/// A chain of this many messages outweighs a single message.
const MANY: u32 = 8;

/// Whether the message of `length` bytes at the start of `bytes` is probably false: a chain of many messages begins in
/// it, and none of them begins where it ends. Returns where the chain begins.
pub(crate) fn stronger_chain<P: Framing + ?Sized>(
    protocol: &P,
    bytes: &[u8],
    length: usize,
) -> Option<(usize, Guess)> {
    WINDOWS.iter().skip(1).find_map(|&look| {
        let is_first = look == WINDOWS[1];
        let window = bytes.get(..look).or(is_first.then_some(bytes))?;
        outdone_in(protocol, Captured::whole(window), bytes, length)
    })
}

fn outdone_in<P: Framing + ?Sized>(
    protocol: &P,
    window: Captured<'_, '_>,
    bytes: &[u8],
    length: usize,
) -> Option<(usize, Guess)> {
    let places = chains(protocol, window, false);
    let own = places.first()?;
    let Best { first, messages, second } = best(&places)?;
    if !(1..length).contains(&first.at) || messages < MANY || messages <= 2 * second {
        return None;
    }
    // A chain with a message that begins where this one ends supports it, wherever the chain began.
    let mut at = first.at;
    while at < length
        && let Some(head) = bytes.get(at..bytes.len().min(at + HEAD))
        && let Measure::Message { length, .. } = protocol.measure(Captured::whole(head))
    {
        at = at.saturating_add(length.get());
    }
    if at == length {
        return None;
    }
    let (start, all_are_named) = plausible(protocol, window, &places, first)?;
    // Where the format has nothing to recognise a message by, nothing speaks against one either.
    if first.bits < CERTAIN && !all_are_named {
        return None;
    }
    let names = |place: &Place| MessageQuality::at(protocol, window, place.at..place.next).has_name;
    // The same bytes over and over are padding of a message rather than many of them.
    let text = |place: &Place| window.get(place.at..place.next);
    let next = places.binary_search_by_key(&start.next, |known| known.at).ok().and_then(|at| places.get(at));
    let repeats = next.is_some_and(|next| text(next) == text(start));
    if names(own) && !names(start) || repeats {
        return None;
    }
    let bytes = u32::try_from(window.bytes().len()).unwrap_or(u32::MAX);
    Some((start.at, Guess { messages: start.messages, second: second.max(own.messages), bytes }))
}

/// The chain of most messages.
struct Best<'p> {
    first: &'p Place,
    messages: u32,
    /// The length of the longest chain that never meets it.
    second: u32,
}

fn best(places: &[Place]) -> Option<Best<'_>> {
    let mut ends: BTreeMap<End, u32> = BTreeMap::new();
    for place in places {
        if let Some(end) = place.end {
            let most = ends.entry(end).or_default();
            *most = place.messages.max(*most);
        }
    }
    let (&best, &messages) = ends.iter().max_by_key(|(_, messages)| **messages)?;
    let others = ends.iter().filter(|(end, _)| **end != best);
    let second = others.map(|(_, messages)| *messages).max().unwrap_or(0);
    let first = places.iter().find(|place| place.end == Some(best) && place.messages == messages)?;
    Some(Best { first, messages, second })
}

/// What is known of each offset that is there, in their order.
fn chains<P: Framing + ?Sized>(protocol: &P, window: Captured<'_, '_>, is_all: bool) -> Vec<Place> {
    let window_end = window.length();
    let parts: Vec<(usize, &[u8])> = window.parts(0..window_end).collect();
    // From the last to the first, so that what an offset leads to is known.
    let mut places: Vec<Place> = Vec::with_capacity(window.bytes().len());
    for &(begin, part) in parts.iter().rev() {
        for from in (0..part.len()).rev() {
            let at = begin + from;
            let rest = part.get(from..).unwrap_or_default();
            let head = rest.get(..rest.len().min(HEAD)).unwrap_or_default();
            let is_cut = head.len() == rest.len();
            let mut place = Place { at, next: at, end: None, messages: 0, bits: 0 };
            match protocol.measure(Captured::whole(head)) {
                Measure::Message { length, bits, .. } => {
                    place.next = at.saturating_add(length.get());
                    // What is further on in the stream is earlier in the list.
                    let found = places.binary_search_by(|known| place.next.cmp(&known.at));
                    match found.ok().and_then(|found| places.get(found)) {
                        Some(next) => {
                            place.end = next.end;
                            place.messages = next.messages.saturating_add(1);
                            place.bits = next.bits.saturating_add(bits);
                        }
                        None => {
                            place.end = Some(End::At(place.next));
                            place.messages = u32::from(place.next == window_end && is_all);
                            place.bits = bits;
                        }
                    }
                }
                Measure::NeedMore if is_cut => place.end = Some(End::Begun(at)),
                Measure::NeedMore | Measure::Unknown | Measure::Nothing => {}
            }
            places.push(place);
        }
    }
    places.reverse();
    places
}

/// The first offset of a chain whose message looks like those after it, and whether all that were examined are of kinds
/// that have a name.
fn plausible<'p, P: Framing + ?Sized>(
    protocol: &P,
    window: Captured<'_, '_>,
    places: &'p [Place],
    first: &'p Place,
) -> Option<(&'p Place, bool)> {
    let next_of = |place: &Place| places.binary_search_by_key(&place.next, |known| known.at).ok();
    let mut chain = Vec::new();
    let mut place = Some(first);
    while let Some(found) = place
        && chain.len() < 2 * MAX_INSPECTED
    {
        chain.push((found, MessageQuality::at(protocol, window, found.at..found.next)));
        place = next_of(found).and_then(|next| places.get(next));
    }
    let is_sound = |(_, look): &&(&Place, MessageQuality)| !look.has_errors;
    let sound = chain.iter().filter(is_sound).count();
    if sound * 2 < chain.len() {
        return None;
    }
    let names_kinds = chain.iter().filter(|(_, look)| look.has_name).count() * 4 >= chain.len() * 3;
    let longest_behind =
        |from: usize| chain.iter().skip(from + 1).map(|(place, _)| place.next - place.at).max();
    let fits = |(i, (place, look)): &(usize, &(&'p Place, MessageQuality))| {
        let is_long = chain.len() > MAX_INSPECTED
            && longest_behind(*i).is_some_and(|longest| place.next - place.at > 2 * longest);
        !look.has_errors && (look.has_name || !names_kinds) && !is_long
    };
    let all_are_named = chain.iter().all(|(_, look)| look.has_name);
    let found = chain.iter().enumerate().take(MAX_INSPECTED).find(fits);
    found.map(|(_, (place, _))| (*place, all_are_named))
}

/// What a message looks like.
#[derive(Default)]
struct MessageQuality {
    has_errors: bool,
    has_name: bool,
}

impl MessageQuality {
    fn at<P: Framing + ?Sized>(
        protocol: &P,
        window: Captured<'_, '_>,
        range: Range<usize>,
    ) -> MessageQuality {
        let mut look = MessageQuality::default();
        match window.get(range.clone()) {
            Some(bytes) => protocol.outline(bytes, &mut look),
            // Its beginning shows its kind.
            None => {
                let beginning = window.parts(range).next().map_or(&[][..], |(_, part)| part);
                let beginning = beginning.get(..beginning.len().min(HEAD)).unwrap_or_default();
                protocol.outline(beginning, &mut look);
                look.has_errors = false;
            }
        }
        look
    }
}

impl<'a> Visit<'a> for MessageQuality {
    fn kind(&mut self, kind: Kind<'a>) {
        self.has_name = kind.name.is_some();
    }
    fn field(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}
    fn begin(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}
    fn end(&mut self) {}
    fn problem(&mut self, code: Code, _: Range<usize>, _: fmt::Arguments<'_>) {
        self.has_errors |= code.severity() == Severity::Error;
    }
    fn summary(&mut self, _: fmt::Arguments<'_>) {}
}
