//! Whoever is held too long is given up by the service: that is no refusal, and says nothing of the limit.

use super::super::count::{Proves, Wave};
use super::super::look::{number, says_full};
use super::super::spec::Limits;
use crate::kind::{Flown, Seen};
use crate::model::quantity::show_duration;
use std::time::Duration;

/// Whoever was held for less has not been given up for that.
const LONG: Duration = Duration::from_millis(500);

/// How long a wave was held, and whether it all was still there at its release.
pub(super) struct Held {
    time: Duration,
    /// Answered, or lost, before their last byte.
    early: usize,
    /// Not taken in by the other side, in the time for it.
    unopened: usize,
    /// Not sent but for the last byte, in the time for it.
    unsent: usize,
    /// Those that waited for their last byte.
    ready: usize,
}

impl Held {
    pub(super) fn of(flown: &Flown) -> Self {
        let (unopened, unsent) = (flown.unopened, flown.unsent);
        Self { time: flown.held, early: flown.early, unopened, unsent, ready: flown.shots.len().saturating_sub(unopened + unsent) }
    }

    /// Makes a wave void some of which was given up while it was held, or did not come so far. That more were admitted than promised stays true.
    pub(super) fn judge<'s>(&self, limits: &Limits, wave: &mut Wave, all: impl Iterator<Item = &'s Seen>) {
        self.judge_way(limits, wave);
        let given_up: Vec<&Seen> = all.filter(|seen| self.is_given_up(limits, seen)).collect();
        let Some(one) = given_up.first() else { return };
        if wave.proves != Proves::Over {
            let (n, time) = (given_up.len(), show_duration(self.time));
            wave.proves = Proves::Void(format!(
                "the service gave {n} up while they were held for {time} before their last byte: {}; a higher `rate` of the environment opens them sooner",
                one.brief()
            ));
        }
    }

    /// Whoever needs a slot to take in a connection, or a long request, waits for what we hold; and we for them.
    fn judge_way(&self, limits: &Limits, wave: &mut Wave) {
        if wave.proves == Proves::Over {
            return;
        }
        let (unopened, unsent, ready) = (self.unopened, self.unsent, self.ready);
        if unsent > 0 {
            wave.void(format!(
                "{unsent} could not be sent but for their last byte while {ready} others were held: a smaller sample may do"
            ));
        } else if unopened > 0 && ready >= limits.k() as usize {
            wave.unopened = number(unopened);
            wave.void(format!(
                "{unopened} could not be opened while {ready} others were held before their last byte: a service that takes in a connection \
                 only once it has a slot for it cannot be judged so"
            ));
        }
    }

    /// A 408 is about bytes that were waited for (RFC 9110 §15.5.9). Where others were lost while they were held, so was whatever ended at the
    /// release by no word of a limit.
    fn is_given_up(&self, limits: &Limits, seen: &Seen) -> bool {
        if seen.took.lo >= LONG || seen.answered().is_some_and(|status| status < 400 || says_full(limits, status)) {
            return false;
        }
        seen.answered() == Some(408) || self.early > 0 && self.time >= LONG
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ConcurrencyLimit;
    use super::*;
    use crate::kind::Snag;
    use crate::kind::testing::spec;

    fn answered(status: u16) -> Seen {
        Seen { status: Some(status), ..Seen::default() }
    }

    fn lost() -> Seen {
        let snag = Snag { name: "eof".to_owned(), text: "closed".to_owned(), confusable: true };
        Seen { trouble: Some(snag), ..Seen::default() }
    }

    /// Whether a wave that proves this is void after it was held for so long, with so many lost before their last byte.
    #[track_caller]
    fn check(proves: Proves, ms: u64, early: usize, seen: Seen, is_void: bool) {
        let kind = spec::<ConcurrencyLimit>("{ post: /work, limit: 3 }");
        let mut wave = Wave { proves, ..Wave::default() };
        let all = [answered(200), answered(429), seen];
        Held { time: Duration::from_millis(ms), early, unopened: 0, unsent: 0, ready: 3 }.judge(&kind.spec.b, &mut wave, all.iter());
        assert_eq!(matches!(wave.proves, Proves::Void(_)), is_void, "{:?} {early} {:?}", wave.proves, all[2]);
    }

    #[test]
    fn what_was_given_up_makes_a_wave_void_and_a_refusal_at_the_head_does_not() {
        check(Proves::Kept, 2000, 1, answered(408), true);
        check(Proves::Under, 2000, 1, lost(), true);
        check(Proves::Broken, 2000, 1, answered(400), true);
        // It came with the last byte: who waited for that byte until then has just given it up.
        check(Proves::Broken, 2000, 0, answered(408), true);
        check(Proves::Broken, 2000, 0, lost(), false);
        check(Proves::Broken, 100, 1, lost(), false);
        check(Proves::Kept, 2000, 3, answered(503), false);
        check(Proves::Over, 2000, 1, answered(408), false);
    }

    /// Whether a wave that proves this is void where so many were not opened or sent while others were held.
    #[track_caller]
    fn check_way(proves: Proves, unopened: usize, unsent: usize, ready: usize, is_void: bool) {
        let kind = spec::<ConcurrencyLimit>("{ post: /work, limit: 3 }");
        let mut wave = Wave { proves, ..Wave::default() };
        Held { time: Duration::from_secs(10), early: 0, unopened, unsent, ready }.judge(&kind.spec.b, &mut wave, std::iter::empty());
        assert_eq!(matches!(wave.proves, Proves::Void(_)), is_void, "{:?} {unopened} {unsent} {ready}", wave.proves);
    }

    #[test]
    fn who_takes_in_a_connection_only_with_a_slot_for_it_is_not_blamed_for_those_we_hold() {
        check_way(Proves::Broken, 1, 0, 3, true);
        check_way(Proves::Under, 1, 0, 3, true);
        check_way(Proves::Over, 1, 0, 4, false);
        // Not even as many as promised are taken in.
        check_way(Proves::Broken, 1, 0, 2, false);
        check_way(Proves::Broken, 0, 1, 2, true);
        check_way(Proves::Broken, 0, 0, 3, false);
    }
}
