//! Which flow the packets between two endpoints belong to: the newest, as ports are used again.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use crate::ids::FlowId;
use crate::streams::endpoint_pairs::Pair;
use crate::streams::flow::Flows;

/// The newest flow of each pair of endpoints.
#[derive(Debug, Default)]
pub(crate) struct NewestFlows {
    /// By the number that the reading stage gave the pair; None as long as it has no flow.
    newest: Vec<Option<FlowId>>,
    /// Pairs that have a number, and of which no packet came yet, in the order of their numbers.
    waiting: VecDeque<Pair>,
    /// Only packets that were reassembled from fragments have no number; until there are some no pair is looked up.
    unnumbered: Option<Unnumbered>,
}

#[derive(Debug, Default)]
struct Unnumbered {
    places: HashMap<Pair, Place, RandomState>,
    /// Of pairs that have no number.
    newest: Vec<Option<FlowId>>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Numbered(usize),
    Unnumbered(usize),
}

/// How the pair of a packet's endpoints is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FlowKey {
    /// The reading stage gave it a number.
    Number(u32),
    /// It was found after that stage.
    Pair(Pair),
}

/// What is known of a pair of endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    Flow(FlowId),
    /// It has no flow yet.
    New(Pair),
}

impl NewestFlows {
    /// Takes the pairs that got the next numbers.
    pub(crate) fn add_pairs(&mut self, pairs: impl Iterator<Item = Pair>) {
        self.waiting.extend(pairs);
    }

    /// The newest flow of a pair. None for a number that no pair was given.
    #[inline]
    pub(crate) fn find(&mut self, key: FlowKey, flows: &Flows) -> Option<Lookup> {
        match key {
            FlowKey::Number(number) => match self.newest.get(number as usize) {
                Some(&Some(flow)) => Some(Lookup::Flow(flow)),
                _ => self.first_of(number),
            },
            FlowKey::Pair(pair) => Some(self.find_pair(pair, flows)),
        }
    }

    #[cold]
    fn first_of(&mut self, number: u32) -> Option<Lookup> {
        let place = number as usize;
        if place != self.newest.len() {
            return None;
        }
        let pair = self.waiting.pop_front()?;
        let mut flow = None;
        if let Some(unnumbered) = &mut self.unnumbered
            && let Some(Place::Unnumbered(known)) = unnumbered.places.insert(pair, Place::Numbered(place))
        {
            flow = unnumbered.newest.get(known).copied().flatten();
        }
        self.newest.push(flow);
        Some(flow.map_or(Lookup::New(pair), Lookup::Flow))
    }

    fn find_pair(&mut self, pair: Pair, flows: &Flows) -> Lookup {
        let known = &self.newest;
        let unnumbered = self.unnumbered.get_or_insert_with(|| {
            let places = known.iter().enumerate();
            let places =
                places.filter_map(|(place, flow)| Some((flows.at((*flow)?).pair()?, Place::Numbered(place))));
            Unnumbered { places: places.collect(), newest: Vec::new() }
        });
        let flow = match unnumbered.places.get(&pair) {
            Some(Place::Numbered(place)) => self.newest.get(*place),
            Some(Place::Unnumbered(place)) => unnumbered.newest.get(*place),
            None => {
                unnumbered.places.insert(pair, Place::Unnumbered(unnumbered.newest.len()));
                unnumbered.newest.push(None);
                None
            }
        };
        flow.copied().flatten().map_or(Lookup::New(pair), Lookup::Flow)
    }

    /// Says which flow is a pair's newest from now on.
    pub(crate) fn set(&mut self, key: FlowKey, flow: FlowId) {
        let newest = match key {
            FlowKey::Number(number) => self.newest.get_mut(number as usize),
            FlowKey::Pair(pair) => {
                self.unnumbered.as_mut().and_then(|unnumbered| match unnumbered.places.get(&pair)? {
                    Place::Numbered(place) => self.newest.get_mut(*place),
                    Place::Unnumbered(place) => unnumbered.newest.get_mut(*place),
                })
            }
        };
        debug_assert!(newest.is_some(), "{key:?} was not looked up before");
        if let Some(newest) = newest {
            *newest = Some(flow);
        }
    }
}
