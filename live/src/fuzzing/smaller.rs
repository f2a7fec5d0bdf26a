//! Conversations that lead to a fault become as small as they can: fewer of them, fewer messages, simpler fields, fewer bytes.

use framescope_checking::minimise;

use super::blame::Trial;
use super::playing::{Ending, Script};
use super::speech::Speech;

/// How many changes of one message's bytes are tried.
const TRIES: usize = 300;

/// The smallest conversations found that still show the fault.
pub(super) fn smaller(speech: &Speech, mut scripts: Vec<Script>, trial: &mut Trial<'_, '_>) -> Vec<Script> {
    remove(&mut scripts, &mut |fewer| trial.shows(fewer));
    for at in 0..scripts.len() {
        plainer(&mut scripts, at, trial);
        let Some(mut says) = scripts.get(at).map(|script| script.says.clone()) else { break };
        remove(&mut says, &mut |fewer| trial.shows(&with(&scripts, at, fewer.to_vec())));
        scripts = with(&scripts, at, says);
        for number in 0..scripts.get(at).map_or(0, |script| script.says.len()) {
            simpler(speech, &mut scripts, (at, number), trial);
            shorter(&mut scripts, (at, number), trial);
        }
        // What is empty now is not said.
        if let Some(script) = scripts.get_mut(at) {
            script.says.retain(|says| !says.is_empty());
        }
    }
    scripts
}

/// The same scripts, in one of which something else is said.
fn with(scripts: &[Script], at: usize, says: Vec<Vec<u8>>) -> Vec<Script> {
    let mut other = scripts.to_vec();
    other.iter_mut().skip(at).take(1).for_each(|script| script.says.clone_from(&says));
    other
}

/// The usual end, and one message after the other, if that shows the fault too.
fn plainer(scripts: &mut Vec<Script>, at: usize, trial: &mut Trial<'_, '_>) {
    let Some(script) = scripts.get(at).cloned() else { return };
    let plain = [
        Script { in_turn: true, ending: Ending::Finish, ..script.clone() },
        Script { ending: Ending::Finish, ..script.clone() },
        Script { in_turn: true, ..script.clone() },
    ];
    for plainer in plain {
        if plainer == script {
            continue;
        }
        let mut other = scripts.clone();
        other.iter_mut().skip(at).take(1).for_each(|script| script.clone_from(&plainer));
        if trial.shows(&other) {
            *scripts = other;
            return;
        }
    }
}

/// Simpler fields.
fn simpler(speech: &Speech, scripts: &mut [Script], (at, number): (usize, usize), trial: &mut Trial<'_, '_>) {
    // What both sides said last time is what the next message is read with.
    if !trial.shows(scripts) {
        return;
    }
    loop {
        let Some(said) = trial.said.get(at).cloned() else { return };
        let now = scripts.get(at).and_then(|script| script.says.get(number)).cloned().unwrap_or_default();
        let mut candidates = speech.simpler(&said, number);
        if candidates.is_empty() && !now.is_empty() {
            candidates = speech.simpler_elsewhere(&now);
        }
        let simpler = candidates.into_iter().find(|message| {
            let Some(mut says) = scripts.get(at).map(|script| script.says.clone()) else { return false };
            let Some(old) = says.get_mut(number) else { return false };
            let is_smaller = weight(message) < weight(old);
            old.clone_from(message);
            is_smaller && trial.shows(&with(scripts, at, says))
        });
        let Some(message) = simpler else { return };
        if let Some(old) = scripts.get_mut(at).and_then(|script| script.says.get_mut(number)) {
            *old = message;
        }
    }
}

/// Fewer bytes, and zeros.
fn shorter(scripts: &mut Vec<Script>, (at, number): (usize, usize), trial: &mut Trial<'_, '_>) {
    let Some(says) = scripts.get(at).map(|script| script.says.clone()) else { return };
    let Some(message) = says.get(number) else { return };
    let other = |bytes: &[u8]| {
        let mut says = says.clone();
        says.iter_mut().skip(number).take(1).for_each(|message| *message = bytes.to_vec());
        with(scripts, at, says)
    };
    let small = minimise(message, &mut |bytes| trial.shows(&other(bytes)), TRIES);
    *scripts = other(&small);
}

fn weight(bytes: &[u8]) -> (usize, usize) {
    (bytes.len(), bytes.iter().filter(|byte| **byte != 0).count())
}

/// Removes what is not needed, in stretches of half, a quarter, and so on down to one.
fn remove<T: Clone>(all: &mut Vec<T>, still_shows: &mut dyn FnMut(&[T]) -> bool) {
    let mut stretch = all.len().div_ceil(2);
    while stretch > 0 {
        let mut at = 0;
        while at < all.len() && all.len() > 1 {
            let end = (at + stretch).min(all.len());
            let mut fewer = all.clone();
            fewer.drain(at..end);
            if !fewer.is_empty() && still_shows(&fewer) {
                *all = fewer;
            } else {
                at = end;
            }
        }
        stretch /= 2;
    }
}
