//! Which flow the packets between two endpoints belong to: the newest, as ports are used again.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use crate::index::Flow;
use crate::streams::conversations::Pair;

/// The newest flow of each pair of endpoints.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    /// By the number that the reading stage gave the pair.
    newest: Vec<u32>,
    /// Pairs that have a number, and of which no packet came yet, in the order of their numbers.
    waiting: VecDeque<Pair>,
    /// Only packets that were put together here have no number; until there are some nobody looks up a pair.
    others: Option<Others>,
}

#[derive(Debug, Default)]
struct Others {
    places: HashMap<Pair, Place, RandomState>,
    /// Of pairs that have no number.
    newest: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Numbered(usize),
    Other(usize),
}

/// Where a packet's pair of endpoints comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked {
    /// The reading stage gave it a number.
    Number(u32),
    /// It was found here.
    Pair(Pair),
}

/// What is known of a pair of endpoints.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    Flow(u32),
    /// It has no flow yet.
    New(Pair),
}

const NONE: u32 = u32::MAX;

impl Flows {
    /// Takes the pairs that got the next numbers.
    pub(crate) fn expect(&mut self, pairs: impl Iterator<Item = Pair>) {
        self.waiting.extend(pairs);
    }

    /// The flow of a pair. None for a number that nobody gave.
    #[inline]
    pub(crate) fn find(&mut self, asked: Asked, flows: &[Flow]) -> Option<Found> {
        match asked {
            Asked::Number(number) => match self.newest.get(number as usize) {
                Some(&flow) if flow != NONE => Some(Found::Flow(flow)),
                _ => self.first_of(number),
            },
            Asked::Pair(pair) => Some(self.find_pair(pair, flows)),
        }
    }

    #[cold]
    fn first_of(&mut self, number: u32) -> Option<Found> {
        let place = number as usize;
        if place != self.newest.len() {
            return None;
        }
        let pair = self.waiting.pop_front()?;
        let mut flow = NONE;
        if let Some(others) = &mut self.others
            && let Some(Place::Other(known)) = others.places.insert(pair, Place::Numbered(place))
        {
            flow = others.newest.get(known).copied().unwrap_or(NONE);
        }
        self.newest.push(flow);
        Some(if flow == NONE { Found::New(pair) } else { Found::Flow(flow) })
    }

    fn find_pair(&mut self, pair: Pair, flows: &[Flow]) -> Found {
        let known = &self.newest;
        let others = self.others.get_or_insert_with(|| {
            let pair = |flow: &u32| flows.get(*flow as usize)?.pair();
            let places = known.iter().enumerate();
            let places = places.filter_map(|(place, flow)| Some((pair(flow)?, Place::Numbered(place))));
            Others { places: places.collect(), newest: Vec::new() }
        });
        let flow = match others.places.get(&pair) {
            Some(Place::Numbered(place)) => self.newest.get(*place),
            Some(Place::Other(place)) => others.newest.get(*place),
            None => {
                others.places.insert(pair, Place::Other(others.newest.len()));
                others.newest.push(NONE);
                None
            }
        };
        match flow {
            Some(&flow) if flow != NONE => Found::Flow(flow),
            _ => Found::New(pair),
        }
    }

    /// Says which flow is a pair's newest from now on.
    pub(crate) fn set(&mut self, asked: Asked, flow: u32) {
        let newest = match asked {
            Asked::Number(number) => self.newest.get_mut(number as usize),
            Asked::Pair(pair) => self.others.as_mut().and_then(|others| match others.places.get(&pair)? {
                Place::Numbered(place) => self.newest.get_mut(*place),
                Place::Other(place) => others.newest.get_mut(*place),
            }),
        };
        if let Some(newest) = newest {
            *newest = flow;
        }
    }
}
