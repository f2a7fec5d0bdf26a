//! How the peer is after a conversation: whether it answers, rests when nothing is asked of it, and gives its memory back.

use std::time::{Duration, Instant};

use super::engine::Fuzzer;
use super::playing::Script;
use super::probe::probe;
use super::symptom::{Sign, Symptom};
use super::vitals;

/// How many conversations after which memory had grown are looked at.
const SUSPECTS: usize = 12;
/// Less growth than this is not looked into.
const GROWTH: u64 = 4 << 20;
/// How long the peer is watched to see whether it rests.
const REST: Duration = Duration::from_millis(30);

/// What is known of a program's memory.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// How much it was when it had become steady, and how many conversations had been played then.
    pub(super) base: Option<u64>,
    last: u64,
    looked: u64,
    /// How much is reached before it is looked into.
    threshold: u64,
    /// The scripts with the greatest growth.
    pub(super) suspects: Vec<(u64, Script)>,
}

impl Memory {
    /// Of a program that was started again.
    pub(super) fn again(&self) -> Memory {
        Memory { threshold: self.threshold, ..Memory::default() }
    }
}

impl Fuzzer<'_> {
    /// What is wrong with the peer, if it does not answer as it did within a time.
    pub(super) fn ask(&mut self, limit: Duration) -> Option<Symptom> {
        probe(&mut self.peer, &self.player, &self.probe, limit)
    }

    /// Whether the peer answers; and if it does not, whether it does when no connection stays.
    pub(super) fn is_well(&mut self) -> Option<Symptom> {
        let symptom = self.ask(self.hang())?;
        if self.staying.is_empty() || symptom.sign == Sign::Crash {
            return Some(symptom);
        }
        self.staying.clear();
        match self.ask(self.hang()) {
            Some(still) => Some(still),
            None => Some(blocked()),
        }
    }

    /// Whether the program computes although nothing is asked of it.
    pub(super) fn look_at_rest(&mut self) -> Option<Symptom> {
        self.rested = Instant::now();
        if !self.computes(REST) || !self.computes(REST * 5) {
            return None;
        }
        self.staying.clear();
        let is_known = self.known.keys().any(|key| key.starts_with(Sign::Busy.as_str()));
        let patience = if is_known { self.short() } else { self.settings.hang };
        self.computes(patience).then(busy)
    }

    /// Whether it computes for much of that time.
    pub(super) fn computes(&self, time: Duration) -> bool {
        let Some(before) = self.peer.processor_time() else { return false };
        let begun = Instant::now();
        std::thread::sleep(time);
        let after = self.peer.processor_time().unwrap_or(before);
        // Other programs may take most of the processors.
        after.saturating_sub(before) > begun.elapsed() / 5
    }

    /// Whether memory grows and does not come back.
    pub(super) fn look_at_memory(&mut self, script: &Script) -> Option<Symptom> {
        let every = if vitals::are_cheap() { 1 } else { 200 };
        self.memory.looked += 1;
        if !self.memory.looked.is_multiple_of(every) {
            return None;
        }
        let now = self.peer.memory()?;
        let memory = &mut self.memory;
        let grown = now.saturating_sub(memory.last);
        if memory.looked > 100 && grown > 0 {
            memory.suspects.push((grown, script.clone()));
            memory.suspects.sort_by_key(|(grown, _)| std::cmp::Reverse(*grown));
            memory.suspects.truncate(SUSPECTS);
        }
        memory.last = now;
        if memory.looked <= 100 {
            memory.base = Some(now);
            return None;
        }
        let all = now.saturating_sub(memory.base?);
        if all > self.settings.memory {
            return Some(grows());
        }
        memory.threshold = memory.threshold.max(GROWTH);
        if all < memory.threshold {
            return None;
        }
        // It may be a buffer that is as long as the longest message: only what grows on and on is a fault.
        memory.threshold = all.saturating_mul(2);
        Some(grows())
    }
}

pub(super) fn blocked() -> Symptom {
    Symptom::new(Sign::Blocked, "it answers nobody else while one connection stays open")
}

pub(super) fn busy() -> Symptom {
    Symptom::new(Sign::Busy, "it computes although no connection is open")
}

pub(super) fn grows() -> Symptom {
    Symptom::new(Sign::Memory, "its memory grows and does not come back")
}
