//! What the messages of a conversation carry: finds the bytes by the rules of the description, keeps what is out of order until its
//! turn comes, and hands it on. It reads nothing of what is carried.

mod channels;
mod found;
mod lane;
mod ordered;
mod parts;
mod pieces;
mod waiting;

use std::sync::Arc;

use framescope_parser::{Captured, Carried, Role, Settings};

use crate::load::frame::narrowed;
use crate::names::holding;
use crate::plan::{CarriesPlan, Plan, TypeId};
use crate::run::arena::with_arena;
use crate::run::{Mode, Run};
use channels::Channels;
use found::{Found, find};
use lane::{Out, Taken};
use waiting::{Place, Waiting};

/// Reads of a message what it carries.
#[derive(Debug)]
pub(crate) struct CarryReader {
    plan: Plan,
    rules: Arc<CarriesPlan>,
}

impl CarryReader {
    /// None if the messages of a plan carry nothing.
    pub(crate) fn of(plan: &Plan, rules: &Arc<CarriesPlan>) -> Option<CarryReader> {
        let types: Vec<TypeId> = rules.rules.iter().map(|rule| rule.ty).collect();
        let mut names = holding(plan, &types)?;
        names.extend(rules.rules.iter().flat_map(|rule| rule.path.iter().flatten().copied()));
        let expressions: Vec<_> =
            rules.rules.iter().flat_map(|rule| rule.expressions().map(|node| (rule.ty, node))).collect();
        let plan = narrowed(plan, &expressions, names);
        Some(CarryReader { plan, rules: rules.clone() })
    }
}

/// Where the inner streams of a conversation are. It holds at most [`waiting::MOST_BYTES`] that wait.
#[derive(Clone, Debug)]
pub(crate) struct Carrying {
    rules: Arc<CarriesPlan>,
    settings: Arc<Settings>,
    channels: Channels,
    /// What waits, of each direction.
    waiting: [Waiting; 2],
    /// How often bytes of each direction were lost.
    losses: [u64; 2],
    /// How many.
    lost: [u64; 2],
    /// Whether the capture begins inside the conversation.
    begins_inside: bool,
}

impl Carrying {
    pub(crate) fn new(rules: &Arc<CarriesPlan>, settings: &Settings) -> Carrying {
        Carrying {
            rules: rules.clone(),
            settings: Arc::new(settings.clone()),
            channels: Channels::default(),
            waiting: Default::default(),
            losses: [0; 2],
            lost: [0; 2],
            begins_inside: false,
        }
    }

    /// How many bytes of memory it refers to.
    pub(crate) fn size(&self) -> usize {
        size_of::<Carrying>() + self.channels.size() + self.waiting.iter().map(Waiting::size).sum::<usize>()
    }

    /// What is known of the channel that it is in.
    pub(crate) fn set(&mut self, settings: &Settings) {
        self.settings = Arc::new(settings.clone());
    }

    pub(crate) fn begins_inside(&mut self) {
        self.begins_inside = true;
    }

    /// Bytes of a direction were lost, of any channel.
    pub(crate) fn lose(&mut self, role: Role, length: u64) {
        if let (Some(losses), Some(lost)) =
            (self.losses.get_mut(role.index()), self.lost.get_mut(role.index()))
        {
            *losses += 1;
            *lost = lost.saturating_add(length);
        }
    }

    fn waiting_of(&mut self, role: Role) -> &mut Waiting {
        let [client, server] = &mut self.waiting;
        if role == Role::Client { client } else { server }
    }

    /// Hands on what a message carries.
    pub(crate) fn take(
        &mut self,
        reader: &CarryReader,
        role: Role,
        message: Captured<'_, '_>,
        to: &mut dyn Carried,
    ) {
        let rules = self.rules.clone();
        self.waiting_of(role).count();
        let is_sure = with_arena(|arena| {
            let mode = if message.is_whole() { Mode::Frame } else { Mode::Full };
            let mut run = Run::of(&reader.plan, message, arena, mode);
            run.closed = true;
            let mut is_sure = run.read().is_ok();
            let (found, all) = find(&mut run, &reader.rules);
            is_sure &= all;
            for found in &found {
                self.hand_on(&rules, &run, found, role, to);
            }
            is_sure
        });
        if !is_sure {
            self.lose(role, 1);
        }
        self.give_up(&rules, role, to);
    }

    fn hand_on(
        &mut self,
        rules: &CarriesPlan,
        run: &Run<'_, '_>,
        found: &Found,
        role: Role,
        to: &mut dyn Carried,
    ) {
        let (Some(rule), Some(stream)) =
            (rules.rules.get(found.rule), rules.streams.get(usize::from(found.stream)))
        else {
            return;
        };
        let losses = self.losses.get(role.index()).copied().unwrap_or(0);
        let starts = channels::Start {
            settings: &self.settings,
            begins_inside: self.begins_inside || losses > 0,
            is_inside: self.begins_inside,
            losses: self.losses,
            lost: self.lost,
        };
        let key = (found.stream, found.channel.clone());
        let dropped = self.channels.make_room(&key);
        if !dropped.is_empty() {
            // They are in order.
            let is_gone = |place: &Place| dropped.binary_search(&place.channel).is_ok();
            self.waiting.iter_mut().for_each(|waiting| waiting.forget_if(is_gone));
        }
        let channel =
            self.channels.of(&key, stream, found, role, |lane| lane.has_just_had(run, found), &starts);
        let place = Place { channel: key, message: found.message.clone() };
        let mut out = Out {
            to,
            number: channel.number,
            role,
            about: &mut channel.about,
            is_verbatim: stream.is_verbatim,
        };
        let [client, server] = &mut self.waiting;
        let waiting = if role == Role::Client { client } else { server };
        if let Some(lane) = channel.lanes.get_mut(role.index()) {
            let lost = match stream.has_channels {
                true => 1,
                false => self.lost.get(role.index()).copied().unwrap_or(0).saturating_sub(lane.known_lost),
            };
            lane.known_lost = self.lost.get(role.index()).copied().unwrap_or(0);
            let has_lost = std::mem::replace(&mut lane.known_losses, losses) != losses;
            let lost = has_lost.then_some(lost.max(1));
            let taken = Taken { rule, stream, run, found, lost, place: &place };
            lane.take(&taken, waiting, &mut out);
        }
    }

    /// Hands on what has waited for too long, or lets it go.
    fn give_up(&mut self, rules: &CarriesPlan, role: Role, to: &mut dyn Carried) {
        let [client, server] = &mut self.waiting;
        let waiting = if role == Role::Client { client } else { server };
        while let Some((age, place)) = waiting.over() {
            let stream = rules.streams.get(usize::from(place.channel.0));
            let channel = self.channels.get_mut(&place.channel);
            let (Some(stream), Some(channel)) = (stream, channel) else {
                waiting.forget(age);
                continue;
            };
            let mut out = Out {
                to,
                number: channel.number,
                role,
                about: &mut channel.about,
                is_verbatim: stream.is_verbatim,
            };
            match channel.lanes.get_mut(role.index()) {
                Some(lane) => lane.give_up(stream, waiting, &place, &mut out),
                None => waiting.forget(age),
            }
        }
    }

    /// A direction has ended: what still waits has no place any more.
    pub(crate) fn end(&mut self, role: Role, to: &mut dyn Carried) {
        let rules = self.rules.clone();
        for (key, channel) in self.channels.iter_mut() {
            let Some(stream) = rules.streams.get(usize::from(key.0)) else { continue };
            let mut out = Out {
                to,
                number: channel.number,
                role,
                about: &mut channel.about,
                is_verbatim: stream.is_verbatim,
            };
            if let Some(lane) = channel.lanes.get_mut(role.index()) {
                lane.end_of_all(stream, &mut out);
            }
        }
        *self.waiting_of(role) = Waiting::default();
    }
}
